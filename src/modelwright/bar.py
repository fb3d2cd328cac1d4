"""What a recipe must come near to after its first part, so that its further parts are worth their time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.pooling import Mean, weighted_mean
from modelwright.tasks.metrics import PROPER, Metric, gain

if TYPE_CHECKING:
    import numpy as np

ADDS, FAR_ADDS = 0.0005, 0.03
"""Shares of the present ensemble's loss on the first part that a recipe must take away, near the best and far off."""
TELLING = 1_000
"""Rows of the first part from which on they tell what adds nothing; on fewer, good members were lost by chance."""
JOINING = (0.05, 0.15, 0.3, 0.5, 0.75)
"""Weights that a recipe may get beside the present ensemble."""


@dataclass
class Bar:
    """What a recipe must come near to after its first part, or be pruned: the best experiment known to its designer.

    Args:
        first_part: the best experiment's score on the protocol's first part; ``None`` to prune nothing.
        mixture: what the present ensemble predicts for that part's rows; ``None`` to compare with the best only.
    """

    first_part: float | None = None
    mixture: np.ndarray | None = None

    def worth(
        self,
        metric: Metric,
        score: float,
        mixing: Metric,
        prediction: np.ndarray,
        mixed: Callable[[np.ndarray], float],
        mean: Mean = "arithmetic",
    ) -> bool:
        """Whether what a recipe predicts for the first part's rows makes its further parts worth evaluating.

        What is a fifth further from a perfect score than the best is far from it; on few rows, where scores scatter,
        more is forgiven. Far from the best, a recipe must improve the present ensemble a good deal, where how likely
        classes are is scored: what only lacks calibration may. Near it, it must improve it at all if it isn't better
        than the best, where rows are enough to tell. Weights are chosen on the same rows, so what helps on few of them
        may be chance.

        Args:
            metric: the run's.
            score: the predictions' in it.
            mixing: what mixtures are chosen by.
            prediction: for the first part's rows.
            mixed: scores predictions for these rows by ``mixing``.
            mean: which mean of predictions mixtures are.
        """
        if self.first_part is None:
            return True
        slack = 1.2 + 6.0 / len(prediction) ** 0.5
        near = bool(metric.loss(score) <= slack * metric.loss(self.first_part))
        if self.mixture is None or not (near or metric.name in PROPER):
            return near
        if near and (len(prediction) < TELLING or gain(metric, score, self.first_part) >= 0):
            return True
        before, both = mixed(self.mixture), (self.mixture, prediction)
        best = max(gain(mixing, mixed(weighted_mean(both, (1 - w, w), mean)), before) for w in JOINING)
        return bool(best >= (ADDS if near else FAR_ADDS) * mixing.loss(before))
