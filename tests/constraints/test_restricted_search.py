"""What the search designs under demands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from modelwright.estimators import all_estimators
from modelwright.policy.permitted import allowed, permitted
from modelwright.policy.portfolio import portfolio
from modelwright.problem import Constraints
from modelwright.recipe import Use

sys.path.insert(0, str(Path(__file__).parents[1] / "policy"))
from grounds import ground

TEMPORAL = (("x", "numeric", 400), ("y", "numeric", 300), ("t", "datetime", 900), ("code", "numeric", 90))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", ["svm", "neighbours", "k_nearest_neighbors", "linear", "xgboost", "decision_tree"])
def test_what_alone_is_allowed_is_designed_and_nothing_else(task: str, name: str) -> None:
    plans = portfolio(ground(task, constraints=Constraints(allow=(name,))))
    assert plans
    assert all(name in (p.estimator.action, all_estimators()[p.estimator.action].family) for p in plans)


def test_readable_models_are_of_many_kinds() -> None:
    plans = portfolio(ground(constraints=Constraints(interpretable=True)))
    used = {p.estimator.action for p in plans}
    assert all(all_estimators()[name].interpretable for name in used)
    assert {all_estimators()[name].family for name in used} >= {"linear", "tree", "bayes"}


def test_preferring_a_family_does_not_bring_in_all_of_it() -> None:
    free, wished = (portfolio(ground(constraints=c)) for c in (Constraints(), Constraints(prefer=("boosting",))))
    assert {p.name for p in free} == {p.name for p in wished}
    assert all_estimators()[wished[0].estimator.action].family == "boosting"


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_under_a_direction_only_estimators_that_keep_it_are_designed_and_nothing_bends_its_column(task: str) -> None:
    asked = Constraints(monotone={"x": 1})
    plans = portfolio(ground(task, kinds=TEMPORAL, time="t", constraints=asked))
    members = {all_estimators()[p.estimator.action] for p in plans}
    assert plans and all(m.monotone or m.family == "linear" for m in members)
    assert any(m.monotone for m in members)
    assert not any("x" in use.params.get("columns", ("x",)) for p in plans for use in p.transforms)
    assert {"extra_trees", "mlp"} & {p.estimator.action for p in portfolio(ground(task))}


def test_several_classes_have_no_direction_to_keep() -> None:
    asked = ground("multiclass", constraints=Constraints(monotone={"x": 1}))
    assert "extra_trees" in {p.estimator.action for p in portfolio(asked)}


def test_demands_add_up() -> None:
    asked = Constraints(allow=("boosting",), avoid=("catboost",), monotone={"x": -1})
    assert allowed(asked, "lightgbm", "binary") and not allowed(asked, "catboost", "binary")
    assert not allowed(asked, "gradient_boosting", "binary") and allowed(asked, "gradient_boosting", "multiclass")
    assert not allowed(asked, "no_such_model", "binary")
    plan = portfolio(ground(constraints=asked))[0]
    assert permitted(ground(constraints=asked), plan)
    bent = Use("interactions")
    assert not permitted(ground(constraints=asked), plan.__class__("bent", plan.estimator, (bent,)))
