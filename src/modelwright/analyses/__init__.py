"""Analyses: what is asked of a model after it was judged, for its reader: one question a file.

Each is a durable step in a worker process that may read the development rows, the sealed rows (which have been opened
by then), the judged members and the out-of-fold predictions. They run beside the last refits, in the order of their
rank, and each is left out, and said so, when its time isn't there. None of them can change the model or its score.

To add one, bind an :class:`Analysis` in a module of this folder and write its step's function beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from modelwright.hashing import plain
from modelwright.judgement import Judgement
from modelwright.pooling import Mean
from modelwright.problem import Problem
from modelwright.protocol import Protocol, Score, Validation
from modelwright.recipe import Recipe, Use
from modelwright.registry import instances
from modelwright.table import Schema

if TYPE_CHECKING:
    import numpy as np

    from modelwright.executors import Workplace


@dataclass(frozen=True)
class Case:
    """The model and the run that are looked at.

    Args:
        problem: what was asked.
        schema: the columns that the model uses.
        protocol: how models were judged.
        members: recipes of the members, in the order of the inputs ``member_0`` ….
        weights: their shares.
        calibration: how the mixture's probabilities are corrected, if they are.
        threshold: for two classes, from which probability a row is called positive.
        validation: the out-of-fold score.
        judgement: what the sealed rows said.
        situation: arguments of :class:`~modelwright.recipe.Setting` besides seed, threads and clock.
        personal: columns whose values must not be shown.
        floor: rows that a level or a group must have at least to be named.
        fit_seconds: of fitting all members once on the development rows, on one core.
        names: what the members are called.
        rival: the best model that isn't delivered, whose out-of-fold predictions are the input ``rival``; empty when
            there is none.
        seconds: of fitting each member once on the development rows, on one core.
        fitted_rows: development rows that the judged members were fitted on, where there are too many; 0 for all.
        mean: which mean of the members' predictions the mixture is.
    """

    problem: Problem
    schema: Schema
    protocol: Protocol
    members: tuple[Recipe, ...]
    weights: tuple[float, ...]
    calibration: Use | None
    threshold: float | None
    validation: Score[Validation]
    judgement: Judgement
    situation: Mapping[str, Any] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    floor: int = 10
    fit_seconds: float = 0.0
    names: tuple[str, ...] = ()
    rival: str = ""
    seconds: tuple[float, ...] = ()
    fitted_rows: int = 0
    mean: Mean = "arithmetic"

    @property
    def target(self) -> str:
        """The column to predict."""
        return self.problem.target.value

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.problem.classes)

    def model(self, place: Workplace) -> Any:
        """In a worker: the judged model, from typed columns to raw predictions."""
        from modelwright.fitting import assembled

        return assembled(place, self.weights, self.n_classes, plain(self.calibration), mean=self.mean)

    def judged(self, place: Workplace) -> np.ndarray:
        """In a worker: what it predicted for the sealed rows when judged: probabilities (n, k) or values (n,)."""
        import numpy as np

        return np.asarray(np.load(place.inputs["judged"], allow_pickle=False), dtype=np.float64)


@dataclass(frozen=True)
class Analysis:
    """One question about a judged model.

    The step's function is called as ``function(place, case=…)`` with the case as plain JSON, and should stop with what
    it has at ``place.stop_at``; its value is the result as plain JSON, or ``None`` when there is nothing to say. Its
    inputs are ``rows`` (development), ``holdout``, ``judged`` (what the model predicted for the sealed rows when it was
    judged), ``assignment``, ``units`` (groups and times of the sealed rows), ``oof`` (the mixture's out-of-fold
    predictions, NaN where a row was never validated), ``rival`` (those of the best model that isn't delivered, if there
    is one), ``truth`` (the encoded target of the development rows), ``baseline`` (a model), ``member_0`` …, and with a
    calibration ``blend`` and ``blend_truth``.

    Args:
        name: what it is called in records and in the report.
        tool: the step's function, as ``package.module:name``.
        result: the type of the result.
        rank: the order in which analyses are started: lower is sooner.
        share: of the whole time budget that it may take at most.
        least: seconds below which it isn't worth starting.
        applies: whether it has a question to ask of this case.
        version: raised whenever its result for the same inputs changes.
    """

    name: str
    tool: str
    result: type
    rank: int
    share: float = 0.05
    least: float = 0.5
    applies: Callable[[Case], bool] = lambda case: True
    version: int = 1


@cache
def all_analyses() -> dict[str, Analysis]:
    """Every analysis, by name, in the order of rank."""
    return dict(sorted(instances(__name__, Analysis).items(), key=lambda item: (item[1].rank, item[0])))
