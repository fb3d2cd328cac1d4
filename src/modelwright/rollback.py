"""Delivers the model of an earlier experiment in place of what a run delivered, and can take that back.

The model goes the way that every model goes: fitted on the development rows, judged on the sealed rows, put together,
analysed. What is different is the honesty of its score. Whoever rolls back may know how several models did on the
sealed rows; a choice that is made knowing that is no longer independent of them, so the log counts how often they were
opened, the report says so, and the verdict is *usable with care* at best.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from modelwright.action import did_you_mean
from modelwright.clock import Clock
from modelwright.closing import Closing
from modelwright.delivered import Delivery, Settled
from modelwright.errors import RequestError
from modelwright.hashing import plain
from modelwright.journal import Journal, Listener
from modelwright.places import TRACE, Place, find
from modelwright.plan import Experiment
from modelwright.preparation import Prepared
from modelwright.run import deliver, workers
from modelwright.state import State, fold
from modelwright.stores import Store

LEAST_SECONDS = 60.0


def roll_back(
    run: Path | str | Place,
    experiment: str,
    *,
    time_budget: float | None = None,
    began: float | None = None,
    listeners: tuple[Listener, ...] = (),
) -> dict[str, Any]:
    """Deliver the model of one experiment of a finished run.

    Steps that were performed before are found in the run's store; what was delivered so far stays in its log, and
    :func:`undo` brings it back.

    Args:
        run: the run folder, or its URL.
        experiment: its number, its name, or both as in ``03-linear``.
        time_budget: seconds for fitting, judging and reporting; those of the run by default, a minute at least.
        began: ``time.monotonic()`` of the start of the command; now, by default.
        listeners: called with every event.

    Returns:
        The new summary.

    Raises:
        RequestError: when the run isn't finished, has no such experiment, or delivers it already.
        NoModelError: when the model can't be fitted and judged again.
    """
    began = time.monotonic() if began is None else began
    place = find(run)
    with _opened(place, listeners) as (journal, state, prepared):
        chosen = _found(state, experiment, place)
        now = state.deliveries[-1]
        weights = {chosen.number: 1.0}
        if dict(now.choice.weights) == weights:
            raise RequestError(f"{chosen.slug} is what {place} delivers already; nothing was changed")
        known = next((d for d in reversed(state.deliveries) if dict(d.choice.weights) == weights), None)
        if known is not None:
            _still_there(journal, known, place)
        _begin(journal, state, began, chosen.slug)
        if known is not None:
            return _delivered_again(place, journal, known)
        return _deliver(place, journal, state, prepared, chosen, time_budget, began)


def undo(
    run: Path | str | Place, *, began: float | None = None, listeners: tuple[Listener, ...] = ()
) -> dict[str, Any]:
    """Deliver again what a run chose by itself, before anything was rolled back.

    Its score stays what it was: that choice was made before the sealed rows were opened.

    Args and raises: as :func:`roll_back`.
    """
    began = time.monotonic() if began is None else began
    place = find(run)
    with _opened(place, listeners) as (journal, state, _):
        first = state.deliveries[0]
        if state.deliveries[-1] == first:
            raise RequestError(f"{place} delivers what the run chose; there is nothing to undo")
        _still_there(journal, first, place)
        _begin(journal, state, began, "what the run chose")
        return _delivered_again(place, journal, first)


@contextmanager
def _opened(place: Place, listeners: tuple[Listener, ...]) -> Iterator[tuple[Journal, State, Prepared]]:
    """The journal of a finished run, with its state and what it stands on."""
    if not place.holds_run():
        raise RequestError(f"{place} holds no run; name a run folder, or the URL of a run")
    with ExitStack() as stack:
        store = place.open()
        stack.callback(place.forget)
        stack.callback(store.close)
        state = fold(store.events())
        if state.summary is None or state.prepared is None or not state.deliveries:
            raise RequestError(f"{place} hasn't delivered a model yet; go on with: modelwright resume {place}")
        prepared = state.prepared
        missing = [d for d in (prepared.development, prepared.sealed, prepared.protocol.assignment) if _gone(store, d)]
        if missing:
            raise RequestError(f"{place} no longer holds the rows that its models were fitted on; run it again")
        journal = Journal(store, state.run_id, place.folder / TRACE, listeners)
        stack.callback(journal.close)
        yield journal, state, prepared


def _gone(store: Store, digest: str) -> bool:
    try:
        store.path(digest)
    except KeyError:
        return True
    return False


def _found(state: State, name: str, place: Place) -> Experiment:
    """The experiment that is meant.

    Raises:
        RequestError: when there is none, or it made no model.
    """
    wanted = name.strip()
    for experiment in state.experiments.values():
        if wanted in (experiment.slug, experiment.plan.name) or (wanted.isdigit() and int(wanted) == experiment.number):
            if experiment.status != "done" or experiment.recipe is None or not experiment.oof:
                raise RequestError(f"{experiment.slug} made no model: it was {experiment.status}; choose another")
            return experiment
    usable = [e.slug for _, e in sorted(state.experiments.items()) if e.status == "done"]
    raise RequestError(
        f"{place} has no experiment {wanted[:80]!r}{did_you_mean(wanted, usable)}; there are {', '.join(usable)}"
    )


def _begin(journal: Journal, state: State, began: float, to: str) -> None:
    started = time.time() - (time.monotonic() - began)
    journal.append("rolled_back", {"to": to, "spent": state.seconds(), "started": started})


def _deliver(
    place: Place,
    journal: Journal,
    state: State,
    prepared: Prepared,
    chosen: Experiment,
    time_budget: float | None,
    began: float,
) -> dict[str, Any]:
    from modelwright.engine import Engine
    from modelwright.stages import evaluating

    request = state.request
    assert request is not None  # a run that has delivered was asked for
    clock = Clock(began, time_budget or max(request.time_budget, LEAST_SECONDS))
    looks = state.opened + 1
    settled = Settled({chosen.number: 1.0}, looks=looks, note=f"{chosen.slug} was chosen by hand, in a rollback.")
    journal.append("phase", {"name": "closing"})
    executor = workers(request, place.folder)
    try:
        engine = Engine(journal, executor, state.slots)
        evaluator = evaluating(request, prepared, journal, engine)
        experiments = [e for _, e in sorted(state.experiments.items())]
        Closing(prepared, evaluator, journal, clock, settled=settled).run(experiments)
    finally:
        executor.close()
    return _finished(place, journal)


def _still_there(store: Store, delivery: Delivery, place: Place) -> None:
    """See that a delivery's files are in the store.

    Raises:
        RequestError: when one isn't.
    """
    if any(_gone(store, digest) for digest in (delivery.model, *delivery.files.values())):
        raise RequestError(f"{place} no longer holds that model's files; deliver another experiment")


def _delivered_again(place: Place, journal: Journal, delivery: Delivery) -> dict[str, Any]:
    journal.append("delivered", {"delivery": plain(delivery)})
    return _finished(place, journal)


def _finished(place: Place, journal: Journal) -> dict[str, Any]:
    journal.append("phase", {"name": "reporting"})
    summary = deliver(place.folder, journal)
    place.publish()
    journal.append("run_finished", {"summary": summary})
    place.publish([TRACE])
    return summary
