"""Measures the checks on a folder of data sets: false alarms on the data as it is, and leaks planted in it.

    python benchmarks/planted_leaks.py FOLDER [--only NAME] [--seeds 3] [--json FILE]

FOLDER holds one folder a data set, each with ``train.csv`` or ``train.parquet`` and a ``card.json`` that names the
``target``, the ``problem`` in words, and where there are any ``leaky_columns`` (known leaks), ``time_column`` and
``group_column``. Data sets without a target of numbers or classes in a table are passed over and named.

First table: what is found in the data as it is. A *false alarm* is a column that is called a clear leak, or suspicious,
though the card doesn't name it. Second table: for each sort of leak and each data set that can hold it, whether the
planted column was found, as clear or as suspicious. Rows are divided as in a run; only development rows are looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelwright.checking import divided
from modelwright.checks import Division, Sample
from modelwright.errors import ModelwrightError
from modelwright.finding import Finding
from modelwright.policy.understand import understand
from modelwright.problem import Problem
from modelwright.readers import read
from modelwright.screening import _picked, _stretch, run_checks
from modelwright.splitting import seal
from modelwright.table import Schema
from modelwright.tasks import all_tasks

PLANTED = "planted"
MOST_ROWS = 50_000


@dataclass(frozen=True)
class Case:
    """A data set, read and understood.

    Args:
        name: of its folder.
        frame: labelled rows.
        schema: its columns.
        problem: what is asked.
        leaky: columns that its card names as leaks.
    """

    name: str
    frame: pd.DataFrame
    schema: Schema
    problem: Problem
    leaky: tuple[str, ...]

    @property
    def y(self) -> np.ndarray:
        """The encoded target."""
        return all_tasks()[self.problem.task.value].encode(self.frame[self.problem.target.value], self.problem.classes)


def load(folder: Path) -> Case | str:
    """The data set in a folder, or why it is passed over."""
    card = json.loads((folder / "card.json").read_text("utf-8"))
    path = next((p for p in (folder / "train.csv", folder / "train.parquet") if p.exists()), None)
    if path is None or not card.get("target"):
        return "no table with a target"
    try:
        reading = read(str(path))
        if card["target"] not in reading.schema:
            return "the target isn't in the training table"
        group = card.get("group_column")
        problem = understand(
            card.get("problem") or f"Predict {card['target']}",
            reading.schema,
            reading.frame,
            target=card["target"],
            group_column=group if group in reading.schema.names else None,
        )
    except ModelwrightError as error:
        return str(error)
    frame = reading.frame[reading.frame[card["target"]].notna()].reset_index(drop=True)
    classes = all_tasks()[problem.task.value].classes(frame[card["target"]])
    return Case(
        folder.name, frame, reading.schema, replace(problem, classes=classes), tuple(card.get("leaky_columns") or ())
    )


def found(case: Case, seed: int) -> tuple[list[Finding], float, int]:
    """What the checks find, the seconds that they took, and the columns that they looked at."""
    y = case.y
    split = seal(case.frame, case.schema, case.problem, y, seed=seed)
    names = case.problem.features(case.schema.names)
    division = divided(case.frame, names, case.problem, split.development, split.holdout)
    development = case.frame[list(names)].iloc[split.development].reset_index(drop=True)
    goal = y[split.development]
    began = time.perf_counter()
    picked = _picked(len(goal), seed)
    sample = Sample(
        development.iloc[picked].reset_index(drop=True),
        case.schema.only(names),
        goal[picked],
        case.problem,
        len(goal),
        stretch=_stretch(development, goal, division),
        division=Division(division["hashes"], division["sealed"], division["groups"]),
        seed=seed,
    )
    findings, _ = run_checks(sample)
    return findings, time.perf_counter() - began, len(names)


# ── leaks ──


def copy_with_noise(share: float) -> Callable[[Case, np.random.Generator], Case | None]:
    """The target, with this share of noise: of rows drawn anew for classes, of its spread for numbers."""

    def plant(case: Case, rng: np.random.Generator) -> Case | None:
        y = case.y
        if not case.problem.classes:
            return _with(case, y + rng.normal(0, share * y.std(), len(y)) if share else 3.0 * y + 7.0)
        drawn = np.where(rng.random(len(y)) < share, rng.permutation(y), y)
        return _with(case, np.array([f"k{code}" for code in drawn]))

    return plant


def binned(case: Case, rng: np.random.Generator) -> Case | None:
    """A numeric target in ten bins with names."""
    if case.problem.classes:
        return None
    bins = np.unique(np.quantile(case.y, np.linspace(0, 1, 11)[1:-1]))
    names = rng.permutation([f"bin {chr(65 + i)}" for i in range(len(bins) + 1)])
    return _with(case, names[np.searchsorted(bins, case.y, side="right")])


def monotone(case: Case, rng: np.random.Generator) -> Case | None:
    """A curved function of a numeric target."""
    if case.problem.classes:
        return None
    y = case.y
    return _with(case, np.sinh((y - y.mean()) / y.std()))


def in_text(case: Case, rng: np.random.Generator) -> Case | None:
    """The target within a text."""
    if case.problem.classes:
        return _with(case, np.array([f"case {i}: {case.problem.classes[c]}" for i, c in enumerate(case.y)]))
    return _with(case, np.array([f"amount {v:.2f} (entry)" for v in case.y]))


def ordered_id(case: Case, rng: np.random.Generator) -> Case | None:
    """Numbers given in the order of the target, rows of one value in any order."""
    if case.problem.time_column.value is not None:
        return None
    number = np.empty(len(case.y))
    number[np.lexsort((rng.random(len(case.y)), case.y))] = np.arange(len(case.y)) + 10_000
    return _with(case, number)


def post_event(case: Case, rng: np.random.Generator) -> Case | None:
    """A quantity that is only there after the event, for nine of ten cases of the rarest class."""
    if not case.problem.classes:
        return None
    after = (case.y == np.bincount(case.y).argmin()) & (rng.random(len(case.y)) < 0.9)
    return _with(case, np.where(after, rng.gamma(2, 50, len(case.y)), 0.0))


def filled_in_after(case: Case, rng: np.random.Generator) -> Case | None:
    """A reason that is only asked for when it has happened."""
    if not case.problem.classes:
        return None
    after = case.y == np.bincount(case.y).argmin()
    return _with(case, np.where(after, rng.choice(["price", "service", "other"], len(after)), None))


def future_aggregate(case: Case, rng: np.random.Generator) -> Case | None:
    """The mean of the target over the next five rows in time, of the row's own group."""
    times = case.problem.time_column.value
    if times is None:
        return None
    group = case.problem.group_column.value
    groups = np.zeros(len(case.y)) if group is None else pd.factorize(case.frame[group])[0]
    order = np.lexsort((case.frame[times].rank().to_numpy(), groups))
    ahead = pd.Series(case.y[order].astype(float)).groupby(groups[order])
    means = ahead.transform(lambda s: s[::-1].rolling(5, min_periods=1).mean()[::-1].shift(-1)).to_numpy()
    values = np.empty(len(means))
    values[order] = means
    return _with(case, values)


