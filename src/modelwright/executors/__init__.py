"""Executors: where steps are performed.

An executor calls the step's function in a place of its own with the step's limits, and reports how it ended. It knows
nothing of what the function does.

To add one, write a class that derives from :class:`Executor` in a module of this folder; ``--executor`` finds it.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from modelwright.errors import RequestError
from modelwright.registry import classes
from modelwright.step import Limits, Outcome, Step


@dataclass(frozen=True)
class Workplace:
    """What a step's function is given besides its arguments.

    Args:
        artefacts: the folder that holds artefacts, each in a file named after its digest: ``ab/abcdef…``.
        scratch: an empty folder of the step's own; files put here and named in the result become artefacts.
        inputs: the step's inputs, by name, as files.
        seed: the step's seed.
        threads: threads it may use.
        stop_at: ``time.monotonic()`` after which it should stop with what it has; ``None`` for no wish.
        shelf: a folder that the executor's steps share for as long as it lives, see :mod:`modelwright.shelf`; ``None``
            where there is none.
    """

    artefacts: Path
    scratch: Path
    inputs: dict[str, Path]
    seed: int
    threads: int
    stop_at: float | None
    shelf: Path | None = None


@dataclass(frozen=True)
class Done:
    """What a step's function returns.

    Args:
        value: plain JSON values.
        files: files in the scratch folder that become artefacts, by artefact name.
        truncated: whether it stopped early for lack of time.
    """

    value: Any
    files: dict[str, Path]
    truncated: bool = False


StepFunction = Callable[..., Done]


@dataclass(frozen=True)
class Setting:
    """What a run asks of its executor.

    Args:
        folder: the artefact folder.
        workers: steps at a time at most; 0 for as many as the place has processor cores.
        memory: bytes of resident memory that the run may take, where it runs on one machine, else that a step may; 0
            for a share of the machine's.
        preload: modules that steps need: the first one is imported before the first step, the others as soon as no step
            waits for it.
    """

    folder: Path
    workers: int = 0
    memory: int = 0
    preload: tuple[str, ...] = ()


class Executor(ABC):
    """Performs steps. Any number may be submitted; at most ``slots`` run at a time, in the order of priority.

    ``slots`` may change while steps run, where machines come and go.

    Attributes:
        memory: bytes of resident memory that a step whose limits name none may take; 0 for no limit, or an unknown one.

    Class attributes:
        name: what ``--executor`` calls it.
        addresses: how ``--executor`` may be written, for people.
    """

    name: ClassVar[str] = ""
    addresses: ClassVar[tuple[str, ...]] = ()
    slots: int
    memory: int = 0

    @classmethod
    def understands(cls, address: str) -> bool:
        """Whether an address, as given to ``--executor``, is one of this executor's."""
        return address == cls.name

    @classmethod
    @abstractmethod
    def open(cls, address: str, setting: Setting) -> Self:
        """Make the executor that an address names.

        Raises:
            RequestError: when the address can't be honoured; one sentence.
            MissingExtra: when a library that it needs isn't installed.
        """

    @abstractmethod
    def submit(self, step: Step, limits: Limits, priority: int = 0) -> Future[Outcome]:
        """Queue a step. The future's result is an outcome for every way in which it can end; it never raises.

        Cancelling the future stops the step, also when it is running, and makes its outcome ``cancelled``.
        Of two queued steps the one with the lower priority number starts first, then the one submitted first.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop everything that is running or queued, and wait until it has ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def find(address: str) -> type[Executor]:
    """The executor that understands an address.

    Raises:
        RequestError: when there is none; it names those that there are.
    """
    members = classes(__name__, Executor)  # type: ignore[type-abstract]  # looked up by, never made
    for member in members.values():
        if member.understands(address):
            return member
    known = ", ".join(way for member in members.values() for way in member.addresses or (member.name,))
    raise RequestError(f"there is no executor {address[:80]!r}; choose one of {known}")


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


HOST = 420 << 20
"""Bytes that a run takes besides its steps: the command itself, sandboxes, and the libraries that steps share."""
SHARED = 160 << 20
"""Bytes of those that each step counts as its own: the libraries of the process that it was forked from."""
LEAST = 120 << 20
"""Bytes of its own below which a step gets nowhere."""


def apportioned(limit: int, steps: int) -> tuple[int, int]:
    """How many of so many steps may run at a time within a run's memory limit, and the bytes that each may take.

    Args:
        limit: bytes for the whole run.
        steps: steps that would run at a time.

    Raises:
        RequestError: when not even one step would fit.
    """
    room = limit - HOST
    if room < LEAST:
        raise RequestError(
            f"a run can't be kept below {limit >> 20} MiB of memory; give --memory-limit at least "
            f"{(HOST + LEAST) >> 20}M"
        )
    slots = max(1, min(steps, room // (2 * LEAST)))
    return slots, SHARED + room // slots


def share_of_memory(steps: int) -> int:
    """Bytes that one of so many simultaneous steps may use: what is free here, divided among them, less a reserve."""
    import psutil

    return max(1 << 30, int(0.8 * psutil.virtual_memory().available / (steps + 1)))
