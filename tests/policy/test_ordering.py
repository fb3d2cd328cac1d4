"""The learnt order: what it is made of, and what it can't be made to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grounds import ground, grounds
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.actions import registry
from modelwright.estimators import all_estimators
from modelwright.memory import Brought, Remembered
from modelwright.plan import Plan
from modelwright.policy import ordering
from modelwright.policy.made import Seen, content
from modelwright.policy.ordering import Evidence, by_evidence, ordered, prior, starts
from modelwright.policy.portfolio import portfolio, written
from modelwright.policy.tuning import variation
from modelwright.recipe import Use
from modelwright.tasks import all_tasks

HERE = {"rows": 1_000.0, "columns": 10.0}


def plans(names: str) -> list[Plan]:
    return [Plan(name, Use("lightgbm")) for name in names]


def names(order: tuple[Plan, ...]) -> str:
    return "".join(p.name for p in order)


def evidence(shares: dict[str, float], pairs: dict[str, float] | None = None, **more: object) -> Evidence:
    brought = {n: Brought(s, 1.0) for n, s in shares.items()}
    return replace(Evidence("binary", HERE, brought, pairs or {}), **more)  # type: ignore[arg-type]


def remembered(number: int, task: str = "binary", **more: object) -> Remembered:
    return replace(Remembered(f"{number:016x}", "2026-01-01", task, "roc_auc", HERE), **more)  # type: ignore[arg-type]


def test_what_brings_most_for_its_price_comes_first() -> None:
    known = [evidence({"a": 0.5, "b": 1.0, "c": 0.9})]
    assert names(by_evidence(plans("abc"), "binary", HERE, known)) == "bca"
    costs = {"a": 0.0, "b": 20.0, "c": 20.0}
    assert names(by_evidence(plans("abc"), "binary", HERE, known, lambda p: costs[p.name])) == "abc"


def test_what_adds_to_the_ensemble_comes_before_a_second_of_the_same_kind() -> None:
    twins = evidence({"a": 1.0, "b": 0.99, "c": 0.7}, {"a|b": 1.0, "a|c": 1.1, "b|c": 1.1})
    assert names(by_evidence(plans("abc"), "binary", HERE, [twins])) == "acb"


def test_what_the_baselines_know_need_not_be_learnt_again() -> None:
    known = evidence({"base": 0.9, "a": 0.91, "b": 0.6}, {"a|base": 0.91, "b|base": 1.0, "a|b": 0.95})
    assert names(by_evidence(plans("ab"), "binary", HERE, [known])) == "ab"
    assert names(by_evidence(plans("ab"), "binary", HERE, [known], first=["base", "unheard-of"])) == "ba"


def test_likeness_counts_and_own_runs_count_more() -> None:
    far = HERE | {"rows": 1e6, "columns": 500.0, "categories": 300.0}
    known = [evidence({"a": 1.0, "b": 0.2}), evidence({"a": 0.2, "b": 1.0}, traits=far)]
    assert names(by_evidence(plans("ab"), "binary", HERE, known)) == "ab"
    assert names(by_evidence(plans("ab"), "binary", far, known)) == "ba"
    own = evidence({"a": 0.2, "b": 1.0}, own=True)
    assert names(by_evidence(plans("ab"), "binary", HERE, [known[0], own])) == "ba"
    other = evidence({"a": 0.2, "b": 1.0}, task="regression")
    assert names(by_evidence(plans("ab"), "binary", HERE, [known[0], other])) == "ab"


def test_plans_that_nobody_tried_stay_behind_those_they_follow() -> None:
    known = [evidence({"a": 0.1, "b": 0.9})]
    assert names(by_evidence(plans("xaybz"), "binary", HERE, known)) == "xbzya"
    assert names(by_evidence(plans("xyz"), "binary", HERE, known)) == "xyz"
    assert by_evidence([], "binary", HERE, known) == ()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1), min_size=1), max_size=4),
    st.permutations("abcdefg"),
    st.dictionaries(st.sampled_from(["rows", "columns", "missing"]), st.floats(0, 1e9)),
)
def test_any_evidence_gives_a_permutation_and_always_the_same(shares, given_order, about) -> None:
    known = [evidence(s) for s in shares]
    order = by_evidence(plans("".join(given_order)), "binary", about, known)
    assert sorted(names(order)) == sorted(given_order)
    assert order == by_evidence(plans("".join(given_order)), "binary", about, known)


@settings(max_examples=25, deadline=None)
@given(grounds())
def test_the_portfolio_is_what_is_written_in_another_order(anywhere) -> None:
    assert sorted(p.name for p in portfolio(anywhere)) == sorted(p.name for p in written(anywhere))


def test_the_shipped_prior_is_sound_and_about_plans_that_there_are() -> None:
    shipped = prior()
    assert {e.task for e in shipped.problems} <= set(all_tasks())
    assert shipped.learnt["from"].count(",") + 1 == len(shipped.problems)
    for problem in shipped.problems:
        brought = list(problem.plans.values())
        assert max(b.share for b in brought) == 1.0 and all(np.isfinite([b.share, b.seconds]).all() for b in brought)
        assert all(set(pair.split("|")) <= set(problem.plans) for pair in problem.pairs)
    estimators = {n.replace("_", "-") for n in all_estimators()}
    known = {name for problem in shipped.problems for name in problem.plans}
    assert {"linear", "lightgbm", "catboost", "extra-trees"} <= known
    assert sum(any(name.startswith(e) for e in estimators) for name in known) > 0.6 * len(known)


def test_past_runs_change_the_order_and_begin_the_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ground("regression")
    last = written(here)[-1].name
    rest = {p.name: Brought(0.0, 1.0) for p in written(here) if p.name != last}
    monkeypatch.setattr(ordering, "OWN", 1e6)  # nothing but the past run counts
    own = remembered(1, "regression", traits=here.traits, plans=rest | {last: Brought(1.0, 1.0)})
    assert portfolio(replace(here, memory=(own,)))[0].name == last
    use = Use("lightgbm", {"num_leaves": 17})
    past = (remembered(1, settings=(Use("catboost", {"depth": 3}),)), remembered(2, settings=(use, use)))
    assert starts("lightgbm", "binary", HERE, past) == (use,)
    assert starts("lightgbm", "regression", HERE, past) == ()


def test_a_start_from_memory_is_tried_once() -> None:
    from grounds import finished

    use = Use("lightgbm", {"num_leaves": 17})
    here = replace(ground(), memory=(remembered(1, settings=(use,)),))
    (first,) = (p for p in written(here) if p.name == "lightgbm")
    seen = Seen((finished(1, first, 0.8),), {1: 1.0})
    tuned = variation(here, 2, {content(first)}, seen)
    assert tuned is not None and tuned.estimator.params["num_leaves"] == 17 and "past run" in tuned.reason
    again = variation(here, 3, {content(first), content(tuned)}, seen)
    assert again is not None and "past run" not in again.reason
    assert registry()["lightgbm"].validate(tuned.estimator.params)


def test_ordered_takes_memory_as_well_as_the_prior() -> None:
    mine = [Plan(n, Use("ridge")) for n in ("only-here", "also-here")]
    own = remembered(3, plans={"also-here": Brought(1.0, 1.0), "only-here": Brought(0.1, 1.0)})
    assert [p.name for p in ordered(mine, "binary", HERE, (own,) * 4)] == ["also-here", "only-here"]
    assert [p.name for p in ordered(mine, "binary", HERE)] == ["only-here", "also-here"]


def test_an_order_is_not_believed_on_far_more_rows_than_it_was_learnt_from() -> None:
    mine = [Plan(n, Use("ridge")) for n in ("only-here", "also-here")]
    own = remembered(3, plans={"also-here": Brought(1.0, 1.0), "only-here": Brought(0.1, 1.0)})
    largest = max(e.traits["rows"] for e in prior().problems)
    near, far = ({**HERE, "rows": ordering.BEYOND * largest + more} for more in (0.0, 1.0))
    assert ordered(mine, "binary", near, (own,) * 4)[0].name == "also-here"
    assert ordered(mine, "binary", far, (own,) * 4)[0].name == "only-here"
    as_large = replace(own, traits=far)
    assert ordered(mine, "binary", far, (as_large,))[0].name == "also-here"
