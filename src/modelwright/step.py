"""Durable steps: one call by its content, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modelwright.hashing import digest

Status = Literal["done", "reused", "refused", "failed", "skipped"]


@dataclass(frozen=True)
class Step:
    """One durable call. Two steps with the same content are the same step, and its result is stored once.

    Args:
        tool: the function, as ``package.module:name``. It takes the arguments by keyword and a
            :class:`~modelwright.executors.Workplace` first.
        version: raised whenever the function's result for the same arguments changes.
        args: plain JSON values; data by digest.
        inputs: digests of the stored artefacts it reads, by name.
        seed: the seed of every random choice in it.
    """

    tool: str
    version: int
    args: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    @property
    def key(self) -> str:
        """The content address."""
        return digest(self)


@dataclass(frozen=True)
class Limits:
    """What a step may use. Not part of its key.

    Args:
        seconds: wall-clock until it is killed.
        soft_seconds: wall-clock after which it should stop by itself with what it has; 0 for no wish.
        memory: bytes of resident memory until it is killed; 0 for no limit.
        threads: threads it may use.
    """

    seconds: float = 3600.0
    soft_seconds: float = 0.0
    memory: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Failure:
    """How a step or a program failed.

    Args:
        kind: timeout, memory, crash, cancelled, error (an exception), or program (a misuse of language or tools).
        message: one sentence.
        error_type: class of the exception, where there was one.
        stage: where: ``program``, ``fit``, ``predict``, ...
        detail: trimmed traceback or log.
        diagnosis: the cause, once known.
        remedy: what was done about it.
    """

    kind: Literal["error", "timeout", "memory", "crash", "cancelled", "program"]
    message: str
    error_type: str = ""
    stage: str = ""
    detail: str = ""
    diagnosis: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a step ended.

    Args:
        status: done, reused (from the store), refused (by the budget), failed, or skipped.
        value: the plain JSON result.
        artefacts: digests of the stored artefacts it made, by name.
        failure: what went wrong.
        seconds: wall-clock of the call when it was really made.
        cpu_seconds: processor time of the call when it was really made.
        peak_memory: bytes.
        truncated: whether it stopped early for lack of time, so that its result depends on the machine.
    """

    status: Status
    value: Any = None
    artefacts: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    truncated: bool = False

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.status in ("done", "reused")


@dataclass(frozen=True)
class Record:
    """One event of a run's log.

    Args:
        seq: position in the log, from 1.
        time: seconds since the epoch.
        kind: what happened, for instance ``experiment_finished``.
        body: the event's own plain JSON values.
        parent: ``seq`` of the event that led to it, 0 for none.
    """

    seq: int
    time: float
    kind: str
    body: Mapping[str, Any]
    parent: int = 0
