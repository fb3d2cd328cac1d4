"""What the sealed holdout said about the delivered model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from modelwright.protocol import Holdout, Score

Verdict = Literal["ready", "usable with care", "not usable"]


@dataclass(frozen=True)
class Curve:
    """Points of a curve, in order, at most a few hundred."""

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Importance:
    """How much one original column matters to the model.

    Args:
        column: its name.
        loss: by how much the metric gets worse when the column's values are shuffled over the holdout rows; in the
            metric's units, positive means that the column helps.
        low: lower end of the spread over repeats.
        high: upper end of the spread over repeats.
        direction: what larger values (or which levels) do to the prediction, in words; empty when it can't be said.
    """

    column: str
    loss: float
    low: float
    high: float
    direction: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows, paired: what is hard for one is hard for the other.

    Args:
        other: what the model is compared with: a baseline's or an experiment's name.
        role: which part the other one plays.
        score: the model.
        other_score: the other one.
        gain: by how much the model is better, in the metric's units; negative when it is worse.
        low: lower end of the gain's 95 % confidence interval.
        high: upper end of it.
        better: share of paired resamples in which the model beats the other.
        distinguishable: whether the interval leaves zero out; otherwise nobody can tell which is better.
        rows: which rows both were measured on.
        n_rows: how many.
    """

    other: str
    role: Literal["baseline", "runner-up", "rule", "run"]
    score: float
    other_score: float
    gain: float
    low: float
    high: float
    better: float
    distinguishable: bool
    rows: Literal["holdout", "validation"] = "holdout"
    n_rows: int = 0


@dataclass(frozen=True)
class Optimism:
    """How much better the model seemed in development than it was on the sealed rows.

    Args:
        gap: validation score less holdout score, turned so that positive means that development flattered.
        low: lower end of the gap's 95 % interval.
        high: upper end of it.
        cause: ``chance`` when the interval holds zero, ``time`` when the sealed rows are later, ``groups`` when they
            belong to other groups, ``selection`` when the choice among many models explains it best, ``luck`` when
            the sealed rows went better than development promised.
        reason: the explanation in one sentence.
    """

    gap: float
    low: float
    high: float
    cause: Literal["chance", "time", "groups", "selection", "luck"]
    reason: str


@dataclass(frozen=True)
class Verified:
    """One demand, and whether the delivered model fulfils it.

    Args:
        name: the field of :class:`~modelwright.problem.Constraints` it comes from (``latency_ms``, ``min_recall``,
            ``monotone`` …), or ``note`` for what can't be checked.
        demand: what was demanded, in words.
        figure: what was measured, in ``unit``; ``None`` when it is not a number or could not be measured.
        found: what was measured, in words.
        passed: whether it is fulfilled; ``None`` when it could not be checked.
        how: how it was measured, in one sentence.
        low: lower end of the figure's 95 % interval, where it is measured on a sample of rows.
        high: upper end of it.
        limit: the bound that was demanded, in ``unit``.
        unit: unit of the figures: ``ms``, ``bytes``, ``s``, ``share`` …
        details: further figures by name, for instance of each group.
    """

    name: str
    demand: str
    figure: float | None = None
    found: str = ""
    passed: bool | None = None
    how: str = ""
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    unit: str = ""
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """Everything measured on the sealed holdout, by the one closing step that reads it.

    Args:
        score: the delivered model in the run's metric, with its interval.
        baseline: the simplest sensible model on the same rows.
        baseline_name: which model that is.
        better: share of paired bootstrap resamples in which the model beats the baseline.
        metrics: further metrics on the same rows, with intervals.
        verdict: what may be done with the model.
        verdict_reason: why, in one sentence.
        classes: labels, for classification.
        threshold: for binary classification, the probability from which a row is called positive.
        confusion: counts, rows are true classes and columns predicted ones (classification).
        roc: false-positive rate against true-positive rate (binary).
        precision_recall: recall against precision (binary).
        calibration: mean predicted probability against observed share, in bins (binary; for several classes: of the
            predicted class). For regression: mean prediction against mean truth, in bins.
        scatter: predicted against true values of at most 1,000 rows (regression).
        residuals: 101 percentiles of truth minus prediction (regression).
        importances: of the original columns, largest first.
        comparisons: with the baseline, and what else the model was compared with.
        optimism: how much development flattered the model, and why.
        remedies: what would change the verdict, or do more good than another model, one sentence each.
        demands: the user's demands with what was measured on the delivered model.
    """

    score: Score[Holdout]
    baseline: Score[Holdout]
    baseline_name: str
    better: float
    metrics: Mapping[str, Score[Holdout]] = field(default_factory=dict)
    verdict: Verdict = "usable with care"
    verdict_reason: str = ""
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    roc: Curve | None = None
    precision_recall: Curve | None = None
    calibration: Curve | None = None
    scatter: Curve | None = None
    residuals: tuple[float, ...] = ()
    importances: tuple[Importance, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    optimism: Optimism | None = None
    remedies: tuple[str, ...] = ()
    demands: tuple[Verified, ...] = ()
