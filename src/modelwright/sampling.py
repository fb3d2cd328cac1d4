"""Which rows stand for all of them, where there are more than time or memory allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LEAST_OF_A_CLASS = 50
"""Rows of a class that a sample keeps, where there are so many: a class that is hardly seen can't be learnt."""


def sample_rows(
    count: int, limit: int, *, seed: int, classes: np.ndarray | None = None, times: np.ndarray | None = None
) -> np.ndarray:
    """Positions of the rows that a sample holds, ascending.

    Rows are drawn at random, of each class its share, but 50 rows of it at least; with times the latest ones are
    taken, so that each unit's past stays whole and nothing older than necessary is learnt from.

    Args:
        count: rows there are.
        limit: rows wanted.
        seed: seed of the draw.
        classes: class code of each row (count,), for classification.
        times: moment of each row (count,), where rows have an order in time; NaN where it isn't known.

    Returns:
        All positions when there are no more than ``limit``; else about ``limit`` of them.
    """
    import numpy as np

    if count <= limit:
        return np.arange(count)
    if times is not None:
        return np.sort(np.argsort(np.where(np.isnan(times), -np.inf, times), kind="stable")[count - limit :])
    rng = np.random.default_rng([seed, 61])
    if classes is None:
        return np.sort(rng.choice(count, limit, replace=False, shuffle=False))
    sizes = np.bincount(classes)
    wanted = np.minimum(sizes, np.maximum(np.round(limit * sizes / count), LEAST_OF_A_CLASS)).astype(np.int64)
    order = np.argsort(classes.astype(np.int16 if len(sizes) < 2**15 else np.int64), kind="stable")
    ends = np.cumsum(sizes)
    picked = [
        end - size + rng.choice(size, take, replace=False, shuffle=False)
        for end, size, take in zip(ends, sizes, wanted, strict=True)
        if take
    ]
    return np.sort(order[np.concatenate(picked)])


def moments_of(frame: pd.DataFrame, time_column: str | None) -> np.ndarray | None:
    """A time column as numbers, NaN where it is empty; ``None`` where the frame has no such column."""
    import numpy as np

    if time_column is None or time_column not in frame.columns:
        return None
    column = frame[time_column]
    if column.dtype.kind == "M":
        stamps = column.to_numpy("datetime64[us]")
        return np.where(np.isnat(stamps), np.nan, stamps.view(np.int64).astype(np.float64))
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
