"""A workbench in this process: everything a program's tools need, without worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelwright import run
from modelwright.engine import Engine
from modelwright.evaluation import Evaluator
from modelwright.executors.inline import Inline
from modelwright.experiment import run_program
from modelwright.journal import Journal
from modelwright.preparation import personal_columns, prepare
from modelwright.profiling import as_dict
from modelwright.request import Request
from modelwright.stores.memory import Memory
from modelwright.workbench import Workbench

CANARIES = {
    "card": "4929123456781234",
    "mail": "canary.person@example.org",
    "town": "Canarytown-on-Sea",
    "remark": "canarysong",
    "serial": "CANARY-SERIAL-1",
    "amount": "987654.321",
}
"""One value in each kind of column that belongs to one row only."""


def machines(n: int = 240) -> pd.DataFrame:
    """Hourly readings of four machines with a rare failure."""
    rng = np.random.default_rng(0)
    hour, machine = np.arange(n) // 4, np.arange(n) % 4
    vibration = rng.normal(size=n) + 0.02 * hour
    return pd.DataFrame(
        {
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(hour, unit="h"),
            "machine_id": np.array(["m1", "m2", "m3", "m4"])[machine],
            "vibration": vibration,
            "temperature": np.where(rng.random(n) < 0.1, np.nan, rng.normal(60, 5, n)),
            "mode": rng.choice(["eco", "full"], n),
            "failure": np.where(vibration + rng.normal(0, 0.7, n) > 1.6, 1, 0),
        }
    )


def customers(n: int = 240) -> pd.DataFrame:
    """Columns of every kind, each with a value that belongs to one person."""
    rng = np.random.default_rng(1)
    words = ["slow", "happy", "price", "invoice", "again", "thanks", "never", "late", "friendly", "service"]
    frame = pd.DataFrame(
        {
            "card": [str(10**15 + 7919 * i) for i in range(n)],
            "mail": [f"user{i}@mail.example" for i in range(n)],
            "town": rng.choice(["Ulm", "Bonn", "Kiel"], n),
            "remark": [" ".join(rng.choice(words, 9)) for _ in range(n)],
            "serial": [f"S-{i:06d}" for i in range(n)],
            "amount": rng.gamma(2.0, 50.0, n).round(3),
            "visits": rng.poisson(3, n).astype(float),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, n), unit="D"),
            "left": rng.choice(["yes", "no"], n),
        }
    )
    row = 17
    for name, value in CANARIES.items():
        frame.loc[row, name] = float(value) if name == "amount" else value
    frame.loc[row, "remark"] = "canarysong " * 5
    frame.loc[row, "seen"] = pd.Timestamp("1911-03-07")
    return frame


@pytest.fixture(scope="session")
def grounds(tmp_path_factory) -> Iterator[Callable[..., SimpleNamespace]]:
    """Prepared data with an evaluator, by what was asked; prepared once."""
    known: dict[Any, SimpleNamespace] = {}

    def ground(frame: str = "machines", target: str = "failure", **options: Any) -> SimpleNamespace:
        key = (frame, target, *sorted(options.items()))
        if key not in known:
            home = tmp_path_factory.mktemp("bench")
            data = {"machines": machines, "customers": customers}[frame]()
            request = Request("<frame>", f"Predict {target}", target=target, **options)
            journal = Journal(Memory(), "bench", home / "trace.jsonl")
            prepared = prepare(request, data, journal, home, lambda *_: None, lambda _: None)
            executor = Inline(journal._store.folder)
            truth, assignment = run.targets(prepared, journal)
            evaluator = Evaluator(Engine(journal, executor), prepared.situation, truth, assignment, 0)
            known[key] = SimpleNamespace(prepared=prepared, evaluator=evaluator, journal=journal)
        return known[key]

    yield ground
    for made in known.values():
        made.journal.close()


@pytest.fixture
def program(grounds, tmp_path: Path) -> Callable[..., Any]:
    """Run a program on a fresh workbench; gives its value."""

    def go(source: str, **asked: Any) -> Any:
        ground = grounds(**asked)
        prepared = ground.prepared
        bench = Workbench(
            ground.evaluator,
            prepared.features,
            as_dict(prepared.profile),
            personal_columns(prepared.features),
            10,
            time.monotonic() + 300,
        )
        return run_program(source, "test", bench, prepared.problem.time_column.value)[0]

    return go
