"""The record of what was asked and replied: a reply that was paid for is never paid for again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from modelwright.hashing import canonical_json, digest, plain, restore
from modelwright.llms import Ask, Reply
from modelwright.step import Outcome

_VERSION = 1
"""Part of the key; raised when a recorded reply no longer means what it did."""


class Keeper(Protocol):
    """The part of a store that the record needs."""

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""

    def get(self, digest: str) -> bytes:
        """An artefact's bytes; ``KeyError`` when it isn't there."""

    def lookup(self, key: str) -> Outcome | None:
        """How the step with this key ended."""

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended."""


def key_of(title: str, ask: Ask) -> str:
    """The content address of a request to a provider.

    Who asks isn't part of it: the same words to the same model are the same request.
    """
    return digest(["llm", _VERSION, title, ask.messages, ask.schema, ask.max_tokens, ask.search])


def keep_request(store: Keeper, ask: Ask) -> str:
    """Store a request, exactly as it leaves, and return its digest."""
    return store.put(canonical_json(ask).encode("utf-8", "backslashreplace"))


def keep_reply(store: Keeper, key: str, request: str, reply: Reply) -> str:
    """Record a reply durably and return its digest."""
    text = json.dumps(plain(reply), sort_keys=True, ensure_ascii=True, allow_nan=False)
    stored = store.put(text.encode("ascii"))
    told = {"model": reply.model, "input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens}
    artefacts = {"request": request, "reply": stored}
    store.record(key, Outcome("done", {**told, "cost_usd": reply.cost_usd}, artefacts, None, reply.seconds))
    return stored


def recall(store: Keeper, key: str) -> tuple[Reply, Mapping[str, str]] | None:
    """The reply on record and the digests of request and reply; ``None`` when there is none that can be read."""
    outcome = store.lookup(key)
    if outcome is None or not outcome.ok or "reply" not in outcome.artefacts:
        return None
    try:
        reply = restore(Reply, json.loads(store.get(outcome.artefacts["reply"])))
    except (KeyError, ValueError, ValidationError, RecursionError):
        return None  # the run folder was tampered with or damaged: the question is asked again
    return reply, outcome.artefacts


@dataclass(frozen=True)
class Total:
    """What was asked for one purpose.

    Args:
        calls: requests that were answered by a provider.
        reused: requests that were answered from the record.
        failed: requests that got no reply, after all tries, or were not sent for lack of money or time.
        input_tokens: of the answered requests.
        output_tokens: of their replies.
        cost_usd: of those whose price is known.
        seconds: wall-clock, summed over requests that may have been under way at the same time.
    """

    calls: int = 0
    reused: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0

    def plus(self, body: Mapping[str, Any]) -> Total:
        """With one more ``llm_call`` event."""
        if body["status"] == "reused":
            return _added(self, Total(reused=1))
        if body["status"] != "done":
            return _added(self, Total(failed=1, seconds=body["seconds"]))
        cost = body["cost_usd"] or 0.0
        return _added(self, Total(1, 0, 0, body["input_tokens"], body["output_tokens"], cost, body["seconds"]))


def _added(a: Total, b: Total) -> Total:
    return Total(*(x + y for x, y in zip(vars(a).values(), vars(b).values(), strict=True)))


def totals(bodies: Iterable[Mapping[str, Any]]) -> dict[str, Total]:
    """The totals of ``llm_call`` events by purpose, in the order in which the purposes first came up."""
    found: dict[str, Total] = {}
    for body in bodies:
        found[body["purpose"]] = found.get(body["purpose"], Total()).plus(body)
    return found
