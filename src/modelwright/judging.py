"""What the sealed rows say about the delivered model, and the threshold it is used with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelwright.comparing import compared, optimism
from modelwright.comparing import gains as paired_gains
from modelwright.importance import permutation_importance
from modelwright.intervals import Resamples, interval, stretches, with_tails
from modelwright.judgement import Curve, Importance, Judgement, Verdict
from modelwright.problem import Problem
from modelwright.protocol import Holdout, Score, Validation
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import Metric, confusion, find_metric, gain, to_labels

if TYPE_CHECKING:
    import numpy as np

__all__ = ["choose_threshold", "judge", "permutation_importance", "verdict"]

SURE = 0.95
"""Share of resamples in which a model must beat another to be called better."""


@dataclass(frozen=True)
class _Rule:
    """How probabilities become labels: the code that is looked for and its threshold, for two classes."""

    positive: int | None
    threshold: float | None

    def batch(self, metric: Metric, y: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return metric.batch(y, prediction, weights, positive=self.positive, threshold=self.threshold)

    def score(self, metric: Metric, y: np.ndarray, prediction: np.ndarray) -> float:
        return metric.score(y, prediction, positive=self.positive, threshold=self.threshold)


def judge(
    problem: Problem,
    classes: Sequence[str],
    y: np.ndarray,
    prediction: np.ndarray,
    baseline_prediction: np.ndarray,
    *,
    baseline_name: str,
    validation: Score[Validation],
    threshold: float | None,
    seed: int,
    importances: Sequence[Importance] = (),
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
    unseen_groups: bool = False,
    tried: int = 0,
) -> Judgement:
    """Measure a model and its baseline on the sealed rows.

    Both are scored on the same resamples of the rows: whole groups are drawn where groups matter, stretches of
    consecutive rows where time does. What an interval means stands in :mod:`modelwright.intervals`.

    Args:
        problem: what was asked.
        classes: labels in the order of their codes; empty for regression.
        y: the truth, codes or values (n,).
        prediction: the model's probabilities (n, k) or values (n,).
        baseline_prediction: the baseline's, in the same form.
        baseline_name: what the baseline is called.
        validation: the out-of-fold score of what was delivered.
        threshold: for two classes, the probability from which a row is called positive; 0.5 when it isn't given.
        seed: seed of the resamples.
        importances: of the original columns.
        groups: group of each row (n,), where groups matter.
        times: moment of each row (n,), as anything that sorts; where time matters and it isn't given, rows are taken
            to be in order.
        unseen_groups: whether the sealed rows belong to groups that were not learnt from.
        tried: how many models the delivered one was chosen from; 0 when it isn't known.
    """
    import numpy as np

    task = all_tasks()[problem.task.value]
    metric = find_metric(problem.metric.value, task.name)
    rule = _Rule(_positive_code(problem, classes), threshold if len(classes) == 2 else None)
    timed = problem.time_column.value is not None
    units = stretches(len(y), groups, times) if timed else groups
    resamples = Resamples(len(y), seed, units)
    names = tuple(dict.fromkeys((metric.name, *task.secondary)))
    measured = [find_metric(name) for name in names]
    found = _resampled(measured, y, prediction, baseline_prediction, resamples, rule)
    ours, theirs = found[metric.name], found["baseline"]
    gains = paired_gains(metric, ours, theirs)
    better = float((gains > 0).mean()) if len(gains) else 0.0
    independent = _independent(y, resamples, len(classes) == 2)
    tails = _tailed(measured, y, prediction, resamples)

    def scored(m: Metric, predicted: np.ndarray, again: np.ndarray, tailed: np.ndarray | None) -> Score[Holdout]:
        value = rule.score(m, y, predicted)
        return Score(m.name, value, len(y), *interval(m, value, again, len(y), independent, tailed))

    metrics = {m.name: scored(m, prediction, found[m.name], tails.get(m.name)) for m in measured}
    baseline_tails = _tailed([metric], y, baseline_prediction, resamples)
    score = metrics[metric.name]
    baseline = scored(metric, baseline_prediction, theirs, baseline_tails.get(metric.name))
    word, reason = verdict(
        metric,
        score,
        baseline,
        better,
        _least_gain(gain(metric, score.value, baseline.value), gains),
        validation,
        prior=bool(np.ptp(baseline_prediction, axis=0).max() < 1e-12),
        undefined=len(gains) < 0.5 * resamples.count,
        rarest=int(np.bincount(y.astype(np.int64), minlength=2).min()) if len(classes) == 2 else None,
        timed=timed,
    )
    judgement = Judgement(
        score=score,
        baseline=baseline,
        baseline_name=baseline_name,
        better=better,
        metrics=metrics,
        verdict=word,
        verdict_reason=reason,
        classes=tuple(classes),
        threshold=(0.5 if threshold is None else float(threshold)) if len(classes) == 2 else None,
        importances=tuple(sorted(importances, key=lambda i: -i.loss)),
        comparisons=(
            compared(
                metric, (score.value, baseline.value), gains, resamples.n_units,
                name=baseline_name, role="baseline", n_rows=len(y),
            ),
        ),
        optimism=optimism(metric, score, validation, timed=timed, unseen_groups=unseen_groups, tried=tried),
    )  # fmt: skip
    if classes:
        return _with_class_pictures(judgement, y.astype(np.int64), prediction, rule)
    return _with_value_pictures(judgement, y, prediction, seed)


def verdict(
    metric: Metric,
    score: Score[Holdout],
    baseline: Score[Holdout],
    better: float,
    least_gain: float,
    validation: Score[Validation],
    *,
    prior: bool,
    undefined: bool,
    rarest: int | None,
    timed: bool,
) -> tuple[Verdict, str]:
    """What may be done with a model, and why, in one sentence.

    *Not usable*: the metric can't be measured on the sealed rows, or the model doesn't beat a prediction that is the
    same for every row in 95 % of the resamples.

    *Usable with care*: it doesn't surely beat a baseline that has learnt something; fewer than 100 sealed rows, or
    fewer than ten of a class; on another sample of the same size it may not beat the baseline; the validation score
    lies beyond the good end of the interval; or the score is so near perfect that a column may give the answer away.

    *Ready*: otherwise.

    Args:
        metric: the run's metric.
        score: the model on the sealed rows.
        baseline: the baseline on the same rows.
        better: share of resamples in which the model beats the baseline.
        least_gain: how much better than the baseline the model will at least be on another sample of the same size.
        validation: the out-of-fold score.
        prior: whether the baseline predicts the same for every row.
        undefined: whether most resamples have no defined score.
        rarest: rows of the rarer of two classes; ``None`` for other tasks.
        timed: whether the sealed rows are later than those that were learnt from.
    """
    if undefined:
        return "not usable", "The sealed rows don't let the metric be measured: a class is missing among them."
    if better < SURE and prior:
        return "not usable", (
            "On the sealed rows the model can't be told from predicting the same for every row: it is better in only "
            f"{better:.0%} of the resamples."
        )
    good = score.high if metric.greater_is_better else score.low
    cares = []
    if better < SURE:
        cares.append(f"it beats the baseline in only {better:.0%} of the resamples")
    elif least_gain <= 0:
        cares.append("on another sample of this size it may be no better than the baseline")
    if good is not None and gain(metric, validation.value, good) > 0:
        cares.append(
            "it did clearly better on the earlier rows that it was developed on, so what it learnt may be ageing"
            if timed
            else "it did clearly better on the rows that it was developed on than on the sealed ones"
        )
    if rarest is not None and rarest < 10:
        cares.append(f"only {rarest} of the sealed rows belong to the rarer class")
    elif score.n_rows < 100:
        cares.append(f"only {score.n_rows} rows could be sealed to judge it")
    if metric.loss(score.value) <= 0.002 * metric.loss(baseline.value):
        cares.append("it is so near perfect that a column may give the answer away")
    if cares:
        text = cares[0] if len(cares) == 1 else f"{', '.join(cares[:-1])}, and {cares[-1]}"
        return "usable with care", f"{text[0].upper()}{text[1:]}."
    return (
        "ready",
        f"It beats the baseline in {better:.0%} of the resamples and did as well as its development promised.",
    )


def choose_threshold(y: np.ndarray, probability: np.ndarray, metric: Metric) -> float:
    """The probability from which rows are best called positive, for a metric of labels.

    All thresholds between two different probabilities are tried; their scores are smoothed over neighbouring
    thresholds, so that a peak made by a few rows doesn't win, and the middle of the best stretch is taken. Metrics of
    probabilities don't depend on a threshold, and fewer than ten rows of a class can't show one: both give 0.5.
    Precision, recall and specificity alone are best at a threshold that is of no use to anybody; F1 is maximised in
    their place.

    Args:
        y: 1 for positive rows, 0 for others (n,).
        probability: of the positive class (n,), or of both (n, 2).
        metric: what to maximise.
    """
    import numpy as np
    from scipy.ndimage import uniform_filter1d

    probability = np.asarray(probability, dtype=np.float64)
    probability = probability[:, 1] if probability.ndim == 2 else probability
    counts = np.bincount(y.astype(np.int64), minlength=2)
    if metric.needs != "label" or counts.min() < 10:
        return 0.5
    metric = find_metric("f1") if metric.one_sided else metric
    order = np.argsort(-probability)
    ordered, events = probability[order], y[order]
    ends = np.r_[np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1]
    hits = np.cumsum(events)[ends].astype(np.float64)
    called = ends + 1.0
    tables = np.empty((len(ends), 2, 2))
    tables[:, 1, 1], tables[:, 1, 0] = hits, counts[1] - hits
    tables[:, 0, 1], tables[:, 0, 0] = called - hits, counts[0] - (called - hits)
    found = np.nan_to_num(metric.function(tables, 1), nan=metric.undefined)
    found = found if metric.greater_is_better else -found
    smooth = uniform_filter1d(found, 2 * (len(found) // 50) + 1, mode="nearest")
    best = np.flatnonzero(smooth >= smooth.max() - 1e-12)
    at = int(best[len(best) // 2])
    following = ordered[ends[at] + 1] if at + 1 < len(ends) else 0.0
    return float((ordered[ends[at]] + following) / 2)


def _positive_code(problem: Problem, classes: Sequence[str]) -> int | None:
    if len(classes) != 2:
        return None
    return 1 if problem.positive is None else list(classes).index(problem.positive.value)


def _independent(y: np.ndarray, resamples: Resamples, binary: bool) -> int:
    """Rows or units that the scatter is learnt from; of the rarer class where there are two."""
    import numpy as np

    units = np.arange(len(y)) if resamples.units is None else resamples.units
    return min(len(np.unique(units[y == c])) for c in (0, 1)) if binary else resamples.n_units


def _resampled(
    metrics: Sequence[Metric],
    y: np.ndarray,
    prediction: np.ndarray,
    baseline_prediction: np.ndarray,
    resamples: Resamples,
    rule: _Rule,
) -> dict[str, np.ndarray]:
    """Scores of resamples by metric, and those of the baseline; of all metrics but the first one fewer resamples."""
    import numpy as np

    first, others = metrics[0], metrics[1:]
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("baseline", *(m.name for m in metrics))}
    left = 200
    for weights in resamples:
        found[first.name].append(rule.batch(first, y, prediction, weights))
        found["baseline"].append(rule.batch(first, y, baseline_prediction, weights))
        for other in others if left > 0 else ():
            found[other.name].append(rule.batch(other, y, prediction, weights[:left]))
        left -= len(weights)
    return {name: np.concatenate(scores) for name, scores in found.items()}


def _tailed(
    metrics: Sequence[Metric], y: np.ndarray, prediction: np.ndarray, resamples: Resamples
) -> dict[str, np.ndarray]:
    """Scores of resamples whose largest errors are drawn anew, by metric of values."""
    import numpy as np

    values = [m for m in metrics if m.needs == "value"]
    if not values:
        return {}
    weights = next(iter(resamples))[: 200 if len(y) <= 5000 else 80]
    pairs = with_tails(y, prediction, weights, resamples.seed)
    scores = np.array([[m.score(*pair) for m in values] for pair in pairs]).reshape(-1, len(values))
    return {m.name: scores[:, i] for i, m in enumerate(values)}


def _least_gain(gained: float, gains: np.ndarray) -> float:
    """The lower end of the gain on another sample; paired, since what is hard for one model is hard for the other."""
    import numpy as np

    return gained - 2**0.5 * (gained - float(np.quantile(gains, 0.025))) if len(gains) else 0.0


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _curve(x: np.ndarray, y: np.ndarray, most: int = 200) -> Curve:
    """The points, thinned evenly along the way; both ends stay."""
    import numpy as np

    if len(x) > most:
        way = np.r_[0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
        kept = np.unique(np.searchsorted(way, np.linspace(0, way[-1], most)).clip(max=len(x) - 1))
        kept[0], kept[-1] = 0, len(x) - 1
        x, y = x[kept], y[kept]
    return Curve(tuple(x.tolist()), tuple(y.tolist()))


def _binned(predicted: np.ndarray, observed: np.ndarray) -> Curve:
    """Means in up to ten bins of about equally many rows, rows of equal prediction together."""
    import numpy as np

    count = int(np.clip(len(predicted) // 10, 1, 10))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, count + 1)[1:-1]))
    bins = np.searchsorted(edges, predicted, side="left")
    sizes = np.bincount(bins)
    full = sizes > 0
    means = [np.bincount(bins, values)[full] / sizes[full] for values in (predicted, observed)]
    return Curve(*(tuple(m.tolist()) for m in means))


def _with_class_pictures(judgement: Judgement, y: np.ndarray, prediction: np.ndarray, rule: _Rule) -> Judgement:
    import numpy as np

    code = rule.positive
    labels = to_labels(prediction, rule.threshold, 1 if code is None else code)
    table = confusion(y, labels, prediction.shape[1])[0].astype(int)
    judgement = replace(judgement, confusion=tuple(tuple(row) for row in table.tolist()))
    if code is None:
        sure = prediction[np.arange(len(y)), labels]
        return replace(judgement, calibration=_binned(sure, (labels == y).astype(np.float64)))
    event, chance = (y == code).astype(np.float64), prediction[:, code]
    judgement = replace(judgement, calibration=_binned(chance, event))
    if not 0 < event.sum() < len(event):
        return judgement
    order = np.argsort(-chance)
    ends = np.r_[np.flatnonzero(np.diff(chance[order])), len(y) - 1]
    hits = np.cumsum(event[order])[ends]
    called = ends + 1.0
    recall, precision = hits / hits[-1], hits / called
    return replace(
        judgement,
        roc=_curve(np.r_[0, (called - hits) / (len(y) - hits[-1])], np.r_[0, recall]),
        precision_recall=_curve(np.r_[0, recall], np.r_[precision[0], precision]),
    )


def _with_value_pictures(judgement: Judgement, y: np.ndarray, prediction: np.ndarray, seed: int) -> Judgement:
    import numpy as np

    shown = np.arange(len(y))
    if len(y) > 1000:
        shown = np.sort(np.random.default_rng([seed, 13]).choice(len(y), 1000, replace=False))
    return replace(
        judgement,
        scatter=Curve(tuple(prediction[shown].tolist()), tuple(y[shown].tolist())),
        residuals=tuple(np.percentile(y - prediction, np.arange(101)).tolist()),
        calibration=_binned(prediction, y.astype(np.float64)),
    )
