"""A run, from a sentence and a file to a model one can trust."""

from __future__ import annotations

import gc
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modelwright
from modelwright.clock import Clock
from modelwright.errors import Interrupted, ModelwrightError, RequestError, StorageError, UserError
from modelwright.hashing import digest
from modelwright.journal import Journal, Listener
from modelwright.places import TRACE, Place, checked, find
from modelwright.request import Request

if TYPE_CHECKING:
    from modelwright.closing import Choice
    from modelwright.counsel import Counsel
    from modelwright.executors import Executor
    from modelwright.judgement import Judgement
    from modelwright.llms import Provider
    from modelwright.plan import Experiment
    from modelwright.preparation import Prepared
    from modelwright.stores import Store
    from modelwright.understanding import Ask

LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "xgboost-cpu", "catboost", "skops")
BUSY = 1.0
"""Seconds into the search after which this process mostly waits for others."""
SHORTEST_RESUME = 30.0
"""Seconds that a resumed run gets at least, however much of its budget was used before."""


def start(
    request: Request,
    folder: Path | str | Place,
    *,
    source: Any = None,
    began: float | None = None,
    ask: Ask | None = None,
    listeners: tuple[Listener, ...] = (),
    provider: Provider | None = None,
) -> dict[str, Any]:
    """Make a run folder and run to the finished report.

    Args:
        request: what was asked.
        folder: the run folder, or a URL; must not exist, or be empty.
        source: the data, when it isn't the file named in the request.
        began: ``time.monotonic()`` of the start of the command; now, by default.
        ask: asks the person; nobody, by default.
        listeners: called with every event.
        provider: the language model, when it isn't to be made from the request's name.

    Returns:
        The summary.

    Raises:
        UserError: when the request or the data is at fault.
        NoModelError: when no model could be delivered.
        Interrupted: when the person stopped it; :func:`resume` goes on.
    """
    request.check()
    place = find(folder)
    if place.occupied():
        raise RequestError(f"{place} isn't empty; choose another --out, or go on with: modelwright resume {place}")
    began = time.monotonic() if began is None else began
    clock = Clock(began, request.time_budget)
    earlier = _earlier(request)
    store = checked(place.open(), place)
    journal = Journal(store, place.run_id, place.folder / TRACE, listeners, earlier)
    opening = {
        "run_id": place.run_id,
        "request": request,
        "started": time.time() - (time.monotonic() - began),
        "version": modelwright.__version__,
        "versions": versions(),
    }
    try:
        return carry_out(request, place, journal, clock, source, ask or nobody, provider, opening)
    except UserError:
        # A request that never got as far as rows leaves nothing behind, so that it can be corrected and repeated.
        if all(record.kind != "prepared" for record in place.records()):
            place.discard()
        raise


def resume(
    folder: Path | str | Place,
    *,
    executor: str | None = None,
    began: float | None = None,
    ask: Ask | None = None,
    listeners: tuple[Listener, ...] = (),
    provider: Provider | None = None,
) -> dict[str, Any]:
    """Go on where a run stopped: finished steps are reused, decisions are taken from the log.

    The time budget goes on counting; a run that used up its budget gets half a minute to finish.

    Args:
        folder: the run folder, or its URL.
        executor: where steps are performed from now on; where they were, by default.
        began, ask, listeners, provider: as for :func:`start`, which also says what is raised.
    """
    began = time.monotonic() if began is None else began
    from modelwright.earlier import on_resuming
    from modelwright.executors import find as find_executor
    from modelwright.state import fold

    if executor is not None:
        find_executor(executor)
    place = find(folder)
    nothing = RequestError(f"{place} holds no run that could be resumed; start a new one with: modelwright run")
    if not place.holds_run():
        raise nothing
    store = place.open()
    with ExitStack() as stack:
        stack.callback(store.close)
        state = fold(store.events())
        if state.request is None:
            raise nothing
        if state.summary is not None:
            return state.summary
        if state.replay is not None:
            raise RequestError(
                f"{place} is an unfinished replay of {state.replay}; start a new one: modelwright replay"
            )
        left = max(state.request.time_budget - state.seconds(), SHORTEST_RESUME)
        try:
            earlier, lost = _earlier(state.request), ""
        except UserError as error:  # what it would have given is performed instead
            earlier, lost = None, f"Nothing more could be taken over from the earlier run: {error}."
        journal = Journal(store, state.run_id, place.folder / TRACE, listeners, earlier)
        started = time.time() - (time.monotonic() - began)
        journal.append("resumed", {"spent": state.seconds(), "started": started, "budget": left})
        for text in (*on_resuming(state, versions()), *filter(None, [lost])):
            journal.append("notice", {"text": text})
        stack.pop_all()
    request = state.request if executor is None else replace(state.request, executor=executor)
    return carry_out(request, place, journal, Clock(began, left), None, ask or nobody, provider)


