"""Where facts stand in the run's log, and the log in words: what lets a reader go from a figure to its origin."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from modelwright.report import Event, Source
from modelwright.report.numbers import clean, counted, score, shorten
from modelwright.step import Record

Body = Mapping[str, Any]


def sources(records: Iterable[Record]) -> dict[str, Source]:
    """The event of every fact that a report quotes, by the fact's key.

    The keys are ``request``, ``prepared``, ``finding:PLACE``, ``effect:PLACE``, ``experiment:NUMBER``, ``stopped``,
    ``choice``, ``opened``, ``judgement``, ``delivery``, ``analysis:NAME``, ``decision:QUESTION``, ``worth:QUESTION``
    and ``balance``.
    """
    found: dict[str, Source] = {}
    judged: Any = None
    for record in records:
        locate = _PLACES.get(record.kind)
        if locate is not None:
            for key, at in locate(record.body).items():
                if record.kind != "experiment_finished" or key not in found:  # the first result of a number counts
                    found[key] = Source(record.seq, at)
        if record.kind == "judged":
            judged = record.body["judgement"]
        elif record.kind == "delivered":
            delivery = record.body["delivery"]
            if delivery["judgement"] != judged:  # what was delivered is what the report quotes
                found["judgement"] = Source(record.seq, "/delivery/judgement")
            for name in delivery.get("analyses", {}):
                found[f"analysis:{name}"] = Source(record.seq, f"/delivery/analyses/{pointer(name)}")
    return found


def pointer(name: str) -> str:
    """A name as one part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


_PLACES: dict[str, Callable[[Body], dict[str, str]]] = {
    "run_started": lambda body: {"request": "/request"},
    "prepared": lambda body: {
        "prepared": "/prepared",
        **{f"finding:{i}": f"/prepared/findings/{i}" for i in range(len(body["prepared"].get("findings", ())))},
    },
    "effect_measured": lambda body: {f"effect:{body['finding']}": "/effect"},
    "experiment_finished": lambda body: {f"experiment:{body['experiment']['number']}": "/experiment"},
    "search_stopped": lambda body: {"stopped": ""},
    "ensemble_chosen": lambda body: {"choice": "/choice"},
    "holdout_opened": lambda body: {"opened": ""},
    "judged": lambda body: {"judgement": "/judgement"},
    "delivered": lambda body: {"delivery": "/delivery", "choice": "/delivery/choice"},
    "decided": lambda body: {f"decision:{body['decision']['question']}": "/decision"},
    "worth": lambda body: {f"worth:{body['worth']['question']}": "/worth"},
    "balance": lambda body: {"balance": "/balance"},
}


# ── the log in words ─────────────────────────────────────────────────────────


def told(records: Iterable[Record]) -> tuple[tuple[Event, ...], int]:
    """The log without its steps, each event in words, and the number of steps."""
    events, steps = [], 0
    for record in records:
        if record.kind == "step":
            steps += 1
            continue
        say = _WORDS.get(record.kind)
        about = say(record.body) if say else record.kind.replace("_", " ").capitalize()
        events.append(Event(record.seq, record.kind, record.time, about))
    return tuple(events), steps


def _finished(body: Body) -> str:
    experiment = body["experiment"]
    found = experiment["score"]
    value = found["value"] if found else None
    known = isinstance(value, int | float) and math.isfinite(value)
    reached = f", {clean(found['metric'])} {score(value)}" if found and known else ""
    return f"Experiment {experiment['number']} ended: {experiment['status']}{reached}"


_WORDS: dict[str, Callable[[Body], str]] = {
    "run_started": lambda body: "The run began",
    "resumed": lambda body: "The run was resumed",
    "phase": lambda body: f"Now {clean(str(body['name']).replace('_', ' '))}",
    "prepared": lambda body: "Data read, problem understood, holdout sealed, folds fixed",
    "experiment_designed": lambda body: f"Experiment {body['number']} designed: {shorten(body['plan']['name'])}",
    "experiment_finished": _finished,
    "plan_skipped": lambda body: "A plan was left out",
    "search_stopped": lambda body: f"The search ended: {clean(str(body['reason']))[:200]}",
    "ensemble_chosen": lambda body: f"{counted(len(body['choice']['weights']), 'model')} chosen",
    "holdout_opened": lambda body: "The sealed holdout was opened",
    "judged": lambda body: "The chosen model was judged on the holdout",
    "member_lost": lambda body: f"A model was left out: {shorten(str(body['experiment']))}",
    "fallback": lambda body: f"Another model was taken instead: {shorten(str(body['experiment']))}",
    "analysis_left_out": lambda body: f"An analysis was left out: {shorten(str(body['analysis']))}",
    "delivered": lambda body: "The model was delivered",
    "asked": lambda body: f"A question was put to a language model: {shorten(str(body['question']))}",
    "decided": lambda body: f"Decided: {shorten(str(body['decision']['question']))} ({body['decision']['tier']})",
    "effect_measured": lambda body: "A finding's effect on the score was measured",
    "worth": lambda body: f"What a decision was worth: {shorten(str(body['worth']['question']))}",
    "balance": lambda body: "What the language model brought over the policies alone",
    "llm_call": lambda body: f"A request to a language model: {shorten(str(body.get('purpose', '')))}",
    "notice": lambda body: f"To note: {clean(str(body['text']))[:200]}",
    "bookkeeping": lambda body: "What keeping the records took",
    "rolled_back": lambda body: f"Rolled back to {shorten(str(body['to']))}, by hand",
    "answered_again": lambda body: f"Asked another model: {shorten(str(body['question']))}",
    "replays": lambda body: f"This is a replay of {shorten(str(body['of']))}",
    "run_finished": lambda body: "The report was written",
}
