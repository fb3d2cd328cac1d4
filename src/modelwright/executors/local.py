"""Steps in processes of their own on this machine, each with a time and a memory limit.

A zygote (:mod:`modelwright.executors._zygote`) imports the heavy libraries once and forks one process per step: a
step starts in some tens of milliseconds, nothing that happens in it reaches another one, and nothing outlives the
process that made the executor.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import uuid4

from modelwright.errors import DISK_FULL, RequestError
from modelwright.executors import Executor, Setting, apportioned, cores, share_of_memory
from modelwright.executors import _processes as processes
from modelwright.executors._task import DETAIL_LENGTH, clear
from modelwright.executors._zygote import MOST_PROCESSES, NO_ROOM, receive, send
from modelwright.hashing import plain, restore
from modelwright.step import Failure, Limits, Outcome, Step

PRELOAD = ("numpy", "pandas", "pyarrow", "pyarrow.ipc")
"""Imported before the first step: what every step needs."""
SOON = (
    "scipy.sparse", "sklearn.compose", "sklearn.ensemble",
    "sklearn.feature_extraction.text", "sklearn.feature_selection", "sklearn.impute", "sklearn.linear_model",
    "sklearn.metrics", "sklearn.model_selection", "sklearn.pipeline", "sklearn.preprocessing", "lightgbm",
)  # fmt: skip
"""Imported as soon as no step waits to be started: what nearly every step needs."""
LATER = ("scipy.stats.mstats", "xgboost", "catboost", "skops.io")
"""Imported while the first steps that take a while are running; see :mod:`modelwright.deferring` for scipy."""
_NEAR = 0.85


def now_and_soon(preload: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is imported before the first step, and what as soon as none waits; see ``preload`` of :class:`Setting`."""
    return (*PRELOAD, *preload[:1]), (*SOON, *preload[1:])


class StepFuture(Future[Outcome]):
    """A future that can be cancelled while its step runs, and whose result is then a ``cancelled`` outcome."""

    def __init__(self, executor: Local, number: int) -> None:
        super().__init__()
        self._executor, self._number = executor, number

    def cancel(self) -> bool:
        """Stop the step; ``False`` when it has ended already."""
        return self._executor._cancel(self._number)


@dataclass(eq=False)
class _Task:
    number: int
    step: Step
    limits: Limits
    future: StepFuture
    folder: Path
    pid: int = 0
    attempts: int = 0
    cancelled: bool = False


