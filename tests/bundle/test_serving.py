"""What makes serving quick changes nothing: files read as skops reads them, rows alone as all together."""

from __future__ import annotations

import json
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import skops.io

from modelwright.persistence import dump_model, load_model, trusted
from modelwright.pipeline import answers, compile_recipe
from modelwright.readers import conform, read
from modelwright.recipe import Recipe, Setting, Use
from modelwright.transforms._levels import Levels
from modelwright.unpacking import Construction, audited


def mixed(rows: int = 60) -> pd.DataFrame:
    """Numbers, whole numbers, texts that are numbers, levels, truth values, dates and short texts, all with gaps."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=rows).round(3),
            "whole": rng.integers(0, 9, rows),
            "price": [f"$ {v:.2f}" for v in rng.uniform(1, 2_000, rows)],
            "level": rng.choice(["a", "b", " c", "3.0"], rows),
            "answer": rng.choice(["yes", "no"], rows),
            "day": pd.date_range("2024-01-01", periods=rows, freq="D").strftime("%d.%m.%Y"),
            "words": [" ".join(rng.choice(["red", "green", "blue", "old", "new"], 4)) for _ in range(rows)],
        }
    )
    for j, name in enumerate(("price", "level", "answer", "day", "words")):
        frame.loc[frame.index % 7 == j, name] = ("n/a", "", None, "?", None)[j]
    return frame


def test_rows_one_at_a_time_are_what_they_are_together() -> None:
    raw = mixed()
    schema = read(raw).schema
    assert {f.kind for f in schema.fields} >= {"numeric", "category", "boolean", "datetime"}
    together = conform(raw, schema).frame
    pipelines = [
        compile_recipe(
            Recipe(Use(name, {} if name == "ridge" else {"n_estimators": 5}), tuple(map(Use, transforms))),
            Setting("regression", 0),
        ).fit(together, raw["number"].to_numpy())
        for name, transforms in (
            ("ridge", []),
            ("ridge", ["combine_categories", "interactions"]),
            ("ridge", ["clip_outliers", "missing_indicators"]),
            ("extra_trees", []),
            ("lightgbm", []),
            ("xgboost", []),
        )
    ]
    for source in (raw, raw.astype(object), raw.astype("str")):
        whole = conform(source, schema).frame
        for _ in range(2):  # what is remembered of the first time must be what is found the second time
            each = [conform(source.iloc[[i]], schema).frame for i in range(len(source))]
            for field in schema.fields:
                alone = [part[field.name].astype(object).iloc[0] for part in each]
                expected = whole[field.name].astype(object).tolist()
                assert [a for a in alone if not pd.isna(a)] == [e for e in expected if not pd.isna(e)]
                assert list(map(pd.isna, alone)) == list(map(pd.isna, expected))
        many = conform(pd.concat([source] * 3), schema).frame  # enough for what is quicker with many rows
        for pipeline in pipelines:
            alone = np.concatenate([pipeline.predict(part) for part in each])
            np.testing.assert_allclose(alone, pipeline.predict(whole), rtol=1e-12)
            np.testing.assert_allclose(alone, pipeline.predict(many)[: len(alone)], rtol=1e-12)
        shared = answers(pipelines, whole, "predict")  # members that compute the same, once for all of them
        for pipeline, found in zip(pipelines, shared, strict=True):
            np.testing.assert_array_equal(found, pipeline.predict(whole))


def test_a_conformed_row_belongs_to_the_caller() -> None:
    raw = mixed().head(1)
    schema = read(mixed()).schema
    first = conform(raw, schema).frame
    kept = first.copy(deep=True)
    for name in first.columns:
        first.loc[0, name] = None
        first[name].array[0] = None
    pd.testing.assert_frame_equal(conform(raw, schema).frame, kept)


def unpacked(path):
    """What is read without skops; ``None`` when the file isn't plain."""
    with ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
        types = audited(schema, trusted)
        return None if types is None else Construction(archive, types).make(schema)


def test_a_plain_file_is_read_as_skops_reads_it(tmp_path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    state = {
        "numbers": {1: 1.5, 2: float("inf")}, "texts": ["ä", None, True], "pair": (1, (2.5, b"\x00\xff")),
        "arrays": [array, array, np.array(["x", None, 3], dtype=object), np.array([[1, "a"], [None, 2]], dtype=object)],
        "scalars": [np.float64(2.5), np.int64(3), np.bool_(True)],
    }  # fmt: skip
    skops.io.dump(state, tmp_path / "file")
    mine, theirs = unpacked(tmp_path / "file"), skops.io.load(tmp_path / "file")
    assert repr(mine) == repr(theirs) and mine["arrays"][0] is mine["arrays"][1]
    assert [type(v) for v in mine["scalars"]] == [type(v) for v in theirs["scalars"]]

    levels = Levels({"a": 2, "b": 1})
    dump_model({**state, "objects": [levels, levels]}, tmp_path / "compact")
    mine, theirs = (
        unpacked(tmp_path / "compact"),
        skops.io.load(tmp_path / "compact", trusted=["modelwright.transforms._levels.Levels"]),
    )
    for found in (mine, theirs):
        one, same = found.pop("objects")
        assert one is same and one.texts == ["a", "b"]
        assert repr(found) == repr(state)

    frame = mixed().select_dtypes("number")
    for name, few in (
        ("random_forest", {"n_estimators": 5}),
        ("logistic_regression", {}),
        ("lightgbm", {"n_estimators": 5}),
    ):
        model = compile_recipe(Recipe(Use(name, few)), Setting("binary", 2)).fit(frame, frame["whole"].to_numpy() > 4)
        dump_model(model, tmp_path / name)
        again = unpacked(tmp_path / name)
        np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
        assert type(load_model(tmp_path / name)) is type(model)


@pytest.mark.parametrize(
    "node",
    [
        {"__loader__": "ObjectNode", "__module__": "os", "__class__": "system"},
        {"__loader__": "ObjectNode", "__module__": "sklearn.utils._testing", "__class__": "TempMemmap"},
        {"__loader__": "ObjectNode", "__module__": "numpy", "__class__": "ndarray"},
        {"__loader__": "NdArrayNode", "__module__": "numpy", "__class__": "memmap", "type": "numpy", "file": "1.npy"},
        {"__loader__": "NdArrayNode", "__module__": "sklearn.pipeline", "__class__": "Pipeline", "type": "json"},
        {"__loader__": "TypeNode", "__module__": "builtins", "__class__": "eval"},
        {"__loader__": "ListNode", "__module__": "os", "__class__": "system", "content": []},
        {"__loader__": "FunctionNode", "__module__": "os", "__class__": "system"},
        {"__loader__": ["ObjectNode"], "__module__": "os", "__class__": "system"},
    ],
)
def test_what_is_not_trusted_is_not_plain(node) -> None:
    trustworthy = {"__loader__": "NdArrayNode", "__module__": "numpy", "__class__": "ndarray", "type": "json"}
    for content in ([node], [trustworthy, node]):
        schema = {"__loader__": "ListNode", "__module__": "builtins", "__class__": "list", "content": content}
        assert audited({**schema, "protocol": 2}, trusted) is None
        assert audited({**schema, "content": [trustworthy], "protocol": 2}, trusted) is not None
        assert audited({**schema, "content": [trustworthy], "protocol": 3}, trusted) is None
