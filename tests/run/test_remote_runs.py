"""Runs at a URL: the same run as in a folder, also when it is killed and goes on elsewhere."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from run_samples import PLAIN, command, lines_of, start, summary_of
from test_resume import result_of

from modelwright import earlier, rerun
from modelwright.places import find
from modelwright.state import fold
from modelwright.stores.folder import Folder
from modelwright.stores.remote import Remote
from s3_server import BUCKET, serving


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """The folder in which a server keeps a bucket's objects; this process's clients are led to it."""
    folder = tmp_path_factory.mktemp("s3") / "data"
    with serving(folder) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield folder / BUCKET


def stages_at(run: Path) -> list[str]:
    """The kinds of events in a log, as the server has it."""
    lines = [line for file in sorted(run.glob("log/*.jsonl")) for line in file.read_text("utf-8").splitlines()[1:]]
    return [entry["event"]["kind"] for entry in map(json.loads, lines) if "event" in entry]


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_from_another_machine(plain, bucket, tmp_path, call, monkeypatch):
    (bucket / "plain.csv").write_bytes(plain.data.read_bytes())
    url, run = f"s3://{BUCKET}/runs/one", bucket / "runs" / "one"
    options = (*PLAIN, "--max-experiments", 4, "--out", url)
    monkeypatch.setenv("MODELWRIGHT_HOME", str(tmp_path / "first"))
    process = start("run", f"s3://{BUCKET}/plain.csv", *options, cwd=tmp_path)
    while stages_at(run).count("experiment_finished") < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    second = call("resume", url)
    assert second.code == 2
    assert f"is in use by process {process.pid} on " in second.err
    process.send_signal(signal.SIGKILL)
    process.communicate()

    monkeypatch.setenv("MODELWRIGHT_HOME", str(tmp_path / "second"))
    ended = command("resume", url, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in ended.out + ended.err
    assert result_of(run) == result_of(plain.run)
    lines = [json.loads(line) for line in (run / "trace.jsonl").read_text("utf-8").splitlines()]
    done = [x["result"]["key"] for x in lines if x["stage"] == "step" and x["result"]["status"] == "done"]
    assert len(done) == len(set(done)), "a step that was on record was performed twice"
    assert not list((tmp_path / "second").rglob("artefacts")), "copies of a finished run are removed"

    # Everything that names a run takes the URL, too.
    assert "finished" in call("runs", f"s3://{BUCKET}/runs").out
    shown = json.loads(call("show", url, "--json").out)
    assert shown["run_id"] == summary_of(run)["run_id"] == "one"
    assert "4" in call("compare", url, plain.run).out
    (run / "report.md").unlink()
    assert f"{url}/report.md written" in call("report", url).out
    assert "# Predicting" in (run / "report.md").read_text("utf-8")
    predictions = [call("predict", place, plain.data).out for place in (url, f"{url}/model", plain.run)]
    assert predictions[0] == predictions[1] == predictions[2]
    assert predictions[0].startswith("prediction,probability_no,probability_yes\n")

    again = call("run", plain.data, *options)
    assert again.code == 2
    assert "isn't empty" in again.err


def at(url: str, run: Path, cache: Path) -> str:
    """A finished run's log, steps and artefacts at a URL."""
    there, here = Remote(url, cache), Folder(run, readonly=True)
    for file in sorted(run.glob("artefacts/??/*")):
        there.put(file.read_bytes())
    for record in here.events():
        known = here.lookup(record.body["key"]) if record.kind == "step" else None
        if known is not None:
            there.record(record.body["key"], known)
        there.append(record.kind, record.body, record.parent)
    here.close()
    there.close()
    return url


@pytest.mark.slow
def test_a_run_at_a_url_is_looked_back_at_as_one_in_a_folder(plain, bucket, tmp_path, call, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_HOME", str(tmp_path / "home"))
    (tmp_path / "plain.csv").write_bytes(plain.data.read_bytes())
    url, run = at(f"s3://{BUCKET}/back/one", plain.run, tmp_path / "made"), bucket / "back" / "one"
    model = next(r for r in find(url).records() if r.kind == "delivered").body["delivery"]["model"]

    # What another run takes over: every step that was finished, with its artefacts.
    store = earlier.store_of(url, fold(find(url).records()).versions)
    for line in lines_of(plain.run):
        if line["stage"] == "step":
            found = store.lookup(line["result"]["key"])
            assert found is not None and found.status == "reused"
            assert all(store.get(digest) for digest in found.artefacts.values())
    store.close()

    ended = call("rollback", url, "02-tree")
    assert ended.code == 0, ended.err
    assert summary_of(run)["delivered"]["estimator"] == "decision_tree" and summary_of(run)["holdout"]["looks"] == 2
    assert call("predict", url, "plain.csv").code == 0

    told = json.loads(call("gc", url, "--json").out)
    assert told["droppable"] > 0 and not told["dropped"]
    assert json.loads(call("gc", url, "--yes", "--json").out)["droppable"] == told["droppable"]
    assert json.loads(call("gc", url, "--json").out)["droppable"] == 0

    # After that it can still be replayed, beside itself, and its programs read.
    ended = call("replay", url, "--json")
    assert ended.code == 0, ended.err + ended.out
    found = json.loads(ended.out)
    assert found["same_model"] and found["folder"] == f"{url}/replays/01" and found["model"] == [model, model]
    assert json.loads((run / "replays" / "01" / "replay.json").read_text("utf-8")) == found
    assert [json.loads(line)["run"] for line in call("gc", url, "--json").out.splitlines()] == [url, found["folder"]]
    assert rerun._read(f"{url}/experiments/02-tree.py") == ("02-tree", (run / "experiments/02-tree.py").read_text())
    assert not list((tmp_path / "home").rglob("artefacts")), "copies are removed"


def test_what_is_not_there_is_said_in_a_sentence(bucket, call):
    for args in (
        ("show", f"s3://{BUCKET}/none"),
        ("resume", f"s3://{BUCKET}/none"),
        ("predict", f"s3://{BUCKET}/none", "rows.csv"),
        ("run", f"s3://{BUCKET}/none.csv", *PLAIN),
        ("run", "plain.csv", *PLAIN, "--reuse", f"s3://{BUCKET}/none", "--out", "new"),
        ("replay", f"s3://{BUCKET}/none"),
        ("rollback", f"s3://{BUCKET}/none", "02-tree"),
        ("gc", f"s3://{BUCKET}/none", "--yes"),
        ("run-program", f"s3://{BUCKET}/none.py", "--data", "plain.csv"),
        ("run", "https://example.com/rows.csv", *PLAIN),
        ("show", "gs://bucket/run"),
    ):
        ended = call(*args)
        assert ended.code == 2, (args, ended.err)
        assert len(ended.err.splitlines()) == 1, ended.err
