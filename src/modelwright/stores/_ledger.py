"""Events and steps in memory, as JSON texts: what stores without a database look things up in."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelwright.hashing import plain, restore
from modelwright.step import Outcome, Record
from modelwright.stores._artefacts import repeats


class Ledger:
    """Events in order and the endings of steps by key.

    Values pass through JSON as they do in a file, so that nobody can come to rely on anything richer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: dict[str, tuple[str, dict[str, int]]] = {}
        self._events: list[tuple[float, str, str, int]] = []

    def __len__(self) -> int:
        return len(self._events)

    def keep(self, key: str, outcome: str, sizes: Mapping[str, int]) -> bool:
        """Keep how a step ended, unless it wouldn't repeat and would replace an ending that would.

        Returns:
            Whether it was kept.
        """
        repeated = repeats(restore(Outcome, json.loads(outcome)))
        with self._lock:
            if not repeated and key in self._steps:
                return False
            self._steps[key] = (outcome, dict(sizes))
            return True

    def find(self, key: str, hold: Callable[[Mapping[str, str], Mapping[str, int]], bool]) -> Outcome | None:
        """How a step ended, if it would end like this again.

        Args:
            key: the step's.
            hold: whether artefacts are there with these sizes.
        """
        with self._lock:
            found = self._steps.get(key)
        if found is None:
            return None
        outcome = restore(Outcome, json.loads(found[0]))
        if not repeats(outcome) or not hold(outcome.artefacts, found[1]):
            return None
        return replace(outcome, status="reused") if outcome.ok else outcome

    def append(self, time: float, kind: str, body: str, parent: int) -> Record:
        """Append an event, its body as JSON."""
        with self._lock:
            self._events.append((time, kind, body, parent))
            seq = len(self._events)
        return self._event(seq)

    def events(self, after: int = 0) -> Iterator[Record]:
        """The events from the one after ``after`` on, in order, with what is appended meanwhile."""
        while after < len(self._events):
            after += 1
            yield self._event(after)

    def _event(self, seq: int) -> Record:
        moment, kind, text, parent = self._events[seq - 1]
        return restore(Record, {"seq": seq, "time": moment, "kind": kind, "body": json.loads(text), "parent": parent})


def kept(outcome: Outcome) -> Outcome:
    """An outcome as it is kept: a reused one is one that was done."""
    return replace(outcome, status="done") if outcome.status == "reused" else outcome


def as_text(value: Any) -> str:
    """A value as it is kept.

    Raises:
        TypeError: when it has no form as JSON.
    """
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
