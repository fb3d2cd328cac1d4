"""Steps as Flyte tasks: on the user's cluster by its configuration, or by Flyte's own runtime in this process.

Every step is one task (:mod:`modelwright.executors._flyte_task`) with the step's processor, memory and time, Flyte's
cache and its retries. Within the task the step runs in a process forked from a zygote, as everywhere else: what a step
may use, and what its end means, doesn't depend on whether Flyte's runtime sees to it. Artefacts travel as Flyte files.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import uuid4

import modelwright
from modelwright.errors import MissingExtra, RequestError
from modelwright.executors import Setting, apportioned, cores, share_of_memory
from modelwright.executors._elsewhere import Elsewhere, Lost, Task, crash
from modelwright.executors._host import Host, chunks, in_words, install, is_here
from modelwright.executors._task import artefact_path
from modelwright.hashing import restore
from modelwright.step import Limits, Outcome

CONFIG = "FLYTECTL_CONFIG"
"""The environment variable by which Flyte's own tools know the user's cluster."""
IN_A_CONTAINER = 4 << 30
"""Bytes for a step whose limits name none, when each has a container of its own."""
BESIDE = 1 << 30
"""Bytes that a container has beyond its step's: for the zygote, and so that the step is stopped first."""
GRACE = 900
"""Seconds that a task has beyond its step's: for starting the container, fetching inputs and sending artefacts."""


