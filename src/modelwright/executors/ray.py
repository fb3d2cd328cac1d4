"""Steps on the machines of a Ray cluster: one that is started here, or the user's own.

On each machine an actor holds the processors that steps may use, a folder of artefacts, and a zygote that performs the
steps (:mod:`modelwright.executors._host`): what a step may use, and what its end means, is the same as on this machine.
Artefacts travel through Ray's object store, once to each machine that needs them, and what a step made is in the folder
here before its outcome is told. So the cluster can lose any machine, and this one can be lost and resumed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from modelwright.errors import MissingExtra, RequestError
from modelwright.executors import Setting, apportioned, cores
from modelwright.executors._elsewhere import Elsewhere, Lost, Refused, Task, crash
from modelwright.executors._host import CHUNK, Host, chunks, differences, in_words, install, is_here
from modelwright.executors._task import artefact_path
from modelwright.hashing import plain, restore
from modelwright.step import Failure, Outcome

LOOK = 2.0
"""Seconds between two looks at which machines there are."""
JOINING = 30.0
"""Seconds that a machine's free processors are waited for, before half as many are asked for. A worker that is being
started can't be told from one that waits for processors, and starting takes long on a busy machine."""
START = 180.0
"""Seconds that the first machine is waited for, and that a run waits for one after it lost the last."""
GRACE = 60.0
"""Seconds beyond its time limit after which a step's machine counts as lost: it would have stopped the step itself."""
ATTEMPTS = 3
"""How often a cluster is asked for a server of its own, where clients have one."""
DAEMONS = 700 << 20
"""Bytes that Ray itself takes of a machine, without its object store."""
_ERRANDS = 8
"""Calls that a machine answers beside performing steps."""


@dataclass(eq=False)
class _Machine:
    """A node of the cluster, as long as its actor lives."""

    node: str
    name: str
    slots: int
    memory: int
    actor: Any
    hello: Any
    asked: float
    ready: bool = False
    busy: int = 0
    promised: int = 0
    has: set[str] = field(default_factory=set)


class _Sent:
    """The chunks of an artefact in the object store; they are freed with this."""

    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs


