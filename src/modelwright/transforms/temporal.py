"""Features of the past: what came before a row in time, in its own group.

Nothing here looks at later rows. The tail of the training rows is kept, so that later rows (a test set, next week)
go on where training ended; rows from before that end get their features from what precedes them in their own frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Flag, Integer, Numbers, Param, Text
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled

ORDER = (
    Text("time_column", "column that orders the rows; None for the problem's, else the order of the rows"),
    Text("group_column", "column whose groups are apart; None for the problem's, else all rows are one group"),
)
COLUMNS = (
    Columns("columns", "which columns; None for the numbers most related to the target"),
    Integer("max_columns", "how many columns are taken when none are named", 20, low=1, high=500),
)


class PastTransform(Transform):
    """What features of the past share: what is built (``module:class``), and parameters that say how rows follow on."""

    category: ClassVar[Category] = "feature"
    builds: ClassVar[str]

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        given = (setting.time_column, setting.group_column)
        return resolve_name(self.builds)(filled(self, params), given, setting.n_classes, setting.seed)


class Lags(PastTransform):
    """Earlier values."""

    name: ClassVar[str] = "lags"
    description: ClassVar[str] = "Adds the values of earlier rows of the same group, as {column}_lag_{n}."
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("lags", "how many rows back", (1, 2, 3), low=1, high=10_000, whole=True, max_items=20),
        *ORDER,
    )
    builds = "modelwright.transforms._lags:LagMaker"


class Differences(PastTransform):
    """Change since earlier rows."""

    name: ClassVar[str] = "differences"
    description: ClassVar[str] = "Adds the change since earlier rows of the same group, as {column}_diff_{n}."
    params: ClassVar[tuple[Param, ...]] = (
        *COLUMNS,
        Numbers("lags", "how many rows back", (1,), low=1, high=10_000, whole=True, max_items=20),
        *ORDER,
    )
    builds = "modelwright.transforms._lags:DifferenceMaker"


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
    builds = "modelwright.transforms._lags:WindowMaker"


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
    builds = "modelwright.transforms._lags:ZscoreMaker"

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`.

        Raises:
            NotApplicable: when neither all rows nor a window is asked for.
        """
        given = filled(self, params)
        if not given["expanding"] and not given["windows"]:
            raise NotApplicable("trailing_zscore: ask for expanding or name windows")
        return super().build(params, setting)