def group_mean(case: Case, rng: np.random.Generator) -> Case | None:
    """The mean of the target over all rows, sealed ones too, of each level of some column."""
    if len(case.problem.classes) > 2 or len(case.y) > MOST_ROWS:
        return None
    levels = rng.integers(0, len(case.y) // 8, len(case.y))
    means = pd.Series(case.y.astype(float)).groupby(levels).transform("mean").to_numpy()
    named = _with(case, np.array([f"area {v}" for v in levels]), "area")
    return _with(named, means)


def copied_rows(case: Case, rng: np.random.Generator) -> Case | None:
    """A third of the rows twice, each with a stamp of its own, so that copies stand on both sides."""
    if case.problem.time_column.value is not None or len(case.y) > MOST_ROWS:
        return None
    rows = np.concatenate([np.arange(len(case.y)), rng.choice(len(case.y), len(case.y) // 3, replace=False)])
    frame = case.frame.iloc[rng.permutation(rows)].reset_index(drop=True)
    return _with(replace(case, frame=frame), np.round(rng.random(len(frame)) * 1e6, 3))


LEAKS: dict[str, Callable[[Case, np.random.Generator], Case | None]] = {
    "target copy": copy_with_noise(0.0),
    "target copy, 2 % noise": copy_with_noise(0.02),
    "target copy, 5 % noise": copy_with_noise(0.05),
    "target copy, 10 % noise": copy_with_noise(0.10),
    "target in bins": binned,
    "curved function of the target": monotone,
    "target within a text": in_text,
    "ordered id": ordered_id,
    "quantity after the event": post_event,
    "filled in after the event": filled_in_after,
    "mean over the next rows": future_aggregate,
    "target mean of a group": group_mean,
    "copied rows with a stamp": copied_rows,
}


def _with(case: Case, values: np.ndarray, name: str = PLANTED) -> Case:
    """The case with one more column, read as it would be read from a file."""
    # Reading drops rows that are wholly empty; with a second column none is.
    reading = read(pd.DataFrame({name: values, "row": np.arange(len(values)) % 7}))
    schema = Schema((*case.schema.fields, reading.schema[name]))
    frame = case.frame.assign(**{name: reading.frame[name]})
    ids = case.problem.id_columns
    problem = case.problem
    if reading.schema[name].kind == "id":  # a run would leave it out as an id before any check
        problem = replace(problem, id_columns=replace(ids, value=(*ids.value, name)))
    return replace(case, frame=frame, schema=schema, problem=problem)


# ── tables ──


def as_it_is(cases: list[Case], seeds: int) -> list[dict[str, Any]]:
    """One row a data set: what is found in it."""
    rows = []
    for case in cases:
        clear: set[str] = set()
        suspicious: set[str] = set()
        titles: dict[str, str] = {}
        seconds = 0.0
        for seed in range(seeds):
            findings, took, columns = found(case, seed)
            seconds = max(seconds, took)
            for finding in findings:
                where = finding.columns or ("(rows)",)
                titles |= dict.fromkeys(where, f"{finding.check}: {finding.evidence}")
                if finding.severity == "clear":
                    clear |= set(where)
                elif finding.severity == "suspicious":
                    suspicious |= set(where)
        rows.append(
            {
                "data": case.name,
                "rows": len(case.frame),
                "columns": columns,
                "seconds": round(seconds, 2),
                "known leaks": len(case.leaky),
                "caught": sorted((clear | suspicious) & set(case.leaky)),
                "false clear": sorted(clear - set(case.leaky)),
                "false suspicious": sorted(suspicious - clear - set(case.leaky)),
                "why": {c: titles[c] for c in sorted(clear | suspicious)},
            }
        )
    return rows


def planted(cases: list[Case], seeds: int) -> list[dict[str, Any]]:
    """One row a sort of leak: in how many data sets it was found."""
    rows = []
    for leak, plant in LEAKS.items():
        told: dict[str, int] = {"clear": 0, "suspicious": 0, "left out as an id": 0, "missed": 0}
        missed = set()
        for case in cases:
            for seed in range(seeds):
                spoilt = plant(case, np.random.default_rng([seed, 77]))
                if spoilt is None:
                    continue
                if PLANTED in spoilt.problem.id_columns.value:
                    told["left out as an id"] += 1
                    continue
                findings, _, _ = found(spoilt, seed)
                severities = {f.severity for f in findings if PLANTED in f.columns}
                how = next((s for s in ("clear", "suspicious") if s in severities), "missed")
                told[how] += 1
                if how == "missed":
                    missed.add(case.name)
        rows.append({"leak": leak, **told, "missed in": sorted(missed)})
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", help="only this data set; may be repeated")
    parser.add_argument("--seeds", type=int, default=1, help="divisions and plantings of each data set")
    parser.add_argument("--json", type=Path, help="write both tables to this file")
    parser.add_argument("--as-it-is", action="store_true", help="only the first table")
    options = parser.parse_args()
    cases: list[Case] = []
    for folder in sorted(p for p in options.folder.iterdir() if (p / "card.json").exists()):
        if options.only and folder.name not in options.only:
            continue
        case = load(folder)
        if isinstance(case, str):
            print(f"passed over {folder.name}: {case}", file=sys.stderr)
        else:
            cases.append(case)
    tables = {"as it is": as_it_is(cases, options.seeds)}
    if not options.as_it_is:
        tables["planted"] = planted(cases, options.seeds)
    for title, rows in tables.items():
        print(f"\n{title}\n")
        table = pd.DataFrame(rows)
        print(table.drop(columns=["why"], errors="ignore").to_string(index=False))
    for row in tables["as it is"]:
        for column, why in row["why"].items():
            print(f"{row['data']}: {column}: {why}")
    if options.json:
        options.json.write_text(json.dumps(tables, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
