"""One writer at a time below a URL: a lease that is renewed while its holder lives.

The lease is a series of objects, ``lease/00000001.json`` and on, of which the last one counts. Taking the lease is
writing the next number on the condition that there is none, so that one of several succeeds. The holder rewrites its
own object every few seconds. Nobody's clock is compared with anybody else's: whoever wants the lease watches whether
its object changes.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from uuid import uuid4

from modelwright.errors import RequestError, StorageError
from modelwright.hashing import canonical_json, restore
from modelwright.objects import Objects
from modelwright.stores._holder import Holder, this_process

FOLDER = "lease"
PATIENCE = 30.0
"""Seconds without a sign of life after which a holder on another machine counts as dead. Long enough for a machine
that is busy or a connection that is down for a moment; a holder that wakes up later is kept from writing by the log."""
BEATS = 4
"""Renewals in that time."""


@dataclass(frozen=True)
class _Held:
    holder: Holder
    session: str
    beat: int
    ended: bool = False


class Lease:
    """The right to write below a URL. Made by :meth:`take`; renewed by a thread of its own until :meth:`release`.

    Attributes:
        session: what tells this holding from every other one.
        lost: who took it, once somebody has.
    """

    def __init__(self, objects: Objects, number: int, held: _Held, patience: float) -> None:
        self._objects, self._number, self._held = objects, number, held
        self.session, self.lost = held.session, ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, args=(patience / BEATS,), name="modelwright-lease")
        self._thread.daemon = True
        self._thread.start()

    @classmethod
    def take(cls, objects: Objects, patience: float = PATIENCE) -> Lease:
        """Take the lease, also from a holder that has died.

        A holder on this machine is asked for at once; one on another machine is watched for ``patience`` seconds.

        Raises:
            RequestError: when somebody holds it, by whom and since when.
        """
        while True:
            number, held = _latest(objects)
            if held is not None and not held.ended:
                alive = held.holder.alive
                if alive or (alive is None and _shows_life(objects, number, held, patience)):
                    raise RequestError(
                        f"{objects.name} is in use by {held.holder.words}; wait until it has ended, or choose another "
                        "place"
                    )
            ours = _Held(this_process(), uuid4().hex, 0)
            if objects.create(_name(number + 1), _bytes(ours)):
                if number:
                    objects.remove([_name(number)])
                return cls(objects, number + 1, ours, patience)

    def release(self) -> None:
        """Let go of it, so that the next one needn't watch."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        if not self.lost:
            try:
                self._beat(ended=True)
            except StorageError:
                return  # it lapses by itself

    def _renew(self, pause: float) -> None:
        while not self._stop.wait(pause):
            try:
                number, held = _latest(self._objects)
                if number > self._number and held is not None:
                    self.lost = held.holder.words
                    return
                self._beat()
            except StorageError:
                continue  # the next beat may get through, and whoever takes the lease meanwhile is noticed then

    def _beat(self, *, ended: bool = False) -> None:
        held = self._held
        self._held = _Held(held.holder, held.session, held.beat + 1, ended)
        self._objects.write(_name(self._number), _bytes(self._held))


def holder_of(objects: Objects) -> Holder | None:
    """Who holds the lease, as far as the record goes."""
    held = _latest(objects)[1]
    return None if held is None or held.ended else held.holder


def _shows_life(objects: Objects, number: int, seen: _Held, patience: float) -> bool:
    """Whether the lease changes while it is watched."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        time.sleep(min(patience / (2 * BEATS), max(0.0, end - time.monotonic())))
        now, held = _latest(objects)
        if (now, held) != (number, seen):
            return held is not None and not held.ended
    return False


def _latest(objects: Objects) -> tuple[int, _Held | None]:
    """The last lease and its number; one that can't be read counts as ended."""
    names = [n for n in objects.sizes(FOLDER) if n == _name(_number(n))]
    if not names:
        return 0, None
    number = _number(names[-1])
    try:
        return number, restore(_Held, json.loads(objects.read(names[-1])))
    except KeyError:
        return number, None
    except (ValueError, TypeError):
        return number, None


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08d}.json"


def _number(name: str) -> int:
    stem = name.removeprefix(f"{FOLDER}/").removesuffix(".json")
    return int(stem) if stem.isascii() and stem.isdigit() else 0


def _bytes(held: _Held) -> bytes:
    return canonical_json(held).encode("utf-8", "replace")
