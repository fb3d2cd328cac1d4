"""A date from the columns that hold its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.dated import UNREADABLE, assembled, date_parts
from modelwright.errors import NotApplicable, ProgramError
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import Sort, add_columns, choose, names_of


class DateAssembler(FrameTransformer):
    """See :class:`AssembleDate` for the parameters."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        kinds: tuple[Sort, ...] = ("numeric", "category")
        if self.columns is None:
            self.uses_ = list(date_parts(names_of(X, *kinds)))
        else:
            self.uses_ = choose(X, self.columns, kinds, "assemble_date")
            if len(self.uses_) not in (2, 3):
                raise ProgramError(
                    f"assemble_date: it takes the columns of year, month and day, or of month and day; here are "
                    f"{len(self.uses_)}"
                )
        if not self.uses_:
            raise NotApplicable("assemble_date: no columns are named like the month and the day of one date")
        if len(X) and np.isnat(assembled(X, self.uses_)).mean() > UNREADABLE:
            raise NotApplicable(f"assemble_date: {', '.join(map(repr, self.uses_))} make no dates in many rows")

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return add_columns(X, {"date": assembled(X, self.uses_)})
