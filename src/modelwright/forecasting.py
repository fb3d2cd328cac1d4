"""What evaluations and fits will take: predicted for an ordinary machine, and corrected by what was measured here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from modelwright.actions import predicted_seconds
from modelwright.estimators import family_of
from modelwright.recipe import Recipe
from modelwright.splitting import fold_rows

if TYPE_CHECKING:
    import numpy as np

    from modelwright.evaluation import Situation


ANY_ROUNDS = 10**6
"""Rounds of boosting that none grows."""


class Speed(NamedTuple):
    """What fits of an estimator took.

    Args:
        ratio: measured over predicted seconds.
        growth: what they take by the rounds of boosting that were found, over what they take by those most data needs.
    """

    ratio: float
    growth: float

    @property
    def pace(self) -> float:
        """How many times slower than foreseen the same work was done."""
        return self.ratio / self.growth


class Forecasts:
    """Forecasts for one run. All methods may be called from several threads.

    Args:
        situation: the run.
        assignment: see :class:`~modelwright.protocol.Protocol`, (repeats, n).
    """

    def __init__(self, situation: Situation, assignment: np.ndarray) -> None:
        self.situation = situation
        self.assignment = assignment
        self._lock = threading.Lock()
        self._speed: dict[str, list[Speed]] = {}

    @property
    def slowness(self) -> float:
        """Measured over predicted seconds of the fits so far (median): how slow this machine is."""
        with self._lock:
            return _median([speed.pace for speeds in self._speed.values() for speed in speeds])

    def note(
        self, recipe: Recipe, measured: Sequence[float], predicted: float, rounds: Sequence[int] | None = None
    ) -> None:
        """Remember what some fits of a recipe took, and what was predicted for all of them.

        Args:
            recipe: what was fitted.
            measured: seconds of each fit.
            predicted: seconds of all of them.
            rounds: rounds of boosting that the first fit found, and the rows it found them on.
        """
        if measured and predicted > 0:
            growth = 1.0 if rounds is None else self._one(recipe, rounds[1], rounds[0]) / self._one(recipe, rounds[1])
            with self._lock:
                self._speed.setdefault(recipe.estimator.action, []).append(Speed(sum(measured) / predicted, growth))

    def expected(self, recipe: Recipe, max_train_rows: int | None = None) -> float:
        """The core seconds that a whole evaluation will take here, by what fits like it took so far."""
        name = recipe.estimator.action
        with self._lock:
            own = [speed.ratio for speed in self._speed.get(name, ())] or self._of_family(recipe)
        return self.forecast(recipe, max_train_rows) * (_median(own) if own else self.slowness)

    def _of_family(self, recipe: Recipe) -> list[float]:
        """Measured over predicted seconds of an estimator's family: what slows one boosting down slows the others, and
        where one needs more rounds than most data does, others need more, too, as far as they may grow.
        """
        family = family_of(recipe.estimator.action)
        known = [s for other, speeds in self._speed.items() if family_of(other) == family for s in speeds]
        if not known:
            return []
        most = self._one(recipe, self._mean_rows, ANY_ROUNDS) / self._one(recipe, self._mean_rows)
        return [speed.pace * (min(speed.growth, most) if most > 1 else 1.0) for speed in known]

    def fits(self, recipe: Recipe, max_train_rows: int | None = None) -> float:
        """How many ordinary fits a whole evaluation comes to: the first one may take as long as several."""
        return self.forecast(recipe, max_train_rows) / self.further(recipe, max_train_rows)

    def forecast(self, recipe: Recipe, max_train_rows: int | None = None) -> float:
        """Predict the core seconds of a whole evaluation on an ordinary machine; the clock plays no part in it."""
        further = len(self.situation.protocol.parts()) - 1
        return self.first(recipe, max_train_rows) + further * self.further(recipe, max_train_rows)

    def first(self, recipe: Recipe, max_train_rows: int | None = None) -> float:
        """The predicted core seconds of the first fit, which finds the number of boosting rounds for all."""
        rows = self.training_rows(max_train_rows)
        return predicted_seconds(recipe, rows, self.situation.extent, self.situation.setting)

    def further(self, recipe: Recipe, max_train_rows: int | None = None) -> float:
        """The predicted core seconds of each further fit."""
        return self._one(recipe, self.training_rows(max_train_rows))

    def seconds_for(self, recipe: Recipe, measured: float, fitted: int, rows: int) -> float:
        """What a fit would take on other rows than it was measured on, by how the forecast grows with them."""
        return measured * self._one(recipe, rows) / self._one(recipe, max(1, fitted))

    def _one(self, recipe: Recipe, rows: int, rounds: int = 0) -> float:
        """The predicted core seconds of a fit whose number of boosting rounds is known; 0 stands for what most need."""
        setting = replace(self.situation.setting, rounds=rounds)
        return predicted_seconds(recipe, rows, self.situation.extent, setting)

    def training_rows(self, limit: int | None = None) -> int:
        """Rows that one fit trains on, on average; with a limit on them, if there is one."""
        return self._mean_rows if limit is None else min(limit, self._mean_rows)

    @cached_property
    def part_rows(self) -> int:
        """Rows that one part validates, on average."""
        parts = self.situation.protocol.parts()
        return max(1, sum(int((self.assignment[r] == f).sum()) for r, f in parts) // len(parts))

    @cached_property
    def _mean_rows(self) -> int:
        protocol = self.situation.protocol
        sizes = [len(fold_rows(self.assignment, r, f, protocol.forward)[0]) for r, f in protocol.parts()]
        return max(1, sum(sizes) // len(sizes))


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 1.0
