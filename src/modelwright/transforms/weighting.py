"""Weights of training rows, so that rare classes count for more without changing the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Weighting


class ClassWeighting(Weighting):
    """What the members of this module share."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    power: ClassVar[float]

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Weighting`.

        Raises:
            NotApplicable: for regression.
        """
        from modelwright.transforms._class_weights import ClassWeights

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
