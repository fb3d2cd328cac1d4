"""What can be dropped from runs, and dropping it.

Kept is whatever the log quotes outside of its steps: the rows that the run stands on, the experiments' out-of-fold
predictions, what was delivered, now and before a rollback, and what was asked of language models and replied. What only
the steps know (predictions of single folds) and models that were fitted on the way serve nobody once the run has ended:
the bundle stands for itself, the report comes from the log, and what a rollback misses is fitted again.
Runs that haven't ended keep everything.

A run folder isn't trusted: links are never followed, and only files named after their digest, or after being written,
are ever removed; at a URL, only objects named after their digest.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.lineage import lineage
from modelwright.places import Place, find
from modelwright.replaying import FOLDERS
from modelwright.state import fold
from modelwright.step import Record

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = re.compile(r"\.[0-9a-f.]{32,90}\.tmp")
"""Names that files have while they are written."""


@dataclass(frozen=True)
class Group:
    """Files of one sort.

    Args:
        what: what they are.
        files: how many.
        size: their bytes.
    """

    what: str
    files: int
    size: int


@dataclass(frozen=True)
class Sweep:
    """What can be dropped, or was dropped, from one run.

    Args:
        run: its folder or URL.
        status: finished, failed, interrupted or unfinished; only finished runs can spare anything.
        kept: bytes of artefacts that are kept.
        droppable: bytes of those that can be dropped.
        groups: of what.
        dropped: whether they were.
    """

    run: str
    status: str
    kept: int
    droppable: int
    groups: tuple[Group, ...]
    dropped: bool = False


def sweep(run: Path | str, *, drop: bool = False) -> tuple[Sweep, ...]:
    """What can be dropped from a run and from its replays.

    Args:
        run: its folder or URL.
        drop: whether to drop it.

    Raises:
        RequestError: when it is no run, or is in use and should be swept.
    """
    place = find(run)
    return tuple(_swept(one, drop) for one in (place, *place.within(FOLDERS)))


def _swept(place: Place, drop: bool) -> Sweep:
    # Whoever drops holds the run's lock, so that nobody goes on with it meanwhile.
    if drop:
        place.open(readonly=True).close()  # what isn't a run folder isn't made one
    store = place.open(readonly=not drop)
    try:
        records = tuple(store.events())
        state = fold(records)
        files = tuple(_objects(place) if place.url else _files(place.folder / "artefacts"))
        needed = _quoted(records)
        ended = state.summary is not None
        spare = [f for f in files if ended and f.digest not in needed]
        made = lineage(records)
        groups: dict[str, list[_File]] = {}
        for file in spare:
            known = made.get(file.digest)
            what = "written by nobody on record" if known is None else known.what.partition(";")[0]
            groups.setdefault(what, []).append(file)
        if drop and place.url:
            place.objects.remove(f"artefacts/{file.place}/{file.name}" for file in spare)
        elif drop:
            _drop(place.folder / "artefacts", spare)
    finally:
        store.close()
        if drop:
            place.forget()
    told = tuple(Group(what, len(fs), sum(f.size for f in fs)) for what, fs in groups.items())
    gone = sum(f.size for f in spare)
    kept = sum(f.size for f in files) - gone
    return Sweep(str(place), state.status, kept, gone, tuple(sorted(told, key=lambda g: -g.size)), drop and bool(spare))


def _quoted(records: Iterable[Record]) -> frozenset[str]:
    """Every digest that events other than steps name, but the models that experiments were compared with."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            if _DIGEST.fullmatch(value):
                yield value
        elif isinstance(value, dict):
            for name, part in value.items():
                if not (name == "model" and "plan" in value):  # an experiment's
                    yield from walk(part)
        elif isinstance(value, list | tuple):
            for part in value:
                yield from walk(part)

    return frozenset(d for record in records if record.kind != "step" for d in walk(dict(record.body)))


@dataclass(frozen=True)
class _File:
    """A file in the artefact folder, or an object at a URL.

    Args:
        place: the folder that it lies in, ``ab``.
        name: its name.
        digest: of its bytes, by its name; empty for one that was never finished.
        size: its bytes.
    """

    place: str
    name: str
    digest: str
    size: int


def _objects(place: Place) -> Iterator[_File]:
    """The artefacts at a URL; anything else is passed over."""
    for name, size in place.objects.sizes("artefacts").items():
        _, _, below = name.partition("/")
        start, _, digest = below.partition("/")
        if _DIGEST.fullmatch(digest) and digest[:2] == start:
            yield _File(start, digest, digest, size)


def _files(artefacts: Path) -> Iterator[_File]:
    """The artefacts in a folder and what is left of unfinished ones; links and anything else are passed over."""
    with _opened(artefacts) as root:
        if root is None:
            return
        for place in _names(root):
            if not re.fullmatch(r"[0-9a-f]{2}", place):
                continue
            with _opened(place, root) as folder:
                for name in _names(folder) if folder is not None else ():
                    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if not stat.S_ISREG(found.st_mode):
                        continue
                    if _DIGEST.fullmatch(name) and name.startswith(place):
                        yield _File(place, name, name, found.st_size)
                    elif _UNFINISHED.fullmatch(name):
                        yield _File(place, name, "", found.st_size)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def _drop(artefacts: Path, files: Iterable[_File]) -> None:
    with _opened(artefacts) as root:
        for file in files:
            with _opened(file.place, root) as folder:
                if folder is None:
                    continue
                found = os.stat(file.name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    os.unlink(file.name, dir_fd=folder)


@contextmanager
def _opened(path: Path | str, below: int | None = None) -> Iterator[int | None]:
    """A folder as a file descriptor; ``None`` when it is a link or no folder."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=below)
    except OSError:
        yield None
        return
    try:
        yield number
    finally:
        os.close(number)
