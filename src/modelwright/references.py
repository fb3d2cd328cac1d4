"""Reference values: what a column usually holds, and whole rows of such values, in which nobody can be recognised.

Explanations compare a row with what is usual, and counterfactuals look for other values within the data's range. Both
must work where the data no longer is, so a bundle carries these values instead. Numbers and dates are means of at least
``floor`` neighbouring values (microaggregation, Domingo-Ferrer and Mateo-Sanz 2002), levels have at least ``floor``
rows, texts are strings of words that at least ``floor`` texts use, and columns of personal data are left empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ROWS = 64
"""Reference rows of ordinary data: a power of two, since every first power of two of them is balanced by itself."""
CELLS = 100_000
"""Reference rows times columns at most, so that a bundle of thousands of columns stays small."""
STEPS = 33
"""Points between the 1 % and the 99 % quantile that a number may be moved to."""
LEVELS = 30
WORDS = 200
LONGEST_TEXT = 20
SAMPLED_TEXTS = 5_000


def reference_rows(frame: pd.DataFrame, *, personal: Sequence[str], floor: int, seed: int) -> pd.DataFrame:
    """Rows that nobody has, like draws from each column's own distribution, independent of the other columns.

    The draws are balanced (scrambled Sobol points, Owen 1998): the first 2ᵏ rows cover every column evenly.

    Args:
        frame: rows with the column types of :mod:`modelwright.table`.
        personal: columns that stay empty.
        floor: rows that a shown value must stand for at least.
        seed: seed of the draws.

    Returns:
        64 rows (fewer for very many columns) with the frame's columns and types.
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import qmc

    count = max(8, min(ROWS, 2 ** int(np.log2(max(1, CELLS // max(1, frame.shape[1]))))))
    shares = qmc.Sobol(min(max(1, frame.shape[1]), 20_000), scramble=True, seed=seed).random(count)
    rng = np.random.default_rng([seed, 23])
    columns = {}
    for i, name in enumerate(frame.columns):
        share = shares[:, i % shares.shape[1]]
        columns[name] = (
            _empty(frame[name], count) if name in personal else _drawn(frame[name], share, max(1, floor), rng)
        )
    rows = pd.DataFrame(columns, index=pd.RangeIndex(count))
    rows.columns = frame.columns
    return rows


def reference_values(frame: pd.DataFrame, *, personal: Sequence[str], floor: int) -> dict[str, dict[str, Any]]:
    """The values that each column may plausibly take, as plain JSON.

    Args:
        frame: rows with the column types of :mod:`modelwright.table`.
        personal: columns that are left out.
        floor: rows that a shown value must stand for at least.

    Returns:
        By column ``{"numbers": […]}`` or ``{"dates": […]}``, evenly spaced quantiles from 1 % to 99 %, ascending and
        with repetitions, or ``{"levels": […]}``, commonest first. Texts and personal columns have no entry.
    """
    import numpy as np
    import pandas as pd

    found: dict[str, dict[str, Any]] = {}
    shares = np.linspace(0.01, 0.99, STEPS)
    for name in frame.columns:
        column = frame[name]
        if name in personal:
            continue
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels = [level for level, _ in named_levels(column, max(1, floor))]
            if levels:
                found[str(name)] = {"levels": levels[:LEVELS]}
        elif column.dtype.kind == "M":
            moments = _stamps(column)
            if len(moments) >= 2 * floor:
                dates = _dates(moments, shares, max(1, floor))
                found[str(name)] = {"dates": [str(d) for d in dates]}
        elif column.dtype.kind == "f":
            values = _finite(column)
            if len(values) >= 2 * floor:
                found[str(name)] = {"numbers": quantiles(values, shares, max(1, floor)).tolist()}
    return found


def named_levels(column: pd.Series[Any], floor: int) -> list[tuple[str, int]]:
    """The levels that at least ``floor`` rows have, with their counts, commonest first."""
    import numpy as np

    codes = column.cat.codes.to_numpy()
    counts = np.bincount(codes[codes >= 0], minlength=len(column.cat.categories))
    names = column.cat.categories.to_numpy(dtype=object)
    common = [(str(names[i]), int(counts[i])) for i in np.flatnonzero(counts >= floor)]
    return sorted(common, key=lambda level: (-level[1], level[0]))


def quantiles(ordered: np.ndarray, shares: np.ndarray, floor: int) -> np.ndarray:
    """Microaggregated quantiles: each the mean of ``floor`` neighbouring values, rounded to a thousandth of the spread.

    Where values are so few that each stands for a level, figures are moved to the nearest value that ``floor`` rows
    have.

    Args:
        ordered: finite values, ascending (n,), at least ``floor`` of them.
        shares: 0 to 1.
        floor: see above.
    """
    import numpy as np

    n = len(ordered)
    starts = np.clip(np.round(shares * (n - 1) - (floor - 1) / 2), 0, n - floor).astype(np.int64)
    around = ordered[starts[:, None] + np.arange(floor)]
    first = around[:, :1]
    with np.errstate(over="ignore", invalid="ignore"):
        means = (first + (around - first).mean(axis=1, keepdims=True)).ravel()
        means = np.where(np.isfinite(means), means, np.median(around, axis=1))
        spread = float(ordered[int(0.95 * (n - 1))] - ordered[int(0.05 * (n - 1))])
        spread = spread if spread > 0 else float(ordered[-1] - ordered[0])
    tied = around[:, 0] == around[:, -1]
    values = np.where(tied, around[:, 0], means)
    if np.isfinite(spread) and spread > 0:
        digits = int(np.clip(3 - np.floor(np.log10(spread)), -300, 300))
        values = np.where(tied, values, np.round(values, digits))
    if (ordered == np.floor(ordered)).all():
        values = np.round(values)
    distinct, counts = np.unique(ordered, return_counts=True)
    common = distinct[counts >= floor]
    if len(distinct) * floor <= n and len(common):
        values = common[np.abs(common[None, :] - values[:, None]).argmin(axis=1)]
    return np.asarray(values, dtype=np.float64)


def _dates(ordered: np.ndarray, shares: np.ndarray, floor: int) -> np.ndarray:
    """Quantiles of microseconds as moments; whole days where all values are."""
    import numpy as np

    found = quantiles(ordered, shares, floor)
    day = 86_400_000_000
    if (ordered % day == 0).all():
        found = np.round(found / day) * day
    return found.astype("datetime64[us]")


def _drawn(column: pd.Series[Any], share: np.ndarray, floor: int, rng: np.random.Generator) -> pd.Series[Any]:
    """Values at these shares of the column's distribution; missing at the far end where the column is often missing."""
    import numpy as np
    import pandas as pd

    missing = float(column.isna().mean()) if len(column) else 1.0
    if missing * len(column) < floor:
        missing = 0.0
    absent = share >= 1 - missing
    inside = np.clip(share / max(1 - missing, 1e-12), 0, 1)
    empty = _empty(column, len(share))
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = named_levels(column, floor)
        if not levels:
            return empty
        edges = np.cumsum([count for _, count in levels]) / sum(count for _, count in levels)
        picked = np.array([level for level, _ in levels], dtype=object)[
            np.searchsorted(edges, inside, side="right").clip(max=len(levels) - 1)
        ]
        return pd.Series(
            pd.Categorical(
                [None if a else p for a, p in zip(absent, picked, strict=True)], categories=column.cat.categories
            )
        )
    if column.dtype.kind in "fM":
        values = _stamps(column) if column.dtype.kind == "M" else _finite(column)
        if len(values) < 2 * floor:
            return empty
        if column.dtype.kind == "f":
            return pd.Series(np.where(absent, np.nan, quantiles(values, inside, floor)))
        return pd.Series(_dates(values, inside, floor)).where(~absent).astype(column.dtype)
    texts = _texts(column, len(share), floor, rng)
    return empty if texts is None else pd.Series(texts, dtype=column.dtype).where(~absent)


def _texts(column: pd.Series[Any], count: int, floor: int, rng: np.random.Generator) -> list[str] | None:
    """Strings of common words, as long as texts usually are; ``None`` where no word is common."""
    import numpy as np

    known = column.dropna()
    if len(known) > SAMPLED_TEXTS:
        known = known.iloc[np.sort(rng.choice(len(known), SAMPLED_TEXTS, replace=False))]
    split = [str(text).split() for text in known]
    used = Counter(word for words in split for word in dict.fromkeys(words))
    common = sorted((w for w, c in used.items() if c >= floor), key=lambda w: (-used[w], w))[:WORDS]
    if not common:
        return None
    length = int(np.clip(np.median([len(words) for words in split]), 1, LONGEST_TEXT))
    weights = np.array([used[w] for w in common], dtype=np.float64)
    drawn = rng.choice(len(common), (count, length), p=weights / weights.sum())
    return [" ".join(common[i] for i in row) for row in drawn]


def _empty(column: pd.Series[Any], count: int) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([None] * count, dtype=column.dtype)


def _finite(column: pd.Series[Any]) -> np.ndarray:
    import numpy as np

    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.sort(values[np.isfinite(values)])


def _stamps(column: pd.Series[Any]) -> np.ndarray:
    """Microseconds since 1970, ascending."""
    import numpy as np

    moments = column.dropna().to_numpy(dtype="datetime64[us]").astype(np.int64)
    return np.sort(moments).astype(np.float64)
