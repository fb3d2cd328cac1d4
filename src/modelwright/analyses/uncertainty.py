"""How sure is the model of each prediction? Conformal intervals and sets, checked on the sealed rows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from modelwright.analyses import Analysis, Case
from modelwright.conformal import conformity_scores, coverage, offsets, prediction_sets, winkler
from modelwright.estimators import all_estimators
from modelwright.executors import Done, Workplace
from modelwright.explanation import Coverage, Scores, Uncertainty
from modelwright.fitting import calibrated, rows_of, with_prediction
from modelwright.hashing import plain, restore
from modelwright.intervals import stretches
from modelwright.persistence import dump_model
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.recipe import Recipe, Setting, Use

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels that are checked on the sealed rows."""
CHOSEN_AT = 0.9
LEAST_ROWS = 200
"""Rows below which nothing can be learnt about where errors are large."""
MOST_ROWS = 20_000
FEW = 50
"""Rows of a class below which its sets are made from the errors of all classes."""
GAIN = 0.98
"""Interval score, relative to that of equal widths, from which local widths are worth their trouble."""
DIFFICULTY = Use("lightgbm", {"n_estimators": 150, "learning_rate": 0.05, "num_leaves": 8})


def uncertainty(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Conformity scores of the out-of-fold predictions, and their coverage on the sealed rows.

    The value is an :class:`~modelwright.explanation.Uncertainty` or ``None``; with local widths the artefact
    ``difficulty`` is a model of the logarithm of the absolute error.
    """
    asked = restore(Case, case)
    oof = np.load(place.inputs["oof"], allow_pickle=False)
    seen = np.flatnonzero(np.isfinite(oof).reshape(len(oof), -1).all(axis=1))
    if len(seen) < 20:
        return Done(None, {})
    frame, truth = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    held, held_truth = rows_of(place.inputs["holdout"], asked.target, asked.n_classes)
    held_raw = asked.judged(place)
    units = _units(place, asked, len(held))
    if asked.n_classes:
        correction = calibrated(place, asked.n_classes, plain(asked.calibration))
        probability = oof[seen] if correction is None else np.asarray(correction.transform(oof[seen]))
        found = _sets(probability, truth[seen].astype(np.int64), held_raw, held_truth.astype(np.int64), units)
        return Done(plain(found), {})
    assignment = np.load(place.inputs["assignment"], allow_pickle=False)[0][seen]
    part = frame.iloc[seen].reset_index(drop=True)
    model, logs, local, reason = _difficulty(part, truth[seen], oof[seen], assignment, place)
    expected = np.exp(local * logs)
    scores = conformity_scores((truth[seen] - oof[seen]) / expected)
    floor = 0.0 if truth.min() >= 0 and len(truth) >= 100 else None
    held_expected = np.ones(len(held))
    if model is not None and local:
        held_expected = np.exp(local * raw_predictions(model, with_prediction(held, held_raw), False))
    checked = tuple(_covered(level, scores, held_truth, held_raw, held_expected, floor, units) for level in LEVELS)
    files = {}
    if model is not None and local:
        files["difficulty"] = place.scratch / "difficulty.skops"
        dump_model(model, files["difficulty"])
    kept = tuple(c for c in checked if np.isfinite(c.width))
    return Done(plain(Uncertainty("interval", (scores,), kept, local, floor, reason)), files)


def _difficulty(
    frame: Any, truth: np.ndarray, oof: np.ndarray, assignment: np.ndarray, place: Workplace
) -> tuple[Any, np.ndarray, float, str]:
    """A model of the logarithm of the absolute error, its out-of-fold values, how far to follow it, and why."""
    n = len(truth)
    equal = np.zeros(n)
    if n < LEAST_ROWS:
        return (
            None,
            equal,
            0.0,
            f"All intervals are equally wide: {n} rows are too few to learn where errors are large.",
        )
    errors = np.abs(truth - oof)
    typical = float(np.median(errors))
    if typical <= 0:
        return None, equal, 0.0, "All intervals are equally wide: most predictions have no error."
    logs = np.log(errors + 0.1 * typical) - np.log(typical)
    rows = with_prediction(frame, oof)
    rng = np.random.default_rng([place.seed, 31])
    folds = _folds(assignment, rng)
    setting = Setting("regression", 0, seed=place.seed, threads=place.threads)
    seconds = all_estimators()[DIFFICULTY.action].seconds(min(n, MOST_ROWS), rows.shape[1], DIFFICULTY.params, setting)
    fits = int(folds.max()) + 2
    if place.stop_at is not None and time.monotonic() + 1.5 * fits * seconds > place.stop_at:
        return None, equal, 0.0, "All intervals are equally wide: there was no time to learn where errors are large."

    def fitted(chosen: np.ndarray) -> Any:
        if len(chosen) > MOST_ROWS:
            chosen = np.sort(rng.choice(chosen, MOST_ROWS, replace=False))
        # The smallest leaf is large, since single errors say little about how large errors are.
        use = Use(
            DIFFICULTY.action, {**DIFFICULTY.params, "min_child_samples": int(np.clip(len(chosen) // 30, 10, 200))}
        )
        return compile_recipe(Recipe(use), setting).fit(rows.iloc[chosen], logs[chosen])

    found = np.empty(n)
    for fold in range(int(folds.max()) + 1):
        valid = np.flatnonzero(folds == fold)
        found[valid] = raw_predictions(fitted(np.flatnonzero(folds != fold)), rows.iloc[valid], False)
    by_share = {local: _interval_score(truth, oof, np.exp(local * found)) for local in (0.0, 0.5, 1.0)}
    local = min(by_share, key=lambda share: by_share[share])
    if by_share[local] > GAIN * by_share[0.0]:
        return None, equal, 0.0, "All intervals are equally wide: errors are about as large everywhere."
    gained = 1 - by_share[local] / by_share[0.0]
    reason = f"Intervals are wider where larger errors are expected; that improves their score by {gained:.0%}."
    return fitted(np.arange(n)), found, local, reason


def _folds(assignment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The run's folds where there are several, so that rows that belong together stay together; else four by chance."""
    codes = np.unique(assignment, return_inverse=True)[1]
    if codes.max() >= 1:
        return np.asarray(codes % 5)
    drawn: np.ndarray = rng.permutation(len(codes)) % 4
    return drawn


def _interval_score(truth: np.ndarray, prediction: np.ndarray, expected: np.ndarray) -> float:
    low, high = offsets(conformity_scores((truth - prediction) / expected), CHOSEN_AT)
    return winkler(truth, prediction + low * expected, prediction + high * expected, CHOSEN_AT)


def _covered(
    level: float,
    scores: Scores,
    truth: np.ndarray,
    prediction: np.ndarray,
    expected: np.ndarray,
    floor: float | None,
    units: np.ndarray | None,
) -> Coverage:
    low, high = (prediction + end * expected for end in offsets(scores, level))
    low = low if floor is None else np.maximum(low, floor)
    return coverage(level, (low <= truth) & (truth <= high), np.maximum(high - low, 0.0), units)


def _sets(
    probability: np.ndarray, truth: np.ndarray, held: np.ndarray, held_truth: np.ndarray, units: np.ndarray | None
) -> Uncertainty:
    missed = 1 - probability[np.arange(len(truth)), truth]
    counts = np.bincount(truth, minlength=probability.shape[1])
    everyone = conformity_scores(missed)
    scores = tuple(conformity_scores(missed[truth == c]) if counts[c] >= FEW else everyone for c in range(len(counts)))
    checked = []
    for level in LEVELS[1:]:  # below the model's own accuracy sets of one class hold the truth more often anyway
        sets = prediction_sets(held, scores, level)
        checked.append(coverage(level, sets[np.arange(len(held)), held_truth], sets.sum(axis=1), units))
    reason = "A class belongs to a row's set unless it is less likely there than it was for most rows of that class."
    few = int((counts < FEW).sum())
    if few:
        reason += f" For {few} of {len(counts)} classes, which have few rows, all classes' rows were taken."
    return Uncertainty("set", scores, tuple(checked), reason=reason)


def _units(place: Workplace, case: Case, n: int) -> np.ndarray | None:
    """Which sealed rows belong together; ``None`` when each stands for itself."""
    with np.load(place.inputs["units"], allow_pickle=False) as held:
        groups, times = held.get("groups"), held.get("times")
    if case.problem.time_column.value is not None:
        return stretches(n, groups, times)
    return None if groups is None else np.asarray(groups)


UNCERTAINTY = Analysis(
    name="uncertainty",
    tool="modelwright.analyses.uncertainty:uncertainty",
    result=Uncertainty,
    rank=10,
    share=0.08,
    least=0.3,
)
