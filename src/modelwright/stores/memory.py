"""A store that is forgotten with the process, for tests and for trying things out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from modelwright.hashing import plain, restore
from modelwright.step import Outcome, Record
from modelwright.stores import Store
from modelwright.stores._artefacts import Artefacts, repeats


class Memory(Store):
    """Events and steps in memory; artefacts in a temporary folder, since steps take them as files.

    Values pass through JSON as they do in a folder, so that a test can't come to rely on anything richer.
    """

    name: ClassVar[str] = "memory"

    def __init__(self) -> None:
        # Whoever still writes while this is closed writes for nobody.
        self._place = TemporaryDirectory(prefix="modelwright-", ignore_cleanup_errors=True)
        self._artefacts = Artefacts(Path(self._place.name).resolve())
        self._lock = threading.Lock()
        self._steps: dict[str, tuple[str, dict[str, int]]] = {}
        self._events: list[tuple[float, str, str, int]] = []

    @property
    def folder(self) -> Path:
        """The folder that holds the artefacts."""
        return self._artefacts.folder

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        return self._artefacts.put(data)

    def put_file(self, path: Path) -> str:
        """Move a file into the store and return its digest.

        Raises:
            ValueError: when it is a link or no plain file.
        """
        return self._artefacts.put_file(path)

    def path(self, digest: str) -> Path:
        """Where an artefact's bytes are, as a local file.

        Raises:
            KeyError: when it isn't there.
        """
        return self._artefacts.path(digest)

    def get(self, digest: str) -> bytes:
        """An artefact's bytes, checked against the digest.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        return self._artefacts.get(digest)

    def lookup(self, key: str) -> Outcome | None:
        """How the step with this key ended: ``reused``, or ``failed`` when it would fail again the same way."""
        with self._lock:
            found = self._steps.get(key)
        if found is None:
            return None
        outcome = restore(Outcome, json.loads(found[0]))
        if not repeats(outcome) or not self._artefacts.hold(outcome.artefacts, found[1]):
            return None
        return replace(outcome, status="reused") if outcome.ok else outcome

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended. An ending that wouldn't repeat never replaces one that would.

        Raises:
            KeyError: when one of its artefacts isn't in the store.
        """
        sizes = self._artefacts.sizes(outcome.artefacts)
        kept = replace(outcome, status="done") if outcome.status == "reused" else outcome
        with self._lock:
            if repeats(kept) or key not in self._steps:
                self._steps[key] = (json.dumps(plain(kept), allow_nan=False), sizes)

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event to the log."""
        text = json.dumps(plain(body), allow_nan=False)
        with self._lock:
            self._events.append((time.time(), kind, text, parent))
            seq = len(self._events)
        return self._event(seq)

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log from the event after ``after`` on, in order, with what is appended meanwhile."""
        while after < len(self._events):
            after += 1
            yield self._event(after)

    def close(self) -> None:
        """Remove the artefacts."""
        self._place.cleanup()

    def _event(self, seq: int) -> Record:
        moment, kind, text, parent = self._events[seq - 1]
        return restore(Record, {"seq": seq, "time": moment, "kind": kind, "body": json.loads(text), "parent": parent})
