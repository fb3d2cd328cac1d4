"""Features of the past: what came before a row in time, in its own group.

Nothing here looks at later rows. The tail of the training rows is kept, so that later rows (a test set, next week)
go on where training ended; rows from before that end get their features from what precedes them in their own frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from modelwright.action import Category, Choice, Columns, Flag, Integer, Numbers, Param, Text
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Transform
from modelwright.transforms._base import FrameTransformer, filled
from modelwright.transforms._frames import Array, add_columns, choose, numbers
from modelwright.transforms._past import Segments, clock
from modelwright.transforms._related import relation, top
from modelwright.transforms._windows import Totals, forward_filled, smoothed, standardised, windowed

Made = dict[str, Array]


class PastTransformer(FrameTransformer):
    """Shared: sorts rows by group and time, adds what ``_compute`` makes of them, and keeps the tail of history.

    Args:
        options: the parameters of the transform, as declared.
        given: time and group column of the problem.
        n_classes: number of classes; 0 for regression.
        seed: for choosing columns.
    """

    what: ClassVar[str]

    def __init__(self, options: Any, given: Any, n_classes: int, seed: int) -> None:
        self.options, self.given, self.n_classes, self.seed = options, given, n_classes, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        options = self.options
        self.clock_ = clock(X, options["time_column"], options["group_column"], self.given, self.what)
        self.names_ = self._columns(X, y)
        self.uses_ = list(dict.fromkeys([*self.names_, *self.clock_.uses()]))
        values = numbers(X, self.names_)
        segments = self.clock_.sort(X)
        tail, group = self.clock_.remember(X, self._tail())
        self.tail_ = self._state(values, segments)[tail]
        self._total(values, group)

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:
        names = choose(X, self.options["columns"], ("numeric",), self.what, skip=self.clock_.uses())
        if self.options["columns"] is None and len(names) > self.options["max_columns"]:
            figures = relation(numbers(X, names), y, self.n_classes, self.seed)
            names = top(names, figures, self.options["max_columns"])
        return names

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        segments = self.clock_.resume(X)
        values = np.concatenate([self.tail_[segments.taken], numbers(X, self.names_)])[segments.order]
        return self._join(X, self._compute(values, segments), segments)

    def _learn_apply(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        self._learn(X, y)
        segments = self.clock_.sort(X)
        return self._join(X, self._compute(numbers(X, self.names_)[segments.order], segments), segments)

    def _join(self, X: pd.DataFrame, made: Made, segments: Segments) -> pd.DataFrame:
        return add_columns(X, {name: segments.unsort(values) for name, values in made.items()})

    def _tail(self) -> int:
        """How many of a group's last rows later rows look back on."""
        return 0

    def _state(self, values: Array, segments: Segments) -> Array:  # noqa: ARG002
        """What is kept of the tail's rows, in the order of the frame."""
        return values

    def _total(self, values: Array, group: Array) -> None:
        """Keep sums over all training rows of each group."""

    def _compute(self, values: Array, segments: Segments) -> Made:
        """New columns over sorted rows."""
        raise NotImplementedError


def _named(names: list[str], values: Array, ending: str) -> Made:
    return {f"{name}_{ending}": values[:, j] for j, name in enumerate(names)}


class PastTransform(Transform):
    """What the transforms of this module share: who builds, and which parameters say how rows follow each other."""

    category: ClassVar[Category] = "feature"
    builds: ClassVar[type[PastTransformer]]

    def build(self, params: Mapping[str, Any], setting: Setting) -> PastTransformer:
        """See :class:`~modelwright.transforms.Transform`."""
        given = (setting.time_column, setting.group_column)
        return self.builds(filled(self, params), given, setting.n_classes, setting.seed)


ORDER = (
    Text("time_column", "column that orders the rows; None for the problem's, else the order of the rows"),
    Text("group_column", "column whose groups are apart; None for the problem's, else all rows are one group"),
)
COLUMNS = (
    Columns("columns", "which columns; None for the numbers most related to the target"),
    Integer("max_columns", "how many columns are taken when none are named", 20, low=1, high=500),
)


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
        wanted = ("mean", "std", "min", "max") if self.options["statistics"] == "all" else ("mean", "std")
        wanted = wanted if self.options["statistics"] in ("all", "mean_std") else (self.options["statistics"],)
        for window in self.options["windows"]:
            found = windowed(values, segments, window, wanted, self.options["include_current"])
            for statistic, result in found.items():
                made |= _named(self.names_, result, f"{statistic}_{window}")
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
            made |= _named(self.names_, standardised(values, found["mean"], found["std"]), f"zscore_{window}")
        if self.options["expanding"]:
            made |= _named(self.names_, self._expanding(values, segments), "zscore")
        return made

    def _expanding(self, values: Array, segments: Segments) -> Array:
        rows = len(segments.taken)
        fresh = segments.order >= rows  # the totals hold the history already, its tail must not count twice
        own = np.where(fresh[:, None], values, np.nan)
        found = windowed(own, segments, None, ("count", "mean", "var"), current=False)
        count = np.nan_to_num(found["count"])
        spread = np.nan_to_num(found["var"]) * np.maximum(count - 1, 0)
        count, mean, spread = self.totals_.join(segments.group, count, found["mean"], spread)
        with np.errstate(invalid="ignore"):
            std = np.where(count > 1, np.sqrt(spread / np.maximum(count - 1, 1)), np.nan)
        return standardised(values, mean, std)


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


