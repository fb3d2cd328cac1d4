"""Dates as their parts, added to the frame."""

from __future__ import annotations

from typing import Any

import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._blocks import Block, Cycles, Dates
from modelwright.transforms._encoders import BlockAdder
from modelwright.transforms._frames import choose


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
