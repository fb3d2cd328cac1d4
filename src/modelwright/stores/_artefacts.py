"""Artefacts: files named after the digest of their bytes, in a folder."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from modelwright.hashing import digest_bytes, digest_file
from modelwright.step import Outcome

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Artefacts:
    """The part of a store that holds bytes: ``ab/abcdef…`` in ``folder``, each file whole or not there.

    The folder isn't trusted: names that aren't digests, links, and bytes that don't match their digest count as
    not there. A file is read once to be compared with its digest, and again when it has changed since.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        digest = digest_bytes(data)
        home = self._home(digest)
        if _size(home) == len(data) and digest_file(home) == digest:
            return digest
        near = self._near(home)
        try:
            with near.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            near.replace(home)
        except OSError:
            near.unlink(missing_ok=True)
            raise
        self._seen[digest] = _mark(home)
        return digest

    def put_file(self, path: Path) -> str:
        """Move a file into the store and return its digest.

        Raises:
            ValueError: when it is a link or no plain file.
        """
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError(f"{path.name!r} isn't a plain file")
        digest = digest_file(path)
        home = self._home(digest)
        try:
            _flush(path)
            self._near(home)
            path.replace(home)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            near = self._near(home)
            try:
                shutil.copyfile(path, near)
                _flush(near)
                near.replace(home)
            except OSError:
                near.unlink(missing_ok=True)
                raise
            path.unlink()
        self._seen[digest] = _mark(home)
        return digest

    def path(self, digest: str) -> Path:
        """Where an artefact's bytes are.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        home = self._home(digest)
        if _size(home) is None:
            raise KeyError(digest)
        mark = _mark(home)
        if self._seen.get(digest) != mark:
            if digest_file(home) != digest:
                raise KeyError(digest)
            self._seen[digest] = mark
        return home

    def check(self, digest: str) -> None:
        """Refuse what is no digest.

        Raises:
            KeyError: when it isn't one.
        """
        self._home(digest)

    def get(self, digest: str) -> bytes:
        """An artefact's bytes.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        data = self.path(digest).read_bytes()
        if digest_bytes(data) != digest:
            raise KeyError(digest)
        return data

    def sizes(self, artefacts: Mapping[str, str]) -> dict[str, int]:
        """The size of each artefact, by digest; for artefacts whose maker has just worked out the digest.

        Raises:
            KeyError: when one isn't there.
        """
        found = {digest: _size(self._home(digest)) for digest in artefacts.values()}
        for digest, size in found.items():
            if size is None:
                raise KeyError(digest)
            self._seen[digest] = _mark(self._home(digest))
        return {digest: size for digest, size in found.items() if size is not None}

    def hold(self, artefacts: Mapping[str, str], sizes: Mapping[str, int]) -> bool:
        """Whether all these artefacts are there as they were when this was recorded."""
        try:
            return all(self.path(digest).stat().st_size == sizes[digest] for digest in artefacts.values())
        except KeyError:
            return False

    def _home(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise KeyError(digest)
        return self.folder / digest[:2] / digest

    def _near(self, home: Path) -> Path:
        home.parent.mkdir(parents=True, exist_ok=True)
        return home.with_name(f".{uuid4().hex}.tmp")


def _size(path: Path) -> int | None:
    """Bytes of a plain file; ``None`` for anything else."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _mark(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written to."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def repeats(outcome: Outcome) -> bool:
    """Whether a step would end like this again, so that it needn't be performed again.

    An exception, a lack of memory and a misuse would repeat; running out of time, a crash and a cancellation depend on
    the moment, and a refused or skipped step was never performed.
    """
    if outcome.status == "failed":
        return outcome.failure is not None and outcome.failure.kind in ("error", "memory", "program")
    return outcome.ok
