from __future__ import annotations

import json
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from judged_samples import made

from modelwright.analyses import Case, all_analyses
from modelwright.analyses.slices import _corrected
from modelwright.hashing import canonical_json, restore
from modelwright.recipe import Recipe, Use

CHURN = ("stays", "leaves")
TREES = Recipe(Use("lightgbm"))
OURS = ("runner_up", "calibration", "chance_test", "simple_rule", "slices", "robustness", "learning_curve")


def ask(name: str, place: Any, case: dict[str, Any], **changes: Any) -> Any:
    """An analysis' answer, through JSON as in a run."""
    analysis = all_analyses()[name]
    module, _, function = analysis.tool.partition(":")
    done = getattr(import_module(module), function)(replace(place, **changes), case=case)
    value = json.loads(canonical_json(done.value))
    return None if value is None else restore(analysis.result, value)


def people(n: int = 1200, signal: float = 2.0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "z": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "city": pd.Categorical(rng.choice(["oslo", "rome", "lima"], n, p=[0.5, 0.3, 0.2])),
        }
    )
    y = (signal * frame["x"] + rng.logistic(size=n) > 0).astype(np.int64).to_numpy()
    return frame, y


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_analysis_answers_every_task(name: str, task: str, tmp_path: Path) -> None:
    frame, y = people(600)
    frame["hostile\n<b>`'"] = pd.Categorical(np.random.default_rng(1).choice(["<i>", "a\x1b[0m"], 600))
    metric, classes = {"binary": ("roc_auc", ("no", "yes")), "multiclass": ("log_loss", ("a", "b", "c"))}.get(
        task, ("rmse", ())
    )
    goal = {"binary": y, "multiclass": y + (frame["z"].fillna(0) > 1).to_numpy()}.get(task, y + frame["x"].to_numpy())
    place, case = made(tmp_path, frame, goal, metric=metric, classes=classes)
    if not all_analyses()[name].applies(restore(Case, case)) and name != "chance_test":
        assert task == "regression" and name == "calibration"
        return
    found = ask(name, place, case)
    assert found is not None and found == ask(name, place, case)
    late = ask(name, place, case, stop_at=time.monotonic() - 1)
    assert late is None or isinstance(late, all_analyses()[name].result)


def test_the_runner_up_of_a_mixture_is_its_strongest_member(tmp_path: Path) -> None:
    frame, y = people()
    recipes = (Recipe(Use("logistic_regression")), Recipe(Use("lightgbm", {"n_estimators": 5})))
    place, case = made(tmp_path, frame, y, metric="log_loss", classes=("no", "yes"), recipes=recipes)
    case["weights"] = [0.4, 0.6]
    found = ask("runner_up", place, case)
    assert (found.other, found.role, found.rows) == ("lightgbm", "runner-up", "holdout")
    assert found.distinguishable and found.gain > 0 and found.low > 0


def test_models_that_are_the_same_cannot_be_told_apart(tmp_path: Path) -> None:
    frame, y = people()
    recipes = (Recipe(Use("logistic_regression")),) * 2
    place, case = made(tmp_path, frame, y, metric="roc_auc", classes=("no", "yes"), recipes=recipes)
    found = ask("runner_up", place, case)
    assert found.gain == 0 and not found.distinguishable and found.low <= 0 <= found.high


def test_overconfidence_is_found_and_repaired(tmp_path: Path) -> None:
    frame, y = people(9000)
    place, case = made(tmp_path, frame, y, metric="roc_auc", classes=("no", "yes"))
    honest = ask("calibration", place, case)
    assert honest.calibrated and not honest.offered and honest.error <= honest.chance
    extreme = Recipe(Use("logistic_regression"), resampling=Use("smote"))
    skewed = np.flatnonzero((y == 0) | (np.random.default_rng(0).random(len(y)) < 0.15))
    place, case = made(
        tmp_path,
        frame.iloc[skewed].reset_index(drop=True),
        y[skewed],
        metric="roc_auc",
        classes=("no", "yes"),
        recipes=(extreme,),
    )
    found = ask("calibration", place, case)
    assert not found.calibrated and found.error > found.chance
    assert found.offered and found.repaired < 0.8 * found.error
    assert found.low <= found.error <= found.high


def test_shuffling_tells_signal_from_noise(tmp_path: Path) -> None:
    frame, y = people(300, signal=3.0)
    place, case = made(tmp_path, frame, y, metric="roc_auc", classes=("no", "yes"))
    found = ask("chance_test", place, case)
    assert found.signal and found.p_value == pytest.approx(1 / (found.permutations + 1))
    noise = np.random.default_rng(3).permutation(y)
    place, case = made(tmp_path, frame, noise, metric="roc_auc", classes=("no", "yes"))
    none = ask("chance_test", place, case)
    assert not none.signal and none.sentence.startswith("No signal was found")


def test_a_wave_is_not_taken_for_a_signal_where_rows_are_in_time(tmp_path: Path) -> None:
    n = 400
    rng = np.random.default_rng(5)
    walk, other = (np.cumsum(rng.normal(size=n)) for _ in range(2))
    frame = pd.DataFrame({"walk": walk, "when": np.arange(n, dtype=float)})
    place, case = made(tmp_path, frame[["walk"]], other, metric="rmse", time="when")
    timed = ask("chance_test", place, case)
    case["problem"]["time_column"]["value"] = None
    shuffled = ask("chance_test", place, case)
    assert shuffled.signal  # two wandering series look related to whoever forgets that they wander
    assert timed.p_value > shuffled.p_value


