"""Who holds a store: a process, by what tells it apart from every other one."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A process that has a store open for writing.

    Args:
        host: the machine's name, for people.
        pid: the process, as it is called there.
        since: seconds since the epoch at which it took the store.
        machine: what tells this machine, since its last start, and its space of process numbers from all others;
            empty where that can't be said.
        started: seconds since the epoch at which the process started.
    """

    host: str
    pid: int
    since: float
    machine: str = ""
    started: float = 0.0

    @property
    def words(self) -> str:
        """Who and since when, as part of a sentence."""
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S")
        host = "".join(c for c in self.host[:100] if c.isprintable())
        return f"process {self.pid} on {host}, since {since} UTC"

    @property
    def alive(self) -> bool | None:
        """Whether the process is still there; ``None`` when that can't be seen from here."""
        import psutil

        if not self.machine or self.machine != machine():
            return None
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 2.0
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def this_process() -> Holder:
    """This process as a holder from now on."""
    import psutil

    return Holder(socket.gethostname(), os.getpid(), time.time(), machine(), psutil.Process().create_time())


@lru_cache(maxsize=1)
def machine() -> str:
    """The start of the machine and the space of process numbers; empty where there is no telling."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
