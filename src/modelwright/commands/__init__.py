"""What the commands share: how runs are found and read, how a run is watched, how foreign text is shown."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.errors import RequestError

if TYPE_CHECKING:
    from modelwright.state import State
    from modelwright.step import Record

RUNS = Path("modelwright-runs")
LONGEST_START = 30.0
"""Seconds that a command may take to start."""


def began() -> float:
    """``time.monotonic()`` of the start of this process: the budget counts what starting took, too.

    A process that has been there for longer did something else before, and calls this as a function.
    """
    starting = _age()
    return time.monotonic() - (starting if 0 <= starting < LONGEST_START else 0.0)


def _age() -> float:
    """Seconds since this process was started."""
    try:
        # Elsewhere a process's start is known by the clock of the machine's start, which is in whole seconds.
        started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):  # no Linux
        import psutil

        return time.time() - psutil.Process().create_time()


def watched(work: Callable[[Any], dict[str, Any]], folder: Path | str, as_json: bool) -> None:
    """Do the work of a run with its events shown as they come in, and say how it ended."""
    from modelwright.live import watching

    with watching(folder, as_json) as watch:
        summary = work(watch.listen)
        watch.finish(summary)


def records_of(folder: Path | str) -> tuple[Record, ...]:
    """The log of a run, in a folder or at a URL."""
    from modelwright.places import find

    return find(folder).records()


def state_of(folder: Path | str) -> State:
    """What a run's log tells of."""
    from modelwright.state import fold

    return fold(records_of(folder))


def folders() -> list[Path]:
    """Run folders below :data:`RUNS`, the latest first."""
    found = [p.parent for p in RUNS.glob("*/run.db")] + [p.parent for p in RUNS.glob("*/run/run.db")]
    return sorted(found, key=lambda p: (p / "run.db").stat().st_mtime, reverse=True)


def latest() -> Path:
    """The latest run folder.

    Raises:
        RequestError: when there is none.
    """
    found = folders()
    if not found:
        raise RequestError(f"there is no run below {RUNS}; name a run folder")
    return found[0]


def latest_unfinished() -> Path:
    """The latest run folder without a result.

    Raises:
        RequestError: when there is none.
    """
    for folder in folders():
        # The log decides: a run that was killed while its last files were written may have a summary already.
        if not (folder / "summary.json").exists() or state_of(folder).status != "finished":
            return folder
    raise RequestError(f"there is no unfinished run below {RUNS}; name a run folder")


def safe(text: str) -> str:
    """Text from outside without control characters, so that it can't steer the terminal."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)
