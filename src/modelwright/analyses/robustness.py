"""How does the score hold when the data is less perfect than the sealed rows?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis
from modelwright.analyses._judged import Judged, judged
from modelwright.diagnostics import Perturbation, Robustness
from modelwright.executors import Done, Workplace
from modelwright.hashing import plain

MOST_ROWS = 5_000
ABSENT = 5
"""Most important columns that are left out one at a time."""
TOGETHER = 3
NOISE = 0.1
"""Standard deviations of the noise added to each number, relative to the column's own."""
SWAPPED = 0.05
"""Share of levels that are replaced by another row's."""
SHIFTED = 3
"""Most important columns whose rows are weighted anew."""
TILT = 4.0
"""How many times more the upper half of a column counts than the lower one."""
LEAST_SIDE = 20


def robustness(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Score the sealed rows with columns absent, values inexact, and rows in another mix; each with its loss.

    Losses have paired 95 % intervals. The value is a :class:`~modelwright.diagnostics.Robustness`.
    """
    found = judged(place, case)
    if len(found.y) > MOST_ROWS:
        kept = np.sort(np.random.default_rng([place.seed, 67]).choice(len(found.y), MOST_ROWS, replace=False))
        found.frame, found.y = found.frame.iloc[kept].reset_index(drop=True), found.y[kept]
        found.units = None if found.units is None else found.units[kept]
    # What it predicted when it was judged may have known more rows than these, which changed ones are compared with.
    found.raw = found.predict(found.frame)
    important = [i.column for i in found.case.judgement.importances if i.loss > 0 and i.column in found.frame.columns]
    done, complete = [], True
    for kind, what, columns, frame, weights in _changes(found, important):
        if found.late:
            complete = False
            break
        prediction = found.raw if frame is None else found.predict(frame)
        done.append(Perturbation(kind, what, columns, *found.loss(prediction, weights)))
    if not done:
        return Done(None, {}, truncated=True)
    result = Robustness(found.metric.name, found.score(found.raw), tuple(done), len(found.y), complete)
    return Done(plain(result), {}, truncated=not complete)


Change = tuple[Any, str, tuple[str, ...], pd.DataFrame | None, np.ndarray | None]


def _changes(found: Judged, important: list[str]) -> Iterator[Change]:
    """What is tried, the likeliest first."""
    for name in important[:ABSENT]:
        yield "missing", f"without {name!r}", (name,), _absent(found.frame, (name,)), None
    if len(important) >= 2:
        together = tuple(important[:TOGETHER])
        yield (
            "missing",
            f"without the {len(together)} most important columns",
            together,
            _absent(found.frame, together),
            None,
        )
    numeric = tuple(n for n in found.frame.columns if pd.api.types.is_numeric_dtype(found.frame[n]))
    named = tuple(n for n in found.frame.columns if isinstance(found.frame[n].dtype, pd.CategoricalDtype))
    rng = np.random.default_rng([found.place.seed, 71])
    if numeric:
        what = f"numbers inexact by {NOISE:.0%} of their spread"
        yield "noise", what, numeric, _inexact(found.frame, numeric, rng), None
    if named:
        what = f"{SWAPPED:.0%} of the levels wrong"
        yield "noise", what, named, _swapped(found.frame, named, rng), None
    for name in important[:SHIFTED]:
        upper = _upper(found.frame[name])
        if upper is not None:
            side, words = upper
            what = f"{TILT:g} times more rows with {name!r} {words}"
            yield "shift", what, (name,), None, np.where(side, TILT, 1.0)


def _absent(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    for name in names:
        changed[name] = frame[name].where(pd.Series(np.zeros(len(frame), dtype=bool), index=frame.index))
    return changed


def _inexact(frame: pd.DataFrame, names: tuple[str, ...], rng: np.random.Generator) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    for name in names:
        values = frame[name].to_numpy(dtype=np.float64)
        known = values[np.isfinite(values)]
        # A robust spread: one huge value would make the noise larger than everything else.
        spread = float(np.subtract(*np.quantile(known, [0.75, 0.25])) / 1.349) if len(known) else 0.0
        spread = spread or (float(known.std()) if len(known) else 0.0)
        changed[name] = values + NOISE * spread * rng.normal(size=len(values))
    return changed


def _swapped(frame: pd.DataFrame, names: tuple[str, ...], rng: np.random.Generator) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    for name in names:
        wrong = rng.random(len(frame)) < SWAPPED
        other = frame[name].take(rng.permutation(len(frame))).set_axis(frame.index)
        changed[name] = frame[name].where(pd.Series(~wrong, index=frame.index), other)
    return changed


def _upper(column: pd.Series) -> tuple[np.ndarray, str] | None:
    """The rows with the larger values, or with the commonest level, where both sides have enough rows."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        counts = column.value_counts()
        if not len(counts):
            return None
        side, words = (column == counts.index[0]).fillna(False).to_numpy(dtype=bool), "at its commonest level"
    elif pd.api.types.is_numeric_dtype(column) and column.notna().any():
        side, words = (column > column.median()).to_numpy(dtype=bool), "above its median"
    else:
        return None
    return (side, words) if LEAST_SIDE <= int(side.sum()) <= len(side) - LEAST_SIDE else None


ROBUSTNESS = Analysis(
    name="robustness",
    tool="modelwright.analyses.robustness:robustness",
    result=Robustness,
    rank=30,
    share=0.05,
    least=0.5,
)
