"""Choosing among the columns of a frame."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import Array, column, names_of
from modelwright.transforms._related import fill_median, plain_matrix, relation, sample_rows, top


class Selector(FrameTransformer):
    """Shared: keeps the columns that ``_chosen`` names, the protected ones and the texts.

    Args:
        options: the parameters of the transform, as declared.
        protected: columns of the problem that later steps may need (time, group).
        n_classes: number of classes; 0 for regression.
        seed: for samples and models.
        threads: for models.
    """

    what: ClassVar[str]

    def __init__(self, options: Any, protected: Any, n_classes: int, seed: int, threads: int) -> None:
        self.options, self.protected, self.n_classes = options, protected, n_classes
        self.seed, self.threads = seed, threads

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        named = [column(X, name, self.what) for name in self.options["keep_columns"] or ()]
        always = {*named, *self.protected, *names_of(X, "text")}
        candidates = [str(name) for name in X.columns if name not in always]
        if not candidates:
            raise NotApplicable(f"{self.what}: there are no columns to choose from")
        rows = sample_rows(len(X), self.seed, 50_000)
        chosen = self._chosen(X.iloc[rows], candidates, None if y is None else y[rows])
        if not chosen and not always & set(X.columns):
            raise NotApplicable(f"{self.what}: no column would be left")
        self.uses_ = [str(name) for name in X.columns if name in always or name in set(chosen)]

    def _chosen(self, X: pd.DataFrame, names: list[str], y: Any) -> list[str]:
        raise NotImplementedError

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return X[self.uses_]


def _need_target(y: Any, what: str) -> None:
    if y is None:
        raise NotApplicable(f"{what} needs a target")


class BestSelector(Selector):
    """See :class:`SelectKBest`."""

    what = "select_k_best"

    def _chosen(self, X: pd.DataFrame, names: list[str], y: Any) -> list[str]:
        _need_target(y, self.what)
        values, codes = plain_matrix(X, names)
        figures = relation(values, y, self.n_classes, self.seed, self.options["method"], codes)
        return top(names, figures, self.options["k"])


class VarianceSelector(Selector):
    """See :class:`VarianceThreshold`."""

    what = "variance_threshold"

    def _chosen(self, X: pd.DataFrame, names: list[str], y: Any) -> list[str]:
        values, codes = plain_matrix(X, names)
        with np.errstate(all="ignore"):
            variance = np.var(np.clip(fill_median(values), -1e100, 1e100), axis=0)
        lost = np.isnan(values)
        varied = (variance > 0) | (lost.any(axis=0) & ~lost.all(axis=0))
        enough = np.where(codes, varied, (variance > self.options["threshold"]) | (varied & (variance == 0)))
        return [name for name, fine in zip(names, enough, strict=True) if fine]


class CorrelationSelector(Selector):
    """See :class:`CorrelationFilter`."""

    what = "correlation_filter"

    def _chosen(self, X: pd.DataFrame, names: list[str], y: Any) -> list[str]:
        numeric = set(names_of(X, "numeric"))
        compared = [name for name in names if name in numeric]
        values, _ = plain_matrix(X, compared)
        strength = relation(values, y, self.n_classes, self.seed)
        together = _rank_correlation(values[sample_rows(len(values), self.seed)])
        dropped: set[int] = set()
        for j in np.argsort(-strength, kind="stable").tolist():
            if j not in dropped:
                twins = np.flatnonzero(together[j] > self.options["threshold"]).tolist()
                dropped |= {i for i in twins if i != j and strength[i] <= strength[j]}
        gone = {compared[j] for j in dropped}
        return [name for name in names if name not in gone]


def _rank_correlation(values: Array) -> Array:
    """Absolute rank correlations, 0 for columns that don't vary."""
    if not values.shape[1] or len(values) < 3:
        return np.zeros((values.shape[1], values.shape[1]))
    ranks = pd.DataFrame(fill_median(values)).rank().to_numpy()
    centred = ranks - ranks.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(norm > 0, norm, 1.0)
    result: Array = np.abs(unit.T @ unit)
    return result


class ModelSelector(Selector):
    """See :class:`SelectByModel`."""

    what = "select_by_model"

    def _chosen(self, X: pd.DataFrame, names: list[str], y: Any) -> list[str]:
        _need_target(y, self.what)
        if len(X) < 10:
            raise NotApplicable("select_by_model: ten rows are the least that a model says anything about")
        values, _ = plain_matrix(X, names)
        rng = np.random.default_rng(self.seed)
        # Columns of pure chance show how much importance comes from nothing.
        chance = rng.normal(size=(len(values), 3))
        figures = self._importances(np.hstack([np.clip(values, -3e38, 3e38), chance]), y)
        own, noise = figures[: len(names)], figures[len(names) :]
        if self.options["k"] is not None:
            return top(names, own, self.options["k"])
        return [name for name, figure in zip(names, own, strict=True) if figure > noise.mean()]

    def _importances(self, values: Array, y: Any) -> Array:
        if self.options["model"] == "extra_trees":
            from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

            forest = ExtraTreesClassifier if self.n_classes else ExtraTreesRegressor
            model = forest(100, min_samples_leaf=3, n_jobs=self.threads, random_state=self.seed)
        else:
            from lightgbm import LGBMClassifier, LGBMRegressor

            booster = LGBMClassifier if self.n_classes else LGBMRegressor
            model = booster(
                n_estimators=100, learning_rate=0.1, colsample_bytree=0.5, importance_type="gain", verbosity=-1,
                n_jobs=self.threads, random_state=self.seed, deterministic=True, force_row_wise=True,
            )  # fmt: skip
        return np.asarray(model.fit(values, y).feature_importances_, dtype=np.float64)
