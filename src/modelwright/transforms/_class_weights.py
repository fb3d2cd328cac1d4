"""Weights of rows by their class."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from modelwright.transforms._frames import Array


class ClassWeights(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Weights by class: (n / (classes · rows of the class)) to a power, scaled to a mean of 1.

    Args:
        power: 1 makes all classes count alike, 0.5 goes half the way on a logarithmic scale.
    """

    def __init__(self, power: float) -> None:
        self.power = power

    def weights(self, y: Any) -> Array:
        """One weight a row."""
        goal = np.asarray(y)
        classes, codes, counts = np.unique(goal, return_inverse=True, return_counts=True)
        raw = (len(goal) / (len(classes) * counts)) ** self.power
        weights: Array = raw[codes]
        return weights / weights.mean() if len(weights) else weights
