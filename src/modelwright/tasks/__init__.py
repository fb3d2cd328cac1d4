"""Task types: what each accepts, how it is split, scored, predicted, and what its baseline is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from modelwright.plan import Plan
from modelwright.problem import Problem
from modelwright.registry import classes
from modelwright.table import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from modelwright.tasks.metrics import Metric


class Task(ABC):
    """The contract of a task type.

    Class attributes:
        name: as it is written on the command line.
        title: as a person would say it.
        default_metric: what is optimised when nobody says otherwise.
        secondary: metrics that are reported besides.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str]
    default_metric: ClassVar[str]
    secondary: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def classes(self, target: pd.Series) -> tuple[str, ...]:
        """The labels in the order of their codes; empty for regression. Levels with no rows aren't classes."""

    @abstractmethod
    def encode(self, target: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
        """The target as numbers: codes (``int64``) or values (``float64``). No missing values are passed in."""

    @abstractmethod
    def baselines(self, problem: Problem, schema: Schema, rows: int) -> tuple[Plan, ...]:
        """The plans that everything else is compared with, cheapest first."""

    @abstractmethod
    def predictions(self, raw: np.ndarray, classes: tuple[str, ...], threshold: float | None) -> pd.DataFrame:
        """What ``predict`` returns for raw predictions: probabilities (n, k) or values (n,)."""


@cache
def all_tasks() -> dict[str, Task]:
    """Every task type, by name."""
    return {name: member() for name, member in classes(__name__, Task).items()}  # type: ignore[type-abstract]  # looked up by, never made


def metrics_of(task: str) -> dict[str, Metric]:
    """The metrics that a task type can be optimised for, by name."""
    from modelwright.tasks.metrics import METRICS

    return {m.name: m for m in METRICS if task in m.tasks}
