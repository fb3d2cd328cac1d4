"""The other commands: each does what it says, and none lets a hostile text steer the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from run_samples import HOSTILE, lines_of, summary_of

from modelwright.run import versions
from modelwright.tools import all_tools


def test_help_imports_nothing_heavy():
    source = (
        "import sys; sys.argv = ['modelwright', '--help']\n"
        "from modelwright.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'pyarrow', 'scipy', 'lightgbm', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "run" in ended.stdout and "predict" in ended.stdout


def test_progress_as_json_lines_is_the_trace(plain):
    shown = [json.loads(line) for line in plain.out.splitlines()]
    assert shown == lines_of(plain.run)
    assert shown[-1]["stage"] == "run_finished"
    assert shown[-1]["result"]["summary"] == summary_of(plain.run)


def test_runs_are_listed(messy, plain, call, tmp_path):
    home = tmp_path / "modelwright-runs"
    home.mkdir()
    for ran, name in ((messy, "first"), (plain, "second")):
        (home / name).mkdir()
        (home / name / "run.db").write_bytes((ran.run / "run.db").read_bytes())
    (home / "broken").mkdir()
    (home / "broken" / "run.db").write_bytes(b"no database")
    ended = call("runs")
    assert ended.code == 0, ended.err
    rows = {line.split()[0]: line for line in ended.out.splitlines() if line.startswith(" modelwright-runs")}
    assert rows.keys() == {f"modelwright-runs/{n}" for n in ("first", "second", "broken")}
    assert "finished" in rows["modelwright-runs/first"] and "unreadable" in rows["modelwright-runs/broken"]
    listed = [json.loads(line) for line in call("runs", "--json").out.splitlines()]
    assert sorted(row["status"] for row in listed) == ["finished", "finished", "unreadable"]


def test_a_run_is_shown(messy, call):
    ended = call("show", messy.run, "--timing")
    assert ended.code == 0, ended.err
    assert "finished" in ended.out and "✓ linear" in ended.out and "Holdout roc_auc" in ended.out
    assert "\x1b" not in ended.out
    assert json.loads(call("show", messy.run, "--json").out) == summary_of(messy.run)
    assert call("show", "nowhere").code == 2
    assert call("show").code == 2


def test_two_runs_are_compared(messy, plain, call):
    ended = call("compare", messy.run, plain.run)
    assert ended.code == 0, ended.err
    assert "roc_auc" in ended.out and "sealed rows" in ended.out and "can't be told" in ended.out
    same = call("compare", plain.run, plain.run)
    assert not [line for line in same.out.splitlines() if line.startswith(("+", "~", "- "))]


def test_a_run_is_traced(messy, call):
    ended = call("trace", messy.run, "--stage", "holdout_opened", "--stage", "judged")
    assert [json.loads(line)["stage"] for line in ended.out.splitlines()] == ["holdout_opened", "judged"]
    whole = [json.loads(line) for line in call("trace", messy.run).out.splitlines()]
    assert whole == lines_of(messy.run)
    assert "\x1b" not in ended.out


def test_data_is_profiled_without_rows(messy, call):
    ended = call("profile", messy.data, "--target", "left")
    assert ended.code == 0, ended.err
    assert "Betrag" in ended.out and "K-00001" not in ended.out
    assert HOSTILE not in ended.out and "\x1b" not in ended.out
    facts = json.loads(call("profile", messy.data, "--target", "left", "--json").out)
    assert facts["rows"] == 400 and facts["target"] == "left"
    wrong = call("profile", messy.data, "--target", "lef")
    assert wrong.code == 2 and "'left'" in wrong.err


def test_the_registry_is_printed(call):
    lines = [json.loads(line) for line in call("actions", "--json").out.splitlines()]
    estimators = [line for line in lines if line["category"] == "estimator"]
    assert len(estimators) >= 50
    assert {line["name"] for line in lines if line["category"] == "tool"} == set(all_tools())
    few = call("actions", "--task", "regression", "--category", "estimator")
    assert few.code == 0 and "ridge" in few.out and "logistic_regression" not in few.out
    for wrong in (("--task", "nope"), ("--category", "nope")):
        assert call("actions", *wrong).code == 2


def test_the_doctor_finds_everything_in_order(call):
    ended = call("doctor")
    assert ended.code == 0, ended.out
    for what in ("sandbox: works", "worker processes: works", "store: works"):
        assert what in ended.out
    assert all(f"{name} {number}" in ended.out for name, number in versions().items())


def test_an_experiment_is_run_again(plain, call):
    program = plain.run / "experiments" / "03-linear.py"
    ended = call("run-program", program, "--data", plain.data, "--target", "left")
    assert ended.code == 0, ended.err
    again = json.loads(ended.out)
    first = json.loads(program.with_suffix(".json").read_text("utf-8"))["experiment"]
    assert again["experiment_name"] == "03-linear"
    assert again["score"] == pytest.approx(first["score"]["value"], rel=1e-12)
    assert again["metrics"]["roc_auc"] == again["score"]


def test_a_faulty_program_is_refused_with_its_line(plain, call, tmp_path):
    (tmp_path / "bad.py").write_text("x = 1\nmodel = train_model(data, target_column, 'lightgbn')\n")
    ended = call("run-program", "bad.py", "--data", plain.data, "--target", "left")
    assert ended.code == 2
    assert "line 2" in ended.err and "lightgbm" in ended.err and len(ended.err.splitlines()) == 1
    assert call("run-program", "nowhere.py", "--data", plain.data, "--target", "left").code == 2


def test_a_closed_pipe_is_no_defect():
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "modelwright.cli", "actions"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert ended.stderr == b""
