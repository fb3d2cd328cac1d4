"""Means of predictions: what the geometric one is, and that a blend and the choice of its members mean the same one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from modelwright.ensemble import greedy, mixture
from modelwright.evaluation import Evaluator
from modelwright.persistence import dump_model, load_model
from modelwright.pipeline import BlendClassifier, compile_recipe
from modelwright.pooling import LEAST_PROBABILITY, weighted_mean
from modelwright.recipe import Member, Recipe, Setting, Use
from modelwright.tasks.metrics import find_metric


def opinions(seed: int, members: int, classes: int, n: int = 60) -> tuple[list[np.ndarray], np.ndarray]:
    """Members that see the class through noise of their own, some sure of nothing, some of everything."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    sees = 2.0 * np.eye(classes)[y]
    paces = rng.uniform(0, 12, members)
    return [softmax(p * (sees + rng.normal(size=(n, classes))), axis=1) for p in paces], y


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 7), st.floats(0.1, 50))
def test_the_geometric_mean_is_a_distribution_whatever_the_members_say(seed, members, classes, scale):
    predictions, _ = opinions(seed, members, classes)
    predictions[0][0] = np.eye(classes)[0]
    weights = np.random.default_rng(seed).uniform(0.01, 1, members)
    mean = weighted_mean(predictions, weights, "geometric")
    assert (mean >= 0).all() and np.allclose(mean.sum(axis=1), 1)
    assert np.allclose(mean, weighted_mean(predictions, scale * weights, "geometric")), "only shares count"
    if members > 1:
        logs = np.log(np.clip(np.stack(predictions), LEAST_PROBABILITY, 1))
        assert np.allclose(mean, softmax(np.average(logs, axis=0, weights=weights), axis=1))
    else:
        assert mean is predictions[0]


def test_who_is_sure_counts_for_more():
    sure, torn = np.array([[0.98, 0.01, 0.01]]), np.array([[0.3, 0.4, 0.3]])
    assert weighted_mean([sure, torn], [1, 1], "geometric")[0, 0] > weighted_mean([sure, torn], [1, 1])[0, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_a_geometric_mixture_is_never_worse_than_the_best_single_model(seed, members):
    predictions, y = opinions(seed, members, 4)
    made, measure = dict(enumerate(predictions, 1)), find_metric("log_loss")

    def score(p: np.ndarray, rows: np.ndarray) -> float:
        return float(measure.score(y[rows], p))

    weights = greedy(made, score, measure, seed=0, mean="geometric", rounds=15)
    rows = np.arange(len(y))
    # A probability of nought counts as the least one in a mean, so a mean with itself is no better than a model.
    assert score(mixture(made, weights, "geometric"), rows) <= min(score(p, rows) for p in made.values()) + 1e-3


def test_a_recipe_says_which_mean_its_blend_is_and_so_does_its_file(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    frame = pd.DataFrame({"a": y + rng.normal(size=150), "b": rng.normal(size=150)})
    members = tuple(
        Member(Recipe(Use(name)), w) for name, w in (("gaussian_naive_bayes", 0.75), ("decision_tree", 0.25))
    )
    for use, mean in ((Use("blend"), "arithmetic"), (Use("blend", {"mean": "geometric"}), "geometric")):
        fitted = compile_recipe(Recipe(use, members=members), Setting("multiclass", 3)).fit(frame, y)
        dump_model(fitted, tmp_path / mean)
        again = load_model(tmp_path / mean)
        alone = [m.predict_proba(frame) for m in fitted[-1].models_]
        assert np.allclose(again.predict_proba(frame), weighted_mean(alone, [0.75, 0.25], mean))


def test_a_blend_from_before_there_were_two_means_is_the_arithmetic_one():
    frame, y = pd.DataFrame({"a": np.arange(60.0)}), np.arange(60) % 3
    models = [
        compile_recipe(Recipe(Use(name)), Setting("multiclass", 3)).fit(frame, y) for name in ("decision_tree", "svm")
    ]
    blend = BlendClassifier([], [1.0, 1.0], 3).assemble(models, None)
    del blend.mean
    assert np.allclose(blend.predict_proba(frame), np.mean([m.predict_proba(frame) for m in models], axis=0))


@pytest.mark.parametrize(("metric", "classes", "mean"), [("log_loss", 3, "geometric"), ("accuracy", 3, "arithmetic"),
                                                         ("log_loss", 2, "arithmetic")])  # fmt: skip
def test_mixtures_of_several_classes_are_geometric_where_their_log_loss_counts(metric, classes, mean):
    known = SimpleNamespace(situation=SimpleNamespace(n_classes=classes), mixing_metric=find_metric(metric))
    assert Evaluator.mean.fget(known) == mean
