"""Data for whole runs, and ways to call the command line and to look at what it left."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

HOSTILE = 'a"b, DROP TABLE x; --\n😀 <script>alert(1)</script>'
PLAIN = ("--problem", "Which customers will leave?", "--target", "left", "--yes", "--time-budget", "10m")


def start(*args: object, cwd: Path) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    env = os.environ | {"OMP_WAIT_POLICY": "passive", "COLUMNS": "200", "MODELWRIGHT_LLM": "none"}
    return subprocess.Popen(
        [sys.executable, "-m", "modelwright.cli", *map(str, args)],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(*args: object, cwd: Path) -> SimpleNamespace:
    """Run the command line in a process of its own, to its end."""
    process = start(*args, cwd=cwd)
    out, err = process.communicate(timeout=900)
    return SimpleNamespace(code=process.returncode, out=out, err=err)


def once(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made once, however many processes share the tests."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = root / name
        if not (folder / "made").exists():
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder


def summary_of(run: Path) -> dict:
    return json.loads((run / "summary.json").read_text("utf-8"))


def lines_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "trace.jsonl").read_text("utf-8").splitlines()]


def customers(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Clean columns, two classes that can be told apart fairly well."""
    rng = np.random.default_rng(seed)
    x, c = rng.normal(size=n), rng.choice(["north", "south", "west"], n)
    signal = x + 0.8 * (c == "north") + rng.normal(0, 0.6, n)
    return pd.DataFrame({"x": x, "c": c, "z": rng.normal(size=n), "left": np.where(signal > 0.5, "yes", "no")})


def messy_text(n: int = 400) -> str:
    """A table as it comes from a spreadsheet: everything that can be wrong with it and still be read."""
    rng = np.random.default_rng(1)
    amount, visits, place = rng.gamma(2, 900, n), rng.poisson(4, n), rng.choice(["Köln", "Ulm", "Bonn"], n)
    left = amount / 900 + (place == "Ulm") + rng.normal(0, 0.8, n) > 2.4
    days = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    words = ["slow", "service", "happy", "price", "invoice", "again", "thanks", "never", "late", "friendly"]
    name = HOSTILE.replace('"', '""')
    rows = [f'Kundennr;Betrag;Besuche;Betrag;"{name}";seit;Bemerkung;größe;left']
    for i in range(n):
        euros = f"{amount[i]:,.2f}".translate(str.maketrans(",.", ".,")) + " €"
        other = (
            "?" if i % 9 == 0 else "inf" if i == 5 else "1e300" if i == 7 else f"{rng.normal():.3f}".replace(".", ",")
        )
        text = " ".join(rng.choice(words, 14)) + f" {i}"
        label = "" if i in (3, 77) else "ja" if left[i] else "nein"
        cells = [f"K-{i:05d}", euros, "n/a" if i % 17 == 0 else str(visits[i]), other, place[i]]
        cells += [days[i].strftime("%d.%m.%Y"), text, "constant", label]
        rows.append(";".join(cells[:8] if i == 60 else cells))
    return "\n".join(rows) + "\n"
