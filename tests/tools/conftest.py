"""A workbench in this process: everything a program's tools need, without worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tool_samples import customers, machines

from modelwright import stages
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
            engine = Engine(journal, Inline(journal._store.folder))
            prepared = prepare(request, data, journal, engine, home, lambda *_: None, lambda _: None)
            truth, assignment = stages.targets(prepared, journal)
            evaluator = Evaluator(engine, prepared.situation, truth, assignment, 0)
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
