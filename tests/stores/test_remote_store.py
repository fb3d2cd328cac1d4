"""A store at a URL: what every store does, and what comes from others being able to reach it, too."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from modelwright.errors import MissingExtra, RequestError, StorageError
from modelwright.objects import Objects
from modelwright.step import Outcome
from modelwright.stores import Store, _holder
from modelwright.stores.remote import Remote
from modelwright.testing.stores import StoreContract
from s3_server import BUCKET, serving, told


class RemoteContract(StoreContract):
    url = ""

    def make(self, folder: Path) -> Store:
        return Remote(f"{self.url}/{uuid4().hex}", folder)

    def spoil(self, store: Store, digest: str, data: bytes | None) -> None:
        assert isinstance(store, Remote)
        store.append("written", {})  # and so is what was put before
        name = f"artefacts/{digest[:2]}/{digest}"
        if data is None:
            store.objects.remove([name])
        else:
            store.objects.write(name, data)
        super().spoil(store, digest, data)


class TestInMemory(RemoteContract):
    url = "memory://contract"


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """The environment of a client of an S3-compatible server."""
    with serving(tmp_path_factory.mktemp("s3") / "data") as environment:
        yield environment


@pytest.fixture
def at_s3(s3, monkeypatch):
    for name, value in s3.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("at_s3")
class TestAtS3(RemoteContract):
    url = f"s3://{BUCKET}/contract"


@pytest.fixture
def url():
    return f"memory://{uuid4().hex}/run"


HOLDER = """
import sys, pathlib
from modelwright.step import Outcome
from modelwright.stores.remote import Remote
store = Remote(sys.argv[1], pathlib.Path(sys.argv[2]))
for n in range(10**9):
    key = store.put(b"%d" % n)
    store.record(str(n), Outcome("done", n, {"x": key}))
    event = store.append("tick", {"n": n})
    print(event.seq, flush=True)
"""


def test_a_killed_process_loses_nothing_and_another_one_goes_on_from_an_empty_cache(s3, at_s3, tmp_path):
    url = f"s3://{BUCKET}/killed"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(tmp_path / "first")],
        stdout=subprocess.PIPE,
        text=True,
        env=told(s3),
    )
    seen = [int(holder.stdout.readline()) for _ in range(5)][-1]
    with pytest.raises(RequestError, match=rf"in use by process {holder.pid} on .+, since \d{{4}}-.+ UTC"):
        Remote(url, tmp_path / "second")
    reader = Remote(url, tmp_path / "second", readonly=True)  # reading is possible meanwhile
    assert len(list(reader.events())) >= seen
    holder.send_signal(signal.SIGKILL)
    acknowledged = max([seen, *(int(line) for line in holder.stdout.read().split())])
    holder.wait()
    began = time.monotonic()
    store = Remote(url, tmp_path / "second")
    assert time.monotonic() - began < 20, "a holder that died on this machine isn't waited for"
    numbers = [event.body["n"] for event in store.events()]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= acknowledged
    for n in range(acknowledged):
        found = store.lookup(str(n))
        assert found == Outcome("reused", n, found.artefacts)
        assert store.get(found.artefacts["x"]) == b"%d" % n
    assert store.append("tick", {"n": len(numbers)}).seq == len(numbers) + 1
    store.close()


@pytest.fixture
def another_machine(monkeypatch):
    """This process can't see whether a holder is alive: it is on another machine."""
    monkeypatch.setattr(_holder, "machine", lambda: "")


@pytest.mark.usefixtures("another_machine")
def test_a_holder_elsewhere_is_believed_as_long_as_it_shows_life(url, tmp_path):
    store = Remote(url, tmp_path / "a", patience=0.6)
    with pytest.raises(RequestError, match="in use by process"):
        Remote(url, tmp_path / "b", patience=0.6)
    store.append("still", {})
    store.close()
    Remote(url, tmp_path / "b", patience=60.0).close()  # let go of, so there is nothing to wait for


@pytest.mark.usefixtures("another_machine")
def test_a_holder_that_shows_no_life_loses_its_place_for_good(url, tmp_path):
    sleeper = Remote(url, tmp_path / "a", patience=3600.0)  # renews once in a quarter of an hour
    sleeper.append("first", {})
    store = Remote(url, tmp_path / "b", patience=0.3)
    store.append("second", {})
    with pytest.raises(StorageError, match="taken over"):  # it wakes up, and knows of nothing
        sleeper.append("third", {})
    with pytest.raises(StorageError, match="taken over"):
        sleeper.record("k", Outcome("done", 1))
    sleeper.close()
    assert [event.kind for event in store.events()] == ["first", "second"]
    store.append("third", {})
    store.close()
    Remote(url, tmp_path / "c", patience=60.0).close()  # the sleeper's end didn't disturb the new lease


