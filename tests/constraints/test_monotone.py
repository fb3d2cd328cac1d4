"""Directions that a prediction must keep to, from the run's demand to the libraries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelwright.estimators import all_estimators
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.recipe import Recipe, Setting, Use
from modelwright.verifying import _sweep

MONOTONE = sorted(name for name, e in all_estimators().items() if e.monotone)


def bent(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income, net": rng.normal(size=n),
            "w": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "c": pd.Categorical(rng.choice(["u", "v", "x"], n)),
        }
    )
    x = frame["income, net"].to_numpy()
    return frame, 0.5 * x + np.sin(3 * x) + rng.normal(size=n)


def few(name: str) -> dict[str, int]:
    """A small number of trees, under the library's own name for it."""
    names = ("n_estimators", "iterations", "max_iter", "max_rounds")
    return {p.name: 30 for p in all_estimators()[name].params if p.name in names}


def test_the_families_that_promise_directions() -> None:
    assert {"lightgbm", "xgboost", "catboost", "hist_gradient_boosting"} <= set(MONOTONE)
    assert not {"lightgbm_linear_trees", "extra_trees", "ridge", "xgboost_linear"} & set(MONOTONE)


@pytest.mark.parametrize("name", MONOTONE)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_promised_direction_is_kept(name: str, task: str) -> None:
    frame, y = bent()
    goal = (y > 0).astype(np.int64) if task == "binary" else y
    k = 2 if task == "binary" else 0
    fixed = few(name)
    free, kept = (
        compile_recipe(Recipe(Use(name, fixed)), Setting(task, k, monotone=m)).fit(frame, goal)
        for m in ((), (("income, net", 1), ("w", -1)))
    )
    assert _sweep(free, frame, "income, net", 1, k, 0)[0] > 0
    assert _sweep(kept, frame, "income, net", 1, k, 0)[0] == 0
    assert _sweep(kept, frame, "w", -1, k, 0)[0] == 0
    raw = raw_predictions(kept, frame, bool(k))
    assert np.corrcoef(raw[:, 1] if k else raw, y)[0, 1] > 0.3


def test_several_classes_have_no_direction() -> None:
    frame, y = bent()
    goal = np.digitize(y, [-0.5, 0.5])
    setting = Setting("multiclass", 3, monotone=(("w", 1),))
    for name in ("lightgbm", "hist_gradient_boosting", "xgboost", "catboost"):
        model = compile_recipe(Recipe(Use(name, few(name))), setting).fit(frame, goal)
        assert raw_predictions(model, frame, True).shape == (400, 3)


def test_catboost_keeps_its_direction_whatever_trees_are_asked_for() -> None:
    frame, y = bent()
    recipe = Recipe(Use("catboost", {"iterations": 20, "grow_policy": "Depthwise"}))
    model = compile_recipe(recipe, Setting("regression", 0, monotone=(("w", -1),))).fit(frame, y)
    assert _sweep(model, frame, "w", -1, 0, 0)[0] == 0
