"""A log below a URL: numbered objects, each whole, each naming the one before, each written by one process only.

``log/00000001.jsonl`` and on. The first line of an object says which one it is, the digest of the object before, the
digest of the lines that follow, and whose holding it was written in; each further line is one entry. An object is
written on the condition that there is none of its number, so two processes can't both go on from the same place: the
one that comes second learns that it has lost the log.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelwright.errors import RequestError, StorageError
from modelwright.hashing import canonical_json, digest_bytes
from modelwright.objects import Objects

FOLDER = "log"
FORMAT = 1
"""Of the objects. Raised when they change in a way that older code can't read."""
LINGER = 1.0
"""Seconds that an entry nobody waits for may wait for others, so that they share an object."""
_NAME = re.compile(rf"{FOLDER}/(\d{{8}})\.jsonl")


@dataclass
class Read:
    """What of a log has been read.

    Args:
        number: of the last object.
        digest: of its bytes.
        entries: of all objects, in order.
        torn: the bytes of a last object that isn't whole.
    """

    number: int = 0
    digest: str = ""
    entries: list[Any] = field(default_factory=list)
    torn: bytes | None = None


def read_on(objects: Objects, read: Read) -> Read:
    """Read what came after what has been read. A last object that isn't whole was never acknowledged.

    Raises:
        RequestError: when an object is missing, damaged, foreign, or from a newer version.
    """
    numbers = sorted(int(m.group(1)) for m in map(_NAME.fullmatch, objects.sizes(FOLDER)) if m)
    numbers = [n for n in numbers if n > read.number]
    found = objects.read_all([_name(n) for n in numbers])
    for number in numbers:
        data, name = found.get(_name(number), b""), objects.at(_name(number))
        if number != read.number + 1:
            raise RequestError(f"{objects.at(_name(read.number + 1))} is missing; {_ADVICE}")
        header, lines = _parsed(data)
        if header is None:
            if number == numbers[-1]:
                read.torn = data
                return read
            raise RequestError(f"{name} is damaged; {_ADVICE}")
        if header.get("format") != FORMAT:
            raise RequestError(f"{name} was written by a newer version of modelwright; upgrade to read it")
        if header.get("number") != number or header.get("before") != read.digest:
            raise RequestError(f"{name} belongs to another log; {_ADVICE}")
        read.entries += lines
        read.number, read.digest = number, digest_bytes(data)
    return read


_ADVICE = "restore it from a copy, or start a new run elsewhere"


def _parsed(data: bytes) -> tuple[dict[str, Any] | None, list[Any]]:
    head, _, rest = data.partition(b"\n")
    try:
        header = json.loads(head)
        if header["format"] == FORMAT and header["digest"] != digest_bytes(rest):
            return None, []
        return header, [json.loads(line) for line in rest.splitlines()] if header["format"] == FORMAT else []
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, []


class Writer:
    """Appends to a log in a thread of its own.

    Entries are written in order, those that are there together in one object, each after the files that it needs.

    Args:
        objects: where.
        session: whose holding this is.
        needs: stores what an entry needs, before it is written.
    """

    def __init__(self, objects: Objects, session: str, needs: Callable[[Mapping[str, Path]], None]) -> None:
        self._objects, self._session, self._needs = objects, session, needs
        self._changed = threading.Condition()
        self._waiting: list[tuple[str, Mapping[str, Path]]] = []
        self._added = self._written = self._wanted = 0
        self._due = 0.0
        self._closing = False
        self._fault: StorageError | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> Read:
        """Mark this place of the log as one from which only this process goes on, and read the log up to it.

        Raises:
            RequestError: when the log can't be read, or the storage doesn't keep two writers apart.
        """
        read = Read()
        while True:
            read = read_on(self._objects, read)
            if read.torn is not None:
                self._objects.write(f"torn/{digest_bytes(read.torn)[:16]}-{read.number + 1:08d}", read.torn)
                self._objects.remove([_name(read.number + 1)])
                read.torn = None
            data = self._object(read.number + 1, read.digest, [])
            if self._objects.create(_name(read.number + 1), data):
                break
        if self._objects.create(_name(read.number + 1), data + b"\n"):
            raise RequestError(
                f"{self._objects.name} lets two writers write the same object (it ignores If-None-Match), so a run "
                "wouldn't be safe there; choose another place"
            )
        read.number, read.digest = read.number + 1, digest_bytes(data)
        self._number, self._digest = read.number, read.digest
        self._thread = threading.Thread(target=self._work, name="modelwright-log", daemon=True)
        self._thread.start()
        return read

    def add(self, entry: Any, needs: Mapping[str, Path]) -> int:
        """Append an entry: written within about a second, or with the next one that somebody waits for.

        Args:
            entry: plain JSON; ``None`` for one that only stores what is needed.
            needs: files by digest.

        Returns:
            Its place, for :meth:`wait`.

        Raises:
            StorageError: when an earlier one couldn't be written.
        """
        line = "" if entry is None else json.dumps(entry, separators=(",", ":"))
        with self._changed:
            if self._fault is not None:
                raise self._fault
            if not self._waiting:
                self._due = time.monotonic() + LINGER
            self._waiting.append((line, needs))
            self._added += 1
            self._changed.notify_all()
            return self._added

    def wait(self, place: int) -> None:
        """Wait until an entry, and all before it, are written.

        Raises:
            StorageError: when they can't be.
        """
        with self._changed:
            self._wanted = max(self._wanted, place)
            self._changed.notify_all()
            while self._written < place and self._fault is None:
                self._changed.wait()
            if self._written < place and self._fault is not None:
                raise self._fault

    def close(self) -> None:
        """Write what is left.

        Raises:
            StorageError: when it can't be written.
        """
        with self._changed:
            fault = self._fault
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if fault is None and self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closing and self._wanted <= self._written:
                    left = self._due - time.monotonic() if self._waiting else None
                    if left is not None and left <= 0:
                        break
                    self._changed.wait(left)
                batch, self._waiting = self._waiting, []
                if not batch:  # what is wanted is never written before it is added
                    return
            try:
                self._write(batch)
            except Exception as error:
                with self._changed:
                    told = f"{self._objects.name} can't be written to: {type(error).__name__}"
                    self._fault = error if isinstance(error, StorageError) else StorageError(told)
                    self._changed.notify_all()
                    return
            with self._changed:
                self._written += len(batch)
                self._changed.notify_all()

    def _write(self, batch: list[tuple[str, Mapping[str, Path]]]) -> None:
        needs = {digest: path for _, files in batch for digest, path in files.items()}
        if needs:
            self._needs(needs)
        lines = [line for line, _ in batch if line]
        if not lines:
            return
        data = self._object(self._number + 1, self._digest, lines)
        if not self._objects.create(_name(self._number + 1), data):
            raise StorageError(f"{self._objects.name} was taken over by another process, which goes on with this run")
        self._number, self._digest = self._number + 1, digest_bytes(data)

    def _object(self, number: int, before: str, lines: list[str]) -> bytes:
        rest = "".join(line + "\n" for line in lines).encode("ascii")
        header = {
            "format": FORMAT,
            "number": number,
            "before": before,
            "session": self._session,
            "digest": digest_bytes(rest),
        }
        return canonical_json(header).encode("ascii") + b"\n" + rest


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08d}.jsonl"
