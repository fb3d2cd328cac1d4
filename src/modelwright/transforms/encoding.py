"""Encodings of categories from frame to frame. The views encode by themselves; these are for going further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Flag, Integer, Param, Real
from modelwright.errors import NotApplicable
from modelwright.extent import MAX_RESPONSES
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled

COLUMNS = Columns("columns", "which columns; None for all categories")


class EncodeOnehot(Transform):
    """Categories as indicators."""

    name: ClassVar[str] = "encode_onehot"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Replaces categories by columns of 0 and 1, one a level; rare and unseen levels share."
    params: ClassVar[tuple[Param, ...]] = (
        COLUMNS,
        Integer("max_levels", "levels of a column with an own indicator at most", 50, low=2, high=1_000),
        Integer("min_count", "training rows that a level needs for its own indicator", 5, low=1, high=1_000),
        Flag("keep", "whether the original columns stay", False),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._encoders import OneHotEncoder

        return OneHotEncoder(**filled(self, params))


class EncodeOrdinal(Transform):
    """Categories as numbers."""

    name: ClassVar[str] = "encode_ordinal"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = (
        "Turns categories into numbers, in natural order (1, 2, 10, a, b) or by how frequent the level is."
    )
    params: ClassVar[tuple[Param, ...]] = (
        COLUMNS,
        Choice("order", "how levels are ranked", "natural", values=("frequency", "natural"),
               search=("frequency", "natural")),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._encoders import OrdinalEncoder

        return OrdinalEncoder(**filled(self, params))


class EncodeTarget(Transform):
    """Categories as means of the target."""

    name: ClassVar[str] = "encode_target"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = (
        "Adds the smoothed mean of the target for each level, cross-fitted on training rows so that no row sees its "
        "own target. Strong for categories with many levels."
    )
    params: ClassVar[tuple[Param, ...]] = (
        COLUMNS,
        Real("smoothing", "weight of the overall mean, in rows", 10.0, low=0.0, high=1e4, search=(1.0, 100.0),
             log=True),
        Flag("keep", "whether the original columns stay", True),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`.

        Raises:
            NotApplicable: with so many classes that the encodings would flood the data.
        """
        from modelwright.transforms._encoders import TargetEncoder

        if setting.n_classes > MAX_RESPONSES:
            raise NotApplicable(f"encode_target serves at most {MAX_RESPONSES} classes, here are {setting.n_classes}")
        return TargetEncoder(**filled(self, params), n_classes=setting.n_classes, seed=setting.seed)


class EncodeCounts(Transform):
    """Categories as counts."""

    name: ClassVar[str] = "encode_counts"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Adds how often each level occurs in training, as the logarithm of one plus the count."
    params: ClassVar[tuple[Param, ...]] = (COLUMNS, Flag("keep", "whether the original columns stay", True))

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._encoders import CountEncoder

        return CountEncoder(**filled(self, params))


class RareLevels(Transform):
    """Rare levels as one."""

    name: ClassVar[str] = "rare_levels"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Pools the levels of categories that are rare in training, and all unseen ones."
    params: ClassVar[tuple[Param, ...]] = (
        COLUMNS,
        Real("min_share", "share of the training rows that a level needs to stay", 0.005, low=0.0, high=0.5,
             search=(0.001, 0.05), log=True),
        Integer("min_count", "training rows that a level needs to stay", 5, low=1, high=100_000),
        Choice("label", "the name of the pooled level", "(other)", values=("(other)", "other", "rare")),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._encoders import Pooler

        return Pooler(**filled(self, params))
