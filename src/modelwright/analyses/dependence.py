"""How do predictions depend on the most important columns, and which columns work together?"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis
from modelwright.analyses._ground import Ground, ground
from modelwright.executors import Done, Workplace
from modelwright.explanation import Dependence, Dependences, Interaction
from modelwright.hashing import plain
from modelwright.references import named_levels, quantiles

COLUMNS = 8
PAIRED = 6
ROWS = 200
POINTS = 20
LEVELS = 12
PAIR_POINTS = 40


def dependence(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Partial dependence (Friedman 2001) and two-way interactions (Friedman and Popescu 2008).

    The value is a :class:`~modelwright.explanation.Dependences` or ``None``. Points lie within the middle 98 % of the
    development rows; curves and pairs are computed from the most important on until the time is over.
    """
    here = ground(place, case)
    names = [n for n in here.ranked() if n not in here.case.personal][:COLUMNS]
    if not names or not len(here.held):
        return Done(None, {})
    rows = here.held.iloc[here.sample(here.held, ROWS)].reset_index(drop=True)
    curves, cut = [], False
    for name in names:
        started = time.monotonic()
        curve = _curve(here, name, rows)
        if curve is not None:
            curves.append(curve)
        if 1.2 * (time.monotonic() - started) > here.left:
            cut = name != names[-1]
            break
    if not curves:
        return Done(None, {})
    pairs, left_out = _pairs(here, [c.column for c in curves][:PAIRED], rows)
    found = Dependences(tuple(curves), pairs, len(rows), cut or left_out)
    return Done(plain(found), {}, truncated=found.truncated)


def _curve(here: Ground, name: str, rows: pd.DataFrame) -> Dependence | None:
    """The curve of one column; ``None`` where too few values may be shown."""
    points = _points(here.rows[name], here.case.floor)
    if points is None:
        return None
    kind, values, x, density = points
    # (points, rows, outcomes)
    found = np.stack([here.watched(_with(rows, name, value)) for value in values])
    means = found.mean(axis=1)
    # Of several classes the one whose probability the column moves most.
    which = int(np.argmax(means.std(axis=0)))
    single = found[:, :, which]
    mean = means[:, which]
    centred = single - single.mean(axis=0)
    low, high = np.quantile(centred - centred.mean(axis=1, keepdims=True), (0.1, 0.9), axis=1)
    levels = tuple(str(v) for v in values) if kind == "level" else ()
    at, y, below, above, share = (tuple(a.tolist()) for a in (x, mean, mean + low, mean + high, density))
    return Dependence(name, kind, at, y, below, above, share, levels, here.outcome(which))


def _points(column: pd.Series[Any], floor: int) -> tuple[Any, list[Any], np.ndarray, np.ndarray] | None:
    """Kind, values, positions and density of a column's points; ``None`` for texts and for too few values."""
    floor = max(1, floor)
    n = len(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = named_levels(column, floor)[:LEVELS]
        if len(levels) < 2:
            return None
        density = np.array([count / n for _, count in levels])
        return "level", [level for level, _ in levels], np.arange(len(levels), dtype=np.float64), density
    if column.dtype.kind not in "fM":
        return None
    dates = column.dtype.kind == "M"
    known = column.dropna()
    values = known.to_numpy(dtype="datetime64[us]").astype(np.int64).astype(np.float64) if dates else known.to_numpy()
    values = np.sort(values[np.isfinite(values)])
    if len(values) < 2 * floor:
        return None
    grid = np.unique(quantiles(values, np.linspace(0.01, 0.99, POINTS), floor))
    if len(grid) < 2:
        return None
    edges = (grid[1:] + grid[:-1]) / 2
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(grid))
    density = np.where(counts >= floor, counts, 0) / n
    if dates:
        return "date", pd.to_datetime(grid.astype("datetime64[us]")).tolist(), grid / 1e6, density
    return "number", grid.tolist(), grid, density


def _with(rows: pd.DataFrame, name: str, value: Any) -> pd.DataFrame:
    """The rows with one column set to a value everywhere."""
    changed = rows.copy(deep=False)
    own = rows[name]
    if isinstance(own.dtype, pd.CategoricalDtype):
        changed[name] = pd.Series(pd.Categorical([value] * len(rows), categories=own.cat.categories))
    else:
        changed[name] = pd.Series([value] * len(rows), dtype=own.dtype)
    return changed


def _pairs(here: Ground, names: list[str], rows: pd.DataFrame) -> tuple[tuple[Interaction, ...], bool]:
    """Interactions of these columns, and whether time was too short for all of them."""
    if len(names) < 2:
        return (), False
    part = (
        rows.head(PAIR_POINTS)
        if here.case.problem.time_column.value
        else rows.iloc[:: max(1, len(rows) // PAIR_POINTS)]
    )
    part = part.head(PAIR_POINTS).reset_index(drop=True)
    if _in_company(here, part):
        return (), False
    centred: dict[tuple[str, ...], np.ndarray] = {}
    found: list[Interaction] = []
    for pair in itertools.combinations(names, 2):
        started = time.monotonic()
        for some in ((pair[0],), (pair[1],), pair):
            if some not in centred:
                centred[some] = _joint(here, part, some)
        both = centred[pair]
        alone = both - centred[(pair[0],)] - centred[(pair[1],)]
        total = float((both**2).sum())
        strength = float(np.sqrt(min(1.0, float((alone**2).sum()) / total))) if total > 1e-24 else 0.0
        found.append(Interaction(*pair, strength, float(alone.std(axis=0).max())))
        if 1.2 * (time.monotonic() - started) > here.left:
            break
    wanted = len(names) * (len(names) - 1) // 2
    return tuple(sorted(found, key=lambda i: -i.size)), len(found) < wanted


def _joint(here: Ground, rows: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """The centred partial dependence on these columns at every row's own values, (rows, outcomes)."""
    n = len(rows)
    at, others = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
    frame = rows.take(others).reset_index(drop=True)
    for name in names:
        frame[name] = rows[name].take(at).reset_index(drop=True)
    found = here.watched(frame).reshape(n, n, -1).mean(axis=1)
    return np.asarray(found - found.mean(axis=0))


def _in_company(here: Ground, rows: pd.DataFrame) -> bool:
    """Whether rows are predicted differently among copies of each other: then joint effects can't be told apart."""
    twice = pd.concat([rows, rows.iloc[::-1]], ignore_index=True)
    return not np.allclose(here.watched(twice)[: len(rows)], here.watched(rows), rtol=1e-6, atol=1e-9)


DEPENDENCE = Analysis(
    name="dependence",
    tool="modelwright.analyses.dependence:dependence",
    result=Dependences,
    rank=40,
    share=0.05,
    least=1.0,
)
