"""How long a delivered model takes where users feel it: cold start, one row, many rows.

    python benchmarks/serving.py modelwright-runs/…/model [--rows 10000] [--repeat 5]

Cold start is wall-clock from the start of a fresh interpreter to the first prediction, by way of ``modelwright.load``
(digests, audit, golden rows included). *Plain estimators* are the fitted members alone on matrices that are ready:
what a program without modelwright would have to pay at least.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

import modelwright

COLD = """
import sys
import modelwright
model = modelwright.load(sys.argv[1])
model.predict(sys.argv[2])
"""


def seconds(call: Callable[[], Any], repeat: int) -> float:
    """Median wall-clock of some calls, after one that warms up."""
    call()
    found = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return median(found)


def cold_start(bundle: str, row: pd.DataFrame, repeat: int) -> float:
    """Median seconds from the start of an interpreter to its end, having predicted one row."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "row.csv")
        row.to_csv(path, index=False)
        return seconds(lambda: subprocess.run([sys.executable, "-c", COLD, bundle, path], check=True), repeat)


def bare(model: Any, frame: pd.DataFrame) -> list[tuple[Any, Any]]:
    """Every member's estimator with the matrix that it takes."""
    members = getattr(model.pipeline[-1], "models_", [model.pipeline])
    return [(member[-1], member[:-1].transform(frame)) for member in members]


def measured(bundle: str, rows: int, repeat: int) -> dict[str, float]:
    """Cold start in seconds; the others in milliseconds."""
    model = modelwright.load(bundle)
    known = pd.DataFrame(list(model.references.rows if model.references is not None else model.golden))
    one, many = known.head(1), known.iloc[np.resize(np.arange(len(known)), rows)].reset_index(drop=True)
    parts = bare(model, model._conformed(many))
    answer = "predict_proba" if model.classes else "predict"
    whole = seconds(lambda: model.predict(many), repeat)
    plain = seconds(lambda: [getattr(estimator, answer)(matrix) for estimator, matrix in parts], repeat)
    return {
        "members": len(parts),
        "cold_start_s": round(cold_start(bundle, one, repeat), 2),
        "one_row_ms": round(1000 * seconds(lambda: model.predict(one), 10 * repeat), 2),
        f"{rows}_rows_ms": round(1000 * whole, 1),
        f"{rows}_rows_plain_estimators_ms": round(1000 * plain, 1),
        "times_plain": round(whole / plain, 2),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    print(json.dumps(measured(asked.bundle, asked.rows, asked.repeat), indent=1))
