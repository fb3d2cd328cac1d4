"""What presents a frame of mixed columns to an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._blocks import (
    Bags,
    Block,
    Codes,
    Cycles,
    Dates,
    Frequencies,
    Indicators,
    Means,
    Numbers,
    TextCounts,
    TextNumbers,
    training_goals,
)  # fmt: skip
from modelwright.transforms._frames import Array, categorical, names_of
from modelwright.transforms._levels import Levels
from modelwright.transforms._scaling import NumericScaler, Scaling, to_unit

FLOAT32 = 3.0e38
"""Many tree libraries convert to 32 bits; beyond this size that would give infinities."""

TAILS = (0.005, 0.002)
"""Share of the rows at either end of a number whose values are brought in, for values and for classes, which often are
about what is rare. None in time: what grows goes on to grow."""


class _Viewer(FrameTransformer):
    """Shared: blocks of numbers with gaps (``inner_``) and blocks that are ready for any estimator (``outer_``)."""

    seed: int
    n_classes: int
    time_column: str | None

    def _recurring(self, name: str) -> bool:
        """Whether new rows are later than all others by this column."""
        return name == self.time_column

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self._fit(X, y, cross_fit=False)

    def _learn_apply(self, X: pd.DataFrame, y: Any) -> Any:
        return self._fit(X, y, cross_fit=True)

    def _fit(self, X: pd.DataFrame, y: Any, cross_fit: bool) -> Any:
        goals, fold = training_goals(y, self.n_classes, self.seed)
        self.uses_ = [str(name) for name in X.columns]
        self.inner_, self.outer_ = self._plan(X)
        parts = [b.learn_apply(X, goals, fold if cross_fit else None) for b in self.inner_]
        self.inner_ = [b for b in self.inner_ if b.names]
        values = np.hstack([np.empty((len(X), 0)), *parts])
        outer = [b.learn_apply(X, goals, fold if cross_fit else None) for b in self.outer_]
        self.outer_ = [b for b in self.outer_ if b.names]
        return self._finish(X, values, [m for m in outer if m.shape[1]], fitting=True)

    def _apply(self, X: pd.DataFrame) -> Any:
        values = np.hstack([np.empty((len(X), 0)), *(b.apply(X) for b in self.inner_)])
        return self._finish(X, values, [b.apply(X) for b in self.outer_], fitting=False)

    def _inner_names(self) -> list[str]:
        return [name for block in self.inner_ for name in block.names]

    def _outer_names(self) -> list[str]:
        return [name for block in self.outer_ for name in block.names]

    def _plan(self, X: pd.DataFrame) -> tuple[list[Block], list[Block]]:
        raise NotImplementedError

    def _finish(self, X: pd.DataFrame, values: Array, outer: list[Any], fitting: bool) -> Any:
        raise NotImplementedError

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """What the result's columns are, in words."""
        return np.array(self.names_, dtype=object)


def _informative_levels(X: pd.DataFrame) -> dict[str, Levels]:
    """The levels of the category columns that can tell rows apart."""
    found = {name: Levels.learn(X[name]) for name in names_of(X, "category")}
    return {name: levels for name, levels in found.items() if len(levels) > 1 or 0 < levels.counts.sum() < len(X)}


def _or_nothing(values: Array) -> Array:
    """A matrix of at least one column: an estimator can't be fitted on none."""
    return values if values.shape[1] else np.zeros((len(values), 1))


