"""What a run leaves: the folder of the contract, an honest score, and a log that shows when the holdout was opened."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from run_samples import HOSTILE, lines_of, summary_of

import modelwright as mw
from modelwright.analyses import all_analyses
from modelwright.experiment import INPUTS
from modelwright.program import check
from modelwright.recipe import Recipe
from modelwright.tools import all_tools

SUMMARY = {
    "run_id", "status", "problem", "rows", "holdout", "baseline", "validation", "verdict", "warnings", "experiments",
    "best", "seconds", "llm", "versions",
}  # fmt: skip
LINE = {"timestamp", "run_id", "seq", "id", "parent", "stage", "prompt", "plan", "result"}


@pytest.mark.parametrize("which", ["messy", "plain", "classes"])
def test_a_run_delivers_a_model_and_an_honest_score(which, request):
    ran = request.getfixturevalue(which)
    assert ran.code == 0, ran.err
    assert "Traceback" not in ran.out + ran.err
    summary = summary_of(ran.run)
    assert summary.keys() >= SUMMARY
    assert summary["status"] == "delivered"
    assert summary["problem"].keys() >= {"task", "target", "metric"}
    held, base = summary["holdout"], summary["baseline"]
    assert held.keys() >= {"metric", "score", "ci_low", "ci_high", "rows"}
    assert held["metric"] == summary["problem"]["metric"]
    assert held["ci_low"] <= held["score"] <= held["ci_high"]
    assert held["score"] > base["score"]
    assert math.isfinite(summary["validation"]["score"])
    assert summary["best"].keys() >= {"experiment", "estimator"}
    assert summary["llm"].keys() >= {"calls", "input_tokens", "output_tokens", "cost_usd", "tiers"}
    assert summary["llm"]["tiers"].keys() == {"native", "prompted", "policy"}
    assert summary["time_limited"] is False


def test_the_run_folder_holds_what_the_contract_says(messy):
    # Whoever reads the log while it is open leaves SQLite's own two files beside it.
    found = {p.name for p in messy.run.iterdir()} - {"run.db-wal", "run.db-shm"}
    reports = {"report.md", "report.html", "report.json"}
    promised = {"summary.json", *reports, "leaderboard.csv", "trace.jsonl", "experiments", "model"}
    assert found == promised | {"run.db", "run.lock", "artefacts"}
    files = {p.name for p in (messy.run / "model").iterdir()}
    assert files - {"uncertainty.json"} == {
        "model.json",
        "model.skops",
        "MODEL_CARD.md",
        "golden.json",
        "references.json",
    }
    summary, board = summary_of(messy.run), pd.read_csv(messy.run / "leaderboard.csv")
    assert len(board) == summary["experiments"] == 4
    assert f"{board['number'][0]:02d}-{board['name'][0]}" == summary["best"]["experiment"]
    assert board["score"].is_monotonic_decreasing
    files = sorted(p.name for p in (messy.run / "experiments").iterdir())
    names = [f"{n:02d}-{name}" for n, name in sorted(zip(board["number"], board["name"], strict=True))]
    assert files == sorted(f"{name}{suffix}" for name in names for suffix in (".py", ".json"))
    signatures = {n: t.signature for n, t in all_tools().items()}
    for name in names:
        check((messy.run / "experiments" / f"{name}.py").read_text("utf-8"), signatures, INPUTS)
        facts = json.loads((messy.run / "experiments" / f"{name}.json").read_text("utf-8"))
        from modelwright.hashing import restore

        assert restore(Recipe, facts["experiment"]["recipe"]).digest == facts["digest"]


def test_every_line_of_the_trace_is_an_event(messy):
    lines = lines_of(messy.run)
    assert all(line.keys() == LINE for line in lines)
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    ids = {line["id"] for line in lines}
    assert all(line["parent"] is None or line["parent"] in ids for line in lines)
    assert {line["run_id"] for line in lines} == {summary_of(messy.run)["run_id"]}
    designed = [line for line in lines if line["stage"] == "experiment_designed"]
    assert [line["result"]["number"] for line in designed] == sorted(range(1, 5))
    assert all(line["plan"]["reason"] for line in designed)
    finished = [line for line in lines if line["stage"] == "experiment_finished"]
    assert {line["parent"] for line in finished} == {line["id"] for line in designed}


@pytest.mark.parametrize("which", ["messy", "plain", "classes"])
def test_the_holdout_is_opened_once_and_late(which, request):
    lines = lines_of(request.getfixturevalue(which).run)
    stages = [line["stage"] for line in lines]
    assert stages.count("holdout_opened") == stages.count("judged") == 1
    opened = stages.index("holdout_opened")
    assert stages.index("search_stopped") < stages.index("ensemble_chosen") < opened < stages.index("judged")
    assert not any(stage.startswith("experiment") for stage in stages[opened:])
    judging = [line for line in lines if line["stage"] == "step" and line["result"]["stage"] == "judge"]
    assert [line["seq"] > opened for line in judging] == [True]
    sealed = lines[opened]["result"]["sealed"]
    before = [line for line in lines[:opened] if sealed in json.dumps(line)]
    assert [line["stage"] for line in before] == ["prepared"], "only the event that fixes it may name the sealed file"


def test_messy_columns_are_read_as_a_person_would(messy):
    prepared = next(line for line in lines_of(messy.run) if line["stage"] == "prepared")["result"]["prepared"]
    kinds = {f["name"]: f["kind"] for f in prepared["schema"]["fields"]}
    assert len(kinds) == 9, "a name that comes twice is made unique"
    assert kinds["Kundennr"] == "id"
    assert kinds["Betrag"] == kinds["Besuche"] == "numeric"
    assert (kinds["seit"], kinds["Bemerkung"], kinds["größe"]) == ("datetime", "text", "constant")
    features = [f["name"] for f in prepared["features"]["fields"]]
    assert "Kundennr" not in features and "größe" not in features and "left" not in features
    assert "3 rows have no value in 'left' and were left out." in prepared["warnings"]


def test_hostile_names_stay_text(messy):
    page = (messy.run / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert HOSTILE not in messy.out, "a line break in a name must not break a line of the log"
    assert "\x1b" not in messy.out + messy.err
    for program in (messy.run / "experiments").glob("*.py"):
        compile(program.read_text("utf-8"), program.name, "exec")


def test_a_frame_in_a_run_and_a_number_out(tmp_path, monkeypatch):
    import numpy as np

    from modelwright.engine import Engine
    from modelwright.frames import read_frame

    steps = []
    submit = Engine.submit

    def watched(self, step, limits, **about):
        steps.append((about["stage"], step))
        return submit(self, step, limits, **about)

    monkeypatch.setattr(Engine, "submit", watched)
    rng = np.random.default_rng(3)
    n = 320
    frame = pd.DataFrame({"size": rng.uniform(20, 200, n), "age": rng.integers(0, 90, n), "lift": rng.random(n) < 0.5})
    frame["rent"] = 300 + 9 * frame["size"] - 2 * frame["age"] + 40 * frame["lift"] + rng.normal(0, 60, n)
    run = mw.fit(frame, "What will the rent be?", max_experiments=4, time_budget="10m", out=tmp_path / "run")
    assert run.summary["problem"] | {"target": "rent", "task": "regression"} == run.summary["problem"]
    held = run.summary["holdout"]
    assert 0 < held["ci_low"] <= held["score"] <= held["ci_high"] < run.summary["baseline"]["score"]
    assert len(run.leaderboard) == 4
    assert "# Predicting `rent`" in run.report

    # What every step was given to read: nothing before the sealed rows were opened, with the choice made, names them.
    opened = next(line for line in lines_of(run.folder) if line["stage"] == "holdout_opened")
    sealed = opened["result"]["sealed"]
    reading = [
        stage for stage, step in steps if sealed in json.dumps([dict(step.args), dict(step.inputs)], default=str)
    ]
    assert {"judge", "refit on all rows"} <= set(reading) <= {"judge", "refit on all rows", *all_analyses()}
    stages = [line["stage"] for line in lines_of(run.folder)]
    assert stages.index("ensemble_chosen") < stages.index("holdout_opened") < stages.index("judged")
    first = min(i for i, (_, step) in enumerate(steps) if sealed in json.dumps(dict(step.inputs)))
    assert all(stage != "fit" for stage, _ in steps[first:])
    rows = next((tmp_path / "run" / "artefacts").rglob(sealed))
    assert len(read_frame(rows)) == held["rows"]

    again = mw.fit(frame, "What will the rent be?", max_experiments=4, time_budget="10m", out=tmp_path / "again")
    timing = ["seconds"]
    pd.testing.assert_frame_equal(again.leaderboard.drop(columns=timing), run.leaderboard.drop(columns=timing))
    assert again.summary["holdout"] | {"opened": 0} == held | {"opened": 0}
    predicted = run.model.predict(frame)
    pd.testing.assert_frame_equal(again.model.predict(frame), predicted, check_exact=True)
    pd.testing.assert_frame_equal(mw.load(run.folder).predict(frame), predicted, check_exact=True)
    assert list(predicted) == ["prediction"] and len(predicted) == n