class Local(Executor):
    """Performs steps in processes forked from a zygote. Needs Linux, or macOS with fewer guarantees.

    Args:
        slots: how many steps run at a time.
        folder: the artefact folder; steps work in folders below its ``scratch``.
        memory: bytes of resident memory for a step whose limits name none; 0 for no limit.
        preload: modules to import before the first step.
        soon: modules to import whenever no step waits to be started.
        later: modules to import while the first steps that take a while are running.
        disk: bytes that a step may write; 0 for half of what is free when it starts.
        limit: bytes for this process and all steps together, beyond which the largest step is stopped; 0 for no limit.

    A step that outruns its memory is killed within a twentieth of a second; the memory of its descendants counts, that
    of mapped files doesn't. So is one that has more than 64 processes at a time; what it has written is looked at twice
    a second. When the zygote itself is killed, a new one is started, and the steps that were running are performed once
    more; so is a step that somebody else killed (SIGKILL). On macOS, a step whose zygote and host are both killed at
    once runs on to its end.

    Raises:
        RequestError: on a platform without ``fork``.
    """

    name: ClassVar[str] = "local"

    def __init__(
        self,
        slots: int,
        folder: Path,
        memory: int = 0,
        preload: Sequence[str] = PRELOAD,
        soon: Sequence[str] = (),
        later: Sequence[str] = LATER,
        disk: int = 0,
        limit: int = 0,
    ) -> None:
        if not hasattr(os, "fork"):
            raise RequestError("the local executor needs Linux or macOS; on Windows run modelwright inside WSL")
        if slots < 1:
            raise RequestError(f"at least one worker is needed, not {slots}")
        self.slots, self._folder, self.memory, self._limit = slots, folder.resolve(), memory, limit
        self._preload, self._soon, self._later, self._disk = list(preload), list(soon), list(later), disk
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._queue: list[tuple[int, int, _Task]] = []
        self._running: dict[int, _Task] = {}
        self._tasks: dict[int, _Task] = {}
        self._closed = self._ready = False
        self._false_starts = 0
        self._broken = ""
        scratch = self._folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        _sweep(scratch)
        self._scratch = scratch / f"{os.getpid()}-{uuid4().hex[:8]}"
        self._scratch.mkdir()
        self._shelf = self._scratch / "shelf"
        self._shelf.mkdir()
        self._start()
        self._listener = threading.Thread(target=self._listen, name="modelwright-executor", daemon=True)
        self._listener.start()

    @classmethod
    def open(cls, address: str, setting: Setting) -> Self:
        """Processes on this machine, by default as many as it has cores."""
        slots = setting.workers or cores()
        preload, soon = now_and_soon(setting.preload)
        if not setting.memory:
            return cls(slots, setting.folder, share_of_memory(slots), preload, soon)
        fewer, memory = apportioned(setting.memory, slots)
        # Where memory is short, what few steps need isn't imported for all of them.
        later = LATER if fewer == slots else ()
        return cls(fewer, setting.folder, memory, preload, soon, later, limit=setting.memory)

    def submit(self, step: Step, limits: Limits, priority: int = 0) -> Future[Outcome]:
        """Queue a step; see :class:`~modelwright.executors.Executor`. After ``close`` the outcome is ``cancelled``."""
        number = next(self._numbers)
        limits = replace(limits, memory=limits.memory or self.memory)
        future = StepFuture(self, number)
        task = _Task(number, step, limits, future, self._scratch / str(number))
        with self._lock:
            refused = _cancelled() if self._closed else _crash(self._broken) if self._broken else None
            if refused is None:
                self._tasks[number] = task
                heapq.heappush(self._queue, (priority, number, task))
                self._dispatch()
        if refused is not None:
            future.set_result(refused)
        return future

    def close(self) -> None:
        """Stop everything that is running or queued, and wait until it has ended."""
        with self._lock:
            first, self._closed = not self._closed, True
            ended = [task for _, _, task in self._queue]
            self._queue.clear()
            for task in self._running.values():
                task.cancelled = True
            if first:
                if self._running:
                    _hang_up(self._socket)
                else:
                    self._zygote.kill()  # it may still be importing, and nothing depends on it
        for task in ended:
            self._end(task, _cancelled())
        if threading.current_thread() is not self._listener:  # a future's callback may close, too
            self._listener.join()
            clear(self._scratch)

    # ── towards the zygote; called with the lock held ──

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        cores = os.cpu_count() or 1
        path = [entry or str(Path.cwd()) for entry in sys.path]
        environment = os.environ | {
            "OMP_NUM_THREADS": str(max(1, cores // self.slots)),
            "OPENBLAS_NUM_THREADS": "1",
            # Waiting threads that spin take the cores away from the steps beside them. Some microseconds are worth it:
            # where a step has all cores to itself, a virtual one that fell asleep takes many times as long to wake.
            "OMP_WAIT_POLICY": "passive",
            "GOMP_SPINCOUNT": "1000",
            "KMP_BLOCKTIME": "0",
            # Arrow's allocator sets a GiB aside at once: mapped, if untouched, it leaves no room below a small limit,
            # and OpenBLAS tries for ever to get some. In KiB.
            "MIMALLOC_ARENA_RESERVE": str(64 << 10),
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(p for p in path if os.pathsep not in p),
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        }
        with theirs, (self._scratch / "zygote.log").open("ab") as log:
            self._zygote = subprocess.Popen(
                [sys.executable, "-P", "-m", "modelwright.executors._zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
        self._socket, self._ready = ours, False
        modules = {"preload": self._preload, "soon": self._soon, "later": self._later}
        self._tell({"path": path, **modules, "disk": self._disk, "limit": self._limit, "host": os.getpid()})

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            send(self._socket, message)
        except OSError:
            _hang_up(self._socket)  # the listener sees the end of the connection and starts anew

    def _dispatch(self) -> None:
        while self._ready and not self._closed and self._queue and len(self._running) < self.slots:
            task = heapq.heappop(self._queue)[2]
            task.attempts += 1
            task.pid = 0
            try:
                clear(task.folder)
                task.folder.mkdir()
            except OSError as error:
                told = _failed("crash", f"there is no place for the step: {error.strerror}", "", DISK_FULL)
                # Not from here: the future's callbacks may submit, and the lock is held.
                threading.Thread(target=self._end, args=(task, told)).start()
                continue
            self._running[task.number] = task
            if not task.future.running():
                task.future.set_running_or_notify_cancel()
            self._tell(
                {
                    "do": "run",
                    "id": task.number,
                    "step": plain(task.step),
                    "limits": plain(task.limits),
                    "folder": str(task.folder),
                    "artefacts": str(self._folder),
                    "shelf": str(self._shelf),
                }
            )

    def _cancel(self, number: int) -> bool:
        with self._lock:
            task = self._tasks.get(number)
            if task is None:
                return False
            task.cancelled = True
            if number in self._running:
                self._tell({"do": "cancel", "id": number})
                return True
            self._queue = [entry for entry in self._queue if entry[2] is not task]
            heapq.heapify(self._queue)
        self._end(task, _cancelled())
        return True

    # ── from the zygote; in the listener's thread ──

    def _listen(self) -> None:
        while True:
            message = receive(self._socket)
            if message is None:
                if not self._revive():
                    return
            elif message["is"] == "ended":
                self._ended(message)
            else:
                with self._lock:
                    if message["is"] == "ready":
                        self._ready, self._false_starts = True, 0
                        self._dispatch()
                    else:
                        self._running[message["id"]].pid = message["pid"]

    def _ended(self, message: dict[str, Any]) -> None:
        with self._lock:
            task = self._running.pop(message["id"])
            if not self._closed and _taken_away(task, message):
                heapq.heappush(self._queue, (-(1 << 30), task.number, task))
                self._dispatch()
                return
        self._end(task, _outcome(task, message))
        with self._lock:
            self._dispatch()

    def _revive(self) -> bool:
        """After the zygote's end: start another one, unless this executor is closed or starting fails again."""
        self._socket.close()
        try:
            self._zygote.wait(15)
        except subprocess.TimeoutExpired:
            self._zygote.kill()
            self._zygote.wait()
        ended: list[tuple[_Task, Outcome]] = []
        with self._lock:
            lost = list(self._running.values())
            self._running.clear()
            for task in lost:
                if task.pid:
                    processes.kill_group(task.pid)
            if not self._ready and not self._closed:
                self._false_starts += 1
            if self._false_starts >= 2:
                self._broken = f"the worker process can't be started: {_tail(self._scratch / 'zygote.log')}"
            for task in lost:
                if task.cancelled:
                    ended.append((task, _cancelled()))
                elif task.attempts < 2 and not self._broken:
                    heapq.heappush(self._queue, (-(1 << 30), task.number, task))
                else:
                    ended.append((task, _crash("the process that steps are forked from was killed twice during it")))
            if self._broken:
                ended += [(task, _crash(self._broken)) for _, _, task in self._queue]
                self._queue.clear()
            go_on = not self._closed and not self._broken
            self._later = []  # an import may have been what killed it
            if go_on:
                self._start()
        for task, outcome in ended:
            self._end(task, outcome)
        return go_on

    def _end(self, task: _Task, outcome: Outcome) -> None:
        """Give a task its outcome; without the lock, since the future's callbacks may submit and cancel."""
        with self._lock:
            if self._tasks.pop(task.number, None) is None:
                return
        clear(task.folder)
        task.future.set_result(outcome)


def _taken_away(task: _Task, message: dict[str, Any]) -> bool:
    """Whether a step was killed by somebody else, the kernel or a person, for the first time: it may have done nothing.

    What dies so again is taken for the cause.
    """
    if task.cancelled or task.attempts > 1 or message["why"] or message["exit"] != -signal.SIGKILL:
        return False
    full = task.limits.memory and message["peak"] >= _NEAR * task.limits.memory
    return not full and not (task.folder / "result.json").exists()


def _outcome(task: _Task, message: dict[str, Any]) -> Outcome:
    """What a step's end means: its own word if it could still give one, else the way its process ended."""
    peak, limit, code, result = message["peak"], task.limits.memory, message["exit"], task.folder / "result.json"
    if task.cancelled:
        outcome = _cancelled()
    elif result.exists():
        outcome = restore(Outcome, json.loads(result.read_text(encoding="utf-8")))
    elif message["why"] == "timeout":
        outcome = _failed("timeout", f"the step was stopped after {task.limits.seconds:g} s, its time limit")
    else:
        log = _tail(task.folder / "log")
        name = signal.Signals(-code).name if code < 0 else ""
        if code == NO_ROOM:
            outcome = _failed("crash", "the disk is full", log, error_type=DISK_FULL)
        elif message["why"] == "memory" or (
            name and not message["why"] and ((limit and peak >= _NEAR * limit) or "bad_alloc" in log)
        ):
            words = f"; its limit is {_mib(limit)}" if limit else ""
            outcome = _failed("memory", f"the step ran out of memory at {_mib(peak)}{words}", log)
        elif message["why"] == "pressure":
            words = f"the step was stopped at {_mib(peak)}, because the run had come to its memory limit"
            outcome = _failed("memory", words, log)
        elif message["why"] in _RAN_AWAY:
            kind, words = _RAN_AWAY[message["why"]]
            outcome = _failed("crash", words, log, error_type=kind)
        elif name:
            hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
            outcome = _failed("crash", f"the step's process was killed by {name}{hint}", log, error_type=name)
        else:
            outcome = _failed("crash", f"the step's process ended with exit status {code} and no result", log)
    return replace(outcome, seconds=message["seconds"], cpu_seconds=message["cpu_seconds"], peak_memory=peak)


_RAN_AWAY = {
    "processes": (
        "TooManyProcesses",
        f"the step was stopped because it had started more than {MOST_PROCESSES} processes; a library in it runs away",
    ),
    "disk": (
        "TooMuchDisk",
        "the step was stopped because it had written half of the free disk; free some, or choose another --out",
    ),
}


def _failed(kind: Any, message: str, detail: str = "", error_type: str = "") -> Outcome:
    return Outcome("failed", failure=Failure(kind, message, error_type=error_type, detail=detail))


def _cancelled() -> Outcome:
    return _failed("cancelled", "the step was cancelled")


def _crash(message: str) -> Outcome:
    return _failed("crash", message)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _tail(log: Path) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - DETAIL_LENGTH))
        return stream.read().decode("utf-8", "replace").strip()


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be down already
        sock.shutdown(socket.SHUT_RDWR)


def _sweep(scratch: Path) -> None:
    """Remove the folders of executors whose process is gone."""
    for folder in scratch.iterdir():
        owner = folder.name.partition("-")[0]
        if folder.is_dir() and owner.isdigit() and not processes.is_alive(int(owner)):
            clear(folder)
