"""Weights of training rows, so that rare classes count for more without changing the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Weighting
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


class ClassWeighting(Weighting):
    """What the members of this module share."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    power: ClassVar[float]

    def build(self, params: Mapping[str, Any], setting: Setting) -> ClassWeights:
        """See :class:`~modelwright.transforms.Weighting`.

        Raises:
            NotApplicable: for regression.
        """
        if not setting.classification:
            raise NotApplicable(f"{self.name} weights classes, and a regression has none")
        return ClassWeights(self.power)


class Balanced(ClassWeighting):
    """All classes count alike."""

    name: ClassVar[str] = "balanced"
    description: ClassVar[str] = (
        "Weights rows so that all classes count alike. For metrics that treat classes alike; spoils probabilities."
    )
    power = 1.0


class BalancedSqrt(ClassWeighting):
    """Half-way to balanced."""

    name: ClassVar[str] = "balanced_sqrt"
    description: ClassVar[str] = "Weights rows by the square root of the balanced weights: half-way."
    power = 0.5
