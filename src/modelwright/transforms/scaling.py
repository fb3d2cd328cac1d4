"""Scaling and shaping numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Param, Real
from modelwright.errors import ProgramError
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


class Scale(Transform):
    """Brings numbers to a common scale or shape."""

    name: ClassVar[str] = "scale"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = (
        "Brings numeric columns to a common scale (standard, min_max, robust) or shape (quantile: to a normal "
        "distribution, power: Yeo-Johnson, log: signed log1p). Views for models that need it scale by themselves."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice(
            "method", "how", "standard", values=("standard", "min_max", "robust", "quantile", "power", "log"),
            search=("standard", "quantile", "power"),
        ),
        Columns("columns", "which columns; None for all numbers"),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._column_scaling import Scaler

        return Scaler(**filled(self, params), seed=setting.seed)


class ClipOutliers(Transform):
    """Cuts extreme numbers."""

    name: ClassVar[str] = "clip_outliers"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Replaces numbers beyond two training quantiles by these quantiles. For linear models."
    params: ClassVar[tuple[Param, ...]] = (
        Real("lower", "share of training values that may be cut below", 0.01, low=0.0, high=0.49, search=(0.001, 0.05),
             log=True),
        Real("upper", "share of training values below the upper cut", 0.99, low=0.51, high=1.0, search=(0.95, 0.999)),
        Columns("columns", "which columns; None for all numbers"),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`.

        Raises:
            ProgramError: when the lower cut isn't below the upper one.
        """
        from modelwright.transforms._column_scaling import Clipper

        given = filled(self, params)
        if given["lower"] >= given["upper"]:
            raise ProgramError(
                "clip_outliers: lower must be less than upper", got=f"{given['lower']}, {given['upper']}"
            )
        return Clipper(**given)
