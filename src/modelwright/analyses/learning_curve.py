"""What would more rows bring?"""

from __future__ import annotations

import time
import warnings
from typing import Any, Literal

import numpy as np

from modelwright.analyses import Analysis, Case
from modelwright.analyses._judged import Judged, judged, shown
from modelwright.comparing import confidence
from modelwright.diagnostics import CurvePoint, LearningCurve
from modelwright.executors import Done, Workplace
from modelwright.fitting import rows_of, sampled
from modelwright.hashing import plain
from modelwright.persistence import load_model
from modelwright.pipeline import compile_recipe, raw_predictions, truncated
from modelwright.recipe import Setting
from modelwright.tasks.metrics import gain

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
LEAST_ROWS = 50
REPEATS = 3
"""Subsamples of one size at most: small ones differ by chance."""
POWERS = np.linspace(0.1, 1.5, 29)
"""Exponents of the power law that are tried: what is found on real data lies between (Hestness et al. 2017)."""
FLAT = 0.02
"""Share of what is left to a perfect score (or of the gain so far) below which an improvement is next to nothing."""
LEAST_POINTS = 4
COST = 2.2
"""Fits on all rows that the subsamples' fits take together, with a reserve."""


def learning_curve(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Fit a member on nested subsamples, score them on the sealed rows, and extrapolate to twice the rows.

    It is the strongest one that there is time for. The loss is taken to fall with the rows ``n`` as ``a + b n^-c`` with
    ``a, b ≥ 0`` (Cortes et al. 1994; Viering and Loog 2023 for a review). The same resamples of the sealed rows are
    drawn for every size, so that what is hard for all doesn't count; the interval of the gain comes from fitting the
    law on each of them. When it holds both a loss and a gain worth having, the curve refuses to tell.

    The value is a :class:`~modelwright.diagnostics.LearningCurve`, or ``None`` with too few rows or too little time.
    """
    found = judged(place, case)
    asked = found.case
    strongest = _member(asked, found.left)
    rows, truth = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    everything = len(truth)
    setting = Setting(**asked.situation, seed=place.seed, threads=place.threads, stop_at=place.stop_at)
    if asked.fitted_rows:  # there are more than the member was fitted on, and the curve ends where it was
        kept = sampled(rows, truth, np.arange(everything), asked.fitted_rows, setting)
        rows, truth = rows.iloc[kept], truth[kept]
    member = load_model(place.inputs[f"member_{strongest}"])
    predictions = {len(truth): [np.asarray(raw_predictions(member, found.frame, bool(asked.n_classes)))]}
    order = [np.random.default_rng([place.seed, 73, r]).permutation(len(truth)) for r in range(REPEATS)]
    sizes = sorted({int(share * len(truth)) for share in SHARES if share * len(truth) >= LEAST_ROWS})
    pace, complete = _seconds(asked)[strongest] / everything, True
    # One subsample of every size first, then more of the small ones.
    for r, size in [(r, size) for r in range(REPEATS) for size in sizes if r == 0 or size <= len(truth) // 4]:
        if found.late or found.left < 1.2 * pace * size:
            complete = False
            continue
        began = time.monotonic()
        part = np.sort(order[r][:size])
        model = compile_recipe(asked.members[strongest], setting)
        if asked.n_classes and len(np.unique(truth[part])) < 2:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in every fit: convergence shows in the score
            model.fit(rows.iloc[part], truth[part])
        if truncated(model):
            complete = False
            break
        predictions.setdefault(size, []).append(np.asarray(raw_predictions(model, found.frame, bool(asked.n_classes))))
        pace = max(pace, (time.monotonic() - began) / size)
    if len(predictions) < 2:
        return Done(None, {}, truncated=True)
    name = asked.names[strongest] if asked.names else asked.members[strongest].estimator.action
    return Done(plain(_curve(found, predictions, name)), {}, truncated=not complete)


def _member(case: Case, left: float) -> int:
    """The member with the largest share whose curve can be drawn in time; the quickest when there is none."""
    seconds = _seconds(case)
    fits = [i for i, one in enumerate(seconds) if COST * one <= left]
    return max(fits, key=lambda i: (case.weights[i], -i)) if fits else int(np.argmin(seconds))


def _seconds(case: Case) -> tuple[float, ...]:
    return case.seconds or tuple(case.fit_seconds / len(case.members) for _ in case.members)


def _curve(found: Judged, predictions: dict[int, list[np.ndarray]], model: str) -> LearningCurve:
    """Points with intervals, and what twice the rows would bring."""
    metric = found.metric
    sizes = np.array(sorted(predictions), dtype=np.float64)
    scores = np.array([np.mean([found.score(p) for p in predictions[int(n)]]) for n in sizes])
    again = []
    for drawn in found.resamples:
        each = [[metric.batch(found.y, p, drawn, **found.rule) for p in predictions[int(n)]] for n in sizes]
        again.append(np.stack([np.mean(several, axis=0) for several in each], axis=1))
    resampled = np.concatenate(again)
    resampled = resampled[np.isfinite(resampled).all(axis=1)]
    points = tuple(
        CurvePoint(int(n), float(scores[i]), *confidence(float(scores[i]), resampled[:, i], found.resamples.n_units))
        for i, n in enumerate(sizes)
    )
    last = float(scores[-1])
    if len(sizes) < LEAST_POINTS or len(resampled) < 20:
        sentence = "There are too few points to say what more rows would bring."
        return LearningCurve(metric.name, model, points, "unclear", None, None, None, None, sentence)
    losses = np.abs(metric.best - np.vstack([scores, resampled]))
    expected = _at_double(sizes, losses)
    improved = losses[:, -1] - expected
    low, high = confidence(float(improved[0]), improved[1:], found.resamples.n_units)
    gained = float(improved[0])
    baseline = found.case.judgement.baseline.value
    worth = FLAT * min(float(losses[0, -1]), max(abs(gain(metric, last, baseline)), 1e-12))
    outlook: Literal["rising", "flat", "unclear"] = "unclear"
    if gained > worth and low > 0:
        outlook = "rising"
    elif high <= 2 * worth:
        outlook = "flat"
    doubled = last + (gained if metric.greater_is_better else -gained)
    if outlook == "unclear":
        sentence = "These rows can't tell what more of them would bring."
        return LearningCurve(metric.name, model, points, outlook, None, None, low, high, sentence)
    ends = sorted(last + (g if metric.greater_is_better else -g) for g in (max(low, 0.0), high))
    said = f"{metric.name} {shown(metric, doubled)} instead of {shown(metric, last)}"
    if outlook == "rising":
        between = f"{shown(metric, ends[0])} to {shown(metric, ends[1])}"
        alone = f" for {model} alone" if len(found.case.members) > 1 else ""
        sentence = f"Twice the rows would bring about {said}{alone} (95 % interval {between})."
    else:
        sentence = f"More rows would bring next to nothing: with twice as many about {said}."
    return LearningCurve(metric.name, model, points, outlook, doubled, gained, low, high, sentence)


def _at_double(sizes: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The loss at twice the largest size by the best power law through each row of losses (b, sizes).

    For every exponent the other two are a linear regression, weighted towards the large sizes, whose end counts.
    """
    weights = np.sqrt(sizes / sizes[-1])
    best = np.full(len(losses), np.inf)
    found = losses[:, -1].copy()
    for power in POWERS:
        x = (sizes / sizes[-1]) ** -power
        mean_x, mean_y = np.average(x, weights=weights), losses @ weights / weights.sum()
        slope = ((losses - mean_y[:, None]) * (x - mean_x)) @ weights / (weights * (x - mean_x) ** 2).sum()
        slope = np.maximum(slope, 0.0)
        # The floor can't lie below zero: then the line through the origin of the law.
        start = mean_y - slope * mean_x
        through = np.maximum((losses * x) @ weights / (weights * x**2).sum(), 0.0)
        slope, start = np.where(start < 0, through, slope), np.maximum(start, 0.0)
        errors = ((losses - start[:, None] - slope[:, None] * x) ** 2) @ weights
        better = errors < best - 1e-15
        # From the last point on, the law only says how much more is to be gained.
        ahead = losses[:, -1] - slope * (1.0 - 2.0**-power)
        found, best = np.where(better, np.maximum(ahead, 0.0), found), np.where(better, errors, best)
    return found


def _applies(case: Case) -> bool:
    return case.protocol.n_development >= 8 * LEAST_ROWS and case.judgement.verdict != "not usable"


LEARNING_CURVE = Analysis(
    name="learning_curve",
    tool="modelwright.analyses.learning_curve:learning_curve",
    result=LearningCurve,
    rank=40,
    share=0.12,
    least=1.0,
    applies=_applies,
)
