"""Executors: where steps are performed.

An executor calls the step's function in a place of its own with the step's limits, and reports how it ended. It knows
nothing of what the function does.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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
    """

    artefacts: Path
    scratch: Path
    inputs: dict[str, Path]
    seed: int
    threads: int
    stop_at: float | None


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


class Executor(Protocol):
    """Performs steps. Any number may be submitted; at most ``slots`` run at a time, in the order of priority."""

    slots: int

    def submit(self, step: Step, limits: Limits, priority: int = 0) -> Future[Outcome]:
        """Queue a step. The future's result is an outcome for every way in which it can end; it never raises.

        Cancelling the future stops the step, also when it is running, and makes its outcome ``cancelled``.
        Of two queued steps the one with the lower priority number starts first, then the one submitted first.
        """

    def close(self) -> None:
        """Stop everything that is running or queued, and wait until it has ended."""
