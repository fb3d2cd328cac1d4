"""Features made of two or more columns."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Integer, Param
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled

COLUMNS = Columns("columns", "columns to combine; None for the numbers most related to the target")
MAX_COLUMNS = Integer("max_columns", "how many columns are combined when none are named", 8, low=2, high=30)
MAX_FEATURES = Integer(
    "max_features", "how many combinations are kept, those most related to the target", 10, low=1, high=200,
    search=(5, 40), log=True,
)  # fmt: skip


class _Combinations(Transform):
    """What all members share."""

    category: ClassVar[Category] = "feature"

    def adds(self, params: Mapping[str, Any], columns: int) -> int:
        """See :class:`~modelwright.transforms.Transform`: a product, a difference and both ratios of every pair."""
        given = filled(self, params)
        width = min(columns, int(given.get("max_columns", columns)))
        return min(int(given["max_features"]), 2 * width * (width - 1))


class Interactions(_Combinations):
    """Products, differences and ratios of pairs."""

    name: ClassVar[str] = "interactions"
    description: ClassVar[str] = (
        "Adds products, differences or ratios of pairs of numeric columns, the most telling ones on training rows."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice("operations", "which", "all", values=("all", "product", "difference", "ratio")),
        COLUMNS, MAX_COLUMNS, MAX_FEATURES,
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._combinations import Combiner

        given = filled(self, params)
        asked = given.pop("operations")
        operations = ("product", "difference", "ratio") if asked == "all" else (asked,)
        return Combiner(operations, **given, degree=2, powers=False, what=self.name, n_classes=setting.n_classes,
                        seed=setting.seed)  # fmt: skip


class Ratios(_Combinations):
    """Ratios of pairs."""

    name: ClassVar[str] = "ratios"
    description: ClassVar[str] = (
        "Adds ratios of pairs of numeric columns (price per room, load per capacity), the most telling ones on "
        "training rows; a ratio over zero is missing."
    )
    params: ClassVar[tuple[Param, ...]] = (COLUMNS, MAX_COLUMNS, MAX_FEATURES)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._combinations import Combiner

        return Combiner(("ratio",), **filled(self, params), degree=2, powers=False, what=self.name,
                        n_classes=setting.n_classes, seed=setting.seed)  # fmt: skip


class Polynomials(_Combinations):
    """Squares, cubes and products."""

    name: ClassVar[str] = "polynomials"
    description: ClassVar[str] = (
        "Adds powers and products of numeric columns up to a degree, the most telling ones on training rows. For "
        "linear models; trees don't need them."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Integer("degree", "highest number of factors", 2, low=2, high=3, search=(2, 3)),
        COLUMNS,
        MAX_COLUMNS,
        Integer("max_features", "how many are kept, those most related to the target", 30, low=1, high=500,
                search=(10, 100), log=True),
    )  # fmt: skip

    def adds(self, params: Mapping[str, Any], columns: int) -> int:
        """See :class:`~modelwright.transforms.Transform`: every product of up to so many factors, powers among them."""
        given = filled(self, params)
        width, degree = min(columns, int(given["max_columns"])), int(given["degree"])
        return min(int(given["max_features"]), comb(width + degree, degree) - 1 - width)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._combinations import Combiner

        return Combiner(("product",), **filled(self, params), powers=True, what=self.name, n_classes=setting.n_classes,
                        seed=setting.seed)  # fmt: skip


class CombineCategories(_Combinations):
    """Pairs of categories as one."""

    name: ClassVar[str] = "combine_categories"
    description: ClassVar[str] = (
        "Adds combinations of category columns as new categories, those with the most telling target means. Strong "
        "with many codes (who, where, what) and a view that encodes by the target."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("columns", "columns to combine; None for up to ten categories"),
        Integer("size", "how many columns in one combination", 2, low=2, high=3),
        Integer("max_features", "how many combinations are kept", 6, low=1, high=100, search=(2, 20), log=True),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._combinations import CategoryCombiner

        return CategoryCombiner(**filled(self, params), n_classes=setting.n_classes, seed=setting.seed)
