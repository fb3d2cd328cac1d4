"""The rows that checks look at, and what several checks ask of them, computed once."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from modelwright.problem import Problem
from modelwright.protocol import Signal
from modelwright.table import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BINS = 64
"""Steps that a column is divided into to measure how well it predicts alone: an exact copy of a numeric target then
explains 99.98 % of its variance."""

ROWS_A_STEP = 8
"""Rows that a step holds at least, on average, so that half of them can tell something of the others."""

CLASSES = 6
"""Classes that are told apart in measuring; rarer ones are pooled, for speed."""

JOINT_ROWS = 6_000
"""Rows on which all other columns together are measured."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive rows in the order of time, group by group.

    Args:
        frame: the rows.
        y: their encoded target (n,).
        groups: number of each row's group, ascending (n,).
    """

    frame: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Division:
    """How all rows of the data were divided, development rows first in what follows.

    Args:
        hashes: one number a row, the same for rows with the same features (all rows,).
        sealed: whether the row belongs to the sealed holdout (all rows,).
        groups: number of the row's group, -1 where it isn't known (all rows,); empty without a group column.
    """

    hashes: np.ndarray
    sealed: np.ndarray
    groups: np.ndarray


@dataclass
class Sample:
    """What checks look at.

    Args:
        frame: development rows in the order of the data, at most some ten thousand of them: the columns that models
            may use, with the types described in :mod:`modelwright.table`.
        schema: those columns.
        y: encoded target of these rows: codes, or values (n,).
        problem: what was asked.
        rows: development rows there are altogether.
        unlabelled: rows of the data that had no target and were left out.
        stretch: consecutive rows in the order of time, where the problem has a time column.
        division: how all rows were divided; ``None`` when it isn't known.
        seed: seed of every random choice.
        stop_at: ``time.monotonic()`` after which nothing expensive should be begun; ``None`` for no limit.
        blamed: columns that a check is sure of, so that later ones don't measure against them.
    """

    frame: pd.DataFrame
    schema: Schema
    y: np.ndarray
    problem: Problem
    rows: int
    unlabelled: int = 0
    stretch: Stretch | None = None
    division: Division | None = None
    seed: int = 0
    stop_at: float | None = None
    blamed: set[str] = field(default_factory=set)
    _codes: dict[str, np.ndarray] = field(default_factory=dict)
    _strengths: dict[str, float] = field(default_factory=dict)
    _values: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Rows at hand."""
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.problem.classes)

    def late(self) -> bool:
        """Whether the time is over."""
        return self.stop_at is not None and time.monotonic() > self.stop_at

    def of_kind(self, *kinds: str) -> list[str]:
        """Columns of these kinds that no earlier check is sure of."""
        return [f.name for f in self.schema.fields if f.kind in kinds and f.name not in self.blamed]

    def values(self, name: str) -> np.ndarray:
        """A numeric or datetime column as numbers (days for dates), NaN where missing or infinite (n,)."""
        import numpy as np

        if name not in self._values:
            self._values[name] = numbers_of(self.frame[name])
        return np.asarray(self._values[name])

    def missing(self, name: str) -> np.ndarray:
        """Whether a column has no value (n,)."""
        import numpy as np

        return np.asarray(self.frame[name].isna())

    def codes(self, name: str) -> np.ndarray:
        """A column in steps: 0 for missing, then the steps of a quantity or the commonest levels (n,)."""
        import numpy as np

        if name not in self._codes:
            series = self.frame[name]
            if series.dtype.kind in "fiumM" and not hasattr(series, "cat"):
                self._codes[name] = steps(self.values(name))
            else:
                self._codes[name] = commonest(levels_of(series))
        return np.asarray(self._codes[name])

    def levels(self, name: str) -> np.ndarray:
        """A column's values as numbers of their own, -1 for missing; every value counts (n,)."""
        import numpy as np

        return np.asarray(levels_of(self.frame[name]))

    def strength(self, name: str) -> float:
        """How much of the target a column explains alone, out of fold: 0 to 1."""
        if name not in self._strengths:
            self._strengths[name] = self.explained(self.codes(name))
        return self._strengths[name]

    def explained(self, codes: np.ndarray) -> float:
        """How much of the target codes explain: 1 - squared error / variance, learnt on one half of the rows and
        measured on the other, both ways; of classes' indicators, or of a numeric target's ranks.
        """
        import numpy as np

        if self.n < 4:
            return 0.0
        k = int(codes.max()) + 1
        cell = codes * 2 + self.halves
        counts = np.bincount(cell, minlength=2 * k).reshape(k, 2).astype(np.float64)
        error = total = 0.0
        for column in self.goals.T:
            sums = np.bincount(cell, column, 2 * k).reshape(k, 2)
            means = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
            # One row's worth of the mean, so that a step seen once doesn't predict that one row's value.
            learnt = (sums + means) / (counts + 1)
            error += float(((column - learnt[codes, 1 - self.halves]) ** 2).sum())
            total += float(((column - means[1 - self.halves]) ** 2).sum())
        return max(0.0, 1 - error / total) if total > 0 else 0.0

    @cached_property
    def halves(self) -> np.ndarray:
        """A fixed random half for each row: 0 or 1 (n,)."""
        import numpy as np

        return np.asarray(np.random.default_rng([self.seed, 21]).permutation(self.n) % 2)

    @cached_property
    def goals(self) -> np.ndarray:
        """The target as columns to explain: indicators of the classes, or ranks from 0 to 1 (n, m)."""
        import numpy as np
        import pandas as pd

        if not self.n_classes:
            return np.asarray(pd.Series(self.y).rank(pct=True))[:, None]
        counts = np.bincount(self.y, minlength=self.n_classes)
        told = np.argsort(-counts, kind="stable")[:CLASSES]
        kept = told[1:] if len(told) == 2 else told  # of two classes one indicator says all
        return np.asarray(self.y[:, None] == kept, dtype=np.float64)

    @cached_property
    def commonest_class(self) -> float:
        """Share of the commonest class; 0 for regression."""
        import numpy as np

        return float(np.bincount(self.y).max() / self.n) if self.n_classes and self.n else 0.0

    @cached_property
    def persistence(self) -> float:
        """Squared correlation of the target with itself one row before, in the order of time or of the data."""
        y = self.y if self.stretch is None else self.stretch.y
        return squared_correlation(y[1:], y[:-1])

    def joint(self, without: set[str]) -> float:
        """How much of the target all columns but some explain together, out of fold: 0 to 1 (a quick LightGBM)."""
        found = self._together(self.goals[:, :4], without)
        return 0.0 if found is None else max(0.0, _explained(*found))

    def signal(self) -> Signal | None:
        """What a quick model of all columns can tell of the target; ``None`` where nothing can be measured."""
        import numpy as np

        found = self._together(self.goals[:, :4] if self.n_classes else np.asarray(self.y, dtype=np.float64)[:, None])
        if found is None:
            return None
        squares = (found[0] ** 2).sum(axis=1)
        mean = float(squares.mean())
        kurtosis = float((squares**2).mean()) / mean**2 if mean > 0 else math.inf
        return Signal(_explained(*found), kurtosis) if math.isfinite(kurtosis) else None

    def _together(self, goals: np.ndarray, without: Collection[str] = ()) -> tuple[np.ndarray, np.ndarray] | None:
        """Errors of a quick LightGBM of all columns but some, and those of the mean: two arrays (rows, goals).

        Learnt on one half of some rows and measured on the other, both ways. ``None`` without columns or enough rows.
        """
        import lightgbm
        import numpy as np

        names = [f.name for f in self.schema.fields if f.name not in without and f.name not in self.blamed]
        if not names or self.n < 20:
            return None
        rng = np.random.default_rng([self.seed, 22])
        rows = np.sort(rng.choice(self.n, JOINT_ROWS, replace=False)) if self.n > JOINT_ROWS else np.arange(self.n)
        X = np.column_stack([self.codes(name)[rows] for name in names]).astype(np.float32)
        half, told = self.halves[rows], goals[rows]
        params = {
            "objective": "regression", "num_leaves": 15, "learning_rate": 0.15, "min_child_samples": 10,
            "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": self.seed,
            "max_bin": BINS + 1,
        }  # fmt: skip
        error, total = np.zeros(told.shape), np.zeros(told.shape)
        for learn in (0, 1):
            train, test = np.flatnonzero(half == learn), np.flatnonzero(half != learn)
            for k, column in enumerate(told.T):
                booster = lightgbm.train(params, lightgbm.Dataset(X[train], column[train]), 40)
                error[test, k] = column[test] - np.asarray(booster.predict(X[test]))
                total[test, k] = column[test] - column[train].mean()
        return error, total


