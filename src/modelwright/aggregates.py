"""Aggregates of one column in which no single row can be recognised; what is not shown and why stands in
:mod:`modelwright.profiling`.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from modelwright.table import Field

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SHARES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)
NAMED_LEVELS = 20
LEVEL_CHARACTERS = 60
LONGEST_SHAPE = 80


def finite_of(series: pd.Series) -> np.ndarray:
    """The finite values, in ascending order."""
    import numpy as np

    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.sort(values[np.isfinite(values)])


def run_lengths(ordered: np.ndarray) -> tuple[int, float]:
    """How many different values there are, and the share of the commonest."""
    import numpy as np

    if not ordered.size:
        return 0, 0.0
    starts = np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [ordered.size]))
    return starts.size - 1, float(np.diff(starts).max()) / ordered.size


def levels_of(series: pd.Series, counts: np.ndarray, floor: int) -> tuple[tuple[tuple[str, int], ...], int]:
    """The commonest levels with their counts, and how many are too rare to be named."""
    import numpy as np

    names = series.cat.categories.to_numpy(dtype=object)
    common = [(str(names[i]), int(counts[i])) for i in np.flatnonzero(counts >= floor)]
    common.sort(key=lambda level: (-level[1], level[0]))
    hidden = int(np.count_nonzero((counts > 0) & (counts < floor)))
    return tuple((_cut(name), count) for name, count in common[:NAMED_LEVELS]), hidden


def _cut(level: str) -> str:
    return level if len(level) <= LEVEL_CHARACTERS else level[: LEVEL_CHARACTERS - 1] + "…"


def numbers_of(ordered: np.ndarray, floor: int) -> tuple[dict[str, float], bool]:
    """Moments of sorted values, and whether one or two rows would have dominated them."""
    import numpy as np

    n = ordered.size
    if n < max(floor, 2):
        return {}, False
    scale = max(abs(float(ordered[0])), abs(float(ordered[-1]))) or 1.0
    x = ordered / scale  # so that squares of huge numbers stay finite
    squares = np.sort((x[[0, 1, -2, -1]] - x[n // 2]) ** 2)[-2:]
    dominated = bool(squares.sum() > 0.5 * ((x - x[n // 2]) ** 2).sum() > 0)
    if dominated:
        if n < 2 * floor + 1:
            return {}, True
        x = np.clip(x, x[floor], x[-floor - 1])
    mean, std = float(x.mean()), float(x.std(ddof=1))
    z = (x - mean) / std if std > 0 else np.zeros_like(x)
    beyond = int(np.searchsorted(z, -3.0, "left")) + n - int(np.searchsorted(z, 3.0, "right"))
    zeros = int(np.searchsorted(ordered, 0.0, "right") - np.searchsorted(ordered, 0.0, "left"))
    return {
        "mean": rounded(mean * scale),
        "std": rounded(std * scale),
        "skew": rounded(float((z * z * z).mean())),
        "zeros": rounded(zeros / n if zeros >= floor else 0.0),
        "outliers": rounded(beyond / n),
    }, dominated


def quantiles_of(ordered: np.ndarray, floor: int) -> tuple[float, ...]:
    """Seven microaggregated quantiles, not-a-number where too few rows lie beyond; empty when none may be shown.

    Where values are so few that each stands for a level, a figure that happens to equal a rare value is moved to
    the nearest value with enough rows.
    """
    import numpy as np

    n = ordered.size
    if not n or n / 2 < floor:
        return ()
    common: np.ndarray | None = None
    if (distinct := run_lengths(ordered)[0]) * floor <= n:
        values, counts = np.unique(ordered, return_counts=True)
        common = values[counts >= floor] if distinct == values.size else None
    found = []
    for share in SHARES:
        if min(share, 1 - share) * n < floor - 1e-9:
            found.append(float("nan"))
            continue
        start = round(share * (n - 1) - (floor - 1) / 2)
        around = ordered[start : start + floor]
        value = rounded(float(around[0] + (around - around[0]).mean()) if np.ptp(around) < 1e300 else float(around[0]))
        held = np.searchsorted(ordered, value, "right") - np.searchsorted(ordered, value, "left")
        if common is not None and 0 < held < floor:
            value = rounded(float(common[np.abs(common - value).argmin()]))
        found.append(value)
    return tuple(found)


def edge(ordered: np.ndarray, floor: int, *, last: bool) -> str:
    """The first or last day, month or year that at least ``floor`` rows share; the outermost rows don't count."""
    import numpy as np

    if ordered.size < floor:
        return ""
    anchor = ordered[-floor] if last else ordered[floor - 1]
    for unit in ("D", "M", "Y"):
        period = anchor.astype(f"datetime64[{unit}]")
        ends = np.array([period, period + 1], dtype=ordered.dtype)
        low, high = np.searchsorted(ordered, ends)
        if high - low >= floor:
            return str(period)
    return ""


def lengths_of(texts: pd.Series, floor: int) -> tuple[float, ...]:
    """Mean, median and 99 % quantile of the number of words."""
    import numpy as np

    words = np.sort(np.array([len(str(text).split()) for text in texts.dropna()], dtype=np.float64))
    quantiles = quantiles_of(words, floor)
    return (rounded(float(words.mean())), quantiles[3], quantiles[6]) if quantiles else ()


def shapes_of(texts: pd.Series, floor: int, most: int = 3) -> tuple[str, ...]:
    """The commonest shapes of texts, held by at least so many rows: what is written, without a letter of it."""
    from collections import Counter

    counts = Counter(_shape(str(text)) for text in texts.dropna())
    return tuple(shape for shape, rows in counts.most_common(most) if rows >= floor)


def _shape(text: str) -> str:
    kinds = ("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text[:LONGEST_SHAPE])
    return "".join(kind for kind, _ in groupby(kinds))


def rounded(value: float) -> float:
    """To four significant digits."""
    return float(f"{value:.4g}")


def keys_of(series: pd.Series, field: Field) -> np.ndarray:
    """One unsigned number a row, equal for equal values; codes of levels count from 0, missing is the largest."""
    import numpy as np
    import pandas as pd

    keys: np.ndarray
    if field.kind == "numeric":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
        keys = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    elif field.kind == "datetime":
        keys = series.to_numpy("datetime64[us]").view(np.uint64)
    elif hasattr(series, "cat"):
        keys = series.cat.codes.to_numpy().astype(np.int64).view(np.uint64)
    else:
        keys = pd.factorize(series)[0].astype(np.int64).view(np.uint64)
    return keys


def mixed(hashes: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Add one column to the rows' hashes (the finaliser of SplitMix64, Steele et al. 2014)."""
    import numpy as np

    with np.errstate(over="ignore"):
        z = hashes * np.uint64(0x9E3779B97F4A7C15) + keys + np.uint64(0x632BE59BD9B4E019)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: np.ndarray = z ^ (z >> np.uint64(31))
    return mixed
