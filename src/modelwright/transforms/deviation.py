"""How a group's recent past compares with its usual: deviation of the present level, drift, and time since a change."""

from __future__ import annotations

from typing import ClassVar

from modelwright.action import Choice, Numbers, Param
from modelwright.transforms.temporal import COLUMNS, ORDER, PastTransform


class OwnUsual(PastTransform):
    """How far the present level is from the group's usual one."""

    name: ClassVar[str] = "own_usual"
    description: ClassVar[str] = (
        "Adds how far the present level of a column (its exponentially weighted mean) is from the mean of all earlier "
        "rows of the same group, in their standard deviations, as {column}_usual_{span}. Short spans see sudden "
        "changes, long ones slow changes through noise; machines with different normal levels become comparable."
    )
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("spans", "how far back the present level reaches, in rows", (3, 12, 48), low=1, high=10_000, whole=True,
                max_items=10),
        *ORDER,
    )  # fmt: skip
    builds = "modelwright.transforms._deviation:DeviationMaker"


class Drift(PastTransform):
    """Which way a column has been going."""

    name: ClassVar[str] = "drift"
    description: ClassVar[str] = (
        "Adds the mean of the newer half of the last rows of the same group minus the mean of the older half, as "
        "{column}_drift_{window}: a slope that noise and gaps hardly disturb."
    )
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("windows", "lengths of the windows, in rows", (12, 48), low=2, high=10_000, whole=True, max_items=10),
        *ORDER,
    )
    builds = "modelwright.transforms._deviation:DriftMaker"


class SinceEvent(PastTransform):
    """Time since something happened."""

    name: ClassVar[str] = "since_event"
    description: ClassVar[str] = (
        "Adds the time since a column last changed or last differed from zero in the same group, in hours (in the "
        "time column's own unit where time is a number, in rows without one), as {column}_since_change or "
        "{column}_since_nonzero. For switches, alarms and states; missing before the first event."
    )
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Choice("event", "what counts", "change", values=("change", "nonzero"), search=("change", "nonzero")),
        *ORDER,
    )
    builds = "modelwright.transforms._deviation:EventMaker"
