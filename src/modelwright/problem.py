"""What is asked: the problem as it was understood, each part with how it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

V = TypeVar("V")
Source = Literal["user", "model", "inferred"]


@dataclass(frozen=True)
class Known(Generic[V]):
    """A value with its provenance.

    Args:
        value: what was decided.
        source: who decided: the user, a language model, or rules over the statement and the data.
        reason: why, in one sentence for the person who asked.
        alternatives: other readings, best first.
    """

    value: V
    source: Source
    reason: str
    alternatives: tuple[str, ...] = ()


Disparity = Literal["recall", "selection", "false_positive_rate", "precision", "accuracy", "error"]
"""What is compared between groups: the share of positive rows that are caught (equal opportunity), of rows that are
called positive (demographic parity), of negative rows called positive, of calls that are right, of rows that are
labelled right; ``error`` is the mean absolute error of a regression."""


@dataclass(frozen=True)
class Fairness:
    """A demand that groups of people be treated alike.

    Args:
        column: the column whose values are the groups; it needn't be one that models use.
        measure: what is compared between groups; empty takes recall for two classes, accuracy for several, and the
            mean absolute error for regression.
        tolerance: the largest difference allowed between two groups; of an error, as a share of the overall error.
            0.1 is a customary bound for rates.
    """

    column: str
    measure: Disparity | Literal[""] = ""
    tolerance: float = 0.1


@dataclass(frozen=True)
class Constraints:
    """What the user demands of the model and of the search: from flags, a constraints file or plain words.

    Args:
        metric: the metric named under *Metrics*, if any.
        prefer: estimator or family names to try first.
        avoid: estimator or family names that must not be used.
        allow: estimator or family names that alone may be used; empty allows all.
        exclude_columns: columns that must not be used.
        patience: experiments without improvement after which the search stops.
        target_score: validation score at which the search may stop, in the metric's own units.
        interpretable: only models that a person can read.
        latency_ms: milliseconds that the prediction of one row may take.
        model_bytes: size of the delivered bundle on disk, in bytes.
        training_seconds: seconds that fitting the delivered model once may take, on one core.
        monotone: columns with which the prediction must not fall (+1) or must not rise (−1).
        min_recall: share of the positive rows that must be caught (two classes).
        min_precision: share of the positive calls that must be right (two classes).
        cost_miss: what a positive row that isn't caught costs, in any unit.
        cost_false_alarm: what a negative row that is called positive costs, in the same unit.
        fairness: groups that must be treated alike.
        notes: everything else, word for word; shown in the report as not machine-checked.
    """

    metric: str | None = None
    prefer: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    exclude_columns: tuple[str, ...] = ()
    patience: int | None = None
    target_score: float | None = None
    interpretable: bool = False
    latency_ms: float | None = None
    model_bytes: int | None = None
    training_seconds: float | None = None
    monotone: Mapping[str, int] = field(default_factory=dict)
    min_recall: float | None = None
    min_precision: float | None = None
    cost_miss: float | None = None
    cost_false_alarm: float | None = None
    fairness: tuple[Fairness, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """How much may be spent.

    Args:
        seconds: wall-clock for everything, from the start of the command to the finished report.
        max_experiments: how many experiments may be run at most; ``None`` for no limit.
        max_iterations: how many rounds of design may be made at most; ``None`` for no limit.
    """

    seconds: float = 300.0
    max_experiments: int | None = None
    max_iterations: int | None = None


@dataclass(frozen=True)
class Problem:
    """What is asked of the run.

    Args:
        statement: the user's own words.
        target: the column to predict.
        task: the task type, a member of :mod:`modelwright.tasks`.
        metric: the name of the metric to optimise, a member of :mod:`modelwright.tasks.metrics`.
        time_column: the column that orders rows in time, if that matters for judging.
        group_column: the column whose groups must not be split between training and judging.
        id_columns: columns that identify rows and carry no information.
        excluded: columns left out of every model, with the reason in ``reason``.
        classes: for classification the labels in the order of the probability columns.
        positive: for binary classification the label that is looked for.
        horizon: how far ahead the target looks, in words (``3 months``), where the statement or the target's name
            says so.
        constraints: what the user demands besides.
        seed: the seed of every random choice.
    """

    statement: str
    target: Known[str]
    task: Known[str]
    metric: Known[str]
    time_column: Known[str | None]
    group_column: Known[str | None]
    id_columns: Known[tuple[str, ...]]
    excluded: Known[tuple[str, ...]]
    classes: tuple[str, ...] = ()
    positive: Known[str] | None = None
    horizon: Known[str] | None = None
    constraints: Constraints = field(default_factory=Constraints)
    seed: int = 0

    def features(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The columns that models may use, in the order of the data."""
        left_out = {self.target.value, *self.id_columns.value, *self.excluded.value}
        return tuple(c for c in columns if c not in left_out)
