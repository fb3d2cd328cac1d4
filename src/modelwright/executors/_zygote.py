"""The process that steps are forked from: it imports the heavy libraries once, and never computes.

A fork of a process that has computed with OpenMP can hang, hence "never". It has one thread, reads orders from a
socket, forks one child per step, and is the only one that watches, kills and reaps them. It ends, with everything it
started, when the other end of the socket closes, that is: when its host ends in whatever way.

Orders: ``{"do": "run", "id", "step", "limits", "folder", "artefacts", "shelf"}`` and ``{"do": "cancel", "id"}``.
Answers: ``{"is": "ready"}``, ``{"is": "started", "id", "pid"}`` and ``{"is": "ended", "id", "why", "exit", "seconds",
"cpu_seconds", "peak"}``; a step's result is a file in its folder. ``why`` is empty, or what the step was killed for:
``timeout``, ``memory`` (its own limit), ``pressure`` (the run's), ``processes``, ``disk`` or ``cancelled``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from modelwright.deferring import put_off
from modelwright.errors import disk_is_full
from modelwright.executors import _processes as processes
from modelwright.executors._task import perform
from modelwright.hashing import plain, restore
from modelwright.step import Limits, Step

NO_ROOM = 28
"""Exit status of a step that had no room on the disk to say how it ended."""
TICK = 0.05
"""Seconds between two looks at the memory and the time of running steps."""
ROOM = 512 << 20
"""Bytes that a step may map beyond twice its memory limit; less makes starting threads fail before the limit does."""

MOST_PROCESSES = 64
"""Processes that a step may have at a time; libraries start far fewer, and what runs away soon has more."""
LENGTH = 0.2
"""Seconds after which a step counts as one that takes a while."""
LOOKS = 10
"""Ticks between two looks at what a step has written: it takes more calls than looking at its memory."""


def send(sock: socket.socket, message: dict[str, Any]) -> None:
    """Send one message: its length in four bytes, then JSON."""
    data = json.dumps(message, allow_nan=False).encode()
    sock.sendall(struct.pack(">I", len(data)) + data)


def receive(sock: socket.socket) -> dict[str, Any] | None:
    """Receive one message, or ``None`` when the other end is gone."""
    try:
        head = _exactly(sock, 4)
        body = _exactly(sock, struct.unpack(">I", head)[0]) if head else b""
    except ConnectionError:  # reset: the other end died with unread messages
        return None
    message: dict[str, Any] | None = json.loads(body) if body else None
    return message


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), 1 << 20))
        if not part:
            return b""
        parts += part
    return bytes(parts)


@dataclass
class _Child:
    number: int
    pid: int
    started: float
    deadline: float
    memory: int
    folder: str
    disk: int
    why: str = ""
    peak: int = 0


class Zygote:
    """Forks, watches and reaps.

    Args:
        sock: the connection to the host.
        soon: modules to import whenever no order waits.
        later: modules to import while steps run that take a while.
        disk: bytes that a step may write; 0 for half of what is free when it starts.
        limit: bytes of memory for the host, this process and all steps; 0 for no limit.
        host: the host's process number.
    """

    def __init__(
        self,
        sock: socket.socket,
        soon: list[str],
        later: list[str],
        disk: int = 0,
        limit: int = 0,
        host: int = 0,
    ) -> None:
        self.sock, self.soon, self.later = sock, soon, later
        self.disk, self.limit, self.host = disk, limit, host
        self.looks = 0
        self.pid = os.getpid()
        self.children: dict[int, _Child] = {}
        self.wake, wake_up = os.pipe()
        for end in (self.wake, wake_up):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        processes.adopt_orphans()
        self.settle()

    def settle(self) -> None:
        """After imports: learn which thread pools there are, and keep steps' collectors off what they share."""
        from threadpoolctl import ThreadpoolController

        self.pools = ThreadpoolController()
        gc.freeze()
        self.settled = True

    def serve(self) -> None:
        """Take orders until the host is gone."""
        while True:
            due = self.due()
            wait = 0.0 if due or not self.settled else (TICK if self.children else None)
            readable, _, _ = select.select([self.sock.fileno(), self.wake], [], [], wait)
            if self.sock.fileno() in readable:
                order = receive(self.sock)
                if order is None:
                    return
                self.obey(order)
            elif due:
                preload([due.pop(0)])
                self.settled = False
            elif not self.settled:
                self.settle()
            if self.wake in readable:
                os.read(self.wake, 4096)
            self.watch()
            self.reap()

    def due(self) -> list[str]:
        """The modules that may be imported now, one at a time, as long as no order waits."""
        return self.soon or (self.later if self.all_at_length() else [])

    def all_at_length(self) -> bool:
        """Whether steps are running that don't look like ending in a moment: importing keeps nobody waiting then."""
        now = time.monotonic()
        return bool(self.children) and all(now - child.started > LENGTH for child in self.children.values())

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order."""
        if order["do"] == "run":
            self.fork(order)
        elif order["do"] == "cancel":
            for child in self.children.values():
                if child.number == order["id"]:
                    self.kill(child, "cancelled")

    def fork(self, order: dict[str, Any]) -> None:
        """Start a step in a child of its own."""
        if not self.settled:
            self.settle()
        limits = restore(Limits, order["limits"])
        room = os.statvfs(order["folder"])
        disk = self.disk or max(1 << 20, room.f_bavail * room.f_frsize // 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # libraries' idle threads, see the module's docstring
            pid = os.fork()
        if pid == 0:
            self.become_child(order, limits, disk)
        now = time.monotonic()
        deadline = now + limits.seconds
        self.children[pid] = _Child(order["id"], pid, now, deadline, limits.memory, order["folder"], disk)
        send(self.sock, {"is": "started", "id": order["id"], "pid": pid})

    def become_child(self, order: dict[str, Any], limits: Limits, disk: int) -> NoReturn:
        """Everything that happens in the child; it never returns."""
        code = 70
        try:
            os.setsid()
            processes.die_with_parent(self.pid)
            processes.adopt_orphans()
            processes.first_to_go()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.sock.close()
            os.close(self.wake)
            folder = Path(order["folder"])
            log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            processes.cap_files(disk)
            _run(order, limits, folder, self.pools)
            code = 0
        except BaseException as error:
            code = NO_ROOM if disk_is_full(error) else code
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def kill(self, child: _Child, why: str) -> None:
        """Kill a step with its descendants; what escapes comes to light as an orphan when it has ended."""
        child.why = child.why or why
        processes.kill_tree(child.pid)

    def watch(self) -> None:
        """Kill what has outrun its time, its memory, its processes or its disk."""
        now = time.monotonic()
        self.looks += 1
        used: dict[int, int] = {}
        for child in self.children.values():
            if now >= child.deadline:
                self.kill(child, "timeout")
            pids = processes.tree_of(child.pid, MOST_PROCESSES)
            if len(pids) > MOST_PROCESSES:
                self.kill(child, "processes")
            used[child.pid] = processes.memory_of(*pids)
            if len(pids) > 1 and child.memory and used[child.pid] > child.memory:
                used[child.pid] = processes.memory_shared_out(*pids)
            child.peak = max(child.peak, used[child.pid])
            if child.memory and child.peak > child.memory:
                self.kill(child, "memory")
            if self.looks % LOOKS == 0 and processes.disk_of(child.folder) > child.disk:
                self.kill(child, "disk")
        if self.limit and used:
            self.relieve(used)

    def relieve(self, used: dict[int, int]) -> None:
        """Kill the largest step when all together have come to the limit of the run.

        Pages that a step shares with this process are counted once.
        """
        shared = processes.memory_of(self.pid)
        total = processes.memory_of(self.host) + shared + sum(max(0, size - shared) for size in used.values())
        if total > self.limit:
            self.kill(self.children[max(used, key=lambda pid: used[pid])], "pressure")

    def reap(self) -> None:
        """Report ended steps, and kill what they left behind."""
        reaped = False
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            reaped = True
            child = self.children.pop(pid, None)
            if child is None:
                continue
            processes.kill_group(pid)
            unit = 1024 if processes.LINUX else 1
            send(
                self.sock,
                {
                    "is": "ended",
                    "id": child.number,
                    "why": child.why,
                    "exit": os.waitstatus_to_exitcode(status),
                    "seconds": time.monotonic() - child.started,
                    "cpu_seconds": usage.ru_utime + usage.ru_stime,
                    "peak": max(child.peak, usage.ru_maxrss * unit),
                },
            )
        if reaped:
            self.sweep()

    def sweep(self) -> None:
        """Kill orphans: children of this process that are no steps."""
        for pid in processes.children(self.pid):
            if pid not in self.children:
                processes.kill_tree(pid)

    def end(self) -> None:
        """Kill everything, and wait until it has ended."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for pid in processes.children(self.pid):
                processes.kill_tree(pid)
            try:
                os.wait4(-1, 0)
            except ChildProcessError:
                return


