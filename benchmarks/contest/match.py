"""One rival on one split: its process, its clock, its memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from contest.cards import DataSet, Split
from contest.job import Job
from contest.rivals import Rival
from contest.scoring import score

WORKER = Path(__file__).resolve().with_name("worker.py")
GRACE = 3.0
"""Killed at this many times the budget, and never before :data:`LEAST` seconds."""
LEAST = 60.0
PROBING = 120.0
"""Seconds that measuring latency may take after the predictions are there."""
EVERY = 0.2
"""Seconds between two looks at a rival's processes."""
EXACTLY = 0.9
"""Seconds between two exact measurements of memory, which cost the rival a little time."""
POLITE = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""On a machine with other work, for everybody: threads that spin at OpenMP's barriers lose ten times and more there. On
a machine of their own they gain as much by it, since a virtual processor takes long to wake."""
FORGETFUL = {"MODELWRIGHT_MEMORY": "off"}
"""Nobody may know the data from an earlier contest."""


class Meter(threading.Thread):
    """Watches a process and its descendants: peak memory and processor seconds.

    Memory is the proportional set size where the system tells it (Linux): pages that forked workers share count once.
    """

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.seen: dict[int, psutil.Process] = {}
        self._root = process
        self._cpu: dict[int, float] = {}
        self._exact = 0.0
        self._over = threading.Event()

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all processes that were seen."""
        return sum(self._cpu.values())

    def run(self) -> None:
        """Look again and again, until :meth:`end`."""
        while not self._over.wait(EVERY):
            self._look()

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()

    def kill(self) -> None:
        """End every process that was seen and is still the same one."""
        for process in self.seen.values():
            with suppress(psutil.Error):
                process.kill()

    def _look(self) -> None:
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return
        resident = 0
        for process in family:
            self.seen.setdefault(process.pid, process)
            with suppress(psutil.Error):
                times = process.cpu_times()
                self._cpu[process.pid] = times.user + times.system
                resident += process.memory_info().rss
        # Adding up what each process has is quick and too much; only what may be a new peak is measured exactly.
        if resident > self.peak and time.monotonic() > self._exact + EXACTLY:
            self._exact = time.monotonic()
            self.peak = max(self.peak, min(resident, sum(map(_proportional, family))))


