"""Which experiment comes next: valid, permitted, never the same twice, and decided by its arguments alone."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from grounds import finished, ground, grounds, recipe_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.actions import checked_recipe
from modelwright.estimators import all_estimators
from modelwright.experiment import INPUTS
from modelwright.plan import Plan
from modelwright.policy.made import Seen
from modelwright.policy.pacing import pace
from modelwright.policy.permitted import names_of
from modelwright.policy.portfolio import portfolio, written
from modelwright.policy.search import design
from modelwright.policy.template import render
from modelwright.problem import Constraints, Known
from modelwright.profile import Anchor
from modelwright.program import check
from modelwright.recipe import Use
from modelwright.table import Schema
from modelwright.tasks import all_tasks
from modelwright.tools import all_tools

SIGNATURES = {name: tool.signature for name, tool in all_tools().items()}
FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
GOLDEN_SIMPLE = """\
# linear: A linear model.
features = data
model = train_model(features, target_column, 'ridge', {'alpha': 2.0}, target_transform='log1p')
result = evaluate_model(model, features, target_column)
{"experiment_name": experiment_name} | result
"""
GOLDEN_NEAR = """\
# near: A random walk.
features = data
model = train_model(
    features,
    target_column,
    'lightgbm',
    {},
    target_transform={'name': 'difference', 'column': "yesterday's\\n"},
)
result = evaluate_model(model, features, target_column)
{"experiment_name": experiment_name} | result
"""
GOLDEN_WHOLE = """\
# everything: Why not: a" 😀 # x
features = data
features = transform_dataset(features, 'as_category', {'columns': ['a"b\\n', "it's"]})
features = transform_dataset(
    features,
    'rolling',
    {'columns': ['temperature', 'vibration', 'pressure', 'flow', 'current'], 'windows': [6, 24]},
)
features = prepare_dataset(features, 'dense', {'scaling': 'quantile'})
features = resample_dataset(features, target_column, {'strategy': 'smote', 'target_ratio': 0.5})
model = train_model(features, target_column, 'mlp', {}, weighting='balanced')
result = evaluate_model(model, features, target_column)
{"experiment_name": experiment_name} | result
"""


def test_a_plan_is_rendered_to_this_text():
    simple = Plan("linear", Use("ridge", {"alpha": 2.0}), target=Use("log1p"), reason="A linear model.")
    assert render(simple) == GOLDEN_SIMPLE
    near = Plan("near", Use("lightgbm"), target=Use("difference", {"column": "yesterday's\n"}), reason="A random walk.")
    assert render(near) == GOLDEN_NEAR
    columns = ("temperature", "vibration", "pressure", "flow", "current")
    whole = Plan(
        "everything",
        Use("mlp"),
        (Use("as_category", {"columns": ('a"b\n', "it's")}), Use("rolling", {"columns": columns, "windows": (6, 24)})),
        view=Use("dense", {"scaling": "quantile"}),
        resampling=Use("smote", {"target_ratio": 0.5}),
        weighting=Use("balanced"),
        reason='Why not: a"\n😀\x1b # x',
    )
    assert render(whole) == GOLDEN_WHOLE
    for plan in (simple, near, whole):
        check(render(plan), SIGNATURES, INPUTS)


@FAST
@given(grounds())
def test_every_plan_is_made_of_what_there_is_and_becomes_a_valid_program(ground):
    plans = [*all_tasks()[ground.task].baselines(ground.problem, ground.schema, ground.rows), *portfolio(ground)]
    assert len({p.name for p in plans}) == len(plans)
    for plan in plans:
        checked_recipe(recipe_of(plan), ground.task)
        check(render(plan), SIGNATURES, INPUTS)
        assert plan.reason


@FAST
@given(grounds())
def test_the_portfolio_obeys_the_constraints(ground):
    wish = ground.problem.constraints
    plans = portfolio(ground)
    for plan in plans:
        assert not names_of(plan.estimator.action) & set(wish.avoid)
        assert all_estimators()[plan.estimator.action].interpretable or not wish.interpretable
    preferred = [bool(names_of(p.estimator.action) & set(wish.prefer)) for p in plans]
    assert preferred == sorted(preferred, reverse=True), "what is preferred comes first"


@FAST
@given(grounds(), st.randoms(use_true_random=False))
def test_designs_are_pure_valid_permitted_and_never_repeated(ground, random):
    baselines = all_tasks()[ground.task].baselines(ground.problem, ground.schema, ground.rows)
    plans, experiments = list(baselines), [finished(i, p, 0.7) for i, p in enumerate(baselines, 1)]
    for number in range(len(plans) + 1, len(plans) + 30):
        weights = {e.number: random.random() for e in experiments[-4:]}
        seen = Seen(tuple(experiments), weights)
        plan = design(ground, number, tuple(plans), seen)
        assert plan == design(ground, number, list(plans), Seen(tuple(experiments), dict(weights)))
        if plan is None:
            break
        checked_recipe(recipe_of(plan), ground.task)
        check(render(plan), SIGNATURES, INPUTS)
        assert recipe_of(plan).digest not in {recipe_of(p).digest for p in plans[len(baselines) :]}
        assert plan.name not in {p.name for p in plans}
        assert not names_of(plan.estimator.action) & set(ground.problem.constraints.avoid)
        plans.append(plan)
        status = random.choice(["done", "done", "pruned", "failed"])
        experiments.append(finished(number, plan, None if status == "failed" else random.random(), status))


def test_when_the_portfolio_is_through_what_serves_is_varied():
    base = ground()
    plans = list(portfolio(base))
    experiments = tuple(finished(i, p) for i, p in enumerate(plans, 1))
    lightgbm = next(e.number for e in experiments if e.plan.name == "lightgbm")
    seen = Seen(experiments, {lightgbm: 1.0})
    designs = [design(base, number, plans, seen) for number in range(100, 130)]
    assert all(d is not None and d.by == "search" and d.parent for d in designs)
    chosen = [d.estimator.action for d in designs if d is not None]
    assert chosen.count("lightgbm") > len(chosen) / 3, "weight in the ensemble draws variations"
    assert len({recipe_of(d).digest for d in designs if d is not None}) == len(designs)


def test_what_did_not_help_is_not_tried_with_other_models():
    base = ground("regression", skew=3.0)
    plans = [p for p in portfolio(base) if p.name in ("lightgbm", "lightgbm-log-target")]
    worse = [finished(i, p, 10.0, "pruned" if "log" in p.name else "done", "rmse") for i, p in enumerate(plans, 1)]
    without = design_all(base, plans, tuple(worse))
    assert not [p for p in without if p.name.endswith("-log-target")]
    better = [finished(i, p, 10.0, "done", "rmse") for i, p in enumerate(plans, 1)]
    assert [p for p in design_all(base, plans, tuple(better)) if p.name.endswith("-log-target")]
    given_up = [finished(i, p, 9.0 if "log" in p.name else 10.0, "pruned", "rmse") for i, p in enumerate(plans, 1)]
    assert [p for p in design_all(base, plans, tuple(given_up)) if p.name.endswith("-log-target")], (
        "it brought the ensemble nothing here, but more than doing without"
    )
    for score, on in ((10.1, True), (10.5, False)):
        ended = [finished(i, p, score if "log" in p.name else 10.0, "done", "rmse") for i, p in enumerate(plans, 1)]
        after = [p for p in design_all(base, plans, tuple(ended)) if p.name.endswith("-log-target")]
        assert bool(after) is on, "what ended far behind needn't be tried with others either"


def test_an_idea_is_compared_within_the_family_where_its_estimator_was_not_tried_without_it():
    base = ground("regression")
    base = replace(base, profile=replace(base.profile, anchors=(Anchor("x", "difference", 0.2),)))
    plain = Plan("linear", Use("ridge"), by="baselines")
    first = next(p for p in portfolio(base) if p.name == "elastic-net-difference")
    for score, on in ((10.5, True), (12.0, False)):
        ended = (finished(1, plain, 10.0, metric="rmse"), finished(2, first, score, metric="rmse"))
        after = [p for p in design_all(base, [plain, first], ended) if p.idea == "difference"]
        assert bool(after) is on


def test_what_helps_a_model_that_is_far_behind_is_not_carried_to_others():
    base = ground(kinds=(("store", "numeric", 120), ("v", "numeric", 900)))
    plans = [p for p in portfolio(base) if p.name in ("logistic-regression-codes-as-names", "lightgbm")]
    plain = Plan("linear", Use("logistic_regression"), by="baselines")
    for boosted, carried in ((0.95, False), (0.72, True)):
        scores = {"lightgbm": boosted, "logistic-regression-codes-as-names": 0.7}
        ended = [finished(1, plain, 0.6), *(finished(i, p, scores[p.name]) for i, p in enumerate(plans, 2))]
        plan = design(base, 4, [plain, *plans], Seen(tuple(ended), {1: 0.5, 2: 0.3, 3: 0.2}))
        assert plan is not None and (plan.by == "carried") is carried


def test_where_directions_are_demanded_every_plan_sees_a_view_that_tells_them():
    kinds = (("x", "numeric", 400), ("y", "numeric", 300), ("c", "category", 100))
    free, directed = (ground(kinds=kinds, constraints=Constraints(monotone=m)) for m in ({}, {"x": 1}))
    assert [p for p in portfolio(free) if p.view is not None and p.view.action == "trees"]
    assert not [p for p in portfolio(directed) if p.view is not None and p.view.action == "trees"]


def test_features_are_carried_where_only_the_family_shows_that_they_helped():
    base = ground()
    wanted = ("lightgbm", "lightgbm-arithmetic", "extra-trees")
    plans = {p.name: p for p in portfolio(ground(kinds=tuple((n, "numeric", 400) for n in "xyz"))) if p.name in wanted}
    for boosted, carried in ((0.8595, False), (0.8, True)):  # the same estimator without the features hasn't been tried
        scores = {"lightgbm": boosted, "lightgbm-arithmetic": 0.86, "extra-trees": 0.6}
        ended = [finished(i, plans[name], score) for i, (name, score) in enumerate(scores.items(), 1)]
        plan = design(base, 4, list(plans.values()), Seen(tuple(ended), dict.fromkeys((1, 2, 3), 1 / 3)))
        assert plan is not None and (plan.by == "carried") is carried


def test_features_that_helped_are_carried_once_and_nothing_lacks_what_it_is_made_from():
    kinds = (("t", "datetime", 900), ("unit", "category", 8), ("v", "numeric", 900), ("w", "numeric", 800))
    timed = ground(kinds=kinds, time="t", rows=20_000)
    base = replace(timed, problem=replace(timed.problem, group_column=Known("unit", "user", "said so")))
    plans = [p for p in portfolio(base) if p.name in ("logistic-regression-own-usual", "lightgbm-small-trees")]
    plain = Plan("linear", Use("logistic_regression"), by="baselines")
    ended = [finished(1, plain, 0.6), *(finished(i, p, 0.9) for i, p in enumerate(plans, 2))]
    seen = Seen(tuple(ended), dict.fromkeys(range(1, 4), 0.5))
    carried, made = [], [plain, *plans]
    while (plan := design(base, len(made) + 1, made, seen)) is not None and plan.by == "carried":
        carried.append(plan)
        made.append(replace(plan, estimator=Use(plan.estimator.action, {"made": "lighter"})))
    assert carried
    assert len({p.name for p in carried}) == len(carried)
    for plan in carried:
        uses = list(plan.transforms)
        assert all(uses.count(use) == 1 for use in uses)
        assert [u.action for u in uses].index("drop_columns") == len(uses) - 1


def test_how_far_a_unit_has_been_from_its_usual_lately_is_made_of_its_deviations():
    kinds = (("t", "datetime", 900), ("unit", "category", 8), ("v", "numeric", 900))
    plans = {p.name: p for p in portfolio(ground(kinds=kinds, time="t", rows=20_000))}
    usual, most, least, *_ = plans["logistic-regression-own-usual"].transforms
    assert (usual.action, most.action, least.action) == ("own_usual", "rolling", "rolling")
    shortest, longest = min(usual.params["spans"]), max(usual.params["spans"])
    assert {u.params["statistics"] for u in (most, least)} == {"max", "min"}
    assert all(u.params["columns"] == (f"v_usual_{shortest}",) for u in (most, least))
    assert all(u.params["windows"] == (longest,) for u in (most, least))


def design_all(base, plans, experiments):
    made = list(plans)
    for number in range(len(plans) + 1, 40):
        plan = design(base, number, made, Seen(experiments, {}))
        if plan is None or plan.by == "search":
            break
        made.append(plan)
    return made[len(plans) :]


@pytest.mark.parametrize(
    ("kinds", "time", "expected", "unexpected"),
    [
        ((("t", "datetime", 900), ("v", "numeric", 900)), "t", "lightgbm-own-past", "catboost-codes-as-names"),
        ((("store", "numeric", 120), ("v", "numeric", 900)), None, "catboost-codes-as-names", "lightgbm-own-past"),
        (
            (("a", "numeric", 900), ("b", "numeric", 901), ("c", "numeric", 902)),
            None,
            "lightgbm-ratios",
            "codes-as-names",
        ),
    ],
)
def test_the_data_decides_what_is_worth_trying(kinds, time, expected, unexpected):
    names = [p.name for p in portfolio(ground(kinds=kinds, time=time))]
    assert expected in names
    assert not [n for n in names if n.endswith(unexpected)]


def test_constraints_that_leave_nothing_are_survived():
    families = tuple({e.family for e in all_estimators().values()})
    base = ground(constraints=Constraints(avoid=families))
    assert portfolio(base) == ()
    assert design(base, 4, [], Seen((), {})) is None


def test_what_is_not_installed_is_not_planned(monkeypatch):
    wished = ground(constraints=Constraints(interpretable=True))
    assert "explainable-boosting" in {p.name for p in portfolio(ground())} & {p.name for p in portfolio(wished)}
    monkeypatch.setitem(sys.modules, "interpret", None)
    for one in (ground(), wished):
        assert "explainable_boosting" not in {p.estimator.action for p in portfolio(one)}


def test_where_the_target_stays_near_a_column_the_difference_is_tried():
    base = ground("regression")
    near, far = (
        replace(base, profile=replace(base.profile, anchors=(Anchor("x", "log_ratio", v),))) for v in (0.1, 0.45)
    )
    tried = [p for p in portfolio(near) if p.target == Use("log_ratio", {"column": "x"})]
    assert {p.estimator.action for p in tried} >= {"elastic_net", "lightgbm", "extra_trees", "catboost"}
    directed = replace(near, problem=replace(near.problem, constraints=Constraints(monotone={"x": 1})))
    assert portfolio(directed)
    for other in (base, far, directed, replace(near, schema=Schema(base.schema.fields[1:]))):
        assert not [p for p in portfolio(other) if p.target is not None]


def test_what_takes_a_moment_is_written_before_what_takes_long():
    numbers = tuple((f"x{i}", "numeric", 400) for i in range(20))
    measured, mixed, regression = (
        ground(rows=3_000, kinds=numbers),
        ground(rows=3_000),
        ground("regression", rows=3_000),
    )
    for base, quick in (
        (measured, {"svm", "quadratic-discriminant", "nearest-neighbours"}),
        (mixed, {"svm", "nearest-neighbours"}),
        (regression, {"svm", "nearest-neighbours"}),
    ):
        order = [p.name for p in written(base)]
        assert quick <= set(order[: order.index("catboost")]) & set(order[: order.index("mlp")])
        assert ("quadratic-discriminant" in order) == ("quadratic-discriminant" in quick)
        network = next(p for p in written(base) if p.name == "mlp")
        assert order.index("mlp") < order.index("catboost")
        fewer = pace(network, base.price, base.price(network) / 2)
        assert fewer is not None and fewer.estimator.params == {"n_estimators": 2}
    order = [p.name for p in written(ground(rows=9_000, kinds=numbers))]
    assert order.index("mlp") < order.index("svm"), "by then it takes longer than the network"


def test_boosting_sees_levels_both_as_they_are_and_as_ranks():
    named, yes_no = ground(), ground(kinds=(("x", "numeric", 400), ("c", "category", 2)))
    views = {p.name: p.view for p in portfolio(named)}
    assert views["lightgbm"] is None and views["lightgbm-ranks"] == views["xgboost"] == Use("trees")
    order = [p.name for p in written(named)]
    assert order.index("lightgbm-ranks") == order.index("lightgbm") + 1
    directed = replace(named, problem=replace(named.problem, constraints=Constraints(monotone={"x": 1})))
    for base in (yes_no, directed):
        plans = {p.name: p for p in portfolio(base)}
        assert "lightgbm-ranks" not in plans and plans["xgboost"].view is None


def test_what_nearly_names_the_rows_is_left_out_where_numbers_are_there_beside_it():
    there = (("x", "numeric", 400), ("y", "numeric", 300), ("c", "category", 4), ("who", "text", 990))
    base = ground(kinds=(*there, ("town", "category", 300), ("land", "category", 50)))
    plans = {p.name: p for p in written(base)}
    plan = plans["extra-trees-without-names"]
    assert plan.transforms == (Use("drop_columns", {"columns": ("who", "town")}),) and plan.view is None
    assert list(plans).index(plan.name) < list(plans).index("extra-trees"), "it costs less, and may be the better"
    many = replace(base, profile=replace(base.profile, rows=10_000))  # a town's levels have rows by then
    left = {p.name: p for p in written(many)}[plan.name]
    assert left.transforms == (Use("drop_columns", {"columns": ("who",)}),) and left.view == base.plain_levels
    wide = (*there[:3], ("town", "category", 300), *((f"x{i}", "numeric", 400) for i in range(20)))
    for kinds in (there[:3], there[1:], wide):
        assert plan.name not in {p.name for p in written(ground(kinds=kinds))}


def test_a_date_that_is_kept_in_parts_is_put_together():
    kinds = (("year", "numeric", 3), ("month", "category", 12), ("day", "numeric", 31), ("x", "numeric", 400))
    plan = {p.name: p for p in written(ground(kinds=kinds))}["lightgbm-dates"]
    assert plan.transforms == (Use("assemble_date", {"columns": ("year", "month", "day")}),)
    weekdays = (*kinds[:2], ("day", "category", 7), kinds[3])
    for base in (ground(kinds=weekdays), ground(kinds=(*kinds, ("t", "datetime", 900)))):
        assert "lightgbm-dates" not in {p.name for p in written(base)}


def test_what_shares_a_transform_of_the_target_that_was_given_up_does_without_it():
    base = ground("regression", skew=4.0)
    first = {p.name: p for p in portfolio(base)}
    plans = [first["lightgbm"], first["lightgbm-log-target"]]
    for scores, target in (((1.0, 0.9), Use("log1p")), ((0.9, 1.0), None)):
        ended = [finished(i, p, v, metric="rmse") for i, (p, v) in enumerate(zip(plans, scores, strict=True), 1)]
        later = {p.name: p for p in design_all(base, plans, tuple(ended))}
        assert later["xgboost"].target == later["catboost"].target == target
        assert ("extra-trees-log-target" in later) is (target is not None)
