"""A group's recent past against its usual, its drift, and the time since a change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._frames import Array, numbers
from modelwright.transforms._history import SmoothMaker
from modelwright.transforms._past import Segments
from modelwright.transforms._temporal import Made, PastTransformer, named
from modelwright.transforms._windows import Totals, forward_filled, standardised, usual, windowed

RARE = 0.2
"""Share of the rows with an event up to which the time since the last one is looked at when no column is named."""


class DeviationMaker(SmoothMaker):
    """See :class:`OwnUsual`."""

    what = "own_usual"

    def _total(self, values: Array, group: Array) -> None:
        self.totals_ = Totals(values, group)

    def _end(self, span: int) -> str:
        return f"usual_{span}"

    def _finish(self, smooth: Array, values: Array, segments: Segments) -> Array:
        return standardised(smooth, *usual(values, segments, self.totals_))


class DriftMaker(PastTransformer):
    """See :class:`Drift`."""

    what = "drift"

    def _tail(self) -> int:
        return 2 * max(self._halves(), default=0)

    def _halves(self) -> list[int]:
        return [max(1, window // 2) for window in self.options["windows"]]

    def _compute(self, values: Array, segments: Segments) -> Made:
        made: Made = {}
        for window, half in zip(self.options["windows"], self._halves(), strict=True):
            level = windowed(values, segments, half, ("mean",), current=True)["mean"]
            before = np.column_stack([segments.back(level[:, j], half) for j in range(level.shape[1])])
            made |= named(self.names_, level - before, f"drift_{window}")
        return made


class EventMaker(PastTransformer):
    """See :class:`SinceEvent`."""

    what = "since_event"

    def _tail(self) -> int:
        return 1

    def _columns(self, X: pd.DataFrame, y: Any) -> list[str]:
        names = super()._columns(X, y)
        if self.options["columns"] is not None:
            return names
        segments = self.clock_.sort(X)
        events = self._events(numbers(X, names)[segments.order], segments)
        share = events.mean(axis=0) if len(X) else np.zeros(len(names))
        rare = [name for name, s in zip(names, share.tolist(), strict=True) if 0 < s <= RARE]
        if not rare:
            raise NotApplicable("since_event: no numeric column has events that are rare")
        return rare

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        super()._learn(X, y)
        # Each group's last row stands for its history: its last known value, and the moment of its last event.
        segments = self.clock_.sort(X)
        ranked = numbers(X, self.names_)[segments.order]
        last = self._moments(ranked, segments, self.clock_.read(X)[0][segments.order], None)
        place = np.argsort(segments.order, kind="stable")
        tail, _ = self.clock_.remember(X, 1)
        self.tail_ = forward_filled(ranked, segments)[place][tail]
        self.last_ = last[place][tail]

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        segments = self.clock_.resume(X)
        # Without a time column the rows of a later frame are numbered on from those of training.
        time = self.clock_.read(X)[0] + (self.clock_.rows() if self.clock_.time_column is None else 0.0)
        values = np.concatenate([self.tail_[segments.taken], numbers(X, self.names_)])[segments.order]
        times = np.concatenate([self.clock_.tail_time[segments.taken], time])[segments.order]
        return self._since(X, values, times, segments, self.last_[segments.taken])

    def _learn_apply(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        self._learn(X, y)
        segments = self.clock_.sort(X)
        time = self.clock_.read(X)[0][segments.order]
        return self._since(X, numbers(X, self.names_)[segments.order], time, segments, None)

    def _since(
        self, X: pd.DataFrame, values: Array, time: Array, segments: Segments, known: Array | None
    ) -> pd.DataFrame:
        last = self._moments(values, segments, time, known)
        dated = self.clock_.time_column is not None and pd.api.types.is_datetime64_any_dtype(
            X[self.clock_.time_column].dtype
        )
        since = (time[:, None] - last) / (3.6e9 if dated else 1.0)
        return self._join(X, named(self.names_, since, f"since_{self.options['event']}"), segments)

    def _moments(self, values: Array, segments: Segments, time: Array, known: Array | None) -> Array:
        """The moment of the last event up to each sorted row, NaN where none is known."""
        moments = np.where(self._events(values, segments), time[:, None], np.nan)
        if known is not None and len(known):
            history = segments.order < len(segments.taken)
            moments[history] = known[segments.order[history]]
        return forward_filled(moments, segments)

    def _events(self, values: Array, segments: Segments) -> Array:
        if self.options["event"] == "nonzero":
            happened: Array = np.nan_to_num(values) != 0
            return happened
        full = forward_filled(values, segments)
        before = np.column_stack([segments.back(full[:, j], 1) for j in range(full.shape[1])])
        changed: Array = ~np.isnan(full) & ~np.isnan(before) & (full != before)
        return changed

    def _compute(self, values: Array, segments: Segments) -> Made:
        raise NotImplementedError
