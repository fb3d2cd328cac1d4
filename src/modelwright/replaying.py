"""Repeats a finished run from its records, without a network, and says whether the same model comes out.

A replay is a run of its own, in a folder or at a URL of its own: every fit, judgement and report is made anew. Only
what can't or mustn't be made anew is taken from the record: the answers of language models and, where the clock had
decided which experiments were run, the plans and the shares in which they were mixed.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modelwright
from modelwright.clock import Clock
from modelwright.delivered import Settled
from modelwright.errors import RequestError
from modelwright.given import differences as changes
from modelwright.hashing import plain
from modelwright.journal import Journal, Listener
from modelwright.llms.doubles import Replaying
from modelwright.places import TRACE, Place, find
from modelwright.plan import Experiment
from modelwright.recipe import difference
from modelwright.request import Request
from modelwright.run import carry_out, nobody, versions
from modelwright.state import State, fold
from modelwright.step import Record
from modelwright.stores import Store

if TYPE_CHECKING:
    from modelwright.llms import Provider

SLACK = 4.0
"""Times as long as the run may its replay take: the clock must not decide anything in it."""
FOLDERS = "replays"
RESULT = "replay.json"


@dataclass(frozen=True)
class Difference:
    """Something that was not the same again.

    Args:
        what: ``library``, ``data``, ``rows``, ``problem``, ``decision``, ``plan``, ``experiment``, ``choice``,
            ``score`` or ``model``.
        name: which of them.
        then: in the run.
        now: in the replay.
        why: the reason, as far as the records tell.
    """

    what: str
    name: str
    then: str
    now: str
    why: str = ""


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Args:
        of: folder or URL of the run.
        folder: folder or URL of the replay.
        same_model: whether the same model came out, byte by byte.
        model: digests of the run's and of the replay's model.
        differences: what was not the same, causes first.
        taken: what was taken from the record instead of being made anew, one sentence each.
    """

    of: str
    folder: str
    same_model: bool
    model: tuple[str, str]
    differences: tuple[Difference, ...]
    taken: tuple[str, ...]


def replay(
    run: Path | str | Place,
    *,
    out: Path | str | None = None,
    data: str | None = None,
    time_budget: float | None = None,
    began: float | None = None,
    listeners: tuple[Listener, ...] = (),
) -> Replay:
    """Repeat a finished run and compare.

    Args:
        run: its folder or URL.
        out: folder or URL of the replay; a new one below ``replays`` in the run's own by default.
        data: a file to read instead of the one that the run read.
        time_budget: seconds that it may take; four times as long as the run by default.
        began: ``time.monotonic()`` of the start of the command; now, by default.
        listeners: called with every event of the replay.

    Raises:
        RequestError: when the run isn't finished, or its data is neither to be read nor kept.
        NoModelError: when no model comes out.
    """
    began = time.monotonic() if began is None else began
    place = find(run)
    store = place.open(readonly=True)
    try:
        records = tuple(store.events())
        state = finished(records, place)
        home = new_place(place, out)
        script = script_of(state, records, store, data)
        clock = Clock(began, time_budget or SLACK * max(script.request.time_budget, state.seconds()))
        journal = Journal(home.open(), home.run_id, home.folder / TRACE, listeners)
        try:
            open_log(journal, script, began)
            if script.kept_rows:
                copy_rows(store, journal, script.kept_rows, home.folder)
        except BaseException:
            journal.close()
            raise
        provider: Provider | None = None
        if script.request.llm != "none":
            provider = Replaying(store, script.request.llm)
        carry_out(script.request, home, journal, clock, None, nobody, provider)
    finally:
        store.close()
    again = home.records()
    result = compare_with(place, home, state, fold(again), script, again)
    text = json.dumps(plain(result), indent=1, ensure_ascii=False)
    with home.desk() as desk:
        (desk.folder / RESULT).write_text(text + "\n", encoding="utf-8")
        desk.publish([RESULT])
    return result


def finished(records: Sequence[Record], run: Place) -> State:
    """The state of a finished run.

    Raises:
        RequestError: when it isn't one.
    """
    state = fold(records)
    if state.summary is None or state.request is None or state.prepared is None or not state.deliveries:
        raise RequestError(f"{run} hasn't delivered a model, so there is nothing to replay; go on with: resume {run}")
    return state


def new_place(run: Place, out: Path | str | None) -> Place:
    """A place for a replay.

    Raises:
        RequestError: when the one that is named isn't empty.
    """
    if out is not None:
        named = find(out)
        if named.occupied():
            raise RequestError(f"{named} isn't empty; choose another --out")
        return named
    if not run.url and (run.folder / FOLDERS).is_symlink():
        raise RequestError(f"{run.folder / FOLDERS} is a link; name another folder with --out")
    above = f"{run.url}/{FOLDERS}" if run.url else str(run.folder / FOLDERS)
    return next(place for n in count(1) if not (place := find(f"{above}/{n:02d}")).occupied())


