"""Rows compared with others like them: bins, counts, statistics of groups, distances to clusters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.preprocessing import KBinsDiscretizer

from modelwright.errors import NotApplicable
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import Array, add_columns, categorical, choose, numbers
from modelwright.transforms._keys import combined
from modelwright.transforms._levels import Levels
from modelwright.transforms._related import fill_median, relation, sample_rows, top

HUGE = 1e100
"""Larger values are taken as this: their squares would overflow."""


class Binner(FrameTransformer):
    """See :class:`Binning` for the parameters."""

    def __init__(self, strategy: str, bins: int, columns: Any, seed: int) -> None:
        self.strategy, self.bins, self.columns, self.seed = strategy, bins, columns, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        names = choose(X, self.columns, ("numeric",), "binning")
        values = np.clip(numbers(X, names), -HUGE, HUGE)
        found = {name: self._edges(values[:, j]) for j, name in enumerate(names)}
        self.uses_ = [name for name in names if len(found[name])]
        self.edges_ = [found[name] for name in self.uses_]
        if not self.uses_:
            raise NotApplicable("binning: no numeric column has more than one value")

    def _edges(self, values: Array) -> Array:
        """The inner edges of the bins; none for a column that doesn't vary."""
        known = np.unique(values[~np.isnan(values)])
        if len(known) < 2:
            return np.empty(0)
        if len(known) <= self.bins:
            middles: Array = known[:-1] + np.diff(known) / 2
            return middles
        sample = values[~np.isnan(values)]
        sample = sample[sample_rows(len(sample), self.seed, 50_000)]
        if self.strategy == "quantile":
            return np.unique(np.quantile(sample, np.linspace(0, 1, self.bins + 1)[1:-1]))
        if self.strategy == "kmeans" and len(np.unique(sample)) <= self.bins:
            return np.unique(sample)[1:]
        model = KBinsDiscretizer(self.bins, encode="ordinal", strategy=self.strategy, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fewer bins than asked for are fine
            return np.unique(model.fit(sample.reshape(-1, 1)).bin_edges_[0][1:-1])

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        made = {}
        for name, edges in zip(self.uses_, self.edges_, strict=True):
            values = numbers(X, [name])[:, 0]
            codes = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
            made[f"{name}_bin"] = categorical(codes, [str(i) for i in range(len(edges) + 1)])
        return add_columns(X, made)


class Counter(FrameTransformer):
    """See :class:`Counts` for the parameters."""

    def __init__(self, columns: Any, together: bool) -> None:
        self.columns, self.together = columns, together

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("category",), "counts")
        together = self.together and len(self.uses_) > 1
        self.keys_ = [self.uses_] if together else [[name] for name in self.uses_]
        self.levels_ = [Levels.learn(self._series(X, key)) for key in self.keys_]

    def _series(self, X: pd.DataFrame, key: list[str]) -> pd.Series[Any]:
        return X[key[0]] if len(key) == 1 else pd.Series(combined([X[name] for name in key]), index=X.index)

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        made = {}
        for key, levels in zip(self.keys_, self.levels_, strict=True):
            table = np.append(levels.counts.astype(np.float64), [np.nan, 0.0])  # then MISSING, UNSEEN
            made[f"{' & '.join(key)}_count"] = table[levels.codes(self._series(X, key))]
        return add_columns(X, made)


