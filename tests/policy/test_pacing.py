"""What one more experiment may take, and what it must add."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.bar import Bar
from modelwright.policy.pacing import SHARE, room
from modelwright.tasks.metrics import find_metric

SECONDS = st.just(0.0) | st.floats(1e-6, 1e4)


def test_one_more_experiment_gets_its_share_of_what_is_left():
    assert room(100.0, 2, []) == pytest.approx(2 * (SHARE * 100.0 + 1.0))


def test_what_is_under_way_goes_first():
    free, busy = room(20.0, 2, [(5.0, 1.0)]), room(20.0, 2, [(30.0, 1.0), (5.0, 1.0)])
    assert busy < free and busy < 40.0 - 30.0
    assert room(20.0, 2, [(30.0, 29.0), (5.0, 4.5)]) == pytest.approx(free)


@given(SECONDS, st.integers(1, 64), st.lists(st.tuples(SECONDS, SECONDS), max_size=5))
def test_something_quick_always_fits_and_nothing_takes_all(left, slots, running):
    found = room(left, slots, running)
    assert 0.0 <= found <= slots * (SHARE * left + 1.0)
    assert left == 0.0 or found > 0.0


def joined(mixture, prediction, truth, best=1.2):
    metric = find_metric("rmse")
    score = metric.score(truth, prediction)
    return Bar(best, mixture).worth(metric, score, metric, prediction, lambda p: metric.score(truth, p))


def test_what_errs_in_another_way_joins_the_ensemble_and_what_errs_alike_does_not():
    rng = np.random.default_rng(0)
    truth, noise, other = rng.normal(size=(3, 2_000))
    mixture = truth + noise
    assert joined(mixture, truth + 1.3 * other, truth)
    assert not joined(mixture, truth + 1.3 * noise, truth)
    assert joined(mixture, truth + 1.3 * noise, truth, best=1.5), "what is better than the best need not add anything"
    assert joined(None, truth + 1.3 * noise, truth), "nothing to join, nothing to ask for"
    few = slice(0, 200)
    assert joined(mixture[few], (truth + 1.3 * noise)[few], truth[few]), "few rows don't tell what adds nothing"


@pytest.mark.parametrize(("metric", "joins"), [("log_loss", True), ("accuracy", False)])
def test_what_is_far_from_the_best_joins_where_probabilities_are_scored_if_it_adds_a_good_deal(metric, joins):
    rng, metric = np.random.default_rng(0), find_metric(metric)
    truth = rng.integers(0, 2, 2_000)

    def guess(right, sure):
        p = np.where(rng.random(len(truth)) < right, sure, 1 - sure)
        return np.column_stack([np.where(truth == 1, 1 - p, p), np.where(truth == 1, p, 1 - p)])

    def scored(p):
        return metric.score(truth, p, classes=("a", "b"), positive="b")

    def worth(prediction, mixture):
        best = scored(mixture) if metric.name == "log_loss" else 0.999
        return Bar(best, mixture).worth(metric, scored(prediction), metric, prediction, scored)

    mixture, unsure, useless = guess(0.95, 0.95), guess(0.97, 0.65), guess(0.5, 0.55)
    assert worth(unsure, mixture) == joins
    assert not worth(useless, mixture)
