"""What workers measure of a delivered model, demand by demand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelwright.constraining import cohorts
from modelwright.hashing import canonical_json, plain, restore
from modelwright.judgement import Verified
from modelwright.problem import Constraints, Fairness
from modelwright.recipe import Recipe, Use
from modelwright.verifying import verify, weigh_members

sys.path.insert(0, str(Path(__file__).parents[1] / "judging"))
from judged_samples import made, schema_of

N, HELD = 1600, 600


def data(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"x": rng.normal(size=N), "z": rng.normal(size=N), "sex": pd.Categorical(rng.choice(["f", "m"], N))}
    )
    return frame, (2 * frame["x"] + rng.logistic(size=N) > 0.5).astype(np.int64).to_numpy()


def verified(
    folder: Path, constraints: Constraints, *, task: str = "binary", threshold: float = 0.5, **changes: Any
) -> dict[str, Verified]:
    frame, y = data()
    classes = {"binary": ("no", "yes"), "regression": (), "multiclass": ("a", "b", "c")}[task]
    goals = {"binary": y, "regression": 3.0 * y + frame["x"].to_numpy(), "multiclass": y + (frame["z"] > 0).to_numpy()}
    goal = goals[task]
    metric = {"binary": "roc_auc", "regression": "rmse", "multiclass": "log_loss"}[task]
    units = {}
    for i, fair in enumerate(constraints.fairness):
        codes, names = cohorts(frame[fair.column], 10)
        units |= {f"fair_{i}": codes[-HELD:], f"fair_{i}_names": np.array(names)}
    place, case = made(
        folder, frame, goal, metric=metric, classes=classes, constraints=constraints, units=units, held=HELD,
        recipes=(Recipe(Use("logistic_regression" if classes else "ridge")),),
    )  # fmt: skip
    arguments: dict[str, Any] = {
        "problem": case["problem"], "schema": plain(schema_of(frame)), "weights": [1.0], "calibration": None,
        "threshold": threshold if task == "binary" else None, "estimators": ["ridge"], "interpretable": True,
        "allowed": True, "fit_seconds": 0.5, "other_bytes": 1000,
    } | changes  # fmt: skip
    value = json.loads(canonical_json(verify(place, **arguments).value))
    return {v.name: v for v in (restore(Verified, found) for found in value)}


def test_generous_demands_pass_and_impossible_ones_fail_with_figures(tmp_path: Path) -> None:
    fair = (Fairness("sex", "", 0.5),)
    easy = Constraints(
        latency_ms=60_000.0, model_bytes=10**9, training_seconds=60.0, min_recall=0.05, min_precision=0.05,
        cost_miss=1.0, cost_false_alarm=1.0, fairness=fair, interpretable=True, allow=("linear",),
        exclude_columns=("other",), monotone={"x": 1}, notes=("be kind",),
    )  # fmt: skip
    found = verified(tmp_path, easy)
    assert {n: v.passed for n, v in found.items()} == {
        "latency_ms": True, "model_bytes": True, "training_seconds": True, "monotone": True, "interpretable": True,
        "estimators": True, "exclude_columns": True, "min_recall": True, "min_precision": True, "cost": True,
        "fairness": True, "note": None,
    }  # fmt: skip
    hard = Constraints(
        latency_ms=1e-6, model_bytes=10, training_seconds=1e-3, min_recall=1.0, min_precision=1.0, monotone={"x": -1},
        fairness=(Fairness("sex", "selection", 1e-6),), exclude_columns=("x",), interpretable=True, avoid=("linear",),
    )  # fmt: skip
    found = verified(tmp_path, hard, interpretable=False, allowed=False)
    assert len(found) == 10 and not any(v.passed for v in found.values())
    assert all(v.how and v.demand and v.found for v in found.values())
    numbers = [v for v in found.values() if v.name not in ("interpretable", "estimators", "exclude_columns")]
    assert all(v.figure is not None and v.limit is not None and v.unit for v in numbers)


def test_rates_are_those_of_the_sealed_rows(tmp_path: Path) -> None:
    low, high = (
        verified(tmp_path, Constraints(min_recall=0.8, min_precision=0.8), threshold=t)["min_recall"]
        for t in (0.1, 0.8)
    )
    assert low.passed and not high.passed
    for found in (low, high):
        assert found.low is not None and found.high is not None and found.figure is not None
        assert 0 <= found.low <= found.figure <= found.high <= 1


def test_the_size_is_that_of_the_files(tmp_path: Path) -> None:
    found = verified(tmp_path, Constraints(model_bytes=10**9), other_bytes=500)
    assert found["model_bytes"].figure == (tmp_path / "member_0.skops").stat().st_size + 500


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_what_has_no_meaning_for_a_task_is_listed_as_not_checked(task: str, tmp_path: Path) -> None:
    asked = Constraints(min_recall=0.9, cost_miss=2.0, cost_false_alarm=1.0, fairness=(Fairness("sex", "recall"),))
    found = verified(tmp_path, asked, task=task)
    assert set(found) == {"min_recall", "cost", "fairness"}
    assert all(v.passed is None and v.how for v in found.values())


def test_errors_of_numbers_are_compared_between_groups(tmp_path: Path) -> None:
    found = verified(tmp_path, Constraints(fairness=(Fairness("sex"),)), task="regression")["fairness"]
    assert found.passed is not None and set(found.details) == {"f", "m"} and "error" in found.demand


def test_directions_that_cannot_be_are_said_to_be_so(tmp_path: Path) -> None:
    missing = verified(tmp_path, Constraints(monotone={"gone": 1}))["monotone"]
    assert missing.passed and "doesn't use" in missing.found
    named = verified(tmp_path, Constraints(monotone={"sex": 1}))["monotone"]
    assert named.passed is None and "not numbers" in named.how


def test_members_are_weighed(tmp_path: Path) -> None:
    frame, y = data()
    recipes = (Recipe(Use("logistic_regression")), Recipe(Use("extra_trees", {"n_estimators": 60})))
    place, _ = made(tmp_path, frame, y, metric="roc_auc", classes=("no", "yes"), recipes=recipes)
    value = weigh_members(
        place, schema=plain(schema_of(frame)), target="y", n_classes=2, monotone={"x": 1}, count=2
    ).value
    light, heavy = value["members"]
    assert light["one_row_ms"] > 0 < heavy["one_row_ms"] and light["bytes"] < heavy["bytes"]
    assert light["bends"] == 0 < heavy["bends"] and value["overhead_ms"] > 0
