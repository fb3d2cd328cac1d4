"""The story of a run for its report: a fold of the log, in the report's own terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from modelwright.analyses import all_analyses
from modelwright.errors import RequestError
from modelwright.hashing import restore
from modelwright.narrative import narrated
from modelwright.places import Place, find
from modelwright.plan import Experiment
from modelwright.problem import Budget
from modelwright.report import Story
from modelwright.report.events import sources, told
from modelwright.state import State
from modelwright.step import Record


def tell(state: State, records: Iterable[Record], versions: Mapping[str, str]) -> Story:
    """The story of a run that has delivered.

    Args:
        state: where the run stands.
        records: its log.
        versions: of modelwright, Python and the libraries.

    Raises:
        RequestError: when the run hasn't delivered a model.
    """
    records = tuple(records)
    prepared, delivery, request = state.prepared, state.delivery, state.request
    if prepared is None or delivery is None or request is None:
        raise RequestError(f"run {state.run_id} has not delivered a model yet")
    events, steps = told(records)
    phases = dict(state.phases)
    if state.phase not in phases:
        phases[state.phase] = 0.0
    return Story(
        run_id=state.run_id,
        origin=prepared.origin,
        rows=prepared.rows,
        schema=prepared.schema,
        notes=prepared.notes,
        problem=prepared.problem,
        profile=prepared.profile,
        protocol=prepared.protocol,
        budget=Budget(request.time_budget, request.max_experiments, request.max_iterations),
        experiments=tuple(e for _, e in sorted(state.experiments.items())),
        programs={state.experiments[n].slug: source for n, source in state.programs.items()},
        failures=(
            *state.failures,
            *_lost_steps(records),
            *_not_started(state.experiments.values(), request.memory_limit),
        ),
        progress=tuple(state.progress),
        delivered=delivery.recipe,
        delivered_note=delivery.note,
        validation=delivery.choice.validation,
        judgement=delivery.judgement,
        stopped=state.stopped,
        warnings=(*prepared.warnings, *state.notices),
        seconds=phases,
        started=state.started,
        time_limited=state.time_limited,
        versions=versions,
        opened=delivery.opened,
        looks=delivery.looks,
        analyses={
            name: restore(all_analyses()[name].result, value)
            for name, value in delivery.analyses.items()
            if name in all_analyses()
        },
        left_out=tuple(state.left_out),
        findings=state.findings(),
        # What a language model told was about the first delivery.
        narrative=narrated(state.decisions) if delivery == state.deliveries[0] else (),
        decisions=tuple(state.decisions.values()),
        worth=tuple(state.worth.values()),
        balance=state.balance,
        usage=state.usage,
        remarks=tuple(state.remarks),
        latency=delivery.latency,
        sources=sources(records),
        events=events,
        steps=steps,
    )


def tell_folder(folder: Path | str | Place) -> Story:
    """The story of a finished run in a run folder or at a URL, with the versions that it was made with.

    Raises:
        RequestError: when there is no run, or it hasn't delivered a model.
    """
    from modelwright.state import fold

    place = find(folder)
    records = place.records()
    state = fold(records)
    if not state.run_id:
        raise RequestError(f"{place} holds no run; name a run folder, for instance one that modelwright runs lists")
    made = dict(state.summary["versions"]) if state.summary else {}
    return tell(state, records, made)


def _lost_steps(records: Iterable[Record]) -> list[str]:
    """Workers that died or were stopped, by kind."""
    kinds: dict[str, int] = {}
    for record in records:
        failure = record.body.get("failure") if record.kind == "step" else None
        if failure and failure["kind"] in ("crash", "memory", "timeout"):
            kind = failure["error_type"] if failure["error_type"] in _RAN_AWAY else failure["kind"]
            kinds[kind] = kinds.get(kind, 0) + 1
    return [f"{count} step(s) {_LOST[kind]}; nothing else was lost." for kind, count in kinds.items()]


_RAN_AWAY = {
    "TooManyProcesses": "were stopped for starting processes without end",
    "TooMuchDisk": "were stopped for filling the disk",
}
_LOST = {
    "crash": "died",
    "memory": "ran out of memory",
    "timeout": "were stopped for taking too long",
    **_RAN_AWAY,
}


def _not_started(experiments: Iterable[Experiment], memory_limit: int) -> list[str]:
    """What had no place in memory."""
    refused = [f for e in experiments for f in e.failures if f.error_type == "NotStarted"]
    if not refused:
        return []
    limit = f" of {memory_limit >> 20:,} MiB" if memory_limit else ""
    return [f"{len(refused)} fit(s) weren't started, since by forecast they had no place in the memory limit{limit}."]
