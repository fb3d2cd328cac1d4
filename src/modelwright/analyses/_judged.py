"""What analyses of the score stand on: the sealed rows with the judged model's predictions, and paired resamples."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Case
from modelwright.comparing import confidence, gains
from modelwright.diagnostics import figure
from modelwright.executors import Workplace
from modelwright.fitting import predictions_after, rows_before, rows_of
from modelwright.hashing import restore
from modelwright.intervals import Resamples, stretches
from modelwright.pipeline import raw_predictions
from modelwright.tasks.metrics import Metric, find_metric, gain


@dataclass
class Judged:
    """The judged model and the sealed rows, in a worker.

    Args:
        case: what is looked at.
        place: the workplace.
        frame: the sealed rows' columns.
        y: their encoded target (n,).
        units: which of them belong together (n,); ``None`` when each stands for itself.
    """

    case: Case
    place: Workplace
    frame: pd.DataFrame
    y: np.ndarray
    units: np.ndarray | None

    @cached_property
    def metric(self) -> Metric:
        """The run's metric."""
        return find_metric(self.case.problem.metric.value, self.case.problem.task.value)

    @cached_property
    def model(self) -> Any:
        """The judged pipeline."""
        return self.case.model(self.place)

    @cached_property
    def raw(self) -> np.ndarray:
        """What it predicted for the sealed rows when it was judged: probabilities (n, k) or values (n,)."""
        return self.case.judged(self.place)

    @cached_property
    def resamples(self) -> Resamples:
        """Bootstrap resamples of the sealed rows; fewer than for the score, since many figures are made of them."""
        return Resamples(len(self.y), self.place.seed, self.units, most=300)

    @property
    def classes(self) -> int:
        """Number of classes; 0 for regression."""
        return self.case.n_classes

    @property
    def rule(self) -> dict[str, Any]:
        """How probabilities become labels."""
        two = self.classes == 2
        return {"positive": 1 if two else None, "threshold": self.case.threshold if two else None}

    @property
    def late(self) -> bool:
        """Whether nothing new should be begun."""
        return self.place.stop_at is not None and time.monotonic() > self.place.stop_at

    @property
    def left(self) -> float:
        """Seconds that are left; endless where there is no wish."""
        return float("inf") if self.place.stop_at is None else self.place.stop_at - time.monotonic()

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """The judged model's predictions."""
        return np.asarray(raw_predictions(self.model, frame, bool(self.classes)), dtype=np.float64)

    def as_judged(self, model: Any) -> np.ndarray:
        """What another model predicts for the sealed rows, from the same rows before them as when it was judged."""
        past = self.frame.iloc[:0]
        if self.case.protocol.gap:
            past = rows_before(self.place, self.case.target, self.classes)
        return np.asarray(predictions_after(past, self.frame, model, self.classes), dtype=np.float64)

    def score(self, prediction: np.ndarray, weights: np.ndarray | None = None) -> float:
        """The metric of predictions for the sealed rows."""
        return self.metric.score(self.y, prediction, weights=weights, **self.rule)

    def loss(self, prediction: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float, float, float]:
        """How much worse predictions (or the model's own under another weighting) are than the model's own.

        Returns:
            The score, the loss in the metric's units, and its 95 % confidence interval from paired resamples.
        """
        score = self.score(prediction, weights)
        lost = -gain(self.metric, score, self.score(self.raw))
        ours, theirs = [], []
        for drawn in self.resamples:
            ours.append(self.metric.batch(self.y, self.raw, drawn, **self.rule))
            other = drawn if weights is None else drawn * weights
            theirs.append(self.metric.batch(self.y, prediction, other, **self.rule))
        found = gains(self.metric, np.concatenate(ours), np.concatenate(theirs))
        return (score, lost, *confidence(lost, found, self.resamples.n_units))


def judged(place: Workplace, case: dict[str, Any]) -> Judged:
    """Load what an analysis of the score needs."""
    asked = restore(Case, case)
    frame, y = rows_of(place.inputs["holdout"], asked.target, asked.n_classes)
    with np.load(place.inputs["units"], allow_pickle=False) as held:
        groups, times = held.get("groups"), held.get("times")
    timed = asked.problem.time_column.value is not None
    units = stretches(len(y), groups, times) if timed else groups
    return Judged(asked, place, frame, y, units)


def seen(oof: np.ndarray) -> np.ndarray:
    """Positions of the rows that have an out-of-fold prediction."""
    return np.flatnonzero(np.isfinite(oof).reshape(len(oof), -1).all(axis=1))


def shown(metric: Metric, value: float) -> str:
    """A figure of a metric for a sentence."""
    return f"{value:.3f}" if np.isfinite(metric.worst) and abs(metric.worst - metric.best) <= 2 else figure(value)
