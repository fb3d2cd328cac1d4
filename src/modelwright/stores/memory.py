"""A store that is forgotten with the process, for tests and for trying things out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from modelwright.step import Outcome, Record
from modelwright.stores import Store
from modelwright.stores._artefacts import Artefacts
from modelwright.stores._ledger import Ledger, as_text, kept
from modelwright.stores._moments import moments


class Memory(Store):
    """Events and steps in memory; artefacts in a temporary folder, since steps take them as files.

    Values pass through JSON as they do in a folder, so that a test can't come to rely on anything richer.
    """

    name: ClassVar[str] = "memory"

    def __init__(self) -> None:
        # Whoever still writes while this is closed writes for nobody.
        self._place = TemporaryDirectory(prefix="modelwright-", ignore_cleanup_errors=True)
        self._artefacts = Artefacts(Path(self._place.name).resolve())
        self._ledger = Ledger()
        self._now = moments()

    @property
    def folder(self) -> Path:
        """The folder that holds the artefacts."""
        return self._artefacts.folder

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        return self._artefacts.put(data)

    def put_file(self, path: Path) -> str:
        """Move a file into the store and return its digest.

        Raises:
            ValueError: when it is a link or no plain file.
        """
        return self._artefacts.put_file(path)

    def path(self, digest: str) -> Path:
        """Where an artefact's bytes are, as a local file.

        Raises:
            KeyError: when it isn't there.
        """
        return self._artefacts.path(digest)

    def get(self, digest: str) -> bytes:
        """An artefact's bytes, checked against the digest.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """
        return self._artefacts.get(digest)

    def lookup(self, key: str) -> Outcome | None:
        """How the step with this key ended: ``reused``, or ``failed`` when it would fail again the same way."""
        return self._ledger.find(key, self._artefacts.hold)

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended. An ending that wouldn't repeat never replaces one that would.

        Raises:
            KeyError: when one of its artefacts isn't in the store.
        """
        sizes = self._artefacts.sizes(outcome.artefacts)
        self._ledger.keep(key, as_text(kept(outcome)), sizes)

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event to the log."""
        return self._ledger.append(self._now(), kind, as_text(body), parent)

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log from the event after ``after`` on, in order, with what is appended meanwhile."""
        return self._ledger.events(after)

    def close(self) -> None:
        """Remove the artefacts."""
        self._place.cleanup()
