"""Measures whether intervals hold: the share of runs whose score on fresh rows lies inside, and the optimism gap.

    python benchmarks/coverage.py [FOLDER] [--runs 20] [--only NAME] [--max-experiments 5] [--time-budget 60]

Without FOLDER, data sets are drawn from known distributions, of several tasks, sizes, metrics and shapes of noise; each
run is judged on fresh rows of the same distribution, as many as the run had sealed, and on 20,000 of them, where the
score is nearly the true one. With FOLDER, which holds one folder a data set with ``train.csv`` and a ``card.json`` that
names the ``target`` and the ``problem``, a quarter of the rows is kept from the run and judged by: the last ones where
the run would find that rows are in time, whole groups where it would find groups, and copies of a row on one side.

For each run one line is printed: the holdout score with its interval, the score on fresh rows, whether it lies inside,
and the gap between validation and holdout. In the end: coverage with its 95 % interval (Wilson), and the median gap.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import modelwright as mw
from modelwright.errors import ModelwrightError
from modelwright.policy.understand import understand
from modelwright.readers import read
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import find_metric, gain

LARGE = 20_000


@dataclass(frozen=True)
class Outcome:
    """One run: its name, the figures, and where fresh rows fell."""

    name: str
    metric: str
    rows: int
    score: float
    low: float
    high: float
    fresh: float
    inside: bool
    large: float | None
    large_inside: bool | None
    gap: float


@dataclass(frozen=True)
class Draw:
    """A distribution that data sets are drawn from: ``make(rng, n)`` gives columns and a target ``y``."""

    name: str
    metric: str
    rows: int
    make: Callable[[np.random.Generator, int], pd.DataFrame]


def _columns(rng: np.random.Generator, n: int, count: int = 8) -> pd.DataFrame:
    frame = pd.DataFrame(rng.normal(size=(n, count)), columns=[f"x{i}" for i in range(count)])
    frame["kind"] = rng.choice(["a", "b", "c", "d"], n, p=[0.5, 0.3, 0.15, 0.05])
    frame.loc[rng.random(n) < 0.1, "x1"] = np.nan
    return frame


def _signal(frame: pd.DataFrame) -> np.ndarray:
    bent = np.sin(2 * frame["x0"]) + 0.5 * frame["x2"] * frame["x3"] + 0.3 * frame["x1"].fillna(0.0)
    signal: np.ndarray = (bent + frame["kind"].map({"a": 0.0, "b": 0.7, "c": -0.7, "d": 1.5})).to_numpy(
        dtype=np.float64
    )
    return signal


def _binary(shift: float, noise: float) -> Callable[[np.random.Generator, int], pd.DataFrame]:
    def make(rng: np.random.Generator, n: int) -> pd.DataFrame:
        frame = _columns(rng, n)
        frame["y"] = np.where(_signal(frame) - shift + noise * rng.logistic(size=n) > 0, "yes", "no")
        return frame

    return make


def _classes(rng: np.random.Generator, n: int) -> pd.DataFrame:
    frame = _columns(rng, n)
    frame["y"] = np.array(["low", "middle", "high"])[
        np.digitize(_signal(frame) + 0.6 * rng.normal(size=n), [-0.5, 0.7])
    ]
    return frame


def _values(tail: str) -> Callable[[np.random.Generator, int], pd.DataFrame]:
    def make(rng: np.random.Generator, n: int) -> pd.DataFrame:
        frame, errors = _columns(rng, n), {"normal": rng.normal(size=n), "heavy": rng.standard_t(3, size=n)}
        if tail == "skewed":
            frame["y"] = np.exp(0.7 * _signal(frame) + 0.7 * rng.normal(size=n)) * 100
        else:
            frame["y"] = 10 + 3 * _signal(frame) + 2 * errors[tail]
        return frame

    return make


DRAWS = (
    Draw("balanced classes", "roc_auc", 1200, _binary(0.2, 0.5)),
    Draw("rare class", "average_precision", 2000, _binary(2.2, 0.5)),
    Draw("few rows", "log_loss", 300, _binary(0.2, 0.5)),
    Draw("labels", "f1", 1000, _binary(1.0, 0.4)),
    Draw("three classes", "accuracy", 1000, _classes),
    Draw("normal errors", "rmse", 1000, _values("normal")),
    Draw("heavy tails", "rmse", 1000, _values("heavy")),
    Draw("skewed target", "mae", 800, _values("skewed")),
)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=20, help="data sets that are drawn, or divisions of those given")
    parser.add_argument("--only", help="data sets whose name holds this")
    parser.add_argument("--max-experiments", type=int, default=5)
    parser.add_argument("--time-budget", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    limits = {k: getattr(asked, k) for k in ("max_experiments", "time_budget", "workers")}
    jobs = _drawn(asked.runs, asked.only) if asked.folder is None else _given(asked.folder, asked.runs, asked.only)
    outcomes = []
    for name, data, fresh, large, options in jobs:
        try:
            outcome = _outcome(name, data, fresh, large, {**options, **limits})
        except ModelwrightError as error:
            print(f"{name}: passed over: {error}", file=sys.stderr)
            continue
        outcomes.append(outcome)
        mark = "inside" if outcome.inside else "OUTSIDE"
        print(
            f"{name:34} {outcome.metric:18} {outcome.score:10.4g} [{outcome.low:.4g}, {outcome.high:.4g}]  fresh "
            f"{outcome.fresh:.4g} {mark}  gap {outcome.gap:+.4g}",
            flush=True,
        )
    if not outcomes:
        sys.exit("no run came to an end")
    _summary(outcomes)
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(o) for o in outcomes], indent=1), encoding="utf-8")


Job = tuple[str, pd.DataFrame, pd.DataFrame, pd.DataFrame | None, dict[str, Any]]


def _drawn(runs: int, only: str | None) -> Iterator[Job]:
    draws = [d for d in DRAWS if only is None or only in d.name]
    for i in range(runs):
        draw = draws[i % len(draws)]
        rng = np.random.default_rng([11, i])
        held = draw.rows // 5  # about what a run seals
        parts = [draw.make(rng, n) for n in (draw.rows, held, LARGE)]
        options = {"problem": "Predict y", "target": "y", "metric": draw.metric, "seed": i}
        yield f"{draw.name} #{i}", parts[0], parts[1], parts[2], options


def _given(folder: Path, runs: int, only: str | None) -> Iterator[Job]:
    for home in sorted(p.parent for p in folder.glob("*/card.json")):
        source = next((home / n for n in ("train.csv", "train.parquet") if (home / n).exists()), None)
        card = json.loads((home / "card.json").read_text("utf-8"))
        if source is None or not isinstance(card.get("target"), str) or (only and only not in home.name):
            continue
        try:
            reading = read(source, {})
            asked = understand(str(card.get("problem") or ""), reading.schema, reading.frame, target=card["target"])
        except ModelwrightError as error:
            print(f"{home.name}: passed over: {error}", file=sys.stderr)
            continue
        frame = reading.frame
        frame = frame[frame[card["target"]].notna()].reset_index(drop=True)
        found = {"time_column": asked.time_column.value, "group_column": asked.group_column.value}
        roles = {role: name for role, name in found.items() if name is not None}
        for seed in range(1 if "time_column" in roles else runs):
            inside = _kept(frame, roles, card["target"], np.random.default_rng([13, seed]))
            options = {"problem": str(card.get("problem") or ""), "target": card["target"], "seed": seed, **roles}
            parts = [frame[mask].reset_index(drop=True) for mask in (inside, ~inside)]
            yield f"{home.name} #{seed}", parts[0], parts[1], None, options


def _kept(frame: pd.DataFrame, roles: dict[str, str], target: str, rng: np.random.Generator) -> np.ndarray:
    """Which rows a run gets; the others are what it is judged by."""
    if "time_column" in roles:
        places = frame[roles["time_column"]].rank(method="first").to_numpy()
        return np.asarray(places <= 0.75 * len(frame))
    if "group_column" in roles:
        units: pd.Series[Any] = frame[roles["group_column"]].astype(str)
    else:
        units = pd.util.hash_pandas_object(frame.drop(columns=target), index=False)
    chosen = rng.permutation(units.unique())
    return units.isin(chosen[: int(0.75 * len(chosen))]).to_numpy()


def _outcome(
    name: str, data: pd.DataFrame, fresh: pd.DataFrame, large: pd.DataFrame | None, options: dict[str, Any]
) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="coverage-"))
    try:
        run = mw.fit(data, options.pop("problem"), out=folder / "run", **options)
        held, validation = run.summary["holdout"], run.summary["validation"]
        low, high = (v if v is not None else w for v, w in ((held["ci_low"], -np.inf), (held["ci_high"], np.inf)))
        score = _score(run.model, fresh, options["target"])
        true = None if large is None else _score(run.model, large, options["target"])
        metric = find_metric(held["metric"])
        gap = gain(metric, validation["score"], held["score"])
        return Outcome(
            name, held["metric"], len(data), held["score"], low, high, score, bool(low <= score <= high), true,
            None if true is None else bool(low <= true <= high), gap,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _score(model: mw.Model, rows: pd.DataFrame, target: str) -> float:
    manifest = model.manifest
    task = all_tasks()[manifest.output.task]
    known = rows
    if model.classes:
        labels = task.encode(rows[target], task.classes(rows[target]))
        names = np.array(task.classes(rows[target]), dtype=object)[labels]
        places = {label: i for i, label in enumerate(model.classes)}
        kept = np.array([label in places for label in names])
        known, y = rows[kept], np.array([places[label] for label in names[kept]])
        raw = model.predict_proba(known.drop(columns=target))
    else:
        y = rows[target].to_numpy(dtype=np.float64)
        raw = model.predict(known.drop(columns=target))["prediction"].to_numpy()
    positive = 1 if len(model.classes) == 2 else None
    metric = find_metric(manifest.problem.metric.value, task.name)
    return float(metric.score(y, raw, positive=positive, threshold=manifest.output.threshold))


def _summary(outcomes: list[Outcome]) -> None:
    def told(words: str, hits: list[bool]) -> str:
        n, share, z = len(hits), float(np.mean(hits)), 1.96
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
        return f"{words}: {sum(hits)} of {n} = {share:.0%} (95 % interval {middle - half:.0%} to {middle + half:.0%})"

    print(told("fresh rows inside the 95 % interval", [o.inside for o in outcomes]))
    large = [o.large_inside for o in outcomes if o.large_inside is not None]
    if large:
        print(told(f"{LARGE:,} fresh rows inside", large))
    relative = [o.gap / max(o.high - o.low, 1e-12) for o in outcomes if np.isfinite(o.high - o.low)]
    print(
        f"median optimism gap: {np.median(relative):+.1%} of the interval's width"
        if relative
        else "no finite intervals"
    )


if __name__ == "__main__":
    main()
