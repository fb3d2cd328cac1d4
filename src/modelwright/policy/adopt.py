"""Adopts what a language model read in a request: tried out by the rules for a person's options, below these.

What the model is sure enough of becomes part of the problem, marked as its doing; the rest stays open for the rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelwright.agents.interpreter import Choice, Demand, Interpretation
from modelwright.errors import DataError
from modelwright.policy._roles import is_id
from modelwright.policy._statement import read_statement
from modelwright.policy._words import CALENDAR, name_tokens
from modelwright.policy.understand import understand
from modelwright.problem import Constraints, Fairness, Known, Problem
from modelwright.profiling import printable
from modelwright.readers import Reading
from modelwright.request import Request

if TYPE_CHECKING:
    import pandas as pd

HELD = 0.5
"""Confidence from which on a choice is taken; below, the rules decide."""

SURE = 0.7
"""Confidence from which on a column is left out: what a model never sees can't be regained by it."""

FEWEST_GROUPS = 5
MOST_FAIR_GROUPS = 20
_TIMES = CALENDAR | {"time", "cycle", "step", "period", "epoch", "index", "second", "sequence", "order", "round", "t"}


def adopt(
    request: Request,
    reading: Reading,
    wishes: Constraints,
    told: Interpretation | None = None,
    target: str | None = None,
) -> Problem:
    """The problem as options, a language model and rules together have it.

    Args:
        request: the options, which always hold.
        reading: the data.
        wishes: the demands that the user wrote down.
        told: what a language model read, whose names have been checked.
        target: the person's answer to which column is meant.

    Raises:
        UserError: as :func:`~modelwright.policy.understand.understand`.
    """
    given = _taken(told, request, wishes, target) if told is not None else {}

    def value(part: str) -> str | None:
        return given[part].value if part in given else None

    problem = understand(
        request.statement,
        reading.schema,
        reading.frame,
        target=request.target or target or value("target"),
        task=request.task or value("task"),
        metric=request.metric or value("metric"),
        time_column=request.time_column or value("time_column"),
        group_column=request.group_column or value("group_column"),
        id_columns=request.id_columns,
        positive=value("positive"),
        constraints=wishes,
        seed=request.seed,
    )
    return problem if told is None else _signed(problem, told, given, request, reading)


def doubts(answer: Interpretation, problem: Problem, reading: Reading) -> list[str]:
    """What is absurd about a reading although an option would allow it, one sentence each.

    Args:
        answer: the reading.
        problem: what it makes of the problem.
        reading: the data.
    """
    frame, schema, target = reading.frame, reading.schema, problem.target.value
    found = []
    if problem.target.source == "model":
        named = [q.strip() for q in read_statement(problem.statement).quoted if q.strip() in schema]
        if len(named) == 1 and named[0] != target:
            found.append(f"target: the problem names {printable(named[0])!r} in quotes")
        if schema[target].personal:
            found.append(f"target: {printable(target)!r} looks like personal data")
        elif is_id(target, schema, frame):
            found.append(f"target: {printable(target)!r} numbers or names the rows, so it tells nothing of them")
    group = problem.group_column
    if group.source == "model" and group.value is not None:
        groups = int(frame[group.value].nunique())
        if groups < FEWEST_GROUPS or len(frame) < 2 * groups:
            found.append(
                f"group_column: {printable(group.value)!r} has {groups:,} groups in {len(frame):,} rows; it takes "
                f"{FEWEST_GROUPS} at least, and several rows in each"
            )
    time = problem.time_column
    if time.source == "model" and time.value is not None and not _is_time(time.value, reading):
        found.append(f"time_column: the numbers of {printable(time.value)!r} don't look like times")
    usable = _usable(problem, answer, reading)
    left = len(problem.features(schema.names))
    if 3 * left < usable:
        found.append(
            f"excluded, id_columns: only {left} of {usable} columns would be left; leave out only what is surely not "
            "known when a prediction is needed"
        )
    return found + [doubt for demand in answer.demands for doubt in _demand_doubts(demand, problem, reading)]


def remarks(told: Interpretation, problem: Problem, request: Request) -> tuple[str, ...]:
    """What the person should know of the columns that the language model left out, or would if it were surer."""
    said = []
    for choice in told.excluded:
        name = printable(choice.value)
        if choice.value == problem.target.value or choice.value in request.keep_columns:
            continue
        because = f" ({choice.reason.rstrip('.')})" if choice.reason else ""
        if choice.confidence >= SURE:
            said.append(
                f"The language model left out {name!r}{because}; if it is known when a prediction is needed, keep it "
                "with --keep-column."
            )
        elif choice.value not in (*problem.excluded.value, *problem.id_columns.value):
            said.append(
                f"The language model suspects that {name!r} isn't known yet when a prediction is needed{because}; if "
                "so, forbid the column in the constraints."
            )
    return tuple(said)


# ── what is taken of a reading ──


def _taken(told: Interpretation, request: Request, wishes: Constraints, target: str | None) -> dict[str, Choice]:
    """The choices that are sure enough and not settled by the user."""
    settled: dict[str, Any] = {
        "target": request.target or target,
        "task": request.task,
        "metric": request.metric or wishes.metric,
        "time_column": request.time_column,
        "group_column": request.group_column,
        "positive": None,
    }
    aimed = told.target.value if told.target is not None else None
    goal = request.target or target or aimed
    given: dict[str, Choice] = {}
    for part, user in settled.items():
        choice: Choice | None = getattr(told, part)
        if user is not None or choice is None or choice.confidence < HELD:
            continue
        about_target = part in ("task", "positive") and aimed is not None and aimed != goal
        if not about_target and not (part.endswith("_column") and choice.value == goal):
            given[part] = choice
    return given


