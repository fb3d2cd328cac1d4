"""Functions for steps that do one plain thing each, for testing executors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from modelwright.errors import NotApplicable, ProgramError
from modelwright.executors import Done, Workplace


def echo(workplace: Workplace, **args: Any) -> Done:
    """Give back the arguments and the workplace."""
    inputs = {name: path.read_text() for name, path in workplace.inputs.items()}
    wish = None if workplace.stop_at is None else workplace.stop_at - time.monotonic()
    told = {"seed": workplace.seed, "threads": workplace.threads, "wish": wish, "inputs": inputs, "pid": os.getpid()}
    return Done({"args": args, **told}, {})


def rich(workplace: Workplace) -> Done:
    """Give back values that JSON has no direct form for."""
    return Done({"tuple": (1, 2), "nan": float("nan"), "infinity": float("inf")}, {}, truncated=True)


def write(workplace: Workplace, text: str) -> Done:
    """Make an artefact."""
    path = workplace.scratch / "out.txt"
    path.write_text(text)
    return Done(None, {"out": path})


def shelve(workplace: Workplace, mark: str) -> Done:
    """Leave a file on the shelf, and say what lies there; ``None`` where there is no shelf."""
    if workplace.shelf is None:
        return Done(None, {})
    (workplace.shelf / mark).write_text(mark)
    return Done(sorted(path.name for path in workplace.shelf.iterdir()), {})


def measure(workplace: Workplace, size: int) -> Done:
    """Say what the inputs are, by digest and size, and make an artefact of so many bytes."""
    from modelwright.hashing import digest_file

    path = workplace.scratch / "large"
    block = bytes(range(256)) * 4096
    with path.open("wb") as stream:
        for start in range(0, size, len(block)):
            stream.write(block[: size - start])
    return Done({name: [digest_file(p), p.stat().st_size] for name, p in workplace.inputs.items()}, {"large": path})


def write_outside(workplace: Workplace, path: str, link: bool = False) -> Done:
    """Name a file as an artefact that isn't in the scratch folder, or a link to it that is."""
    inside = workplace.scratch / "link"
    if link:
        inside.symlink_to(path)
    return Done(None, {"out": inside if link else Path(path)})


def forget(workplace: Workplace) -> int:
    """Return something else than a ``Done``."""
    return 1


def fail(workplace: Workplace, kind: str) -> Done:
    """Raise."""
    raise {
        "value": ValueError("seven is not allowed"),
        "memory": MemoryError("Unable to allocate 3 GiB"),
        "exit": SystemExit(3),
        "declined": NotApplicable("this isn't for me"),
        "program": ProgramError("wrong", line=4),
        "unprintable": Unprintable(1, 2),
    }[kind]


class Unprintable(Exception):
    """An exception that can't be pickled and has no text."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.a, self.b = a, b

    def __str__(self) -> str:
        raise RuntimeError("no text")


def crash(workplace: Workplace, how: int) -> Done:
    """End the process by a signal, or with an exit status when negative."""
    print("about to end", flush=True)
    if how < 0:
        os._exit(-how)
    os.kill(os.getpid(), how)
    return Done(None, {})


def native(workplace: Workplace, how: str, mark: str = "") -> Done:
    """Go wrong in native code.

    Args:
        workplace: unused.
        how: ``segfault`` reads where nothing is; ``deaf`` sleeps inside a C library that holds the interpreter's lock
            while all signals are blocked, so that only SIGKILL can end it.
        mark: a file that says that it has begun.
    """
    import ctypes

    if mark:
        Path(mark).write_text(str(os.getpid()))
    if how == "segfault":
        ctypes.string_at(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    ctypes.PyDLL(None).sleep(60)
    return Done(None, {})


def bomb(workplace: Workplace) -> Done:
    """Fork without end, each process in a session of its own; a bound far above any limit keeps tests from harm."""
    for _ in range(9):
        os.fork()
        os.setsid() if os.getpid() != os.getpgrp() else None
        time.sleep(0.05)
    time.sleep(60)
    return Done(None, {})


def fill(workplace: Workplace, size: int, part: int) -> Done:
    """Write ``size`` bytes in files of ``part`` bytes, then wait."""
    for n in range(size // part):
        with (workplace.scratch / f"part{n}").open("wb") as stream:
            stream.write(b"x" * part)
    return wait(workplace, "")


def hog(workplace: Workplace, size: int, in_child: bool = False, chunk: int = 20 << 20) -> Done:
    """Take memory chunk by chunk here, or at once in a process of its own, and keep it for a while."""
    if in_child:
        program = "import sys, time; kept = bytearray(b'x') * int(sys.argv[1]); time.sleep(60)"
        subprocess.run([sys.executable, "-c", program, str(size)], check=False)
        return Done(None, {})
    kept = []
    for _ in range(size // chunk):
        kept.append(bytearray(b"x") * chunk)
        time.sleep(0.01)
    return wait(workplace, "")


def wait(workplace: Workplace, mark: str, family: str = "") -> Done:
    """Write the numbers of this process and its children into a file, then wait for long.

    Args:
        workplace: unused.
        mark: the file; none when empty.
        family: ``child`` for a child in the same session, ``stranger`` for one in a session of its own.
    """
    pids = [os.getpid()]
    if family:
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=family == "stranger"
        )
        pids.append(child.pid)
    if mark:
        partial = Path(f"{mark}.tmp")
        partial.write_text(" ".join(map(str, pids)))
        partial.replace(mark)
    time.sleep(60)
    return Done(None, {})


def wait_once(workplace: Workplace, mark: str) -> Done:
    """Wait like :func:`wait` when called for the first time; end at once later."""
    if Path(mark).exists():
        return Done("later", {})
    return wait(workplace, mark)


def leave(workplace: Workplace) -> Done:
    """End well, but leave a process in a session of its own behind."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    return Done(child.pid, {})


def log(workplace: Workplace, file: str, word: str) -> Done:
    """Append a word to a file."""
    with Path(file).open("a") as stream:
        stream.write(word + "\n")
    return Done(None, {})


def draw(workplace: Workplace) -> Done:
    """Draw from the global generators."""
    import random

    import numpy as np

    return Done([random.random(), float(np.random.rand()), hash("text")], {})


def once_more(workplace: Workplace, first: str, again: str) -> Done:
    """Wait for long the first time, with the process's number in the file ``first``; the next time write ``again``."""
    if Path(first).exists():
        Path(again).write_text(str(os.getpid()))
        return Done("performed again", {})
    return wait(workplace, first)


def kill_parent(workplace: Workplace, mark: str) -> Done:
    """Kill the parent process each time that it is called until ``mark`` counts down to nothing."""
    left = int(Path(mark).read_text())
    if left:
        Path(mark).write_text(str(left - 1))
        os.kill(os.getppid(), signal.SIGKILL)
        return wait(workplace, "")
    return Done("survived", {})
