"""A whole run on a cluster of two machines, which loses one of them and then its own process."""

from __future__ import annotations

import json
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from run_samples import PLAIN, command, lines_of, start, summary_of

pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs modelwright[ray]"),
    pytest.mark.slow,
]


def told(run: Path, stage: str) -> list[dict]:
    """The finished lines of a trace that is being written."""
    try:
        text = (run / "trace.jsonl").read_text("utf-8")
    except FileNotFoundError:
        return []
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line["result"] for line in lines if line["stage"] == stage]


def until(process, run: Path, stage: str, count: int) -> None:
    while len(told(run, stage)) < count:
        assert process.poll() is None, f"ended before {stage}: {process.communicate()}"
        time.sleep(0.02)


def model_of(run: Path) -> str:
    """The digest of the delivered model's file."""
    return told(run, "delivered")[-1]["delivery"]["model"]


def test_a_run_that_loses_a_machine_and_then_itself_ends_the_same(ray_cluster, plain, tmp_path):
    slots = told(plain.run, "workers")[0]["slots"]
    machines = [ray_cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster = ("--executor", f"ray:{ray_cluster.address}", "--workers", slots)
    run = tmp_path / "run"
    process = start("run", plain.data, *PLAIN, "--max-experiments", 4, *cluster, "--out", run, cwd=tmp_path)
    try:
        until(process, run, "experiment_finished", 1)
        ray_cluster.remove_node(machines.pop(), allow_graceful=False)
        until(process, run, "experiment_finished", 2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        ended = command("resume", run, cwd=tmp_path)
        assert ended.code == 0, ended.err
    finally:
        process.kill()
        for machine in machines:
            ray_cluster.remove_node(machine)

    assert model_of(run) == model_of(plain.run)
    assert summary_of(run)["holdout"]["score"] == summary_of(plain.run)["holdout"]["score"]
    steps = [line["result"] for line in lines_of(run) if line["stage"] == "step"]
    done = [step["key"] for step in steps if step["status"] == "done"]
    assert len(done) == len(set(done)), "a step was performed twice"
    for step in steps:  # what was made elsewhere is here
        for digest in step["artefacts"].values():
            assert (run / "artefacts" / digest[:2] / digest).is_file()
