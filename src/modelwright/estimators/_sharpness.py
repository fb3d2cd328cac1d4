"""How sure probabilities are: raised to a power, and divided by their sum again."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, softmax

from modelwright.estimators._model import Array

POWERS = (0.5, 8.0)
LIKELY = 0.5
"""Standard deviation of the power's logarithm that is expected before anything is seen: few rows don't move it far."""
LEAST = 1e-7
FEWEST = 200
"""Training rows below which no power is looked for on held-out ones."""


def with_shares(raw: Array, votes: int, shares: Array) -> Array:
    """Means (n, k) of so many votes with the class shares (k,) as one more, so that no probability is zero."""
    return np.asarray((votes * raw + shares) / (votes + 1))


def sharpening(probabilities: Array, y: Array, weights: Array | None = None) -> tuple[float, float]:
    """The power under which probabilities (n, k) of held-out rows with codes ``y`` (n,) lose least, and their log loss.

    Args:
        probabilities: of rows that weren't learnt from; each row sums to one.
        y: the true codes.
        weights: how much each row counts.
    """
    from scipy.optimize import minimize_scalar

    logs, rows = np.log(np.maximum(probabilities, LEAST)), np.arange(len(y))

    def loss(log_power: float) -> float:
        return float(-np.average(log_softmax(np.exp(log_power) * logs, axis=1)[rows, y], weights=weights))

    def doubted(log_power: float) -> float:
        return loss(log_power) + (log_power / LIKELY) ** 2 / (2 * len(y))

    low, high = np.log(POWERS)
    found = float(minimize_scalar(doubted, bounds=(low, high), method="bounded", options={"xatol": 0.01}).x)
    return float(np.exp(found)), loss(found)


def sharpened(probabilities: Array, power: float) -> Array:
    """Probabilities (n, k) raised to a power, each row summing to one."""
    if power == 1.0:
        return probabilities
    return np.asarray(softmax(power * np.log(np.maximum(probabilities, LEAST)), axis=1))
