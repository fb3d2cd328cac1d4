"""Every failure that can be played on purpose is met by a worker process, diagnosed, and recovered from."""

from __future__ import annotations

import time

import pytest
from run_samples import customers

from modelwright import stages
from modelwright.engine import Engine
from modelwright.errors import StepError
from modelwright.evaluation import Evaluator, nearly_done
from modelwright.executors.local import Local
from modelwright.experiment import run_experiment
from modelwright.forecasting import Speed
from modelwright.journal import Journal
from modelwright.plan import Plan
from modelwright.preparation import prepare
from modelwright.profiling import as_dict
from modelwright.recipe import Recipe, Use
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


def test_what_is_under_way_makes_way_when_it_is_recalled(ground):
    prepared, evaluator = ground
    asked = []

    def recalled():
        asked.append(True)
        return len(asked) > 1

    # A forest of so many trees would take minutes; it is asked for its time while it grows.
    recipe = Recipe(Use("random_forest", {"n_estimators": 5_000, "min_samples_leaf": 1}))
    with pytest.raises(StepError, match="the time for the experiment was over"):
        evaluator.evaluate(recipe, stop_at=time.monotonic() + 300.0, recalled=recalled)
    assert len(asked) == 2

    def bench():
        given = (evaluator, prepared.features, as_dict(prepared.profile), (), 10, time.monotonic() + 300.0)
        return Workbench(*given, recalled=recalled)

    experiment, _ = run_experiment(4, Plan("late", recipe.estimator), bench, None, tell=lambda *event: None)
    assert experiment.status == "skipped", "nothing else is tried in its place"


def test_what_is_nearly_done_is_waited_for():
    found = [nearly_done(now, 100.0, [112.0], [4.0, 4.0, 4.0]) for now in (113.0, 115.0, 117.5, 118.0)]
    assert found == [False, True, True, False]
    assert not nearly_done(115.0, 100.0, [112.0, None], [4.0, 4.0, 4.0]), "one hasn't begun"
    assert not nearly_done(101.0, 100.0, [101.0], []), "nobody knows how long it takes"


def test_what_slows_one_boosting_down_is_expected_of_the_others(ground):
    _, known = ground
    evaluator = Evaluator(known.engine, known.situation, known.truth, known.assignment)
    first, other, linear = (Recipe(Use(name)) for name in ("lightgbm", "xgboost", "logistic_regression"))
    plain = evaluator.forecasts.forecast(other)
    assert evaluator.forecasts.expected(other) == plain
    slow, quick = Speed(3.0, 1.0), Speed(0.5, 1.0)
    evaluator.forecasts._speed |= {"logistic_regression": [quick, quick, quick], "lightgbm": [slow]}
    assert evaluator.forecasts.expected(first) == 3.0 * evaluator.forecasts.forecast(first)
    assert evaluator.forecasts.expected(other) == 3.0 * plain
    assert evaluator.forecasts.expected(linear) == 0.5 * evaluator.forecasts.forecast(linear)


def test_more_rounds_are_expected_only_of_those_that_look_for_their_number(ground):
    _, known = ground
    forecasts = Evaluator(known.engine, known.situation, known.truth, known.assignment).forecasts
    first, other = Recipe(Use("lightgbm")), Recipe(Use("xgboost"))
    fixed, sought = Recipe(Use("catboost")), Recipe(Use("catboost", {"early_stopping_rounds": 50}))
    alike, alone, most = (forecasts.forecast(recipe) for recipe in (other, fixed, sought))
    needed = forecasts._one(first, 200, 4_000)
    forecasts.note(first, [needed], forecasts._one(first, 200), (4_000, 200))
    ((speed,),) = forecasts._speed.values()
    assert speed.growth > 3 and speed.pace == pytest.approx(1.0)
    assert forecasts.slowness == pytest.approx(1.0)
    assert forecasts.expected(other) == pytest.approx(speed.growth * alike)
    assert forecasts.expected(fixed) == pytest.approx(alone)
    assert most < forecasts.expected(sought) < 2.5 * most


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
