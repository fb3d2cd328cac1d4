"""How strongly columns go with the target and with each other: rank correlations and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.aggregates import keys_of
from modelwright.profile import Anchor
from modelwright.table import Field, Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PAIRED_COLUMNS = 300
MANY_VALUES, LEAST_REPEATED = 50, 1.5
"""Values that whole numbers must have to be taken for names, and how often each has to occur on average."""
NEIGHBOURS = 4
"""Values next to each other that a smooth relation can't tell apart."""
MOST_LEFT = 0.5
"""Share of a target's variance that may be left when a column is taken off it, for the column to be told of."""


class Relation:
    """Measures how strongly columns go with the target, on the sampled rows."""

    def __init__(self, frame: pd.DataFrame, schema: Schema, target: str | None, sample: np.ndarray, floor: int) -> None:
        self.sample, self.floor, self.target = sample, floor, target
        self.ranks: np.ndarray | None = None
        self.codes: np.ndarray | None = None
        if target is None or schema[target].personal:
            return
        series, kind = frame[target].iloc[sample], schema[target].kind
        if kind in ("numeric", "datetime"):
            self.ranks = _ranks(series)
        elif kind in ("boolean", "category"):
            self.codes = keys_of(series, schema[target]).view("int64")

    def strength(self, series: pd.Series, field: Field) -> float | None:
        """The association of a column with the target, 0 to 1, or ``None`` where there is no measure for it."""
        kinds = ("numeric", "datetime", "boolean", "category")
        if field.name == self.target or field.kind not in kinds or (self.ranks is None and self.codes is None):
            return None
        part = series.iloc[self.sample]
        if field.kind in ("numeric", "datetime"):
            x = _ranks(part)
            value = _spearman(x, self.ranks, self.floor) if self.ranks is not None else None
            return value if self.codes is None else _correlation_ratio(self.codes, x, self.floor)
        return self._told(keys_of(part, field).view("int64"))

    def naming(self, series: pd.Series, field: Field) -> float | None:
        """How much more of the target whole numbers explain as names than as a quantity, as shares of its variance.

        As a quantity, a few values next to each other count as one, so that any smooth relation is seen. ``None``
        for anything but whole numbers with many values that repeat, or where nothing can be measured.
        """
        import numpy as np
        import pandas as pd

        whole = field.kind == "numeric" and field.whole and field.name != self.target
        if not whole or (self.ranks is None and self.codes is None):
            return None
        names = pd.factorize(_numbers(series.iloc[self.sample]), sort=True)[0]
        if not MANY_VALUES < int(names.max(initial=-1)) + 1 <= len(names) / LEAST_REPEATED:
            return None
        alone, near = self._told(names), self._told(np.where(names < 0, -1, names // NEIGHBOURS))
        return None if alone is None or near is None else round(max(0.0, alone**2 - near**2), 4)

    def _told(self, codes: np.ndarray) -> float | None:
        if self.ranks is not None:
            return _correlation_ratio(codes, self.ranks, self.floor)
        assert self.codes is not None
        return _cramers_v(codes, self.codes, self.floor)


def _ranks(series: pd.Series) -> np.ndarray:
    """Average ranks, not-a-number where missing."""
    import numpy as np
    import pandas as pd

    if series.dtype.kind == "M":
        stamps = series.to_numpy("datetime64[us]")
        values = np.where(np.isnat(stamps), np.nan, stamps.view(np.int64).astype(np.float64))
    else:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    ranks: np.ndarray = pd.Series(np.where(np.isfinite(values), values, np.nan)).rank().to_numpy(dtype=np.float64)
    return ranks


def _spearman(x: np.ndarray, y: np.ndarray, floor: int) -> float | None:
    import numpy as np

    here = ~(np.isnan(x) | np.isnan(y))
    if here.sum() < max(floor, 3):
        return None
    a, b = x[here] - x[here].mean(), y[here] - y[here].mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return round(min(1.0, abs(float(a @ b)) / spread), 4) if spread > 0 else 0.0


def _correlation_ratio(codes: np.ndarray, y: np.ndarray, floor: int) -> float | None:
    """The correlation ratio of ranks by level, corrected for the number of levels (epsilon squared, Kelley 1935)."""
    import numpy as np

    here = (codes >= 0) & ~np.isnan(y)
    n = int(here.sum())
    if n < max(floor, 3):
        return None
    _, groups = np.unique(codes[here], return_inverse=True)
    values = y[here] - y[here].mean()
    counts = np.bincount(groups)
    total = float(values @ values)
    if total <= 0 or counts.size < 2 or counts.size >= n:
        return 0.0
    between = float((np.bincount(groups, weights=values) ** 2 / counts).sum())
    share = 1 - (1 - between / total) * (n - 1) / (n - counts.size)
    return round(float(np.sqrt(min(1.0, max(0.0, share)))), 4)


def _cramers_v(a: np.ndarray, b: np.ndarray, floor: int) -> float | None:
    """Cramér's V with the bias correction of Bergsma (2013)."""
    import numpy as np

    here = (a >= 0) & (b >= 0)
    n = int(here.sum())
    if n < max(floor, 3):
        return None
    _, i = np.unique(a[here], return_inverse=True)
    _, j = np.unique(b[here], return_inverse=True)
    r, k = int(i.max()) + 1, int(j.max()) + 1
    if min(r, k) < 2:
        return 0.0
    cells, counts = np.unique(i.astype(np.int64) * k + j, return_counts=True)
    expected = np.bincount(i)[cells // k] * np.bincount(j)[cells % k] / n
    phi2 = float((counts**2 / expected).sum()) / n - 1
    phi2 = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return round(float(np.sqrt(min(1.0, phi2 / smaller))), 4) if smaller > 0 else 0.0


def nearest_anchors(
    frame: pd.DataFrame, schema: Schema, target: str | None, sample: np.ndarray, floor: int
) -> tuple[Anchor, ...]:
    """The three numeric columns, among the first 300, that leave the least of a numeric target's variance when they
    are taken off it, and no more than half of it."""
    if target is None or schema[target].kind != "numeric" or schema[target].personal:
        return ()
    names = [f.name for f in schema.fields if f.kind == "numeric" and not f.personal and f.name != target]
    goal = _numbers(frame[target].iloc[sample])
    found = [_anchor(name, _numbers(frame[name].iloc[sample]), goal, floor) for name in names[:PAIRED_COLUMNS]]
    near = [a for a in found if a is not None and a.left <= MOST_LEFT]
    return tuple(sorted(near, key=lambda a: (a.left, names.index(a.column)))[:3])


def _anchor(name: str, x: np.ndarray, y: np.ndarray, floor: int) -> Anchor | None:
    import numpy as np

    here = np.isfinite(x) & np.isfinite(y)
    if here.sum() < max(3 * floor, np.isfinite(y).sum() / 2):
        return None
    x, y = x[here], y[here]
    anchor = Anchor(name, "difference", _left(y - x, y))
    if min(x.min(), y.min()) > 0:
        ratio = _left(np.log(y) - np.log(x), np.log(y))
        anchor = Anchor(name, "log_ratio", ratio) if ratio < anchor.left else anchor
    return anchor


def _left(rest: np.ndarray, whole: np.ndarray) -> float:
    """The variance of the rest over that of the whole, with the outermost hundredths of each pulled in."""
    import numpy as np

    spread = [float(np.var(np.clip(values, *np.quantile(values, (0.01, 0.99))))) for values in (rest, whole)]
    return round(spread[0] / spread[1], 4) if spread[1] > 0 else 1.0


def _numbers(series: pd.Series) -> np.ndarray:
    import numpy as np

    values: np.ndarray = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def strongest_pairs(
    frame: pd.DataFrame, schema: Schema, target: str | None, sample: np.ndarray, floor: int
) -> tuple[tuple[str, str, float], ...]:
    """The twenty strongest rank correlations among the first 300 numeric columns, of at least 0.5."""
    import numpy as np

    names = [f.name for f in schema.fields if f.kind == "numeric" and not f.personal and f.name != target]
    names = names[:PAIRED_COLUMNS]
    if len(names) < 2 or sample.size < floor:
        return ()
    ranks = np.column_stack([_ranks(frame[name].iloc[sample]) for name in names])
    here = ~np.isnan(ranks)
    counts = np.maximum(here.sum(axis=0), 1)
    centred = np.where(here, ranks - np.nansum(ranks, axis=0) / counts, 0.0).astype(np.float32) / max(1, sample.size)
    both = here.astype(np.float32)
    spread = (centred**2).T @ both
    scale = np.sqrt(spread * spread.T)
    rho = np.divide(centred.T @ centred, scale, out=np.zeros_like(scale), where=scale > 0)
    rho[(both.T @ both) < max(3 * floor, 10)] = 0.0
    upper = [(i, j) for i, j in zip(*np.nonzero(np.triu(np.abs(rho) >= 0.5, 1)), strict=True)]
    upper.sort(key=lambda ij: (-round(abs(float(rho[ij])), 4), ij))
    return tuple((names[i], names[j], round(float(np.clip(rho[i, j], -1, 1)), 4)) for i, j in upper[:20])
