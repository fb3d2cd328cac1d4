import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from modelwright.engine import Engine
from modelwright.errors import DISK_FULL, RequestError, StorageError
from modelwright.journal import Journal
from modelwright.step import Failure, Limits, Outcome, Step
from modelwright.stores import Store
from modelwright.stores.folder import Folder, _digest
from modelwright.stores.memory import Memory
from modelwright.testing.stores import StoreContract


class TestMemory(StoreContract):
    def make(self, folder: Path) -> Store:
        return Memory()


class TestFolder(StoreContract):
    def make(self, folder: Path) -> Store:
        return Folder(folder)


class TestFolderWithSharedArtefacts(StoreContract):
    def make(self, folder: Path) -> Store:
        return Folder(folder, folder.parent / "elsewhere")


def test_everything_is_there_after_reopening(tmp_path):
    store = Folder(tmp_path / "a b?c#d%20")
    key = store.put(b"x")
    store.record("k", Outcome("done", 1, {"m": key}))
    event = store.append("started", {"n": 1})
    store.close()
    again = Folder(tmp_path / "a b?c#d%20")
    assert again.lookup("k") == Outcome("reused", 1, {"m": key})
    assert list(again.events()) == [event]
    assert again.append("next", {}).seq == 2
    again.close()


HOLDER = """
import sys, pathlib
from modelwright.stores.folder import Folder, _digest
store = Folder(pathlib.Path(sys.argv[1]))
for n in range(10**9):
    event = store.append("tick", {"n": n})
    print(event.seq, flush=True)
"""


def test_a_killed_process_loses_nothing_and_its_lock_goes_with_it(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for _ in range(20):
        seen = int(holder.stdout.readline())
    with pytest.raises(RequestError, match=rf"in use by process {holder.pid} on .+, since \d{{4}}-.+ UTC"):
        Folder(tmp_path)
    reader = Folder(tmp_path, readonly=True)  # reading is possible meanwhile
    assert len(list(reader.events())) >= seen
    reader.close()
    holder.send_signal(signal.SIGKILL)
    acknowledged = [int(line) for line in holder.stdout.read().split()]
    holder.wait()
    store = Folder(tmp_path)
    numbers = [event.body["n"] for event in store.events()]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= max([seen, *acknowledged])
    store.close()


@pytest.mark.parametrize("written", [True, False])
def test_the_log_goes_on_after_an_interruption_in_an_event(tmp_path, monkeypatch, written):
    store = Folder(tmp_path / "run")
    store.append("first", {})
    write = store._write

    def interrupted(*args):
        if written:
            write(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.append("second", {})
    store.append("third", {})
    assert [e.kind for e in store.events()] == ["first", *(["second"] if written else []), "third"]
    store.close()


def test_one_process_cannot_open_it_twice_either(tmp_path):
    store = Folder(tmp_path)
    with pytest.raises(RequestError, match=str(os.getpid())):
        Folder(tmp_path)
    store.append("still", {})  # the failed attempt did no harm
    store.close()
    Folder(tmp_path).close()


def foreign_tables(file):
    sqlite3.connect(file).execute("CREATE TABLE bank (iban TEXT)").connection.commit()


def garbage(file):
    file.write_bytes(b"not a database, but long enough to look like a file" * 100)


def trigger(file):
    Folder(file.parent).close()
    db = sqlite3.connect(file)
    db.execute("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END")
    db.commit()


def newer(file):
    Folder(file.parent).close()
    sqlite3.connect(file).execute("PRAGMA user_version = 99").connection.commit()


def older(file):
    Folder(file.parent).close()
    sqlite3.connect(file).execute("PRAGMA user_version = 1").connection.commit()


def torn(file):
    store = Folder(file.parent)
    for n in range(200):
        store.append("tick", {"n": n, "text": "x" * 100})
    store.close()
    data = bytearray(file.read_bytes())
    data[8192:12288] = os.urandom(4096)
    file.write_bytes(data)


def link(file):
    target = file.with_name("other.db")
    target.write_bytes(b"")
    file.symlink_to(target)


@pytest.mark.parametrize("spoil", [foreign_tables, garbage, trigger, newer, older, torn, link])
@pytest.mark.parametrize("readonly", [False, True])
def test_foreign_and_damaged_files_are_refused_untouched(tmp_path, spoil, readonly):
    spoil(tmp_path / "run.db")
    before = (tmp_path / "run.db").read_bytes()
    with pytest.raises(RequestError) as caught:
        Folder(tmp_path, readonly=readonly)
    assert "run.db" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "run.db").read_bytes() == before
    with pytest.raises(RequestError) as again:  # the lock was let go
        Folder(tmp_path)
    assert "in use" not in str(again.value)


@pytest.mark.parametrize("body", ["{", '{"a": NaN', "[" * 100_000, '"text"', "[1]", "null"])
def test_damaged_events_and_steps_are_named(tmp_path, body):
    store = Folder(tmp_path)
    store.append("fine", {})
    store.record("k", Outcome("done", 1))
    store.close()
    db = sqlite3.connect(tmp_path / "run.db")
    (before,) = db.execute("SELECT chain FROM events").fetchone()
    fields = (2, 0.0, "bad", body, 0)
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (*fields, _digest(before, *fields)))
    (sizes,) = db.execute("SELECT sizes FROM steps").fetchone()
    db.execute("UPDATE steps SET outcome = ?, mark = ?", (body, _digest("k", body, sizes)))
    db.commit()
    db.close()
    store = Folder(tmp_path)
    events = store.events()
    assert next(events).kind == "fine"
    with pytest.raises(RequestError, match="event 2"):
        next(events)
    with pytest.raises(RequestError, match="the step k"):
        store.lookup("k")
    store.close()


