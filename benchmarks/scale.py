"""Measures how runs grow with the data: 10⁴ to 10⁷ rows of 30 columns, from a Parquet file, at one time budget.

    python benchmarks/scale.py [--rows 10000 100000 1000000 10000000] [--time-budget 300] [--folder DIR]
                               [--reference 1000000] [--write docs/scale.md]

The data is drawn from a known distribution: numbers of several shapes with gaps, whole numbers, categories of three to
three hundred levels, a truth value, and a binary target whose probability is known for each row. So the best score that
any model can reach (the probability itself, "Bayes") is measured on the same 200,000 fresh rows as the delivered
model's, and beside it what scikit-learn's histogram gradient boosting reaches with its own defaults on as many rows as
``--reference`` allows.

For each size a run is started as a process of its own by the command line. Measured are: seconds to the first model
that looks at the columns, wall clock against budget, the peak memory of the whole process tree (:func:`tree_memory`),
on how many rows the delivered model was fitted, and the load of the machine, since whoever shares it shares the
figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FRESH = 200_000
CHUNK = 500_000
LEVELS = {"region": 3, "channel": 8, "browser": 25, "product": 120, "city": 300}
NORMAL, SKEWED, UNIFORM, COUNTS = 10, 6, 4, 4
GIB = 2.0**30


# ── the data ─────────────────────────────────────────────────────────────────────────────────────────────────────


def draw(rows: int, seed: int) -> tuple[Any, np.ndarray]:
    """Rows as an Arrow table with the target ``churned``, and each row's probability of ``yes`` (n,)."""
    import pyarrow as pa

    rng = np.random.default_rng([seed, 7])
    columns: dict[str, Any] = {}
    normal = rng.normal(size=(NORMAL, rows)).astype(np.float32)
    skewed = rng.lognormal(0.0, 0.8, size=(SKEWED, rows)).astype(np.float32)
    uniform = rng.random((UNIFORM, rows))
    counts = rng.poisson(4.0, size=(COUNTS, rows)).astype(np.int32)
    codes = {name: rng.integers(0, levels, rows) for name, levels in LEVELS.items()}
    member = rng.random(rows) < 0.3
    # Effects of levels are drawn once and for all, so that every table has the same truth.
    effects = np.random.default_rng(20)
    z = 0.9 * normal[0] + 0.6 * normal[1] * normal[2] + 0.7 * np.sin(2.5 * uniform[0] * np.pi) * normal[3]
    z += 0.5 * np.log(skewed[0]) - 0.5 * (skewed[1] > 1.5) * (normal[4] > 0) + 0.15 * (counts[0] - 4)
    z += 0.5 * np.where(member, normal[5], -0.3 * normal[6]) + 0.4 * np.abs(normal[7])
    for size, (name, levels) in zip((0.3, 0.3, 0.4, 0.5, 0.6), LEVELS.items(), strict=True):
        z += size * effects.normal(size=levels)[codes[name]]
    table = 0.6 * effects.normal(size=(LEVELS["channel"], LEVELS["browser"]))
    z += table[codes["channel"], codes["browser"]]
    probability = 1 / (1 + np.exp(-(z - 1.2)))
    for i in range(NORMAL):
        columns[f"sensor_{i}"] = normal[i]
    for i in range(SKEWED):
        values = skewed[i]
        if i % 2:
            values = np.where(rng.random(rows) < 0.05, np.float32(np.nan), values)
        columns[f"amount_{i}"] = pa.array(values, from_pandas=True)
    for i in range(UNIFORM):
        columns[f"share_{i}"] = uniform[i]
    for i in range(COUNTS):
        columns[f"visits_{i}"] = counts[i]
    for name, levels in LEVELS.items():
        names = pa.array([f"{name} {i}" for i in range(levels)])
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes[name].astype(np.int32)), names)
    columns["loyal"] = pa.array(member)
    target = (rng.random(rows) < probability).astype(np.int32)
    columns["churned"] = pa.DictionaryArray.from_arrays(pa.array(target), pa.array(["no", "yes"]))
    return pa.table(columns), probability


