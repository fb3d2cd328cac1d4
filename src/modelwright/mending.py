"""When a run goes on and finds artefacts that its log tells of lost or changed, it makes them again."""

from __future__ import annotations

from dataclasses import replace

from modelwright.errors import RequestError
from modelwright.evaluation import Evaluator
from modelwright.preparation import Prepared
from modelwright.state import State
from modelwright.stores import Store

ROWS = "the rows that it stands on"


def whole(store: Store, *digests: str) -> bool:
    """Whether all these artefacts are there, with the bytes that they had; an empty digest is none."""
    try:
        for digest in digests:
            if digest:
                store.path(digest)
    except KeyError:
        return False
    return True


def rows_of(prepared: Prepared) -> tuple[str, ...]:
    """The artefacts that every experiment stands on."""
    return (prepared.development, prepared.sealed, prepared.units, prepared.screened, prepared.protocol.assignment)


def agreed(recorded: Prepared, again: Prepared, data: str) -> Prepared:
    """The recorded preparation, once its rows, which were lost, were read again and are the same.

    Raises:
        RequestError: when they aren't.
    """
    if rows_of(recorded) != rows_of(again):
        raise RequestError(
            f"the rows that this run stands on are lost, and {data} gives other ones now; restore the file, or start "
            "a new run"
        )
    return recorded


def mend(state: State, evaluator: Evaluator, store: Store, stop_at: float) -> list[str]:
    """Make lost predictions of experiments again, and forget a delivery whose files are lost, so that it is repeated.

    Args:
        state: where the run stands; changed.
        evaluator: evaluates recipes; what is left of their steps is reused.
        store: the run's.
        stop_at: ``time.monotonic()`` by which it must have ended.

    Returns:
        What was lost, in words.
    """
    told = []
    delivery = state.delivery
    if delivery is not None and not whole(store, delivery.model, *delivery.files.values()):
        state.delivery = None
        told.append("the delivered model")
    if state.delivery is not None:
        return told
    for number, experiment in state.experiments.items():
        if experiment.status != "done" or experiment.recipe is None or whole(store, experiment.oof):
            continue
        limit = experiment.plan.max_train_rows
        again = evaluator.evaluate(experiment.recipe, stop_at=stop_at, max_train_rows=limit)
        state.experiments[number] = replace(experiment, oof=again.predictions)
        told.append(f"predictions of {experiment.slug}")
    return told
