"""More features of the past: smoothed values, time and rows since, and the last known value for a missing one."""

from __future__ import annotations

from typing import ClassVar

from modelwright.action import Category, Choice, Columns, Numbers, Param
from modelwright.transforms.temporal import COLUMNS, ORDER, PastTransform


class Ewm(PastTransform):
    """Exponentially weighted means."""

    name: ClassVar[str] = "ewm"
    description: ClassVar[str] = (
        "Adds exponentially weighted means up to the current row of the same group, as {column}_ewm_{span}."
    )
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("spans", "how far back they reach, in rows", (12,), low=1, high=10_000, whole=True, max_items=10),
        *ORDER,
    )
    builds = "modelwright.transforms._history:SmoothMaker"


class TimeSince(PastTransform):
    """Time since the row before."""

    name: ClassVar[str] = "time_since"
    description: ClassVar[str] = (
        "Adds the time since the previous row of the same group, in hours (in the column's own unit where time is a "
        "number), as {time column}_since_previous."
    )
    params: ClassVar[tuple[Param, ...]] = ORDER
    builds = "modelwright.transforms._history:GapMaker"


class RunningCount(PastTransform):
    """How many rows of the group came before."""

    name: ClassVar[str] = "running_count"
    description: ClassVar[str] = (
        "Adds how many rows of the same group came before, as {group column}_running_count: experience, age, wear."
    )
    params: ClassVar[tuple[Param, ...]] = ORDER
    builds = "modelwright.transforms._history:CountMaker"


class FillMissing(PastTransform):
    """Fills missing numbers with the last known value."""

    name: ClassVar[str] = "fill_missing"
    category: ClassVar[Category] = "preprocessing"
    description: ClassVar[str] = (
        "Fills missing numbers with the last known value of the same group ('forward'), with zero, or with zero "
        "where there is no earlier value ('forward_zero'). For other ways of filling see impute."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice("method", "how", "forward", values=("forward", "zero", "forward_zero")),
        Columns("columns", "which columns; None for all numbers"),
        *ORDER,
    )
    builds = "modelwright.transforms._history:ForwardFiller"