@pytest.mark.parametrize("spoil", ["cut", "flip"])
def test_a_log_that_is_spoilt_anywhere_is_never_read_as_something_else(tmp_path, spoil):
    store = Folder(tmp_path / "good")
    for n in range(30):
        store.append("tick", {"n": n, "text": "x" * 150})
        store.record(f"k{n}", Outcome("done", n))
    truth = list(store.events())
    store.close()
    data = (tmp_path / "good" / "run.db").read_bytes()
    refused = 0
    for place in range(0, len(data), 509):
        file = tmp_path / f"{place}" / "run.db"
        file.parent.mkdir()
        rest = b"" if spoil == "cut" else bytes([data[place] ^ 4]) + data[place + 1 :]
        file.write_bytes(data[:place] + rest)
        try:
            store = Folder(file.parent, readonly=True)
        except RequestError as error:
            assert "run.db" in str(error)
            refused += 1
            continue
        try:
            assert list(store.events()) == truth
            assert all(store.lookup(f"k{n}") in (None, Outcome("reused", n)) for n in range(30))
        except RequestError as error:
            assert "run.db" in str(error)
            refused += 1
        store.close()
    assert refused > 5


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    store = Folder(tmp_path)
    store.append("first", {})
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full"):
        store.append("second", {"text": "x" * 100_000})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            store.put(b"hello")
    assert not [p for p in (tmp_path / "artefacts").rglob("*") if p.is_file()]
    store._db.execute("PRAGMA max_page_count = 1000000")  # room again
    store.append("second", {"text": "x" * 100_000})
    assert store.get(store.put(b"hello")) == b"hello"
    assert [event.kind for event in store.events()] == ["first", "second"]
    store.close()


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_log_that_has_lost_its_end_is_noticed_by_its_trace(tmp_path):
    trace, store = tmp_path / "trace.jsonl", Folder(tmp_path)
    journal = Journal(store, "run", trace)
    for n in range(5):
        journal.append("tick", {"n": n})
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("run.db-*", "copy"))
    journal.close()
    whole = trace.read_text()
    trace.write_text(whole[:-20])  # a torn last line
    Journal(Folder(tmp_path), "run", trace).close()
    assert trace.read_text() == whole

    copy = Folder(tmp_path / "copy")  # without what was in run.db-wal
    with pytest.raises(RequestError, match=r"tells of 5.+run\.db-wal"):
        Journal(copy, "run", tmp_path / "copy" / "trace.jsonl")
    copy.close()


def test_a_step_without_room_stops_everything_and_is_not_on_record(tmp_path):
    store = Folder(tmp_path)

    class Full:
        slots = 1

        def submit(self, step, limits, priority=0):
            future = Future()
            future.set_result(Outcome("failed", failure=Failure("crash", "[Errno 28]", DISK_FULL)))
            return future

    engine, step = Engine(store, Full()), Step("m:f", 1, {})
    with pytest.raises(StorageError, match="no room"):
        engine.perform(step, Limits(), stage="fit")
    with pytest.raises(StorageError, match="no room"):
        engine.submit(Step("m:g", 1, {}), Limits(), stage="fit")
    assert list(store.events()) == []
    assert store._db.execute("SELECT count(*) FROM steps").fetchone() == (0,)
    store.close()


@pytest.mark.parametrize("digest", ["../../../../etc/passwd", "/etc/passwd", ""])
def test_a_hostile_record_names_no_foreign_file(tmp_path, digest):
    Folder(tmp_path).close()
    db = sqlite3.connect(tmp_path / "run.db")
    outcome = json.dumps({"status": "done", "value": 1, "artefacts": {"m": digest}})
    sizes = json.dumps({digest: 1})
    db.execute("INSERT INTO steps VALUES ('k', ?, ?, ?)", (outcome, sizes, _digest("k", outcome, sizes)))
    db.commit()
    db.close()
    store = Folder(tmp_path)
    assert store.lookup("k") is None
    store.close()


def test_links_among_the_artefacts_count_as_not_there(tmp_path):
    store = Folder(tmp_path / "run")
    key = store.put(b"hello")
    path = store.path(key)
    path.unlink()
    (tmp_path / "other").write_bytes(b"hello")
    path.symlink_to(tmp_path / "other")
    with pytest.raises(KeyError):
        store.get(key)
    store.close()


def test_the_lock_file_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.lock").symlink_to(victim)
    with pytest.raises(RequestError):
        Folder(tmp_path / "run")
    assert victim.read_text() == "precious"


def test_reading_only(tmp_path):
    with pytest.raises(RequestError, match="not a run folder"):
        Folder(tmp_path, readonly=True)
    assert not list(tmp_path.iterdir())
    store = Folder(tmp_path)
    store.append("x", {})
    store.close()
    reader = Folder(tmp_path, readonly=True)
    assert len(list(reader.events())) == 1
    with pytest.raises(RequestError, match="reading only"):
        reader.append("y", {})
    with pytest.raises(RequestError, match="reading only"):
        reader.record("k", Outcome("done"))
    reader.close()


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="choose another folder"):
        Folder(tmp_path / "file")


def test_half_written_artefacts_are_never_seen(tmp_path):
    """Many threads store the same bytes while others read them: whole or not there."""
    store = Folder(tmp_path)
    data = os.urandom(300_000)
    keys, faults = [], []

    def write():
        keys.extend(store.put(data) for _ in range(5))

    def read():
        while len(keys) < 20:
            try:
                if keys:
                    store.get(keys[0])
            except BaseException as fault:
                faults.append(fault)
                return

    threads = [threading.Thread(target=f) for f in (write, write, write, write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert [p.name for p in (tmp_path / "artefacts").rglob("*") if p.is_file()] == [keys[0]]
    store.close()
