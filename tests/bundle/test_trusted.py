"""Every estimator's fitted model can be stored and loaded through the audit."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelwright.estimators import all_estimators
from modelwright.persistence import dump_model, load_model, without_gaps
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.recipe import Recipe, Setting, Use

CASES = [(name, task) for name, e in all_estimators().items() for task in ("binary", "regression") if task in e.tasks]


@pytest.mark.parametrize("columns", [2, 40])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_what_is_fitted_passes_the_audit(tmp_path: Path, name: str, task: str, columns: int) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=80) for i in range(columns)})
    y = (frame["x0"] > 0).to_numpy().astype(np.int64) if task == "binary" else frame["x0"].to_numpy() ** 2 + 1
    names = {p.name for p in all_estimators()[name].params}
    few = {p: 5 for p in ("n_estimators", "iterations", "max_rounds", "outer_bags") if p in names}
    setting = Setting(task, 2 if task == "binary" else 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = compile_recipe(Recipe(Use(name, few)), setting).fit(frame, y)
        dump_model(model, tmp_path / "model.skops")
        again = load_model(tmp_path / "model.skops")
        assert np.allclose(
            raw_predictions(model, frame, setting.classification), raw_predictions(again, frame, setting.classification)
        )


def test_gaps_between_fields_and_deadlines_do_not_reach_a_file(tmp_path):
    nodes = np.dtype({"names": ["at", "flag"], "formats": ["<f8", "u1"], "offsets": [0, 8], "itemsize": 16})
    files = []
    for rubbish in (0, 255):
        raw = np.full((3, 16), rubbish, np.uint8)
        array = raw.reshape(-1).view(nodes)
        array["at"], array["flag"] = [1.5, 2.5, 3.5], [0, 1, 0]
        stream = io.BytesIO()
        np.save(stream, array)
        files.append(without_gaps(stream.getvalue()))
    assert files[0] == files[1]
    kept = np.load(io.BytesIO(files[1]))
    assert kept["at"].tolist() == [1.5, 2.5, 3.5] and kept["flag"].tolist() == [0, 1, 0]
    assert without_gaps(b"no array") == b"no array"

    for name, moment in (("first", 1234.5), ("second", 99.25)):
        model = compile_recipe(Recipe(Use("logistic_regression")), Setting("binary", 2, stop_at=moment))
        dump_model(model, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
