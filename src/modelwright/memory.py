"""What past runs on this machine taught: one line a run, of numbers and names of the registry only.

A line holds what the problem was like (:mod:`modelwright.traits`), how far each family of estimators got from the
baseline to a perfect score, how far each plan of the portfolio got and what it cost, which parameters served the
ensemble, and which actions were delivered; no row, level, column name, statement or path. The file is ``memory.jsonl``
in ``$MODELWRIGHT_HOME``, else in ``modelwright`` below the platform's folder for state. ``MODELWRIGHT_MEMORY=off``
switches it off. The retriever reads it, and the policies order their plans by it and begin tuning with it
(:mod:`modelwright.policy.ordering`); what a run took from it stands in the run's log.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from modelwright.actions import registry
from modelwright.errors import ProgramError
from modelwright.estimators import all_estimators, family_of
from modelwright.hashing import canonical_json, digest, restore
from modelwright.plan import Experiment
from modelwright.problem import Problem
from modelwright.profile import Profile
from modelwright.recipe import Recipe, Use
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import METRICS, find_metric, gain
from modelwright.traits import traits

FILE = "memory.jsonl"
MOST_RUNS = 500
"""Runs that are remembered; older ones go. Enough for any person's habits, and read in milliseconds."""
MOST_BYTES = 1 << 20
LONGEST_LINE = 16_000
MOST_PLANS, MOST_SETTINGS = 60, 4
PLAN = re.compile(r"[a-z][a-z0-9-]{0,59}")
_TRAIT = re.compile(r"[a-z][a-z0-9_]{0,39}")
PATIENCE = 2.0
"""Seconds to wait for another run that is writing."""


@dataclass(frozen=True)
class Brought:
    """What a plan of the portfolio brought in a run.

    Args:
        share: how far it got from the best baseline (0) to the best single model of the run (1).
        seconds: of one core that its evaluation took.
        weight: its share of the ensemble that was delivered.
    """

    share: float
    seconds: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True)
class Remembered:
    """One past run.

    Args:
        run: digest of the run's name, so that a run is remembered once.
        day: when it ended (``2026-03-14``).
        task: the task type.
        metric: what was optimised.
        traits: what the problem was like.
        families: for each family of estimators, how far its best experiment got from the baseline (0) to a perfect
            score (1).
        delivered: names of the actions in the delivered recipe.
        experiments: how many were finished.
        plans: what plans of the portfolio brought, by name.
        settings: estimators of the ensemble with their tuned parameters, the weightiest first.
    """

    run: str
    day: str
    task: str
    metric: str
    traits: Mapping[str, float] = field(default_factory=dict)
    families: Mapping[str, float] = field(default_factory=dict)
    delivered: tuple[str, ...] = ()
    experiments: int = 0
    plans: Mapping[str, Brought] = field(default_factory=dict)
    settings: tuple[Use, ...] = ()