# ── what is taken from the record ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Script:
    """What a replay begins with.

    Args:
        request: what is asked, with what was settled in conversation.
        events: of the run that stand in the replay's log from the start.
        settled: the shares that the run delivered, where the clock had a hand in them.
        kept_rows: digests of the run's artefacts that are taken over, where its data can't be read again.
        taken: what that means, one sentence each.
        of: the run's name.
        asked_again: whether each question is put to another language model, too.
    """

    request: Request
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    settled: Settled | None
    kept_rows: tuple[str, ...]
    taken: tuple[str, ...]
    of: str
    asked_again: bool = False


def script_of(state: State, records: Sequence[Record], store: Store, data: str | None) -> Script:
    """What a replay of a finished run begins with.

    Args:
        state: of the run.
        records: its log.
        store: its store.
        data: a file to read instead of the one that the run read.

    Raises:
        RequestError: when the data is neither to be read nor kept.
    """
    request, prepared = state.request, state.prepared
    assert request is not None and prepared is not None  # it is finished
    target = prepared.problem.target
    if request.target is None and target.source == "user":  # the person was asked, and answered
        request = replace(request, target=target.value)
    request = replace(request, executor="local", llm_roles={}, max_cost=None, reuse="", data=data or request.data)
    events: list[tuple[str, Mapping[str, Any]]] = []
    if state.slots:
        events.append(("workers", {"executor": "local", "slots": state.slots}))
    answers = [(r.kind, r.body) for r in records if r.kind in ("asked", "decided")]
    events += answers
    taken = []
    if answers:
        taken.append(f"{len(state.decisions)} decisions were answered from the record; nobody was asked.")
    if state.recalled is not None and request.max_experiments is None and request.max_iterations is None:
        # A replay must know neither more nor less of earlier runs than the run did.
        events.append(("recalled", {"runs": state.recalled}))
        if state.recalled:
            taken.append(f"What {len(state.recalled)} earlier runs had taught was taken from the record.")
    settled = None
    if state.time_limited:
        plans = {int(r.body["number"]): r.body for r in records if r.kind == "experiment_designed"}
        events += [("experiment_designed", body) for n, body in sorted(plans.items()) if n in state.experiments]
        request = replace(request, max_experiments=len(state.experiments), max_iterations=None)
        first = state.deliveries[0]
        settled = Settled(dict(first.choice.weights), dict(first.refits), second=bool(first.choice.second))
        taken.append(
            f"The clock had ended the run's search or shortened its work, so its {len(state.experiments)} plans and "
            "the shares of the delivered mixture were taken from the record."
        )
    kept: tuple[str, ...] = ()
    lost = changes(state.given) if data is None else ()
    if data is None and (lost or not state.given):
        why = f"{' and '.join(lost)}, so" if lost else "The run's data came from no file, so"
        taken.append(f"{why} the rows that the run had kept were used; reading and sealing were not repeated.")
        events += [(r.kind, r.body) for r in records if r.kind == "prepared"]
        kept = tuple(
            d
            for d in (
                prepared.development, prepared.sealed, prepared.protocol.assignment, prepared.units, prepared.screened,
            )
            if d
        )  # fmt: skip
        try:
            for one in kept:
                store.path(one)
        except KeyError:
            raise RequestError(
                f"{'; '.join(lost) or 'the data came from no file'}, and the run no longer holds its rows: "
                "name the data with --data"
            ) from None
    return Script(request, tuple(events), settled, kept, tuple(taken), state.run_id)


def open_log(journal: Journal, script: Script, began: float) -> None:
    """Begin a replay's log with what is taken from the record."""
    journal.append(
        "run_started",
        {
            "run_id": journal.run_id,
            "request": script.request,
            "started": time.time() - (time.monotonic() - began),
            "version": modelwright.__version__,
            "versions": versions(),
        },
    )
    again = {"asked_again": script.asked_again, "taken": script.taken}
    journal.append("replays", {"of": script.of, "settled": script.settled, **again})
    for kind, body in script.events:
        journal.append(kind, body)


def copy_rows(store: Store, journal: Journal, digests: Sequence[str], folder: Path) -> None:
    """Take over artefacts of the run, checked by their digests.

    Raises:
        RequestError: when one isn't what it was.
    """
    scratch = folder / "copied"
    for one in digests:
        shutil.copyfile(store.path(one), scratch)
        if journal.put_file(scratch) != one:
            raise RequestError(f"the rows that the run kept ({one[:12]}…) aren't what they were: use --data")


# ── what differs ─────────────────────────────────────────────────────────────────────────────────────────────────


