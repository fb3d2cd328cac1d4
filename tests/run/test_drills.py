"""Every failure that can be played on purpose is met by a worker process, diagnosed, and recovered from."""

from __future__ import annotations

import time

import pytest
from run_samples import customers

from modelwright import stages
from modelwright.engine import Engine
from modelwright.evaluation import Evaluator
from modelwright.executors.local import Local
from modelwright.experiment import run_experiment
from modelwright.journal import Journal
from modelwright.plan import Plan
from modelwright.preparation import prepare
from modelwright.profiling import as_dict
from modelwright.recipe import Use
from modelwright.request import INJECTIONS, Request
from modelwright.stores.memory import Memory
from modelwright.workbench import Workbench

KINDS = dict.fromkeys(INJECTIONS, "crash") | {
    "invalid-estimator": "program", "error": "error", "timeout": "timeout", "memory": "memory",
}  # fmt: skip


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    home = tmp_path_factory.mktemp("drills")
    journal = Journal(Memory(), "drills", home / "trace.jsonl")
    request = Request("<frame>", "Who will leave?", target="left")
    with Local(2, journal._store.folder, 600 << 20) as executor:
        engine = Engine(journal, executor)
        prepared = prepare(request, customers(320), journal, engine, home, lambda *_: None, lambda _: None)
        truth, assignment = stages.targets(prepared, journal)
        yield prepared, Evaluator(engine, prepared.situation, truth, assignment, 600 << 20)
    journal.close()


@pytest.mark.parametrize("kind", INJECTIONS)
def test_a_failure_on_purpose_is_recovered_from(kind, ground):
    prepared, evaluator = ground
    plan = Plan("first", Use("decision_tree") if kind != "invalid-estimator" else Use("logistic_regression"))
    told = []
    benches = []

    def bench():
        # Only the first attempt is short of time: it is the one that hangs.
        seconds = 4.0 if kind == "timeout" and not benches else 200.0
        made = Workbench(evaluator, prepared.features, as_dict(prepared.profile), (), 10, time.monotonic() + seconds)
        benches.append(made)
        return made

    experiment, source = run_experiment(4, plan, bench, None, tell=lambda *event: told.append(event), drill=kind)
    (failure,) = experiment.failures if kind != "timeout" else experiment.failures[:1]
    assert failure.kind == KINDS[kind]
    assert failure.diagnosis and failure.remedy
    if kind == "timeout":
        assert experiment.status == "skipped", "its time was over"
        return
    assert experiment.status == "done"
    assert experiment.score is not None and experiment.score.value > 0.7
    assert [name for name, _ in told] == ["recovered"]
    assert told[0][1]["plan"].estimator.action in source
