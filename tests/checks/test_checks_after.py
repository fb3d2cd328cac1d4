"""Shift between the sealed rows and the others, and labels that may be wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from modelwright.analyses.label_noise import confident
from modelwright.analyses.shift import Shift, shift
from modelwright.checks._examples import TARGET, clean, sample_of
from modelwright.finding import Tells
from modelwright.frames import write_frame
from modelwright.hashing import plain, restore


@pytest.mark.parametrize("moved", [False, True])
def test_rows_from_elsewhere_are_told_apart_and_the_column_is_named(moved, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    frame, y = clean(rng, 1200)
    sample = sample_of(frame, y)
    frame[TARGET] = y.astype(float)
    held = frame[900:].copy()
    if moved:
        held["b"] += 40
    for name, part in (("rows", frame[:900]), ("holdout", held)):
        write_frame(part, tmp_path / name)
    case = SimpleNamespace(
        problem=sample.problem, schema=sample.schema, target=TARGET, n_classes=2,
        protocol=SimpleNamespace(holdout="stratified"),
    )  # fmt: skip
    monkeypatch.setattr("modelwright.analyses.shift.restore", lambda *_: case)
    place = SimpleNamespace(inputs={n: tmp_path / n for n in ("rows", "holdout")}, seed=0, threads=1, stop_at=None)
    found = restore(Shift, shift(place, case={}).value)
    assert isinstance(found, Tells)
    assert found.low < found.auc < found.high
    if moved:
        assert found.columns[0][0] == "b"
        assert [f.severity for f in found.findings()] == ["suspicious"]
    else:
        assert found.findings() == ()
        assert found.low < 0.5 < found.high


@pytest.mark.parametrize("share", [0.0, 0.05])
@pytest.mark.parametrize("separation", [1, 6])
def test_wrong_labels_are_told_from_hard_cases(share, separation):
    rng = np.random.default_rng(1)
    z = separation * rng.normal(size=5000)
    p = 1 / (1 + np.exp(-z))
    y = (rng.random(5000) < p).astype(np.int64)
    y = np.where(rng.random(5000) < share, 1 - y, y)
    found = confident(np.column_stack([1 - p, p]), y, ("no", "yes"))
    assert found == restore(type(found), plain(found))
    assert found.candidates == sum(count for _, count in found.by_class)
    assert share or not found.findings()
    if share and separation == 6:  # where classes overlap widely, a wrong label can't be told from bad luck
        assert found.findings()
        assert found.share == pytest.approx(share, abs=0.02)
