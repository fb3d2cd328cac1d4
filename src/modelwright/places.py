"""Where runs are kept: a folder, or a URL with a folder on this machine to work in.

A run at a URL has its log and artefacts there from the start; the files that people read (report, summary, model and
so on) are written to the folder on this machine and uploaded when they are finished.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modelwright.errors import RequestError
from modelwright.hashing import digest_bytes
from modelwright.objects import Objects, is_address, local_path
from modelwright.stores import Store

if TYPE_CHECKING:
    from modelwright.step import Record
    from modelwright.stores.folder import Folder
    from modelwright.stores.remote import Remote

OWN = ("artefacts", "lease", "log", "torn")
"""Folders of a run at a URL that belong to its store."""
LAST = ("model/model.json", "summary.json")
"""What says that the rest is there, and so comes last."""


def cache() -> Path:
    """Where copies of what lies elsewhere are kept; nothing is made."""
    home = os.environ.get("MODELWRIGHT_HOME")
    if home:
        return Path(home).expanduser() / "cache"
    local = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return (Path(local) if local else Path.home() / ".cache") / "modelwright"


@dataclass(frozen=True)
class Place:
    """Where one run is kept. Made by :func:`find`.

    Args:
        name: as it is named on the command line.
        folder: where files are written on this machine: the run folder itself, or the copy of what is at the URL.
        url: the URL; empty for a folder.
    """

    name: str
    folder: Path
    url: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.url.rpartition("/")[2] if self.url else self.folder.resolve().name

    @cached_property
    def objects(self) -> Objects:
        """What is at the URL."""
        return Objects(self.url)

    def open(self, *, readonly: bool = False) -> Folder | Remote:
        """The run's store; for reading, copies of what is at a URL are removed when it is closed.

        Raises:
            RequestError: as the store says.
        """
        if self.url:
            from modelwright.stores.remote import Remote

            if readonly:
                return Remote(self.url, None, readonly=True)
            (self.folder / TRACE).unlink(missing_ok=True)  # of an earlier session, and not its log
            return Remote(self.url, self.folder)
        from modelwright.stores.folder import Folder

        return Folder(self.folder, readonly=readonly)

    def records(self) -> tuple[Record, ...]:
        """The run's log as it is now.

        Raises:
            RequestError: when there is none, or it is damaged.
        """
        store = self.open(readonly=True)
        try:
            return tuple(store.events())
        finally:
            store.close()

    def within(self, part: str) -> list[Place]:
        """The runs directly below one of the run's own folders, by name; what a link leads to isn't its own."""
        if self.url:
            parts = [name.split("/", 2) for name in self.objects.sizes(part)]
            return [find(f"{self.url}/{part}/{p[1]}") for p in parts if len(p) == 3 and p[2] == LOG]
        home = self.folder / part
        if home.is_symlink() or not home.is_dir():
            return []
        return [find(p) for p in sorted(home.iterdir()) if not p.is_symlink() and (p / "run.db").is_file()]

    def holds_run(self) -> bool:
        """Whether there is a run's log."""
        return self.objects.there(LOG) if self.url else (self.folder / "run.db").is_file()

    def occupied(self) -> bool:
        """Whether there is anything already."""
        if self.url:
            return self.objects.any()
        return self.folder.exists() and any(self.folder.iterdir())

    def read(self, file: str) -> str:
        """One of the files that a run leaves, such as ``summary.json``.

        Raises:
            RequestError: when it isn't there.
        """
        try:
            data = self.objects.read(file) if self.url else (self.folder / file).read_bytes()
        except (KeyError, FileNotFoundError, NotADirectoryError):
            raise RequestError(f"{self.name} holds no finished run: {file} is missing") from None
        return data.decode("utf-8")

    def publish(self, files: Sequence[str] | None = None) -> None:
        """Upload files that were written to the folder.

        Args:
            files: which; by default all that a run leaves for people and programs, and what was there before and isn't
                any more is removed.

        Raises:
            StorageError: when the URL can't be written to.
        """
        if not self.url:
            return
        if files is not None:
            self.objects.upload({name: self.folder / name for name in files})
            return
        found = [p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file()]
        found = [name for name in found if name.partition("/")[0] not in OWN and name != TRACE]
        stale = [name for part in ("model", "experiments") for name in self.objects.sizes(part) if name not in found]
        self.objects.remove(stale)
        self.objects.upload({name: self.folder / name for name in found if name not in LAST})
        self.objects.upload({name: self.folder / name for name in LAST if name in found})

    @contextmanager
    def desk(self) -> Iterator[Place]:
        """The place itself, or for a URL the same with a folder of its own for as long as it is used."""
        if not self.url:
            yield self
            return
        with tempfile.TemporaryDirectory() as folder:
            yield replace(self, folder=Path(folder))

    def forget(self) -> None:
        """Remove the copies on this machine of what is at the URL."""
        if self.url:
            shutil.rmtree(self.folder, ignore_errors=True)

    def discard(self) -> None:
        """Remove the run: for one that never got as far as rows."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.url:
            self.objects.remove(list(self.objects.sizes()))


TRACE = "trace.jsonl"
LOG = "log/00000001.jsonl"
"""The first object of the log of a run at a URL."""


def find(name: str | Path | Place) -> Place:
    """The place of a name: a path, ``file://`` with one, or another URL.

    Raises:
        RequestError: when the URL isn't one that can be used.
    """
    if isinstance(name, Place):
        return name
    path = local_path(name)
    if path is not None:
        return Place(str(path), path)
    url = str(name).rstrip("/")
    return Place(url, cache() / "runs" / digest_bytes(url.encode("utf-8", "replace"))[:20], url)


def below(name: str | Path) -> list[Place]:
    """The runs below a folder or a URL, the latest first.

    Raises:
        RequestError: as :func:`find`.
    """
    path = local_path(name)
    if path is not None:
        found = sorted(path.glob("**/run.db"), key=lambda p: -p.stat().st_mtime)
        return [find(file.parent) for file in found]
    objects = Objects(str(name))
    ends = f"/{LOG}"
    runs = [n.removesuffix(ends) for n in objects.sizes() if n.endswith(ends)]
    return [find(objects.at(n)) for n in sorted(runs, reverse=True)]


def checked(store: Store, place: Place) -> Store:
    """A fresh store, or a refusal: somebody may have begun a run here since it was looked at.

    Raises:
        RequestError: when the log holds events.
    """
    if next(iter(store.events()), None) is not None:
        store.close()
        raise RequestError(
            f"{place} holds a run already; choose another --out, or go on with: modelwright resume {place}"
        )
    return store


def local_only(name: str | Path) -> Path:
    """A path, for what can only be kept on this machine.

    Raises:
        RequestError: when it is a URL of something else.
    """
    path = local_path(name)
    if path is None:
        raise RequestError(f"{name} isn't on this machine; give a path")
    return path


__all__ = ["Place", "below", "cache", "checked", "find", "is_address", "local_only"]
