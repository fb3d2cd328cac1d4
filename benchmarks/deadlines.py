"""Whether runs end in time, and with a model: budgets on small and large data.

    python benchmarks/deadlines.py                       all cases, one after the other
    python benchmarks/deadlines.py --budget 20 --rows 2000
    python benchmarks/deadlines.py --json                a JSON line a case

Each case is the command in a process of its own, with a load of the machine that is said beside the figures: wall-clock
from its start to its end, over the budget; and whether a model was delivered that beats the baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

BUDGETS = (20, 30, 60, 120)
ROWS = (2_000, 50_000, 500_000)
LATE = 1.1


def table(rows: int, columns: int = 20, seed: int = 0) -> pd.DataFrame:
    """Numbers and a few levels; two classes that depend on products, thresholds and levels, with noise."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"x{i}" for i in range(columns)])
    frame["place"] = rng.choice([f"place {i}" for i in range(12)], rows)
    signal = frame["x0"] + frame["x1"] * frame["x2"] + (frame["x3"] > 0.5) + (frame["place"] < "place 3")
    frame["y"] = np.where(signal + rng.normal(0, 1.0, rows) > 0.8, "yes", "no")
    return frame


def timed(data: Path, budget: int, home: Path) -> dict[str, Any]:
    """Run the command on a file; what came of it."""
    run = home / f"run-{data.stem}-{budget}"
    options = ("--problem", "Predict y", "--target", "y", "--yes", "--time-budget", f"{budget}s", "--out", str(run))
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "modelwright.cli", "run", str(data), *options],
        capture_output=True, text=True, timeout=20 * budget, check=False,
        env=os.environ | {"MODELWRIGHT_MEMORY": "off", "MODELWRIGHT_LLM": "none"},
    )  # fmt: skip
    wall = time.monotonic() - began
    summary = json.loads((run / "summary.json").read_text("utf-8")) if ended.returncode == 0 else {}
    return {
        "budget": budget,
        "wall": round(wall, 1),
        "ratio": round(wall / budget, 3),
        "code": ended.returncode,
        "score": summary.get("holdout", {}).get("score"),
        "baseline": summary.get("baseline", {}).get("score"),
        "experiments": summary.get("experiments"),
        "load": round(os.getloadavg()[0], 1),
        "said": "" if ended.returncode == 0 else ended.stderr.strip().splitlines()[-1:],
    }


def main() -> None:
    """Run the cases and print a table; the exit code says whether all ended in time with a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=int, action="append", help="seconds; may be repeated")
    parser.add_argument("--rows", type=int, action="append", help="rows; may be repeated")
    parser.add_argument("--json", action="store_true", help="a JSON line a case")
    asked = parser.parse_args()
    failed = 0
    if not asked.json:
        print(
            f"{'rows':>9} {'budget':>7} {'wall':>7} {'ratio':>6}  {'score':>7} {'baseline':>8} {'exp':>4} {'load':>5}"
        )
    with tempfile.TemporaryDirectory(prefix="deadlines-") as home:
        for rows in asked.rows or ROWS:
            data = Path(home) / f"{rows}.parquet"
            table(rows).to_parquet(data)
            for budget in asked.budget or BUDGETS:
                found = {"rows": rows, **timed(data, budget, Path(home))}
                failed += found["code"] != 0 or found["ratio"] > LATE
                if asked.json:
                    print(json.dumps(found), flush=True)
                    continue
                score, baseline = (f"{v:.4f}" if v is not None else "none" for v in (found["score"], found["baseline"]))
                print(
                    f"{rows:>9,} {budget:>6}s {found['wall']:>6}s {found['ratio']:>6} {score:>8} {baseline:>8} "
                    f"{found['experiments'] or 0:>4} {found['load']:>5}  {' '.join(found['said'])}",
                    flush=True,
                )
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
