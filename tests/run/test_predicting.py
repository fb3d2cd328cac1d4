"""A delivered model on new rows: whatever order, whatever is missing, the same figures everywhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from run_samples import command

import modelwright as mw


@pytest.fixture(scope="module")
def trees(classes) -> pd.DataFrame:
    return pd.read_parquet(classes.data).drop(columns="kind")


def test_fresh_processes_predict_the_same_to_the_last_bit(classes, trees, call):
    model = mw.load(classes.run)
    here = model.predict(classes.data)
    (note,) = model.notes
    assert "'kind'" in note
    ended = command("predict", classes.run, classes.data, "-o", classes.home / "out.parquet", cwd=classes.home)
    assert ended.code == 0, ended.err
    pd.testing.assert_frame_equal(pd.read_parquet(classes.home / "out.parquet"), here, check_exact=True)
    assert list(here) == ["prediction", "probability_ash", "probability_elm", "probability_oak"]
    assert np.allclose(here.filter(like="probability").sum(axis=1), 1.0)
    assert set(here["prediction"]) == {"ash", "elm", "oak"}
    text = call("predict", classes.run / "model", classes.data)
    assert text.out.splitlines()[0] == ",".join(here.columns)
    np.testing.assert_array_equal(model.predict_proba(trees), here.filter(like="probability").to_numpy())


def test_columns_come_in_any_order_and_missing_ones_are_said(classes, trees, call, tmp_path):
    mw.load(classes.run).predict(trees).to_csv(tmp_path / "expected.csv", index=False)
    trees[["bark", "width", "height"]].to_csv(tmp_path / "turned.csv", index=False)
    turned = call("predict", classes.run, "turned.csv")
    assert turned.code == 0 and turned.err == ""
    expected = pd.read_csv(tmp_path / "expected.csv")
    (tmp_path / "turned.out").write_text(turned.out)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "turned.out"), expected, rtol=1e-12)

    trees.drop(columns="width").assign(extra=1).to_csv(tmp_path / "odd.csv", index=False)
    odd = call("predict", classes.run, "odd.csv", "-o", "odd.parquet")
    assert odd.code == 0, odd.err
    notes = [line for line in odd.err.splitlines() if line.startswith("note: ")]
    assert any("'width'" in n for n in notes) and any("'extra'" in n for n in notes)
    assert len(pd.read_parquet(tmp_path / "odd.parquet")) == len(trees)


def test_unseen_categories_and_no_rows(classes, trees, call, tmp_path):
    strange = trees.head(3).astype({"bark": str}).assign(bark=["peeling", "\x1b[31mred", ""])
    strange.to_csv(tmp_path / "strange.csv", index=False)
    ended = call("predict", classes.run, "strange.csv")
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 4
    assert "\x1b" not in ended.err + ended.out
    (tmp_path / "none.csv").write_text("height,width,bark\n")
    none = call("predict", classes.run, "none.csv")
    assert none.code == 0, none.err
    assert none.out == "prediction,probability_ash,probability_elm,probability_oak\n"


def test_a_messy_file_is_read_as_in_training(messy, call, tmp_path):
    text = messy.data.read_text("utf-8")
    head, rows = text.split("left\n", 1)
    lines = rows.splitlines()
    (tmp_path / "new.csv").write_text(head + "left\n" + "\n".join(lines[:20]) + "\n", encoding="utf-8")
    ended = call("predict", messy.run, "new.csv", "-o", "few.csv")
    assert ended.code == 0, ended.err
    whole = call("predict", messy.run, messy.data, "-o", "all.csv")
    assert whole.code == 0, whole.err
    few, every = pd.read_csv(tmp_path / "few.csv"), pd.read_csv(tmp_path / "all.csv")
    assert list(few) == ["prediction", "probability_nein", "probability_ja"]
    assert len(every) == len(lines)
    pd.testing.assert_frame_equal(few, every.head(20), rtol=1e-12)


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("nowhere", "x.csv"), "nowhere"),
        (("{run}", "nowhere.csv"), "nowhere.csv"),
        (("{run}", "other.csv"), "none of the columns"),
        (("{run}", "{data}", "-o", "no/such/folder/out.csv"), "out.csv"),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_one_sentence(args, hint, classes, call, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n3,4\n")
    ended = call("predict", *(a.format(run=classes.run, data=classes.data) for a in args))
    assert ended.code == 2, ended.err
    assert hint in ended.err
    assert len([line for line in ended.err.splitlines() if not line.startswith("note: ")]) == 1
