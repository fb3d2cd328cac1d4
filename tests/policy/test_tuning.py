"""Variations of what was tried: drawn where they pay, estimated from what is known, and made lighter to end in time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from grounds import finished, ground
from hypothesis import given
from hypothesis import strategies as st

from modelwright.estimators import all_estimators
from modelwright.plan import Plan
from modelwright.policy.made import Seen, content, losses
from modelwright.policy.pacing import ROOM, pace
from modelwright.policy.tuning import variation
from modelwright.recipe import Use

RATES = np.exp(np.linspace(math.log(0.01), math.log(0.2), 12)).tolist()


def tuned(rates, loss):
    plans = [Plan(f"lightgbm-{i}", Use("lightgbm", {"learning_rate": r})) for i, r in enumerate(rates)]
    return [finished(i, p, 1 - loss(p.estimator.params["learning_rate"])) for i, p in enumerate(plans, 1)]


def test_parameters_follow_what_did_well():
    experiments = tuple(tuned(RATES, lambda rate: 0.2 + abs(math.log(rate / 0.02)) / 10))
    done = {content(e.plan) for e in experiments}
    drawn = [variation(ground(), n, done, Seen(experiments, {1: 1.0})) for n in range(20, 60)]
    rates = [p.estimator.params["learning_rate"] for p in drawn if p is not None]
    assert len(rates) == 40
    assert np.median(np.abs(np.log(np.array(rates) / 0.02))) < np.median(np.abs(np.log(np.array(RATES) / 0.02)))


def test_what_was_judged_on_an_easy_part_only_is_no_better_for_it():
    plans = [Plan(f"lightgbm-{i}", Use("lightgbm", {"learning_rate": r})) for i, r in enumerate((0.02, 0.05, 0.1))]
    done = [replace(finished(i, p, 0.7), by_part=(0.9, 0.5)) for i, p in enumerate(plans[:2], 1)]
    pruned = replace(finished(3, plans[2], 0.8, "pruned"), by_part=(0.8,))
    assert losses([*done, pruned]) == pytest.approx({1: 0.3, 2: 0.3, 3: 0.6})
    assert losses([pruned]) == pytest.approx({3: 0.2})


def test_the_same_experiments_give_the_same_variation():
    seen = Seen(tuple(tuned(RATES, lambda rate: rate)), {})
    assert variation(ground(), 30, set(), seen) == variation(ground(), 30, set(), seen)
    assert variation(ground(), 30, set(), seen) != variation(ground(), 31, set(), seen)


def test_what_was_tuned_often_gives_way_to_what_was_not():
    often = tuned(RATES, lambda rate: 0.2)
    once = [finished(40, Plan("xgboost", Use("xgboost")), 0.8)]
    seen = Seen((*often, *once), {})
    drawn = [variation(ground(), n, set(), seen) for n in range(50, 80)]
    names = [p.estimator.action for p in drawn if p is not None]
    assert names.count("xgboost") > names.count("lightgbm")


def test_what_comes_out_the_same_whatever_its_parameters_gives_way():
    flat = [
        finished(i, Plan(f"ridge-{i}", Use("ridge", {"alpha": float(i)})), 2.0 + i / 1e5, metric="rmse")
        for i in range(1, 6)
    ]
    given_up = [
        finished(i, Plan(f"lightgbm-{i}", Use("lightgbm", {"num_leaves": i})), 2.0 + i / 100, "pruned", metric="rmse")
        for i in range(11, 16)
    ]
    seen = Seen((*flat, *given_up), {1: 1.0})
    drawn = [variation(ground("regression"), n, set(), seen) for n in range(50, 80)]
    names = [p.estimator.action for p in drawn if p is not None]
    assert names.count("lightgbm") > 20, "though ridge has all of the ensemble, and no LightGBM came to its end"


@pytest.mark.parametrize("name", sorted(all_estimators()))
def test_lighter_configurations_are_valid_take_less_and_come_to_an_end(name):
    from modelwright.recipe import Setting

    member = all_estimators()[name]
    task = "binary" if "binary" in member.tasks else member.tasks[0]
    setting = Setting(task, 2 if task == "binary" else 0)
    params = member.action().resolved({})
    for _ in range(20):
        lighter = member.lighter(params)
        if lighter is None:
            return
        after = {**params, **member.action().validate(lighter)}
        assert member.seconds(5_000, 20, after, setting) < member.seconds(5_000, 20, params, setting)
        params = after
    pytest.fail("there is always something lighter")


@given(st.floats(0.1, 1e4))
def test_a_plan_fits_into_its_time_or_is_none(limit):
    def expected(plan):
        return 1e4 * 0.02 / plan.estimator.params.get("learning_rate", 0.05)

    paced = pace(Plan("lightgbm", Use("lightgbm")), expected, limit)
    assert paced is None or expected(paced) <= ROOM * limit
    assert paced is not None or limit < expected(Plan("x", Use("lightgbm", {"learning_rate": 0.2}))) / ROOM


def test_a_program_of_its_own_is_not_changed():
    written = Plan("own", Use("lightgbm"), program="model = …")
    assert pace(written, lambda plan: 100.0, 1.0) is None
    assert pace(written, lambda plan: 1.0, 1.0) is written
