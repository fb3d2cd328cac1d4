"""Choosing columns and changing what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Columns, Param
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


class DropColumns(Transform):
    """Leaves columns out."""

    name: ClassVar[str] = "drop_columns"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Leaves out the named columns."
    params: ClassVar[tuple[Param, ...]] = (Columns("columns", "which columns", ()),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._columns import Dropper

        return Dropper(**filled(self, params))


class KeepColumns(Transform):
    """Leaves all but some columns out."""

    name: ClassVar[str] = "keep_columns"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Leaves out all columns but the named ones."
    params: ClassVar[tuple[Param, ...]] = (Columns("columns", "which columns", ()),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._columns import Keeper

        return Keeper(**filled(self, params))


class AsCategory(Transform):
    """Codes as categories."""

    name: ClassVar[str] = "as_category"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = "Treats the named columns as categories: for numbers that are codes, not quantities."
    params: ClassVar[tuple[Param, ...]] = (Columns("columns", "which columns"),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._columns import Categoriser

        return Categoriser(**filled(self, params))


class AsNumeric(Transform):
    """Categories and texts as the numbers they are written as."""

    name: ClassVar[str] = "as_numeric"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = (
        "Reads categories or texts as the numbers they are written as; what can't be read becomes missing. Applies "
        "to columns of which most values can be read."
    )
    params: ClassVar[tuple[Param, ...]] = (Columns("columns", "which columns; None for all categories and texts"),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._columns import Numberer

        return Numberer(**filled(self, params))
