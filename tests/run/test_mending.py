"""What a run's log tells of, and is lost or changed when the run goes on, is made again."""

from __future__ import annotations

import os
import shutil
import sqlite3

from run_samples import command, lines_of
from test_resume import result_of

from modelwright.state import fold
from modelwright.stores.folder import Folder


def test_lost_and_changed_artefacts_are_made_again(plain, tmp_path):
    (tmp_path / "plain.csv").write_bytes(plain.data.read_bytes())
    run = tmp_path / "run"
    shutil.copytree(plain.run, run)
    store = Folder(run, readonly=True)
    records = list(store.events())
    store.close()
    state = fold(records)
    assert state.prepared is not None
    stopped = next(r.seq for r in records if r.kind == "search_stopped")
    db = sqlite3.connect(run / "run.db")
    db.execute("DELETE FROM events WHERE seq > ?", (stopped,))
    db.commit()
    db.close()
    for name in ("trace.jsonl", "summary.json"):
        (run / name).unlink()

    predictions = [e.oof for e in state.experiments.values() if e.status == "done"]
    spoilt = [state.prepared.development, *predictions]
    files = [run / "artefacts" / digest[:2] / digest for digest in spoilt]
    for file in files[:-1]:
        size = file.stat().st_size
        os.truncate(file, size // 2)
        os.truncate(file, size)  # as long as before, and half of it zeros
    files[-1].unlink()

    ended = command("resume", run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert result_of(run) == result_of(plain.run)
    mended = [line["result"]["what"] for line in lines_of(run) if line["stage"] == "mended"]
    assert mended[0] == "the rows that it stands on"
    assert len(mended) == 1 + len(predictions)
    assert "had been lost or changed, and was made again" in (run / "report.md").read_text("utf-8")
