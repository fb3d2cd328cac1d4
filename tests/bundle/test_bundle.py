"""A bundle is checked before anything in it is used, and does what its manifest says."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelwright.bundle import FORMAT, load
from modelwright.bundle.manifest import CARD, GOLDEN, MANIFEST, MODEL, write_manifest
from modelwright.errors import DataError
from modelwright.persistence import dump_model, load_model, trusted
from modelwright.pipeline import compile_recipe
from modelwright.problem import Known, Problem
from modelwright.recipe import Recipe, Setting, Use
from modelwright.table import Field, Schema

MARK = "executed.txt"


class Touch:
    """What a hostile author would put into a pickle."""

    def __reduce__(self):
        return (os.system, (f"touch {MARK}",))


def frame(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=n), "c": pd.Categorical(rng.choice(["a", "b"], n))})


def written(folder: Path, task: str = "binary", model=None) -> Path:
    """A bundle of a small model, written as a run writes it."""
    folder.mkdir()
    classes = {"binary": ("no", "yes"), "multiclass": ("p", "q", "r"), "regression": ()}[task]
    data = frame()
    rng = np.random.default_rng(1)
    y = data["x"].to_numpy() if not classes else rng.integers(0, len(classes), len(data)).astype(float)
    estimator = Use("logistic_regression" if classes else "ridge")
    fitted = compile_recipe(Recipe(estimator), Setting(task, len(classes))).fit(data, y)
    dump_model(fitted if model is None else model, folder / MODEL)
    rows = data.head(4)
    raw = fitted.predict_proba(rows) if classes else fitted.predict(rows)
    golden = {"rows": json.loads(rows.to_json(orient="records")), "predictions": np.asarray(raw).tolist()}
    # JSON of pandas rounds; the golden predictions are of the rows as they are written.
    back = pd.DataFrame(golden["rows"]).assign(c=pd.Categorical([r["c"] for r in golden["rows"]]))
    golden["predictions"] = np.asarray(fitted.predict_proba(back) if classes else fitted.predict(back)).tolist()
    (folder / GOLDEN).write_text(json.dumps(golden), encoding="utf-8")
    (folder / CARD).write_text("# Card\n", encoding="utf-8")

    def known(value):
        return Known(value, "user", "said so")

    problem = Problem(
        "Predict y.", known("y"), known(task), known("log_loss" if classes else "rmse"), known(None), known(None),
        known(()), known(()), classes,
    )  # fmt: skip
    figure = {"metric": "roc_auc", "value": 0.9, "low": 0.8, "high": None, "rows": 20}
    write_manifest(
        folder,
        {
            "created": "2024-01-01T00:00:00+00:00",
            "run_id": "r",
            "problem": problem,
            "input": Schema((Field("x", "numeric"), Field("c", "category"))),
            "output": {
                "task": task, "target": "y", "classes": classes, "threshold": 0.5 if task == "binary" else None,
                "columns": ("prediction", *(f"probability_{c}" for c in classes)),
            },
            "holdout": figure, "baseline": figure, "validation": figure, "verdict": "usable", "note": "",
            "recipe": {}, "versions": {"python": sys.version.split()[0]},
        },
    )  # fmt: skip
    return folder


@pytest.fixture
def bundle(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "model")


def edit(path: Path, **changes) -> None:
    values = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps(values), encoding="utf-8")


def resealed(bundle: Path, **changes) -> None:
    """What somebody who knows the format would do: change a file and mend its digest."""
    from modelwright.hashing import digest_file

    digests = {name: digest_file(bundle / name) for name in (MODEL, CARD, GOLDEN)}
    edit(bundle / MANIFEST, digests=digests, **changes)


def refused(path: Path, *named: str) -> str:
    with pytest.raises(DataError) as caught:
        load(path)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 500
    for part in named:
        assert part in text, text
    return text


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_loaded_model_predicts_and_explains(task, tmp_path):
    model = load(written(tmp_path / "model", task))
    data = frame(7)
    out = model.predict(data)
    assert list(out) == list(model.manifest.output.columns)
    assert len(out) == 7 and out.index.tolist() == list(range(7))
    effects = model.explain(data)
    assert effects.shape == (7, 2) and list(effects) == ["x", "c"]
    outcome = out["prediction"].to_numpy() if task == "regression" else model.predict_proba(data).max(axis=1)
    if task == "binary":
        outcome = out["probability_yes"].to_numpy()
    np.testing.assert_allclose(effects.sum(axis=1) + effects.attrs["base"], outcome, atol=1e-12)
    pd.testing.assert_frame_equal(model.explain(data.head(1)), effects.head(1), check_exact=False)
    if task == "regression":
        with pytest.raises(DataError, match="no probabilities"):
            model.predict_proba(data)
    else:
        assert np.allclose(model.predict_proba(data).sum(axis=1), 1.0)
        assert set(out["prediction"]) <= set(model.classes)
    assert len(model.predict(data.head(0))) == 0


def test_the_threshold_decides_what_is_called_positive(bundle):
    positive = load(bundle).predict(frame())["probability_yes"].to_numpy()
    manifest = json.loads((bundle / MANIFEST).read_text("utf-8"))
    edit(bundle / MANIFEST, output=manifest["output"] | {"threshold": float(np.quantile(positive, 0.9))})
    assert (load(bundle).predict(frame())["prediction"] == "yes").sum() == 6


@pytest.mark.parametrize("name", [MODEL, GOLDEN])
def test_a_changed_file_is_refused(name, bundle):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(bytes(data))
    refused(bundle, name, "changed or damaged")


@pytest.mark.parametrize("name", [MANIFEST, MODEL, GOLDEN])
def test_a_missing_file_is_refused(name, bundle):
    (bundle / name).unlink()
    refused(bundle, name)


def test_golden_rows_must_come_out_as_they_did(bundle):
    golden = json.loads((bundle / GOLDEN).read_text("utf-8"))
    golden["predictions"][0][0] += 1e-6
    (bundle / GOLDEN).write_text(json.dumps(golden), encoding="utf-8")
    resealed(bundle)
    refused(bundle, "predicts other values", "python")
    (bundle / GOLDEN).write_text("[1, 2]", encoding="utf-8")
    resealed(bundle)
    refused(bundle, GOLDEN)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"format": FORMAT + 1}, ["upgrade"]),
        ({"format": "one"}, ["format"]),
        ({"output": {"task": "chess", "target": "y", "columns": []}}, ["output.task"]),
        ({"digests": {}}, ["changed or damaged"]),
        ({"input": {"fields": [{"name": "x", "kind": "magic"}]}}, ["input"]),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(changes, named, bundle):
    edit(bundle / MANIFEST, **changes)
    refused(bundle, *named)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "\x00"])
def test_a_manifest_that_is_no_object_is_refused(text, bundle):
    (bundle / MANIFEST).write_text(text, encoding="utf-8")
    refused(bundle, MANIFEST)


def test_what_is_no_bundle_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.zip").write_bytes(b"PK\x03\x04 not really")
    refused(tmp_path / "nowhere", "nowhere")
    refused(tmp_path / "folder", "not a model bundle")
    refused(tmp_path / "file.zip", "zip")


def hostile_models():
    import functools
    import subprocess

    yield "reduce", Touch()
    yield "function", functools.partial(os.system, f"touch {MARK}")
    yield "class", subprocess.Popen
    from sklearn.preprocessing import FunctionTransformer

    yield "transformer", FunctionTransformer(os.system)


@pytest.mark.parametrize("what", ["reduce", "function", "class", "transformer"])
def test_a_model_that_asks_for_foreign_types_is_refused_by_name_and_not_run(what, bundle):
    import skops.io

    skops.io.dump(dict(hostile_models())[what], bundle / MODEL)
    resealed(bundle)
    text = refused(bundle, "doesn't trust")
    named = text.split("doesn't trust: ")[1]
    assert any(name in named for name in ("posix.system", "os.system", "subprocess.Popen", "Touch"))
    assert not (bundle.parent / MARK).exists()


def test_a_pickle_is_no_model(bundle):
    import pickle

    (bundle / MODEL).write_bytes(pickle.dumps(Touch()))
    resealed(bundle)
    refused(bundle, MODEL)
    assert not (bundle.parent / MARK).exists()


def test_a_model_file_with_broken_insides_is_refused(bundle):
    with zipfile.ZipFile(bundle / MODEL) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    # Whatever the audit of types accepts may still be broken: here the arrays are junk.
    with zipfile.ZipFile(bundle / MODEL, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, b"junk" if name.endswith(".npy") else data)
    resealed(bundle)
    refused(bundle, MODEL, "can't be put together")
    for broken in ({}, {"__class__": "Pipeline"}, schema | {"content": {}}, schema | {"__loader__": "NopeNode"}, []):
        with zipfile.ZipFile(bundle / MODEL, "w") as archive:
            archive.writestr("schema.json", json.dumps(broken))
        resealed(bundle)
        refused(bundle, MODEL)


@pytest.mark.parametrize(
    "name",
    [
        "os.system", "subprocess.Popen", "builtins.eval", "modelwright.cli.main", "modelwright.pipeline.clone",
        "modelwright.pipeline.compile_recipe", "modelwright.estimators.os", "modelwright.pipelines.Evil",
        "modelwright.drills.play", "modelwright.transforms.nope.Evil", "", "eval",
    ],
)  # fmt: skip
def test_only_classes_of_our_own_model_rooms_are_trusted(name):
    assert not trusted(name)


def test_our_own_classes_are_trusted():
    assert trusted("modelwright.pipeline.Classifier")
    assert trusted("modelwright.pipeline.BlendRegressor")


def zipped(bundle: Path, archive: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as out:
        for file in bundle.iterdir():
            out.write(file, inside + file.name)
    return archive


@pytest.mark.parametrize("inside", ["", "model/", "a/b/"])
def test_a_zip_of_a_bundle_works(inside, bundle, tmp_path):
    whole = load(zipped(bundle, tmp_path / "model.zip", inside))
    pd.testing.assert_frame_equal(whole.predict(frame()), load(bundle).predict(frame()), check_exact=True)


@pytest.mark.parametrize("inside", ["../", "../../../../../../tmp/", "/", "x/../../"])
def test_paths_in_a_zip_lead_nowhere(inside, bundle, tmp_path):
    before = set(tmp_path.rglob("*"))
    archive = zipped(bundle, tmp_path / "model.zip", inside)
    shutil.rmtree(bundle)
    load(archive)
    assert set(tmp_path.rglob("*")) <= before | {archive}
    assert not Path("/tmp/model.skops").exists() and not Path("/model.skops").exists()


def test_a_zip_with_two_models_or_damage_is_refused(bundle, tmp_path):
    archive = zipped(bundle, tmp_path / "two.zip", "a/")
    with zipfile.ZipFile(archive, "a") as out:
        out.write(bundle / MODEL, "b/" + MODEL)
    refused(archive, "one bundle")
    whole = zipped(bundle, tmp_path / "damaged.zip")
    data = bytearray(whole.read_bytes())
    at = data.index(b"PK\x03\x04") + 200
    data[at : at + 40] = bytes(40)
    whole.write_bytes(bytes(data))
    refused(whole)


def test_a_model_is_read_back_as_it_was_written(tmp_path):
    fitted = compile_recipe(Recipe(Use("extra_trees", {"n_estimators": 5})), Setting("binary", 2))
    data = frame()
    fitted.fit(data, (data["x"] > 0).to_numpy().astype(float))
    dump_model(fitted, tmp_path / MODEL)
    np.testing.assert_array_equal(load_model(tmp_path / MODEL).predict_proba(data), fitted.predict_proba(data))


def test_later_files_go_on_where_the_model_and_their_context_end(tmp_path) -> None:
    rng, rows = np.random.default_rng(0), 90
    data = pd.DataFrame(
        {
            "g": pd.Categorical(np.tile(["a", "b", "c"], rows // 3)),
            "t": pd.date_range("2024-01-01", periods=rows // 3, freq="h").repeat(3),
            "x": rng.normal(size=rows),
        }
    )
    past = (
        Use("rolling", {"columns": ("x",), "windows": (4, 9)}),
        Use("own_usual", {"columns": ("x",)}),
        Use("drift", {"columns": ("x",), "windows": (6,)}),
    )
    setting = Setting("regression", 0, time_column="t", group_column="g")
    fitted = compile_recipe(Recipe(Use("ridge"), past), setting).fit(data[:45], rng.normal(size=45))
    dump_model(fitted, tmp_path / "m")
    schema = Schema((Field("g", "category"), Field("t", "datetime"), Field("x", "numeric")))
    model = load(written(tmp_path / "bundle", "regression"))
    model.pipeline, model.manifest = load_model(tmp_path / "m"), model.manifest.model_copy(update={"input": schema})
    whole = model.predict(data[45:])["prediction"].to_numpy()
    first = model.predict(data[45:60])["prediction"].to_numpy()
    second = model.predict(data[60:], context=data[45:60])["prediction"].to_numpy()
    assert np.allclose(whole, np.r_[first, second])
    assert not np.allclose(whole[15:], model.predict(data[60:])["prediction"])
    features = compile_recipe(Recipe(Use("ridge"), past), setting)[:-2].fit_transform(data)
    assert np.allclose(fitted[:-2].transform(data[45:])["x_usual_12"], features["x_usual_12"][45:], equal_nan=True)