def compare_with(run: Place, home: Place, then: State, now: State, script: Script, records: Sequence[Record]) -> Replay:
    """What a replay came to, beside the run.

    Args:
        run: where the run is.
        home: where the replay is.
        then: state of the run.
        now: state of the replay.
        script: what the replay began with.
        records: the replay's log.
    """
    causes = _causes(then, now, script)
    because = "; ".join(f"{c.what} {c.name}" for c in causes)
    found = [*causes, *_prepared(then, now, because)]
    found += _decided(then, now, records, script)
    found += _experiments(then, now, because)
    first, last = then.deliveries[0], now.deliveries[-1]
    if dict(first.choice.weights) != dict(last.choice.weights):
        was, got = (", ".join(f"{n}: {w:.3f}" for n, w in d.choice.weights.items()) for d in (first, last))
        found.append(Difference("choice", "shares of experiments", was, got, _why(because, found)))
    if first.judgement.score.value != last.judgement.score.value:
        was, got = (repr(d.judgement.score.value) for d in (first, last))
        name = f"{first.judgement.score.metric} on the sealed rows"
        found.append(Difference("score", name, was, got, _why(because, found)))
    if first.model != last.model:
        members = {then.experiments[n].slug for n in first.choice.weights if n in then.experiments}
        felt = [d for d in found if d.what in ("rows", "problem", "choice") or d.name in members]
        why = _why(because, felt)
        if first.predictions and first.predictions == last.predictions:
            why = f"{why}; the judged models predict the same for every sealed row" if why else "only its file differs"
        found.append(Difference("model", "digest", first.model, last.model, why))
    same = first.model == last.model
    return Replay(str(run), str(home), same, (first.model, last.model), tuple(found), script.taken)


UNEXPLAINED = "nothing on record explains it: the processor, the system, or a defect"


def _why(because: str, found: Sequence[Difference]) -> str:
    """The causes, or the first thing that differed."""
    if because:
        return because
    return f"it follows from: {found[0].what} {found[0].name}" if found else UNEXPLAINED


def _causes(then: State, now: State, script: Script) -> list[Difference]:
    names = [n for n in {**then.versions, **now.versions} if then.versions.get(n) != now.versions.get(n)]
    found = [Difference("library", n, then.versions.get(n, "–"), now.versions.get(n, "–")) for n in names]
    if not then.versions:
        found.append(Difference("library", "versions", "not recorded", str(now.versions.get("modelwright"))))
    was = {file.role: file for file in then.given}
    for file in now.given if not script.kept_rows else ():
        before = was.get(file.role)
        if before is not None and before.digest != file.digest:
            found.append(Difference("data", file.name, before.digest[:12], file.digest[:12], "the file was changed"))
    if script.kept_rows:
        found += [Difference("data", lost, "read", "not read again") for lost in changes(then.given)]
    return found


def _prepared(then: State, now: State, because: str) -> list[Difference]:
    a, b = then.prepared, now.prepared
    if a is None or b is None:
        return []
    pairs = {
        "development rows": (a.development, b.development),
        "sealed rows": (a.sealed, b.sealed),
        "folds": (a.protocol.assignment, b.protocol.assignment),
    }
    found = [Difference("rows", n, x[:12], y[:12], because or UNEXPLAINED) for n, (x, y) in pairs.items() if x != y]
    for name in ("task", "target", "metric", "time_column", "group_column", "excluded"):
        x, y = getattr(a.problem, name).value, getattr(b.problem, name).value
        if x != y:
            found.append(Difference("problem", name, str(x), str(y), because or UNEXPLAINED))
    return found


def _decided(then: State, now: State, records: Sequence[Record], script: Script) -> list[Difference]:
    """Questions that came up in the replay only; nobody could answer them but the policies."""
    if script.settled is not None:
        return []
    new = [d for q, d in now.decisions.items() if q not in then.decisions]
    return [
        Difference("decision", d.question, "not asked", f"asked; the {d.tier} answered", "the run took another way")
        for d in new
    ]


def _experiments(then: State, now: State, because: str) -> list[Difference]:
    found: list[Difference] = []
    for number in sorted({*then.experiments, *now.experiments}):
        a, b = then.experiments.get(number), now.experiments.get(number)
        if a is None or b is None:
            had, has = (e.slug if e is not None else "none" for e in (a, b))
            found.append(Difference("experiment", str(number), had, has, _why(because, found)))
            continue
        if a.plan.recipe.digest != b.plan.recipe.digest:
            lines = "; ".join(difference(a.plan.recipe, b.plan.recipe))
            found.append(Difference("plan", a.slug, a.plan.name, f"{b.plan.name}: {lines}", _why(because, found)))
        elif a.oof != b.oof or a.status != b.status:
            was, got = (f"{e.status}, {e.score.value!r}" if e.score else e.status for e in (a, b))
            found.append(Difference("experiment", a.slug, was, got, _by_clock(a, b) or because or UNEXPLAINED))
    return found


def _by_clock(a: Experiment, b: Experiment) -> str:
    """Whether the clock explains that an experiment came out differently."""
    if a.truncated or b.truncated:
        return "a fit was cut short by the clock"
    if any(f.kind in ("timeout", "cancelled") for e in (a, b) for f in e.failures):
        return "a step was stopped by the clock"
    return ""
