"""Targets that are related to a column of their row."""

import numpy as np
import pandas as pd
import pytest

from modelwright.persistence import dump_model, load_model
from modelwright.pipeline import BlendRegressor, compile_recipe, raw_predictions, shared
from modelwright.recipe import Member, Recipe, Setting, Use

DRIFTING = Setting("regression", 0, time_column="when")


def series(n: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """A level that rises and rises, and what it will be next."""
    rng = np.random.default_rng(0)
    level = 10 + 0.1 * np.arange(n) + rng.normal(size=n)
    push = rng.normal(size=n)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), unit="h")
    return pd.DataFrame({"when": when, "level": level, "push": push}), level + 2 * np.sign(push)


@pytest.mark.parametrize("method", ["difference", "log_ratio"])
def test_trees_follow_a_column_beyond_what_they_have_seen(method: str, tmp_path) -> None:
    X, y = series()
    past, later = X.iloc[:400], X.iloc[400:]
    plain = Recipe(Use("lightgbm", {"n_estimators": 60}))
    near = Recipe(Use("lightgbm", {"n_estimators": 60}), (Use("scale"),), target=Use(method, {"column": "level"}))
    models = [compile_recipe(recipe, DRIFTING).fit(past, y[:400]) for recipe in (plain, near)]
    errors = [np.sqrt(np.mean((m.predict(later) - y[400:]) ** 2)) for m in models]
    assert errors[1] < 1.0 < 5.0 < errors[0]

    alone = [m.predict(later) for m in models]
    for i, model in enumerate(models):
        dump_model(model, tmp_path / f"{i}")
    members = shared([load_model(tmp_path / f"{i}") for i in range(2)])
    dump_model(BlendRegressor([], [1.0, 3.0]).assemble(members), tmp_path / "blend")
    mixed = load_model(tmp_path / "blend").predict(later)
    assert np.allclose(mixed, 0.25 * alone[0] + 0.75 * alone[1], rtol=1e-12)

    whole = compile_recipe(Recipe(Use("blend"), members=(Member(plain, 0.5), Member(near, 0.5))), DRIFTING)
    assert raw_predictions(whole.fit(past, y[:400]), later, False).shape == (200,)


def test_a_missing_or_wild_cell_of_the_column_carries_no_prediction_away() -> None:
    X, y = series()
    recipe = Recipe(Use("extra_trees", {"n_estimators": 20}), target=Use("difference", {"column": "level"}))
    model = compile_recipe(recipe, Setting("regression", 0)).fit(X, y)
    odd = X.iloc[:4].assign(level=[np.nan, np.inf, 1e12, -1e12])
    found = model.predict(odd)
    reach = 0.1 * np.ptp(y)
    assert np.isfinite(found).all() and found.min() >= y.min() - reach and found.max() <= y.max() + reach
    assert model.predict(odd.iloc[:0]).shape == (0,)
