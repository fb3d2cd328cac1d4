"""Do the sealed rows look like those that were learnt from? Adversarial validation, with the columns that differ."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis, Case
from modelwright.checks import Sample
from modelwright.executors import Done, Workplace
from modelwright.finding import Finding
from modelwright.fitting import rows_of
from modelwright.frames import stack_rows
from modelwright.hashing import plain, restore

MOST_ROWS = 6_000
"""Rows of each side that are looked at."""

FOLDS, ROUNDS = 3, 50
DIFFERENT, VERY = 0.6, 0.75
"""Lower end of the interval from which a difference is told, or taken for suspicious; 0.5 is no difference at all."""

ROWS_A_LEVEL = 20
"""Rows that a column's levels have on average for it to be looked at."""

MOST_COLUMNS = 5
LEAST_SHARE = 0.1
"""Of what tells the sides apart, what a column must contribute to be named."""


@dataclass(frozen=True)
class Shift:
    """How well a model tells the sealed rows from the development rows.

    Args:
        auc: area under the ROC curve, out of fold: 0.5 when the rows are alike, 1 when they can always be told apart.
        low: lower end of its 95 % interval.
        high: upper end of it.
        rows: rows of both sides that were looked at.
        columns: the columns that tell the sides apart, with their share of the model's gain, largest first.
        by: how the sealed rows were chosen, see :class:`~modelwright.protocol.Protocol`.
    """

    auc: float
    low: float
    high: float
    rows: int
    columns: tuple[tuple[str, float], ...]
    by: str

    def findings(self) -> tuple[Finding, ...]:
        """One, when the rows differ for sure."""
        if self.low < DIFFERENT:
            return ()
        expected = {
            "time": "What comes later is often different; the score then tells of the time in which it was measured.",
            "group": "Groups that are new always look new.",
            "given": "The test file may come from where the model will be used, which is what counts.",
        }
        return (
            Finding(
                "shift",
                "The sealed rows differ from those that were learnt from",
                tuple(name for name, _ in self.columns),
                "suspicious" if self.low >= VERY and self.by not in ("time", "group") else "note",
                f"A model tells them apart with an area under the ROC curve of {self.auc:.2f} "
                f"({self.low:.2f} to {self.high:.2f}; 0.5 is chance), {self.rows:,} rows.",
                expected.get(self.by, ""),
                "Nothing was changed.",
            ),
        )


def shift(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Have a quick LightGBM tell sealed from development rows, out of fold; the value is a :class:`Shift`.

    The time column and other dates are left out where the sealed rows are the last in time: they'd tell at once.
    """
    asked = restore(Case, case)
    rng = np.random.default_rng([place.seed, 41])
    sides = []
    for name in ("rows", "holdout"):
        frame, _ = rows_of(place.inputs[name], asked.target, asked.n_classes)
        picked = np.sort(rng.choice(len(frame), min(len(frame), MOST_ROWS), replace=False))
        sides.append(frame.iloc[picked].reset_index(drop=True))
    frame = stack_rows(*sides)
    side = np.repeat([0.0, 1.0], [len(part) for part in sides])
    sample = Sample(frame, asked.schema, side.astype(np.int64), asked.problem, len(side), seed=place.seed)
    dates = asked.schema.of_kind("datetime") if asked.problem.time_column.value is not None else ()
    barred = {asked.problem.time_column.value, *dates}
    # Levels that hardly repeat are on one side or the other by necessity.
    names = [name for name in frame.columns if name not in barred and _repeats(frame[name])]
    if not names or min(map(len, sides)) < 30:
        return Done(None, {})
    X = np.column_stack([sample.codes(name) for name in names]).astype(np.float32)
    scores, gains, cut = _told_apart(X, side, _parts(frame, rng), place)
    if scores is None:
        return Done(None, {}, truncated=True)
    auc, low, high = _auc(side, scores)
    total = gains.sum() or 1.0
    top = [i for i in np.argsort(-gains, kind="stable")[:MOST_COLUMNS] if gains[i] >= LEAST_SHARE * total]
    columns = tuple((str(names[i]), round(float(gains[i] / total), 3)) for i in top)
    return Done(plain(Shift(auc, low, high, len(side), columns, asked.protocol.holdout)), {}, truncated=cut)


def _repeats(column: pd.Series) -> bool:
    """Whether a column holds quantities, or levels that have some rows each."""
    return column.dtype.kind in "fM" or column.nunique() <= max(2, len(column) // ROWS_A_LEVEL)


def _parts(frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """The fold of each row. Copies share one: they share a side, too, so a copy that was learnt from would tell it."""
    sets = np.unique(pd.util.hash_pandas_object(frame, index=False).to_numpy(), return_inverse=True)[1]
    return np.asarray(rng.integers(0, FOLDS, sets.max() + 1)[sets])


def _told_apart(
    X: np.ndarray, side: np.ndarray, part: np.ndarray, place: Workplace
) -> tuple[np.ndarray | None, np.ndarray, bool]:
    """Out-of-fold scores, the columns' gains, and whether the time was over before all folds were done."""
    import lightgbm

    params = {
        "objective": "binary", "num_leaves": 15, "learning_rate": 0.1, "verbosity": -1, "num_threads": place.threads,
        "deterministic": True, "force_row_wise": True, "seed": place.seed, "min_child_samples": 20,
    }  # fmt: skip
    weight = np.where(side == 1, (side == 0).sum() / (side == 1).sum(), 1.0)
    scores, gains = np.full(len(side), np.nan), np.zeros(X.shape[1])
    for fold in range(FOLDS):
        if place.stop_at is not None and time.monotonic() > place.stop_at:
            return None, gains, True
        train, test = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        data = lightgbm.Dataset(X[train], side[train], weight=weight[train])
        booster = lightgbm.train(params, data, ROUNDS)
        scores[test] = np.asarray(booster.predict(X[test]))
        gains += booster.feature_importance("gain")
    return scores, gains, False


def _auc(side: np.ndarray, scores: np.ndarray) -> tuple[float, float, float]:
    """The area under the ROC curve with its 95 % interval by Hanley and McNeil (1982)."""
    from scipy.stats import rankdata

    n1, n0 = float((side == 1).sum()), float((side == 0).sum())
    auc = float((rankdata(scores)[side == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)) / (n1 * n0)
    reach = 1.96 * float(np.sqrt(max(variance, 0.0)))
    return auc, max(0.0, auc - reach), min(1.0, auc + reach)


ANALYSIS = Analysis("shift", "modelwright.analyses.shift:shift", Shift, rank=15, share=0.03)
