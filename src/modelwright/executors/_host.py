"""The far end of executors that use other machines: a machine's own artefacts, and a zygote that performs the steps.

Artefacts come and go as bytes. A machine keeps what it has seen in a folder of its own, each file under its digest and
checked against it, so nothing is sent twice.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from uuid import uuid4

from modelwright.executors import _processes as processes
from modelwright.executors import share_of_memory
from modelwright.executors._task import artefact_path, clear, keep
from modelwright.executors.local import LATER, Local, now_and_soon
from modelwright.hashing import digest_file, plain, restore
from modelwright.step import Limits, Outcome, Step

CHUNK = 64 << 20
"""Bytes of a file that are sent at a time: neither end ever holds more of it in memory."""
MATTERING = (
    "modelwright", "numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "xgboost-cpu", "catboost", "skops",
)  # fmt: skip
"""Packages whose versions decide what comes out of a step."""


def matters() -> dict[str, str]:
    """The versions here of what decides the result of a step; an empty text for what isn't installed."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in MATTERING:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def differences(there: Mapping[str, str]) -> str:
    """What is installed otherwise there than here, in words; empty when nothing is."""
    here = matters()
    return ", ".join(
        f"{name} {there.get(name) or 'missing'} instead of {version or 'missing'}"
        for name, version in here.items()
        if there.get(name, "") != version
    )


def chunks(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """A file's bytes, a chunk at a time; an empty file is one empty chunk."""
    with path.open("rb") as stream:
        first = True
        while (data := stream.read(size)) or first:
            first = False
            yield data


def is_here(digest: str, artefacts: Path) -> bool:
    """Whether an artefact folder has this artefact; never, when it is no digest."""
    try:
        return artefact_path(digest, artefacts).is_file()
    except ValueError:
        return False


def in_words(error: BaseException) -> str:
    """The end of an error of somebody else's, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[-300:]


def install(digest: str, data: Iterable[bytes], artefacts: Path) -> bool:
    """Put an artefact that was sent into an artefact folder.

    Returns:
        Whether the bytes were those that the digest names; others aren't kept.

    Raises:
        ValueError: when it isn't a digest.
    """
    artefact_path(digest, artefacts)
    scratch = artefacts / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    coming = scratch / f"{os.getpid()}-{uuid4().hex[:12]}"
    coming.mkdir()
    try:
        near = coming / "data"
        with near.open("xb") as stream:
            for chunk in data:
                stream.write(chunk)
        return digest_file(near) == digest and keep(near, artefacts) == digest
    finally:
        clear(coming)


class Host:
    """Performs steps on this machine for a run elsewhere.

    Args:
        slots: steps at a time.
        memory: bytes for a step whose limits name none; 0 for a share of this machine's.
        preload: modules that steps need.
        ahead: whether the heavy libraries are imported ahead, too, for steps to share them.
    """

    def __init__(self, slots: int, memory: int, preload: tuple[str, ...], ahead: bool = True) -> None:
        self.folder = _folder()
        memory = memory or share_of_memory(slots)
        # Where one step is all there is to do, importing beside it would only do its imports once more.
        modules = (*now_and_soon(preload), LATER) if ahead else (preload, (), ())
        self._local = Local(slots, self.folder, memory, *modules)
        self._lock = threading.Lock()
        self._coming: dict[str, threading.Lock] = {}
        self._futures: dict[int, Future[Outcome]] = {}
        self._cancelled: set[int] = set()

    def hello(self) -> dict[str, str]:
        """What is installed here."""
        return matters()

    def perform(
        self,
        number: int,
        step: Any,
        limits: Any,
        known: Iterable[str],
        sent: Mapping[str, Iterable[Any]],
        fetch: Callable[[Any], bytes],
    ) -> dict[str, Any]:
        """Perform a step.

        Args:
            number: by which it can be cancelled.
            step, limits: as plain JSON values.
            known: digests of the inputs that should be here already.
            sent: for each further input, what ``fetch`` gets the chunks of its bytes by.
            fetch: gets one chunk.

        Returns:
            ``{"outcome": …}`` as plain JSON values, or ``{"missing": [digest, …]}`` when inputs that were thought to
            be here aren't; the step wasn't performed then.
        """
        missing = [digest for digest in known if not is_here(digest, self.folder)]
        if missing:
            return {"missing": missing}
        for digest, parts in sent.items():
            self._receive(digest, parts, fetch)
        future = self._local.submit(restore(Step, step), restore(Limits, limits))
        with self._lock:
            self._futures[number] = future
            stop = number in self._cancelled
        if stop:
            future.cancel()
        outcome = future.result()
        with self._lock:
            self._futures.pop(number, None)
            self._cancelled.discard(number)
        return {"outcome": plain(outcome)}

    def cancel(self, number: int) -> None:
        """Stop a step; also one that is on its way here."""
        with self._lock:
            self._cancelled.add(number)
            future = self._futures.get(number)
        if future is not None:
            future.cancel()

    def size(self, digest: str) -> int:
        """Bytes of an artefact that is here."""
        return artefact_path(digest, self.folder).stat().st_size

    def read(self, digest: str, offset: int, size: int) -> bytes:
        """A part of an artefact that is here."""
        with artefact_path(digest, self.folder).open("rb") as stream:
            stream.seek(offset)
            return stream.read(size)

    def close(self) -> None:
        """Stop everything and leave nothing behind."""
        self._local.close()
        clear(self.folder)

    def _receive(self, digest: str, parts: Iterable[Any], fetch: Callable[[Any], bytes]) -> None:
        with self._lock:
            one_at_a_time = self._coming.setdefault(digest, threading.Lock())
        with one_at_a_time:
            if not is_here(digest, self.folder) and not install(digest, map(fetch, parts), self.folder):
                raise OSError(f"artefact {digest[:12]}… arrived damaged")


def _folder() -> Path:
    """A new folder for this process's artefacts, private to this user; those of processes that are gone are removed."""
    root = Path(tempfile.gettempdir()) / f"modelwright-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        root.mkdir(mode=0o700)
    found = root.lstat()
    if root.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix="modelwright-"))  # somebody else was there first
    for old in root.iterdir():
        owner = old.name.partition("-")[0]
        if owner.isdigit() and not processes.is_alive(int(owner)):
            clear(old)
    folder = root / f"{os.getpid()}-{uuid4().hex[:8]}"
    folder.mkdir()
    return folder
