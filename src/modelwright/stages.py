"""The stages of a run: the ground that experiments stand on, and the search."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.clock import Clock
from modelwright.errors import RequestError
from modelwright.journal import Journal
from modelwright.preparation import Prepared, prepare
from modelwright.request import Request
from modelwright.understanding import Ask

if TYPE_CHECKING:
    from modelwright.counsel import Counsel
    from modelwright.engine import Engine
    from modelwright.evaluation import Evaluator
    from modelwright.executors import Executor
    from modelwright.given import Given
    from modelwright.memory import Remembered
    from modelwright.plan import Experiment
    from modelwright.problem import Budget
    from modelwright.reasoning import Reasoning
    from modelwright.state import State

RECALLED = 10
"""Past runs at most that the policies are told of."""


def ground(
    request: Request,
    folder: Path,
    journal: Journal,
    source: Any,
    ask: Ask,
    executor: Executor,
    counsel: Counsel,
    before: State,
) -> tuple[Prepared, Evaluator]:
    """What experiments stand on, and what evaluates them: from the log, or read, understood and sealed."""
    from modelwright.earlier import since_before
    from modelwright.engine import Engine
    from modelwright.executors import cores
    from modelwright.mending import ROWS, agreed, rows_of, whole

    slots = before.slots or executor.slots
    if not before.slots:
        journal.append("workers", {"executor": request.executor, "slots": slots})
        if request.memory_limit and slots < (request.workers or cores()):
            said = f"The memory limit of {request.memory_limit >> 20:,} MiB leaves room for {slots} step(s) at a time."
            journal.append("notice", {"text": said})
    engine = Engine(journal, executor, slots)

    def say(phase: str) -> None:
        journal.append("phase", {"name": phase})

    prepared = before.prepared
    if prepared is None:
        prepared, files = _prepared(request, folder, journal, engine, source, ask, say, counsel)
        journal.append("prepared", {"prepared": prepared, "given": files})
        changed = since_before(folder, request, prepared, files)
        if changed:
            journal.append("notice", {"text": changed})
    elif not whole(journal, *rows_of(prepared)):
        again, _ = _prepared(request, folder, journal, engine, source, ask, say, counsel)
        prepared = agreed(prepared, again, request.data)
        journal.append("mended", {"what": ROWS})
    return prepared, evaluating(request, prepared, journal, engine)


def evaluating(request: Request, prepared: Prepared, journal: Journal, engine: Engine) -> Evaluator:
    """What evaluates experiments, on as many rows as time and memory allow (:mod:`modelwright.fidelity`)."""
    from modelwright.evaluation import Evaluator
    from modelwright.executors import SHARED
    from modelwright.fidelity import ladder, usual_memory

    truth, assignment = targets(prepared, journal)
    memory = engine.executor.memory or request.memory_limit
    evaluator = Evaluator(engine, prepared.situation, truth, assignment, memory)
    evaluator.fidelity = ladder(
        evaluator.forecasts.training_rows(),
        evaluator.situation.extent,
        len(prepared.protocol.parts()),
        evaluator.situation.setting,
        seconds=request.time_budget,
        slots=engine.slots,
        memory=max(1, memory - SHARED) if request.memory_limit else usual_memory(engine.slots),
    )
    return evaluator


def searched(
    request: Request,
    journal: Journal,
    clock: Clock,
    counsel: Counsel,
    prepared: Prepared,
    evaluator: Evaluator,
    before: State,
) -> list[Experiment]:
    """The experiments of a search that is run to its end, with those that are known before."""
    from modelwright.problem import Budget
    from modelwright.searching import Search

    journal.append("phase", {"name": "searching"})
    budget = Budget(request.time_budget, request.max_experiments, request.max_iterations)
    search = Search(
        prepared,
        evaluator,
        journal,
        clock,
        budget,
        recorded=before.plans,
        floor=request.floor,
        drill=request.inject_failure,
        memory=_recalled(prepared, journal, budget) if before.recalled is None else before.recalled,
        experiments=dict(before.experiments),
    )
    if not before.stopped:
        search.reasoning = _reasoning(prepared, evaluator, journal, clock, counsel, search)
        try:
            reason = search.run()
        finally:
            if search.reasoning is not None:
                search.reasoning.close()
                if before.asked_again:  # nothing follows that would give it time
                    search.reasoning.wait()
        journal.append("search_stopped", {"reason": reason, "time_limited": search.time_limited})
    return search.done


def _recalled(prepared: Prepared, journal: Journal, budget: Budget) -> tuple[Remembered, ...]:
    """The past runs that the policies are told of; the log has them, so that a run that goes on knows the same ones.

    Where experiments are counted, none: the same data, seed and number of experiments give the same model, whatever was
    run before.
    """
    from modelwright.memory import similar
    from modelwright.traits import traits

    problem, counted = prepared.problem, budget.max_experiments is not None or budget.max_iterations is not None
    runs = () if counted else similar(traits(problem, prepared.profile), problem.task.value, RECALLED)
    journal.append("recalled", {"runs": runs})
    return runs


def _prepared(
    request: Request,
    folder: Path,
    journal: Journal,
    engine: Any,
    source: Any,
    ask: Ask,
    say: Callable[[str], None],
    counsel: Counsel,
) -> tuple[Prepared, tuple[Given, ...]]:
    """Read, understand, seal and check; with it the files that were read."""
    if source is None and request.data == "<frame>":
        raise RequestError("this run was given its data in Python and hasn't got it now; start it again from there")
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    from modelwright.given import given

    data = request.data if source is None else source
    with ThreadPoolExecutor(1, thread_name_prefix="digest") as aside:
        # The same bytes are read for the data a moment later: hashing them costs next to nothing beside it.
        files = aside.submit(given, {"data": str(data) if isinstance(data, str | Path) else None, "test": request.test})
        try:
            prepared = prepare(request, data, journal, engine, scratch, ask, say, counsel.mind, counsel.meet)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return prepared, files.result()


def measured(prepared: Prepared, evaluator: Any, journal: Journal, request: Request) -> Future[None]:
    """Begin to measure what the findings do to the score, beside the search."""
    from modelwright.checking import Effects

    return Effects(
        evaluator,
        prepared.screened,
        prepared.screened_columns,
        prepared.features.names,
        prepared.findings,
        request.time_budget,
        lambda place, effect: journal.append("effect_measured", {"finding": place, "effect": effect}),
    ).start()


def _reasoning(
    prepared: Prepared, evaluator: Any, journal: Journal, clock: Clock, counsel: Counsel, search: Any
) -> Reasoning | None:
    """A language model that designs experiments beside the policies, when there is one."""
    if not counsel.mind.present:
        return None
    from modelwright.preparation import personal_columns
    from modelwright.reasoning import Reasoning
    from modelwright.showing import Shown

    discretion = counsel.meet(prepared.schema, prepared.profile)
    return Reasoning(
        counsel.mind,
        search.ground,
        evaluator,
        journal,
        Shown(search.ground, discretion, personal_columns(prepared.features), evaluator.forecasts.forecast),
        until=search.end,
        left=lambda: max(0, round(100 * (search.end() - time.monotonic()) / clock.budget)),
        given=frozenset(p.name for p in search.recorded.values() if p.by == "designer"),
        patient=search.in_turns,
    )


def targets(prepared: Prepared, journal: Journal) -> tuple[Any, Any]:
    """The development rows' targets and folds."""
    import numpy as np

    from modelwright.frames import read_frame

    target = prepared.problem.target.value
    y = read_frame(journal.path(prepared.development), [target])[target].to_numpy()
    truth = y.astype(np.int64) if prepared.problem.classes else np.array(y)
    return truth, np.load(journal.path(prepared.protocol.assignment), allow_pickle=False)
