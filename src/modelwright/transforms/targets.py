"""Transforms of a regression target; predictions are transformed back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import TargetTransform


class RegressionTarget(TargetTransform):
    """What the members of this module share."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.TargetTransform`.

        Raises:
            NotApplicable: for classification.
        """
        from modelwright.transforms._target_scaler import TargetScaler

        if setting.classification:
            raise NotApplicable(f"{self.name} transforms numbers, and this target is a class")
        return TargetScaler(self.name, setting.seed)


class Log1p(RegressionTarget):
    """Logarithm of one plus the target."""

    name: ClassVar[str] = "log1p"
    description: ClassVar[str] = (
        "Logarithm of one plus the target: for prices, amounts, counts. Errors become relative. Where the target goes "
        "below −1, the logarithm of one plus its size, with its sign."
    )


class Sqrt(RegressionTarget):
    """Square root of the target."""

    name: ClassVar[str] = "sqrt"
    description: ClassVar[str] = "Square root of the target: for counts, milder than the logarithm."


class YeoJohnson(RegressionTarget):
    """The power that makes the target most normal."""

    name: ClassVar[str] = "yeo_johnson"
    description: ClassVar[str] = "The power transform that makes the target most like a normal distribution."


class QuantileNormal(RegressionTarget):
    """Ranks of the target as a normal distribution."""

    name: ClassVar[str] = "quantile_normal"
    description: ClassVar[str] = (
        "Maps the target's ranks to a normal distribution: for heavy tails; predictions stay in the training range."
    )


class Standardise(RegressionTarget):
    """Mean 0, standard deviation 1."""

    name: ClassVar[str] = "standardise"
    description: ClassVar[str] = "Scales the target to mean 0 and standard deviation 1: for neural nets and kernels."
