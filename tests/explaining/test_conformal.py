"""Intervals and sets hold the truth as often as they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modelwright.conformal import conformity_scores, coverage, offsets, prediction_sets, upper, winkler


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("shape", ["normal", "heavy", "skewed"])
def test_intervals_cover_what_they_promise_on_average(shape: str, level: float) -> None:
    """For exchangeable rows the promise holds exactly on average, whatever the errors look like."""
    rng = np.random.default_rng([len(shape), int(100 * level)])
    draw = {
        "normal": lambda n: rng.normal(size=n),
        "heavy": lambda n: rng.standard_cauchy(n),
        "skewed": lambda n: rng.lognormal(size=n),
    }[shape]
    held = []
    for _ in range(300):
        low, high = offsets(conformity_scores(draw(79)), level)
        new = draw(100)
        held.append(((new >= low) & (new <= high)).mean())
    error = np.std(held) / math.sqrt(len(held))
    assert level - 4 * error <= np.mean(held) <= level + 2 / 80 + 4 * error


def test_skewed_errors_give_skewed_intervals() -> None:
    low, high = offsets(conformity_scores(np.random.default_rng(0).lognormal(size=5000)), 0.9)
    assert 0 < low < 0.3 and high > 4


def test_few_rows_promise_less() -> None:
    scores = conformity_scores(np.array([-1.0, 3.0, -2.0, 0.5, 1.0, -0.2, 0.1, 0.3, -0.4, 0.0, 2.0, 1.5]))
    assert offsets(scores, 0.9) == (-3.0, 3.0)  # twelve rows: both ends equally far
    assert offsets(scores, 0.95) == (-math.inf, math.inf)
    assert offsets(scores, 0.5) == (-0.4, 1.5)


def test_thinned_scores_are_never_too_narrow() -> None:
    values = np.random.default_rng(0).normal(size=50_000)
    thin = conformity_scores(values)
    assert len(thin.values) < 1000 and thin.count == 50_000
    for level in (0.3, 0.9, 0.999):
        exact = np.quantile(values, level)
        assert exact - 1e-3 <= upper(thin, level) <= exact + 0.02
        low, high = offsets(thin, level)
        assert ((values >= low) & (values <= high)).mean() >= level


def test_sets_hold_each_class_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)

    def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
        truth = rng.choice(3, n, p=[0.85, 0.1, 0.05])
        raw = np.exp(rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[truth] + [2, 0, 0])
        return truth, raw / raw.sum(axis=1, keepdims=True)

    truth, probability = rows(8000)
    scores = tuple(conformity_scores(1 - probability[truth == c, c]) for c in range(3))
    new, given = rows(20_000)
    for level in (0.8, 0.9):
        sets = prediction_sets(given, scores, level)
        for c in range(3):
            held = sets[new == c, c].mean()
            calibration, test = (truth == c).sum(), (new == c).sum()
            assert held >= level - 4 * math.sqrt(level * (1 - level) * (1 / calibration + 1 / test))
        assert sets.any(axis=1).all()
    assert prediction_sets(given, scores, 0.8).sum() < prediction_sets(given, scores, 0.9).sum()


def test_a_row_like_no_class_has_the_likeliest() -> None:
    scores = tuple(conformity_scores(np.full(30, 0.1)) for _ in range(2))
    assert prediction_sets(np.array([[0.45, 0.55]]), scores, 0.9).tolist() == [[False, True]]
    assert prediction_sets(np.zeros((0, 2)), scores, 0.9).shape == (0, 2)


def test_observed_coverage_has_its_interval_and_dependent_rows_count_for_less() -> None:
    inside = np.arange(200) % 10 > 0
    alone = coverage(0.9, inside, np.ones(200))
    assert alone.observed == 0.9 and alone.rows == 200 and alone.holds
    assert alone.low == pytest.approx(0.850, abs=2e-3) and alone.high == pytest.approx(0.938, abs=2e-3)
    blocks = np.repeat(np.arange(20), 10)
    grouped = coverage(0.9, np.repeat(np.arange(20) > 1, 10), np.ones(200), blocks)
    assert grouped.observed == 0.9 and grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert not coverage(0.9, np.arange(1000) % 4 > 0, np.ones(1000)).holds
    assert coverage(0.9, np.ones(50, dtype=bool), np.ones(50)).high == 1.0


def test_honest_ends_have_the_best_interval_score() -> None:
    truth = np.random.default_rng(0).normal(size=20_000)
    by_width = {w: winkler(truth, np.full(20_000, -w), np.full(20_000, w), 0.9) for w in (0.8, 1.645, 3.0)}
    assert min(by_width, key=lambda w: by_width[w]) == 1.645
