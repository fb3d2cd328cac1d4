"""Puts the questions of a finished run to another language model, and shows where its decisions part.

The run is gone through once more with its own decisions, so that every question comes up as it did; its finished steps
are taken over, so that no experiment is run again. Each question is put to the other model in the words that were used
then, and its answer passes the same checks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright import stages
from modelwright.clock import Clock
from modelwright.decision import Decision
from modelwright.errors import RequestError
from modelwright.hashing import canonical_json
from modelwright.journal import Journal, Listener
from modelwright.places import TRACE, Place, find
from modelwright.replaying import SLACK, copy_rows, finished, new_place, open_log, script_of
from modelwright.run import counsel_for, nobody, workers
from modelwright.state import fold

if TYPE_CHECKING:
    from modelwright.llms import Provider


@dataclass(frozen=True)
class Opinion:
    """One question with both answers.

    Args:
        question: which one it is, as ``designer:2``.
        agent: who was asked.
        then: what was chosen in the run.
        now: what the other model chooses.
        same: whether that is the same choice; reasons and other prose don't count.
        answered: whether the other model gave a valid answer; otherwise ``now`` is the built-in policy's.
    """

    question: str
    agent: str
    then: str
    now: str
    same: bool
    answered: bool


@dataclass(frozen=True)
class Opinions:
    """What another model would have decided.

    Args:
        of: folder or URL of the run.
        folder: folder or URL of the replay.
        model: who was asked.
        opinions: in the order of the run's questions.
        missed: questions of the run that did not come up again.
        cost_usd: what the answers cost, as far as prices are known.
        performed: steps that had to be performed since the run no longer held them.
    """

    of: str
    folder: str
    model: str
    opinions: tuple[Opinion, ...]
    missed: tuple[str, ...]
    cost_usd: float
    performed: int


def ask_again(
    run: Path | str | Place,
    llm: str | Provider,
    *,
    out: Path | str | None = None,
    max_cost: float | None = None,
    began: float | None = None,
    listeners: tuple[Listener, ...] = (),
) -> Opinions:
    """Put a finished run's questions to another language model.

    Args:
        run: its folder or URL.
        llm: the other model, as ``provider:model``, a server's URL, or a provider.
        out: folder or URL for what is asked and answered; a new one below ``replays`` in the run's own by default.
        max_cost: US dollars that it may cost.
        began: ``time.monotonic()`` of the start of the command; now, by default.
        listeners: called with every event.

    Raises:
        RequestError: when the run isn't finished, asked no language model, or the other one can't be reached.
    """
    began = time.monotonic() if began is None else began
    place = find(run)
    store = place.open(readonly=True)
    try:
        records = tuple(store.events())
        state = finished(records, place)
        if not state.decisions:
            raise RequestError(f"{place} asked no language model, so there is no question to put to another one")
        provider = None if isinstance(llm, str) else llm
        name = llm if isinstance(llm, str) else llm.title
        script = script_of(state, records, store, None)
        request = replace(script.request, llm=name, max_cost=max_cost, reuse=str(place))
        script = replace(script, request=request, asked_again=True)
        home = new_place(place, out)
        clock = Clock(began, SLACK * max(request.time_budget, state.seconds()))
        journal = Journal(home.open(), home.run_id, home.folder / TRACE, listeners, store)
        try:
            open_log(journal, script, began)
            copy_rows(store, journal, script.kept_rows, home.folder)
            _gone_through(journal, home.folder, clock, provider)
            home.publish([TRACE])
        finally:
            journal.close()
    finally:
        store.close()
    home.forget()
    return _opinions(place, home, name, state.decisions)


def _gone_through(journal: Journal, folder: Path, clock: Clock, provider: Provider | None) -> None:
    """Everything of a run that asks questions, up to the end of its search."""
    before = fold(journal.events())
    assert before.request is not None  # the log was begun with it
    request = before.request
    counsel = counsel_for(request, journal, clock, provider)
    try:
        with workers(request, folder) as executor:
            prepared, evaluator = stages.ground(request, folder, journal, None, nobody, executor, counsel, before)
            stages.searched(request, journal, clock, counsel, prepared, evaluator, before)
            counsel.mind.opinions()
    finally:
        counsel.close()
    journal.append("phase", {"name": "finished"})


def _opinions(run: Place, home: Place, name: str, decisions: Mapping[str, Decision]) -> Opinions:
    records = home.records()
    answers = {r.body["question"]: r.body for r in records if r.kind == "answered_again"}
    found = []
    for question, decision in decisions.items():
        body = answers.get(question)
        if body is None:
            continue
        then, now = (choice(decision.agent, output) for output in (decision.output, body["output"]))
        found.append(Opinion(question, decision.agent, then, now, then == now, body["tier"] != "policy"))
    missed = tuple(question for question in decisions if question not in answers)
    performed = sum(r.kind == "step" and r.body["status"] != "reused" for r in records)
    return Opinions(str(run), str(home), name, tuple(found), missed, fold(records).usage.cost_usd, performed)


# ── what an answer comes to ──────────────────────────────────────────────────────────────────────────────────────


def choice(agent: str, output: Mapping[str, Any]) -> str:
    """What an agent's answer decides, in one line, without its reasons."""
    say = _CHOICES.get(agent)
    return canonical_json(output) if say is None else say(output)


def _value(chosen: Mapping[str, Any] | None) -> str:
    return "–" if chosen is None else str(chosen["value"])


def _read(output: Mapping[str, Any]) -> str:
    parts = [f"{n} {_value(output[n])}" for n in ("target", "task", "metric", "positive") if output.get(n)]
    parts += [f"{n} {_value(output[n])}" for n in ("time_column", "group_column") if output.get(n)]
    for name in ("id_columns", "excluded"):
        if output.get(name):
            parts.append(f"{name} {', '.join(sorted(_value(c) for c in output[name]))}")
    return "; ".join(parts) or "nothing"


def _designed(output: Mapping[str, Any]) -> str:
    plans = []
    for plan in output["plans"]:
        uses = [*plan.get("transforms", ()), plan["estimator"]]
        uses += [plan[n] for n in ("target_transform", "resampling", "weighting") if plan.get(n)]
        plans.append(" → ".join(str(use["action"]) for use in uses))
    return "; ".join(sorted(plans)) or "no plan"


def _mended(output: Mapping[str, Any]) -> str:
    if not output["recoverable"]:
        return "give it up"
    return ", ".join(f"{f['kind']} {f.get('replaces') or ''}".strip() for f in output["fixes"]) or "try again"


_CHOICES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "manager": lambda o: f"{o['verdict']} {o.get('target') or ''}".strip(),
    "interpreter": _read,
    "retriever": lambda o: ", ".join(sorted(str(p["note"]) for p in o["picks"])) or "no note",
    "analyst": lambda o: ("go on" if o["go_on"] else "stop") + "".join(f", look at {x['kind']}" for x in o["looks"]),
    "hypothesizer": lambda o: " / ".join(str(h["text"]) for h in o["hypotheses"]),
    "designer": _designed,
    "programmer": lambda o: str(o["program"]).strip(),
    "recovery": _mended,
}
