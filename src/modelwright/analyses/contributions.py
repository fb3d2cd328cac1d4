"""Which columns move predictions, how far and which way? Shapley values in summary."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis
from modelwright.analyses._ground import Ground, ground
from modelwright.attribution import Attribution, attribute, players_of
from modelwright.executors import Done, Workplace
from modelwright.explanation import Contribution, Contributions
from modelwright.hashing import plain
from modelwright.importance import direction, rank_correlation

ROWS = 300
CHUNK = 10
"""Rows that are explained at a time: so few that the first of them leave time for more."""
BACKGROUND = 16
PLAYERS = 30


def contributions(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Shapley values of a sample of the sealed rows against development rows.

    The value is a :class:`~modelwright.explanation.Contributions`. Rows are explained chunk by chunk until the time
    is over.
    """
    here = ground(place, case)
    if not len(here.held):
        return Done(None, {})
    rows = here.held.iloc[here.sample(here.held, ROWS)].reset_index(drop=True)
    rng = np.random.default_rng([here.seed, 41])
    drawn = np.sort(rng.choice(len(here.rows), min(BACKGROUND, len(here.rows)), replace=False))
    found, explained = _in_chunks(here, rows, here.rows.iloc[drawn].reset_index(drop=True))
    values = np.concatenate([part.values for part in found])
    sizes = np.abs(values)
    weights = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), 500) / len(sizes)
    low, high = np.quantile(weights @ sizes, (0.025, 0.975), axis=0)
    part = rows.head(explained)
    entries = [
        _entry(here, player, values[:, j], part, float(sizes[:, j].mean()), float(low[j]), float(high[j]))
        for j, player in enumerate(found[0].players)
    ]
    entries.sort(key=lambda c: (c.count > 1, -c.mean))
    outcome = "probability of the predicted class" if here.case.n_classes > 2 else here.outcome()
    base = float(np.mean(np.concatenate([part.base for part in found])))
    cut = explained < len(rows) or any(part.truncated for part in found)
    result = Contributions(outcome, base, explained, found[0].background, tuple(entries), cut)
    return Done(plain(result), {}, truncated=cut)


def _in_chunks(here: Ground, rows: pd.DataFrame, background: pd.DataFrame) -> tuple[list[Attribution], int]:
    picked = here.raw(rows)
    classes = None if picked.ndim == 1 else np.ones(len(rows), dtype=np.int64)
    if here.case.n_classes > 2:
        classes = picked.argmax(axis=1)
    problem = here.case.problem
    fixed = [c for c in (problem.time_column.value, problem.group_column.value) if c is not None]
    players = players_of(list(rows.columns), here.ranked(), PLAYERS)
    found: list[Attribution] = []
    most, seconds, done = BACKGROUND, 0.25 * here.left, 0
    while done < len(rows):
        part = slice(done, min(done + CHUNK, len(rows)))
        started = time.monotonic()
        found.append(
            attribute(
                here.raw,
                rows.iloc[part].reset_index(drop=True),
                background,
                players,
                seed=here.seed,
                picked=None if classes is None else classes[part],
                seconds=seconds,
                most=most,
                fixed=fixed,
            )
        )
        # The first chunk finds out what can be afforded; the others do the same, so that they can be put together.
        players, most, seconds, done = list(found[0].players), found[0].background, math.inf, part.stop
        if 1.2 * (time.monotonic() - started) > here.left:
            break
    return found, done


def _entry(
    here: Ground,
    player: tuple[str, ...],
    values: np.ndarray,
    rows: pd.DataFrame,
    mean: float,
    low: float,
    high: float,
) -> Contribution:
    if len(player) > 1:
        return Contribution(f"{len(player):,} other columns", mean, low, high, count=len(player))
    column = rows[player[0]]
    ordered = column.dtype.kind in "fM" if isinstance(column.dtype, np.dtype) else False
    words = ""
    if here.case.n_classes <= 2 and mean > 0:
        said = _outcome_words(here)
        words = direction(column, values, said, named=player[0] not in here.case.personal, floor=here.case.floor)
    slope = rank_correlation(column, values) if ordered else 0.0
    return Contribution(player[0], mean, low, high, slope, words)


def _outcome_words(here: Ground) -> tuple[str, str]:
    if not here.case.n_classes:
        return "higher prediction", "lower prediction"
    label = here.case.problem.classes[1]
    label = repr(label if len(label) <= 40 else label[:37] + "...")
    return f"{label} more likely", f"{label} less likely"


CONTRIBUTIONS = Analysis(
    name="contributions",
    tool="modelwright.analyses.contributions:contributions",
    result=Contributions,
    rank=30,
    share=0.06,
    least=1.0,
)
