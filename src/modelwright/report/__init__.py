"""Reports: a tree of sections in which every figure is taken from records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from modelwright.decision import Balance, Decision, Usage, Worth
from modelwright.finding import Finding
from modelwright.judgement import Judgement
from modelwright.plan import Experiment
from modelwright.problem import Budget, Problem
from modelwright.profile import Profile
from modelwright.protocol import Protocol, Score, Validation
from modelwright.recipe import Recipe
from modelwright.table import Schema

T = TypeVar("T")


@dataclass(frozen=True)
class Moment:
    """One point of the run's progress: an experiment that came in.

    Args:
        seconds: since the start of the run.
        experiment: its number.
        score: its validation score.
        best: the best validation score so far.
    """

    seconds: float
    experiment: int
    score: float
    best: float


@dataclass(frozen=True)
class Source:
    """Where a fact stands in the run's log.

    Args:
        event: ``seq`` of the event.
        at: JSON pointer (RFC 6901) into the event's body; empty for the whole body.
    """

    event: int
    at: str = ""


@dataclass(frozen=True)
class Event:
    """One event of the log, as the report lists it.

    Args:
        seq: position in the log, from 1.
        kind: what happened, for instance ``experiment_finished``.
        time: seconds since the epoch.
        about: the same in words.
    """

    seq: int
    kind: str
    time: float
    about: str


@dataclass(frozen=True)
class Story:
    """Everything that a report can say about a run, folded from its log.

    Args:
        run_id: the run's name.
        origin: what was read, in words.
        rows: rows of the data.
        schema: its columns.
        notes: what reading had to repair.
        problem: what was understood.
        profile: aggregates of the development data.
        protocol: how models were judged.
        budget: what could be spent.
        experiments: in the order of design.
        programs: the source of each experiment's program, by its slug.
        failures: what went wrong outside experiments and what was done about it, one sentence each.
        progress: the score over time.
        delivered: the recipe of the delivered model.
        delivered_note: what exactly was fitted on which rows, in a sentence or two.
        validation: the out-of-fold score of what was delivered.
        judgement: what the holdout said.
        stopped: why the search ended, in one sentence.
        warnings: what the reader must know.
        seconds: since the start of the command, by phase, in the order of the phases.
        started: seconds since the epoch.
        time_limited: whether the clock decided anything, so that another run may come out differently.
        versions: of modelwright, Python and the libraries.
        opened: when the sealed holdout was opened, seconds since the epoch.
        looks: how many models the sealed rows had been opened for when this one was judged, itself included.
        analyses: results by the analysis' name; see :mod:`modelwright.analyses`.
        left_out: analyses that there was no time for.
        findings: what the checks of data and model found, the worst first.
        narrative: the run as a language model told it, in checked sentences, one paragraph each; empty without one.
        decisions: who decided what, in order; empty where the built-in policies decided everything.
        worth: what each design of a language model came to.
        balance: what the language model brought over the policies alone.
        usage: what was sent to language models, and what it cost.
        remarks: what went wrong with language models, one sentence each.
        latency: milliseconds that the delivered model takes for one row (``one_row_ms``) and a thousand
            (``thousand_rows_ms``).
        sources: where each fact stands in the log: ``prepared``, ``judgement``, ``experiment:3``, ``analysis:NAME`` …
        events: the log without its steps.
        steps: how many steps the log has.
    """

    run_id: str
    origin: str
    rows: int
    schema: Schema
    notes: tuple[str, ...]
    problem: Problem
    profile: Profile
    protocol: Protocol
    budget: Budget
    experiments: tuple[Experiment, ...]
    programs: Mapping[str, str]
    failures: tuple[str, ...]
    progress: tuple[Moment, ...]
    delivered: Recipe
    delivered_note: str
    validation: Score[Validation]
    judgement: Judgement
    stopped: str
    warnings: tuple[str, ...]
    seconds: Mapping[str, float]
    started: float
    time_limited: bool
    versions: Mapping[str, str] = field(default_factory=dict)
    opened: float = 0.0
    looks: int = 1
    analyses: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    narrative: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    worth: tuple[Worth, ...] = ()
    balance: Balance | None = None
    usage: Usage = field(default_factory=Usage)
    remarks: tuple[str, ...] = ()
    latency: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    steps: int = 0

    def result(self, kind: type[T]) -> tuple[str, T] | None:
        """The result of the analysis that answers with this type of fact, and its key in ``sources``."""
        for name, value in self.analyses.items():
            if isinstance(value, kind):
                return f"analysis:{name}", value
        return None


def write(story: Story, folder: Path) -> dict[str, Any]:
    """Write a run's report, its leaderboard and ``summary.json`` into its folder.

    The report is written as ``report.md``, ``report.html`` (self-contained) and ``report.json`` (for programs).

    Returns:
        The summary, as it stands in ``summary.json``.
    """
    from modelwright.report import _write

    return _write.write(story, folder)


def rewrite(story: Story, folder: Path) -> tuple[Path, ...]:
    """Write the report of a finished run anew; its summary and leaderboard stay as they are.

    Returns:
        The files: ``report.md``, ``report.html`` and ``report.json``.
    """
    from modelwright.report import _write

    return _write.write_report(story, folder)


def as_json(story: Story) -> str:
    """The text of ``report.json``: the report for programs; see :mod:`modelwright.report.machine`."""
    from modelwright.report import document, machine

    return machine.text(machine.build(story, document.build(story)))


def write_pdf(story: Story, path: Path) -> None:
    """Write the report as a PDF.

    Raises:
        MissingExtra: when the extra ``pdf`` isn't installed.
        RequestError: when the file can't be written.
    """
    from modelwright.report import pdf

    pdf.write(story, path)


def ready() -> None:
    """Load what writes and draws reports: the first one takes three times as long otherwise."""
    from modelwright.report import _write, drawing, html  # noqa: F401  only to have it loaded

    html.template()
    drawing.draw("first", lambda axes: None)
