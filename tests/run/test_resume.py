"""Runs that are stopped and go on: nothing is lost but the step in flight, and the result is the same."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from run_samples import PLAIN, command, lines_of, start, summary_of

MODEL = {"holdout", "baseline", "validation", "best", "delivered", "verdict", "experiments"}


def result_of(run: Path) -> dict:
    """What two runs of the same request must agree on."""
    summary = summary_of(run)
    return {k: summary[k] for k in MODEL} | {"holdout": summary["holdout"] | {"opened": None}}


def stages_of(run: Path) -> list[str]:
    # The last line may be half written at the moment of reading.
    try:
        text = (run / "trace.jsonl").read_text("utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line)["stage"] for line in text.splitlines(keepends=True) if line.endswith("\n")]


def fits_of(lines: list[dict]) -> set[str]:
    """The keys of the fits that were performed, also just before the kill; later steps are addressed by models, too."""
    steps = [line["result"] for line in lines if line["stage"] == "step"]
    return {s["key"] for s in steps if s["status"] in ("done", "reused") and s["stage"].startswith(("fit", "refit"))}


def until(process, run: Path, stage: str, count: int = 1) -> list[psutil.Process]:
    """Wait for the n-th event of a stage; returns the processes that the run has started by then."""
    workers: list[psutil.Process] = []
    # The events of earlier sessions are there before the workers of this one are.
    while stages_of(run).count(stage) < count or not workers:
        assert process.poll() is None, f"ended before {stage}: {process.communicate()}"
        time.sleep(0.02)
        workers = psutil.Process(process.pid).children(recursive=True)
    return workers


def killed(process, workers: list[psutil.Process]) -> None:
    """Kill the run's own process, and see its workers die by themselves."""
    assert workers, "steps run in processes of their own"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_a_run_that_is_stopped_again_and_again_ends_the_same(plain, tmp_path, call):
    run = tmp_path / "run"
    process = start("run", plain.data, *PLAIN, "--max-experiments", 4, "--out", run, cwd=tmp_path)
    until(process, run, "experiment_finished")
    second = call("resume", run)
    assert second.code == 2
    assert f"is in use by process {process.pid}" in second.err

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert f"modelwright resume {run}" in err
    assert "Traceback" not in out + err

    for stage, count in (("experiment_finished", 3), ("holdout_opened", 1)):
        process = start("resume", run, cwd=tmp_path)
        workers = until(process, run, stage, count)
        killed(process, workers)

    ended = command("resume", run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert result_of(run) == result_of(plain.run)
    boards = [pd.read_csv(r / "leaderboard.csv").drop(columns="seconds") for r in (run, plain.run)]
    pd.testing.assert_frame_equal(*boards)
    predictions = [call("predict", r, plain.data).out for r in (run, plain.run)]
    assert predictions[0] == predictions[1] and predictions[0].startswith("prediction,probability_no,probability_yes\n")

    lines = lines_of(run)
    done = [x["result"]["key"] for x in lines if x["stage"] == "step" and x["result"]["status"] == "done"]
    assert len(done) == len(set(done)), "a step was performed twice"
    fits = [fits_of(x) for x in (lines, lines_of(plain.run))]
    assert fits[0] == fits[1]
    numbers = [x["result"]["experiment"]["number"] for x in lines if x["stage"] == "experiment_finished"]
    assert sorted(numbers) == [1, 2, 3, 4]

    # A finished run has nothing left to do, and says what it had found.
    before = (run / "summary.json").read_bytes()
    again = call("resume", run)
    assert again.code == 0, again.err
    assert "Report" in again.out
    assert (run / "summary.json").read_bytes() == before
    assert len(lines_of(run)) == len(lines)


def test_resume_needs_a_run(call, tmp_path):
    (tmp_path / "empty").mkdir()
    for args in (("resume",), ("resume", "empty"), ("resume", "nowhere")):
        ended = call(*args)
        assert ended.code == 2, (args, ended.err)
        assert len(ended.err.splitlines()) == 1


def test_an_injected_failure_is_survived_and_told(classes):
    assert classes.code == 0, classes.err
    recovered = [line for line in lines_of(classes.run) if line["stage"] == "recovered"]
    assert len(recovered) == 1
    failure = recovered[0]["result"]["failure"]
    assert failure["kind"] == "crash"
    report = (classes.run / "report.md").read_text("utf-8")
    assert failure["remedy"] in report
    assert "died" in report
    assert failure["remedy"] in classes.out
    board = pd.read_csv(classes.run / "leaderboard.csv").set_index("number")
    assert board.loc[4, "status"] == "done"
    assert isinstance(board.loc[4, "failures"], str)


@pytest.mark.slow
def test_a_budget_holds(tmp_path, plain):
    began = time.monotonic()
    options = (*PLAIN[:-1], "30s", "--out", "run")
    ended = command("run", plain.data, *options, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert summary_of(tmp_path / "run")["status"] == "delivered"
    assert time.monotonic() - began < 90
