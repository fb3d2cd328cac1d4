"""What every executor must do: subclass :class:`ExecutorContract`, and :class:`IsolationContract` if it isolates."""

# ruff: noqa: D102  the names of the tests say what they are for

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from modelwright.executors import Executor
from modelwright.hashing import digest_bytes, digest_file
from modelwright.step import Failure, Limits, Outcome, Step

HERE = "modelwright.testing.steps"
PATIENCE = 60.0
"""Seconds after which a test stops waiting and fails."""


def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: when it doesn't within ``PATIENCE`` seconds.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def ended(pid: int) -> bool:
    """Whether a process is gone, or only waits to be reaped."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def failure_of(outcome: Outcome) -> Failure:
    """The failure of an outcome that must have one."""
    assert outcome.status == "failed"
    assert outcome.failure is not None
    return outcome.failure


class ExecutorContract:
    """Values, files, errors and endings. Set :attr:`make`."""

    def make(self, folder: Path, slots: int = 2) -> Executor:
        """Make the executor under test, with ``folder`` for artefacts."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The artefact folder of :meth:`executor`."""
        return tmp_path_factory.mktemp("artefacts")

    @pytest.fixture(scope="class")
    def executor(self, folder: Path) -> Iterator[Executor]:
        """An executor for tests that leave nothing running in it."""
        executor = self.make(folder)
        yield executor
        executor.close()

    @pytest.fixture
    def own(self, tmp_path: Path) -> Iterator[Executor]:
        """An executor for one test, with one slot and ``tmp_path`` as its folder."""
        executor = self.make(tmp_path, slots=1)
        yield executor
        executor.close()

    def perform(self, executor: Executor, name: str, limits: Limits | None = None, **args: Any) -> Outcome:
        """Perform one of the functions in :mod:`modelwright.testing.steps`."""
        step = Step(f"{HERE}:{name}", 1, args, seed=5)
        return executor.submit(step, limits or Limits()).result(PATIENCE)

    def test_passes_arguments_inputs_and_wishes(self, executor: Executor, folder: Path) -> None:
        key = digest_bytes(b"hello")
        (folder / key[:2]).mkdir(exist_ok=True)
        (folder / key[:2] / key).write_bytes(b"hello")
        step = Step(f"{HERE}:echo", 1, {"a": [1, {"b": None}], "nan": float("nan")}, {"greeting": key}, seed=7)
        outcome = executor.submit(step, Limits(threads=2, soft_seconds=30)).result(PATIENCE)
        assert outcome.status == "done", outcome
        value = outcome.value
        assert value["args"]["a"] == [1, {"b": None}]
        assert math.isnan(value["args"]["nan"])
        assert (value["seed"], value["threads"], value["inputs"]) == (7, 2, {"greeting": "hello"})
        assert 0 < value["wish"] <= 30
        assert outcome.seconds > 0

    def test_values_come_back_as_a_store_would_give_them(self, executor: Executor) -> None:
        outcome = self.perform(executor, "rich")
        assert outcome.value["tuple"] == [1, 2]
        assert math.isnan(outcome.value["nan"])
        assert outcome.value["infinity"] == math.inf
        assert outcome.truncated

    def test_files_become_artefacts(self, executor: Executor, folder: Path) -> None:
        for _ in range(2):  # the second time the artefact is there already
            outcome = self.perform(executor, "write", text="hello")
            key = digest_bytes(b"hello")
            assert outcome.artefacts == {"out": key}
            assert (folder / key[:2] / key).read_bytes() == b"hello"

    def test_large_files_go_both_ways(self, executor: Executor, folder: Path) -> None:
        block = bytes(range(256)) * 4096
        contents = {"large": block * 20 + b"end", "empty": b""}
        inputs = {name: digest_bytes(data) for name, data in contents.items()}
        for name, key in inputs.items():
            (folder / key[:2]).mkdir(exist_ok=True)
            (folder / key[:2] / key).write_bytes(contents[name])
        for size in (len(block) * 20 + 7, 0):
            step = Step(f"{HERE}:measure", 1, {"size": size}, inputs)
            outcome = executor.submit(step, Limits()).result(PATIENCE)
            assert outcome.value == {name: [key, len(contents[name])] for name, key in inputs.items()}
            made = outcome.artefacts["large"]
            assert (folder / made[:2] / made).stat().st_size == size
            assert digest_file(folder / made[:2] / made) == made

    @pytest.mark.parametrize("link", [False, True])
    def test_only_files_in_the_scratch_folder_become_artefacts(
        self, executor: Executor, tmp_path: Path, link: bool
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        failure = failure_of(self.perform(executor, "write_outside", path=str(secret), link=link))
        assert failure.kind == "error"
        assert "scratch" in failure.message
        assert secret.read_text() == "secret"

    @pytest.mark.parametrize(
        ("kind", "error_type", "message"),
        [
            ("value", "ValueError", "seven is not allowed"),
            ("exit", "SystemExit", "3"),
            ("declined", "NotApplicable", "this isn't for me"),
            ("program", "ProgramError", "line 4: wrong"),
            ("unprintable", "Unprintable", "can't be shown"),
        ],
    )
    def test_exceptions(self, executor: Executor, kind: str, error_type: str, message: str) -> None:
        failure = failure_of(self.perform(executor, "fail", kind=kind))
        assert (failure.kind, failure.error_type) == ("error", error_type)
        assert message in failure.message
        assert "in fail" in failure.detail

    def test_a_memory_error_is_a_lack_of_memory(self, executor: Executor) -> None:
        assert failure_of(self.perform(executor, "fail", kind="memory")).kind == "memory"

    def test_misuse_is_an_error(self, executor: Executor) -> None:
        assert failure_of(self.perform(executor, "forget")).error_type == "TypeError"
        assert failure_of(self.perform(executor, "nowhere")).error_type == "AttributeError"
        assert failure_of(self.perform(executor, "write", wrong=1)).error_type == "TypeError"
        missing = Step(f"{HERE}:echo", 1, {}, {"data": "0" * 64})
        assert "'data'" in failure_of(executor.submit(missing, Limits()).result(PATIENCE)).message
        upwards = Step(f"{HERE}:echo", 1, {}, {"data": "../../etc/passwd"})
        assert failure_of(executor.submit(upwards, Limits()).result(PATIENCE)).kind == "error"

    def test_many_steps(self, executor: Executor) -> None:
        futures = [executor.submit(Step(f"{HERE}:echo", 1, {"n": n}), Limits()) for n in range(20)]
        assert [f.result(PATIENCE).value["args"]["n"] for f in futures] == list(range(20))

    def test_nothing_is_left_in_the_scratch_folders(self, own: Executor, tmp_path: Path) -> None:
        self.perform(own, "write", text="x")
        own.close()
        assert not list((tmp_path / "scratch").iterdir())

    def test_a_shelf_is_one_to_all_steps_of_an_executor_alone(self, own: Executor, executor: Executor) -> None:
        first, second = (self.perform(own, "shelve", mark=mark).value for mark in "ab")
        assert (first, second) in ((None, None), (["a"], ["a", "b"]))
        assert self.perform(executor, "shelve", mark="c").value == (None if second is None else ["c"])

    def test_after_closing_steps_are_cancelled(self, own: Executor) -> None:
        own.close()
        own.close()
        assert failure_of(self.perform(own, "echo")).kind == "cancelled"

    def test_a_callback_may_submit(self, executor: Executor) -> None:
        second: list[Any] = []
        first = executor.submit(Step(f"{HERE}:echo", 1, {}), Limits())
        first.add_done_callback(lambda _: second.append(executor.submit(Step(f"{HERE}:echo", 1, {}), Limits())))
        until(lambda: second)
        assert second[0].result(PATIENCE).ok


class IsolationContract(ExecutorContract):
    """Limits, crashes, cancellation and order: for executors that give each step a process of its own."""

    def waiting(
        self, executor: Executor, mark: Path, family: str = "", seconds: float = PATIENCE
    ) -> tuple[Any, list[int]]:
        """Start a step that waits; return its future and its processes."""
        step = Step(f"{HERE}:wait", 1, {"mark": str(mark), "family": family})
        future = executor.submit(step, Limits(seconds=seconds))
        until(mark.exists)
        return future, [int(pid) for pid in mark.read_text().split()]

    def test_a_step_has_a_process_of_its_own(self, executor: Executor) -> None:
        pids = {self.perform(executor, "echo").value["pid"] for _ in range(3)}
        assert len(pids | {os.getpid()}) == 4

    @pytest.mark.parametrize("family", ["", "child", "stranger"])
    def test_time_limit(self, executor: Executor, tmp_path: Path, family: str) -> None:
        future, pids = self.waiting(executor, tmp_path / "mark", family, seconds=1.0)
        failure = failure_of(future.result(PATIENCE))
        assert failure.kind == "timeout"
        assert "1 s" in failure.message
        until(lambda: all(map(ended, pids)))

    @pytest.mark.parametrize("in_child", [False, True])
    def test_memory_limit(self, executor: Executor, in_child: bool) -> None:
        limits = Limits(memory=400 << 20, seconds=PATIENCE / 2)
        outcome = self.perform(executor, "hog", limits, size=700 << 20, in_child=in_child)
        failure = failure_of(outcome)
        assert failure.kind == "memory", failure
        assert "400 MiB" in failure.message
        assert outcome.peak_memory > 300 << 20

    def test_memory_limit_catches_one_huge_allocation(self, executor: Executor) -> None:
        outcome = self.perform(executor, "hog", Limits(memory=400 << 20), size=3 << 30, chunk=3 << 30)
        assert failure_of(outcome).kind == "memory"

    def test_enough_memory(self, executor: Executor) -> None:
        assert self.perform(executor, "write", Limits(memory=600 << 20), text="x").ok

    @pytest.mark.parametrize(
        ("how", "word"),
        [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGKILL, "SIGKILL"), (signal.SIGABRT, "SIGABRT"), (-3, "exit status 3")],
    )
    def test_a_crash_costs_its_step_only(self, executor: Executor, how: int, word: str) -> None:
        failure = failure_of(self.perform(executor, "crash", how=int(how)))
        assert failure.kind == "crash"
        assert word in failure.message
        assert "about to end" in failure.detail
        assert self.perform(executor, "echo").ok

    def test_a_crash_in_native_code_costs_its_step_only(self, executor: Executor) -> None:
        failure = failure_of(self.perform(executor, "native", how="segfault"))
        assert failure.kind == "crash"
        assert "SIGSEGV" in failure.message
        assert "native" in failure.detail, "the log says where"

    def test_native_code_that_is_deaf_to_signals_is_stopped(self, executor: Executor, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        outcome = self.perform(executor, "native", Limits(seconds=1.0), how="deaf", mark=str(mark))
        assert failure_of(outcome).kind == "timeout"
        until(lambda: ended(int(mark.read_text())))

    def test_processes_without_end_cost_their_step_only(self, executor: Executor) -> None:
        failure = failure_of(self.perform(executor, "bomb", Limits(seconds=PATIENCE / 2)))
        assert (failure.kind, failure.error_type) == ("crash", "TooManyProcesses"), failure
        assert self.perform(executor, "echo").ok

    def test_cancelling_what_runs(self, executor: Executor, tmp_path: Path) -> None:
        future, pids = self.waiting(executor, tmp_path / "mark", "child")
        assert future.cancel()
        assert failure_of(future.result(PATIENCE)).kind == "cancelled"
        until(lambda: all(map(ended, pids)))
        assert not future.cancel()

    def test_cancelling_what_is_queued(self, own: Executor, tmp_path: Path) -> None:
        running, _ = self.waiting(own, tmp_path / "mark")
        queued = own.submit(Step(f"{HERE}:log", 1, {"file": str(tmp_path / "log"), "word": "x"}), Limits())
        assert queued.cancel()
        assert failure_of(queued.result(0)).kind == "cancelled"
        running.cancel()
        assert self.perform(own, "echo").ok
        assert not (tmp_path / "log").exists()

    def test_a_step_whose_worker_dies_is_performed_again(self, executor: Executor, tmp_path: Path) -> None:
        mark = tmp_path / "left"
        mark.write_text("1")
        assert self.perform(executor, "kill_parent", mark=str(mark)).value == "survived"

    def test_a_step_that_kills_its_worker_again_is_a_crash(self, executor: Executor, tmp_path: Path) -> None:
        mark = tmp_path / "left"
        mark.write_text("99")
        assert failure_of(self.perform(executor, "kill_parent", mark=str(mark))).kind == "crash"
        assert int(mark.read_text()) > 80
        assert self.perform(executor, "echo").ok

    def test_closing_ends_everything(self, own: Executor, tmp_path: Path) -> None:
        running, pids = self.waiting(own, tmp_path / "mark", "stranger")
        queued = [own.submit(Step(f"{HERE}:wait", 1, {"mark": ""}), Limits()) for _ in range(3)]
        own.close()
        assert all(f.done() for f in [running, *queued])
        assert {failure_of(f.result()).kind for f in [running, *queued]} == {"cancelled"}
        until(lambda: all(map(ended, pids)))

    def test_priority_then_order(self, own: Executor, tmp_path: Path) -> None:
        first, _ = self.waiting(own, tmp_path / "mark")
        file = tmp_path / "log"
        order = [("late", 5), ("b", 0), ("c", 0), ("a", -1)]
        futures = [
            own.submit(Step(f"{HERE}:log", 1, {"file": str(file), "word": word}), Limits(), priority)
            for word, priority in order
        ]
        first.cancel()
        wait(futures, PATIENCE)
        assert file.read_text().split() == ["a", "b", "c", "late"]

    def test_slots(self, executor: Executor, tmp_path: Path) -> None:
        futures = [self.waiting(executor, tmp_path / f"mark{n}")[0] for n in range(executor.slots)]
        further = executor.submit(Step(f"{HERE}:echo", 1, {}), Limits())
        assert not further.running()
        futures.pop().cancel()
        assert further.result(PATIENCE).ok
        for future in futures:
            future.cancel()

    def test_what_a_step_leaves_behind_is_killed(self, executor: Executor) -> None:
        outcome = self.perform(executor, "leave")
        until(lambda: ended(outcome.value))

    def test_global_generators_are_seeded(self, executor: Executor) -> None:
        assert self.perform(executor, "draw").value == self.perform(executor, "draw").value
