"""A store at a URL, on any file system that fsspec knows; see :mod:`modelwright.objects`."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from uuid import uuid4

from modelwright.errors import RequestError, StorageError
from modelwright.hashing import digest_bytes, digest_file, plain, restore
from modelwright.objects import Objects
from modelwright.step import Outcome, Record
from modelwright.stores import Store
from modelwright.stores._artefacts import Artefacts
from modelwright.stores._lease import PATIENCE, Lease
from modelwright.stores._ledger import Ledger, as_text, kept
from modelwright.stores._log import Read, Writer, read_on
from modelwright.stores._moments import moments

TOLD_LATER = "step"
"""The event that only tells of a step which is on record, and whose loss costs that step at most."""


class Remote(Store):
    """Events, steps and artefacts below a URL, with a local copy of the artefacts that are in use.

    ``log/`` holds events and endings of steps, ``artefacts/ab/abcdef…`` the artefacts, ``lease/`` who is writing.
    Everything that is read is checked: artefacts against their digest, the log as a chain. One process at a time may
    write; a second one is told who does. When that one has died, on this machine it is seen at once, and on another
    machine after half a minute without a sign of life. A process that lost its place this way, because it was stopped
    or cut off, can't write any more.

    Durability: an event is at the URL when :meth:`append` returns, with everything that was put, recorded or appended
    before it. The end of a step, and the event that tells of it, are kept in the background: at the URL about a second
    later, or with the next event; at worst the step is performed again. What is put is there before any event or step
    that comes after it.

    Args:
        url: such as ``s3://bucket/runs/churn``.
        cache: the folder for local copies, ``ab/abcdef…`` in ``artefacts``; what is there is checked, too. ``None``
            for one that is removed when the store is closed.
        readonly: open an existing store as it is now, also while another process writes to it.
        patience: seconds without a sign of life after which a holder on another machine counts as dead.

    Raises:
        RequestError: when another process has it open, when its log is damaged, foreign or from a newer version, or,
            with ``readonly``, when there is none.
        StorageError: when the URL can't be read or written.
        MissingExtra: when the library for it isn't installed.
    """

    name: ClassVar[str] = "remote"

    def __init__(self, url: str, cache: Path | None, *, readonly: bool = False, patience: float = PATIENCE) -> None:
        self.objects, self.readonly = Objects(url), readonly
        self._own: TemporaryDirectory[str] | None = None
        if cache is None:
            self._own = TemporaryDirectory(prefix="modelwright-", ignore_cleanup_errors=True)
            cache = Path(self._own.name)
        self._artefacts = Artefacts((cache / "artefacts").resolve())
        self._ledger = Ledger()
        self._now = moments()
        self._lock = threading.Lock()
        self._there: set[str] = set()  # artefacts that this process has seen whole at the URL
        self._lease: Lease | None = None
        self._writer: Writer | None = None
        try:
            if readonly:
                read = read_on(self.objects, Read())
                if not read.number:
                    raise RequestError(f"{self.objects.name} is not a run: there is no log below it")
                self._take_in(read)
                return
            self._artefacts.folder.mkdir(parents=True, exist_ok=True)
            self._lease = Lease.take(self.objects, patience)
            self._writer = Writer(self.objects, self._lease.session, self._upload)
            self._take_in(self._writer.begin())
        except BaseException:
            self.close()
            raise

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        self._usable()
        digest = self._artefacts.put(data)
        self._send(None, {digest: digest})
        return digest

    def put_file(self, path: Path) -> str:
        """Move a file into the store and return its digest.

        Raises:
            ValueError: when it is a link or no plain file.
        """
        self._usable()
        digest = self._artefacts.put_file(path)
        self._send(None, {digest: digest})
        return digest

    def path(self, digest: str) -> Path:
        """Where an artefact's bytes are, as a local file; fetched when it isn't here.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        try:
            return self._artefacts.path(digest)
        except KeyError:
            return self._fetch(digest)

    def get(self, digest: str) -> bytes:
        """An artefact's bytes, checked against the digest.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        data = self.path(digest).read_bytes()
        if digest_bytes(data) != digest:
            data = self._fetch(digest).read_bytes()
        return data

    def lookup(self, key: str) -> Outcome | None:
        """How the step with this key ended: ``reused``, or ``failed`` when it would fail again the same way.

        Its artefacts are fetched, since whoever asks is about to use them.
        """
        return self._ledger.find(key, self._hold)

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended. An ending that wouldn't repeat never replaces one that would.

        Raises:
            KeyError: when one of its artefacts isn't in the store.
        """
        try:
            sizes = self._artefacts.sizes(outcome.artefacts)
        except KeyError:
            sizes = {digest: self.path(digest).stat().st_size for digest in outcome.artefacts.values()}
        fact = plain(kept(outcome))
        with self._lock:
            self._usable()
            if self._ledger.keep(key, as_text(fact), sizes):
                entry = {"step": {"key": key, "outcome": fact, "sizes": sizes}}
                self._send(entry, outcome.artefacts)

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event to the log; it is at the URL when this returns, except for one that tells of a step."""
        text, now = as_text(body), self._now()
        with self._lock:
            writer = self._usable()
            record = self._ledger.append(now, kind, text, parent)
            fact = {"seq": record.seq, "time": now, "kind": kind, "body": json.loads(text), "parent": parent}
            place = self._send({"event": fact}, {})
        if kind != TOLD_LATER:
            writer.wait(place)
        return record

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log from the event after ``after`` on, in order, with what is appended meanwhile."""
        return self._ledger.events(after)

    def close(self) -> None:
        """Write what is left, let go of the lease, and remove copies of its own. May be called twice.

        Raises:
            StorageError: when it can't be written.
        """
        writer, self._writer = self._writer, None
        lease, self._lease = self._lease, None
        try:
            if writer is not None:
                writer.close()
        finally:
            if self._own is not None:
                self._own.cleanup()
            if lease is not None:
                lease.release()

    # ── towards the URL ──

    def _send(self, entry: Any, artefacts: Mapping[str, str]) -> int:
        files = {digest: self._artefacts.path(digest) for digest in artefacts.values() if digest not in self._there}
        return self._usable().add(entry, files)

    def _usable(self) -> Writer:
        if self.readonly:
            raise RequestError(f"{self.objects.name} was opened for reading only")
        if self._writer is None or self._lease is None:
            raise StorageError(f"{self.objects.name} is closed")
        if self._lease.lost:
            raise StorageError(f"{self.objects.name} was taken over by {self._lease.lost}, which goes on with this run")
        return self._writer

    def _upload(self, files: Mapping[str, Path]) -> None:
        """Called by the writer, before it writes what needs these artefacts."""
        wanted = {digest: path for digest, path in files.items() if digest not in self._there}
        self.objects.upload({_object(digest): path for digest, path in wanted.items()})
        self._there.update(wanted)

    # ── from the URL ──

    def _take_in(self, read: Read) -> None:
        """Fill the ledger with what was read; the log isn't trusted."""
        for place, entry in enumerate(read.entries, 1):
            try:
                if "step" in entry:
                    step = entry["step"]
                    self._ledger.keep(
                        str(step["key"]), json.dumps(step["outcome"]), restore(dict[str, int], step["sizes"])
                    )
                else:
                    event = restore(Record, entry["event"])
                    if event.seq != len(self._ledger) + 1:
                        raise ValueError("an event is missing")
                    self._ledger.append(event.time, event.kind, json.dumps(entry["event"]["body"]), event.parent)
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise RequestError(
                    f"the log of {self.objects.name} is damaged: entry {place} can't be read; start a new run elsewhere"
                ) from error

    def _hold(self, artefacts: Mapping[str, str], sizes: Mapping[str, int]) -> bool:
        try:
            return all(self.path(digest).stat().st_size == sizes[digest] for digest in artefacts.values())
        except KeyError:
            return False

    def _fetch(self, digest: str) -> Path:
        """Have a local copy of an artefact, whole or not at all.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        self._artefacts.check(digest)
        part = self._artefacts.folder / f".{uuid4().hex}.tmp"
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.objects.download(_object(digest), part)
            if digest_file(part) != digest:
                raise KeyError(digest)
            self._artefacts.put_file(part)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
        self._there.add(digest)
        return self._artefacts.path(digest)


def _object(digest: str) -> str:
    return f"artefacts/{digest[:2]}/{digest}"
