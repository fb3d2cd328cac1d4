from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.constraining import (
    cohorts,
    demanded,
    disparity,
    estimators_of,
    excess,
    has_operating_point,
    operating_point,
    subsets,
    unmeasured,
)
from modelwright.intervals import Resamples
from modelwright.problem import Constraints, Fairness
from modelwright.recipe import Member, Recipe, Use


def drawn(n: int, seed: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Labels with calibrated probabilities."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 1 / share - 1, n)
    return (rng.random(n) < p).astype(np.int64), p


def recall(y: np.ndarray, p: np.ndarray, threshold: float) -> float:
    return float((p[y == 1] >= threshold).mean())


def precision(y: np.ndarray, p: np.ndarray, threshold: float) -> float:
    return float((y[p >= threshold] == 1).mean())


def test_a_demanded_recall_holds_on_other_rows_most_of_the_time() -> None:
    asked, held = Constraints(min_recall=0.9), []
    for seed in range(60):
        (y, p), (z, q) = drawn(2000, seed), drawn(1000, 1000 + seed)
        held.append(recall(z, q, operating_point(y, p, asked, 1000) or 0.5))
    assert np.mean(np.array(held) >= 0.9) > 0.7
    assert np.mean(held) < 0.95  # not by calling everything


def test_a_demanded_precision_is_reached_with_as_much_recall_as_possible() -> None:
    y, p = drawn(5000, 1, share=0.4)
    threshold = operating_point(y, p, Constraints(min_precision=0.8), 1000)
    assert threshold is not None
    assert precision(y, p, threshold) >= 0.8
    assert recall(y, p, threshold) > 0.8 * max(
        recall(y, p, t) for t in np.linspace(0.3, 0.95, 60) if precision(y, p, t) >= 0.82
    )


@pytest.mark.parametrize(("miss", "alarm"), [(1.0, 1.0), (9.0, 1.0), (1.0, 4.0)])
def test_costs_lead_to_the_threshold_that_theory_wants(miss: float, alarm: float) -> None:
    y, p = drawn(30_000, 2, share=0.4)
    threshold = operating_point(y, p, Constraints(cost_miss=miss, cost_false_alarm=alarm), 1000)
    assert threshold == pytest.approx(alarm / (miss + alarm), abs=0.06)


def test_few_rows_leave_the_ratio_of_costs_or_nothing() -> None:
    y, p = np.r_[np.ones(4, dtype=np.int64), np.zeros(50, dtype=np.int64)], np.linspace(1, 0, 54)
    assert operating_point(y, p, Constraints(cost_miss=19.0, cost_false_alarm=1.0), 10) == pytest.approx(0.05)
    assert operating_point(y, p, Constraints(min_recall=0.9), 10) is None


def test_a_demand_that_cannot_be_met_is_missed_by_as_little_as_possible() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 1000), rng.random(1000)
    threshold = operating_point(y, p, Constraints(min_recall=0.8, min_precision=0.9), 200)
    assert threshold is not None
    found = max(0.0, 0.8 - recall(y, p, threshold)) + max(0.0, 0.9 - precision(y, p, threshold))
    assert found < 0.5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.5, 1.0])), min_size=25, max_size=80))
def test_any_rows_give_a_threshold_between_zero_and_one(rows: list[tuple[bool, float]]) -> None:
    y, p = np.array([int(a) for a, _ in rows]), np.array([b for _, b in rows])
    threshold = operating_point(y, p, Constraints(min_recall=0.7, cost_miss=3.0, cost_false_alarm=1.0), 20)
    assert threshold is not None and 0 <= threshold <= 1


def test_one_cost_alone_is_no_operating_point() -> None:
    assert not has_operating_point(Constraints(cost_miss=3.0))
    assert has_operating_point(Constraints(cost_miss=3.0, cost_false_alarm=1.0))


