"""The levels of a category column as they were in training, and what is learnt from the target about them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from modelwright.table import occurring
from modelwright.transforms._frames import Array

MISSING, UNSEEN = -2, -1


class Levels:
    """Training levels, most frequent first (ties by text), with their counts.

    Frames are read through their own category sets, so mapping a column costs one look-up a level, not a row.
    The levels are stored as one JSON text: an archive with one node a level would take seconds to read.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        self.texts = [text for text, _ in ranked]
        self.counts = np.array([count for _, count in ranked], dtype=np.int64)
        self._position = {text: i for i, text in enumerate(self.texts)}

    @classmethod
    def learn(cls, series: pd.Series[Any]) -> Levels:
        """Count the levels of a column; categories without rows aren't levels."""
        values = _categorical(series)
        tally = np.bincount(values.codes[values.codes >= 0], minlength=len(values.categories))
        counts: Counter[str] = Counter()
        for level, count in zip(values.categories, tally.tolist(), strict=True):
            if count:
                counts[str(level)] += count
        return cls(counts)

    def __len__(self) -> int:
        return len(self.texts)

    def __getstate__(self) -> dict[str, Any]:
        return {"levels": json.dumps(self.texts), "counts": self.counts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(dict(zip(json.loads(state["levels"]), state["counts"].tolist(), strict=True)))  # type: ignore[misc]  # as made

    def codes(self, series: pd.Series[Any]) -> Array:
        """Positions in ``texts``, ``UNSEEN`` for levels that training didn't have, ``MISSING`` for no value."""
        texts, places = occurring(_categorical(series))
        found = [MISSING if text is None else self._position.get(text, UNSEEN) for text in texts]
        result: Array = np.array(found, dtype=np.int64)[places]
        return result

    def most_frequent(self, limit: int, min_count: int = 1) -> Levels:
        """The commonest levels: at most ``limit``, each with at least ``min_count`` training rows."""
        kept = min(limit, int((self.counts >= min_count).sum()))
        return Levels(dict(zip(self.texts[:kept], self.counts[:kept].tolist(), strict=True)))

    def natural_ranks(self) -> Array:
        """For each level its rank in natural order: numbers by value, then texts."""
        ranks = np.empty(len(self.texts), dtype=np.int64)
        ranks[sorted(range(len(self.texts)), key=lambda i: _natural(self.texts[i]))] = np.arange(len(self.texts))
        return ranks


def _natural(text: str) -> tuple[int, float, str]:
    try:
        value = float(text)
    except ValueError:
        return (1, 0.0, text)
    return (0, value, text) if value == value else (1, 0.0, text)


def _categorical(series: pd.Series[Any]) -> pd.Categorical:
    values = series.array
    return values if isinstance(values, pd.Categorical) else pd.Categorical(series)


def responses(y: Any, n_classes: int) -> Array:
    """The target as columns to take means of: the values; for two classes the second; else one a class."""
    values = np.asarray(y)
    if n_classes == 0:
        return values.astype(np.float64).reshape(-1, 1)
    if n_classes <= 2:
        return np.asarray(values == 1, dtype=np.float64).reshape(-1, 1)
    return np.asarray(values[:, None] == np.arange(n_classes), dtype=np.float64)


def fold_of_rows(y: Any, n_classes: int, seed: int, folds: int = 5) -> Array:
    """A fold for each row, at random, with the classes (or the range of the target) spread evenly."""
    values = np.asarray(y)
    shuffled = np.random.default_rng(seed).permutation(len(values))
    order = shuffled[np.argsort(values[shuffled], kind="stable")] if n_classes else shuffled
    assignment = np.empty(len(values), dtype=np.int64)
    assignment[order] = np.arange(len(values)) % folds
    return assignment


class TargetMeans:
    """Smoothed means of the target for each code: (sum + m · overall mean) / (rows + m).

    Missing is a code of its own; unseen codes get the overall mean. The scheme is that of Micci-Barreca (2001);
    training rows get the means of the other folds, or they would see their own target.

    Args:
        smoothing: m, the weight of the overall mean in rows.
    """

    def __init__(self, smoothing: float = 10.0) -> None:
        self.smoothing = smoothing

    def fit(self, codes: Array, n_levels: int, goals: Array) -> TargetMeans:
        """Learn from codes of shape (n,) with values as :meth:`Levels.codes` gives them, and goals (n, t)."""
        self.table = self._tables(codes, n_levels, goals, np.zeros(len(codes), dtype=np.int64), 1)[0]
        return self

    def transform(self, codes: Array) -> Array:
        """Means of shape (n, t)."""
        means: Array = self.table[codes]
        return means

    def fit_transform(self, codes: Array, n_levels: int, goals: Array, fold: Array) -> Array:
        """Learn from all rows, and give each row the means over the rows of the other folds."""
        self.fit(codes, n_levels, goals)
        return self._tables(codes, n_levels, goals, fold, int(fold.max()) + 1)[fold, codes]

    def _tables(self, codes: Array, n_levels: int, goals: Array, fold: Array, folds: int) -> Array:
        """One table a fold, learnt from the rows of the other folds (of one fold: from all), rows indexed by code.

        A table ends with the rows of MISSING and UNSEEN, so that negative codes find them.
        """
        width = n_levels + 2
        cells = fold * width + np.where(codes < 0, codes + width, codes)
        size = folds * width
        rows = np.bincount(cells, minlength=size).reshape(folds, width)
        sums = [np.bincount(cells, weights=goal, minlength=size).reshape(folds, width) for goal in goals.T]
        sums_by_code = np.stack(sums, axis=2) if sums else np.empty((folds, width, 0))
        if folds > 1:
            rows, sums_by_code = rows.sum(axis=0) - rows, sums_by_code.sum(axis=0) - sums_by_code
        seen = np.maximum(rows.sum(axis=1), 1)
        overall = (sums_by_code.sum(axis=1) / seen[:, None])[:, None, :]
        weight = np.maximum(self.smoothing, 1e-9)  # without smoothing, an unseen level still gets the overall mean
        means: Array = (sums_by_code + weight * overall) / (rows[:, :, None] + weight)
        return means