def write(path: Path, rows: int, seed: int) -> None:
    """A Parquet file of rows, drawn chunk by chunk."""
    from pyarrow import parquet

    writer = None
    for start in range(0, rows, CHUNK):
        table, _ = draw(min(CHUNK, rows - start), seed + start)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


# ── one run ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Measured:
    """What was measured of one size; see the table's head."""

    rows: int
    used: int
    first: float | None
    wall: float
    budget: float
    models: int
    fitted: str
    auc: float
    bayes: float
    reference: float
    reference_rows: int
    peak: float
    mapped: float
    load: float


def tree_memory(root: int) -> tuple[float, float]:
    """GiB that a process and its descendants take: private and shared anonymous memory, and mapped files besides.

    Both are sums of proportional shares (``Pss`` of Linux), so that a page which several processes share counts once.
    What is mapped from files is the system's cache: it is dropped when the memory is needed for something else.
    """
    import psutil

    try:
        tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    own = mapped = 0
    for process in tree:
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:  # it has just ended
            continue
        kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        anonymous = kib.get("Pss_Anon", 0) + kib.get("Pss_Shmem", 0)
        own += anonymous
        mapped += kib.get("Pss", 0) - anonymous
    return own * 1024 / GIB, mapped * 1024 / GIB


def run(data: Path, folder: Path, budget: float) -> tuple[float, tuple[float, float], float]:
    """Run the command line; wall-clock seconds, peak GiB (own, mapped) and the mean load of the machine."""
    command = [sys.executable, "-c", "from modelwright.cli import main; main()", "run", str(data)]
    options = [
        "--problem",
        "Who churns? (churned)",
        "--time-budget",
        f"{budget:g}s",
        "--out",
        str(folder),
        "--llm",
        "none",
    ]
    began = time.monotonic()
    process = subprocess.Popen([*command, *options, "--yes"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    peak, loads, ended = [0.0, 0.0], [os.getloadavg()[0]], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            now = tree_memory(process.pid)
            peak[:] = [max(a, b) for a, b in zip(peak, now, strict=True)]
            loads.append(os.getloadavg()[0])

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    code = process.wait()
    wall = time.monotonic() - began
    ended.set()
    watching.join()
    if code:
        raise SystemExit(f"the run on {data.name} ended with exit status {code}")
    return wall, (peak[0], peak[1]), float(np.mean(loads))


def measure(rows: int, budget: float, folder: Path, reference_rows: int) -> Measured:
    """Make the data of one size, run on it, and judge the delivered model on fresh rows."""
    from sklearn.metrics import roc_auc_score

    import modelwright as mw

    data, out = folder / f"{rows}.parquet", folder / f"run-{rows}"
    if not data.exists():
        write(data, rows, seed=1)
    wall, (peak, mapped), load = run(data, out, budget)
    fresh, probability = draw(FRESH, seed=10**9)
    frame = fresh.to_pandas()
    truth = (frame.pop("churned") == "yes").to_numpy()
    model = mw.load(out / "model")
    predicted = model.predict_proba(frame)[:, list(model.classes).index("yes")]
    used, first, models, fitted = _told(out)
    return Measured(
        rows,
        used,
        first,
        wall,
        budget,
        models,
        fitted,
        float(roc_auc_score(truth, predicted)),
        float(roc_auc_score(truth, probability)),
        _reference(data, frame, truth, reference_rows),
        min(rows, reference_rows),
        peak,
        mapped,
        load,
    )


def _told(run_folder: Path) -> tuple[int, float | None, int, str]:
    """From the run's log: rows used, seconds to the first model, models made, rows that the judged one knew."""
    from modelwright.state import fold
    from modelwright.stores.folder import Folder

    store = Folder(run_folder, readonly=True)
    try:
        records = list(store.events())
    finally:
        store.close()
    state = fold(iter(records))
    assert state.prepared is not None
    protocol = state.prepared.protocol
    started = float(records[0].body["started"])
    ended = [r for r in records if r.kind == "experiment_finished"]
    informed = [n for n, e in state.experiments.items() if e.informed]
    first = next((r.time - started for r in ended if r.body["experiment"]["number"] in informed), None)
    assert state.delivery is not None
    said = re.search(r"was fitted on (?:the )?([\d,]+(?: to [\d,]+)?)", state.delivery.note)
    return protocol.n_development + protocol.n_holdout, first, len(informed), said.group(1) if said else ""


def _reference(data: Path, fresh: Any, truth: np.ndarray, rows: int) -> float:
    """What scikit-learn's histogram gradient boosting reaches with its defaults, fitted on the first ``rows`` rows."""
    from pyarrow import parquet
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    table = next(parquet.ParquetFile(data).iter_batches(batch_size=rows))
    frame = table.to_pandas()
    y = (frame.pop("churned") == "yes").to_numpy()
    names = [n for n in frame if frame[n].dtype.name in ("category", "object", "str")]
    for name in names:
        levels = [f"{name} {i}" for i in range(LEVELS[name])]
        for part in (frame, fresh):
            part[name] = part[name].astype(str).map({level: i for i, level in enumerate(levels)}).astype(np.int32)
    # It takes at most 255 levels of a category; those of more stay numbers.
    categorical = [n for n in names if LEVELS[n] <= 255]
    model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
    model.fit(frame, y)
    return float(roc_auc_score(truth, model.predict_proba(fresh)[:, 1]))


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────


def table(found: list[Measured]) -> str:
    """The figures as Markdown."""
    head = (
        "| rows | rows used | first model | models | delivered model fitted on | ROC AUC | HGB, its defaults | best "
        "possible | wall clock / budget | peak memory | mapped files | load |\n" + "| ---: " * 12 + "|\n"
    )
    lines = [
        f"| {m.rows:,} | {m.used:,} | {'–' if m.first is None else f'{m.first:.0f} s'} | {m.models} | {m.fitted} "
        f"| {m.auc:.4f} | {m.reference:.4f} ({m.reference_rows:,} rows) | {m.bayes:.4f} "
        f"| {m.wall:.0f} s / {m.budget:.0f} s | {m.peak:.1f} GB | {m.mapped:.1f} GB | {m.load:.1f} |\n"
        for m in found
    ]
    return head + "".join(lines)


def machine() -> str:
    """When and where it was measured, with the versions that count."""
    import psutil

    names = ("modelwright", "numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "xgboost-cpu", "catboost")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"Measured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores with "
        f"{psutil.virtual_memory().total / GIB:.0f} GB of memory, {platform.system()}, Python "
        f"{platform.python_version()}; {versions}."
    )


def main() -> None:
    """Measure, print, and write the table where it was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--time-budget", type=float, default=300.0, help="seconds")
    parser.add_argument("--folder", type=Path, help="where data and runs are kept; a temporary folder by default")
    parser.add_argument("--reference", type=int, default=10**6, help="rows that the reference is fitted on at most")
    parser.add_argument("--write", type=Path, help="a Markdown file whose table is replaced")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for rows in asked.rows:
            found.append(measure(rows, asked.time_budget, folder, asked.reference))
            print(table(found[-1:]).splitlines()[-1], flush=True)
    print(f"\n{machine()}\n\n{table(found)}")
    if asked.write is not None:
        text = asked.write.read_text(encoding="utf-8")
        before, _, rest = text.partition("<!-- table -->\n")
        _, _, after = rest.partition("<!-- end of table -->\n")
        new = f"<!-- table -->\n{machine()}\n\n{table(found)}<!-- end of table -->\n"
        asked.write.write_text(before + new + after, encoding="utf-8")


if __name__ == "__main__":
    main()