class GroupStatistician(FrameTransformer):
    """See :class:`GroupStatistics` for the parameters."""

    def __init__(self, by: Any, columns: Any, difference: bool, max_columns: int, n_classes: int, seed: int) -> None:
        self.by, self.columns, self.difference, self.max_columns = by, columns, difference, max_columns
        self.n_classes, self.seed = n_classes, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        by = choose(X, self.by, ("category",), "group_statistics")
        levels = {name: Levels.learn(X[name]) for name in by}
        if self.by is None:
            by = [n for n in by if 2 <= len(levels[n]) <= max(2, len(X) // 5)]
            by = sorted(by, key=lambda n: -len(levels[n]))[:3]
            if not by:
                raise NotApplicable("group_statistics: no category has levels with several rows each")
        names = choose(X, self.columns, ("numeric",), "group_statistics")
        if self.columns is None and len(names) > self.max_columns:
            rows = sample_rows(len(X), self.seed)
            figures = relation(numbers(X.iloc[rows], names), None if y is None else y[rows], self.n_classes, self.seed)
            names = top(names, figures, self.max_columns)
        self.by_, self.names_, self.levels_ = by, names, [levels[name] for name in by]
        self.uses_ = [*by, *names]
        values = np.clip(numbers(X, names), -HUGE, HUGE)
        self.tables_ = [_statistics(lev.codes(X[n]), len(lev), values) for n, lev in zip(by, self.levels_, strict=True)]

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        values, made = np.clip(numbers(X, self.names_), -HUGE, HUGE), {}
        for by, levels, table in zip(self.by_, self.levels_, self.tables_, strict=True):
            codes = levels.codes(X[by])
            for j, name in enumerate(self.names_):
                mean, std = table[codes, j, 0], table[codes, j, 1]
                made[f"{name}_mean_by_{by}"], made[f"{name}_std_by_{by}"] = mean, std
                if self.difference:
                    made[f"{name}_minus_mean_by_{by}"] = values[:, j] - mean
        return add_columns(X, made)


def _statistics(codes: Array, n_levels: int, values: Array) -> Array:
    """Mean and standard deviation of each column for each level, (levels + 2, k, 2); unseen levels get the overall."""
    table = np.full((n_levels + 2, values.shape[1], 2), np.nan)
    place = np.where(codes < 0, codes + n_levels + 2, codes)
    for j in range(values.shape[1]):
        known = ~np.isnan(values[:, j])
        own, value = place[known], values[known, j]
        if not len(value):
            continue
        count = np.bincount(own, minlength=n_levels + 2)
        mean = np.bincount(own, weights=value, minlength=n_levels + 2) / np.maximum(count, 1)
        spread = np.bincount(own, weights=(value - mean[own]) ** 2, minlength=n_levels + 2)
        table[:, j, 0] = np.where(count > 0, mean, value.mean())
        table[:, j, 1] = np.where(count > 1, np.sqrt(spread / np.maximum(count - 1, 1)), value.std())
    return table


def standardise_for_distance(values: Array) -> tuple[Array, Array, Array]:
    """Medians filled in and columns scaled, with the median and the spread they were scaled by."""
    ready = fill_median(values)
    centre, spread = np.median(ready, axis=0), ready.std(axis=0)
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
    return (ready - centre) / spread, centre, spread


class ClusterMeter(FrameTransformer):
    """See :class:`ClusterDistances` for the parameters."""

    def __init__(self, clusters: int, columns: Any, seed: int) -> None:
        self.clusters, self.columns, self.seed = clusters, columns, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("numeric",), "cluster_distances")
        ready, self.centre_, self.spread_ = standardise_for_distance(self._read(X))
        sample = ready[sample_rows(len(ready), self.seed, 20_000)]
        distinct = len(np.unique(sample, axis=0))
        if distinct < 2:
            raise NotApplicable("cluster_distances: the numeric columns don't vary")
        self.model_ = KMeans(min(self.clusters, distinct), n_init=3, random_state=self.seed).fit(sample)

    def _read(self, X: pd.DataFrame) -> Array:
        # Squares of standardised values of this size stay finite, and no distance hangs on a single outlier's digits.
        return np.clip(numbers(X, self.uses_), -1e15, 1e15)

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        values = self._read(X)
        ready = (np.where(np.isnan(values), self.centre_, values) - self.centre_) / self.spread_
        count = self.model_.n_clusters
        distances = self.model_.transform(ready) if len(ready) else np.empty((0, count))
        return add_columns(X, {f"cluster_{k + 1}_distance": distances[:, k] for k in range(count)})