class Ray(Elsewhere):
    """Performs steps on a Ray cluster.

    Args:
        folder: the artefact folder, on this machine only.
        address: where the cluster is; ``"local"`` to start one here; a process that is connected already stays so.
        workers: steps at a time at most; 0 for as many as there are processors, machines that come later included.
        memory: bytes for a step whose limits name none; 0 for a share of the memory of the machine it runs on.
        preload: modules that steps need.
        ahead: whether the heavy libraries are imported ahead, too.

    Each machine's free processors are taken when it joins, and given back when the run ends. A step whose machine is
    lost is begun elsewhere, three times in all.

    Raises:
        RequestError: when the cluster can't be reached, has no processors free within three minutes, or has other
            versions of what decides results.
        MissingExtra: when Ray isn't installed.
    """

    name: ClassVar[str] = "ray"
    addresses: ClassVar[tuple[str, ...]] = ("ray", "ray://HOST:PORT", "ray:HOST:PORT")

    def __init__(
        self,
        folder: Path,
        address: str = "local",
        workers: int = 0,
        memory: int = 0,
        preload: tuple[str, ...] = (),
        ahead: bool = True,
    ) -> None:
        super().__init__()
        self._ray = _library()
        self._folder, self._address, self._workers, self.memory = folder.resolve(), address, workers, memory
        self._preload, self._ahead = preload, ahead
        (self._folder / "scratch").mkdir(parents=True, exist_ok=True)
        self._machines: dict[str, _Machine] = {}
        self._refused: dict[str, str] = {}
        self._engaged: dict[str, float] = {}
        self._wanted = 0
        self._sent: weakref.WeakValueDictionary[str, _Sent] = weakref.WeakValueDictionary()
        self._seen = time.monotonic()
        self._ending = threading.Event()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _connect(self._ray, address, workers)
        try:
            self._assemble()
        except BaseException:
            self._leave()
            raise
        self._watcher = threading.Thread(target=self._watch, name="modelwright-ray", daemon=True)
        self._watcher.start()

    @classmethod
    def understands(cls, address: str) -> bool:
        """``ray``, ``ray://host:10001`` (Ray's client) or ``ray:host:6379`` (from a machine of the cluster)."""
        kind, _, where = address.partition(":")
        return kind == "ray" and (address == "ray" or bool(where.strip("/")))

    @classmethod
    def open(cls, address: str, setting: Setting) -> Self:
        """The cluster at the address; for ``ray`` alone the one that ``RAY_ADDRESS`` names, else one started here."""
        if address == "ray":
            where = os.environ.get("RAY_ADDRESS") or "local"
        else:
            where = address if address.startswith("ray://") else address.removeprefix("ray:")
        workers, memory = setting.workers, setting.memory
        if where == "local" and memory:  # everything is on this machine, Ray's own processes, too
            if memory < DAEMONS + (1 << 30):
                raise RequestError(
                    f"Ray takes some {DAEMONS >> 20} MiB by itself; give --memory-limit 2G or more, or --executor local"
                )
            workers, memory = apportioned(memory - DAEMONS, workers or cores())
        return cls(setting.folder, where, workers, memory, setting.preload)

    @property
    def slots(self) -> int:  # type: ignore[override]  # it changes
        """Steps at a time: as many as were asked for, else the processors that the cluster gave."""
        return self._workers or max(1, sum(machine.slots for machine in list(self._machines.values()) if machine.ready))

    def close(self) -> None:
        """Stop what runs, give the machines back, and end the cluster if it was started here."""
        super().close()
        if not self._ending.is_set():
            self._ending.set()
            if threading.current_thread() is not self._watcher:
                self._watcher.join()
            self._leave()

    # ── machines ──

    def _assemble(self) -> None:
        """Wait until every machine that is there has joined, or at least one has and the others take their time."""
        end = time.monotonic() + START
        patience = time.monotonic() + JOINING
        self._look()
        wanted = self._workers or 1
        if wanted > sum(machine.slots for machine in self._machines.values()):
            self._wanted = wanted
            self._ask_for(wanted)
        while True:
            self._look()
            joined = [machine for machine in self._machines.values() if machine.ready]
            if joined and (len(joined) == len(self._machines) or time.monotonic() > patience):
                break
            if not self._machines and self._refused:
                raise RequestError(next(iter(self._refused.values())))
            if time.monotonic() > end:
                raise RequestError(
                    f"the Ray cluster at {self._address} gave no processor within {START:g} s; free some, or add a node"
                )
            time.sleep(0.05)

    def _ask_for(self, processors: int) -> None:
        """Tell a cluster that can grow how many processors are wanted in all; others take no notice."""
        from ray.autoscaler.sdk import request_resources

        with contextlib.suppress(self._ray.exceptions.RayError, ConnectionError):  # a wish, not a need
            request_resources(num_cpus=processors)

    def _watch(self) -> None:
        while not self._ending.wait(LOOK):
            try:
                self._look()
            except Exception as error:  # whatever Ray raises when its head is gone; what runs notices by itself
                if time.monotonic() - self._seen > START:
                    self._give_up(f"the Ray cluster at {self._address} can't be reached any more: {error}"[:500])
            if time.monotonic() - self._seen > START and not self._broken:
                self._give_up(f"the Ray cluster at {self._address} has had no machine left for {START:g} s")
            self._dispatch()

    def _look(self) -> None:
        """Ask machines that are new to join, see who has, and forget those that are gone."""
        alive = {
            node["NodeID"]: node
            for node in self._ray.nodes()
            if node["Alive"] and int(node["Resources"].get("CPU", 0)) > 0
        }
        with self._lock:
            for node in [n for n in self._machines if n not in alive]:
                del self._machines[node]
            for node, facts in alive.items():
                engaged = self._engaged.get(node, 0.0) > time.monotonic()
                if node not in self._machines and node not in self._refused and not engaged:
                    self._invite(node, facts, int(facts["Resources"]["CPU"]))
            waiting = [machine for machine in self._machines.values() if not machine.ready]
        for machine in waiting:
            self._welcome(machine, alive[machine.node])
        if any(machine.ready for machine in self._machines.values()):
            self._seen = time.monotonic()

    def _invite(self, node: str, facts: Any, processors: int) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        taken = sum(machine.slots for machine in self._machines.values())
        slots = min(processors, self._workers - taken) if self._workers else processors
        if slots < 1:
            return
        actor = (
            self._ray.remote(_far_end())
            .options(
                num_cpus=slots,
                max_concurrency=slots + _ERRANDS,
                max_restarts=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
            )
            .remote(slots, self.memory, self._preload, self._ahead)
        )
        memory = int(facts["Resources"].get("memory", 0))
        name = str(facts.get("NodeManagerHostname") or facts.get("NodeManagerAddress") or node[:8])
        self._machines[node] = _Machine(node, name, slots, memory, actor, actor.hello.remote(), time.monotonic())

    def _welcome(self, machine: _Machine, facts: Any) -> None:
        ready, _ = self._ray.wait([machine.hello], timeout=0)
        if not ready:
            if time.monotonic() - machine.asked > JOINING:  # others use its processors
                self._forget(machine)
                with self._lock:
                    if machine.slots > 1:
                        self._invite(machine.node, facts, machine.slots // 2)
                    else:
                        self._engaged[machine.node] = time.monotonic() + 2 * JOINING
            return
        try:
            different = differences(self._ray.get(machine.hello))
        except self._ray.exceptions.RayError as error:
            reason = " ".join(str(getattr(error, "cause", None) or error).split())[-400:]
            different = ""
            self._refused[machine.node] = (
                f"the Ray node {machine.name} can't perform steps; install the same modelwright[ray] there: {reason}"
            )
        if different:
            self._refused[machine.node] = (
                f"the Ray node {machine.name} would give other results, it has {different}; install the same there"
            )
        if machine.node in self._refused:
            self._forget(machine)
        else:
            machine.ready = True

    def _forget(self, machine: _Machine) -> None:
        with self._lock:
            if self._machines.get(machine.node) is machine:
                del self._machines[machine.node]
        with contextlib.suppress(self._ray.exceptions.RayError, ConnectionError):  # it is gone already
            self._ray.kill(machine.actor)

    def _leave(self) -> None:
        gone = (self._ray.exceptions.RayError, ConnectionError)
        with self._lock:
            machines = list(self._machines.values())
            self._machines = {}
        with contextlib.suppress(*gone):
            closing = [machine.actor.close.remote() for machine in machines if machine.ready]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=10)
        for machine in machines:
            with contextlib.suppress(*gone):
                self._ray.kill(machine.actor)
        if self._wanted:
            self._ask_for(0)
        if self._ours:
            self._ray.shutdown()

    # ── steps ──

    def _place(self, task: Task) -> _Machine | None:
        ready = [machine for machine in self._machines.values() if machine.ready]
        needed = task.limits.memory
        largest = max((machine.memory for machine in ready), default=0)
        if ready and needed > largest:
            message = (
                f"no machine of the cluster has {needed >> 20:,} MiB for a step; the largest has {largest >> 20:,}"
            )
            raise Refused(Outcome("failed", failure=Failure("memory", message)))
        free = [m for m in ready if m.busy < m.slots and m.promised + needed <= m.memory]
        if not free:
            return None
        inputs = set(task.step.inputs.values())
        best = min(free, key=lambda m: (m in task.failed, -len(inputs & m.has), m.busy / m.slots, m.node))
        best.busy += 1
        best.promised += needed
        return best

    def _perform(self, task: Task) -> Outcome:
        machine: _Machine = task.place
        try:
            return self._hand_over(task, machine)
        except self._ray.exceptions.RayTaskError as error:
            raise Lost(f"{machine.name} could not perform it: {in_words(error)}") from error
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            self._forget(machine)
            raise Lost(f"{machine.name} was lost: {in_words(error)}") from error
        finally:
            with self._lock:
                machine.busy -= 1
                machine.promised -= task.limits.memory

    def _stop(self, task: Task) -> None:
        machine: _Machine | None = task.place
        if machine is not None:
            with contextlib.suppress(self._ray.exceptions.RayError, ConnectionError):
                machine.actor.cancel.remote(task.number)

    def _hand_over(self, task: Task, machine: _Machine) -> Outcome:
        step, limits = plain(task.step), plain(task.limits)
        while not task.cancelled.is_set():
            here = {digest for digest in task.step.inputs.values() if is_here(digest, self._folder)}
            sent = {digest: self._send(digest) for digest in here - machine.has}
            refs = {digest: [list(one.refs)] for digest, one in sent.items()}
            call = machine.actor.perform.remote(task.number, step, limits, sorted(here & machine.has), refs)
            if task.cancelled.is_set():
                self._stop(task)
            answer = self._await(call, task, machine)
            machine.has -= set(answer.get("missing", ()))
            if "outcome" in answer:
                machine.has |= here
                outcome = restore(Outcome, answer["outcome"])
                for digest in outcome.artefacts.values():
                    self._collect(digest, machine)
                return outcome
        return crash("the step was cancelled")

    def _await(self, call: Any, task: Task, machine: _Machine) -> Any:
        end = time.monotonic() + task.limits.seconds + GRACE
        while not self._ray.wait([call], timeout=1.0)[0]:
            if time.monotonic() > end or (self._closed and time.monotonic() > end - task.limits.seconds):
                self._forget(machine)
                raise Lost(f"{machine.name} did not answer")
        return self._ray.get(call)

    def _send(self, digest: str) -> _Sent:
        """Put an artefact into the object store, unless it is there for another step."""
        with self._lock:
            found = self._sent.get(digest)
        if found is None:
            found = _Sent([self._ray.put(chunk) for chunk in chunks(artefact_path(digest, self._folder))])
            with self._lock:
                self._sent[digest] = found
        return found

    def _collect(self, digest: str, machine: _Machine) -> None:
        """Bring an artefact here, chunk by chunk."""
        machine.has.add(digest)
        if is_here(digest, self._folder):
            return
        size = self._ray.get(machine.actor.size.remote(digest))

        def parts() -> Iterator[bytes]:
            for offset in range(0, size, CHUNK):
                yield self._ray.get(machine.actor.read.remote(digest, offset, CHUNK))

        if not install(digest, parts(), self._folder):
            raise Lost(f"what {machine.name} made arrived damaged")


