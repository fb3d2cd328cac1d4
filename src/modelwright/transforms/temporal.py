"""Features of the past: what came before a row in time, in its own group.

Nothing here looks at later rows. The tail of the training rows is kept, so that later rows (a test set, next week)
go on where training ended; rows from before that end get their features from what precedes them in their own frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Choice, Flag, Numbers, Param
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms._base import filled
from modelwright.transforms._frames import Array
from modelwright.transforms._past import Segments
from modelwright.transforms._temporal import COLUMNS, ORDER, Made, PastTransform, PastTransformer, named
from modelwright.transforms._windows import Totals, standardised, usual, windowed


class LagMaker(PastTransformer):
    """See :class:`Lags`."""

    what = "lags"

    def _tail(self) -> int:
        return max(self.options["lags"], default=0)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for lag in self.options["lags"]:
            made |= {f"{n}_lag_{lag}": segments.back(values[:, j], lag) for j, n in enumerate(self.names_)}
        return made


class Lags(PastTransform):
    """Earlier values."""

    name: ClassVar[str] = "lags"
    description: ClassVar[str] = "Adds the values of earlier rows of the same group, as {column}_lag_{n}."
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("lags", "how many rows back", (1, 2, 3), low=1, high=10_000, whole=True, max_items=20),
        *ORDER,
    )
    builds = LagMaker


class DifferenceMaker(LagMaker):
    """See :class:`Differences`."""

    what = "differences"

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for lag in self.options["lags"]:
            for j, name in enumerate(self.names_):
                made[f"{name}_diff_{lag}"] = values[:, j] - segments.back(values[:, j], lag)
        return made


class Differences(PastTransform):
    """Change since earlier rows."""

    name: ClassVar[str] = "differences"
    description: ClassVar[str] = "Adds the change since earlier rows of the same group, as {column}_diff_{n}."
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("lags", "how many rows back", (1,), low=1, high=10_000, whole=True, max_items=20),
        *ORDER,
    )
    builds = DifferenceMaker


class WindowMaker(PastTransformer):
    """See :class:`Rolling`."""

    what = "rolling"

    def _tail(self) -> int:
        return max(self.options["windows"], default=0)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        asked: str = self.options["statistics"]
        several = {"all": ("mean", "std", "min", "max"), "mean_std": ("mean", "std")}
        wanted: tuple[str, ...] = several.get(asked, (asked,))
        for window in self.options["windows"]:
            found = windowed(values, segments, window, wanted, self.options["include_current"])
            for statistic, result in found.items():
                made |= named(self.names_, result, f"{statistic}_{window}")
        return made


class Rolling(PastTransform):
    """Statistics over the last rows."""

    name: ClassVar[str] = "rolling"
    description: ClassVar[str] = (
        "Adds mean, standard deviation, minimum or maximum over the last rows of the same group, as "
        "{column}_mean_{window} and so on. For sensors, prices and other series."
    )
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("windows", "lengths of the windows, in rows", (6, 24), low=2, high=10_000, whole=True, max_items=10),
        Choice("statistics", "which", "mean_std", values=("mean_std", "all", "mean", "std", "min", "max", "median"),
               search=("mean_std", "all")),
        Flag("include_current", "whether the current row is in its own window; its values are known, so it may be",
             True),
        *ORDER,
    )  # fmt: skip
    builds = WindowMaker


class ZscoreMaker(PastTransformer):
    """See :class:`TrailingZscore`."""

    what = "trailing_zscore"

    def _tail(self) -> int:
        return max(self.options["windows"] or (), default=0)

    def _total(self, values: Array, group: Array) -> None:
        self.totals_ = Totals(values, group)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for window in self.options["windows"] or ():
            found = windowed(values, segments, window, ("mean", "std"), current=False)
            made |= named(self.names_, standardised(values, found["mean"], found["std"]), f"zscore_{window}")
        if self.options["expanding"]:
            made |= named(self.names_, standardised(values, *usual(values, segments, self.totals_)), "zscore")
        return made


class TrailingZscore(PastTransform):
    """How unusual a value is for its group so far."""

    name: ClassVar[str] = "trailing_zscore"
    description: ClassVar[str] = (
        "Adds how many standard deviations a value is away from the mean of the earlier rows of its group: over all "
        "of them ({column}_zscore) or over the last rows ({column}_zscore_{window}). Makes machines with different "
        "normal levels comparable; often the strongest feature on sensor data."
    )
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Flag("expanding", "whether to use all earlier rows", True),
        Numbers("windows", "lengths of further windows, in rows; none by default", (), low=3, high=10_000, whole=True,
                max_items=10),
        *ORDER,
    )  # fmt: skip
    builds = ZscoreMaker

    def build(self, params: Mapping[str, Any], setting: Setting) -> PastTransformer:
        """See :class:`~modelwright.transforms.Transform`.

        Raises:
            NotApplicable: when neither all rows nor a window is asked for.
        """
        given = filled(self, params)
        if not given["expanding"] and not given["windows"]:
            raise NotApplicable("trailing_zscore: ask for expanding or name windows")
        return super().build(params, setting)
