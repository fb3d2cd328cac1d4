"""The files that a run was given: known by the digest of their bytes, so that it is noticed when they change."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelwright.hashing import digest_file


@dataclass(frozen=True)
class Given:
    """A file as it was when a run read it.

    Args:
        role: ``data`` or ``test``.
        name: the file's name as it was given.
        digest: of its bytes.
        size: its bytes.
        modified: when it was last written, nanoseconds since the epoch.
    """

    role: str
    name: str
    digest: str
    size: int
    modified: int


def given(names: Mapping[str, str | None]) -> tuple[Given, ...]:
    """Those of the named files that are there, by role; standard input and frames are no files.

    Args:
        names: of files, by role.
    """
    found = []
    for role, name in names.items():
        path = _path(name)
        size = _size(path)
        if path is not None and size is not None:
            found.append(Given(role, name or "", digest_file(path), *size))
    return tuple(found)


def differences(before: Iterable[Given]) -> tuple[str, ...]:
    """What has become of files that a run was given: one clause for each that changed or is gone.

    A file with the size and the time of writing that were recorded counts as unchanged.
    """
    return tuple(
        f"{file.name} {'has changed' if _size(_path(file.name)) else 'is no longer there'}"
        for file in before
        if not unchanged(file)
    )


def unchanged(file: Given) -> bool:
    """Whether a file is still what it was."""
    path = _path(file.name)
    size = _size(path)
    if path is None or size is None or size[0] != file.size:
        return False
    return size[1] == file.modified or digest_file(path) == file.digest


def _path(name: str | None) -> Path | None:
    return Path(name).expanduser() if name and name not in ("-", "<frame>") and "://" not in name[:12] else None


def _size(path: Path | None) -> tuple[int, int] | None:
    """Size and time of writing of a plain file."""
    try:
        found = path.stat() if path is not None else None
    except (OSError, ValueError):
        return None
    return (found.st_size, found.st_mtime_ns) if found is not None and stat.S_ISREG(found.st_mode) else None