class TreeView(_Viewer):
    """One number a column, missing kept as NaN; see :class:`Trees` for the parameters."""

    def __init__(
        self, order: str, max_levels_onehot: int, target_levels: int, smoothing: float, n_components: int,
        max_text_features: int, n_classes: int, seed: int, time_column: str | None = None,
    ) -> None:  # fmt: skip
        self.time_column = time_column
        self.order, self.max_levels_onehot, self.target_levels = order, max_levels_onehot, target_levels
        self.smoothing, self.n_components, self.max_text_features = smoothing, n_components, max_text_features
        self.n_classes, self.seed = n_classes, seed

    def _plan(self, X: pd.DataFrame) -> tuple[list[Block], list[Block]]:
        inner: list[Block] = [Numbers(names_of(X, "numeric"))]
        inner += [Dates(name, recurring=self._recurring(name)) for name in names_of(X, "datetime")]
        onehot: dict[str, Levels] = {}
        for name, levels in _informative_levels(X).items():
            if 2 < len(levels) <= self.max_levels_onehot:
                onehot[name] = levels
                continue
            if levels.counts[0] > 1 or len(levels) <= 2:  # where every row has its own level, codes are noise
                inner.append(Codes(name, levels, self.order == "natural"))
            if len(levels) > self.target_levels:
                inner += [Means(name, levels, self.smoothing), Frequencies(name, levels)]
        for name in names_of(X, "text"):
            inner.append(TextNumbers(name, self.n_components, self.max_text_features, self.seed))
        return inner, [Indicators(list(onehot), list(onehot.values()), self.max_levels_onehot, 1)] if onehot else []

    def _finish(self, X: pd.DataFrame, values: Array, outer: list[Any], fitting: bool) -> Array:
        if fitting:
            self.names_ = self._inner_names() + self._outer_names() or ["(nothing)"]
        result = np.hstack([values, *(m.toarray() for m in outer)]) if outer else values
        return _or_nothing(np.clip(result, -FLOAT32, FLOAT32))


class NativeView(_Viewer):
    """Numbers and categories with fixed levels; see :class:`Native` for the parameters."""

    def __init__(
        self, max_levels: int, min_count: int, smoothing: float, n_components: int, max_text_features: int,
        n_classes: int, seed: int, monotone: dict[str, int] | None = None, time_column: str | None = None,
    ) -> None:  # fmt: skip
        self.time_column = time_column
        self.max_levels, self.min_count, self.smoothing = max_levels, min_count, smoothing
        self.monotone = monotone
        self.n_components, self.max_text_features = n_components, max_text_features
        self.n_classes, self.seed = n_classes, seed

    def _plan(self, X: pd.DataFrame) -> tuple[list[Block], list[Block]]:
        inner: list[Block] = [Numbers(names_of(X, "numeric"))]
        inner += [Dates(name, recurring=self._recurring(name)) for name in names_of(X, "datetime")]
        self.kept_: dict[str, Levels] = {}
        self.pooled_: dict[str, str] = {}
        for name, levels in _informative_levels(X).items():
            kept = levels.most_frequent(self.max_levels, self.min_count if len(levels) > 2 else 1)
            if len(kept) < len(levels):
                kept = kept.most_frequent(self.max_levels - 1)
                self.pooled_[name] = _free_label(levels)
            if len(kept) or name in self.pooled_:
                self.kept_[name] = kept
            if len(levels) > self.max_levels:
                inner += [Means(name, levels, self.smoothing), Frequencies(name, levels)]
        for name in names_of(X, "text"):
            inner.append(TextNumbers(name, self.n_components, self.max_text_features, self.seed))
        return inner, []

    def _finish(self, X: pd.DataFrame, values: Array, outer: list[Any], fitting: bool) -> pd.DataFrame:
        if fitting:
            self.names_ = self._inner_names() + list(self.kept_) or ["(nothing)"]
            self.rare_ = {n: _rare_levels(X[n], self.kept_[n]) for n in self.pooled_}
        if not values.shape[1] and not self.kept_:
            values = np.zeros((len(X), 1))
        # Numbers come first; a demanded direction is told to the estimator by the label.
        demanded, numbers = getattr(self, "monotone", None) or {}, self.inner_[0] if self.inner_ else None
        arrows = [{1: "↑", -1: "↓"}.get(demanded.get(n, 0), "") for n in numbers.names] if demanded and numbers else []
        arrows += [""] * (values.shape[1] - len(arrows))
        columns: dict[str, Any] = {f"f{j}{arrow}": values[:, j] for j, arrow in enumerate(arrows)}
        for name, kept in self.kept_.items():
            codes, labels = kept.codes(X[name]), list(kept.texts)
            if name in self.pooled_:
                labels.append(self.pooled_[name])
                rare = self.rare_[name].codes(X[name]) >= 0
                codes = np.where(rare, len(kept), codes)
            columns[f"f{len(columns)}"] = categorical(np.maximum(codes, -1), labels)
        return pd.DataFrame(columns, index=X.index)


def _free_label(levels: Levels) -> str:
    label = "(other)"
    while label in levels.texts:
        label += "'"
    return label


def _rare_levels(series: pd.Series[Any], kept: Levels) -> Levels:
    every, common = Levels.learn(series), set(kept.texts)
    counts = zip(every.texts, every.counts.tolist(), strict=True)
    return Levels({text: count for text, count in counts if text not in common})


