"""A bundle gives reasons, says how sure it is and what would change a prediction, and shows nobody while it does."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from modelwright.bundle import load
from modelwright.bundle.manifest import (
    CARD,
    DIFFICULTY,
    GOLDEN,
    MANIFEST,
    MODEL,
    OPTIONAL,
    REFERENCES,
    UNCERTAINTY,
    write_manifest,
)
from modelwright.bundle.model import Model
from modelwright.cli import cli
from modelwright.conformal import conformity_scores
from modelwright.errors import DataError, RequestError
from modelwright.explanation import Uncertainty
from modelwright.fitting import table_records, with_prediction
from modelwright.hashing import digest_file, plain
from modelwright.persistence import dump_model
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.problem import Known, Problem
from modelwright.recipe import Recipe, Setting, Use
from modelwright.references import reference_rows, reference_values
from modelwright.table import Field, Schema

FORMULA = '=HYPERLINK("http://x")\n\x1b[31mred'
SCHEMA = Schema(
    (
        Field("tenure", "numeric", whole=True),
        Field("plan", "category"),
        Field("since", "datetime", formats=("ISO8601",)),
        Field("mail", "category", personal="e-mail"),
        Field(FORMULA, "numeric"),
    )
)
CLASSES = {"binary": ("stays", "=leaves"), "multiclass": ("p, q", "q", "r"), "regression": ()}


def frame(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    plans = rng.choice(["basic", "gold"], n).astype(object)
    plans[:3] = "embassy"
    return pd.DataFrame(
        {
            "tenure": rng.integers(0, 60, n).astype(float),
            "plan": pd.Categorical(plans),
            "since": pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")).astype(
                "datetime64[us]"
            ),
            "mail": pd.Categorical([f"person{i}@x.org" for i in range(n)]),
            FORMULA: rng.normal(size=n),
        }
    )


def target(rows: pd.DataFrame, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=len(rows)) * (0.5 + rows["tenure"].to_numpy() / 20)
    return 30 - rows["tenure"].to_numpy() + 10 * (rows["plan"].astype(object) == "basic").to_numpy() + noise


def written(folder: Path, task: str) -> Path:
    """A bundle as a run writes it, with everything that it may hold."""
    folder.mkdir(parents=True)
    rows, classes = frame(600), CLASSES[task]
    y = target(rows) if not classes else np.digitize(target(rows), [5.0] if len(classes) == 2 else [-5.0, 15.0])
    setting = Setting(task, len(classes))
    model = compile_recipe(Recipe(Use("logistic_regression" if classes else "ridge")), setting).fit(rows, y)
    dump_model(model, folder / MODEL)
    known = reference_rows(rows, personal=["mail"], floor=10, seed=0)
    values = reference_values(rows, personal=["mail"], floor=10)
    (folder / REFERENCES).write_text(json.dumps({"rows": table_records(known), "values": values}), "utf-8")
    golden = known.head(4)
    raw = raw_predictions(model, golden, bool(classes))
    (folder / GOLDEN).write_text(json.dumps({"rows": table_records(golden), "predictions": raw.tolist()}), "utf-8")
    (folder / CARD).write_text("# Card\n", encoding="utf-8")
    fresh = frame(500, 7)
    given = raw_predictions(model, fresh, bool(classes))
    if classes:
        truth = np.digitize(target(fresh, 8), [5.0] if len(classes) == 2 else [-5.0, 15.0])
        scores = tuple(conformity_scores(1 - given[truth == c, c]) for c in range(len(classes)))
        uncertainty = Uncertainty("set", scores)
    else:
        error = target(fresh, 8) - given
        other = frame(500, 9)
        guess = raw_predictions(model, other, False)
        difficulty = compile_recipe(Recipe(Use("ridge")), Setting("regression", 0))
        difficulty.fit(with_prediction(other, guess), np.log(np.abs(target(other, 10) - guess)))
        dump_model(difficulty, folder / DIFFICULTY)
        expected = np.exp(difficulty.predict(with_prediction(fresh, given)))
        uncertainty = Uncertainty("interval", (conformity_scores(error / expected),), local=1.0)
    (folder / UNCERTAINTY).write_text(json.dumps(plain(uncertainty)), encoding="utf-8")

    def said(value):
        return Known(value, "user", "said so")

    problem = Problem(
        "Predict y.", said("y"), said(task), said("log_loss" if classes else "rmse"), said(None), said(None),
        said(()), said(()), classes,
    )  # fmt: skip
    figure = {"metric": "rmse", "value": 0.9, "low": 0.8, "high": None, "rows": 20}
    write_manifest(
        folder,
        {
            "created": "2024-01-01T00:00:00+00:00", "run_id": "r", "problem": problem, "input": SCHEMA,
            "output": {
                "task": task, "target": "y", "classes": classes, "threshold": 0.4 if task == "binary" else None,
                "columns": ("prediction", *(f"probability_{c}" for c in classes)),
            },
            "holdout": figure, "baseline": figure, "validation": figure, "verdict": "ready", "note": "",
            "recipe": {}, "important": ["tenure", "plan"], "versions": {"python": "3"},
        },
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("bundle") / request.param, request.param)


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load(folder)


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("bundle") / "numbers", "regression")


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("bundle") / "classes", "binary")


def outcome(model: Model, rows: pd.DataFrame) -> np.ndarray:
    if not model.classes:
        return model.predict(rows)["prediction"].to_numpy()
    probability = model.predict_proba(rows)
    return probability[:, 1] if len(model.classes) == 2 else probability.max(axis=1)


def test_figures_add_up_also_for_one_row(model: Model) -> None:
    rows = frame(9, 3)
    effects = model.explain(rows)
    assert list(effects) == list(SCHEMA.names)
    np.testing.assert_allclose(effects.sum(axis=1) + effects.attrs["base"], outcome(model, rows), atol=1e-10)
    assert (effects["tenure"].abs() > 0).all()
    one = model.explain(rows.head(1))
    np.testing.assert_allclose(one.to_numpy(), effects.head(1).to_numpy(), atol=1e-10)
    assert model.explain(rows.head(0)).shape == (0, 5)
    assert model.explain(rows.head(0), top=2).shape == (0, 2)


def test_reasons_are_in_words_strongest_first_and_harmless(model: Model) -> None:
    rows = frame(20, 3)
    effects = model.explain(rows)
    words = model.explain(rows, top=5)
    assert list(words) == [f"reason_{k}" for k in range(1, 6)]
    for i in range(len(rows)):
        strongest = effects.iloc[i].abs().idxmax()
        sign = "+" if effects.at[i, strongest] > 0 else "-"
        first = words.at[i, "reason_1"]
        assert f"→ {sign}" in first and (strongest == FORMULA or first.startswith(f"{strongest} = "))
    text = words.to_csv()
    assert "@x.org" not in text and "\x1b" not in text
    assert not words.map(lambda t: t[:1] in "=+-@" if t else False).to_numpy().any()
    assert f"tenure = {rows['tenure'][0]:.0f} → " in text


@pytest.mark.parametrize("top", [0, -1])
def test_no_reasons_cannot_be_given(top: int, model: Model) -> None:
    with pytest.raises(RequestError, match="one or more"):
        model.explain(frame(2), top=top)


def test_intervals_and_sets_cover(model: Model) -> None:
    rows = frame(2000, 11)
    if not model.classes:
        for level in (0.5, 0.9):
            found = model.predict_interval(rows, level)
            truth = target(rows, 12)
            inside = ((found["prediction_low"] <= truth) & (truth <= found["prediction_high"])).mean()
            assert abs(inside - level) < 4 * (level * (1 - level) * (1 / 2000 + 1 / 500)) ** 0.5
        width = found["prediction_high"] - found["prediction_low"]
        assert width[rows["tenure"] > 50].mean() > 2 * width[rows["tenure"] < 10].mean()
        with pytest.raises(DataError, match="predict_interval"):
            model.predict_set(rows)
        with pytest.raises(RequestError, match="500 rows can promise"):
            model.predict_interval(rows, 0.9999)
    else:
        truth = np.digitize(target(rows, 12), [5.0] if len(model.classes) == 2 else [-5.0, 15.0])
        sets = model.predict_set(rows, 0.9)
        assert list(sets) == list(model.classes) and sets.any(axis=1).all()
        assert sets.to_numpy()[np.arange(2000), truth].mean() > 0.86
        with pytest.raises(DataError, match="predict_set"):
            model.predict_interval(rows)
    for wrong in (0, 1, -0.5, 90, float("nan")):
        with pytest.raises(RequestError, match="between 0 and 1"):
            (model.predict_set if model.classes else model.predict_interval)(rows, wrong)


def test_counterfactuals_really_change_the_prediction(model: Model) -> None:
    rows = frame(12, 5).drop(columns="mail")
    seen = 0
    for i in range(len(rows)):
        row = rows.iloc[[i]]
        now = model.predict(row)["prediction"].iloc[0]
        wanted = None if model.classes else (now + 8, now + 30)
        result = model.counterfactuals(row, wanted=wanted, frozen=["since"])
        for found in result.found:
            changed = row.astype({"plan": object, "tenure": float}).copy()
            for change in found.changes:
                assert change.column not in ("since", "mail") and change.old != change.new
                assert change.column == "plan" or 0 <= float(change.new) <= 60 or change.column == FORMULA
                assert change.new != "embassy"
                changed[change.column] = change.new if change.column == "plan" else float(change.new)
            told = model.predict(changed)["prediction"].iloc[0]
            if model.classes:
                assert told == found.prediction != now
            else:
                assert now + 8 - 1e-4 <= told <= now + 30 + 1e-4
            seen += 1
        assert bool(result.found) != bool(result.note)
        sizes = [found.distance for found in result.found]
        assert len({tuple(c.column for c in f.changes) for f in result.found}) == len(sizes)
    assert seen >= 10


def test_counterfactuals_say_what_cannot_be(binary: Path, regression: Path) -> None:
    model, numbers = load(binary), load(regression)
    row = frame(1, 5)
    none = model.counterfactuals(row, frozen=["tenure", "plan", "since", FORMULA])
    assert not none.found and "no column that may change" in none.note
    far = numbers.counterfactuals(row, wanted=(1e6, None))
    assert not far.found and "within the data's range" in far.note
    now = model.predict(row)["prediction"].iloc[0]
    assert "already" in model.counterfactuals(row, wanted=now).note
    mapping = {"tenure": 3, "plan": "gold", "since": "2021-03-04", "mail": None, FORMULA: 0.1}
    assert model.counterfactuals(mapping).prediction in model.classes
    for call, hint in (
        (lambda: model.counterfactuals(frame(2)), "one row"),
        (lambda: model.counterfactuals(row, wanted="gone"), "isn't a class"),
        (lambda: model.counterfactuals(row, frozen=["tenur"]), "tenure"),
        (lambda: numbers.counterfactuals(row), "as a range"),
        (lambda: numbers.counterfactuals(row, wanted=(5, 1)), "as a range"),
        (lambda: numbers.counterfactuals(row, wanted="more"), "as a range"),
    ):
        with pytest.raises((DataError, RequestError), match=hint) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_the_bundle_holds_no_real_row(folder: Path) -> None:
    text = "".join((folder / name).read_text("utf-8") for name in (GOLDEN, REFERENCES, UNCERTAINTY))
    assert "@x.org" not in text and "embassy" not in text
    rows = frame(600)
    known = json.loads((folder / REFERENCES).read_text("utf-8"))
    single = {v for v, c in rows[FORMULA].value_counts().items() if c < 10}
    assert not single & {r[FORMULA] for r in known["rows"]} and not single & set(known["values"][FORMULA]["numbers"])


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_changed_or_missing_part_is_refused(name: str, regression: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(regression, copy)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(DataError, match="changed or damaged"):
        load(copy)
    (copy / name).unlink()
    with pytest.raises(DataError, match="is missing"):
        load(copy)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (REFERENCES, "[]"),
        (REFERENCES, '{"rows": [{"x": [1]}], "values": {}}'),
        (REFERENCES, '{"rows": [], "values": {"tenure": {"numbers": [NaN]}}}'),
        (REFERENCES, '{"rows": [], "values": {"since": {"dates": ["2020-01-01T00:00:00Z"]}}}'),
        (UNCERTAINTY, "{}"),
        (UNCERTAINTY, '{"kind": "interval", "scores": [{"count": 9, "ranks": [1], "values": [0.5]}]}'),
        (UNCERTAINTY, '{"kind": "interval", "scores": [{"count": 1, "ranks": [1], "values": []}]}'),
        (DIFFICULTY, "not a model"),
    ],
)
def test_a_forged_part_is_refused_in_one_sentence(name: str, text: str, regression: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(regression, copy)
    (copy / name).write_text(text, encoding="utf-8")
    manifest = json.loads((copy / MANIFEST).read_text("utf-8"))
    manifest["digests"][name] = digest_file(copy / name)
    (copy / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(copy).predict_interval(frame(3))
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_a_bundle_of_the_first_format_still_predicts_and_explains(binary: Path, tmp_path: Path) -> None:
    import shutil

    old = tmp_path / "old"
    shutil.copytree(binary, old)
    for name in OPTIONAL:
        (old / name).unlink(missing_ok=True)
    manifest = json.loads((old / MANIFEST).read_text("utf-8")) | {"format": 1}
    manifest.pop("important")
    manifest["digests"] = {name: manifest["digests"][name] for name in (MODEL, CARD, GOLDEN)}
    (old / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    model, rows = load(old), frame(6, 3)
    assert model.manifest.format == 2 and model.manifest.important == ()
    pd.testing.assert_frame_equal(model.predict(rows), load(binary).predict(rows), check_exact=True)
    effects = model.explain(rows)
    np.testing.assert_allclose(effects.sum(axis=1) + effects.attrs["base"], outcome(model, rows), atol=1e-10)
    assert model.counterfactuals(rows.head(1)).prediction in model.classes
    with pytest.raises(DataError, match="carries no intervals"):
        model.predict_set(rows)


def test_a_zip_carries_everything(regression: Path, tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for file in regression.iterdir():
            out.write(file, file.name)
    rows = frame(5, 2)
    whole, packed = load(regression), load(archive)
    pd.testing.assert_frame_equal(packed.predict_interval(rows), whole.predict_interval(rows), check_exact=True)
    pd.testing.assert_frame_equal(packed.explain(rows), whole.explain(rows), check_exact=True)


def test_the_command_line_adds_reasons_and_intervals(binary: Path, regression: Path, tmp_path: Path) -> None:
    frame(5, 2).to_csv(tmp_path / "new.csv", index=False)
    run = CliRunner()

    def predicted(model: Path, *options: str) -> pd.DataFrame:
        out = tmp_path / "out.csv"
        result = run.invoke(cli, ["predict", str(model), str(tmp_path / "new.csv"), "-o", str(out), *options])
        assert result.exit_code == 0, result.output
        return pd.read_csv(out)

    numbers = predicted(regression, "--intervals", "0.8", "--explain=2")
    assert list(numbers) == ["prediction", "prediction_low", "prediction_high", "reason_1", "reason_2"]
    assert (numbers["prediction_low"] < numbers["prediction_high"]).all()
    classes = predicted(binary, "--intervals", "0.99", "--explain")
    assert list(classes)[-4:] == ["prediction_set", "reason_1", "reason_2", "reason_3"]
    assert all(set(json.loads(text)) <= set(CLASSES["binary"]) for text in classes["prediction_set"])
    assert list(predicted(binary)) == ["prediction", "probability_stays", "probability_=leaves"]
