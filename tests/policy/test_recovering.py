"""What is done about failures, and when the search ends."""

from __future__ import annotations

import pytest
from grounds import finished, recipe_of
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.actions import checked_recipe
from modelwright.errors import ProgramError, StepError
from modelwright.experiment import CORRECTIONS, failure_of, run_experiment
from modelwright.plan import Plan
from modelwright.policy.recovery import CHAIN, recover
from modelwright.policy.stopping import FAILURES_IN_A_ROW, why_stop
from modelwright.problem import Budget, Constraints
from modelwright.recipe import Use
from modelwright.step import Failure

KINDS = ("error", "timeout", "memory", "crash", "cancelled", "program")
LIGHTGBM = Plan("p", Use("lightgbm", {"n_estimators": 900}), reason="because", parent="01-x")


def failure(kind: str, message: str = "it broke", error_type: str = "", detail: str = "") -> Failure:
    return Failure(kind, message, error_type, "fit", detail)  # type: ignore[arg-type]


def test_a_misspelt_estimator_becomes_the_nearest_one():
    plan = Plan("p", Use("lightgbm_INVALID"))
    with pytest.raises(ProgramError) as caught:
        checked_recipe(recipe_of(plan), "binary")
    remedy = recover(plan, failure_of(caught.value), "binary", {"lightgbm_INVALID"})
    assert remedy is not None and remedy.plan.estimator == Use("lightgbm")
    assert "lightgbm_INVALID" in remedy.diagnosis and "lightgbm" in remedy.remedy


def test_a_refused_parameter_becomes_the_default():
    plan = Plan("p", Use("lightgbm", {"num_leaves": -1}))
    with pytest.raises(ProgramError) as caught:
        checked_recipe(recipe_of(plan), "binary")
    remedy = recover(plan, failure_of(caught.value), "binary", {"lightgbm"})
    assert remedy is not None and remedy.plan.estimator == Use("lightgbm")


def test_a_transform_that_declines_is_left_out_and_only_it():
    transforms = (Use("as_category", {"columns": ("a",)}), Use("interactions"))
    plan = Plan("p", Use("ridge"), transforms, target=Use("log1p"))
    remedy = recover(plan, failure("error", "interactions: too few numeric columns", "NotApplicable"), "regression", [])
    assert remedy is not None and remedy.plan.transforms == transforms[:1] and remedy.plan.target == Use("log1p")
    remedy = recover(plan, failure("error", "log1p: negative values", "NotApplicable"), "regression", [])
    assert remedy is not None and remedy.plan.target is None and remedy.plan.transforms == transforms
    remedy = recover(plan, failure("error", "nothing to do", "NotApplicable"), "regression", [])
    assert remedy is not None and remedy.plan.transforms == ()


def test_values_that_are_not_finite_are_filled():
    remedy = recover(Plan("p", Use("svm")), failure("error", "Input contains NaN.", "ValueError"), "binary", [])
    assert remedy is not None and remedy.plan.view == Use("dense")
    again = recover(remedy.plan, failure("error", "Input contains NaN.", "ValueError"), "binary", ["svm"])
    assert again is not None and again.plan.estimator.action == CHAIN[0], "the same remedy isn't tried twice"
    plan = Plan("p", Use("ridge"), target=Use("log1p"))
    remedy = recover(plan, failure("error", "overflow encountered in expm1"), "regression", [])
    assert remedy is not None and remedy.plan.target is None and remedy.plan.view is None


def test_what_needs_too_much_memory_is_made_smaller_then_replaced():
    remedy = recover(LIGHTGBM, failure("memory"), "binary", ["lightgbm"])
    assert remedy is not None and remedy.plan.estimator.action == "lightgbm"
    assert remedy.plan.estimator.params["n_estimators"] == 100
    checked_recipe(recipe_of(remedy.plan), "binary")
    again = recover(remedy.plan, failure("memory"), "binary", ["lightgbm"])
    assert again is not None and again.plan.estimator.action != "lightgbm"
    assert "memory" in again.diagnosis
    few = Plan("p", Use("random_forest", {"n_estimators": 40}))
    remedy = recover(few, failure("memory"), "binary", ["random_forest"])
    assert remedy is not None and remedy.plan.estimator.params == {"n_estimators": 40, "max_depth": 10}
    for networks in ({}, {"n_estimators": 4}):
        remedy = recover(Plan("p", Use("mlp", networks)), failure("memory"), "binary", ["mlp"])
        assert remedy is not None and remedy.plan.estimator == Use("mlp", {"n_estimators": 1})


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_chain_ends_with_something_that_always_works(task):
    plan, tried = Plan("p", Use("catboost"), reason="because", parent="x"), {"catboost"}
    names = []
    while remedy := recover(plan, failure("crash"), task, tried):
        assert (remedy.plan.name, remedy.plan.reason, remedy.plan.parent) == ("p", "because", "x")
        plan = remedy.plan
        checked_recipe(recipe_of(plan), task)
        tried.add(plan.estimator.action)
        names.append(plan.estimator.action)
    assert len(names) == len(set(names)) >= 3
    assert names[-1] == "baseline_prior"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.builds(failure, st.sampled_from(KINDS), st.text(max_size=40)), min_size=40, max_size=40))
