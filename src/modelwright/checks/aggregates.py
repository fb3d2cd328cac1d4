"""Columns that average the target over rows that aren't known yet: over the future, the row itself, or its group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._sample import Stretch
from modelwright.checks._words import percent, plural
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 100
MOST_CLASSES = 3
WINDOWS = (1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 24, 28, 30, 48, 60, 90, 168)
NEAR, SURE = 0.98, 0.9995
"""Share of a column's variance that an average of the target explains from which it is suspicious, or sure."""

BEYOND = 0.2
"""Of what averages of the past leave unexplained, what an average over the future may leave at most."""

FEWEST_LEVELS = 20
OWN_ROWS = 0.6
"""Distance of a level's value from the mean of the target over the level's rows, in units of what it would be at least
if the value came from other rows; below this it was computed from these very rows."""


class FutureAggregate(Check):
    """Compares columns with averages of the target over the past, over the future, and over groups of rows."""

    name: ClassVar[str] = "future_aggregate"
    title: ClassVar[str] = "An average over rows that aren't known yet"
    rank: ClassVar[int] = 40

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a column."""
        if sample.stretch is not None and len(sample.stretch.y) >= FEWEST:
            yield from _over_time(sample, sample.stretch)
        if sample.n >= FEWEST:
            yield from _over_levels(sample)

    def example(self, rng: np.random.Generator) -> Sample:
        """A moving average that reaches three rows ahead."""
        import numpy as np
        import pandas as pd

        frame, y = clean(rng, classes=0)
        frame["when"] = pd.DatetimeIndex(pd.date_range("2024-01-01", periods=len(y), freq="h")).as_unit("us")
        frame["smooth"] = np.convolve(np.pad(y, 3, mode="edge"), np.full(7, 1 / 7), mode="valid")
        return sample_of(frame, y, classes=0, stretch=Stretch(frame, y, np.zeros(len(y), dtype=np.int64)))


def _over_time(sample: Sample, stretch: Stretch) -> Iterator[Finding]:
    import numpy as np

    from modelwright.checks._sample import numbers_of

    names = sample.of_kind("numeric")
    if not names:
        return
    goals = [stretch.y.astype(np.float64)]
    if sample.n_classes > 2:
        commonest = np.argsort(-np.bincount(stretch.y, minlength=sample.n_classes), kind="stable")[:MOST_CLASSES]
        goals = [(stretch.y == code).astype(np.float64) for code in commonest]
    columns = np.column_stack([numbers_of(stretch.frame[n]) for n in names])
    best = {"past": np.zeros(len(names)), "future": np.zeros(len(names))}
    window = np.zeros(len(names), dtype=np.int64)
    for goal in goals:
        if sample.late():
            return
        spans = list(_averages(goal, stretch.groups))
        explained = _correlations(columns, np.column_stack([average for _, _, average in spans]))
        for side in best:
            own = [k for k, (s, _, _) in enumerate(spans) if s == side]
            top = explained[:, own].argmax(axis=1)
            highest = explained[:, own][np.arange(len(names)), top]
            better = highest > best[side]
            best[side] = np.where(better, highest, best[side])
            if side == "future":
                window = np.where(better, np.array([spans[k][1] for k in own])[top], window)
    for i in np.argsort(-best["future"], kind="stable"):
        future, past = float(best["future"][i]), float(best["past"][i])
        if future < NEAR or 1 - future > BEYOND * (1 - past):
            continue
        told = (
            f"An average of the target over {plural(int(window[i]), 'row')} that reach to the row itself or beyond it "
            f"explains {percent(future)} of its variance, the best average of earlier rows {percent(past)} "
            f"({len(stretch.y):,} consecutive rows)."
        )
        sure = future >= SURE
        yield Finding(
            FutureAggregate.name, FutureAggregate.title, (names[i],), "clear" if sure else "suspicious", told,
            "" if sure else "It may be another measurement of the same thing that is known in time.",
        )  # fmt: skip


def _averages(y: np.ndarray, groups: np.ndarray) -> Iterator[tuple[str, int, np.ndarray]]:
    """Moving averages within groups: up to the row before, up to the row itself, from the next one on, and centred."""
    import numpy as np

    n = len(y)
    total = np.concatenate([[0.0], np.cumsum(y - y.mean())])
    position = np.arange(n)
    first = np.searchsorted(groups, groups, side="left")
    last = np.searchsorted(groups, groups, side="right")
    for width in WINDOWS:
        if width > n // 4:
            return
        spans = [("past", position - width, position), ("future", position + 1, position + 1 + width)]
        if width > 1:
            spans.append(("future", position + 1 - width, position + 1))
            spans.append(("future", position, position + width))
            spans.append(("future", position - width // 2, position - width // 2 + width))
        for side, low, high in spans:
            inside = (low >= first) & (high <= last)
            low, high = np.clip(low, 0, n), np.clip(high, 0, n)
            yield side, width, np.where(inside, (total[high] - total[low]) / width, np.nan)


def _correlations(columns: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Squared correlation of each column with each series, over rows where both are known (columns, series).

    All sums over pairs are products of matrices of values and of whether they are known.
    """
    import numpy as np

    x, known_x = _standardised(columns)
    a, known_a = _standardised(series)
    count = known_x.T @ known_a
    sum_x, sum_a = x.T @ known_a, known_x.T @ a
    rows = np.maximum(count, 1)
    cross = x.T @ a - sum_x * sum_a / rows
    spread_x, spread_a = (x * x).T @ known_a - sum_x**2 / rows, known_x.T @ (a * a) - sum_a**2 / rows
    enough = (count >= FEWEST) & (spread_x > 1e-9 * rows) & (spread_a > 1e-9 * rows)
    return np.where(enough, np.minimum(cross**2 / np.where(enough, spread_x * spread_a, 1), 1.0), 0.0)