def _proportional(process: psutil.Process) -> int:
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def play(
    data: DataSet, split: Split, rival: Rival, python: Path, budget: float, seed: int, *, cores: int, probe: bool,
    keep: Path, polite: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Let a rival fit and predict, and score it.

    Args:
        data: the data set.
        split: its rows.
        rival: who plays.
        python: the interpreter of its environment.
        budget: seconds that it is told.
        seed: that it is told.
        cores: that it is told.
        probe: whether latency and cold start are measured.
        keep: folder for the predictions and what the rival printed.
        polite: whether nobody's threads may spin while they wait, see :data:`POLITE`.

    Returns:
        A record as plain JSON: ``score`` is ``None`` when the rival failed, and ``error`` says why. Seconds:
        ``start_s`` (imports and reading), ``fit_s``, ``predict_s``; ``overrun_s`` counts from the process's start.
    """
    folder = Path(tempfile.mkdtemp(prefix="contest-"))
    name = f"{data.name}.{rival.name}.{budget:g}.{seed}"
    try:
        _hand_over(folder, data, split, rival, budget, seed, cores, probe)
        with (keep / f"{name}.log").open("w") as log:
            found = _watched(folder, python, budget, log, polite)
            record = found | _judged(folder, data, split, found["killed"])
            if probe and (folder / "saved" / "complete").exists():
                record["cold_start_s"] = _cold_start(folder, python, log, polite)
        if record["score"] is not None:
            shutil.copy(folder / "predictions.parquet", keep / f"{name}.parquet")
        else:
            said = (keep / f"{name}.log").read_text("utf-8", "replace").strip().splitlines()
            record["error"] = f"{record['error']}: {' | '.join(said[-3:])}"[:600] if said else record["error"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if record["start_s"] is not None and record["fit_s"] is not None:
        record["overrun_s"] = round(max(0.0, record["start_s"] + record["fit_s"] - budget), 2)
    return record


def _hand_over(
    folder: Path, data: DataSet, split: Split, rival: Rival, budget: float, seed: int, cores: int, probe: bool
) -> None:
    """Everything that the rival gets, in an empty folder: no way to come upon the test labels."""
    split.train.to_parquet(folder / "train.parquet")
    split.test.to_parquet(folder / "test.parquet")
    (folder / "rival").mkdir()
    job = Job(
        data.target, data.task, data.metric, budget, seed, cores, str(folder / "rival"),
        str(data.card.get("problem") or ""), data.column("time_column"), data.column("group_column"),
        dict(rival.options),
    )  # fmt: skip
    told = {"job": asdict(job), "rival": str(rival.path), "probe": probe}
    (folder / "job.json").write_text(json.dumps(told), encoding="utf-8")


def _environment(folder: Path, polite: bool) -> dict[str, str]:
    given = FORGETFUL | {"PYTHONWARNINGS": "ignore", "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    given |= POLITE if polite else {}
    dropped = ("PYTHONPATH", "OMP_NUM_THREADS", "VIRTUAL_ENV", *POLITE)
    kept = {k: v for k, v in os.environ.items() if k not in dropped}
    # Sockets have short names only; in a deep temporary folder Ray's would be too long.
    return kept | given | ({"RAY_TMPDIR": "/tmp"} if len(str(folder)) > 40 else {})


@contextmanager
def _running(
    folder: Path, python: Path, mode: str, log: Any, polite: bool
) -> Iterator[tuple[subprocess.Popen[bytes], Meter]]:
    """A worker's process and its meter; whatever happens, nothing of it is left running."""
    process = subprocess.Popen(
        [str(python), "-P", "-u", str(WORKER), str(folder), mode],
        stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment(folder, polite), cwd=folder / "rival",
        start_new_session=True,
    )  # fmt: skip
    meter = Meter(psutil.Process(process.pid))
    meter.start()
    try:
        yield process, meter
    finally:
        meter.end()
        meter.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _watched(folder: Path, python: Path, budget: float, log: Any, polite: bool) -> dict[str, Any]:
    """Run a worker; what it used is read off when its predictions are there, before latency is measured."""
    busy, began = psutil.cpu_times(), time.time()
    killed, over = False, None
    with _running(folder, python, "fit", log, polite) as (process, meter):
        while over is None:
            ended = process.poll() is not None
            elapsed = time.time() - began
            killed = elapsed > max(GRACE * budget, LEAST)
            if ended or killed or (folder / "predictions.parquet").exists():
                over, cpu, peak = elapsed, meter.cpu_seconds, meter.peak
                machine = _busy(busy, psutil.cpu_times())
            time.sleep(0.05)
        if not killed:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PROBING)
    times = _times(folder)
    return {
        "killed": killed,
        "start_s": _between(began, times.get("began")),
        "fit_s": _between(times.get("began"), times.get("fitted")),
        "predict_s": _between(times.get("fitted"), times.get("predicted")),
        "overrun_s": None,
        "peak_mb": round(peak / 2**20),
        "cores": round(cpu / over, 2),
        "machine_cores": round(machine / over, 2),
        "one_row_ms": times.get("one_row_ms"),
        "many_rows_ms": times.get("many_rows_ms"),
        "cold_start_s": None,
    }


def _times(folder: Path) -> Mapping[str, Any]:
    path = folder / "times.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)


def _busy(before: Any, after: Any) -> float:
    """Seconds that all of the machine's cores were busy, whoever kept them so."""
    return sum(getattr(after, n) - getattr(before, n) for n in ("user", "nice", "system") if hasattr(after, n))


def _judged(folder: Path, data: DataSet, split: Split, killed: bool) -> dict[str, Any]:
    path = folder / "predictions.parquet"
    if not path.exists():
        return {"score": None, "error": "killed: no predictions in time" if killed else "it ended without predictions"}
    try:
        return {"score": score(data.task, data.metric, split.truth, pd.read_parquet(path)), "error": None}
    except ValueError as error:
        return {"score": None, "error": f"its predictions can't be scored: {error}"}


def _cold_start(folder: Path, python: Path, log: Any, polite: bool) -> float | None:
    """Seconds from the start of a process to the first prediction of a saved model."""
    began = time.time()
    with _running(folder, python, "cold", log, polite) as (process, _):
        try:
            ended = process.wait(PROBING)
        except subprocess.TimeoutExpired:
            return None
        return round(time.time() - began, 2) if ended == 0 else None
