"""What a run was, told again: replayed, rolled back, compared, traced to its data, swept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from run_samples import lines_of, summary_of

from modelwright import earlier, replaying
from modelwright.given import given, unchanged
from modelwright.journal import Journal
from modelwright.lineage import lineage
from modelwright.places import find
from modelwright.state import fold
from modelwright.step import Failure, Outcome, Record
from modelwright.stores.folder import Folder
from modelwright.stores.memory import Memory
from modelwright.timing import timing


def records_of(run: Path) -> list[Record]:
    store = Folder(run, readonly=True)
    try:
        return list(store.events())
    finally:
        store.close()


@pytest.fixture
def copy(plain, tmp_path):
    """A finished run that a test may change, where it can read its data."""
    shutil.copytree(plain.run, tmp_path / "run")
    shutil.copyfile(plain.data, tmp_path / "plain.csv")
    return tmp_path / "run"


# ── replay ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_makes_everything_anew_and_comes_to_the_same_model(copy, call):
    ended = call("replay", copy, "--json")
    assert ended.code == 0, ended.err + ended.out
    found = json.loads(ended.out)
    assert found["same_model"] and found["differences"] == [] and found["taken"] == []
    again = copy / "replays" / "01"
    steps = [line["result"] for line in lines_of(again) if line["stage"] == "step"]
    assert {s["status"] for s in steps} == {"done"}
    assert {s["stage"] for s in steps} >= {"fit", "refit", "judge", "assemble"}
    then, now = summary_of(copy), summary_of(again)
    for part in ("delivered", "verdict", "experiments", "problem"):
        assert then[part] == now[part]
    assert (
        json.loads((again / "replay.json").read_text("utf-8"))["model"] == [fold(records_of(copy)).delivery.model] * 2
    )


def test_a_replay_that_differs_says_why_and_has_a_code_of_its_own(plain, call, monkeypatch, tmp_path):
    records = records_of(plain.run)
    then = fold(records)
    script = replaying.script_of(then, records, Folder(plain.run, readonly=True), str(plain.data))
    now = fold(records)
    now.versions = now.versions | {"lightgbm": "9.9"}
    slower = now.experiments[2]
    now.experiments[2] = replace(slower, oof="0" * 64, truncated=True)
    now.deliveries[-1] = replace(now.deliveries[-1], model="1" * 64)
    found = replaying.compare_with(find(plain.run), find(tmp_path), then, now, script, records)
    assert [d.what for d in found.differences] == ["library", "experiment", "model"]
    assert found.differences[0].now == "9.9"
    assert "clock" in found.differences[1].why
    assert "lightgbm" in found.differences[2].why and "predict the same" in found.differences[2].why
    monkeypatch.setattr(replaying, "replay", lambda *args, **options: found)
    ended = call("replay", plain.run)
    assert ended.code == 4
    assert "Another model came out: 111111111111" in ended.out and "lightgbm" in ended.out


def test_where_the_clock_decided_plans_and_shares_come_from_the_record(plain):
    records = records_of(plain.run)
    store = Folder(plain.run, readonly=True)
    timed = [replace(r, body={**r.body, "time_limited": True}) if r.kind == "search_stopped" else r for r in records]
    script = replaying.script_of(fold(timed), timed, store, str(plain.data))
    assert script.request.max_experiments == 4
    assert [kind for kind, _ in script.events].count("experiment_designed") == 4
    assert script.settled is not None and dict(script.settled.weights) == dict(fold(records).delivery.choice.weights)
    free = replaying.script_of(fold(records), records, store, str(plain.data))
    assert free.settled is None and [kind for kind, _ in free.events] == ["workers"]


def test_data_that_is_gone_is_taken_from_the_run(plain, call, tmp_path):
    records = records_of(plain.run)
    state = fold(records)
    script = replaying.script_of(state, records, Folder(plain.run, readonly=True), None)
    assert "is no longer there" in script.taken[-1]  # it was read from another working folder
    assert state.prepared.development in script.kept_rows
    assert script.events[-1][0] == "prepared"
    assert call("replay", tmp_path).code == 2


# ── rollback, compare, gc ────────────────────────────────────────────────────────────────────────────────────────


def test_an_earlier_model_is_delivered_and_the_second_look_is_told(copy, plain, call):
    before = call("predict", copy, "plain.csv").out
    assert call("rollback", copy, "lightgbn").code == 2
    ended = call("rollback", copy, "02-tree")
    assert ended.code == 0, ended.err
    summary = summary_of(copy)
    assert summary["delivered"]["estimator"] == "decision_tree"
    assert summary["holdout"]["looks"] == 2 and summary["verdict"] != "ready"
    assert "had been opened once before" in summary["verdict_reason"]
    assert "for the second model" in (copy / "report.md").read_text("utf-8")
    assert call("predict", copy, "plain.csv").out != before

    compared = json.loads(call("compare", plain.run, copy, "--json").out)
    (paired,) = compared["comparisons"]
    assert paired["n_rows"] == summary["holdout"]["rows"]
    assert (paired["other_score"], paired["score"]) == (
        summary_of(plain.run)["holdout"]["score"], summary["holdout"]["score"],
    )  # fmt: skip
    assert paired["low"] < paired["gain"] < paired["high"]
    assert "opened" in compared["verdict"] and compared["recipe"]
    shown = call("compare", plain.run, copy)
    assert shown.code == 0 and "On the same" in shown.out

    # Nothing that deliveries need can be swept, and going back and forth costs no step and no look.
    swept = json.loads(call("gc", copy, "--yes", "--json").out)
    assert swept["dropped"] and swept["droppable"] > 0
    steps = [line["stage"] for line in lines_of(copy)].count("step")
    assert call("rollback", copy, "--undo").code == 0
    assert summary_of(copy)["holdout"]["looks"] == 1
    assert call("predict", copy, "plain.csv").out == before
    assert call("rollback", copy, "2").code == 0
    assert summary_of(copy)["holdout"]["looks"] == 2
    assert [line["stage"] for line in lines_of(copy)].count("step") == steps


def test_what_can_go_is_told_and_links_are_left_alone(copy, call, tmp_path):
    records = records_of(copy)
    outside = tmp_path / "outside"
    (outside / "ab").mkdir(parents=True)
    secret = outside / "ab" / ("ab" + "0" * 62)
    secret.write_text("kept")
    place = next(f"{n:02x}" for n in range(256) if not (copy / "artefacts" / f"{n:02x}").exists())
    (outside / place).mkdir()
    (outside / place / (place + "0" * 62)).write_text("kept, too")
    (copy / "artefacts" / place).symlink_to(outside / place)
    home = next(p for p in (copy / "artefacts").iterdir() if p.is_dir() and not p.is_symlink() and len(p.name) == 2)
    (home / (home.name + "1" * 62)).symlink_to(secret)
    (home / "notes.txt").write_text("not ours")
    told = json.loads(call("gc", copy, "--json").out)
    assert told["droppable"] > 0 and not told["dropped"]
    gone = json.loads(call("gc", copy, "--yes", "--json").out)
    assert gone["droppable"] == told["droppable"]
    assert secret.read_text() == "kept" and (outside / place / (place + "0" * 62)).exists()
    assert (home / "notes.txt").exists()
    assert json.loads(call("gc", copy, "--json").out)["droppable"] == 0
    store = Folder(copy, readonly=True)
    state = fold(records)
    for digest in (state.delivery.model, state.delivery.predictions, state.prepared.development, state.prepared.sealed):
        assert store.get(digest)
    store.close()
    assert call("gc").code == 2


def test_runs_that_have_not_ended_keep_everything(plain, call, tmp_path):
    run = tmp_path / "unfinished"
    store = Folder(run)
    store.put(b"half a model")
    store.append("run_started", next(r.body for r in records_of(plain.run) if r.kind == "run_started"))
    store.close()
    told = json.loads(call("gc", run, "--yes", "--json").out)
    assert told["status"] == "unfinished" and told["droppable"] == 0 and told["kept"] == 12


# ── lineage, timing, data that changes ───────────────────────────────────────────────────────────────────────────


def test_every_artefact_leads_back_to_the_data(plain, call):
    records = records_of(plain.run)
    found = lineage(records)
    (file,) = fold(records).given
    assert file.digest not in found

    def roots(digest: str) -> set[str]:
        known = found.get(digest)
        return {digest} if known is None else set().union(*map(roots, known.inputs.values()))

    model = fold(records).delivery.model
    assert found[model].tool.startswith("modelwright.fitting:") and "the delivered model" in found[model].what
    assert roots(model) == {file.digest}
    for experiment in fold(records).experiments.values():
        assert roots(experiment.oof) == {file.digest}
    for record in records:
        if record.kind == "step":
            assert all(record.body["key"] in found[d].used for d in record.body["inputs"].values())
    shown = call("show", plain.run, "--artefact", model[:10])
    assert shown.code == 0 and "a file that the run was given" in shown.out and "refit" in shown.out
    assert len(call("show", plain.run, "--artefacts", "--json").out.splitlines()) == len(found)
    assert call("show", plain.run, "--artefact", "zz").code == 2


def test_time_outside_training_is_told_by_phase(plain, call):
    def event(time: float, kind: str, **body: object) -> Record:
        return Record(1, time, kind, body)

    def step(end: float, seconds: float, stage: str, status: str = "done", room: str = "fitting") -> Record:
        body = {"stage": stage, "status": status, "seconds": seconds, "cpu_seconds": seconds}
        return event(end, "step", tool=f"modelwright.{room}:x", **body)

    told = timing(
        [
            event(101.0, "run_started", started=100.0),
            event(102.0, "phase", name="searching"),
            event(102.0, "workers", slots=2),
            step(103.0, 1.0, "checks", room="screening"),
            step(106.0, 2.0, "fit"),
            step(107.0, 2.5, "fit"),
            step(107.0, 9.0, "fit", "reused"),
            event(108.0, "phase", name="finished"),
        ]
    )
    assert told.seconds == 8.0 and told.phases == {"starting": 2.0, "searching": 6.0}
    assert told.training == 3.0 and told.outside == {"starting": 2.0, "searching": 3.0}
    assert told.stages["fit"].performed == 2 and told.stages["fit"].reused == 1
    assert told.busy == pytest.approx(5.5 / 16)
    real = json.loads(call("show", plain.run, "--timing", "--json").out)
    assert 0 < real["outside_share"] < 1 and real["bookkeeping"]["steps"] == sum(
        s["performed"] + s["reused"] for s in real["stages"].values()
    )


def test_steps_of_an_earlier_run_are_taken_over_whole_or_not_at_all(tmp_path):
    before, here = Memory(), Memory()
    kept, cut, damaged, failed = "a" * 64, "b" * 64, "c" * 64, "d" * 64
    before.record(kept, Outcome("done", 1, {"model": before.put(b"fitted")}))
    before.record(cut, Outcome("done", 1, truncated=True))
    before.record(damaged, Outcome("done", 1, {"model": before.put(b"rotten")}))
    before.path(Outcome("done", 1, {"model": before.put(b"rotten")}).artefacts["model"]).write_bytes(b"rotted")
    before.record(failed, Outcome("failed", failure=Failure("error", "no")))
    journal = Journal(here, "run", tmp_path / "trace.jsonl", earlier=before)
    found = journal.lookup(kept)
    assert found is not None and found.status == "reused" and here.get(found.artefacts["model"]) == b"fitted"
    assert [journal.lookup(key) for key in (cut, damaged, failed, "e" * 64)] == [None] * 4
    assert journal.taken_over == 1 and here.lookup(kept) is not None
    journal.close()


def test_changed_data_is_noticed(plain, copy, tmp_path):
    records = records_of(copy)
    state = fold(records)
    (file,) = state.given
    data = tmp_path / "plain.csv"
    there = replace(file, name=str(data))
    assert unchanged(there)  # other times, same bytes
    assert not unchanged(replace(there, name="nowhere.csv"))
    data.write_text(data.read_text() + "1.0,north,0.0,yes\n")
    assert not unchanged(there)
    (now,) = given({"data": str(data), "test": None})
    assert now.digest != file.digest and given({"data": "-", "test": str(tmp_path)}) == ()

    prepared = replace(state.prepared, rows=401, development="0" * 64)
    told = earlier.since_before(tmp_path / "new", state.request, prepared, (now,))
    assert told is not None
    for expected in ("changed since", str(copy), "400 rows before, 401 now", "--reuse"):
        assert expected in told
    assert earlier.since_before(tmp_path / "new", state.request, prepared, (file,)) is None
    assert earlier.since_before(tmp_path / "new", replace(state.request, target="c"), prepared, (now,)) is None

    state.given = (there,)
    (notice,) = earlier.on_resuming(state, state.versions)
    assert "has changed since the run read it" in notice
    state.given = ()
    (notice,) = earlier.on_resuming(state, state.versions | {"numpy": "9.0"})
    assert "numpy" in notice and "9.0" in notice


def test_steps_of_other_versions_are_not_taken_over(copy):
    versions = fold(records_of(copy)).versions
    earlier.store_of(str(copy), versions).close()
    with pytest.raises(earlier.RequestError, match="pandas"):
        earlier.store_of(str(copy), versions | {"pandas": "0.1"})
