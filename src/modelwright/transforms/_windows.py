"""Statistics over windows of sorted rows, computed by pandas with bounds that never cross a segment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.indexers import BaseIndexer

from modelwright.transforms._frames import Array
from modelwright.transforms._past import Segments

HUGE = 1e100
"""Larger values are taken as this: their squares would overflow."""


class _Bounds(BaseIndexer):
    """Windows given row by row; pandas starts afresh where a window begins after the previous one ended."""

    first: Array
    last: Array

    def get_window_bounds(
        self, num_values: int = 0, min_periods: Any = None, center: Any = None, closed: Any = None, step: Any = None
    ) -> tuple[Array, Array]:
        """The first row of each window, and the row after its last."""
        del num_values, min_periods, center, closed, step
        return self.first, self.last


def windowed(values: Array, segments: Segments, window: int | None, statistics: tuple[str, ...], current: bool) -> Any:
    """Statistics of the last ``window`` rows of a segment (``None``: all), with or without the current row.

    Args:
        values: shape (sorted rows, k), NaN where missing.
        segments: which rows belong together.
        window: in rows.
        statistics: of ``mean``, ``std``, ``min``, ``max``, ``sum``, ``count``, ``median``.
        current: whether the current row is in its own window.

    Returns:
        For each statistic an array of the shape of ``values``; NaN where no value is known (``std``: fewer than two).
    """
    end = segments.at + (1 if current else 0)
    first = segments.start if window is None else np.maximum(segments.start, end - window)
    bounds = _Bounds(first=first.astype(np.int64), last=end.astype(np.int64))
    rolling = pd.DataFrame(np.clip(values, -HUGE, HUGE)).rolling(bounds, min_periods=1)
    return {name: _finite(getattr(rolling, name)().to_numpy()) for name in statistics}


def _finite(values: Array) -> Array:
    return np.where(np.isinf(values), np.nan, values)


def standardised(values: Array, mean: Array, std: Array) -> Array:
    """(value − mean) / std; 0 where the past didn't vary beyond rounding, NaN where there is too little of it."""
    usable = std > 1e-9 * np.maximum(np.abs(mean), 1e-290)
    scaled = (values - mean) / np.where(usable, std, 1.0)
    unknown = np.isnan(std) | np.isnan(values)
    return np.where(unknown, np.nan, np.where(usable, np.clip(scaled, -1e6, 1e6), 0.0))


def forward_filled(values: Array, segments: Segments) -> Array:
    """The last known value up to the current row in the same segment, column by column."""
    result = np.empty_like(values)
    for j in range(values.shape[1]):
        known = np.maximum.accumulate(np.where(np.isnan(values[:, j]), -1, segments.at)) if len(values) else segments.at
        result[:, j] = np.where(known >= segments.start, values[np.maximum(known, 0), j], np.nan)
    return result


def smoothed(values: Array, segments: Segments, span: int) -> Array:
    """Exponentially weighted mean up to the current row: m ← m + α (x − m) with α = 2 / (span + 1).

    The first known value starts it, missing values leave it as it is. Its state is one number, so it can be resumed.
    """
    frame = pd.DataFrame(np.clip(values, -HUGE, HUGE))
    result = frame.groupby(segments.start).ewm(span=span, adjust=False, ignore_na=True).mean()
    return np.asarray(result.to_numpy()).reshape(values.shape)  # segments are contiguous, so the order is kept


class Totals:
    """Count, mean and sum of squared deviations of each group's values, so that trailing statistics can go on.

    Two sets are joined by the formula of Chan, Golub and LeVeque (1983).
    """

    def __init__(self, values: Array, group: Array) -> None:
        groups = int(group.max(initial=-1)) + 1
        shape = (groups, values.shape[1])
        self.count, self.mean, self.spread = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for j in range(values.shape[1]):
            known = (group >= 0) & ~np.isnan(values[:, j])
            own, value = group[known], np.clip(values[known, j], -HUGE, HUGE)
            self.count[:, j] = np.bincount(own, minlength=groups)
            total = np.bincount(own, weights=value, minlength=groups)
            self.mean[:, j] = total / np.maximum(self.count[:, j], 1)
            self.spread[:, j] = np.bincount(own, weights=(value - self.mean[own, j]) ** 2, minlength=groups)

    def join(self, group: Array, count: Array, mean: Array, spread: Array) -> tuple[Array, Array, Array]:
        """The statistics of each row's group (where it has one) joined with further rows' statistics."""
        old = group >= 0
        if not old.any():
            return count, mean, spread
        index = np.maximum(group, 0)
        before = np.where(old[:, None], self.count[index], 0.0)
        total = before + count
        gap = np.where(count > 0, mean, 0.0) - self.mean[index]
        weight = count / np.maximum(total, 1)
        joined_mean = np.where(before > 0, self.mean[index] + gap * weight, mean)
        joined_spread = np.where(before > 0, self.spread[index] + spread + gap**2 * before * weight, spread)
        return total, joined_mean, joined_spread


def usual(values: Array, segments: Segments, totals: Totals) -> tuple[Array, Array]:
    """Mean and standard deviation of all earlier rows of the group: those that ``totals`` holds, and the segment's own.

    Args:
        values: of the sorted rows, (sorted rows, k); those of the history's tail are in the totals and not looked at.
        segments: which rows belong together.
        totals: what training rows add up to.
    """
    fresh = segments.order >= len(segments.taken)
    found = windowed(np.where(fresh[:, None], values, np.nan), segments, None, ("count", "mean", "var"), current=False)
    count = np.nan_to_num(found["count"])
    spread = np.nan_to_num(found["var"]) * np.maximum(count - 1, 0)
    count, mean, spread = totals.join(segments.group, count, found["mean"], spread)
    with np.errstate(invalid="ignore"):
        std = np.where(count > 1, np.sqrt(spread / np.maximum(count - 1, 1)), np.nan)
    return mean, std
