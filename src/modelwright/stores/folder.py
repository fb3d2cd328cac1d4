"""A store in a folder: events and steps in an SQLite file, artefacts beside it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

from modelwright.errors import RequestError, StorageError
from modelwright.hashing import digest_bytes, restore
from modelwright.step import Outcome, Record
from modelwright.stores import Store
from modelwright.stores._artefacts import Artefacts, repeats
from modelwright.stores._holder import Holder, this_process
from modelwright.stores._ledger import as_text, kept
from modelwright.stores._moments import moments

VERSION = 2
"""Of the tables. Raised when they, or the facts in them, change in a way that older code can't read."""
_APPLICATION = 0x4D57524C  # "MWRL": says whose file it is
_TABLES = {
    "events": (
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, "
        "body TEXT NOT NULL, parent INTEGER NOT NULL, chain TEXT NOT NULL)"
    ),
    "steps": (
        "CREATE TABLE steps (key TEXT PRIMARY KEY, outcome TEXT NOT NULL, sizes TEXT NOT NULL, mark TEXT NOT NULL) "
        "WITHOUT ROWID"
    ),
}
_PAGE = 500
_Durability = Literal["NORMAL", "FULL"]


class Folder(Store):
    """A run folder's store: ``run.db`` and the artefacts.

    One process at a time may have it open for writing; a lock that the operating system drops when its holder ends
    keeps others out. All methods may be called from several threads. The folder isn't trusted: its file must hold
    exactly our tables, values are parsed as JSON and checked against their types, digests are checked. Each event
    carries a digest of itself and of all events before it, so that a changed or missing one is noticed; a step that
    isn't what was recorded counts as not there, and is performed again.

    Durability: an event is on the disk when :meth:`append` returns (``synchronous=FULL``: the log is flushed at each
    commit, so it survives a loss of power). The end of a step, and the event that tells of it, are kept with
    ``synchronous=NORMAL``: they survive the death of the process at once, and a loss of power once the next other event
    is appended; at worst the step is performed again. So a step costs no flush of the disk. Artefacts are flushed
    before they get their name, so a step on record always has whole artefacts.

    Args:
        path: the folder; made when it isn't there.
        artefacts: the folder for artefacts; ``path / "artefacts"`` by default. Several runs may share one.
        readonly: open an existing store for reading, also while another process writes to it.

    Raises:
        RequestError: when another process has it open, when ``run.db`` is damaged, from another version or something
            else, or, with ``readonly``, when there is none.
        StorageError: from here on, when the disk is full or can't be written.
    """

    name: ClassVar[str] = "folder"

    def __init__(self, path: Path, artefacts: Path | None = None, *, readonly: bool = False) -> None:
        self.folder, self.readonly = path.resolve(), readonly
        self.file = self.folder / "run.db"
        self._artefacts = Artefacts((artefacts or self.folder / "artefacts").resolve())
        self._lock = threading.RLock()
        self._now = moments()
        self._guard: IO[str] | None = None
        self._seq, self._chain = 0, ""
        if self.file.is_symlink():
            raise RequestError(f"{self.file} is a link; open the folder it points to")
        if readonly:
            if not self.file.is_file():
                raise RequestError(f"{path} is not a run folder: it has no run.db")
        else:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._guard = _take(self.folder / "run.lock", path)
            except OSError as error:
                raise RequestError(f"{path} can't be written to: {error.strerror}; choose another folder") from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        with self._writing():
            return self._artefacts.put(data)

    def put_file(self, path: Path) -> str:
        """Move a file into the store and return its digest.

        Raises:
            ValueError: when it is a link or no plain file.
        """
        with self._writing():
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
        with self._lock, self._reading():
            row = self._db.execute("SELECT outcome, sizes, mark FROM steps WHERE key = ?", (key,)).fetchone()
        if row is None or row[2] != _digest(key, row[0], row[1]):
            return None
        with self._parsing(f"the step {key[:12]}…"):
            outcome, sizes = restore(Outcome, json.loads(row[0])), restore(dict[str, int], json.loads(row[1]))
        if not repeats(outcome) or not self._artefacts.hold(outcome.artefacts, sizes):
            return None
        return replace(outcome, status="reused") if outcome.ok else outcome

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended. An ending that wouldn't repeat never replaces one that would.

        Raises:
            KeyError: when one of its artefacts isn't in the store.
        """
        sizes = self._artefacts.sizes(outcome.artefacts)
        verb = "REPLACE" if repeats(outcome) or outcome.ok else "IGNORE"
        texts = (key, as_text(kept(outcome)), as_text(sizes))
        with self._lock:
            self._write(f"INSERT OR {verb} INTO steps VALUES (?, ?, ?, ?)", (*texts, _digest(*texts)), "NORMAL")

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event to the log; it is on the disk when this returns, but for steps (see the class)."""
        text, now = as_text(body), self._now()
        durability: _Durability = "NORMAL" if kind == "step" else "FULL"
        with self._lock:
            seq = self._seq + 1
            fields = (seq, now, kind, text, parent)
            chain = _digest(self._chain, *fields)
            try:
                self._write("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (*fields, chain), durability)
                self._seq, self._chain = seq, chain
            except KeyboardInterrupt:  # Ctrl-C is mostly noticed as soon as the disk is done: the event may be there
                self._find_end()
                raise
        return restore(Record, {"seq": seq, "time": now, "kind": kind, "body": json.loads(text), "parent": parent})

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log from the event after ``after`` on, in order, with what is appended meanwhile.

        Raises:
            RequestError: when an event can't be read.
        """
        before = self._chain_of(after)
        while True:
            with self._lock, self._reading():
                rows = self._db.execute(
                    "SELECT seq, time, kind, body, parent, chain FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                    (after, _PAGE),
                ).fetchall()
            for *fields, chain in rows:
                seq, moment, kind, body, parent = fields
                with self._parsing(f"event {after + 1}"):
                    if seq != after + 1 or chain != _digest(before, *fields):
                        raise ValueError("it isn't what was appended")
                    record = restore(
                        Record, {"seq": seq, "time": moment, "kind": kind, "body": json.loads(body), "parent": parent}
                    )
                yield record
                after, before = record.seq, chain
            if not rows:
                return

    def close(self) -> None:
        """Let go of the files and of the lock. May be called twice."""
        with self._lock:
            if hasattr(self, "_db"):
                self._db.close()
            if self._guard is not None:
                self._guard.close()
                self._guard = None

    # ── the file ──

    def _open(self) -> None:
        with self._reading():
            self._db = _connect(self.file, self.readonly)
            application, version = (self._db.execute(f"PRAGMA {p}").fetchone()[0] for p in _MARKS)
            found = dict(self._db.execute("SELECT name, sql FROM sqlite_master WHERE sql > ''"))
            if not found and not application and not self.readonly:
                self._db.execute("PRAGMA journal_mode = WAL")
                tables = ";".join(_TABLES.values())
                marks = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}"
                self._db.executescript(f"BEGIN IMMEDIATE; {tables}; {marks}; COMMIT")
                return
            if application == _APPLICATION and version > VERSION:
                raise RequestError(f"{self.file} was written by a newer version of modelwright; upgrade to read it")
            if application == _APPLICATION and version < VERSION:
                raise RequestError(
                    f"{self.file} was written by an older version of modelwright; read it with that one, or start a "
                    "new run"
                )
            if application != _APPLICATION or version != VERSION or found != _TABLES:
                raise RequestError(f"{self.file} isn't a run log of modelwright; choose another folder")
            if self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise RequestError(f"{self.file} is damaged; {_ADVICE}")
            self._find_end()

    def _find_end(self) -> None:
        """Where the log ends, so that the next event follows."""
        with self._reading():
            self._seq = int(self._db.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])
        self._chain = self._chain_of(self._seq)

    def _chain_of(self, seq: int) -> str:
        """The digest that an event's successor builds on."""
        with self._lock, self._reading():
            row = self._db.execute("SELECT chain FROM events WHERE seq = ?", (seq,)).fetchone()
        return str(row[0]) if row else ""

    def _write(self, sql: str, values: tuple[Any, ...], durability: _Durability) -> None:
        if self.readonly:
            raise RequestError(f"{self.file} was opened for reading only")
        with self._reading():
            self._db.execute(f"PRAGMA synchronous = {durability}")
            self._db.execute(sql, values)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Around artefacts."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self.folder} can't be written to: {error.strerror or error}") from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # used after closing: a defect of the caller
        except (sqlite3.OperationalError, sqlite3.InternalError) as error:
            if "decode" in str(error):
                raise RequestError(f"{self.file} is damaged ({error}); {_ADVICE}") from error
            raise StorageError(f"{self.file} can't be read or written: {error}") from error
        except sqlite3.DatabaseError as error:
            raise RequestError(f"{self.file} is damaged or no run log at all ({error}); {_ADVICE}") from error

    @contextlib.contextmanager
    def _parsing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, RecursionError) as error:
            raise RequestError(f"{self.file} is damaged: {what} can't be read; {_ADVICE}") from error


