"""What came before a row: smoothed values, time and rows since, the last known value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._frames import Array, choose, numbers, replace_columns
from modelwright.transforms._past import Segments
from modelwright.transforms._temporal import Made, PastTransformer, named
from modelwright.transforms._windows import forward_filled, smoothed


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
            smooth = smoothed(ranked, segments, span)
            made |= named(self.names_, self._finish(smooth, ranked, segments), self._end(span))
        return self._join(X, made, segments)

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for span in self.options["spans"]:
            smooth = smoothed(values, segments, span)
            made |= named(self.names_, self._finish(smooth, values, segments), self._end(span))
        return made

    def _end(self, span: int) -> str:
        return f"ewm_{span}"

    def _finish(self, smooth: Array, values: Array, segments: Segments) -> Array:
        """What is made of smoothed values; ``values`` are the sorted rows' own, of the history its state."""
        return smooth


class GapMaker(PastTransformer):
    """See :class:`TimeSince`."""

    what = "time_since"

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:
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


class CountMaker(PastTransformer):
    """See :class:`RunningCount`."""

    what = "running_count"

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:
        return []

    def _total(self, values: Array, group: Array) -> None:
        self.rows_ = np.bincount(group[group >= 0])

    def _compute(self, values: Array, segments: Segments) -> Made:
        before = segments.at - segments.start
        if hasattr(self, "rows_") and (segments.group >= 0).any():
            before = before + np.where(segments.group >= 0, self.rows_[np.maximum(segments.group, 0)], 0)
        return {f"{self.clock_.group_column or 'rows'}_running_count": before.astype(np.float64)}


class ForwardFiller(PastTransformer):
    """See :class:`FillMissing`."""

    what = "fill_missing"

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:
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
        return replace_columns(X, {name: segments.unsort(values) for name, values in made.items()})
