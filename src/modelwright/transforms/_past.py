"""Rows in time, group by group, and the tail of history that lets later rows go on where training ended."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable, ProgramError
from modelwright.transforms._calendar import microseconds, moments
from modelwright.transforms._frames import Array, column, numbers, sort_of
from modelwright.transforms._keys import group_codes

_NONE = np.empty(0, dtype=np.int64)


class Segments:
    """Rows sorted by segment and time. A segment is what may look back on itself: a group's rows, with its history.

    Args:
        order: for each sorted row its position among the rows that were given (history first, then the frame).
        start: for each sorted row the sorted position of its segment's first row.
        taken: which rows of the history's tail were given.
        group: for each sorted row its group in the history, -1 for none.
    """

    def __init__(self, order: Array, start: Array, taken: Array, group: Array) -> None:
        self.order, self.start, self.taken, self.group = order, start, taken, group
        self.at = np.arange(len(order))

    def back(self, values: Array, steps: int) -> Array:
        """The value so many rows earlier in the same segment, NaN where there is none."""
        source = self.at - steps
        return np.where(source >= self.start, values[np.maximum(source, 0)], np.nan)

    def unsort(self, values: Array) -> Array:
        """Values of sorted rows in the order of the frame, history left out."""
        given = np.empty(len(values))
        given[self.order] = values
        return given[len(self.taken) :]


class Clock:
    """Reads time and group of rows, and remembers where each group's training rows end.

    Args:
        time_column: a datetime or numeric column that orders the rows; ``None``: their order in the frame.
        group_column: the column that names each row's group; ``None``: all rows are one group.
        what: the transform's name, for messages.
    """

    def __init__(self, time_column: str | None, group_column: str | None, what: str) -> None:
        self.time_column, self.group_column, self.what = time_column, group_column, what

    def uses(self) -> list[str]:
        """The columns that have to be there."""
        return [name for name in (self.time_column, self.group_column) if name is not None]

    def sort(self, frame: pd.DataFrame) -> Segments:
        """The rows of a frame by group and time, without history."""
        time, codes, _ = self.read(frame)
        return _segments(*_alone(codes.astype(np.int64), time), _NONE, np.full(len(time), -1))

    def read(self, frame: pd.DataFrame) -> tuple[Array, Array, list[str]]:
        """Time of each row (NaN where it isn't known), its group's code, and the groups' texts by code."""
        rows = len(frame)
        if self.time_column is None:
            time = np.arange(rows, dtype=np.float64)
        else:
            series = frame[self.time_column]
            numeric = sort_of(series) == "numeric"
            time = numbers(frame, [self.time_column])[:, 0] if numeric else microseconds(moments(series))
        if self.group_column is None:
            return time, np.zeros(rows, dtype=np.int64), [""]
        codes, labels = group_codes(frame[self.group_column])
        return time, codes, labels

    def remember(self, frame: pd.DataFrame, keep: int) -> tuple[Array, Array]:
        """Note where each group ends.

        Rows whose time isn't known aren't part of history.

        Returns:
            The positions of the last ``keep`` rows of each group, in order, and for each row its group in the
            history, -1 for none.
        """
        time, codes, labels = self.read(frame)
        timed = np.flatnonzero(~np.isnan(time))
        ranked = timed[np.lexsort((timed, time[timed], codes[timed]))]
        group = codes[ranked]
        last = np.r_[group[1:] != group[:-1], True] if len(group) else np.empty(0, dtype=bool)
        ends = np.flatnonzero(last)
        self.labels = json.dumps([labels[g] for g in group[ends].tolist()])
        self.end = time[ranked[ends]]
        from_end = np.repeat(ends, np.diff(np.r_[-1, ends])) - np.arange(len(ranked))
        kept = from_end < keep
        place = np.full(max(len(labels), 1), -1, dtype=np.int64)
        place[group[ends]] = np.arange(len(ends))
        self.tail_group, self.tail_time = place[group[kept]], time[ranked[kept]]
        return ranked[kept], np.where(np.isnan(time), -1, place[codes])

    def resume(self, frame: pd.DataFrame) -> Segments:
        """The rows of a later frame, each group after the tail of its history.

        Rows that aren't later than their group's end can't look back on the history: they form segments of their
        own. Without a time column all rows are later.
        """
        time, codes, labels = self.read(frame)
        known = {label: i for i, label in enumerate(json.loads(self.labels))}
        place = np.array([known.get(label, -1) for label in labels] or [-1], dtype=np.int64)
        group = place[codes]
        later = group >= 0
        if self.time_column is not None and len(self.end):
            later &= time > self.end[np.maximum(group, 0)]
        elif self.time_column is None:
            time = time + self.rows()
        segment, time = _alone(codes * 2 + later, time)
        wanted = np.zeros(max(len(self.end), 1), dtype=bool)
        wanted[group[later]] = True
        # The history's tail goes before the later rows of its group.
        code_of = np.zeros(max(len(self.end), 1), dtype=np.int64)
        code_of[group[later]] = codes[later]
        taken = wanted[self.tail_group] if len(self.tail_group) else np.empty(0, dtype=bool)
        before = self.tail_group[taken]
        owners = np.concatenate([before, np.where(later, group, -1)])
        places = np.concatenate([code_of[before] * 2 + 1, segment])
        times = np.concatenate([self.tail_time[taken], time])
        return _segments(places, times, np.flatnonzero(taken), owners)

    def rows(self) -> float:
        """How many rows came before, where their order is the time."""
        return float(self.end.max()) + 1.0 if len(self.end) else 0.0


def _alone(segment: Array, time: Array) -> tuple[Array, Array]:
    """Segments and times, with a segment of its own for each row whose time isn't known."""
    lost = np.isnan(time)
    if not lost.any():
        return segment, time
    base = int(segment.max(initial=0)) + 1
    return np.where(lost, base + np.arange(len(time)), segment), np.where(lost, 0.0, time)


def _segments(segment: Array, time: Array, taken: Array, group: Array) -> Segments:
    position = np.arange(len(segment))
    order = np.lexsort((position, time, segment))
    ranked = segment[order]
    fresh = np.r_[True, ranked[1:] != ranked[:-1]] if len(ranked) else np.empty(0, dtype=bool)
    start = np.maximum.accumulate(np.where(fresh, np.arange(len(ranked)), 0)) if len(ranked) else position
    return Segments(order, start, taken, group[order])


def clock(frame: pd.DataFrame, time: str | None, group: str | None, given: tuple[Any, Any], what: str) -> Clock:
    """A clock over the columns that a program named, else over those of the problem.

    Args:
        frame: the training rows.
        time: time column named in the program.
        group: group column named in the program.
        given: time and group column of the problem.
        what: the transform's name.

    Raises:
        ProgramError: when a named column isn't there or can't order rows.
        NotApplicable: when a column of the problem isn't among the features: without it the past can't be told.
    """
    for name, asked in zip(given, (time, group), strict=True):
        if asked is None and name is not None and name not in frame.columns:
            raise NotApplicable(f"{what}: column {name!r}, by which rows follow each other, isn't among the features")
    chosen = [column(frame, asked, what) if asked else name for name, asked in zip(given, (time, group), strict=True)]
    if chosen[0] is not None and sort_of(frame[chosen[0]]) not in ("datetime", "numeric"):
        raise ProgramError(f"{what}: column {chosen[0]!r} can't order rows", expected="a datetime or numeric column")
    return Clock(chosen[0], chosen[1], what)