def test_steps_share_objects_and_are_written_with_the_next_event(url, tmp_path):
    store = Remote(url, tmp_path / "a")
    for n in range(50):
        store.record(f"k{n}", Outcome("done", n))
        store.append("step", {"key": f"k{n}"})
    store.append("experiment_finished", {})
    assert len(store.objects.sizes("log")) <= 4
    reader = Remote(url, tmp_path / "b", readonly=True)
    assert len(list(reader.events())) == 51
    assert all(reader.lookup(f"k{n}").value == n for n in range(50))
    with pytest.raises(RequestError, match="reading only"):
        reader.append("x", {})
    store.close()


def test_a_damaged_copy_is_fetched_again(url, tmp_path):
    store = Remote(url, tmp_path)
    key = store.put(b"hello")
    store.append("written", {})
    store.path(key).write_bytes(b"jello")
    assert store.get(key) == b"hello" == store.path(key).read_bytes()
    store.close()


def logged(url: str, folder: Path, count: int = 4) -> Objects:
    store = Remote(url, folder)
    for n in range(count):
        store.append("tick", {"n": n})
    store.close()
    return store.objects


def test_a_torn_last_object_was_never_acknowledged(url, tmp_path):
    objects = logged(url, tmp_path)
    last = list(objects.sizes("log"))[-1]
    half = objects.read(last)[:-7]
    objects.write(last, half)
    reader = Remote(url, tmp_path, readonly=True)
    assert [e.body["n"] for e in reader.events()] == [0, 1, 2]
    store = Remote(url, tmp_path)
    store.append("tick", {"n": "again"})
    assert [e.body["n"] for e in store.events()] == [0, 1, 2, "again"]
    store.close()
    (kept,) = objects.sizes("torn")
    assert objects.read(kept) == half


def missing(objects: Objects, name: str, other: Objects) -> None:
    objects.remove([name])


def flipped(objects: Objects, name: str, other: Objects) -> None:
    data = bytearray(objects.read(name))
    data[-20] ^= 1
    objects.write(name, bytes(data))


def foreign(objects: Objects, name: str, other: Objects) -> None:
    objects.write(name, other.read(name))


def newer(objects: Objects, name: str, other: Objects) -> None:
    head, _, rest = objects.read(name).partition(b"\n")
    objects.write(name, json.dumps(json.loads(head) | {"format": 99}).encode() + b"\n" + rest)


@pytest.mark.parametrize("spoil", [missing, flipped, foreign, newer])
@pytest.mark.parametrize("readonly", [False, True])
def test_a_log_that_is_not_what_was_written_is_refused_untouched(url, tmp_path, spoil, readonly):
    objects = logged(url, tmp_path)
    name = list(objects.sizes("log"))[2]
    spoil(objects, name, logged(f"{url}-other", tmp_path))
    before = objects.read_all(objects.sizes("log"))
    with pytest.raises(RequestError) as caught:
        Remote(url, tmp_path, readonly=readonly)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert objects.read_all(objects.sizes("log")) == before


class Sloppy(MemoryFileSystem):
    """Knows nothing of conditional writes, as some servers do."""

    protocol = "sloppy"

    def pipe_file(self, path, value, mode="overwrite", **options):
        super().pipe_file(path, value)


class Failing(MemoryFileSystem):
    """Stops working, in words that nobody should read."""

    protocol = "failing"
    broken = False

    def pipe_file(self, path, value, mode="overwrite", **options):
        if Failing.broken:
            raise OSError("connection to https://key:verysecretindeed@host lost\nand a second line")
        super().pipe_file(path, value, mode=mode)


@pytest.fixture
def storages():
    import fsspec

    for kind in (Sloppy, Failing):
        fsspec.register_implementation(kind.protocol, kind, clobber=True)
    yield
    Failing.broken = False


@pytest.mark.usefixtures("storages")
def test_storage_that_cannot_keep_two_writers_apart_is_refused(tmp_path):
    with pytest.raises(RequestError, match="two writers"):
        Remote(f"sloppy://{uuid4().hex}/run", tmp_path)


@pytest.mark.usefixtures("storages")
def test_storage_that_stops_working_is_told_in_a_sentence_without_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_SECRET", "verysecretindeed")
    url = f"failing://{uuid4().hex}/run"
    store = Remote(url, tmp_path)
    store.append("first", {})
    Failing.broken = True
    for _ in range(2):
        with pytest.raises(StorageError) as caught:
            store.append("second", {})
        assert "connection" in str(caught.value)
        assert "secretindeed" not in str(caught.value)
        assert "\n" not in str(caught.value)
    Failing.broken = False
    store.close()
    again = Remote(url, tmp_path)
    assert [event.kind for event in again.events()] == ["first"]
    again.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://user:verysecretindeed@bucket/run", "in the environment"),
        ("s3://bucket/run?sig=verysecretindeed", "in the environment"),
        ("s3://", "names no bucket"),
        ("nonsense://bucket/run", "isn't known"),
        ("https://example.com/run", "web address"),
    ],
)
def test_addresses_that_cannot_be_used(url, says):
    with pytest.raises(RequestError, match=says) as caught:
        Objects(url)
    assert "secretindeed" not in str(caught.value)


def test_without_the_library_there_is_one_line_naming_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"pip install 'modelwright\[remote\]'"):
        Objects("s3://bucket/run")
