"""Tables so large that a single split tells models apart: the models that were compared are judged, and kept for it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from run_samples import command, lines_of

from modelwright.sweeping import sweep


def large(path, rows=48_000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3)).round(3)
    y = np.where(X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=rows) > 0, "yes", "no")
    pd.DataFrame(X, columns=["a", "b", "c"]).assign(label=y).to_csv(path, index=False)


@pytest.mark.slow
def test_what_was_compared_is_judged_and_a_rollback_works_without_it(tmp_path):
    large(tmp_path / "data.csv")
    run = tmp_path / "run"
    asked = ["--problem", "predict label", "--target", "label", "--max-experiments", 5]
    asked += ["--time-budget", "100s", "--yes"]
    ended = command("run", tmp_path / "data.csv", *asked, "--out", run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "linear: roc_auc 0." in ended.out + ended.err and "±" not in ended.out + ended.err, "one split has no spread"
    lines = lines_of(run)
    found = [x["result"]["experiment"] for x in lines if x["stage"] == "experiment_finished"]
    assert all(e["model"] for e in found if e["status"] == "done")
    stages = [x["result"]["stage"] for x in lines if x["stage"] == "step"]
    assert "refit" not in stages and "refit on all rows" in stages
    note = next(x["result"]["delivery"]["note"] for x in lines if x["stage"] == "delivered")
    protocol = next(x["result"]["prepared"]["protocol"] for x in lines if x["stage"] == "prepared")
    learnt = max(e["train_rows"] for e in found)
    assert learnt < protocol["n_development"]
    assert f"fitted on {learnt:,} of the {protocol['n_development']:,} development rows, as it was compared" in note

    assert "model (fit)" in [group.what for one in sweep(run, drop=True) for group in one.groups]
    linear = next(e for e in found if e["plan"]["name"] == "linear")
    back = command("rollback", run, linear["number"], cwd=tmp_path)
    assert back.code == 0, back.err
    after = lines_of(run)[len(lines) :]
    assert "refit" in [x["result"]["stage"] for x in after if x["stage"] == "step"], "it was dropped, so it is fitted"
    assert json.loads((run / "summary.json").read_text())["status"]
