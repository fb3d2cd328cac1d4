"""Two models on the same rows, and one model before and after its rows were opened.

Comparisons are paired: both models are scored on the same bootstrap resamples, since what is hard for one is hard for
the other, and only the difference counts (Efron and Tibshirani 1993, chapter 8; Dietterich 1998 on why unpaired
intervals mislead). The interval of a gain is a confidence interval, unlike that of a score: it asks which model is
better, not where the next sample's figure will fall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from modelwright.intervals import Resamples
from modelwright.judgement import Comparison, Optimism
from modelwright.protocol import Holdout, Score, Validation
from modelwright.tasks.metrics import Metric, gain

if TYPE_CHECKING:
    import numpy as np

Role = Literal["baseline", "runner-up", "rule", "run"]


def compare(
    metric: Metric,
    y: np.ndarray,
    prediction: np.ndarray,
    other: np.ndarray,
    *,
    name: str,
    role: Role,
    rows: Literal["holdout", "validation"] = "holdout",
    resamples: Resamples,
    positive: int | None = None,
    threshold: float | None = None,
) -> Comparison:
    """Compare two models' predictions for the same rows.

    Args:
        metric: what they are compared by.
        y: the truth, codes or values (n,).
        prediction: the model's probabilities (n, k) or values (n,).
        other: the other model's, in the same form.
        name: what the other one is called.
        role: which part it plays.
        rows: which rows these are.
        resamples: of these rows.
        positive: code of the class that is looked for, of two.
        threshold: for two classes, the probability from which a row is called positive.
    """
    import numpy as np

    rule: dict[str, Any] = {"positive": positive, "threshold": threshold}
    ours, theirs = (
        np.concatenate([metric.batch(y, p, weights, **rule) for weights in resamples]) for p in (prediction, other)
    )
    return compared(
        metric,
        (metric.score(y, prediction, **rule), metric.score(y, other, **rule)),
        gains(metric, ours, theirs),
        resamples.n_units,
        name=name,
        role=role,
        rows=rows,
        n_rows=len(y),
    )


def gains(metric: Metric, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """By how much a model is better on each resample on which both scores are defined."""
    import numpy as np

    found = (ours - theirs) * (1 if metric.greater_is_better else -1)
    kept: np.ndarray = found[~np.isnan(found)]
    return kept


def compared(
    metric: Metric,
    scores: tuple[float, float],
    gained: np.ndarray,
    n_independent: int,
    *,
    name: str,
    role: Role,
    n_rows: int,
    rows: Literal["holdout", "validation"] = "holdout",
) -> Comparison:
    """A comparison from the paired gains on resamples (b,); arguments as for :func:`compare`."""
    found = gain(metric, *scores)
    low, high = confidence(found, gained, n_independent)
    better = float((gained > 0).mean()) if len(gained) else 0.0
    return Comparison(
        name, role, *scores, found, low, high, better, bool(low > 0 or high < 0), rows=rows, n_rows=n_rows
    )


def confidence(value: float, resampled: np.ndarray, n_independent: int) -> tuple[float, float]:
    """The 95 % confidence interval of a figure from its bootstrap resamples (b,).

    Percentiles, spread about the figure by what few independent rows hide (Hesterberg 2015, section 5.3). With fewer
    than twenty defined resamples it is boundless.
    """
    import numpy as np
    from scipy.stats import norm, t

    defined = resampled[np.isfinite(resampled)]
    if len(defined) < 20:
        return -np.inf, np.inf
    free = max(2, n_independent - 1)
    factor = float(t.ppf(0.975, free) / norm.ppf(0.975) * np.sqrt((free + 1) / free))
    low, high = np.quantile(defined, [0.025, 0.975])
    return value - factor * max(0.0, value - float(low)), value + factor * max(0.0, float(high) - value)


def optimism(
    metric: Metric,
    score: Score[Holdout],
    validation: Score[Validation],
    *,
    timed: bool = False,
    unseen_groups: bool = False,
    tried: int = 0,
) -> Optimism:
    """How much better a model seemed in development than on the sealed rows, and what explains it.

    The score's interval is one for the next sample, wider than the score's own uncertainty by the square root of two
    (see :mod:`modelwright.intervals`); the validation score has its own, smaller by the square root of how many times
    more rows it was measured on. Both together give the interval of the gap.

    Args:
        metric: the run's metric.
        score: on the sealed rows.
        validation: the out-of-fold score.
        timed: whether the sealed rows are later than those that were learnt from.
        unseen_groups: whether they belong to groups that were not learnt from.
        tried: how many models the delivered one was chosen from; 0 when it isn't known.
    """
    gap = gain(metric, validation.value, score.value)
    down, up = (
        abs(end - score.value) if end is not None else float("inf")
        for end in ((score.low, score.high) if metric.greater_is_better else (score.high, score.low))
    )
    widening = ((1 + score.n_rows / max(1, validation.n_rows)) / 2) ** 0.5
    # A better holdout score makes the gap smaller: what reaches up in the score reaches down in the gap.
    low, high = gap - widening * up, gap + widening * down
    if low <= 0 <= high:
        cause: Literal["chance", "time", "groups", "selection", "luck"] = "chance"
        reason = "The difference between development and sealed rows is no larger than chance makes it."
    elif gap < 0:
        cause = "luck"
        reason = "The sealed rows went better than development promised: they are easier than the others."
    elif timed:
        cause = "time"
        reason = "The sealed rows are later than those learnt from: what was learnt loses its worth as time goes on."
    elif unseen_groups:
        cause = "groups"
        reason = "The sealed rows belong to groups that the model has never seen; on known groups it does better."
    else:
        cause = "selection"
        among = f" among {tried} models" if tried > 1 else ""
        reason = f"The model was chosen{among} by its score in development, and part of that score was luck."
    return Optimism(gap, low, high, cause, reason)