def test_groups_are_levels_quarters_and_gaps_and_small_ones_are_put_together() -> None:
    named = pd.Series(pd.Categorical(["a"] * 30 + ["b"] * 20 + ["rare"] * 3 + [None] * 12))
    codes, names = cohorts(named, 10)
    assert names == ("a", "b", "missing", "(others)")
    assert [int((codes == i).sum()) for i in range(4)] == [30, 20, 12, 3]
    assert cohorts(named, 10, named=False)[1] == ("group 1", "group 2", "group 3", "group 4")
    codes, names = cohorts(pd.Series(np.r_[np.arange(100.0), np.full(20, np.nan)]), 10)
    assert len(names) == 5 and "missing" in names and (np.bincount(codes) >= 20).all()
    whole, constant = cohorts(pd.Series(np.full(30, 7.0)), 10)
    assert constant == ("7",) and (whole == 0).all()


@pytest.mark.parametrize("measure", ["recall", "selection", "false_positive_rate", "precision", "accuracy"])
def test_alike_groups_differ_by_chance_only_and_unlike_ones_are_found(measure: str) -> None:
    rng = np.random.default_rng(4)
    y, group = rng.integers(0, 2, 4000), rng.integers(0, 2, 4000)
    alike = np.where(rng.random(4000) < 0.2, 1 - y, y)
    gap, low, high, rates = disparity(measure, y, alike, group, ("f", "m"), Resamples(4000, 0))
    assert gap is not None and gap < 0.06 and low == 0.0 and set(rates) == {"f", "m"}
    worse = np.where((group == 1) & (rng.random(4000) < 0.5), 0, alike)
    gap, low, high, rates = disparity(measure, y, worse, group, ("f", "m"), Resamples(4000, 0))
    if measure != "precision":  # of what is still called, as much is right as before
        assert gap is not None and low is not None and high is not None
        assert low > 0.03 and low < gap < high


def test_errors_are_compared_as_shares_of_the_overall_error() -> None:
    y, group = np.zeros(200), np.repeat([0, 1], 100)
    called = np.where(group == 0, 1.0, 3.0)
    gap, _, _, rates = disparity("error", y, called, group, ("a", "b"))
    assert rates == {"a": pytest.approx(0.5), "b": pytest.approx(1.5)} and gap == pytest.approx(1.0)


def test_groups_that_are_too_small_do_not_count() -> None:
    y, group = np.ones(60, dtype=np.int64), np.r_[np.zeros(50, dtype=np.int64), np.ones(10, dtype=np.int64)]
    assert disparity("recall", y, y, group, ("big", "small")) == (None, None, None, {"big": 1.0})


def test_limits_are_ratios_and_any_step_against_a_direction_is_far_beyond() -> None:
    asked = Constraints(latency_ms=10.0, model_bytes=1000)
    assert excess(asked, 5.0, 900, 1e9) == pytest.approx(0.9)
    assert excess(asked, 30.0, 900, 0.0) == pytest.approx(3.0)
    assert excess(asked, 5.0, 900, 0.0, bends=0.01) > 10
    assert excess(Constraints(), 1e9, 1e12, 1e9) == 0.0


def test_every_mixture_of_members_is_considered() -> None:
    found = subsets({1: 0.5, 2: 0.3, 3: 0.2})
    assert len(found) == 7 and found[0] == {1: 0.5, 2: 0.3, 3: 0.2}
    assert {1: pytest.approx(0.625), 2: pytest.approx(0.375)} in found
    assert all(sum(w.values()) == pytest.approx(1.0) for w in found)
    assert max(map(len, subsets(dict.fromkeys(range(10), 0.1)))) == 6


def test_what_is_demanded_is_listed() -> None:
    asked = Constraints(metric="f1", latency_ms=5.0, fairness=(Fairness("sex"),), notes=("be nice",), patience=3)
    assert demanded(asked) == ("latency_ms", "fairness")
    assert [v.name for v in unmeasured(asked, "why")] == ["latency_ms", "fairness", "note"]
    assert all(v.passed is None and v.how == "why" for v in unmeasured(asked, "why"))


def test_the_estimators_of_a_mixture_are_those_of_its_members() -> None:
    inner = Recipe(Use("blend"), members=(Member(Recipe(Use("ridge")), 0.5), Member(Recipe(Use("svm")), 0.5)))
    assert estimators_of(Recipe(Use("blend"), members=(Member(inner, 1.0),))) == ("ridge", "svm")