def _far_end() -> type:
    import ray

    class Modelwright(Host):
        """The host, with Ray's way to get a chunk."""

        def perform(self, number: int, step: Any, limits: Any, known: Any, sent: Any, fetch: Any = None) -> Any:
            # The references are one list down, where Ray leaves them alone: only what isn't here yet is fetched.
            return super().perform(number, step, limits, known, {d: refs[0] for d, refs in sent.items()}, ray.get)

    return Modelwright


def _library() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # standard output is the run's own
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingExtra("--executor ray", "ray") from error
    return ray


def _connect(ray: Any, address: str, workers: int) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "local":
        options |= {"num_cpus": workers or cores(), "include_dashboard": False}
        if not any(name.startswith("RAY_AUTH_") for name in os.environ):
            os.environ["RAY_AUTH_TOKEN"] = _token()  # else Ray writes one into the home folder
    try:
        for attempt in range(ATTEMPTS):
            try:
                ray.init(address=address, **options)
                break
            except ConnectionAbortedError:
                # The server that a client gets is forked beside threads of gRPC, and sometimes dies of it at once
                # (ray-project/ray#63202). The next one is another throw.
                if attempt == ATTEMPTS - 1:
                    raise
    except Exception as error:
        # Ray raises whatever its layers raise: refused connections, wrong tokens, other versions.
        hint = "; set RAY_AUTH_TOKEN_PATH to the file with its token" if "token" in str(error).lower() else ""
        where = "could not be started here" if address == "local" else f"at {address} can't be joined"
        raise RequestError(f"the Ray cluster {where}: {in_words(error)}{hint}") from error


@functools.cache
def _token() -> str:
    """The secret that keeps others on this machine out of clusters that this process starts."""
    return secrets.token_hex(32)