def _standardised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of mean 0 and spread 1 with 0 for what is missing, and 1 where they are known."""
    import numpy as np

    known = ~np.isnan(values)
    counts = np.maximum(known.sum(axis=0), 1)
    scale = np.maximum(np.abs(np.where(known, values, 0)).max(axis=0), 1e-300)  # so that squares stay finite
    x = np.where(known, values / scale, 0)
    x = np.where(known, x - x.sum(axis=0) / counts, 0)
    spread = np.sqrt((x * x).sum(axis=0) / counts)
    return x / np.where(spread > 0, spread, 1), known.astype(np.float64)


def _over_levels(sample: Sample) -> Iterator[Finding]:
    """Columns that hold one number for each level of another column: the mean of the target over these very rows."""
    import numpy as np

    quantities = [n for n in sample.of_kind("numeric") if len(np.unique(sample.values(n)[:2000])) > 10]
    y = sample.y.astype(np.float64) if sample.n_classes <= 2 else None
    if not quantities or y is None or sample.rows > sample.n:
        return  # in a sample of the rows the levels' means aren't what they were computed from
    for by in sample.of_kind("category", "id"):
        levels = sample.levels(by)
        count = int(levels.max(initial=-1)) + 1
        if sample.late() or count < FEWEST_LEVELS or count > sample.n // 2 or (levels < 0).any():
            continue
        sizes = np.bincount(levels, minlength=count)
        used = sizes >= 2
        if used.sum() < FEWEST_LEVELS:
            continue
        means = np.bincount(levels, y, count) / np.maximum(sizes, 1)
        within = float(((y - means[levels]) ** 2).sum()) / max(1, sample.n - int((sizes > 0).sum()))
        if within <= 0:
            continue
        for name in quantities:
            values = sample.values(name)
            of_level = np.bincount(levels, np.nan_to_num(values), count) / np.maximum(sizes, 1)
            if np.isnan(values).any() or not np.allclose(values, of_level[levels], rtol=1e-9, atol=1e-12):
                continue
            distance = _distance(of_level[used], means[used], sizes[used].astype(np.float64)) / within
            if distance >= OWN_ROWS:
                continue
            told = (
                f"It has one number for each of {count:,} levels of another column, and these lie {distance:.2f} times "
                "as far from the target's means over the same rows as numbers from other rows would at least."
            )
            yield Finding(
                FutureAggregate.name, "An average of the target over the rows themselves", (name,), "clear", told
            )


def _distance(values: np.ndarray, means: np.ndarray, sizes: np.ndarray) -> float:
    """Mean squared distance of means from a straight line through values, each times its number of rows."""
    import numpy as np

    weights = sizes / sizes.sum()
    v, m = values - weights @ values, means - weights @ means
    slope = (weights * v) @ m / max((weights * v) @ v, 1e-300)
    if slope <= 0 or len(np.unique(values)) < FEWEST_LEVELS // 2:
        return np.inf
    return float((sizes * (m - slope * v) ** 2).sum() / max(1, len(values) - 2))