class Flyte(Elsewhere):
    """Performs steps as Flyte tasks.

    Args:
        folder: the artefact folder, on this machine only.
        config: Flyte's configuration file, which names the cluster; empty for Flyte's local mode.
        workers: steps at a time; 0 for as many as this machine has cores.
        memory: bytes for a step whose limits name none; 0 for 4 GiB on a cluster, a share of the machine's locally.
        preload: modules that steps need.
        ahead: whether the heavy libraries are imported ahead, too.
        cache: whether Flyte may take a step's outcome from its cache: a run that was lost before it could record what
            had ended needn't have it performed again.

    Raises:
        RequestError: when the configuration can't be used.
        MissingExtra: when Flyte isn't installed.
    """

    name: ClassVar[str] = "flyte"
    addresses: ClassVar[tuple[str, ...]] = ("flyte", "flyte:CONFIG.yaml")

    def __init__(
        self,
        folder: Path,
        config: str = "",
        workers: int = 0,
        memory: int = 0,
        preload: tuple[str, ...] = (),
        ahead: bool = True,
        cache: bool = True,
    ) -> None:
        super().__init__()
        self._flyte = _library()
        self._folder, self._local, self._preload = folder.resolve(), not config, preload
        self.slots = workers or cores()
        self.memory = memory or (share_of_memory(self.slots) if self._local else IN_A_CONTAINER)
        self._files: dict[str, Any] = {}
        self._cache = cache
        self._runs: dict[int, Any] = {}
        scratch = self._folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self._name = f"{os.getpid()}-{uuid4().hex[:8]}"  # what sweeps look at is the process that made it
        self._scratch = scratch / self._name
        self._host: Host | None = None
        try:
            if self._local:
                self._flyte.init()
            else:
                self._flyte.init_from_config(config, root_dir=Path(modelwright.__file__).parents[1])
        except Exception as error:
            # Flyte raises whatever reading, parsing and connecting raise.
            raise RequestError(f"Flyte can't be used as {config or 'local'}: {in_words(error)}") from error
        from modelwright.executors import _flyte_task

        self._task = _flyte_task
        if self._local:
            self._scratch.mkdir()
            self._host = Host(self.slots, self.memory, preload, ahead)
            _flyte_task.HOSTS[self._name] = self._host

    @classmethod
    def understands(cls, address: str) -> bool:
        """``flyte``, or ``flyte:`` and a configuration file."""
        return address == "flyte" or (address.startswith("flyte:") and len(address) > len("flyte:"))

    @classmethod
    def open(cls, address: str, setting: Setting) -> Self:
        """The cluster of the configuration file; for ``flyte`` alone that of ``FLYTECTL_CONFIG``, else local mode."""
        config = address.partition(":")[2] or os.environ.get(CONFIG, "")
        if config and not Path(config).expanduser().is_file():
            raise RequestError(f"Flyte's configuration {config} isn't a file; write one with: flyte create config")
        config = str(Path(config).expanduser()) if config else ""
        workers, memory = setting.workers, setting.memory
        if memory and not config:  # everything is on this machine
            workers, memory = apportioned(memory, workers or cores())
        return cls(setting.folder, config, workers, memory, setting.preload)

    def close(self) -> None:
        """Stop what runs, and leave nothing behind here."""
        super().close()
        if self._host is not None:
            self._task.HOSTS.pop(self._name, None)
            self._host.close()
            self._host = None
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _place(self, task: Task) -> str:
        return "Flyte"

    def _perform(self, task: Task) -> Outcome:
        limits = task.limits
        if not limits.memory:
            limits = Limits(limits.seconds, limits.soft_seconds, self.memory, limits.threads)
        here = sorted({d for d in task.step.inputs.values() if is_here(d, self._folder)})
        try:
            told, files = self._run(task, limits, here, fresh=False)
            if not self._collect(told, files):  # a cache that outlived what it refers to
                told, files = self._run(task, limits, here, fresh=True)
                if not self._collect(told, files):
                    raise Lost("what the step made could not be fetched from Flyte's storage")
        except Lost:
            raise
        except Exception as error:
            # Whatever else Flyte raises after its own retries: the container or the cluster was at fault, not the step.
            raise Lost(f"Flyte could not perform it: {in_words(error)}") from error
        return told

    def _stop(self, task: Task) -> None:
        if self._host is not None:
            self._host.cancel(task.number)
        run = self._runs.get(task.number)
        if run is not None:
            with contextlib.suppress(Exception):  # it may have ended, and is waited for in any case
                run.abort("the step was cancelled")

    def _run(self, task: Task, limits: Limits, here: Sequence[str], fresh: bool) -> tuple[Outcome, list[Any]]:
        """Have Flyte run the task; its outcome, and its artefacts as Flyte files."""
        if task.cancelled.is_set():
            return crash("the step was cancelled"), []
        step, told = self._task.order(task.step, limits)
        place = json.dumps({"host": self._name, "number": task.number, "preload": self._preload})
        perform = self._task.perform.override(
            resources=self._flyte.Resources(
                cpu=limits.threads, memory=f"{math.ceil((limits.memory + BESIDE) / 2**20)}Mi"
            ),
            timeout=math.ceil(limits.seconds) + GRACE,
        )
        options: dict[str, Any] = {"mode": "local", "raw_data_path": str(self._scratch)} if self._local else {
            "mode": "remote", "copy_style": "none", "version": modelwright.__version__
        }  # fmt: skip
        context = self._flyte.with_runcontext(disable_run_cache=fresh or not self._cache, log_level=40, **options)
        try:
            run = context.run(perform, step, told, place, list(here), [self._file(digest) for digest in here])
            if not self._local:
                self._runs[task.number] = run
                if task.cancelled.is_set():
                    self._stop(task)
                run.wait(quiet=True)
                run.raise_for_status()
            outcome, files = tuple(run.outputs())
            return restore(Outcome, json.loads(outcome)), list(files)
        except self._flyte.errors.RuntimeUserError as error:
            answer = _answer(str(error))
            if answer is None:
                raise
            File = self._flyte.io.File
            return restore(Outcome, answer["outcome"]), [File.from_existing_remote(path) for path in answer["files"]]
        finally:
            self._runs.pop(task.number, None)

    def _file(self, digest: str) -> Any:
        """An artefact as a Flyte file; on a cluster it is uploaded once."""
        with self._lock:
            known = self._files.get(digest)
        if known is None:
            path = artefact_path(digest, self._folder)
            where = str(path) if self._local else self._flyte.remote.upload_file(path)[1]
            known = self._flyte.io.File.from_existing_remote(where, file_cache_key=digest)
            with self._lock:
                self._files[digest] = known
        return known

    def _collect(self, outcome: Outcome, files: Sequence[Any]) -> bool:
        """Bring artefacts here; whether all of them could be."""
        made = sorted(set(outcome.artefacts.values()))
        if len(made) != len(files):
            return False
        for digest, file in zip(made, files, strict=True):
            if is_here(digest, self._folder):
                continue
            coming = self._folder / "scratch" / f"{self._name}-{uuid4().hex[:12]}"
            try:
                where = file.path if self._local else file.download_sync(coming)
                if not install(digest, chunks(Path(where)), self._folder):
                    return False
            except (OSError, FileNotFoundError):
                return False
            finally:
                coming.unlink(missing_ok=True)
            with self._lock:
                self._files.setdefault(digest, file) if not self._local else None
        return True


def _library() -> Any:
    os.environ.setdefault("DO_NOT_TRACK", "1")  # else Flyte reports errors to its makers
    try:
        import flyte
        import flyte.errors
        import flyte.io
        import flyte.remote
    except ImportError as error:
        raise MissingExtra("--executor flyte", "flyte") from error
    return flyte


def _answer(message: str) -> Any:
    """The outcome in an error that the task raised on purpose; ``None`` when it is another error."""
    start = message.find('{"outcome"')
    if start < 0:
        return None
    with contextlib.suppress(ValueError):
        return json.JSONDecoder().raw_decode(message[start:])[0]
    return None
