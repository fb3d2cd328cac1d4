"""Reports: a tree of sections in which every figure is taken from records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelwright.judgement import Judgement
from modelwright.plan import Experiment
from modelwright.problem import Budget, Problem
from modelwright.profile import Profile
from modelwright.protocol import Protocol, Score, Validation
from modelwright.recipe import Recipe
from modelwright.table import Schema


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
        analyses: results by the analysis' name; see :mod:`modelwright.analyses`.
        left_out: analyses that there was no time for.
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
    analyses: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def write(story: Story, folder: Path) -> dict[str, Any]:
    """Write ``report.md``, ``report.html``, ``leaderboard.csv`` and ``summary.json`` into a run folder.

    Returns:
        The summary, as it stands in ``summary.json``.
    """
    from modelwright.report import _write

    return _write.write(story, folder)
