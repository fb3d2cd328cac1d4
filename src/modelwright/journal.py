"""The run's log with its listeners: every event is stored, written to ``trace.jsonl`` and shown, in this order."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.errors import RequestError, StorageError
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
        earlier: the store of another run, whose finished steps are taken over instead of being performed again.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        trace: Path,
        listeners: tuple[Listener, ...] = (),
        earlier: Store | None = None,
    ) -> None:
        self._store = store
        self._earlier = earlier
        self.run_id = run_id
        self._listeners = listeners
        self._lock = threading.RLock()
        self.taken_over = 0
        """Steps that were taken over from the earlier run so far."""
        self.seconds = 0.0
        """Seconds that events took so far to be stored, traced and shown."""
        if trace.exists():
            _compare(trace, store)
        self._trace = trace.open("w", encoding="utf-8")
        for record in store.events():
            self._write(record)

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event; see :class:`~modelwright.stores.Store`."""
        began = time.perf_counter()
        with self._lock:
            record = self._store.append(kind, plain(body), parent)
            self._write(record)
            for listener in self._listeners:
                listener(record)
            self.seconds += time.perf_counter() - began
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
        """How a step ended, here or in the earlier run."""
        found = self._store.lookup(key)
        return found if found is not None or self._earlier is None else self._taken_over(self._earlier, key)

    def _taken_over(self, earlier: Store, key: str) -> Outcome | None:
        """A step of the earlier run with all its artefacts; not one that failed or that the clock cut short."""
        found = earlier.lookup(key)
        if found is None or not found.ok or found.truncated:
            return None
        try:
            for digest in found.artefacts.values():
                self._store.put(earlier.get(digest))
        except KeyError:
            return None  # an artefact isn't what it was: the step is performed again
        self._store.record(key, found)
        self.taken_over += 1
        return found

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended."""
        self._store.record(key, outcome)

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log."""
        return self._store.events(after)

    def close(self) -> None:
        """Close the trace and the store."""
        with self._lock:
            with contextlib.suppress(OSError):  # it is written anew from the log when the run goes on
                self._trace.close()
            if self._earlier is not None:
                self._earlier.close()
            self._store.close()

    def _write(self, record: Record) -> None:
        try:
            self._trace.write(trace_line(self.run_id, record) + "\n")
            self._trace.flush()
        except OSError as error:
            raise StorageError(f"{self._trace.name} can't be written: {error.strerror or error}") from error


def _compare(trace: Path, store: Store) -> None:
    """Notice that the log has lost its end: the trace is written after it, so it can't tell of more.

    Raises:
        RequestError: when it does.
    """
    last = 0
    with trace.open("rb") as stream:
        for line in stream:
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):  # a torn line, which is no line
                last = max(last, int(json.loads(line)["seq"]))
    known = sum(1 for _ in store.events())
    if last > known:
        raise RequestError(
            f"the log ends at event {known}, but {trace} tells of {last}: its end is lost (was run.db copied without "
            f"run.db-wal?); put the rest back, or remove {trace.name} to go on from event {known}"
        )


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