class SmoothMaker(PastTransformer):
    """See :class:`Ewm`."""

    what = "ewm"

    def _tail(self) -> int:
        return 1

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        super()._learn(X, y)
        # The state of each span goes on from the last row: one block of columns a span.
        segments = self.clock_.sort(X)
        ranked = numbers(X, self.names_)[segments.order]
        states = [smoothed(ranked, segments, span) for span in self.options["spans"]]
        tail, _ = self.clock_.remember(X, 1)
        place = np.argsort(segments.order, kind="stable")
        self.tails_ = [state[place][tail] for state in states]

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        segments = self.clock_.resume(X)
        values, made = numbers(X, self.names_), dict[str, Array]()
        for span, tail in zip(self.options["spans"], self.tails_, strict=True):
            ranked = np.concatenate([tail[segments.taken], values])[segments.order]
            made |= _named(self.names_, smoothed(ranked, segments, span), f"ewm_{span}")
        return self._join(X, made, segments)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for span in self.options["spans"]:
            made |= _named(self.names_, smoothed(values, segments, span), f"ewm_{span}")
        return made


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
    builds = SmoothMaker


class GapMaker(PastTransformer):
    """See :class:`TimeSince`."""

    what = "time_since"

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:  # noqa: ARG002
        if self.clock_.time_column is None:
            raise NotApplicable("time_since: there is no time column")
        return []

    def _tail(self) -> int:
        return 1

    def _compute(self, values: Array, segments: Segments) -> Made:
        raise NotImplementedError

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return self._gaps(X, self.clock_.resume(X))

    def _learn_apply(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        self._learn(X, y)
        return self._gaps(X, self.clock_.sort(X))

    def _gaps(self, X: pd.DataFrame, segments: Segments) -> pd.DataFrame:
        time, _, _ = self.clock_.read(X)
        ranked = np.concatenate([self.clock_.tail_time[segments.taken], time])[segments.order]
        name = str(self.clock_.time_column)
        unit = 3.6e9 if pd.api.types.is_datetime64_any_dtype(X[name].dtype) else 1.0
        return self._join(X, {f"{name}_since_previous": (ranked - segments.back(ranked, 1)) / unit}, segments)


class TimeSince(PastTransform):
    """Time since the row before."""

    name: ClassVar[str] = "time_since"
    description: ClassVar[str] = (
        "Adds the time since the previous row of the same group, in hours (in the column's own unit where time is a "
        "number), as {time column}_since_previous."
    )
    params: ClassVar[tuple[Param, ...]] = ORDER
    builds = GapMaker


class CountMaker(PastTransformer):
    """See :class:`RunningCount`."""

    what = "running_count"

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:  # noqa: ARG002
        return []

    def _total(self, values: Array, group: Array) -> None:  # noqa: ARG002
        self.rows_ = np.bincount(group[group >= 0])

    def _compute(self, values: Array, segments: Segments) -> Made:  # noqa: ARG002
        before = segments.at - segments.start
        if hasattr(self, "rows_") and (segments.group >= 0).any():
            before = before + np.where(segments.group >= 0, self.rows_[np.maximum(segments.group, 0)], 0)
        return {f"{self.clock_.group_column or 'rows'}_running_count": before.astype(np.float64)}


class RunningCount(PastTransform):
    """How many rows of the group came before."""

    name: ClassVar[str] = "running_count"
    description: ClassVar[str] = (
        "Adds how many rows of the same group came before, as {group column}_running_count: experience, age, wear."
    )
    params: ClassVar[tuple[Param, ...]] = ORDER
    builds = CountMaker


class ForwardFiller(PastTransformer):
    """See :class:`FillMissing`."""

    what = "fill_missing"

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:  # noqa: ARG002
        return choose(X, self.options["columns"], ("numeric",), self.what, skip=self.clock_.uses())

    def _tail(self) -> int:
        return 1

    def _state(self, values: Array, segments: Segments) -> Array:
        return forward_filled(values[segments.order], segments)[np.argsort(segments.order, kind="stable")]

    def _compute(self, values: Array, segments: Segments) -> Made:
        full = values if self.options["method"] == "zero" else forward_filled(values, segments)
        if self.options["method"] != "forward":
            full = np.where(np.isnan(full), 0.0, full)
        return {name: full[:, j] for j, name in enumerate(self.names_)}

    def _join(self, X: pd.DataFrame, made: Made, segments: Segments) -> pd.DataFrame:
        return X.assign(**{name: segments.unsort(values) for name, values in made.items()})


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
    builds = ForwardFiller
