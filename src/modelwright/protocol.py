"""How models are judged in a run: the sealed holdout, the folds, the metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar


class Train:
    """Marks figures measured on rows the model was fitted on."""


class Validation:
    """Marks figures measured on out-of-fold rows: what experiments are ranked by."""


class Holdout:
    """Marks figures measured on the sealed holdout: what a headline may quote."""


Rows = TypeVar("Rows", Train, Validation, Holdout)


@dataclass(frozen=True)
class Score(Generic[Rows]):
    """A figure that knows which rows it was measured on.

    Args:
        metric: the name of the metric; the value is in its own units and direction.
        value: the figure.
        n_rows: how many rows it was measured on.
        low: lower end of the 95 % interval, if there is one.
        high: upper end of the 95 % interval, if there is one.
        spread: standard deviation over folds, if there are folds.
    """

    metric: str
    value: float
    n_rows: int
    low: float | None = None
    high: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Signal:
    """What a quick model could tell of the target, out of fold on development rows.

    Args:
        explained: share of the target's variance, or of that of its classes' indicators, that it explained: at most 1.
        kurtosis: of its errors: 3 where they are normal, far more where a few rows make most of the squared error.
    """

    explained: float
    kurtosis: float


Strategy = Literal["random", "stratified", "time", "group", "given"]


@dataclass(frozen=True)
class Protocol:
    """How models are judged in this run. Fixed before anything is learnt.

    Args:
        holdout: how the sealed rows were chosen.
        folds_by: how the development rows are divided.
        folds: number of folds in one repeat.
        repeats: how often the division is repeated with another seed.
        forward: whether a fold trains only on rows of earlier folds (time, or a single split) instead of on all
            other folds.
        metric: what experiments are ranked by.
        n_development: development rows.
        n_holdout: sealed rows.
        assignment: digest of the stored array, ``int16`` of shape (repeats, development rows): the fold in which
            each row is validated. With ``forward``, fold 0 only ever trains. With a gap there is a second row: the
            first fold for which each row may be learnt from; the one after the last fold stands for the holdout.
        sealed: digest of the sealed rows' file.
        reason: why it is done this way, in a few sentences for the report.
        warnings: what the reader should know.
        gap: how far ahead the target looks, in words, where rows whose target reaches into what is judged are left
            out of training; empty for no gap.
    """

    holdout: Strategy
    folds_by: Strategy
    folds: int
    repeats: int
    forward: bool
    metric: str
    n_development: int
    n_holdout: int
    assignment: str
    sealed: str
    reason: str
    warnings: tuple[str, ...] = ()
    gap: str = ""

    @property
    def single_split(self) -> bool:
        """Whether experiments are compared by one fit each, on rows drawn at random: the tables are large."""
        return self.forward and self.folds == 1 and self.folds_by != "time"

    def parts(self) -> tuple[tuple[int, int], ...]:
        """All (repeat, fold) pairs that are validated, in the order in which they are run."""
        first = 1 if self.forward else 0
        last = self.folds + first
        return tuple((r, f) for r in range(self.repeats) for f in range(first, last))
