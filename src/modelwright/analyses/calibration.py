"""Do probabilities mean what they say, and could they be repaired?"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.actions import build_part
from modelwright.analyses import Analysis, Case
from modelwright.analyses._judged import judged, seen
from modelwright.comparing import confidence
from modelwright.diagnostics import Calibration
from modelwright.executors import Done, Workplace
from modelwright.fitting import calibrated, rows_of
from modelwright.hashing import plain
from modelwright.recipe import Setting, Use
from modelwright.tasks.metrics import find_metric

REPAIRS = (Use("temperature"), Use("sigmoid"), Use("isotonic"))
"""In the order of how little they can spoil; a later one must be better to be offered."""
ISOTONIC_ROWS = 1_000
SIMULATED = 300
"""Samples of labels drawn from the probabilities themselves, which show what error chance makes."""
WORTH = 0.002
"""Share of the log loss that a repair must save on out-of-fold rows to be offered."""


def calibration(place: Workplace, *, case: dict[str, Any]) -> Done:
    """The expected calibration error on the sealed rows, and a correction learnt on out-of-fold predictions.

    Bins hold equally many rows (Nguyen and O'Connor 2015; Guo et al. 2017 for the error). What chance makes of it is
    found by drawing labels from the probabilities themselves, since the error of a perfect model is not zero
    (Vaicenavicius et al. 2019). The value is a :class:`~modelwright.diagnostics.Calibration`.
    """
    found = judged(place, case)
    asked, truth = found.case, found.y.astype(np.int64)
    sure, hit = _watched(found.raw, truth)
    bins = _bins(sure)
    error = _error(sure, hit, bins)
    rng = np.random.default_rng([place.seed, 43])
    drawn = [_error(sure, (rng.random(len(sure)) < sure).astype(np.float64), bins) for _ in range(SIMULATED)]
    again = np.array([_error(sure, hit, bins, w) for weights in found.resamples for w in weights[:100]])
    # Each resample repeats rows, which adds to the error what sampling added before; that much is taken off again.
    low, high = confidence(error, again - (again.mean() - error), found.resamples.n_units)
    chance = float(np.quantile(drawn, 0.95))
    fits = error <= chance
    offered, repaired = "", None
    if not fits and not found.late:
        offered, corrected = _repair(place, asked, found.raw)
        if corrected is not None:
            repaired = _error(*_watched(corrected, truth), _bins(_watched(corrected, truth)[0]))
            if repaired >= error:
                offered, repaired = "", None
    applied = asked.calibration.action if asked.calibration is not None else ""
    result = Calibration(
        error, max(0.0, low), high, chance, fits, applied, offered, repaired, _sentence(error, fits, offered, repaired)
    )
    return Done(plain(result), {})


def _sentence(error: float, fits: bool, offered: str, repaired: float | None) -> str:
    if fits:
        return f"Probabilities are off by {error:.1%} on average, no more than chance would: they mean what they say."
    told = (
        f"Probabilities are off by {error:.1%} on average, more than chance makes it: compare them, don't quote them."
    )
    if repaired is None:
        return told
    return f"{told} The correction {offered!r}, learnt on out-of-fold predictions, brings it to {repaired:.1%}."


def _watched(raw: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predicted probabilities and whether they came true: of the second of two classes, else of the predicted one."""
    if raw.shape[1] == 2:
        return raw[:, 1], (truth == 1).astype(np.float64)
    labels = raw.argmax(axis=1)
    return raw[np.arange(len(raw)), labels], (labels == truth).astype(np.float64)


def _bins(sure: np.ndarray) -> np.ndarray:
    """Up to fifteen bins of equally many rows, twenty at least; equal probabilities together."""
    count = int(np.clip(len(sure) // 20, 1, 15))
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, count + 1)[1:-1]))
    return np.searchsorted(edges, sure, side="left")


def _error(sure: np.ndarray, hit: np.ndarray, bins: np.ndarray, weights: np.ndarray | None = None) -> float:
    w = np.ones(len(sure)) if weights is None else weights
    return float(np.abs(np.bincount(bins, w * (hit - sure))).sum() / w.sum())


def _repair(place: Workplace, asked: Case, raw: np.ndarray) -> tuple[str, np.ndarray | None]:
    """The correction that saves most log loss on the other half of the out-of-fold rows, and what it makes of rows."""
    oof = np.load(place.inputs["oof"], allow_pickle=False)
    rows = seen(oof)
    _, truth = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    correction = calibrated(place, asked.n_classes, plain(asked.calibration))
    given = oof[rows] if correction is None else np.asarray(correction.transform(oof[rows]))
    goal, loss = truth[rows].astype(np.int64), find_metric("log_loss")
    if len(rows) < 100 or np.bincount(goal, minlength=asked.n_classes).min() < 4:
        return "", None
    half = np.random.default_rng([place.seed, 47]).permutation(len(rows)) < len(rows) // 2
    setting = Setting(asked.problem.task.value, asked.n_classes, seed=place.seed)
    before = loss.score(goal, given)
    best, least = None, before * (1 - WORTH)
    for use in REPAIRS:
        if use.action == "isotonic" and len(rows) < ISOTONIC_ROWS:
            continue
        corrected = np.empty_like(given)
        for learn in (half, ~half):
            part: Any = build_part(use, setting)
            corrected[~learn] = part.fit(given[learn], goal[learn]).transform(given[~learn])
        after = loss.score(goal, corrected)
        if after < least:
            best, least = use, after
    if best is None:
        return "", None
    part = build_part(best, setting)
    return best.action, np.asarray(part.fit(given, goal).transform(raw))


CALIBRATION = Analysis(
    name="calibration",
    tool="modelwright.analyses.calibration:calibration",
    result=Calibration,
    rank=6,
    share=0.03,
    least=0.3,
    applies=lambda case: case.n_classes > 0,
)
