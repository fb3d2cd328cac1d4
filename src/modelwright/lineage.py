"""Where every artefact of a run comes from: which step or event made it, from which others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelwright.step import Record


@dataclass(frozen=True)
class Artefact:
    """One artefact: bytes in the store, named after their digest.

    Args:
        digest: of the bytes.
        what: what it is: ``development rows``, ``model (refit)``, ``predictions of 03-linear`` …
        event: the event of the log that tells of it first.
        step: key of the step that made it; empty for what the run itself wrote.
        tool: the step's function.
        inputs: digests that it was made from, by name.
        used: keys of the steps that read it, in order.
    """

    digest: str
    what: str
    event: int
    step: str = ""
    tool: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    used: tuple[str, ...] = ()


def lineage(records: Iterable[Record]) -> dict[str, Artefact]:
    """Every artefact that a log tells of, by digest, in the order in which they came to be.

    What an event only quotes (an experiment's predictions, the delivered model) keeps the step that made it.
    """
    records = tuple(records)
    found: dict[str, Artefact] = {}
    fits: dict[int, dict[str, str]] = {}
    for record in records:
        if record.kind == "step" and "predictions" in record.body["artefacts"] and record.parent:
            mine = fits.setdefault(record.parent, {})
            mine[f"fit {len(mine) + 1}"] = record.body["artefacts"]["predictions"]
        for artefact in _made(record):
            known = found.get(artefact.digest)
            if known is None:
                of = fits.get(record.parent, {}) if record.kind == "experiment_finished" else artefact.inputs
                found[artefact.digest] = replace(artefact, inputs=of)
            elif artefact.what not in known.what.split("; "):
                found[artefact.digest] = replace(known, what=f"{known.what}; {artefact.what}")
    for record in records:
        for digest in _read(record):
            known = found.get(digest) or Artefact(digest, "written by the run", record.seq)
            key = str(record.body["key"])
            found[digest] = known if key in known.used else replace(known, used=(*known.used, key))
    return dict(sorted(found.items(), key=lambda item: item[1].event))


def _read(record: Record) -> tuple[str, ...]:
    """What a step read; logs of older versions don't say."""
    return tuple(dict.fromkeys(record.body.get("inputs", {}).values())) if record.kind == "step" else ()


def _made(record: Record) -> Iterator[Artefact]:
    read = _MADE.get(record.kind)
    return iter(()) if read is None else read(record, record.body)


def _by_step(record: Record, body: Any) -> Iterator[Artefact]:
    for name, digest in body["artefacts"].items():
        yield Artefact(
            digest, f"{name} ({body['stage']})", record.seq, body["key"], body["tool"], dict(body.get("inputs", {}))
        )


def _by_preparation(record: Record, body: Any) -> Iterator[Artefact]:
    prepared, files = body["prepared"], {f["role"]: f["digest"] for f in body.get("given", ())}
    rows = {
        "development rows": prepared["development"],
        "sealed rows": prepared["sealed"],
        "folds": prepared["protocol"]["assignment"],
        "groups and times of the sealed rows": prepared["units"],
        "rows as they were checked": prepared.get("screened", ""),
    }
    for what, digest in rows.items():
        if digest:
            yield Artefact(digest, what, record.seq, inputs=files)


def _by_experiment(record: Record, body: Any) -> Iterator[Artefact]:
    experiment = body["experiment"]
    name = f"{experiment['number']:02d}-{experiment['plan']['name']}"
    if experiment["oof"]:
        yield Artefact(experiment["oof"], f"out-of-fold predictions of {name}", record.seq)
    if experiment.get("model"):
        yield Artefact(experiment["model"], f"{name} as it was compared", record.seq)


_CHOSEN = {
    "blend": "out-of-fold predictions of the mixture",
    "truth": "their targets",
    "second": "the second level",
    "crossed": "out-of-fold predictions of the second level",
}


def _by_choice(record: Record, body: Any) -> Iterator[Artefact]:
    choice = body["choice"]
    for name, what in _CHOSEN.items():
        if choice.get(name):
            yield Artefact(choice[name], what, record.seq)


def _by_delivery(record: Record, body: Any) -> Iterator[Artefact]:
    delivery = body["delivery"]
    yield Artefact(delivery["model"], "the delivered model", record.seq)
    for name, digest in delivery.get("files", {}).items():
        yield Artefact(digest, f"{name} of the bundle", record.seq)


def _by_request(record: Record, body: Any) -> Iterator[Artefact]:
    for name in ("request", "reply"):
        if body.get(name):
            yield Artefact(body[name], f"{name} ({body.get('purpose', '')})", record.seq)


_MADE: Mapping[str, Any] = {
    "step": _by_step,
    "prepared": _by_preparation,
    "experiment_finished": _by_experiment,
    "ensemble_chosen": _by_choice,
    "delivered": _by_delivery,
    "llm_call": _by_request,
}
