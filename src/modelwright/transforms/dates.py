"""Dates from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd

from modelwright.action import Category, Columns, Flag, Param
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Transform
from modelwright.transforms._base import filled
from modelwright.transforms._blocks import Block, Cycles, Dates
from modelwright.transforms._frames import choose
from modelwright.transforms.encoding import BlockAdder


class DateEncoder(BlockAdder):
    """See :class:`DateParts` for the parameters."""

    def __init__(self, columns: Any, cyclic: bool, keep: bool) -> None:
        self.columns, self.cyclic, self.keep = columns, cyclic, keep

    def _blocks(self, X: pd.DataFrame) -> list[Block]:
        self.uses_ = choose(X, self.columns, ("datetime",), "date_parts")
        return [b for name in self.uses_ for b in (Dates(name), *([Cycles(name)] if self.cyclic else []))]

    def _fit(self, X: pd.DataFrame, y: Any, cross_fit: bool) -> list[Any]:
        parts = super()._fit(X, y, cross_fit)
        if not any(b.names for b in self.blocks_):
            raise NotApplicable("date_parts: the dates don't vary")
        return parts


class DateParts(Transform):
    """Dates as their parts."""

    name: ClassVar[str] = "date_parts"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds year, month, day, weekday, time of day and elapsed days of dates, as far as they vary in training. The "
        "views do so by themselves; use this to build further features on the parts."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("columns", "which columns; None for all dates"),
        Flag("cyclic", "whether to add sines and cosines of the repeating parts", False),
        Flag("keep", "whether the original columns stay", True),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> DateEncoder:
        """See :class:`~modelwright.transforms.Transform`."""
        return DateEncoder(**filled(self, params))