def _signed(
    problem: Problem, told: Interpretation, given: dict[str, Choice], request: Request, reading: Reading
) -> Problem:
    """The problem with what came from the model marked as such, and with its exclusions and demands.

    Raises:
        DataError: when nothing is left to predict from.
    """
    marked: dict[str, Any] = {}
    for part, choice in given.items():
        known = getattr(problem, part)
        if known is not None:
            marked[part] = Known(
                known.value, "model", choice.reason or "the language model reads it so", known.alternatives
            )
    kept = {problem.target.value, *request.keep_columns}
    roles = {*kept, problem.time_column.value, problem.group_column.value}
    ids = [c for c in told.id_columns if c.confidence >= HELD and c.value not in roles]
    out = [c for c in told.excluded if c.confidence >= SURE and c.value not in kept]
    signed = replace(
        problem,
        **marked,
        id_columns=_joined(problem.id_columns, ids, reading),
        excluded=_joined(problem.excluded, out, reading),
        constraints=_demanded(problem.constraints, told.demands),
        horizon=Known(told.horizon, "model", "you said so") if told.horizon else problem.horizon,
    )
    if not signed.features(reading.schema.names):
        raise DataError(
            f"Nothing is left to predict {printable(problem.target.value)!r} from: every other column is an "
            "identifier, empty, constant or excluded; add columns or exclude fewer"
        )
    return signed


def _joined(known: Known[tuple[str, ...]], choices: list[Choice], reading: Reading) -> Known[tuple[str, ...]]:
    """Columns of a role with those that the model adds, and its reasons."""
    new = [c for c in choices if c.value not in known.value]
    if not new:
        return known
    values = {*known.value, *(c.value for c in new)}
    said = [f"{printable(c.value, 40)!r}" + (f" ({c.reason.rstrip('.')})" if c.reason else "") for c in new[:8]]
    more = f" and {len(new) - 8} more" if len(new) > 8 else ""
    reasons = ([known.reason] if known.value else []) + [f"the language model: {', '.join(said)}{more}"]
    return Known(
        tuple(n for n in reading.schema.names if n in values),
        "user" if known.source == "user" else "model",
        "; ".join(reasons),
        known.alternatives,
    )


def _demanded(wishes: Constraints, demands: list[Demand]) -> Constraints:
    """The demands with those that the model found in the words, where the user's own say nothing else."""
    new: dict[str, Any] = {}
    monotone, avoid, allow, fair = dict(wishes.monotone), list(wishes.avoid), list(wishes.allow), list(wishes.fairness)
    preferred = {*wishes.prefer, *wishes.allow}
    for demand in demands:
        if demand.kind in ("rises_with", "falls_with"):
            monotone.setdefault(demand.name, 1 if demand.kind == "rises_with" else -1)
        elif demand.kind == "equal_between":
            fair += [] if any(f.column == demand.name for f in fair) else [Fairness(demand.name)]
        elif demand.kind == "avoid_model":
            avoid += [] if demand.name in (*preferred, *avoid) else [demand.name]
        elif demand.kind == "only_model":
            allow += [] if demand.name in allow or wishes.allow else [demand.name]
        elif demand.kind == "interpretable":
            new["interpretable"] = True
        elif demand.kind == "model_megabytes":
            new["model_bytes"] = wishes.model_bytes or int((demand.number or 0) * 1_000_000)
        elif getattr(wishes, demand.kind) is None:
            new[demand.kind] = demand.number
    return replace(
        wishes, monotone=monotone, avoid=tuple(avoid), allow=tuple(allow), fairness=tuple(fair), **new
    )  # fmt: skip


# ── doubts ──


def _usable(problem: Problem, answer: Interpretation, reading: Reading) -> int:
    """How many columns could be used if the model left none out."""
    its_own = {c.value for c in (*answer.excluded, *answer.id_columns)}
    kept = [n for n in (*problem.excluded.value, *problem.id_columns.value) if n not in its_own]
    return len([n for n in reading.schema.names if n != problem.target.value and n not in kept])


def _is_time(name: str, reading: Reading) -> bool:
    """Whether a column holds dates, is named like a time, or orders the rows."""
    import numpy as np

    if reading.schema[name].kind == "datetime" or _TIMES.intersection(name_tokens(name)):
        return True
    values: pd.Series = reading.frame[name].dropna()
    steps = np.diff(values.to_numpy())
    return bool(steps.size and values.nunique() >= 10 and max((steps >= 0).mean(), (steps <= 0).mean()) >= 0.99)


def _demand_doubts(demand: Demand, problem: Problem, reading: Reading) -> list[str]:
    part, name = f"demands ({demand.kind})", printable(demand.name)
    binary = demand.kind in ("min_recall", "min_precision", "cost_miss", "cost_false_alarm")
    if binary and problem.task.value != "binary":
        return [f"{part}: it is only defined for two classes, and the task is {problem.task.value}"]
    if demand.kind in ("rises_with", "falls_with") and (
        demand.name not in problem.features(reading.schema.names) or reading.schema[demand.name].kind != "numeric"
    ):
        return [f"{part}: {name!r} isn't a numeric column that models use"]
    if demand.kind == "equal_between":
        groups = int(reading.frame[demand.name].nunique())
        if demand.name == problem.target.value or not 2 <= groups <= MOST_FAIR_GROUPS:
            return [f"{part}: {name!r} doesn't divide the rows into 2 to {MOST_FAIR_GROUPS} groups"]
    return []
