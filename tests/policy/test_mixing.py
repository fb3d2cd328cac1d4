"""The greedy ensemble: never worse than the best single model on its rows, and nothing left to chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.ensemble import greedy, mixture, row_losses
from modelwright.tasks.metrics import better, find_metric

METRICS = ("roc_auc", "log_loss", "accuracy", "rmse", "mae", "r2")


def problem(seed: int, metric: str, models: int, n: int = 120):
    """Targets, predictions of several models of different skill, and the score."""
    rng = np.random.default_rng(seed)
    measure = find_metric(metric)
    if metric in ("rmse", "mae", "r2"):
        truth = rng.normal(size=n)
        made = {i + 1: truth + rng.normal(0, 0.3 + 0.2 * i, n) for i in range(models)}
        return made, lambda p, rows: float(measure.score(truth[rows], p)), measure
    truth = rng.integers(0, 2, n)
    made = {}
    for i in range(models):
        positive = 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(0, 0.8 + 0.4 * i, n))))
        made[i + 1] = np.column_stack([1 - positive, positive])
    return (
        made,
        lambda p, rows: float(measure.score(truth[rows], p, classes=("no", "yes"), positive="yes")),
        measure,
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(METRICS), st.integers(1, 6))
def test_a_mixture_is_never_worse_than_the_best_single_model(seed, metric, models):
    made, score, measure = problem(seed, metric, models)
    weights = greedy(made, score, measure, seed=seed, rounds=15)
    rows = np.arange(120)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert all(w > 0 for w in weights.values()) and weights.keys() <= made.keys()
    assert list(weights.values()) == sorted(weights.values(), reverse=True)
    best = max(score(p, rows) for p in made.values()) if measure.greater_is_better else min(
        score(p, rows) for p in made.values()
    )  # fmt: skip
    assert not better(measure, best, score(mixture(made, weights), rows))
    assert weights == greedy(made, score, measure, seed=seed, rounds=15)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(METRICS), st.integers(1, 9))
def test_bags_of_models_may_cost_no_more_than_a_standard_error(seed, metric, models):
    made, score, measure = problem(seed, metric, models)
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=120) if made[1].ndim == 1 else rng.integers(0, 2, 120)

    def losses(p, rows):
        return row_losses(p, truth[rows])

    weights = greedy(made, score, measure, seed=seed, rounds=15, losses=losses)
    assert sum(weights.values()) == pytest.approx(1.0) and min(weights.values()) >= 0.05 and len(weights) <= 8
    assert weights == greedy(made, score, measure, seed=seed, rounds=15, losses=losses)
    rows, plain = np.arange(120), greedy(made, score, measure, seed=seed, rounds=15)
    worse = losses(mixture(made, weights), rows) - losses(mixture(made, plain), rows)
    assert worse.mean() <= worse.std() / np.sqrt(120) + 1e-12


def test_bags_spread_weights_over_models_that_are_alike_and_leave_a_far_better_one_alone():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    measure = find_metric("rmse")

    def score(p, rows):
        return float(measure.score(truth[rows], p))

    def losses(p, rows):
        return row_losses(p, truth[rows])

    alike = {n: truth + rng.normal(0, 1, 200) for n in range(1, 7)}
    plain = greedy(alike, score, measure, seed=0, members=3)
    bagged = greedy(alike, score, measure, seed=0, members=6, losses=losses)
    assert len(plain) == 3 and len(bagged) == 6
    better = alike | {7: truth + rng.normal(0, 0.05, 200)}
    assert greedy(better, score, measure, seed=0, losses=losses) == {7: 1.0}


def test_copies_of_one_model_gain_nothing():
    made, score, measure = problem(0, "rmse", 1)
    copies = {n: made[1].copy() for n in (4, 2, 9)}
    assert greedy(copies, score, measure, seed=0) == {2: 1.0}


def test_models_that_err_differently_are_mixed():
    made, score, measure = problem(1, "rmse", 3)
    weights = greedy(made, score, measure, seed=0)
    assert len(weights) > 1
    assert len(greedy(made, score, measure, seed=0, members=2)) <= 2


def test_rows_that_were_never_validated_are_left_out():
    made, score, measure = problem(2, "roc_auc", 3)
    for prediction in made.values():
        prediction[:30] = np.nan
    assert sum(greedy(made, score, measure, seed=0).values()) == pytest.approx(1.0)
    weights = greedy(made, lambda p, rows: score(p, rows) if rows.min() >= 30 else -1.0, measure, seed=0)
    assert sum(weights.values()) == pytest.approx(1.0)


def test_with_many_rows_the_choice_is_made_on_a_sample_by_the_seed():
    made, score, measure = problem(3, "mae", 3)
    seen = []

    def counting(p, rows):
        seen.append(tuple(rows))
        return score(p, rows)

    greedy(made, counting, measure, seed=5, max_rows=50)
    assert {len(r) for r in seen} == {50} and len(set(seen)) == 1
    first = seen[0]
    seen.clear()
    greedy(made, counting, measure, seed=6, max_rows=50)
    assert seen[0] != first
