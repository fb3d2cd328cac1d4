"""Features written as SQL expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Param, Texts
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled
from modelwright.transforms._sql import parse


class SqlFeatures(Transform):
    """New columns from SQL expressions over the columns of a row."""

    name: ClassVar[str] = "sql_features"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "New columns as SQL expressions (DuckDB) over the columns of a row, for instance "
        "{'price_per_room': 'price / rooms'}. What can't be computed, such as a division by zero, is missing. Names "
        "with special characters go in double quotes; a new column with the name of an old one replaces it."
    )
    params: ClassVar[tuple[Param, ...]] = (Texts("expressions", "new names and their expressions"),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`.

        Raises:
            ProgramError: for an expression that can't be parsed or uses what isn't allowed.
        """
        from modelwright.transforms._calculator import Calculator

        given = filled(self, params)
        for name, text in (given["expressions"] or {}).items():
            parse(name, text)
        return Calculator(**given)
