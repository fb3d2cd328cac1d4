"""The second level: what it gains, what it leaves alone, and that a bundle does what it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from scipy.special import softmax

from modelwright import stacking
from modelwright.persistence import dump_model, load_model
from modelwright.pipeline import BlendClassifier, BlendRegressor
from modelwright.stacking import SecondLevel, crossed


def opinions(k: int, n: int = 1_500, members: int = 3, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Members that each see the class through noise of their own, and are too sure or too timid."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    sees = 2.0 * np.eye(k)[y]
    return [softmax(pace * (sees + rng.normal(size=(n, k))), axis=1) for pace in (0.4, 1.0, 3.0)[:members]], y


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(np.clip(p[np.arange(len(y)), y], 1e-7, 1.0)).mean())


@pytest.mark.parametrize("k", [2, 5, 30])
def test_it_is_better_than_the_mean_of_members_that_are_too_sure_or_too_timid(k):
    predictions, y = opinions(k)
    known, new = slice(0, 1_000), slice(1_000, None)
    level = SecondLevel([1, 1, 1], k).fit([p[known] for p in predictions], y[known])
    found = level.combine([p[new] for p in predictions])
    assert found.shape == (500, k) and np.allclose(found.sum(axis=1), 1)
    assert log_loss(found, y[new]) < 0.95 * log_loss(np.mean([p[new] for p in predictions], axis=0), y[new])
    assert bool(len(level.crossing_)) == (k < 30), "with many classes none answers for another"


def test_a_member_may_speak_for_a_class_with_what_it_says_of_others():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 2_000)
    told = (y + 1) % 3  # it always names the wrong class
    predictions = [softmax(2 * np.eye(3)[told] + rng.normal(size=(2_000, 3)), axis=1)]
    found = crossed(SecondLevel([1.0], 3), predictions, y, np.arange(2_000) % 5)
    assert log_loss(found, y) < 0.7 * np.log(3)


def test_it_is_fitted_by_the_gradient_of_what_it_minimises(monkeypatch):
    predictions, y = opinions(3, n=60)
    asked = []

    def spy(loss, start, **options):
        asked.append((loss, start))
        return minimize(loss, start, **options)

    monkeypatch.setattr(stacking, "minimize", spy)
    SecondLevel([0.5, 0.3, 0.2], 3, C=0.5).fit(predictions, y)
    ((loss, start),) = asked
    somewhere = start + np.random.default_rng(0).normal(0, 0.3, start.shape)
    assert check_grad(lambda v: loss(v)[0], lambda v: loss(v)[1], somewhere) < 1e-4


def test_where_there_is_little_to_learn_from_it_stays_near_the_given_shares():
    rng = np.random.default_rng(0)
    y = rng.normal(size=12)
    few = SecondLevel([0.7, 0.3]).fit([y + rng.normal(size=12), rng.normal(size=12)], y)
    assert few.shares_ == pytest.approx([0.7, 0.3], abs=0.35)
    many = rng.normal(size=4_000)
    known = SecondLevel([0.7, 0.3]).fit([0.5 * many, rng.normal(size=4_000)], many)
    assert known.shares_ == pytest.approx([2.0, 0.0], abs=0.05)


def test_each_fold_is_answered_by_what_was_fitted_on_the_others():
    predictions, y = opinions(2, n=200)
    folds = np.arange(200) % 4
    found = crossed(SecondLevel([1, 1, 1], 2), predictions, y, folds)
    inside = folds == 2
    alone = SecondLevel([1, 1, 1], 2).fit([p[~inside] for p in predictions], y[~inside])
    assert np.array_equal(found[inside], alone.combine([p[inside] for p in predictions]))


class Says:
    """A fitted pipeline that says what it was told to."""

    def __init__(self, values: np.ndarray) -> None:
        self.steps = [("model", self)]
        self.values = values

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.values[: len(X)]

    predict = predict_proba


def test_a_blend_gives_it_the_mean_of_each_members_copies():
    predictions, y = opinions(3, n=300)
    level = SecondLevel([1, 1, 1], 3).fit(predictions, y)
    one, two, three = predictions
    models = [Says(one), Says(two), Says(two[::-1].copy()), Says(three)]
    blend = BlendClassifier([], [1, 1, 1, 1], 3).assemble(models, None, level, [1, 2, 1])
    expected = level.combine([one, (two + two[::-1]) / 2, three])
    assert np.allclose(blend.predict_proba(np.zeros((300, 1))), expected)

    values = [p[:, 0] for p in predictions]
    numbers = SecondLevel([1, 1, 1]).fit(values, y.astype(float))
    mixed = BlendRegressor([], [1, 1, 1]).assemble([Says(v) for v in values], numbers)
    assert np.allclose(mixed.predict(np.zeros((300, 1))), numbers.combine(values))


@pytest.mark.parametrize("k", [0, 4])
def test_it_comes_back_from_a_file_as_it_was(tmp_path, k):
    predictions, y = opinions(max(k, 2), n=300)
    given = predictions if k else [p[:, 0] for p in predictions]
    level = SecondLevel([0.5, 0.3, 0.2], k).fit(given, y)
    for name in ("a", "b"):
        dump_model(level, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert np.array_equal(load_model(tmp_path / "a").combine(given), level.combine(given))
