"""Tools: what a program may call. Signature and docstring are the documentation that a program's author reads.

To add one, decorate a function with :func:`tool` in a module of this folder (or of a package that names the module in
the entry-point group ``modelwright.tools``). Its first parameter is the :class:`Bench`; programs don't see it.

Data, models and predictions are handles: short texts that a program passes on but can't look into.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from modelwright.action import Action
from modelwright.protocol import Score, Validation
from modelwright.recipe import Recipe, Use
from modelwright.registry import instances
from modelwright.table import Schema

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Data:
    """What a data handle stands for: the development rows, with what was done to them.

    Args:
        transforms: frame to frame, in order.
        view: how the data is presented to an estimator, if the program chose.
        resampling: how rows are resampled in fitting.
        part: ``"all"``, or the part of a split that the program took. Models are judged by the run's own folds
            whatever a program splits.
    """

    transforms: tuple[Use, ...] = ()
    view: Use | None = None
    resampling: Use | None = None
    part: str = "all"

    def then(self, *uses: Use) -> Data:
        """The data with more transforms."""
        return replace(self, transforms=(*self.transforms, *uses))


@dataclass(frozen=True)
class Model:
    """What a model handle stands for: a recipe, to be fitted wherever it is evaluated."""

    recipe: Recipe


@dataclass(frozen=True)
class Predictions:
    """What a predictions handle stands for: the out-of-fold predictions of a model."""

    recipe: Recipe


@dataclass(frozen=True)
class Measured:
    """Out-of-fold results of a recipe, as tools see them.

    Args:
        score: in the run's metric.
        metrics: further figures.
        truth: encoded target of the rows that were predicted, (n,).
        prediction: their out-of-fold predictions, (n, classes) or (n,).
        seconds: spent on fitting and predicting.
        pruned: whether it was stopped early because it was clearly worse than the best.
    """

    score: Score[Validation]
    metrics: Mapping[str, float]
    truth: np.ndarray
    prediction: np.ndarray
    seconds: float
    pruned: bool


class Bench(Protocol):
    """What tools work with: the run as one experiment's program may touch it."""

    @property
    def task(self) -> str:
        """The task type."""

    @property
    def target(self) -> str:
        """The column to predict."""

    @property
    def schema(self) -> Schema:
        """The columns that models may use."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of their codes; empty for regression."""

    @property
    def metric(self) -> str:
        """The name of the run's metric."""

    @property
    def seed(self) -> int:
        """The run's seed."""

    def keep(self, value: Data | Model | Predictions) -> str:
        """A new handle for a value."""

    def data(self, handle: Any) -> Data:
        """The data behind a handle.

        Raises:
            ProgramError: when this program holds no such handle, or it isn't data.
        """

    def model(self, handle: Any) -> Model:
        """The model behind a handle; raises as :meth:`data`."""

    def checked(self, use: Use, *categories: str) -> Use:
        """A use with validated parameters.

        Raises:
            ProgramError: for an unknown action, an unknown parameter, or a value out of range.
        """

    def parameters(self, estimator: str) -> Action:
        """The registry's entry of an estimator; raises as :meth:`checked`."""

    def profile(self) -> dict[str, Any]:
        """The profile of the development rows in the form of ``profile_dataset``."""

    def explore(self, requests: Mapping[str, Any]) -> dict[str, Any]:
        """Answer explorations of the development rows, as a durable step."""

    def evaluate(self, recipe: Recipe) -> Measured:
        """Evaluate a recipe by the run's protocol."""

    def time_left(self) -> float:
        """Seconds until the experiment must have ended."""


@dataclass(frozen=True)
class Tool:
    """One tool.

    Args:
        name: as it is called in programs.
        function: takes a bench first.
    """

    name: str
    function: Callable[..., Any]

    @property
    def signature(self) -> inspect.Signature:
        """The signature that programs see."""
        whole = inspect.signature(self.function)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    @property
    def doc(self) -> str:
        """What the tool does, for a program's author."""
        return inspect.cleandoc(self.function.__doc__ or "")

    def bound(self, bench: Bench) -> Callable[..., Any]:
        """The callable that a sandbox is given."""

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.function(bench, *args, **kwargs)

        return call


def tool(function: Callable[..., Any]) -> Tool:
    """Make a function a tool."""
    return Tool(function.__name__, function)


@cache
def all_tools() -> dict[str, Tool]:
    """Every tool, by name."""
    return instances(__name__, Tool)