def _explained(error: np.ndarray, total: np.ndarray) -> float:
    """Share of the squared errors of the mean that a model's are less; negative where they are more."""
    squares = float((total**2).sum())
    return 1 - float((error**2).sum()) / squares if squares > 0 else 0.0


def numbers_of(series: pd.Series) -> np.ndarray:
    """A numeric or datetime column as numbers (days for dates), NaN where missing or infinite."""
    import numpy as np

    if series.dtype.kind == "M":
        stamps = series.to_numpy("datetime64[us]")
        found = np.where(np.isnat(stamps), np.nan, stamps.view(np.int64) / 86_400e6)
    else:
        found = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def steps(values: np.ndarray) -> np.ndarray:
    """Values in steps of about the same number of rows, from 1; 0 for missing. Few different values are kept apart."""
    import numpy as np

    present = values[~np.isnan(values)]
    if not len(present):
        return np.zeros(len(values), dtype=np.int64)
    distinct = np.unique(present)
    bins = int(np.clip(len(present) // ROWS_A_STEP, 4, BINS))
    edges = distinct[1:] if len(distinct) <= 2 * bins else np.unique(np.quantile(present, np.arange(1, bins) / bins))
    return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values, side="right"))


def levels_of(series: pd.Series) -> np.ndarray:
    """Values as numbers of their own, -1 for missing."""
    import numpy as np
    import pandas as pd

    if hasattr(series, "cat"):
        codes: np.ndarray = series.cat.codes.to_numpy().astype(np.int64)
        return codes
    return pd.factorize(series)[0].astype(np.int64)


