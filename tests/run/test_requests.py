"""What can't be done is refused in one sentence; what can be done in spite of dirt is done with a warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from run_samples import command, customers, summary_of

GOOD = customers(60)


def csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False)


BROKEN: dict[str, tuple[str | bytes, tuple[str, ...], str]] = {
    "empty file": ("", (), "is empty"),
    "header only": ("x,c,left\n", (), "no rows"),
    "one row": (csv(GOOD[:1]), (), "row"),
    "one class": (csv(GOOD.assign(left="yes")), (), "'left'"),
    "target all missing": (csv(GOOD.assign(left="")), (), "'left'"),
    "target not there": (csv(GOOD), ("--target", "lft"), "'left'"),
    "binary junk": (bytes(range(256)) * 20, (), "data.csv"),
    "nothing to learn from": (csv(GOOD[["left"]]), (), "column"),
    "unknown metric": (csv(GOOD), ("--metric", "roc_au"), "roc_auc"),
    "metric of another task": (csv(GOOD), ("--metric", "rmse"), "rmse"),
    "unknown task": (csv(GOOD), ("--task", "binry"), "binary"),
    "unknown kind": (csv(GOOD), ("--kind", "x=numbr"), "numeric"),
    "kind of no column": (csv(GOOD), ("--kind", "nope=numeric"), "nope"),
    "no duration": (csv(GOOD), ("--time-budget", "soon"), "duration"),
    "too short a budget": (csv(GOOD), ("--time-budget", "2s"), "too short"),
    "no size": (csv(GOOD), ("--memory-limit", "lots"), "size"),
    "language model": (csv(GOOD), ("--llm", "opnai:x"), "did you mean openai:x?"),
    "other executor": (csv(GOOD), ("--executor", "ray:"), "no executor 'ray:'"),
    "unknown failure": (csv(GOOD), ("--inject-failure", "fire"), "crash"),
    "no experiments": (csv(GOOD), ("--max-experiments", "0"), "--max-experiments"),
    "empty problem": (csv(GOOD), ("--problem", " "), "--problem"),
    "problem file not there": (csv(GOOD), ("--problem", "@nowhere.txt"), "nowhere.txt"),
    "constraints not there": (csv(GOOD), ("--constraints", "nowhere.md"), "nowhere.md"),
    "test file not there": (csv(GOOD), ("--test", "nowhere.csv"), "nowhere.csv"),
    "time column not there": (csv(GOOD), ("--time-column", "when"), "when"),
    "unknown option": (csv(GOOD), ("--targt", "left"), "--target"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_requests_get_one_sentence(case, call, tmp_path):
    content, options, hint = BROKEN[case]
    (tmp_path / "data.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    target = () if "--target" in options else ("--target", "left")
    asked = ("--problem", "Who will leave?", *target, "--yes", "--out", "run", *options)
    refused(call("run", "data.csv", *asked), hint)


@pytest.mark.parametrize("data", ["nowhere.csv", ".", "https://example.org/data.csv"])
def test_what_is_no_file_is_refused(data, call):
    refused(call("run", data, "--problem", "Who will leave?", "--target", "left", "--out", "run"), data.strip("."))


def refused(ended, hint: str) -> None:
    assert ended.code == 2, (ended.code, ended.err)
    lines = [line for line in ended.err.splitlines() if not line.startswith(("Usage:", "Try "))]
    assert len([line for line in lines if line.strip()]) == 1, ended.err
    assert hint in lines[-1]
    assert "Traceback" not in ended.err + ended.out
    assert len(lines[-1]) < 1_000


def test_a_target_that_is_not_clear_is_asked_for_or_refused_with_candidates(call, tmp_path):
    rng = np.random.default_rng(0)
    columns = {name: rng.choice(["yes", "no"], 80) for name in ("churned", "cancelled", "complained")}
    pd.DataFrame(columns | {"x": rng.normal(size=80)}).to_csv(tmp_path / "data.csv", index=False)
    ended = call("run", "data.csv", "--problem", "Make me a good model of this", "--yes", "--out", "run")
    assert ended.code == 2
    first, second = ended.err.splitlines()
    assert "--target" in first
    assert second.startswith("candidates: ")
    assert set(columns) <= set(second.removeprefix("candidates: ").split(", "))


def test_a_folder_that_is_not_empty_is_left_alone(call, tmp_path):
    GOOD.to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("keep")
    refused(call("run", "data.csv", "--problem", "Who will leave?", "--target", "left", "--out", "run"), "isn't empty")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_a_thousand_columns_work(tmp_path):
    rng = np.random.default_rng(4)
    wide = pd.DataFrame(rng.normal(size=(400, 999)).round(2), columns=[f"c{i}" for i in range(999)])
    wide["left"] = np.where(wide["c7"] + wide["c8"] > 0, "yes", "no")
    wide.to_csv(tmp_path / "wide.csv", index=False)
    ended = command(
        "run", "wide.csv", "--problem", "Predict left", "--max-experiments", 2, "--time-budget", "60s", "--out", "run",
        cwd=tmp_path,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert summary_of(tmp_path / "run")["problem"]["target"] == "left"
    assert "Traceback" not in ended.out + ended.err
    assert summary_of(tmp_path / "run")["experiments"] == 2
