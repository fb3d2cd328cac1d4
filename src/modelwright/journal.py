"""The run's log with its listeners: every event is stored, written to ``trace.jsonl`` and shown, in this order."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.hashing import plain
from modelwright.step import Outcome, Record
from modelwright.stores import Store

Listener = Callable[[Record], None]


class Journal:
    """A store whose events are also traced and shown.

    Args:
        store: the store.
        run_id: the run's name.
        trace: the file of the trace; it is written anew from the log, then appended to.
        listeners: called with every new event, one at a time.
    """

    def __init__(self, store: Store, run_id: str, trace: Path, listeners: tuple[Listener, ...] = ()) -> None:
        self._store = store
        self._run_id = run_id
        self._listeners = listeners
        self._lock = threading.RLock()
        self._trace = trace.open("w", encoding="utf-8")
        for record in store.events():
            self._write(record)

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event; see :class:`~modelwright.stores.Store`."""
        with self._lock:
            record = self._store.append(kind, plain(body), parent)
            self._write(record)
            for listener in self._listeners:
                listener(record)
            return record

    def put(self, data: bytes) -> str:
        """Store bytes."""
        return self._store.put(data)

    def put_file(self, path: Path) -> str:
        """Move a file into the store."""
        return self._store.put_file(path)

    def path(self, digest: str) -> Path:
        """Where an artefact's bytes are."""
        return self._store.path(digest)

    def get(self, digest: str) -> bytes:
        """An artefact's bytes."""
        return self._store.get(digest)

    def lookup(self, key: str) -> Outcome | None:
        """How a step ended."""
        return self._store.lookup(key)

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended."""
        self._store.record(key, outcome)

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log."""
        return self._store.events(after)

    def close(self) -> None:
        """Close the trace and the store."""
        with self._lock:
            self._trace.close()
            self._store.close()

    def _write(self, record: Record) -> None:
        self._trace.write(trace_line(self._run_id, record) + "\n")
        self._trace.flush()


def trace_line(run_id: str, record: Record) -> str:
    """An event as one line of ``trace.jsonl``."""
    body = dict(record.body)
    line = {
        "timestamp": datetime.fromtimestamp(record.time, UTC).isoformat(timespec="milliseconds"),
        "run_id": run_id,
        "seq": record.seq,
        "id": f"{run_id}:{record.seq}",
        "parent": f"{run_id}:{record.parent}" if record.parent else None,
        "stage": record.kind,
        "prompt": body.pop("prompt", None),
        "plan": body.pop("plan", None),
        "result": body,
    }
    return json.dumps(line, ensure_ascii=False, sort_keys=False)