def commonest(levels: np.ndarray) -> np.ndarray:
    """Levels as steps: 0 for missing, 1 for all rare ones, then the commonest."""
    import numpy as np

    counts = np.bincount(levels[levels >= 0], minlength=1)
    kept = np.argsort(-counts, kind="stable")[: 2 * BINS]
    step = np.ones(len(counts) + 1, dtype=np.int64)
    step[kept] = 2 + np.arange(len(kept))
    step[-1] = 0  # where the missing level -1 points to
    return np.asarray(step[levels])


def squared_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation squared over the rows where both are known; 0 where there is none."""
    import numpy as np

    here = np.isfinite(a) & np.isfinite(b)
    if here.sum() < 3:
        return 0.0
    x, y = a[here].astype(np.float64), b[here].astype(np.float64)
    x, y = x - x.mean(), y - y.mean()
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(x @ x) * float(y @ y)
        return float((x @ y) ** 2 / spread) if 0 < spread < np.inf else 0.0


def lambda_of(levels: np.ndarray, y: np.ndarray, n_classes: int) -> float:
    """Share of the mistakes of always naming the commonest class that naming each level's commonest class avoids.

    Goodman and Kruskal's lambda (1954); 1 when the levels determine the class.
    """
    import numpy as np

    shifted = levels - levels.min()
    table = np.bincount(shifted * n_classes + y, minlength=(int(shifted.max()) + 1) * n_classes)
    mistakes = len(y) - int(table.reshape(-1, n_classes).max(axis=1).sum())
    before = len(y) - int(np.bincount(y).max())
    return 1 - mistakes / before if before else 0.0
