"""A judged model in a workplace, as analyses find it, on data whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Case
from modelwright.executors import Workplace
from modelwright.frames import write_frame
from modelwright.hashing import plain
from modelwright.judgement import Importance, Judgement
from modelwright.persistence import dump_model
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.problem import Known, Problem
from modelwright.protocol import Protocol, Score
from modelwright.recipe import Recipe, Setting, Use
from modelwright.table import Field, Schema

KINDS = {"f": "numeric", "M": "datetime", "O": "category"}


def known(value: Any) -> Known[Any]:
    return Known(value, "user", "said so")


def problem(task: str, classes: tuple[str, ...] = (), metric: str = "", time: str | None = None) -> Problem:
    metric = metric or {"regression": "rmse", "binary": "roc_auc", "multiclass": "log_loss"}[task]
    return Problem(
        "Predict y.", known("y"), known(task), known(metric), known(time), known(None), known(()), known(()), classes
    )


def workplace(
    folder: Path,
    frame: pd.DataFrame,
    y: np.ndarray,
    estimator: Use,
    classes: tuple[str, ...] = (),
    *,
    personal: Sequence[str] = (),
    floor: int = 10,
    groups: np.ndarray | None = None,
    folds: int = 4,
    held: int = 500,
    stop_at: float | None = None,
) -> tuple[Workplace, Case]:
    """Fit on the first rows, out of fold too, and seal the last ``held`` ones."""
    task = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    setting = Setting(task, len(classes))
    recipe = Recipe(estimator)
    n = len(frame) - held
    development, sealed = frame.iloc[:n].reset_index(drop=True), frame.iloc[n:].reset_index(drop=True)
    assignment = np.random.default_rng(5).permutation(np.arange(n) % folds).astype(np.int16)
    oof = np.empty((n, len(classes)) if classes else n)
    for fold in range(folds):
        model = compile_recipe(recipe, setting).fit(development[assignment != fold], y[:n][assignment != fold])
        oof[assignment == fold] = raw_predictions(model, development[assignment == fold], bool(classes))
    model = compile_recipe(recipe, setting).fit(development, y[:n])
    judged = raw_predictions(model, sealed, bool(classes))
    inputs = {
        name: folder / name for name in ("rows", "holdout", "assignment", "units", "oof", "truth", "judged", "member_0")
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scratch").mkdir()
    write_frame(development.assign(y=y[:n].astype(float)), inputs["rows"])
    write_frame(sealed.assign(y=y[n:].astype(float)), inputs["holdout"])
    for name, array in (("assignment", assignment[None, :]), ("oof", oof), ("truth", y[:n]), ("judged", judged)):
        with inputs[name].open("wb") as file:
            np.save(file, array)
    with inputs["units"].open("wb") as file:
        np.savez(file, **({} if groups is None else {"groups": groups[n:]}))
    dump_model(model, inputs["member_0"])
    score: Score[Any] = Score("rmse", 1.0, n)
    importances = tuple(Importance(str(c), 1.0 - i / 99, 0, 1) for i, c in enumerate(frame))
    case = Case(
        problem(task, classes),
        Schema(tuple(Field(str(c), KINDS.get(frame[c].dtype.kind, "text")) for c in frame)),
        Protocol("random", "random", folds, 1, False, "rmse", n, held, "", "", ""),
        (recipe,), (1.0,), None, 0.5 if task == "binary" else None, score,
        Judgement(score, score, "prior", 1.0, importances=importances),
        personal=tuple(personal), floor=floor,
    )  # fmt: skip
    return Workplace(folder, folder / "scratch", inputs, 0, 1, stop_at), case


def asked(function: Callable[..., Any], place: Workplace, case: Case) -> Any:
    return function(place, case=plain(case))


def mixed(n: int, seed: int = 0) -> pd.DataFrame:
    """Every kind of column; ``secret`` is personal, one level of ``place`` is rare."""
    rng = np.random.default_rng(seed)
    places = rng.choice(["north", "south", "west"], n).astype(object)
    places[:4] = "hideout"
    return pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "place": pd.Categorical(places),
            "when": pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D")).astype(
                "datetime64[us]"
            ),
            "secret": pd.Categorical(rng.choice(["anna@x.org", "bert@x.org"], n)),
            "noise": rng.normal(size=n),
        }
    )


def exact_shapley(value: Callable[[frozenset[int]], float], n: int) -> np.ndarray:
    """Shapley values by their definition."""
    found = np.zeros(n)
    for j in range(n):
        for subset in range(2**n):
            members = frozenset(i for i in range(n) if subset >> i & 1)
            if j in members:
                continue
            weight = math.factorial(len(members)) * math.factorial(n - len(members) - 1) / math.factorial(n)
            found[j] += weight * (value(members | {j}) - value(members))
    return found
