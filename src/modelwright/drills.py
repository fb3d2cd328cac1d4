"""Failures on purpose, to watch how a run survives them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from modelwright.plan import Plan
from modelwright.recipe import Use


def misnamed(plan: Plan) -> Plan:
    """The plan with an estimator that isn't registered."""
    return replace(plan, estimator=Use(f"{plan.estimator.action}_INVALID", plan.estimator.params))


def play(kind: str, scratch: Path) -> None:
    """Fail as asked, in a worker process; see :data:`PLAYS`.

    Args:
        kind: which failure.
        scratch: the step's own folder.

    Raises:
        RuntimeError: for ``error``.
        OSError: for ``disk``.
    """
    PLAYS[kind](scratch)


def _error(_: Path) -> None:
    raise RuntimeError("failed on purpose (error)")


def _crash(_: Path) -> None:
    """Read where nothing is, in native code."""
    import ctypes

    ctypes.string_at(0)


def _killed(_: Path) -> None:
    """As the kernel does when memory is short, or a person."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _hang(_: Path) -> None:
    """Sleep in native code that holds the interpreter's lock, deaf to all signals that one can be deaf to."""
    import ctypes

    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    while True:
        ctypes.PyDLL(None).sleep(3600)


def _leak(_: Path) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1 << 20) * 64))


def _fork(_: Path) -> None:
    """Fork again and again; only so often that no harm is done where nobody stops it."""
    for _round in range(8):
        os.fork()
        time.sleep(0.05)
    time.sleep(60)


def _fill(scratch: Path) -> None:
    """Write behind the end of any disk: the guard against full disks meets it, and no disk is filled."""
    with (scratch / "large").open("wb") as stream:
        stream.truncate(1 << 50)
    raise OSError("a file of a million gigabytes could be made")


PLAYS: dict[str, Callable[[Path], None]] = {
    "error": _error,
    "crash": _crash,
    "killed": _killed,
    "timeout": _hang,
    "memory": _leak,
    "processes": _fork,
    "disk": _fill,
}
"""An exception, a crash in native code, a death by SIGKILL, a hang that ignores signals, a leak, processes without end,
a full disk."""
