"""The near end of executors that have steps performed somewhere else: a queue, and a thread for each step under way."""

from __future__ import annotations

import heapq
import itertools
import threading
from abc import abstractmethod
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from modelwright.executors import Executor
from modelwright.step import Failure, Limits, Outcome, Step

ATTEMPTS = 3
"""How often a step is begun when the place that performs it is lost. A step that takes its place down must end."""


class ElsewhereFuture(Future[Outcome]):
    """A future that can be cancelled while its step runs, and whose result is then a ``cancelled`` outcome."""

    def __init__(self, executor: Elsewhere, number: int) -> None:
        super().__init__()
        self._executor, self._number = executor, number

    def cancel(self) -> bool:
        """Stop the step; ``False`` when it has ended already."""
        return self._executor._cancel(self._number)


@dataclass(eq=False)
class Task:
    """A step that was submitted.

    Args:
        number: counts submissions.
        step, limits, priority: as they were submitted.
        future: where its outcome goes.
        place: where it is performed at present, in the member's own terms.
        failed: places that were lost, or failed, while they performed it.
        attempts: how often it was begun.
        lost: how its last place was lost, in words.
        cancelled: set when somebody cancelled it.
    """

    number: int
    step: Step
    limits: Limits
    priority: int
    future: ElsewhereFuture
    place: Any = None
    failed: list[Any] = field(default_factory=list)
    attempts: int = 0
    lost: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)


class Lost(Exception):
    """The place where a step was performed is gone, or couldn't do its part; another one may."""


class Elsewhere(Executor):
    """Queues steps, and gives each a thread that waits for its end.

    A member says where the next step can go (:meth:`_place`), has it performed (:meth:`_perform`), and stops it
    (:meth:`_stop`). A step whose place is lost goes back to the head of the queue, ``ATTEMPTS`` times in all.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._queue: list[tuple[int, int, Task]] = []
        self._tasks: dict[int, Task] = {}
        self._running: dict[int, Task] = {}
        self._threads: set[threading.Thread] = set()
        self._closed, self._broken = False, ""

    # ── what a member provides ──

    @abstractmethod
    def _place(self, task: Task) -> Any:
        """Where this task can be performed now; ``None`` to have it wait. Called with the lock held.

        Raises:
            Refused: when it can't be performed anywhere.
        """

    @abstractmethod
    def _perform(self, task: Task) -> Outcome:
        """Perform a task at its place, in a thread of its own.

        Raises:
            Lost: when the place is gone.
        """

    @abstractmethod
    def _stop(self, task: Task) -> None:
        """Ask for the end of a running task; :meth:`_perform` then returns. It mustn't block."""

    # ── what every member does the same way ──

    def submit(self, step: Step, limits: Limits, priority: int = 0) -> Future[Outcome]:
        """Queue a step; see :class:`~modelwright.executors.Executor`. After ``close`` the outcome is ``cancelled``."""
        number = next(self._numbers)
        task = Task(number, step, limits, priority, ElsewhereFuture(self, number))
        with self._lock:
            refused = cancelled() if self._closed else crash(self._broken) if self._broken else None
            if refused is None:
                self._tasks[number] = task
                heapq.heappush(self._queue, (priority, number, task))
        if refused is not None:
            task.future.set_result(refused)
        else:
            self._dispatch()
        return task.future

    def close(self) -> None:
        """Stop everything that is running or queued, and wait until it has ended."""
        with self._lock:
            self._closed = True
            queued = [task for _, _, task in self._queue]
            self._queue.clear()
            running = list(self._running.values())
            threads = list(self._threads)
            for task in running:
                task.cancelled.set()
        for task in running:
            self._stop(task)
        for task in queued:
            self._end(task, cancelled())
        for thread in threads:
            if thread is not threading.current_thread():  # a future's callback may close, too
                thread.join()

    def _dispatch(self) -> None:
        """Begin whatever can begin."""
        refused: list[tuple[Task, Outcome]] = []
        with self._lock:
            while not self._closed and self._queue and len(self._running) < self.slots:
                task = self._queue[0][2]
                try:
                    place = self._place(task)
                except Refused as error:
                    heapq.heappop(self._queue)
                    refused.append((task, error.outcome))
                    continue
                if place is None:
                    break
                heapq.heappop(self._queue)
                task.place = place
                task.attempts += 1
                self._running[task.number] = task
                if not task.future.running():
                    task.future.set_running_or_notify_cancel()
                thread = threading.Thread(target=self._attend, args=(task,), name="modelwright-step", daemon=True)
                self._threads.add(thread)
                thread.start()
        for task, outcome in refused:
            self._end(task, outcome)

    def _attend(self, task: Task) -> None:
        outcome: Outcome | None = None
        try:
            outcome = self._perform(task)
        except Lost as error:
            task.lost = str(error)
        except BaseException as error:
            # Whatever goes wrong on this side costs the step and nothing else; a future never raises.
            outcome = crash(f"the step could not be handed over: {type(error).__name__}: {error}"[:1000])
        with self._lock:
            self._running.pop(task.number, None)
            self._threads.discard(threading.current_thread())
            if task.cancelled.is_set() or self._closed:
                outcome = cancelled()
            elif outcome is None and task.attempts >= ATTEMPTS:
                outcome = crash(f"the step was begun {task.attempts} times, and the last time {task.lost}")
            elif outcome is None and self._broken:
                outcome = crash(self._broken)
            elif outcome is None:
                task.failed.append(task.place)
                heapq.heappush(self._queue, (-(1 << 30), task.number, task))
            task.place = None
        if outcome is not None:
            self._end(task, outcome)
        self._dispatch()

    def _cancel(self, number: int) -> bool:
        with self._lock:
            task = self._tasks.get(number)
            if task is None:
                return False
            task.cancelled.set()
            running = number in self._running
            self._queue = [entry for entry in self._queue if entry[2] is not task]
            heapq.heapify(self._queue)
        if running:
            self._stop(task)
        else:
            self._end(task, cancelled())
        return True

    def _give_up(self, why: str) -> None:
        """Fail what is queued, and whatever is submitted from now on."""
        with self._lock:
            self._broken = why
            queued = [task for _, _, task in self._queue]
            self._queue.clear()
        for task in queued:
            self._end(task, crash(why))

    def _end(self, task: Task, outcome: Outcome) -> None:
        """Give a task its outcome; without the lock, since the future's callbacks may submit and cancel."""
        with self._lock:
            if self._tasks.pop(task.number, None) is None:
                return
        task.future.set_result(outcome)


class Refused(Exception):
    """A step can't be performed anywhere.

    Args:
        outcome: its ending.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def cancelled() -> Outcome:
    """The ending of a step that somebody cancelled."""
    return Outcome("failed", failure=Failure("cancelled", "the step was cancelled"))


def crash(message: str) -> Outcome:
    """The ending of a step that lost its place."""
    return Outcome("failed", failure=Failure("crash", message))
