"""Missing values: filling them, and telling where they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Flag, Param, Real, Text
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


class Impute(Transform):
    """Fills missing values."""

    name: ClassVar[str] = "impute"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = (
        "Fills missing numbers and categories with what was learnt in training. Tree models do well without."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice(
            "strategy", "what to fill in; categories take the most frequent level except for 'constant'", "median",
            values=("mean", "median", "most_frequent", "constant"), search=("mean", "median"),
        ),
        Columns("columns", "which columns; None for all numbers and categories"),
        Real("fill_value", "the number for 'constant', and for columns with nothing known", 0.0, low=-1e12, high=1e12),
        Text("fill_text", "the level for 'constant'", "missing", max_length=100),
        Flag("indicator", "whether to add columns that say where values were missing", False, search=True),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._missing import Imputer

        return Imputer(**filled(self, params))


class MissingIndicators(Transform):
    """Says where values are missing."""

    name: ClassVar[str] = "missing_indicators"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Adds a column of 0 and 1 for each column that has missing values in training."
    params: ClassVar[tuple[Param, ...]] = (Columns("columns", "which columns; None for all"),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._missing import Marker

        return Marker(**filled(self, params))
