"""Runs that are killed at chosen moments: a program that forks a run from a process with everything imported.

A *moment* is just before or after something becomes visible on disk: a file is opened for writing, renamed, moved or
removed below the run folder, an event or the end of a step is written, a text is half written. At the chosen moment the
process of the run kills itself with SIGKILL, which nothing in it can notice or put off. Steps are performed in the same
process, so a moment may also lie inside a step.

Read from standard input, one JSON object a line: ``{"run": folder, "request": {…}, "gaps": [moments of each
session]}``. Written for each: ``{"kills": how often it was killed, "moments": of the last session, "codes": [...]}``.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from itertools import count
from pathlib import Path
from typing import Any


class Countdown:
    """Kills this process at its n-th moment."""

    def __init__(self, folder: Path, left: int) -> None:
        self.folder, self.left = str(folder.resolve()), left
        self.seen = count(1)
        self.moments = 0
        self.lock = threading.Lock()

    def moment(self) -> bool:
        """Count one; whether it is the one at which to die."""
        with self.lock:
            self.moments = next(self.seen)
            return self.moments == self.left

    def strike(self) -> None:
        if self.moment():
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif event in ("os.rename", "os.remove", "os.mkdir", "shutil.rmtree"):
            path = args[0]
        else:
            return
        if isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(self.folder):  # noqa: PTH100
            self.strike()

    def install(self) -> None:
        from modelwright.stores.folder import Folder

        write, write_bytes = Folder._write, Path.write_bytes

        def written(store: Folder, *args: Any) -> int:
            self.strike()
            seq = write(store, *args)
            self.strike()
            return seq

        def half(path: Path, data: Any) -> int:
            if str(path.resolve()).startswith(self.folder) and self.moment():
                with path.open("wb", buffering=0) as stream:
                    stream.write(data[: len(data) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
            return write_bytes(path, data)

        Folder._write = written  # type: ignore[method-assign]
        Path.write_bytes = half  # type: ignore[method-assign]
        sys.addaudithook(self.audit)


def session(folder: Path, request: dict[str, Any], left: int) -> int:
    """Start or resume a run in a child, to be killed at a moment; returns how the child ended (0: the run is done)."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            from modelwright import run
            from modelwright.executors.inline import Inline
            from modelwright.request import Request

            run.workers = lambda request, folder: Inline(folder / "artefacts")
            clock = Countdown(folder, left)
            clock.install()
            begun = (folder / "run.db").exists()
            try:
                run.resume(folder) if begun else run.start(Request(**request), folder)
                code = 0
            except run.RequestError as error:
                # Killed before there was a log: nothing had begun, and it says so.
                code = 2 if begun and "holds no run" in str(error) else 71
                print(error, file=sys.stderr)
            (folder.parent / f"{folder.name}.moments").write_text(str(clock.moments))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def live(folder: Path, request: dict[str, Any], gaps: list[int]) -> dict[str, Any]:
    """A run that is killed after each of ``gaps`` moments in turn, and then left alone."""
    codes = []
    for gap in (*gaps, 0):
        code = session(folder, request, gap)
        codes.append(code)
        if code == 2:
            for path in folder.iterdir():
                path.unlink() if path.is_file() else None
            continue
        if code != -signal.SIGKILL:
            break
    moments = folder.parent / f"{folder.name}.moments"
    return {
        "codes": codes,
        "kills": codes.count(-signal.SIGKILL),
        "moments": int(moments.read_text()) if moments.exists() else 0,
    }


def main() -> None:
    for name in ("closing", "counsel", "delivery", "reasoning", "run", "searching", "stages", "story", "warm"):
        importlib.import_module(f"modelwright.{name}")
    importlib.import_module("matplotlib.figure")
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(live(Path(asked["run"]), asked["request"], asked["gaps"])), flush=True)


if __name__ == "__main__":
    main()
