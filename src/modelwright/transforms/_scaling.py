"""Scaling of numeric matrices for estimators that need it: nothing missing, no extremes, comparable columns."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import ndtri

from modelwright.transforms._frames import Array
from modelwright.transforms._related import sample_rows

Scaling = Literal["standard", "robust", "quantile", "uniform"]


class NumericScaler:
    """Median for what is missing, an indicator for where it was, skewed columns by asinh, then scaled and clipped.

    Args:
        scaling: ``standard`` (mean 0, deviation 1), ``robust`` (median 0, interquartile range 1), ``quantile`` (to
            a normal distribution), ``uniform`` (ranks in [0, 1]).
        clip: beyond how many units of scale values are clipped, for ``standard`` and ``robust``.
        tame_skew: whether columns with a skewness beyond 2 go through asinh(x / median |x|) first, which is linear
            near zero and logarithmic far from it, and takes negative values.
        seed: for the sample that quantiles are estimated on.
        tails: share of the known values at either end that are taken for the nearest of the others (Winsor's mean). A
            weighted sum carries a trend on to where hardly any row was seen, several columns' trends at once.
    """

    def __init__(
        self, scaling: Scaling, clip: float = 6.0, tame_skew: bool = True, seed: int = 0, tails: float = 0.0
    ) -> None:
        self.scaling, self.clip, self.tame_skew, self.seed, self.tails = scaling, clip, tame_skew, seed, tails

    def fit(self, values: Array) -> NumericScaler:
        """Learn from an array (n, k) with NaN where missing; a column with nothing known becomes zeros."""
        lost = np.isnan(values)
        if self.tails:
            self.low, self.high = _within(values, lost, self.tails)
            values = np.clip(values, self.low, self.high)
        with np.errstate(all="ignore"):
            self.median = np.array([np.median(c[~m]) if not m.all() else 0.0 for c, m in _columns(values, lost)])
            filled = np.where(lost, self.median, values)
            self.marked = _distinct_masks(lost)
            linear = self.scaling in ("standard", "robust")
            tamed = (np.abs(_skewness(filled)) > 2.0) if self.tame_skew and linear else np.zeros(len(self.median), bool)
            self.stretch = np.array([_typical(filled[:, j]) if tamed[j] else 0.0 for j in range(filled.shape[1])])
            straight = self._straighten(filled)
            if linear:
                self.centre, self.spread = _centre(straight, self.scaling)
            elif straight.shape[1]:
                self.grid = _grid(straight, self.seed)
        return self

    def transform(self, values: Array) -> Array:
        """Shape (n, k + number of indicators), finite."""
        lost = np.isnan(values)
        if getattr(self, "tails", 0.0):  # models of earlier versions have none
            values = np.clip(values, self.low, self.high)
        with np.errstate(all="ignore"):
            straight = self._straighten(np.where(lost, self.median, values))
        if self.scaling in ("standard", "robust"):
            scaled = np.clip((straight - self.centre) / self.spread, -self.clip, self.clip)
        elif len(straight) and straight.shape[1]:
            scaled = _ranks(straight, self.grid)
            scaled = np.clip(ndtri(scaled), -4.0, 4.0) if self.scaling == "quantile" else scaled
        else:
            scaled = straight
        return np.hstack([scaled, lost[:, self.marked]])

    def names(self, names: list[str]) -> list[str]:
        """The names of the result's columns."""
        return [*names, *(f"{names[j]}_missing" for j in self.marked)]

    def _straighten(self, values: Array) -> Array:
        bent = self.stretch > 0
        if not bent.any():
            return values
        result = values.copy()
        result[:, bent] = np.arcsinh(values[:, bent] / self.stretch[bent])
        return result


def _within(values: Array, lost: Array, tails: float) -> tuple[Array, Array]:
    """The values of each column that have a share of its known ones below and above; all of it where these are equal,
    as where nearly all rows have the same value."""
    low, high = np.full(values.shape[1], -np.inf), np.full(values.shape[1], np.inf)
    for j, (column, missing) in enumerate(_columns(values, lost)):
        known = column[~missing]
        if known.size:
            ends = np.quantile(known, [tails, 1 - tails])
            if ends[0] < ends[1]:
                low[j], high[j] = ends
    return low, high


def _grid(values: Array, seed: int) -> Array:
    """Up to a thousand evenly spaced order statistics of each column, (points, k), from at most 20,000 rows.

    (scikit-learn's QuantileTransformer finds them by partitioning, which takes many times as long as one sort.)
    """
    ordered = np.sort(values[sample_rows(len(values), seed, 20_000)], axis=0)
    place = np.linspace(0, len(ordered) - 1, min(1_000, len(ordered)))
    below, share = place.astype(np.int64), place % 1
    above = np.minimum(below + 1, len(ordered) - 1)
    result: Array = ordered[below] * (1 - share)[:, None] + ordered[above] * share[:, None]
    return result


def _ranks(values: Array, grid: Array) -> Array:
    """The share of training values below, in [0, 1]; of equal values the middle."""
    shares = np.linspace(0, 1, len(grid))
    result = np.empty_like(values)
    for j in range(values.shape[1]):
        points = grid[:, j]
        upper = np.interp(values[:, j], points, shares)
        lower = -np.interp(-values[:, j], -points[::-1], -shares[::-1])
        result[:, j] = (upper + lower) / 2
    return result


def _columns(values: Array, lost: Array) -> list[tuple[Array, Array]]:
    return [(values[:, j], lost[:, j]) for j in range(values.shape[1])]


def _distinct_masks(lost: Array) -> Array:
    """Columns with gaps, one for each pattern of gaps."""
    seen: dict[bytes, int] = {}
    for j in np.flatnonzero(lost.any(axis=0) & ~lost.all(axis=0)):
        seen.setdefault(np.packbits(lost[:, j]).tobytes(), int(j))
    return np.array(sorted(seen.values()), dtype=np.int64)


def _skewness(values: Array) -> Array:
    centred = values - values.mean(axis=0)
    scale = np.abs(centred).max(axis=0, initial=0.0)
    unit = centred / np.where(scale > 0, scale, 1.0)  # cubes of huge values would overflow
    variance = (unit**2).mean(axis=0)
    return np.where(variance > 0, (unit**3).mean(axis=0) / np.where(variance > 0, variance, 1.0) ** 1.5, 0.0)


def _typical(column: Array) -> float:
    sizes = np.abs(column[column != 0])
    return float(np.median(sizes)) if sizes.size else 0.0


def _centre(values: Array, scaling: str) -> tuple[Array, Array]:
    if not values.shape[1]:
        return np.empty(0), np.empty(0)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    if scaling == "standard":
        centre, spread = mean, deviation
    else:
        low, centre, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        spread = np.where(high > low, high - low, deviation)
    usable = np.isfinite(spread) & (spread > 1e-12 * np.maximum(np.abs(centre), 1e-300))
    return np.where(np.isfinite(centre), centre, 0.0), np.where(usable, spread, 1.0)


def to_unit(values: Array, low: Array, high: Array) -> Array:
    """Each column to [0, 1] by its training range, clipped."""
    span = np.where(high > low, high - low, 1.0)
    result: Any = np.clip((values - low) / span, 0.0, 1.0)
    return np.asarray(result)
