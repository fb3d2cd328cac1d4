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
