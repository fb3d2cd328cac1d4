"""What the analyses of the score say: facts, one class an analysis of :mod:`modelwright.analyses`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modelwright.judgement import Comparison


def figure(value: float) -> str:
    """A figure in a sentence: four significant digits, thousands apart."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1_000 <= abs(rounded) < 1e15 else f"{value:.4g}"


@dataclass(frozen=True)
class CurvePoint:
    """The model fitted on fewer rows.

    Args:
        rows: how many it was fitted on.
        score: on the sealed rows, in the run's metric.
        low: lower end of the score's 95 % confidence interval.
        high: upper end of it.
    """

    rows: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """What more rows would bring.

    Args:
        metric: the run's metric.
        model: which model was fitted again and again: the member with the largest share that there was time for.
        points: by number of rows, ascending; the last is the judged member.
        outlook: ``rising`` when more rows surely help, ``flat`` when they surely bring next to nothing, ``unclear``
            when these points can't tell.
        doubled: expected score with twice the rows; ``None`` when unclear.
        gain: by how much twice the rows would improve the score, positive is better; ``None`` when unclear.
        low: lower end of the gain's 95 % interval.
        high: upper end of it.
        sentence: the answer in words.
    """

    metric: str
    model: str
    points: tuple[CurvePoint, ...]
    outlook: Literal["rising", "flat", "unclear"]
    doubled: float | None
    gain: float | None
    low: float | None
    high: float | None
    sentence: str


@dataclass(frozen=True)
class Slice:
    """Rows that have something in common, and how the model does on them.

    Args:
        column: the column that they are cut by.
        rows_where: the condition in words, for instance ``age from 60 to 75`` or ``city is missing``.
        rows: how many there are.
        share: of all rows that were looked at.
        score: the run's metric on them; ``None`` where it isn't defined.
        loss: mean loss of one of these rows (``loss_name`` of :class:`Slices`); larger is worse.
        rest: mean loss of one of the other rows.
        effect: difference of the two in standard deviations of the loss (Cohen's d); positive is worse.
        p_value: two-sided, not corrected.
        q_value: corrected for the number of slices (Benjamini and Hochberg 1995).
        bias: mean prediction less mean truth (probability of the positive class, or value); ``None`` for several
            classes.
    """

    column: str
    rows_where: str
    rows: int
    share: float
    score: float | None
    loss: float
    rest: float
    effect: float
    p_value: float
    q_value: float
    bias: float | None = None


@dataclass(frozen=True)
class Slices:
    """Where the model is clearly worse than elsewhere.

    Args:
        metric: the run's metric.
        overall: the metric on all rows that were looked at.
        loss_name: what the loss of a row is.
        worse: slices that are clearly worse, the largest effect first, at most ten.
        better: slices that are clearly better, at most three.
        tested: how many slices were tested.
        rows: rows that were looked at.
        source: which rows: the sealed ones, or also the development rows with out-of-fold predictions.
    """

    metric: str
    overall: float
    loss_name: str
    worse: tuple[Slice, ...]
    better: tuple[Slice, ...]
    tested: int
    rows: int
    source: Literal["holdout", "holdout and out-of-fold"]


@dataclass(frozen=True)
class Perturbation:
    """The sealed rows, changed in one way.

    Args:
        kind: ``missing`` (columns absent), ``noise`` (values inexact) or ``shift`` (another mix of rows).
        what: what was changed, in words.
        columns: the columns concerned.
        score: the metric then.
        loss: by how much it is worse, in the metric's units; negative when it is better.
        low: lower end of the loss's 95 % confidence interval (paired resamples of the rows).
        high: upper end of it.
    """

    kind: Literal["missing", "noise", "shift"]
    what: str
    columns: tuple[str, ...]
    score: float
    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Robustness:
    """How the score holds when the data is less perfect than the sealed rows.

    Args:
        metric: the run's metric.
        score: on the unchanged rows.
        perturbations: in the order in which they were tried.
        rows: rows used.
        complete: whether everything was tried that was planned; otherwise time was short.
    """

    metric: str
    score: float
    perturbations: tuple[Perturbation, ...]
    rows: int
    complete: bool = True


@dataclass(frozen=True)
class ChanceTest:
    """Whether the columns say anything about the target: a permutation test.

    Args:
        metric: the run's metric.
        score: cross-validated score of a quick model with the true targets.
        shuffled: median score with shuffled targets.
        shuffled_best: the score that the best twentieth of shuffled targets reach.
        p_value: share of shuffles that did as well as the truth, the truth counted in.
        permutations: how many shuffles.
        signal: whether the truth was clearly better than shuffled targets (p at most 0.01).
        sentence: the answer in words.
    """

    metric: str
    score: float
    shuffled: float
    shuffled_best: float
    p_value: float
    permutations: int
    signal: bool
    sentence: str


@dataclass(frozen=True)
class SimpleRule:
    """The best rule of one or two conditions, beside the model.

    Args:
        rule: the conditions with what they predict, one line each.
        splits: number of conditions.
        columns: the columns it looks at.
        metric: the run's metric.
        score: of the rule on the sealed rows.
        comparison: of the model with the rule.
        share: of the model's gain over predicting the same for every row that the rule has, too; may lie above 1.
        enough: whether the rule does as well, so that no model is needed: at least 98 % of the gain, and not
            distinguishable from the model.
        sentence: the answer in words.
    """

    rule: tuple[str, ...]
    splits: int
    columns: tuple[str, ...]
    metric: str
    score: float
    comparison: Comparison
    share: float
    enough: bool
    sentence: str


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities mean what they say (classification).

    Args:
        error: expected calibration error on the sealed rows: mean distance of predicted probability and observed
            share over bins of equally many rows; of several classes, of the predicted class.
        low: lower end of its 95 % interval.
        high: upper end of it.
        chance: the error that a perfectly calibrated model stays below in 95 % of such samples.
        calibrated: whether the error is no larger than chance makes it.
        applied: the correction that the delivered model has: ``temperature``, or empty.
        offered: the correction that would help, learnt on out-of-fold predictions; empty when none is needed or helps.
        repaired: the error on the sealed rows with the offered correction; ``None`` without one.
        sentence: the answer in words.
    """

    error: float
    low: float
    high: float
    chance: float
    calibrated: bool
    applied: str
    offered: str
    repaired: float | None
    sentence: str
