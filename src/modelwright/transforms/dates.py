"""Dates from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Columns, Flag, Param
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


class DateParts(Transform):
    """Dates as their parts."""

    name: ClassVar[str] = "date_parts"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds year, month, day, weekday, time of day, day of the year and elapsed days of dates, as far as they vary "
        "in training. The views do so by themselves; use this to build further features on the parts."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("columns", "which columns; None for all dates"),
        Flag("cyclic", "whether to add sines and cosines of the repeating parts", False),
        Flag("keep", "whether the original columns stay", True),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._date_encoder import DateEncoder

        return DateEncoder(**filled(self, params))


class AssembleDate(Transform):
    """A date from its parts."""

    name: ClassVar[str] = "assemble_date"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds the date that columns for year, month and day make together, and with it the weekday, the day of the "
        "year and the time that has passed, which none of them tells alone. For months by number or by name."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("columns", "year, month and day in this order, or month and day; None finds them by their names"),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._date_assembler import DateAssembler

        return DateAssembler(**filled(self, params))