def place() -> Path:
    """Where the memory lies; nothing is made."""
    home = os.environ.get("MODELWRIGHT_HOME")
    if home:
        return Path(home).expanduser() / FILE
    local = os.environ.get("XDG_STATE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return (Path(local) if local else Path.home() / ".local" / "state") / "modelwright" / FILE


def switched_on() -> bool:
    """Whether runs are remembered."""
    return os.environ.get("MODELWRIGHT_MEMORY", "").strip().lower() not in ("off", "0", "no", "false")


def remember_run(
    run_id: str,
    problem: Problem,
    profile: Profile,
    experiments: Sequence[Experiment],
    delivered: Recipe | None = None,
    weights: Mapping[int, float] | None = None,
    portfolio: Collection[str] = (),
) -> str:
    """Remember a finished run.

    Args:
        run_id: its name; only a digest of it is kept.
        problem: what was asked.
        profile: aggregates of its data.
        experiments: all of them.
        delivered: the recipe of the delivered model.
        weights: shares of the delivered ensemble, by experiment number.
        portfolio: names of the policies' own plans; others may hold what a person or a language model called them,
            and are not kept.

    Returns:
        Nothing when it is remembered, else why it isn't, as a sentence.
    """
    task, metric = problem.task.value, problem.metric.value
    uses = () if delivered is None else tuple(dict.fromkeys(_actions(delivered)))
    done = [e for e in experiments if e.status == "done" and e.score is not None]
    return remember(
        Remembered(
            digest(run_id)[:16],
            datetime.now(UTC).strftime("%Y-%m-%d"),
            task,
            metric,
            traits(problem, profile),
            _families(done),
            tuple(name for name in uses if name in registry()),
            len(done),
            dict(_plans(done, weights or {}, portfolio)),
            tuple(_settings(done, weights or {})),
        )
    )


def remember(run: Remembered) -> str:
    """Add a run, in the place of an earlier line of the same run; returns as :func:`remember_run`."""
    if not switched_on():
        return "Memory is switched off."
    try:
        with _locked(place()) as path:
            kept = [r for r in _read(path) if r.run != run.run][-(MOST_RUNS - 1) :]
            _write(path, [*kept, run])
    except OSError as error:
        return f"The run could not be remembered: {error.strerror or error}."
    return ""


def recall() -> tuple[Remembered, ...]:
    """All remembered runs, the oldest first; lines that can't be read are passed over."""
    return tuple(_read(place()))


def forget() -> int:
    """Erase the memory; returns how many runs were forgotten.

    Raises:
        OSError: when it can't be erased.
    """
    path = place()
    if not path.parent.is_dir():
        return 0
    with _locked(path):
        count = len(list(_read(path)))
        path.unlink(missing_ok=True)
    return count


def similar(traits: Mapping[str, float], task: str, k: int = 3) -> tuple[Remembered, ...]:
    """The past runs of the same task type on the most similar data, the most similar first.

    Similarity is the mean difference of meta-features on their natural scales, counts by their logarithms (nearest
    neighbours on meta-features: Brazdil et al., Metalearning, 2009).

    Args:
        traits: what the problem at hand is like.
        task: its task type.
        k: how many at most.
    """
    if not switched_on():
        return ()
    runs = [(i, run) for i, run in enumerate(recall()) if run.task == task]
    runs.sort(key=lambda item: (round(distance(traits, item[1].traits), 6), -item[0]))
    return tuple(run for _, run in runs[:k])


def in_words(run: Remembered) -> str:
    """A remembered run as one line, of registered names and numbers only."""
    rows, columns = run.traits.get("rows", 0.0), run.traits.get("columns", 0.0)
    best = sorted(run.families.items(), key=lambda item: -item[1])
    families = ", ".join(f"{name} {value:.0%}" for name, value in best)
    delivered = ", ".join(run.delivered)
    return (
        f"{rows:,.0f} rows × {columns:,.0f} columns, {run.task}, {run.metric}: "
        f"{families or 'no model beat the baseline'} of the way from the baseline to a perfect score"
        + (f"; delivered: {delivered}" if delivered else "")
    )


def plans_in_words(run: Remembered) -> Iterator[str]:
    """What plans brought and which settings served, a line each; of names of the package and numbers only."""
    best = sorted(run.plans.items(), key=lambda item: (-item[1].share, item[0]))
    brought = (
        f"{name} {b.share:.0%} in {b.seconds:,.1f} s" + (f" ({b.weight:.0%} of the ensemble)" if b.weight else "")
        for name, b in best
    )
    if best:
        yield f"of the way to the best model: {', '.join(brought)}"
    for use in run.settings:
        yield f"served the ensemble: {use.describe()}"


COUNTED = ("rows", "columns", "classes", "numbers", "categories", "text", "dates", "high_cardinality")
SHARED = ("rarest_class", "missing", "time_column", "group_column", "skewed_target", "count_target")


def distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """How different two problems are, by their traits; 0 for the same, about 1 for what one would call alike."""
    counts = (abs(math.log1p(a.get(n, 0.0)) - math.log1p(b.get(n, 0.0))) / 3 for n in COUNTED)
    return sum(counts) + sum(abs(a.get(n, 0.0) - b.get(n, 0.0)) for n in SHARED)


def _families(done: Sequence[Experiment]) -> dict[str, float]:
    """How far each family got from the best baseline to a perfect score."""
    family = {e.number: family_of(e.plan.estimator.action) for e in done}
    floor = [e.score.value for e in done if e.score is not None and family[e.number] == "baseline"]
    best: dict[str, float] = {}
    for experiment in done:
        score, name = experiment.score, family[experiment.number]
        if score is None or not floor or name is None or name == "baseline":
            continue
        metric = find_metric(score.metric)
        ground = max(floor, key=lambda value: gain(metric, value, 0.0))
        way = metric.loss(ground)
        share = gain(metric, score.value, ground) / way if way > 0 and math.isfinite(way) else 0.0
        best[name] = max(best.get(name, 0.0), round(min(1.0, max(0.0, share)), 4))
    return best


def _plans(
    done: Sequence[Experiment], weights: Mapping[int, float], portfolio: Collection[str]
) -> Iterator[tuple[str, Brought]]:
    """What each of the policies' own plans brought, in relation to the baseline and the best single model."""
    scored = [(e, e.score) for e in done if e.score is not None]
    gains = {e.number: gain(find_metric(score.metric), score.value, 0.0) for e, score in scored}
    floor = [gains[e.number] for e, _ in scored if family_of(e.plan.estimator.action) == "baseline"]
    if not floor or max(gains.values()) <= max(floor):
        return
    way = max(gains.values()) - max(floor)
    for experiment, _ in scored:
        name = experiment.plan.name
        if experiment.plan.by in ("portfolio", "baselines") and name in portfolio and PLAN.fullmatch(name):
            share = max(0.0, (gains[experiment.number] - max(floor)) / way)
            weight = weights.get(experiment.number, 0.0)
            yield name, Brought(round(share, 4), round(experiment.seconds, 2), round(weight, 4))


def _settings(done: Sequence[Experiment], weights: Mapping[int, float]) -> Iterator[Use]:
    """Tuned parameters of what is in the ensemble: numbers and choices of the registry, no columns."""
    tuned = [e for e in done if e.plan.by == "search" and weights.get(e.number, 0.0) > 0]
    for experiment in sorted(tuned, key=lambda e: -weights[e.number])[:MOST_SETTINGS]:
        setting = searched_only(experiment.plan.estimator)
        if setting is not None:
            yield setting


def searched_only(use: Use) -> Use | None:
    """An estimator with those of its parameters that tuning searches, checked; ``None`` when there is nothing to it."""
    action = registry().get(use.action)
    if action is None or action.category != "estimator":
        return None
    searched = {p.name for p in action.params if p.searched}
    try:
        params = action.validate({n: v for n, v in use.params.items() if n in searched})
    except ProgramError:
        return None
    return Use(use.action, params) if params else None


def _actions(recipe: Recipe) -> Iterator[str]:
    yield from (use.action for _, use in recipe.uses())
    for member in recipe.members:
        yield from _actions(member.recipe)


# ── the file ──


def _read(path: Path) -> Iterator[Remembered]:
    """The runs of a file that anybody may have written to; what isn't a run is passed over."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - MOST_BYTES))
            lines = stream.read(MOST_BYTES).split(b"\n")
    except OSError:
        return
    for line in lines[-MOST_RUNS - 1 :]:
        run = _run_of(line) if 0 < len(line) <= LONGEST_LINE else None
        if run is not None:
            yield run


def _run_of(line: bytes) -> Remembered | None:
    from pydantic import ValidationError

    try:
        run = restore(Remembered, json.loads(line))
    except (ValueError, ValidationError, RecursionError, TypeError):
        return None
    if run.task not in all_tasks() or run.metric not in (m.name for m in METRICS):
        return None
    brought = [x for b in run.plans.values() for x in (b.share, b.seconds, b.weight)]
    numbers = (*run.traits.values(), *run.families.values(), *brought)
    if not all(map(math.isfinite, numbers)) or not all(_TRAIT.fullmatch(name) for name in run.traits):
        return None
    if not re.fullmatch(r"[0-9a-f]{16}", run.run) or not re.fullmatch(r"\d{4}-\d\d-\d\d", run.day):
        return None
    if len(run.plans) > MOST_PLANS or not all(PLAN.fullmatch(name) for name in run.plans):
        return None
    families = {e.family for e in all_estimators().values()}
    return Remembered(
        run.run,
        run.day,
        run.task,
        run.metric,
        {name: max(0.0, value) for name, value in run.traits.items()},
        {name: min(1.0, max(0.0, value)) for name, value in run.families.items() if name in families},
        tuple(name for name in run.delivered if name in registry())[:40],
        run.experiments,
        {n: Brought(*(min(1e6, max(0.0, x)) for x in (b.share, b.seconds, b.weight))) for n, b in run.plans.items()},
        tuple(known for known in map(searched_only, run.settings[:MOST_SETTINGS]) if known is not None),
    )


def _write(path: Path, runs: Sequence[Remembered]) -> None:
    """Replace the file as a whole, readable by its owner only; a reader sees the old or the new one."""
    lines = [canonical_json(run).encode("utf-8") for run in runs]
    while lines and sum(map(len, lines)) + len(lines) > MOST_BYTES:
        lines.pop(0)
    handle, name = tempfile.mkstemp(prefix=".memory-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(b"".join(line + b"\n" for line in lines))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Keep other runs from writing at the same time.

    Raises:
        OSError: when the folder can't be made, or another run doesn't let go.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f"{FILE}.lock").open("ab") as lock:
        until = time.monotonic() + PATIENCE
        while not _try_lock(lock.fileno()):
            if time.monotonic() > until:
                raise TimeoutError(None, "another run is writing to the memory")
            time.sleep(0.02)
        yield path  # closing the file lets go


def _try_lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
