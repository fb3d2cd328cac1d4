"""``modelwright report``: a finished run's report again, and exported."""

from __future__ import annotations

import json
import shutil

import pytest

from modelwright.report.machine import _json
from modelwright.stores.folder import Folder


@pytest.fixture
def folder(plain, tmp_path):
    """A copy of a finished run's log, without its report."""
    copy = tmp_path / "run"
    copy.mkdir()
    shutil.copy(plain.run / "run.db", copy)
    return copy


def test_writes_the_same_report_again_from_the_log_alone(plain, folder, call):
    said = call("report", folder)
    assert said.code == 0 and said.out.count(" written") == 3
    assert {p.name for p in folder.iterdir()} >= {"report.md", "report.html", "report.json"}
    assert not (folder / "summary.json").exists()
    before, after = ((home / "report.json").read_text("utf-8") for home in (plain.run, folder))
    assert json.loads(before)["facts"] == json.loads(after)["facts"]
    assert json.loads(before)["figures"] == json.loads(after)["figures"]


def test_every_fact_stands_in_the_log_where_the_report_says(plain, call):
    told = json.loads(call("report", plain.run, "--json").out)
    store = Folder(plain.run, readonly=True)
    bodies = {record.seq: record.body for record in store.events()}
    store.close()

    def facts(value):
        if isinstance(value, dict):
            yield from [value] if value.keys() >= {"event", "at", "value"} else []
            for below in value.values():
                yield from facts(below)
        elif isinstance(value, list):
            for below in value:
                yield from facts(below)

    checked = 0
    for fact in [*facts(told["facts"]), *told["figures"]]:
        found = bodies[fact["event"]]
        for part in fact["at"].split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            found = found[int(part)] if isinstance(found, list) else found[part]
        assert _json(found) == fact["value"], fact["at"]
        checked += 1
    assert checked > 20


def test_exports_a_pdf(folder, call):
    pytest.importorskip("plutoprint")
    said = call("report", folder, "--pdf", folder / "paper" / "report.pdf")
    assert said.code == 0
    assert (folder / "paper" / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert not (folder / "report.md").exists()


def test_a_folder_without_a_run_is_refused_in_a_sentence(tmp_path, call):
    said = call("report", tmp_path)
    assert said.code == 2 and "run folder" in said.err
