"""Stores: artefacts by content, steps by content, events in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from modelwright.step import Outcome, Record


class Store(Protocol):
    """Put, get, append, read. One process writes events and steps; any process may put artefacts."""

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest. Whole or not at all; the same bytes are stored once."""

    def put_file(self, path: Path) -> str:
        """Move a file into the store and return its digest."""

    def path(self, digest: str) -> Path:
        """Where an artefact's bytes are, as a local file.

        Raises:
            KeyError: when it isn't there.
        """

    def get(self, digest: str) -> bytes:
        """An artefact's bytes, checked against the digest.

        Raises:
            KeyError: when it isn't there or its bytes aren't what they were.
        """

    def lookup(self, key: str) -> Outcome | None:
        """How the step with this key ended, if it ended and all its artefacts are there."""

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep how a step ended."""

    def append(self, kind: str, body: Mapping[str, Any], parent: int = 0) -> Record:
        """Append an event to the log; it is durable when this returns."""

    def events(self, after: int = 0) -> Iterator[Record]:
        """The log from the event after ``after`` on, in order."""

    def close(self) -> None:
        """Let go of files."""
