"""One step, performed in this process: find the function, call it, keep its files, say how it ended."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import re
import shutil
import stat
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from modelwright.errors import DISK_FULL, disk_is_full
from modelwright.executors import Done, StepFunction, Workplace
from modelwright.hashing import digest_file, plain, restore
from modelwright.step import Failure, Limits, Outcome, Step

MESSAGE_LENGTH = 1_000
DETAIL_LENGTH = 4_000
_OUT_OF_MEMORY = re.compile(r"bad_alloc|unable to allocate|cannot allocate memory|out of memory", re.IGNORECASE)


def perform(
    step: Step,
    limits: Limits,
    artefacts: Path,
    scratch: Path,
    on_memory_error: Callable[[], None] = lambda: None,
    shelf: Path | None = None,
) -> Outcome:
    """Call a step's function and report how it ended; time and memory are for the caller to measure.

    Args:
        step: what to call.
        limits: only ``soft_seconds`` and ``threads`` are looked at.
        artefacts: the folder that holds artefacts by digest.
        scratch: an empty folder on the same file system.
        on_memory_error: called before a memory error is described, to make room for doing so.
        shelf: the folder that steps share, if there is one.

    Returns:
        An outcome that is done, or failed with an ``error`` or ``memory`` failure. Only ``KeyboardInterrupt`` and its
        like pass through.
    """
    try:
        function = _find(step.tool)
        workplace = Workplace(
            artefacts=artefacts,
            scratch=scratch,
            inputs={name: _input(name, digest, artefacts) for name, digest in step.inputs.items()},
            seed=step.seed,
            threads=limits.threads,
            stop_at=time.monotonic() + limits.soft_seconds if limits.soft_seconds > 0 else None,
            shelf=shelf,
        )
        done = function(workplace, **step.args)
        if not isinstance(done, Done):
            raise TypeError(f"{step.tool} must return Done, not {type(done).__name__}")
        value = restore(cast("Any", Any), plain(done.value))  # what a store would give back, from the start
        kept = {name: keep(_own(path, scratch), artefacts) for name, path in done.files.items()}
        return Outcome("done", value, kept, truncated=bool(done.truncated))
    except (Exception, SystemExit) as error:
        if isinstance(error, MemoryError):
            on_memory_error()
        return Outcome("failed", failure=_describe(error))


def _find(tool: str) -> StepFunction:
    module, _, name = tool.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return cast("StepFunction", found)


def artefact_path(digest: str, artefacts: Path) -> Path:
    """Where the artefact with this digest belongs.

    Raises:
        ValueError: when it isn't a SHA-256 in 64 hexadecimal digits.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"{digest[:80]!r} isn't a digest")
    return artefacts / digest[:2] / digest


def _input(name: str, digest: str, artefacts: Path) -> Path:
    path = artefact_path(digest, artefacts)
    if not path.is_file():
        raise FileNotFoundError(f"the input {name!r} ({digest[:12]}…) isn't in the store")
    return path


def _own(path: Path, scratch: Path) -> Path:
    if not stat.S_ISREG(path.lstat().st_mode) or not path.resolve().is_relative_to(scratch.resolve()):
        raise ValueError(f"{path.name!r} isn't a plain file in the step's scratch folder")
    return path


def keep(path: Path, artefacts: Path) -> str:
    """Move a file into the artefact folder, whole or not at all, and return its digest."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    digest = digest_file(path)
    home = artefact_path(digest, artefacts)
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.replace(home)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        near = home.with_name(f".{digest}.{os.getpid()}.tmp")
        try:
            shutil.copyfile(path, near)
            with near.open("rb") as stream:
                os.fsync(stream.fileno())
            near.replace(home)
        except OSError:
            near.unlink(missing_ok=True)
            raise
        path.unlink()
    return digest


def _describe(error: BaseException) -> Failure:
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception as broken:
        message = f"(its message can't be shown: {type(broken).__name__})"
    lines = traceback.TracebackException.from_exception(error, limit=-16, max_group_width=4).format()
    if disk_is_full(error):
        return Failure("crash", message[:MESSAGE_LENGTH], DISK_FULL, detail="".join(lines)[-DETAIL_LENGTH:])
    full = isinstance(error, OSError) and error.errno == errno.EFBIG
    if full:
        message += ": the step has written all that it may, half of the free disk; free some, or choose another --out"
    short = message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"
    memory = isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(message)
    return Failure(
        # A full disk may have room the next time: like a crash it is a matter of the moment.
        kind="crash" if full else "memory" if memory else "error",
        message=short or f"{kind} without a message",
        error_type=kind,
        detail="".join(lines)[-DETAIL_LENGTH:],
    )


def clear(folder: Path) -> None:
    """Remove a folder with all that a step may have left in it, also what it made unreadable."""

    def retry(function: Callable[..., Any], path: str, _: object) -> None:
        with contextlib.suppress(OSError):  # what can't be removed even so is swept with its run folder
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            function(path)

    shutil.rmtree(folder, onerror=retry)
