"""How sure probabilities are: raised to a power, and divided by their sum again."""

from __future__ import annotations

import numpy as np

from modelwright.estimators._model import Array

POWERS = (0.5, 8.0)
LIKELY = 0.5
"""Standard deviation of the power's logarithm that is expected before anything is seen: few rows don't move it far."""
LEAST = 1e-7


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
        scaled = np.exp(log_power) * logs
        top = scaled.max(axis=1)
        lost = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)) - scaled[rows, y]
        return float(np.average(lost, weights=weights))

    def doubted(log_power: float) -> float:
        return loss(log_power) + (log_power / LIKELY) ** 2 / (2 * len(y))

    low, high = np.log(POWERS)
    found = float(minimize_scalar(doubted, bounds=(low, high), method="bounded", options={"xatol": 0.01}).x)
    return float(np.exp(found)), loss(found)


def sharpened(probabilities: Array, power: float) -> Array:
    """Probabilities (n, k) raised to a power, each row summing to one."""
    if power == 1.0:
        return probabilities
    raised = np.power(np.maximum(probabilities, LEAST), power)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
