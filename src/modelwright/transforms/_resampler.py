"""Rows of rare classes repeated or made, rows of common ones left out."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator

from modelwright.errors import NotApplicable
from modelwright.transforms._frames import Array
from modelwright.transforms._related import fill_median


class Resampler(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Changes training rows; see the members of this module.

    Args:
        method: ``oversample``, ``undersample``, ``smote``, ``borderline_smote``, ``adasyn`` or ``smote_tomek``.
        target_ratio: size of rare classes in relation to the commonest afterwards.
        k_neighbors: neighbours that new rows are made between; fewer where a class is small.
        seed: of all random choices.
    """

    def __init__(self, method: str, target_ratio: float, k_neighbors: int, seed: int) -> None:
        self.method, self.target_ratio, self.k_neighbors, self.seed = method, target_ratio, k_neighbors, seed

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Array]:
        """The rows to fit on: an array, CSR matrix or frame as it came, and the target.

        Raises:
            NotApplicable: when the classes are balanced enough already, or there is only one.
        """
        goal = np.asarray(y)
        classes, counts = np.unique(goal, return_counts=True)
        sizes = dict(zip(classes.tolist(), counts.tolist(), strict=True))
        if len(sizes) < 2:
            raise NotApplicable(f"{self.method}: there is only one class")
        ratio = min(self.target_ratio, 1.0)
        if self.method == "undersample":
            most = max(int(min(sizes.values()) / ratio), 20)
            wanted = {c: most for c, size in sizes.items() if size > most}
        else:
            least = int(max(sizes.values()) * ratio)
            wanted = {c: least for c, size in sizes.items() if size < least}
        if not wanted:
            raise NotApplicable(f"{self.method}: no class is rarer than {ratio:g} times the commonest")
        if self.method in ("oversample", "undersample"):
            rows = self._positions(goal, wanted)
            return _take(X, rows), goal[rows]
        return self._synthesise(X, goal, sizes, wanted)

    def _positions(self, goal: Array, wanted: dict[int, int]) -> Array:
        """Row positions so that each class has the wanted number of rows, others as they are."""
        from imblearn.over_sampling import RandomOverSampler
        from imblearn.under_sampling import RandomUnderSampler

        sampler = RandomOverSampler if self.method == "oversample" else RandomUnderSampler
        chosen = sampler(sampling_strategy=wanted, random_state=self.seed)
        chosen.fit_resample(np.zeros((len(goal), 1)), goal)
        return np.sort(chosen.sample_indices_) if self.method == "undersample" else chosen.sample_indices_

    def _synthesise(self, X: Any, goal: Array, sizes: dict[int, int], wanted: dict[int, int]) -> tuple[Any, Array]:
        """Add rows between neighbours of a class. Classes of a single row, which has none, are repeated instead."""
        space = _Space(X)
        made, labels = [], []
        for label, size in wanted.items():
            if sizes[label] > 1:
                new = self._neighbours(space, goal, label, sizes[label], size)
            else:
                new = np.repeat(space.points[np.flatnonzero(goal == label)], size - sizes[label], axis=0)
            made.append(new)
            labels.append(np.full(len(new), label, dtype=goal.dtype))
        rows, y = space.extend(made), np.concatenate([goal, *labels])
        if self.method != "smote_tomek":
            return rows, y
        from imblearn.under_sampling import TomekLinks

        links = TomekLinks(sampling_strategy="all")
        links.fit_resample(np.vstack([space.points, *made]), y)
        return _take(rows, links.sample_indices_), y[links.sample_indices_]

    def _neighbours(self, space: _Space, goal: Array, label: int, have: int, want: int) -> Array:
        from imblearn.over_sampling import ADASYN, SMOTE, SMOTEN, SMOTENC, BorderlineSMOTE

        k = min(self.k_neighbors, have - 1)
        options: dict[str, Any] = {"sampling_strategy": {label: want}, "random_state": self.seed}
        if space.categorical.all():
            model = SMOTEN(k_neighbors=k, **options)
        elif space.categorical.any():
            model = SMOTENC(categorical_features=np.flatnonzero(space.categorical), k_neighbors=k, **options)
        else:
            model = SMOTE(k_neighbors=k, **options)
            if self.method == "adasyn":
                special = ADASYN(n_neighbors=k, **options)
            else:
                special = BorderlineSMOTE(k_neighbors=k, m_neighbors=min(10, len(goal) - 1), **options)
            if self.method in ("adasyn", "borderline_smote"):
                with warnings.catch_warnings(), contextlib.suppress(ValueError, RuntimeError):
                    warnings.simplefilter("ignore")
                    new = special.fit_resample(space.points, goal)[0][len(goal) :]
                    if len(new):
                        return np.asarray(new, dtype=np.float64)
                # Where no row of the class is near others, these two make nothing or give up: plain SMOTE then.
        points, _ = model.fit_resample(space.points, goal)
        return np.asarray(points[len(goal) :], dtype=np.float64)


class _Space:
    """Rows as points among which neighbours are sought: nothing missing, numbers scaled, categories as codes."""

    def __init__(self, X: Any) -> None:
        self.given = X
        dense = X.toarray() if sparse.issparse(X) else X
        if isinstance(dense, pd.DataFrame):
            kinds = [isinstance(dtype, pd.CategoricalDtype) for dtype in dense.dtypes]
            self.categorical = np.array(kinds, dtype=bool)
            columns = [_codes(dense[name]) if code else dense[name].to_numpy(dtype=np.float64)
                       for name, code in zip(dense.columns, kinds, strict=True)]  # fmt: skip
            raw = np.column_stack(columns)
        else:
            raw = np.asarray(dense, dtype=np.float64)
            self.categorical = np.zeros(raw.shape[1], dtype=bool)
        full = fill_median(raw)
        self.centre, self.spread = np.median(full, axis=0), np.clip(full, -1e100, 1e100).std(axis=0)
        self.spread = np.where((self.spread > 0) & ~self.categorical, self.spread, 1.0)
        self.centre = np.where(self.categorical, 0.0, self.centre)
        self.points: Array = (full - self.centre) / self.spread

    def extend(self, made: list[Array]) -> Any:
        """The given rows as they came, then new ones in the same form."""
        new = np.vstack(made) * self.spread + self.centre
        if sparse.issparse(self.given):
            new[np.abs(new) < 1e-12] = 0.0
            return sparse.vstack([self.given, sparse.csr_matrix(new)], format="csr")
        if not isinstance(self.given, pd.DataFrame):
            return np.vstack([self.given, new])
        columns: dict[Any, Any] = {}
        for j, (name, column) in enumerate(self.given.items()):
            if self.categorical[j]:
                codes = np.concatenate([column.cat.codes.to_numpy(), np.round(new[:, j]).astype(np.int64) - 1])
                columns[name] = pd.Categorical.from_codes(codes.astype(np.int64), dtype=column.dtype)  # type: ignore[call-overload]  # stubs
            else:
                columns[name] = np.concatenate([column.to_numpy(dtype=np.float64), new[:, j]])
        return pd.DataFrame(columns)


def _codes(series: pd.Series[Any]) -> Array:
    """Category codes from 1, missing as 0: a level like any other when rows are compared."""
    return series.cat.codes.to_numpy().astype(np.float64) + 1.0


def _take(X: Any, rows: Array) -> Any:
    return X.iloc[rows].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[rows]
