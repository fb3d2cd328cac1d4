"""What features of the past share: sorting rows, going on from history, naming what they make."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import Array, add_columns, choose, numbers
from modelwright.transforms._past import Segments, clock
from modelwright.transforms._related import relation, top

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

    def _state(self, values: Array, segments: Segments) -> Array:
        """What is kept of the tail's rows, in the order of the frame."""
        return values

    def _total(self, values: Array, group: Array) -> None:
        """Keep sums over all training rows of each group."""

    def _compute(self, values: Array, segments: Segments) -> Made:
        """New columns over sorted rows."""
        raise NotImplementedError


def named(names: list[str], values: Array, ending: str) -> Made:
    return {f"{name}_{ending}": values[:, j] for j, name in enumerate(names)}
