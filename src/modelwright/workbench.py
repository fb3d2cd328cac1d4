"""The workbench of one experiment: what its program's tools work with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelwright.action import Action
from modelwright.actions import checked, lookup
from modelwright.bar import Bar
from modelwright.errors import ProgramError
from modelwright.evaluation import Evaluation, Evaluator, step_error
from modelwright.recipe import Recipe, Use
from modelwright.step import Limits, Step
from modelwright.table import Schema
from modelwright.tools import Data, Measured, Model, Predictions

EXPLORE_VERSION = 2


@dataclass
class Workbench:
    """One experiment's view of the run; see :class:`modelwright.tools.Bench` for what tools may ask of it.

    Args:
        evaluator: evaluates recipes.
        schema: the columns that models may use.
        profile_facts: the profile in the form of the tool ``profile_dataset``.
        personal: columns that explorations leave out.
        floor: the privacy floor.
        stop_at: ``time.monotonic()`` by which the experiment must have ended.
        bar: what a recipe must come near to after its first part.
        priority: of the experiment's steps; lower goes first.
        parent: the event that led to the experiment.
        slice_seconds: after which one fit should stop by itself; 0 for no wish.
        drill: how its fits are made to fail on purpose, if at all.
        max_train_rows: training rows of its fits at most; ``None`` for all.
        recalled: says, asked now and then, whether the time is needed for something else.
    """

    evaluator: Evaluator
    schema: Schema
    profile_facts: Mapping[str, Any]
    personal: tuple[str, ...]
    floor: int
    stop_at: float
    bar: Bar | None = None
    priority: int = 0
    parent: int = 0
    slice_seconds: float = 0.0
    drill: str | None = None
    max_train_rows: int | None = None
    recalled: Callable[[], bool] = lambda: False
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    _values: dict[str, Data | Model | Predictions] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """The task type."""
        return self.evaluator.situation.task

    @property
    def target(self) -> str:
        """The column to predict."""
        return self.evaluator.situation.target

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of their codes."""
        return self.evaluator.situation.classes

    @property
    def metric(self) -> str:
        """The name of the run's metric."""
        return self.evaluator.metric.name

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.evaluator.situation.seed

    def keep(self, value: Data | Model | Predictions) -> str:
        """A new handle for a value."""
        handle = f"{type(value).__name__.lower()}_{len(self._values) + 1}"
        self._values[handle] = value
        return handle

    def data(self, handle: Any) -> Data:
        """The data behind a handle."""
        value = self._value(handle, "data")
        if not isinstance(value, Data):
            raise ProgramError("this isn't data", expected="a data handle", got=str(handle)[:80])
        return value

    def model(self, handle: Any) -> Model:
        """The model behind a handle."""
        value = self._value(handle, "model")
        if not isinstance(value, Model):
            raise ProgramError("this isn't a model", expected="a model handle", got=str(handle)[:80])
        return value

    def checked(self, use: Use, *categories: Any) -> Use:
        """A use with validated parameters."""
        return checked(use, categories, self.task)

    def parameters(self, estimator: str) -> Action:
        """The registry's entry of an estimator."""
        return lookup(estimator, ("estimator",))

    def profile(self) -> dict[str, Any]:
        """The profile of the development rows."""
        facts: dict[str, Any] = json.loads(json.dumps(self.profile_facts))
        return facts

    def explore(self, requests: Mapping[str, Any]) -> dict[str, Any]:
        """Answer explorations of the development rows."""
        situation = self.evaluator.situation
        step = Step(
            "modelwright.exploring:explore",
            EXPLORE_VERSION,
            {
                "requests": dict(requests),
                "target": situation.target,
                "n_classes": situation.n_classes,
                "personal": list(self.personal),
                "floor": self.floor,
            },
            {"rows": situation.rows},
        )
        limits = Limits(seconds=max(1.0, min(60.0, self.time_left())), memory=self.evaluator.memory)
        outcome = self.evaluator.engine.perform(
            step, limits, stage="explore", priority=self.priority, parent=self.parent
        )
        if not outcome.ok:
            raise step_error(outcome)
        answers: dict[str, Any] = outcome.value
        return answers

    def evaluate(self, recipe: Recipe) -> Measured:
        """Evaluate a recipe by the run's protocol, once."""
        import numpy as np

        known = self.evaluations.get(recipe.digest)
        if known is None:
            known = self.evaluator.evaluate(
                recipe,
                stop_at=self.stop_at,
                bar=self.bar,
                priority=self.priority,
                parent=self.parent,
                slice_seconds=self.slice_seconds,
                drill=self.drill,
                max_train_rows=self.max_train_rows,
                recalled=self.recalled,
            )
            self.evaluations[recipe.digest] = known
        prediction = self.evaluator.validated_oof(known.predictions)
        seen = np.isfinite(prediction).reshape(len(prediction), -1).all(axis=1)
        return Measured(
            known.score,
            known.metrics,
            self.evaluator.truth[self.evaluator.validated[seen]],
            prediction[seen],
            known.seconds,
            known.status == "pruned",
        )

    def time_left(self) -> float:
        """Seconds until the experiment must have ended."""
        return 0.0 if self.recalled() else self.stop_at - time.monotonic()

    def _value(self, handle: Any, what: str) -> Data | Model | Predictions:
        value = self._values.get(handle) if isinstance(handle, str) else None
        if value is None:
            raise ProgramError(
                f"this program holds no {what} called {str(handle)[:80]!r}", allowed=", ".join(self._values)
            )
        return value
