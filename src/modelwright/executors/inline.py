"""Steps in this very process, for tests and for stepping through with a debugger."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar, Self

from modelwright.executors import Executor, Setting
from modelwright.executors._task import clear, perform
from modelwright.step import Failure, Limits, Outcome, Step


class Inline(Executor):
    """Performs each step at once, in the thread that submits it; ``submit`` returns when it has ended.

    There is no isolation: limits on time and memory aren't enforced (``soft_seconds`` and ``threads`` are passed on),
    a crash is a crash of this process, and memory isn't measured. What can be relied on is that the same functions get
    the same workplace and that errors are reported the same way. ``KeyboardInterrupt`` passes through.

    Args:
        folder: the artefact folder; steps work in folders below its ``scratch``.
    """

    name: ClassVar[str] = "inline"

    def __init__(self, folder: Path) -> None:
        self.slots = 1
        self._folder, self._closed = folder.resolve(), False

    @classmethod
    def open(cls, address: str, setting: Setting) -> Self:
        """Steps in this process, one at a time, whatever the setting asks for."""
        return cls(setting.folder)

    def submit(self, step: Step, limits: Limits, priority: int = 0) -> Future[Outcome]:
        """Perform a step and return its ended future; after ``close`` the outcome is ``cancelled``."""
        future: Future[Outcome] = Future()
        if self._closed:
            future.set_result(Outcome("failed", failure=Failure("cancelled", "the step was cancelled")))
            return future
        (self._folder / "scratch").mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(prefix="inline-", dir=self._folder / "scratch"))
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            outcome = perform(step, limits, self._folder, scratch)
        finally:
            clear(scratch)
        future.set_result(replace(outcome, seconds=time.perf_counter() - wall, cpu_seconds=time.process_time() - cpu))
        return future

    def close(self) -> None:
        """Refuse further steps; nothing can be running."""
        self._closed = True