def test_recovery_ends_whatever_happens(failures):
    plan, tried = Plan("p", Use("catboost"), (Use("interactions"),), target=Use("log1p")), {"catboost"}
    for n, what in enumerate(failures):
        remedy = recover(plan, what, "regression", tried)
        if remedy is None:
            return
        assert remedy.plan != plan, "a remedy changes something"
        assert remedy.diagnosis and remedy.remedy
        plan = remedy.plan
        tried.add(plan.estimator.action)
        assert n < 30
    raise AssertionError("it went on for ever")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["error", "timeout", "memory", "crash"]), min_size=9, max_size=9))
def test_an_experiment_is_corrected_a_bounded_number_of_times(kinds):
    calls, told = [], []

    class Bench:
        task, target, drill, evaluations = "binary", "y", None, ()

        def __init__(self):
            self.evaluations = {}

        def keep(self, value):
            return "data_1"

        def data(self, handle):
            calls.append(handle)
            raise StepError(kinds[len(calls) - 1], "it broke")

        def time_left(self):
            return 100.0

        def __getattr__(self, name):
            return self.data

    experiment, source = run_experiment(7, LIGHTGBM, Bench, None, tell=lambda kind, body: told.append(kind))
    assert experiment.status == "failed" and experiment.number == 7
    assert len(calls) == CORRECTIONS + 1 == len(experiment.failures)
    assert told == ["recovered"] * CORRECTIONS
    assert all(f.diagnosis and f.remedy for f in experiment.failures)
    assert experiment.plan.estimator.action in source


PLAN = Plan("a", Use("ridge"))


def stop(experiments, designed=3, budget=None, **wishes):
    return why_stop(experiments, designed, budget or Budget(), Constraints(**wishes), 3)


def test_the_search_stops_at_its_limits_and_not_before():
    done = [finished(n, PLAN) for n in range(1, 4)]
    assert stop(done) is None
    assert stop(done, budget=Budget(max_experiments=4)) is None
    assert "limit of 3 experiments" in stop(done, budget=Budget(max_experiments=3))
    assert stop(done, designed=5, budget=Budget(max_iterations=2)) is None
    assert "limit of 2 iterations" in stop(done, designed=6, budget=Budget(max_iterations=2))


def test_the_search_stops_when_the_target_is_met():
    assert stop([finished(1, PLAN, 0.89)], target_score=0.9) is None
    assert "01-a" in stop([finished(1, PLAN, 0.9)], target_score=0.9)
    assert stop([finished(1, PLAN, 11.0, metric="rmse")], target_score=10.0) is None
    assert "was met" in stop([finished(1, PLAN, 9.0, metric="rmse")], target_score=10.0)
    assert stop([finished(1, PLAN, 0.95, "pruned")], target_score=0.9) is None, "a part of the folds isn't a score"


def test_three_failures_in_a_row_stop_the_search_and_say_where():
    from dataclasses import replace

    bad = [replace(finished(n, PLAN, None, "failed"), failures=(failure("crash"),)) for n in (2, 3, 4)]
    assert FAILURES_IN_A_ROW == 3
    assert stop([finished(1, PLAN), *bad[:2]]) is None
    assert "“fit”" in stop([finished(1, PLAN), *bad])
    assert stop([*bad, finished(5, PLAN)]) is None
    late = [finished(n, PLAN, None, "skipped") for n in (2, 3, 4)]
    assert stop(late) is None, "what was left out for lack of time didn't fail"


def test_the_search_stops_on_a_plateau_only_when_asked():
    flat = [finished(1, PLAN, 0.9), *(finished(n, PLAN, 0.8) for n in range(2, 6))]
    assert stop(flat) is None
    assert "last 4" in stop(flat, patience=4)
    assert stop(flat, patience=5) is None
    assert stop([*flat, finished(6, PLAN, 0.95)], patience=4) is None
