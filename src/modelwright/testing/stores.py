"""What every store must do: subclass :class:`StoreContract`."""

# ruff: noqa: D102  the names of the tests say what they are for

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from modelwright.hashing import digest_bytes
from modelwright.step import Failure, Outcome
from modelwright.stores import Store

Kind = Literal["error", "timeout", "memory", "crash", "cancelled", "program"]


class StoreContract:
    """Artefacts by content, steps by content, events in order. Set :attr:`make`."""

    def make(self, folder: Path) -> Store:
        """Make the store under test; ``folder`` is empty and its own."""
        raise NotImplementedError

    def spoil(self, store: Store, digest: str, data: bytes | None) -> None:
        """Put other bytes in the place of an artefact, or remove it, everywhere where the store has it."""
        path = store.path(digest)
        path.unlink()
        if data is not None:
            path.write_bytes(data)

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """A store that is closed after the test."""
        store = self.make(tmp_path / "store")
        yield store
        store.close()

    def test_bytes(self, store: Store) -> None:
        key = store.put(b"hello")
        assert key == store.put(b"hello") == digest_bytes(b"hello")
        assert store.get(key) == store.path(key).read_bytes() == b"hello"
        assert store.get(store.put(b"")) == b""

    def test_files_are_moved(self, store: Store, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"hello")
        key = store.put_file(path)
        assert key == digest_bytes(b"hello")
        assert store.get(key) == b"hello"
        assert not path.exists()

    def test_time_goes_on_when_the_clock_is_set(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        before = store.append("first", {}).time
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert 0 <= store.append("second", {}).time - before < 86_400

    def test_links_are_not_moved(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        (tmp_path / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(ValueError, match="plain file"):
            store.put_file(tmp_path / "link")

    @pytest.mark.parametrize("key", ["0" * 64, "", "../../../../etc/passwd", "A" * 64, "0" * 64 + "\n"])
    def test_what_is_not_there(self, store: Store, key: str) -> None:
        with pytest.raises(KeyError):
            store.get(key)
        with pytest.raises(KeyError):
            store.path(key)

    def test_changed_bytes_count_as_not_there_and_are_repaired(self, store: Store) -> None:
        key = store.put(b"hello")
        self.spoil(store, key, b"jello")
        with pytest.raises(KeyError):
            store.get(key)
        store.put(b"hello")
        assert store.get(key) == b"hello"

    def test_steps(self, store: Store) -> None:
        assert store.lookup("k") is None
        key = store.put(b"hello")
        outcome = Outcome("done", {"nan": float("nan"), "list": [1]}, {"model": key}, None, 1.5, 1.0, 3, True)
        store.record("k", outcome)
        found = store.lookup("k")
        assert found is not None
        assert found.status == "reused"
        assert found.value["list"] == [1]
        assert math.isnan(found.value["nan"])
        assert (found.artefacts, found.seconds, found.cpu_seconds, found.peak_memory, found.truncated) == (
            {"model": key}, 1.5, 1.0, 3, True,
        )  # fmt: skip
        store.record("k", found)  # a reused outcome is one that was done
        again = store.lookup("k")
        assert again is not None
        assert again.status == "reused"

    def test_a_step_whose_artefact_is_lost_is_not_reused(self, store: Store) -> None:
        key = store.put(b"hello")
        store.record("k", Outcome("done", 1, {"model": key}))
        for spoilt in (b"hell", b"jello"):
            self.spoil(store, key, spoilt)
            assert store.lookup("k") is None
            store.put(b"hello")
            assert store.lookup("k") is not None
        self.spoil(store, key, None)
        assert store.lookup("k") is None
        store.put(b"hello")
        assert store.lookup("k") is not None

    def test_a_step_without_its_artefact_is_refused(self, store: Store) -> None:
        with pytest.raises(KeyError):
            store.record("k", Outcome("done", 1, {"model": "0" * 64}))
        assert store.lookup("k") is None

    @pytest.mark.parametrize(
        ("kind", "repeats"),
        [
            ("error", True),
            ("memory", True),
            ("program", True),
            ("timeout", False),
            ("crash", False),
            ("cancelled", False),
        ],
    )
    def test_failures_that_would_repeat(self, store: Store, kind: Kind, repeats: bool) -> None:
        outcome = Outcome("failed", failure=Failure(kind, "it failed", "ValueError", detail="…"))
        store.record("k", outcome)
        assert store.lookup("k") == (outcome if repeats else None)

    def test_a_moment_never_replaces_a_result(self, store: Store) -> None:
        store.record("k", Outcome("failed", failure=Failure("crash", "it crashed")))
        store.record("k", Outcome("done", 1))
        store.record("k", Outcome("failed", failure=Failure("timeout", "too slow")))
        store.record("k", Outcome("refused"))
        assert store.lookup("k") == Outcome("reused", 1)

    def test_events(self, store: Store) -> None:
        first = store.append("started", {"a": (1, 2), "nan": float("nan"), "text": "quote ' \ud83d emoji 🙂 \x00"})
        second = store.append("ended", {}, parent=first.seq)
        assert (first.seq, second.seq, second.parent) == (1, 2, 1)
        assert first.body["a"] == [1, 2]
        assert first.time <= second.time
        read = list(store.events())
        assert [r.kind for r in read] == ["started", "ended"]
        assert read[0].body["text"] == first.body["text"]
        assert math.isnan(read[0].body["nan"])
        assert list(store.events(after=1)) == [second]
        assert list(store.events(after=2)) == []

    def test_reading_goes_on_with_what_is_appended_meanwhile(self, store: Store) -> None:
        for n in range(3):
            store.append("n", {"n": n})
        seen = []
        for record in store.events():
            seen.append(record.body["n"])
            if len(seen) == 2:
                store.append("n", {"n": 3})
        assert seen == [0, 1, 2, 3]

    def test_a_body_without_a_form_is_refused_whole(self, store: Store) -> None:
        with pytest.raises(TypeError):
            store.append("bad", {"x": object()})
        assert list(store.events()) == []

    def test_threads(self, store: Store) -> None:
        faults: list[BaseException] = []

        def work(n: int) -> None:
            try:
                for i in range(25):
                    key = store.put(f"{i % 5}".encode())
                    store.record(f"{n}-{i}", Outcome("done", i, {"x": key}))
                    store.append("tick", {"n": n, "i": i})
                    assert store.lookup(f"{n}-{i}") is not None
            except BaseException as fault:
                faults.append(fault)

        threads: list[Any] = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults
        records = list(store.events())
        assert [r.seq for r in records] == list(range(1, 151))
        for n in range(6):
            assert [r.body["i"] for r in records if r.body["n"] == n] == list(range(25))
