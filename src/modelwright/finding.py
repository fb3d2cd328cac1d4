"""What the checks of data and model found: evidence, what was done about it, and how to overrule it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from modelwright.protocol import Score, Validation

Severity = Literal["clear", "suspicious", "note"]
"""How sure a check is that something is wrong.

``clear``: left alone it would make the score a fiction; acted on by default. ``suspicious``: it may be wrong or
right, and only somebody who knows the data can tell; nothing is changed. ``note``: nothing is wrong with the score, but
the reader of the report should know.
"""

SEVERITIES: tuple[Severity, ...] = ("clear", "suspicious", "note")


@dataclass(frozen=True)
class Effect:
    """What a finding's columns do to the score: one quick model on the run's own folds, with them and without them.

    Args:
        kept: out-of-fold score of the quick model with the columns.
        left_out: out-of-fold score of the same model without them.
        difference: ``left_out`` minus ``kept``, in the metric's own units.
        low: lower end of the 95 % interval of the difference (paired bootstrap over rows).
        high: upper end of that interval.
        model: the quick model, in words.
    """

    kept: Score[Validation]
    left_out: Score[Validation]
    difference: float
    low: float
    high: float
    model: str


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        check: the check that found it, a member of :mod:`modelwright.checks` or the name of an analysis.
        title: what it is, in a few words, for instance ``"Copy of the target"``.
        columns: the columns it is about, the worst first; empty when it is about the rows or the target.
        severity: how sure the check is, see :data:`Severity`.
        evidence: one sentence with the figures.
        legitimate: why it may be all right nevertheless; empty when it can't be.
        done: what was done about it; empty until that is decided.
        overrule: what to do when the finding is wrong, for instance the option to give; empty when there is nothing.
        effect: the measured effect on the score; ``None`` where it wasn't measured or there is none to measure.
    """

    check: str
    title: str
    columns: tuple[str, ...]
    severity: Severity
    evidence: str
    legitimate: str = ""
    done: str = ""
    overrule: str = ""
    effect: Effect | None = None


@runtime_checkable
class Tells(Protocol):
    """A result of an analysis that has findings to tell."""

    def findings(self) -> tuple[Finding, ...]:
        """What is to be told of it; nothing when all is well."""