_ADVICE = "restore it from a copy, or start a new run in another folder"
_MARKS = ("application_id", "user_version")


def _connect(file: Path, readonly: bool) -> sqlite3.Connection:
    """A connection that commits each statement, and runs nothing that a foreign file's schema might hold."""
    address = f"{file.as_uri()}?mode={'ro' if readonly else 'rwc'}"
    if readonly and not os.access(file.parent, os.W_OK) and not file.with_name("run.db-wal").exists():
        address += "&immutable=1"  # a reader, too, would want to make files beside it
    db = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def _take(lock: Path, path: Path) -> IO[str]:
    """Hold the lock file, which names its holder, until it is closed or the process ends."""
    number = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    stream = os.fdopen(number, "r+", encoding="ascii", errors="replace")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        text = stream.read(2_000)
        stream.close()
        try:
            who = restore(Holder, json.loads(text)).words
        except (ValueError, TypeError):
            who = "another process"
        raise RequestError(f"{path} is in use by {who}; wait until it has ended, or choose another folder") from None
    stream.truncate(0)
    stream.write(as_text(this_process()))
    stream.flush()
    return stream


def _digest(*fields: Any) -> str:
    return digest_bytes("\n".join(map(str, fields)).encode("utf-8", "surrogatepass"))[:32]
