"""Means of what several models predict.

The arithmetic mean of probabilities is the linear opinion pool, the geometric one, scaled to sum to one, the
logarithmic opinion pool (Genest and Zidek, "Combining probability distributions", Statistical Science 1986). A member
that is sure counts for more in the geometric mean, and members that agree make it as sure as they are, where the
arithmetic mean is always less sure than its members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Mean = Literal["arithmetic", "geometric"]

LEAST_PROBABILITY = 1e-5
"""Probabilities below it count as it: its logarithm is as far as one member may push."""


def weighted_mean(predictions: Sequence[np.ndarray], weights: Sequence[float], mean: Mean = "arithmetic") -> np.ndarray:
    """The mean of arrays of one shape; weights are scaled to sum to one.

    Args:
        predictions: one array a model: probabilities (n, classes), or numbers (n,) where the mean is arithmetic.
        weights: one a model.
        mean: which one.
    """
    if len(predictions) == 1:
        return predictions[0]
    shares = np.asarray(weights, dtype=np.float64)
    shares = shares / shares.sum()
    total = np.zeros(predictions[0].shape)
    for share, prediction in zip(shares, predictions, strict=True):
        total += share * summand(prediction, mean)
    return pooled(total, mean)


def summand(prediction: np.ndarray, mean: Mean) -> np.ndarray:
    """What is averaged of a prediction: itself, or the logarithms of its probabilities."""
    return logarithms(prediction) if mean == "geometric" else prediction


def pooled(average: np.ndarray, mean: Mean) -> np.ndarray:
    """The prediction that averaged summands make."""
    if mean == "arithmetic":
        return average
    from scipy.special import softmax  # heavy: a run begins before it is needed

    return np.asarray(softmax(average, axis=1))


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, none below that of the least one."""
    logs: np.ndarray = np.log(np.clip(probabilities, LEAST_PROBABILITY, 1.0))
    return logs
