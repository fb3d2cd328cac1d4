"""Judged models in a workplace, as analyses find them: made from a frame, in a moment, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Case
from modelwright.executors import Workplace
from modelwright.frames import write_frame
from modelwright.hashing import plain
from modelwright.judging import judge
from modelwright.persistence import dump_model
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.problem import Constraints, Known, Problem
from modelwright.protocol import Protocol, Score, Validation
from modelwright.recipe import Recipe, Setting, Use
from modelwright.table import Field, Schema
from modelwright.tasks.metrics import find_metric

LINEAR = {0: "ridge", 2: "logistic_regression", 3: "logistic_regression"}


def known(value: Any) -> Known[Any]:
    return Known(value, "inferred", "")


def schema_of(frame: pd.DataFrame, personal: tuple[str, ...] = ()) -> Schema:
    kinds = {"f": "numeric", "M": "datetime"}
    secret = dict.fromkeys(personal, "name")
    return Schema(
        tuple(Field(n, kinds.get(frame[n].dtype.kind, "category"), personal=secret.get(n, "")) for n in frame.columns)
    )


def made(
    folder: Path,
    frame: pd.DataFrame,
    y: np.ndarray,
    *,
    metric: str,
    classes: tuple[str, ...] = (),
    recipes: tuple[Recipe, ...] = (),
    held: int = 0,
    time: str | None = None,
    constraints: Constraints | None = None,
    personal: tuple[str, ...] = (),
    units: dict[str, np.ndarray] | None = None,
    threshold: float | None = None,
    predict: Any = None,
) -> tuple[Workplace, dict[str, Any]]:
    """Fit, judge, and put everything where an analysis looks for it: the last rows are sealed.

    Args:
        predict: makes out-of-fold predictions from frame and targets; two-fold fits of the recipes by default.
    """
    n_classes = len(classes)
    held = held or len(y) // 4
    recipes = recipes or (Recipe(Use(LINEAR[n_classes])),)
    task = {0: "regression", 2: "binary"}.get(n_classes, "multiclass")
    setting = Setting(task, n_classes)
    rows, sealed = frame.iloc[:-held].reset_index(drop=True), frame.iloc[-held:].reset_index(drop=True)
    truth, after = y[:-held], y[-held:]
    models = [compile_recipe(r, setting).fit(rows, truth) for r in recipes]
    assignment = (np.arange(len(truth)) % 2).astype(np.int16)[None, :]
    folds = []
    for r in recipes:
        shape = (len(truth), n_classes) if n_classes else (len(truth),)
        oof = np.empty(shape)
        for fold in (0, 1):
            inside = assignment[0] == fold
            model = compile_recipe(r, setting).fit(rows[~inside], truth[~inside])
            oof[inside] = raw_predictions(model, rows[inside], bool(n_classes))
        folds.append(oof)
    raw = np.mean([raw_predictions(m, sealed, bool(n_classes)) for m in models], axis=0)
    base = np.tile(np.bincount(truth.astype(int), minlength=n_classes) / len(truth), (held, 1)) if n_classes else (
        np.full(held, truth.mean())
    )  # fmt: skip
    none = known(None)
    problem = Problem(
        "", known("y"), known(task), known(metric), known(time), none, known(()), known(()), classes,
        known(classes[1]) if n_classes == 2 else None, constraints=constraints or Constraints(),
    )  # fmt: skip
    found = find_metric(metric, task)
    validation: Score[Validation] = Score(metric, found.score(truth, np.mean(folds, axis=0)), len(truth))
    judgement = judge(
        problem, classes, after, raw, base, baseline_name="prior", validation=validation, threshold=threshold, seed=0,
        importances=importances(frame),
    )  # fmt: skip
    protocol = Protocol("stratified", "stratified", 2, 1, False, metric, len(truth), held, "", "", "")
    case = Case(
        problem, schema_of(frame, personal), protocol, recipes, tuple(1 / len(recipes) for _ in recipes), None,
        threshold, validation, judgement, {"task": task, "n_classes": n_classes}, personal, 10, 0.1,
        tuple(r.estimator.action for r in recipes), "rival",
    )  # fmt: skip
    arrays = {
        "assignment": assignment,
        "oof": np.mean(folds, axis=0),
        "truth": truth,
        "judged": raw,
        "rival": 0.9 * np.mean(folds, axis=0) + (0.1 / n_classes if n_classes else 0.1 * truth.mean()),
    }
    inputs = {name: folder / f"{name}.npy" for name in arrays}
    for name, array in arrays.items():
        np.save(inputs[name], array)
    np.savez(folder / "units.npz", **(units or {}))
    inputs["units"] = folder / "units.npz"
    for name, part, goal in (("rows", rows, truth), ("holdout", sealed, after)):
        inputs[name] = folder / f"{name}.arrow"
        write_frame(part.assign(y=goal.astype(float)), inputs[name])
    for i, model in enumerate(models):
        inputs[f"member_{i}"] = folder / f"member_{i}.skops"
        dump_model(model, inputs[f"member_{i}"])
    inputs["model"] = inputs["member_0"]
    return Workplace(folder, folder, inputs, 0, 1, None), plain(case)


def importances(frame: pd.DataFrame) -> tuple[Any, ...]:
    from modelwright.judgement import Importance

    return tuple(Importance(str(n), 1.0 / (i + 1), 0.0, 1.0) for i, n in enumerate(frame.columns))
