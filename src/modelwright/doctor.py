"""Checks that everything modelwright needs is there and works."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from modelwright.executors import cores
from modelwright.run import LIBRARIES, versions


def examine(say: Callable[[str], object]) -> bool:
    """Check interpreter, libraries, sandbox, workers and disk; say each finding.

    Args:
        say: takes one line at a time.

    Returns:
        Whether everything is fine.
    """
    import psutil

    memory = psutil.virtual_memory()
    say(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {cores()} cores")
    say(f"memory: {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GB free")
    found = versions()
    for name, number in found.items():
        say(f"{name} {number}")
    fine = True
    for name in LIBRARIES:
        if name not in found:
            say(f"missing: {name}; install it with: pip install --force-reinstall modelwright")
            fine = False
    for what, check in (("sandbox", _sandbox), ("worker processes", _workers), ("store", _store)):
        try:
            check()
            say(f"{what}: works")
        except Exception as error:
            # Whatever breaks here is what the command is for: it is told, and the other checks go on.
            say(f"{what}: broken: {type(error).__name__}: {error}")
            fine = False
    return fine


def _sandbox() -> None:
    from modelwright.sandbox import SandboxLimits, run

    value = run("double(21)", inputs={}, tools={"double": lambda x: 2 * x}, limits=SandboxLimits()).value
    if value != 42:
        raise RuntimeError(f"a program gave {value!r} instead of 42")


def _workers() -> None:
    from modelwright.executors.local import Local
    from modelwright.step import Limits, Step

    with tempfile.TemporaryDirectory() as folder, Local(1, Path(folder)) as executor:
        step = Step("modelwright.doctor:answer", 1, {"question": 6})
        outcome = executor.submit(step, Limits(seconds=120.0)).result()
        if not outcome.ok or outcome.value != 42:
            raise RuntimeError(f"a step ended as {outcome.status}: {outcome.failure}")


def _store() -> None:
    from modelwright.stores.folder import Folder

    with tempfile.TemporaryDirectory() as folder:
        store = Folder(Path(folder))
        if store.get(store.put(b"42")) != b"42":
            raise RuntimeError("what was stored came back changed")
        store.close()


def answer(place: object, *, question: int) -> object:
    """A step for checking that worker processes work."""
    from modelwright.executors import Done

    return Done(question * 7, {})
