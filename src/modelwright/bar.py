"""What a recipe must come near to after its first part, so that its further parts are worth their time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.tasks.metrics import Metric, gain

if TYPE_CHECKING:
    import numpy as np

ADDS = 0.0005
"""Share of the present ensemble's loss on the first part that a recipe must take away to be evaluated further."""
JOINING = (0.05, 0.15, 0.3, 0.5, 0.75)
"""Weights that a recipe may get beside the present ensemble."""


@dataclass
class Bar:
    """What a recipe must come near to after its first part, or be pruned: the best experiment known to its designer.

    Args:
        first_part: the best experiment's score on the protocol's first part; ``None`` to prune nothing.
        mixture: what the present ensemble predicts for that part's rows; a recipe that is worse than the best must add
            to it. ``None`` to ask for no such thing.
    """

    first_part: float | None = None
    mixture: np.ndarray | None = None

    def clears(self, metric: Metric, score: float, rows: int) -> bool:
        """Whether a score on the first part's rows is worth going on from.

        A fifth further from a perfect score than the best is too far; on few rows, where scores scatter, more is
        forgiven.
        """
        if self.first_part is None:
            return True
        slack = 1.2 + 6.0 / rows**0.5
        return bool(metric.loss(score) <= slack * metric.loss(self.first_part))

    def joins(
        self, metric: Metric, score: float, mixing: Metric, prediction: np.ndarray, mixed: Callable[[np.ndarray], float]
    ) -> bool:
        """Whether predictions for the first part's rows are better than the best, or improve the present ensemble.

        Weights are chosen on the same rows, so what helps on few of them may be chance; that errs towards going on.

        Args:
            metric: the run's.
            score: the predictions' in it.
            mixing: what mixtures are chosen by.
            prediction: for the first part's rows.
            mixed: scores predictions for these rows by ``mixing``.
        """
        if self.first_part is None or self.mixture is None or gain(metric, score, self.first_part) >= 0:
            return True
        before = mixed(self.mixture)
        best = max(gain(mixing, mixed(self.mixture + w * (prediction - self.mixture)), before) for w in JOINING)
        return bool(best >= ADDS * mixing.loss(before))