class ScaledView(_Viewer):
    """Scaled numbers, indicators, text: what :class:`Linear`, :class:`Dense` and :class:`Positive` build."""

    def __init__(
        self, scaling: Scaling, clip: float, tame_skew: bool, min_count: int, max_levels: int, target_levels: int,
        smoothing: float, n_components: int, max_text_features: int, max_columns: int, compact: bool, unit: bool,
        n_classes: int, seed: int, time_column: str | None = None,
    ) -> None:  # fmt: skip
        self.time_column = time_column
        self.scaling, self.clip, self.tame_skew = scaling, clip, tame_skew
        self.min_count, self.max_levels, self.target_levels = min_count, max_levels, target_levels
        self.smoothing, self.n_components, self.max_text_features = smoothing, n_components, max_text_features
        self.max_columns, self.compact, self.unit = max_columns, compact, unit
        self.n_classes, self.seed = n_classes, seed

    def _plan(self, X: pd.DataFrame) -> tuple[list[Block], list[Block]]:
        dates, words = names_of(X, "datetime"), names_of(X, "text")
        inner: list[Block] = [Numbers(names_of(X, "numeric")), *(self._dates(name) for name in dates)]
        onehot: dict[str, Levels] = {}
        for name, levels in _informative_levels(X).items():
            many = len(levels) > self.target_levels
            if many:
                inner += [Means(name, levels, self.smoothing, logits=self.n_classes > 0), Frequencies(name, levels)]
            if not (many and self.compact):
                onehot[name] = levels
        if self.compact:
            inner += [TextNumbers(name, self.n_components, self.max_text_features, self.seed) for name in words]
        else:
            inner += [TextCounts(name) for name in words]
        outer: list[Block] = [Cycles(name, recurring=self._recurring(name)) for name in dates]
        if onehot:
            outer.append(Indicators(list(onehot), list(onehot.values()), self.max_levels, self.min_count))
        if not self.compact:
            outer += [Bags(name, self.max_text_features, self.seed) for name in words]
        return inner, outer

    def _dates(self, name: str) -> Block:
        """A date's parts that a weighted sum can use.

        Within a year, the month and the day of the year are other clocks beside the elapsed days; a weighted sum plays
        them off against each other and goes astray at the turn of the year.
        """
        return Dates(name, ("month", "day_of_year"), self._recurring(name))

    def _finish(self, X: pd.DataFrame, values: Array, outer: list[Any], fitting: bool) -> Any:
        if fitting:
            tails = 0.0 if self.time_column else TAILS[self.n_classes > 0]
            self.scaler_ = NumericScaler(self.scaling, self.clip, self.tame_skew, self.seed, tails).fit(values)
            self.names_ = self.scaler_.names(self._inner_names()) + self._outer_names() or ["(nothing)"]
            # Below a hundred columns dense products are quicker, and some solvers only take dense.
            self.sparse_ = not self.compact and sum(m.shape[1] for m in outer) > 100
        scaled = self.scaler_.transform(values)
        if self.sparse_:
            return sparse.hstack([sparse.csr_matrix(scaled), *map(sparse.csr_matrix, outer)], format="csr")
        dense = _or_nothing(np.hstack([scaled, *(m.toarray() if sparse.issparse(m) else m for m in outer)]))
        return self._unit(self._narrow(dense, fitting), fitting)

    def _narrow(self, values: Array, fitting: bool) -> Array:
        """With too many columns, their main directions instead."""
        if not self.compact or values.shape[1] <= self.max_columns:
            return values
        if fitting:
            # A hundred directions hold most of what wide data says; each further one costs as much as the first.
            size = min(self.max_columns, 100, max(1, len(values) - 1))
            from sklearn.decomposition import TruncatedSVD

            self.reducer_ = TruncatedSVD(size, n_iter=2, random_state=self.seed).fit(values)
            self.names_ = [f"component_{i + 1}" for i in range(size)]
        if not len(values):
            return np.empty((0, len(self.names_)))
        return np.asarray(self.reducer_.transform(values))

    def _unit(self, values: Array, fitting: bool) -> Array:
        if not self.unit:
            return values
        if fitting:
            self.low_, self.high_ = values.min(axis=0, initial=np.inf), values.max(axis=0, initial=-np.inf)
        return to_unit(values, self.low_, self.high_)