def carry_out(
    request: Request,
    place: Place,
    journal: Journal,
    clock: Clock,
    source: Any,
    ask: Ask,
    provider: Provider | None,
    opening: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Do what is left to do of a run whose log is open, and close the log; see :func:`start`.

    Args:
        request, place, journal, clock, source, ask, provider: as for :func:`start`.
        opening: the first event of a run that has none yet.
    """
    executor = counsel = None
    try:
        executor = workers(request, place.folder)  # first: its processes import their libraries while this one does
        if opening is not None:
            journal.append("run_started", opening)
        counsel = counsel_for(request, journal, clock, provider)
        summary = _flow(request, place, journal, clock, source, ask, executor, counsel)
    except KeyboardInterrupt:
        journal.append("phase", {"name": "interrupted"})
        raise Interrupted(f"interrupted; go on with: modelwright resume {place}") from None
    except StorageError as error:
        # There is nothing to write to any more, so nothing is written; what is on record stays.
        raise Interrupted(
            f"interrupted, {error}; once that is put right go on with: modelwright resume {place}"
        ) from error
    except ModelwrightError as error:
        journal.append("run_failed", {"error": str(error), "type": type(error).__name__})
        raise
    except BaseException as error:
        journal.append("run_failed", {"error": f"{type(error).__name__}: {error}", "type": "defect"})
        raise
    finally:
        if counsel is not None:
            counsel.close()
        if executor is not None:
            executor.close()
        journal.close()
    place.forget()
    return summary


def _earlier(request: Request) -> Store | None:
    """The store of the run whose steps are taken over, where the request names one."""
    if not request.reuse:
        return None
    from modelwright.earlier import store_of

    return store_of(request.reuse, versions())


def counsel_for(request: Request, journal: Journal, clock: Clock, provider: Provider | None) -> Counsel:
    """The way to language models, with what a run that is resumed or replayed has asked and decided before."""
    from modelwright.counsel import Counsel
    from modelwright.mind import Recorded
    from modelwright.state import fold

    before = fold(journal.events())
    again = before.sessions > 1 or before.replay is not None
    recorded = Recorded(before.asked, before.decisions, before.asked_again) if again else None
    return Counsel(request, journal, clock, recorded, before.usage.cost_usd, provider)


def _flow(
    request: Request,
    place: Place,
    journal: Journal,
    clock: Clock,
    source: Any,
    ask: Ask,
    executor: Executor,
    counsel: Counsel,
) -> dict[str, Any]:
    """The run as a page: understand, seal, search, close, report."""
    from modelwright import stages
    from modelwright.mending import mend
    from modelwright.state import fold

    before = fold(journal.events())
    prepared, evaluator = stages.ground(request, place.folder, journal, source, ask, executor, counsel, before)
    engine = evaluator.engine
    for what in mend(before, evaluator, journal, clock.end):
        journal.append("mended", {"what": what})
    if before.delivery is None:
        from modelwright.closing import Closing

        effects = stages.measured(prepared, evaluator, journal, request)
        pencil = _sharpened()
        experiments = stages.searched(request, journal, clock, counsel, prepared, evaluator, before)
        journal.append("phase", {"name": "closing"})
        effects.result()  # ends with its own deadline, long before
        told = _Telling(prepared, experiments, clock, counsel, journal)
        Closing(prepared, evaluator, journal, clock, told.begin, before.settled).run(experiments)
        told.wait()
        pencil.join()

    journal.append("phase", {"name": "reporting"})
    if journal.taken_over:
        text = f"{journal.taken_over} finished steps were taken over from {request.reuse}."
        journal.append("notice", {"text": text})
    _remember(journal)
    summary = deliver(place.folder, journal)
    place.publish()
    journal.append("bookkeeping", {**engine.bookkeeping, "log_seconds": journal.seconds})
    journal.append("run_finished", {"summary": summary})
    place.publish([TRACE])
    return summary


class _Telling:
    """Has a language model tell the run while the last fits are made; without one it does nothing."""

    def __init__(
        self,
        prepared: Prepared,
        experiments: Sequence[Experiment],
        clock: Clock,
        counsel: Counsel,
        journal: Journal,
    ) -> None:
        self._prepared, self._experiments, self._clock, self._counsel = prepared, experiments, clock, counsel
        self._journal = journal
        self._telling: Future[Any] | None = None

    def begin(self, choice: Choice, judgement: Judgement) -> None:
        """Start when the judgement is there."""
        if not self._counsel.mind.present:
            return
        from modelwright.narrative import facts_for, lessons, narrate
        from modelwright.state import fold

        learnt = lessons(fold(self._journal.events()).decisions)
        discretion = self._counsel.meet(self._prepared.schema, self._prepared.profile)
        weights, validation = choice.weights, choice.validation
        facts = facts_for(self._prepared, self._experiments, weights, validation, judgement, discretion, learnt=learnt)
        self._telling = self._counsel.mind.later(partial(narrate, self._counsel.mind, facts, self._seconds()))

    def wait(self) -> None:
        """Wait as long as the report can wait; what comes later is left out."""
        if self._telling is not None:
            wait([self._telling], self._seconds())

    def _seconds(self) -> float:
        return max(0.0, self._clock.left() - min(4.0, 0.05 * self._clock.budget))


def _remember(journal: Journal) -> None:
    """Let later runs on this machine know what worked; see :mod:`modelwright.memory`."""
    from modelwright.memory import remember_run
    from modelwright.policy.ground import Ground
    from modelwright.policy.portfolio import portfolio
    from modelwright.state import fold

    state = fold(journal.events())
    if state.prepared is None or state.delivery is None or state.replay is not None:
        return
    done = [e for _, e in sorted(state.experiments.items())]
    prepared = state.prepared
    ground = Ground(prepared.problem, prepared.features, prepared.profile, prepared.protocol)
    said = remember_run(
        state.run_id,
        prepared.problem,
        prepared.profile,
        done,
        state.delivery.recipe,
        state.delivery.choice.weights,
        {plan.name for plan in (*portfolio(ground), *(e.plan for e in done if e.plan.by == "baselines"))},
    )
    if said:
        journal.append("not_remembered", {"reason": said})


def workers(request: Request, folder: Path) -> Executor:
    """Where a run's steps are performed, with everything imported that a step needs."""
    from modelwright.executors import Setting
    from modelwright.executors import find as find_executor

    setting = Setting(
        folder / "artefacts", request.workers, request.memory_limit, ("modelwright.screening", "modelwright.warm")
    )
    return find_executor(request.executor).open(request.executor, setting)


def deliver(folder: Path, journal: Journal) -> dict[str, Any]:
    """Write bundle, programs and report from the log."""
    from modelwright import report
    from modelwright.delivery import write_bundle, write_experiments
    from modelwright.state import fold
    from modelwright.story import tell

    with _without_collector():
        state = fold(journal.events())
        story = tell(state, journal.events(), versions())
        write_experiments(state, folder)
        write_bundle(story, state, journal, folder / "model")
        return report.write(story, folder)


@contextmanager
def _without_collector() -> Iterator[None]:
    """The report leaves little garbage; looking for it among all that is imported took a fifth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _sharpened() -> threading.Timer:
    """Import what the end of the run needs while others work, once the first experiments are on their way."""

    def sharpen() -> None:
        from modelwright import delivery, report, story  # noqa: F401  only to have it loaded
        from modelwright.analyses import all_analyses

        all_analyses()
        report.ready()

    timer = threading.Timer(BUSY, sharpen)
    timer.daemon = True
    timer.start()
    return timer


def nobody(question: str, candidates: tuple[str, ...]) -> str | None:
    """The answer of somebody who isn't there."""
    return None


def new_folder(root: Path, data: str, seed: int) -> Path:
    """A fresh run folder's path: when, on what, and a few characters that make it unique."""
    when = datetime.now().strftime("%Y%m%d-%H%M%S")
    stem = "".join(c if c.isalnum() else "-" for c in Path(data).stem.lower()).strip("-")[:24] or "data"
    unique = digest([data, seed, time.time_ns(), os.getpid()])[:4]
    return root / f"{when}-{stem}-{unique}"


def versions() -> dict[str, str]:
    """Versions of modelwright, Python and the libraries that models depend on."""
    found = {"modelwright": modelwright.__version__, "python": platform.python_version()}
    for name in (*LIBRARIES, "interpret-core"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