def _run(order: dict[str, Any], limits: Limits, folder: Path, pools: Any) -> None:
    import faulthandler

    import joblib

    faulthandler.enable()
    step = restore(Step, order["step"])
    if limits.memory:
        processes.cap_data(2 * limits.memory + ROOM)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        os.environ[name] = str(limits.threads)  # for libraries that aren't loaded yet
    _seed(step.seed)
    scratch, passing = folder / "scratch", folder / "tmp"
    scratch.mkdir()
    passing.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(passing)  # what libraries leave there goes with the step
    # Threads instead of processes inside a step: its processes would import everything anew.
    with pools.limit(limits=limits.threads), joblib.parallel_config(backend="threading"):
        artefacts, shelf = Path(order["artefacts"]), Path(order["shelf"])
        outcome = perform(step, limits, artefacts, scratch, processes.uncap_data, shelf)
    processes.uncap_data()
    partial = folder / "result.tmp"
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(plain(outcome), stream, allow_nan=False)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(folder / "result.json")


def _seed(seed: int) -> None:
    """Seed the global generators: a library that draws from them must not differ between two runs."""
    import random

    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


def preload(names: list[str]) -> None:
    """Import modules ahead of need. One that can't be imported is left to the step that needs it."""
    gc.disable()  # what is imported stays; looking for garbage in it took a sixth of the time
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"{name} could not be imported ahead: {error}", file=sys.stderr, flush=True)
    gc.enable()


def main() -> None:
    """Run the zygote on the socket whose descriptor is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(sock.fileno(), False)
    setup = receive(sock)
    if setup is None:
        return
    sys.path[:] = setup["path"]
    put_off()
    preload(["joblib", *setup["preload"]])
    restore(Step, plain(Step("warm:up", 1, {})))
    limits = {name: int(setup.get(name, 0)) for name in ("disk", "limit", "host")}
    zygote = Zygote(sock, list(setup["soon"]), list(setup["later"]), **limits)
    try:
        send(sock, {"is": "ready"})
        zygote.serve()
    except ConnectionError:
        pass  # the host is gone: nobody is left to report to
    finally:
        zygote.end()


if __name__ == "__main__":
    main()
