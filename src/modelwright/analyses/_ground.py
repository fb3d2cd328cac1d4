"""What analyses of a model's behaviour stand on: the model, its rows, and what is watched of its predictions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Case
from modelwright.executors import Workplace
from modelwright.fitting import rows_of
from modelwright.hashing import restore
from modelwright.pipeline import raw_predictions


@dataclass
class Ground:
    """A judged model in a worker.

    Args:
        case: what is looked at.
        model: the judged pipeline.
        rows: development rows.
        truth: their encoded target.
        held: sealed rows.
        held_truth: their encoded target.
        stop_at: ``time.monotonic()`` after which nothing new is begun.
        seed: seed of samples.
    """

    case: Case
    model: Any
    rows: pd.DataFrame
    truth: np.ndarray
    held: pd.DataFrame
    held_truth: np.ndarray
    stop_at: float
    seed: int

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.stop_at - time.monotonic()

    def raw(self, frame: pd.DataFrame) -> np.ndarray:
        """Probabilities (n, k) or values (n,)."""
        return np.asarray(raw_predictions(self.model, frame, bool(self.case.n_classes)), dtype=np.float64)

    def watched(self, frame: pd.DataFrame) -> np.ndarray:
        """What is looked at, (n, m): the value, the probability of the second of two classes, or all probabilities."""
        raw = self.raw(frame)
        return raw[:, None] if raw.ndim == 1 else raw[:, 1:] if raw.shape[1] == 2 else raw

    def outcome(self, column: int = 0) -> str:
        """A column of :meth:`watched` in words."""
        if not self.case.n_classes:
            return f"predicted {self.case.target!r}"
        return f"probability of {self.case.problem.classes[1 if self.case.n_classes == 2 else column]!r}"

    def ranked(self) -> list[str]:
        """The columns that help, most important first."""
        return [i.column for i in self.case.judgement.importances if i.loss > 0]

    def sample(self, frame: pd.DataFrame, count: int) -> np.ndarray:
        """Positions of some rows: by chance, or with a time the last ones, so that neighbours stay together."""
        if len(frame) <= count:
            return np.arange(len(frame))
        if self.case.problem.time_column.value is not None:
            return np.arange(len(frame) - count, len(frame))
        return np.sort(np.random.default_rng([self.seed, 37]).choice(len(frame), count, replace=False))


def ground(place: Workplace, case: dict[str, Any]) -> Ground:
    """Load what an analysis of behaviour needs."""
    asked = restore(Case, case)
    rows, truth = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    held, held_truth = rows_of(place.inputs["holdout"], asked.target, asked.n_classes)
    stop_at = place.stop_at if place.stop_at is not None else float("inf")
    return Ground(asked, asked.model(place), rows, truth, held, held_truth, stop_at, place.seed)