def test_a_rule_that_does_as_well_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame, _ = people(1000)
    y = np.where(rng.random(1000) < 0.03, rng.integers(0, 2, 1000), frame["x"] > 0.3).astype(np.int64)
    place, case = made(
        tmp_path, frame, y, metric="accuracy", classes=("stays", "leaves"), recipes=(Recipe(Use("lightgbm")),)
    )
    found = ask("simple_rule", place, case)
    assert found.enough and found.sentence.startswith("You don't need a model")
    assert found.columns == ("x",) and any("'x' > 0." in line and "'leaves'" in line for line in found.rule)
    wavy = (np.sin(4 * frame["x"]) + np.where(frame["city"] == "rome", 1, 0) > 0.3).astype(np.int64).to_numpy()
    place, case = made(
        tmp_path, frame, wavy, metric="accuracy", classes=("stays", "leaves"), recipes=(Recipe(Use("lightgbm")),)
    )
    assert not ask("simple_rule", place, case).enough


def test_rules_and_slices_keep_secrets(tmp_path: Path) -> None:
    frame, y = people(800)
    frame["name"] = pd.Categorical(np.where(y == 1, "Alice Smith", "Bob Jones"))
    frame["rare"] = pd.Categorical(np.where(np.arange(800) < 5, "the mayor", "others"))
    place, case = made(tmp_path, frame, y, metric="accuracy", classes=("no", "yes"), personal=("name",))
    for name in ("simple_rule", "slices"):
        text = canonical_json(ask(name, place, case))
        assert "Alice" not in text and "mayor" not in text


def test_the_slice_where_the_model_is_worse_is_found_and_no_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    frame, _ = people(3000)
    noise = np.where(frame["city"] == "rome", 3.0, 0.5)
    y = frame["x"].to_numpy() + noise * rng.normal(size=3000)
    place, case = made(tmp_path, frame, y, metric="mae")
    found = ask("slices", place, case)
    assert [s.rows_where for s in found.worse] == ["city is 'rome'"]
    assert found.worse[0].effect > 0.5 and found.worse[0].q_value < 1e-6
    assert found.rows == 3000 and found.tested >= 10
    even = frame["x"].to_numpy() + rng.normal(size=3000)
    place, case = made(tmp_path, frame, even, metric="mae")
    assert ask("slices", place, case).worse == ()


def test_correction_for_many_slices_is_that_of_benjamini_and_hochberg() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.8])
    assert _corrected(p) == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.8])


def test_losing_the_only_column_that_counts_costs_everything(tmp_path: Path) -> None:
    frame, y = people(1500, signal=3.0)
    place, case = made(tmp_path, frame, y, metric="roc_auc", classes=("no", "yes"))
    found = ask("robustness", place, case)
    by_what = {p.what: p for p in found.perturbations}
    gone = by_what["without 'x'"]
    assert gone.loss == pytest.approx(found.score - gone.score)
    assert gone.loss > 0.3 and gone.low > 0.2 and gone.score < 0.62
    assert abs(by_what["without 'z'"].loss) < 0.02
    noise = next(p for p in found.perturbations if p.kind == "noise" and "numbers" in p.what)
    assert -0.01 < noise.loss < 0.03
    assert {p.kind for p in found.perturbations} == {"missing", "noise", "shift"} and found.complete


def test_robustness_looks_at_a_sample_of_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, y = people(600, signal=3.0)
    place, case = made(tmp_path, frame, y, metric="roc_auc", classes=("no", "yes"))
    monkeypatch.setattr("modelwright.analyses.robustness.MOST_ROWS", 100)
    found = ask("robustness", place, case)
    assert found.rows == 100 and found.complete
    assert next(p for p in found.perturbations if p.what == "without 'x'").loss > 0.2


def test_more_rows_help_where_much_is_left_to_learn_and_not_where_nothing_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(1600, 60)), columns=[f"c{i}" for i in range(60)])
    y = wide.to_numpy() @ rng.normal(size=60) + rng.normal(size=1600)
    forest = Recipe(Use("extra_trees", {"n_estimators": 50}))
    place, case = made(tmp_path, wide, y, metric="rmse", recipes=(forest,), held=600)
    found = ask("learning_curve", place, case)
    assert found.outlook == "rising" and found.gain > 0 and found.low > 0
    assert found.doubled < found.points[-1].score and [p.rows for p in found.points][-1] == 1000
    assert "Twice the rows" in found.sentence
    narrow = wide[["c0"]]
    place, case = made(tmp_path, narrow, 2 * narrow["c0"].to_numpy() + rng.normal(size=1600), metric="rmse", held=600)
    flat = ask("learning_curve", place, case)
    assert flat.outlook == "flat" and flat.gain < 0.02


def test_the_law_of_the_curve_is_found_again() -> None:
    from modelwright.analyses.learning_curve import _at_double

    sizes = np.array([100.0, 200, 400, 800, 1600])
    for floor, power in ((0.3, 0.5), (0.0, 0.3), (0.1, 1.0)):
        losses = (floor + 2 * sizes**-power)[None, :]
        assert _at_double(sizes, losses)[0] == pytest.approx(floor + 2 * 3200**-power, rel=0.02)
    assert _at_double(sizes, np.full((1, 5), 0.4))[0] == pytest.approx(0.4)
