"""Performs steps: look up, submit, store, record."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from modelwright.errors import DISK_FULL, StorageError
from modelwright.executors import Executor
from modelwright.step import Limits, Outcome, Record, Step
from modelwright.stores import Store


class Engine:
    """Performs each step once.

    A step whose outcome is in the store isn't performed again; a step that is being performed for somebody else is
    waited for. Every outcome is stored and told in the log before anybody sees it. Any number of threads may use one
    engine.

    Args:
        store: where outcomes, artefacts and events are kept.
        executor: where steps are performed.
        slots: how many steps the run reckons with; as many as the executor performs at a time, by default. Experiments
            are designed by it, so it stays what it was at the run's first start, whatever machines come and go.
    """

    def __init__(self, store: Store, executor: Executor, slots: int = 0) -> None:
        self.store = store
        self.executor = executor
        self.slots = slots or executor.slots
        self._flying: dict[str, Future[Outcome]] = {}
        self._fault: StorageError | None = None
        self._bookkeeping: list[float] = []
        self._lock = threading.RLock()

    @property
    def bookkeeping(self) -> Mapping[str, float]:
        """What steps took besides being performed: to be addressed, looked up, stored and logged.

        The number of ``steps`` so far, all their ``seconds``, and the ``median`` and the ``worst`` of one.
        """
        with self._lock:
            spent = sorted(self._bookkeeping) or [0.0]
            steps = len(self._bookkeeping)
        return {"steps": steps, "seconds": sum(spent), "median": spent[len(spent) // 2], "worst": spent[-1]}

    def tell(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event to the run's log."""
        return self.store.append(kind, body, parent)

    def submit(self, step: Step, limits: Limits, *, stage: str, priority: int = 0, parent: int = 0) -> Future[Outcome]:
        """Have a step performed, unless it has been.

        Args:
            step: what to perform.
            limits: what it may use.
            stage: what it is for, for the log: ``"fit"``, ``"refit"``, ``"judge"`` …
            priority: lower goes first.
            parent: the event that led to it.

        Returns:
            A future whose result is the outcome; it raises nothing else than what is said below. Cancelling it stops
            the step.

        Raises:
            StorageError: when there is no room for what a step brings, or the store can't be written to. From then
                on every call raises it, and futures do.
        """
        began, key = time.perf_counter(), step.key
        with self._lock:
            if self._fault is not None:
                raise self._fault
            known = self.store.lookup(key)
            if known is not None:
                done: Future[Outcome] = Future()
                done.set_result(replace(known, status="reused") if known.ok else known)
                self._log(step, key, done.result(), stage, parent, began)
                return done
            if key in self._flying:
                return self._flying[key]
            spent = time.perf_counter() - began
            self._localise(step)
            inner = self.executor.submit(step, limits, priority)
            outer = _Linked(inner)
            self._flying[key] = outer

        def finish(ended: Future[Outcome]) -> None:
            outcome, began = ended.result(), time.perf_counter() - spent
            try:
                if outcome.failure is not None and outcome.failure.error_type == DISK_FULL:
                    raise StorageError(f"a step has no room to work in: {outcome.failure.message}")
                self.store.record(key, outcome)
                self._log(step, key, outcome, stage, parent, began)
            except StorageError as error:
                self._fault = error  # nobody could keep what further steps bring
            finally:
                with self._lock:
                    self._flying.pop(key, None)
                if self._fault is None:
                    outer.set_result(outcome)
                else:
                    outer.set_exception(self._fault)

        inner.add_done_callback(finish)
        return outer

    def perform(self, step: Step, limits: Limits, *, stage: str, priority: int = 0, parent: int = 0) -> Outcome:
        """Have a step performed and wait for it."""
        return self.submit(step, limits, stage=stage, priority=priority, parent=parent).result()

    def _localise(self, step: Step) -> None:
        """Have the step's inputs on this machine; the step itself says what is missing."""
        for digest in step.inputs.values():
            with contextlib.suppress(KeyError):
                self.store.path(digest)

    def _log(self, step: Step, key: str, outcome: Outcome, stage: str, parent: int, began: float) -> None:
        body = {
            "key": key,
            "tool": step.tool,
            "stage": stage,
            "status": outcome.status,
            "seconds": round(outcome.seconds, 4),
            "cpu_seconds": round(outcome.cpu_seconds, 4),
            "peak_memory": outcome.peak_memory,
            "truncated": outcome.truncated,
            "inputs": dict(step.inputs),
            "artefacts": dict(outcome.artefacts),
        }
        if outcome.failure is not None:
            body["failure"] = outcome.failure
        self.store.append("step", body, parent)
        with self._lock:
            self._bookkeeping.append(time.perf_counter() - began)


class _Linked(Future[Outcome]):
    """The engine's own future: it has its result only after the outcome was stored; cancelling passes through."""

    def __init__(self, inner: Future[Outcome]) -> None:
        super().__init__()
        self._inner = inner

    def cancel(self) -> bool:
        return self._inner.cancel()

    def running(self) -> bool:
        return self._inner.running()
