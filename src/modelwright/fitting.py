"""What worker processes do: fit a recipe on some rows, predict others, judge on the sealed rows.

Each function is a step's tool: it gets a :class:`~modelwright.executors.Workplace` and plain JSON arguments, reads its
inputs as files and returns :class:`~modelwright.executors.Done`.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from modelwright.drills import play
from modelwright.executors import Done, Workplace
from modelwright.frames import read_frame, stack_rows
from modelwright.gap import gap_rows, learnt_rows
from modelwright.hashing import plain, restore
from modelwright.importance import permutation_importance
from modelwright.judgement import Importance
from modelwright.judging import judge
from modelwright.persistence import dump_model, load_model
from modelwright.pipeline import (
    BlendClassifier,
    BlendRegressor,
    boosting_rounds,
    compile_recipe,
    fit_on_view,
    predicted_on_view,
    raw_predictions,
    shared,
    truncated,
    view_of,
)
from modelwright.pooling import Mean
from modelwright.problem import Problem
from modelwright.protocol import Score, Validation
from modelwright.recipe import Recipe, Setting
from modelwright.references import reference_rows, reference_values
from modelwright.sampling import moments_of, sample_rows
from modelwright.shelf import Shelf, Views
from modelwright.splitting import fold_rows
from modelwright.stacking import SecondLevel, crossed
from modelwright.tasks.metrics import find_metric
from modelwright.transforms import all_transforms

GOLDEN_ROWS = 8
SLOW = 1_000.0
"""Milliseconds for a thousand rows from which on they are foretold by a hundred."""
KEPT_BYTES = 64 << 20
"""What a model may take that is kept before it is known whether it will be delivered."""
REFERENCE_ROWS = 200_000
"""Development rows that reference values are taken from: their quantiles don't need more."""


def rows_of(path: Path, target: str, n_classes: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The feature frame and the encoded target of a stored table.

    Args:
        path: a file whose last column is the encoded target.
        target: that column's name.
        n_classes: 0 for regression.
    """
    frame = read_frame(path)
    y = frame.pop(target).to_numpy()
    return frame, y.astype(np.int64) if n_classes else y


def setting_of(place: Workplace, situation: dict[str, Any]) -> Setting:
    """The setting in which recipes are compiled in this workplace."""
    return Setting(**situation, seed=place.seed, threads=place.threads, stop_at=place.stop_at)


def fit_folds(
    place: Workplace,
    *,
    recipe: dict[str, Any],
    situation: dict[str, Any],
    target: str,
    parts: Sequence[Sequence[int]],
    forward: bool,
    rounds: Sequence[int] | None = None,
    drill: str | None = None,
    max_train_rows: int | None = None,
    keep: bool = False,
) -> Done:
    """Fit a recipe on the training rows of some folds, or a sample of them, and predict their validation rows.

    Inputs are ``rows`` (development rows) and ``assignment`` (see :class:`~modelwright.protocol.Protocol`). The
    artefact ``predictions`` holds one array for each part, named ``<repeat>_<fold>``; with ``keep``, ``model`` is the
    model of the last part, unless it takes more than :data:`KEPT_BYTES`.

    Args:
        place: the workplace.
        recipe: what to fit.
        situation: see :func:`setting_of`.
        target: name of the target column.
        parts: pairs of repeat and fold.
        forward: whether only rows of earlier folds are trained on.
        rounds: rounds of boosting that an earlier fit found, and the rows it found them on; to be found without.
        drill: how to fail on purpose; see :mod:`modelwright.drills`.
        max_train_rows: rows of the sample, about; ``None`` for all.
        keep: whether the fitted model is kept.

    Returns:
        The value holds ``fit_seconds`` and ``predict_seconds`` of each part, as if each had been fitted alone, the
        ``saved_seconds`` of its fit that were spared because its view was there, ``train_rows``, and ``rounds`` as the
        argument has it, of the first part.
    """
    if drill is not None:
        play(drill, place.scratch)
    setting = setting_of(place, situation)
    frame, y = rows_of(place.inputs["rows"], target, setting.n_classes)
    assignment = np.load(place.inputs["assignment"], allow_pickle=False)
    model_recipe = restore(Recipe, recipe)
    arrays, fit_seconds, predict_seconds, saved_seconds, train_rows, cut = {}, [], [], [], [], False
    found = None
    # A model that is kept needs the steps that compute its view, fitted.
    shelf = Shelf(None if keep else place.shelf)
    source = {
        **view_of(model_recipe),
        "inputs": {name: path.name for name, path in place.inputs.items()},
        "situation": situation,
        "target": target,
        "seed": place.seed,
        "rows": [forward, max_train_rows],
    }
    for repeat, fold in parts:
        train, valid = fold_rows(assignment, repeat, fold, forward)
        train = sampled(frame, y, train, max_train_rows, setting)
        model = compile_recipe(model_recipe, replace(setting, rounds=grown(rounds, len(train))))
        # The gap's rows are past when the fold begins: features of the past go on through them.
        gap = gap_rows(assignment, fold)
        asked = frame.iloc[np.concatenate([gap, valid])]
        part = source | {"part": [repeat, fold]}
        fit = _fit_and_predict(model, frame.iloc[train], y[train], asked, setting, shelf, part)
        if found is None and (used := boosting_rounds(model)) is not None:
            found = [used, len(train)]
        arrays[f"{repeat}_{fold}"] = fit.predictions[len(gap) :]
        fit_seconds.append(fit.fit_seconds)
        predict_seconds.append(fit.predict_seconds)
        saved_seconds.append(fit.saved_seconds)
        train_rows.append(len(train))
        cut = cut or truncated(model)
    path = place.scratch / "predictions.npz"
    np.savez(path, allow_pickle=False, **arrays)
    seconds = {"fit_seconds": fit_seconds, "predict_seconds": predict_seconds, "saved_seconds": saved_seconds}
    value = {**seconds, "train_rows": train_rows, "rounds": found}
    files = {"predictions": path}
    if keep:
        files["model"] = place.scratch / "model.skops"
        dump_model(model, files["model"])
        if files["model"].stat().st_size > KEPT_BYTES:
            files.pop("model").unlink()
    return Done(value, files, truncated=cut)


class _Fit(NamedTuple):
    """Predictions of one part, and what fitting and predicting take alone; ``saved_seconds`` of the fit were spared."""

    predictions: np.ndarray
    fit_seconds: float
    predict_seconds: float
    saved_seconds: float


def _fit_and_predict(
    model: Pipeline,
    frame: pd.DataFrame,
    y: np.ndarray,
    asked: pd.DataFrame,
    setting: Setting,
    shelf: Shelf,
    source: Any,
) -> _Fit:
    """Fit a model on some rows and predict others; ``source`` says all that their views are computed from."""
    started = time.perf_counter()
    if len(model.steps) == 1 or not shelf.holds:
        _fit(model, frame, y)
        fitted = time.perf_counter()
        predictions = raw_predictions(model, asked, setting.classification)
        return _Fit(predictions, fitted - started, time.perf_counter() - fitted, 0.0)
    views: list[Views] = []

    def view(steps: Pipeline, goals: np.ndarray) -> Any:
        views.append(
            shelf.views(plain(source), lambda: steps.fit_transform(frame, goals), lambda: steps.transform(asked))
        )
        return views[0].learnt

    with _quiet():
        fit_on_view(model, frame, y, view)
    fitted = time.perf_counter()
    (learning, asking), found = views[0].seconds, views[0].found
    predictions = predicted_on_view(model, views[0].asked, asked, setting.classification)
    # Both views were computed, or neither was, while the model was fitted.
    took = fitted - started + (learning if found else -asking)
    return _Fit(predictions, took, time.perf_counter() - fitted + asking, learning if found else 0.0)


def grown(rounds: Sequence[int] | None, rows: int) -> int | None:
    """The rounds of boosting for a fit on this many rows, from those found on others; ``None`` from none.

    More rows bear more rounds: in proportion to the power 0.3 of their number, as was measured on tables of 500 to
    50,000 rows.
    """
    return None if rounds is None else max(1, round(rounds[0] * (rows / rounds[1]) ** 0.3))


def refit(
    place: Workplace,
    *,
    recipe: dict[str, Any],
    situation: dict[str, Any],
    target: str,
    rounds: Sequence[int] | None = None,
    sealed: bool = False,
    max_train_rows: int | None = None,
) -> Done:
    """Fit a recipe on all rows of the inputs ``rows`` and, with ``sealed``, ``holdout``; the artefact is ``model``.

    Where the input ``assignment`` is given, the rows in the gap before the holdout are left out.

    Args:
        place: the workplace.
        recipe: what to fit.
        situation: see :func:`setting_of`.
        target: name of the target column.
        rounds: see :func:`fit_folds`.
        sealed: whether to learn from the sealed rows, too.
        max_train_rows: fit a sample of about so many of them; the value says how many ``rows`` there were.
    """
    setting = setting_of(place, situation)
    frame, y = rows_of(place.inputs["rows"], target, setting.n_classes)
    if sealed:
        held, y_held = rows_of(place.inputs["holdout"], target, setting.n_classes)
        frame, y = stack_rows(frame, held), np.concatenate([y, y_held])
    elif "assignment" in place.inputs:
        learnt = learnt_rows(np.load(place.inputs["assignment"], allow_pickle=False))
        frame, y = frame.iloc[learnt].reset_index(drop=True), y[learnt]
    if max_train_rows is not None and max_train_rows < len(y):
        kept = sampled(frame, y, np.arange(len(y)), max_train_rows, setting)
        frame, y = frame.iloc[kept], y[kept]
    model = compile_recipe(restore(Recipe, recipe), replace(setting, rounds=grown(rounds, len(y))))
    started = time.perf_counter()
    _fit(model, frame, y)
    seconds = time.perf_counter() - started
    path = place.scratch / "model.skops"
    dump_model(model, path)
    return Done({"fit_seconds": seconds, "rows": len(y)}, {"model": path}, truncated=truncated(model))


def assemble(
    place: Workplace,
    *,
    weights: Sequence[float],
    n_classes: int,
    calibration: dict[str, Any] | None,
    target: str,
    personal: Sequence[str],
    floor: int = 10,
    copies: Sequence[int] = (),
    mean: Mean = "arithmetic",
) -> Done:
    """Put fitted members (inputs ``member_0`` …) together into one pipeline; the artefact is ``model``.

    The artefact ``references`` holds what explanations compare with, see :mod:`modelwright.references`: ``rows`` and
    ``values``.

    Args:
        place: the workplace; the optional inputs ``blend`` (out-of-fold mixture) and ``blend_truth`` fit the
            calibration, ``rows`` are what golden and reference rows are made of.
        weights: one a member.
        n_classes: 0 for regression.
        calibration: the use of a calibration, or ``None``.
        target: name of the target column.
        personal: columns that golden and reference rows leave empty.
        floor: rows that a value in them must stand for at least.
        copies: how many members in a row are fits of one model; one each by default.
        mean: which mean of the members' predictions.

    Returns:
        The value holds ``golden`` (``rows`` and their raw ``predictions``) and ``latency``.
    """
    path = place.scratch / "model.skops"
    model = assembled(place, weights, n_classes, calibration, copies, mean)
    dump_model(model, path)
    frame, _ = rows_of(place.inputs["rows"], target, n_classes)
    if len(frame) > REFERENCE_ROWS:
        frame = frame.iloc[sample_rows(len(frame), REFERENCE_ROWS, seed=place.seed)]
    known = reference_rows(frame, personal=personal, floor=floor, seed=place.seed)
    references = place.scratch / "references.json"
    values = reference_values(frame, personal=personal, floor=floor)
    references.write_text(json.dumps({"rows": table_records(known), "values": values}), encoding="utf-8")
    golden = known.head(GOLDEN_ROWS)
    predictions = raw_predictions(model, golden, bool(n_classes))
    thousand = frame.iloc[np.resize(np.arange(len(frame)), 1_000)]

    def milliseconds(rows: pd.DataFrame) -> float:
        started = time.perf_counter()
        raw_predictions(model, rows, bool(n_classes))
        return round(1000 * (time.perf_counter() - started), 2)

    latency = {
        "one_row_ms": milliseconds(golden.iloc[:1]),
        "thousand_rows_ms": round(10 * milliseconds(thousand.iloc[:100]), 2),
    }
    if latency["thousand_rows_ms"] < SLOW:  # beyond, a tenth of the rows tells well enough how long all take
        latency["thousand_rows_ms"] = milliseconds(thousand)
    value = {
        "golden": {"rows": table_records(golden), "predictions": plain(predictions.tolist())},
        "latency": latency,
        "bytes": path.stat().st_size,
    }
    return Done(value, {"model": path, "references": references})


def with_prediction(frame: pd.DataFrame, prediction: np.ndarray) -> pd.DataFrame:
    """The rows with what was predicted for them as a last column: large predictions often have large errors."""
    name = "prediction"
    while name in frame.columns:
        name += "_"
    together = frame.copy(deep=False)
    together[name] = np.asarray(prediction, dtype=np.float64)
    return together


def table_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain JSON: numbers, texts, ISO times, and ``None`` for what is missing."""

    def cell(value: Any) -> Any:
        if pd.isna(value):
            return None
        if isinstance(value, pd.Timestamp):
            return value.isoformat()
        return value if isinstance(value, str) else float(value)

    columns = [[cell(value) for value in frame[name].tolist()] for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def assembled(
    place: Workplace,
    weights: Sequence[float],
    n_classes: int,
    calibration: dict[str, Any] | None,
    copies: Sequence[int] = (),
    mean: Mean = "arithmetic",
) -> Any:
    """The fitted members of a workplace as one pipeline, see :func:`assemble`; the optional input ``second`` is a
    second level that puts their predictions together (:mod:`modelwright.stacking`).
    """
    members = shared([load_model(place.inputs[f"member_{i}"]) for i in range(len(weights))])
    corrected = calibrated(place, n_classes, calibration)
    second = load_model(place.inputs["second"]) if "second" in place.inputs else None
    if len(members) == 1 and corrected is None and second is None:
        return members[0]
    if n_classes:
        blend = BlendClassifier([], list(weights), n_classes, mean=mean).assemble(members, corrected, second, copies)
    else:
        blend = BlendRegressor([], list(weights)).assemble(members, second, copies)
    return Pipeline([("model", blend)])


def second_level(place: Workplace, *, weights: Sequence[float], n_classes: int) -> Done:
    """Fit a second level on members' out-of-fold predictions.

    The input ``known`` holds ``predictions`` (members, n, …), ``truth`` (n,) and ``folds`` (n,). The artefacts are
    ``second``, the fitted second level, and ``crossed``: what it says of each fold's rows when it is fitted on those of
    the others, ``.npy``.

    Args:
        place: the workplace.
        weights: the members' shares in the mixture that it is drawn to.
        n_classes: 0 for regression.
    """
    with np.load(place.inputs["known"], allow_pickle=False) as known:
        predictions, truth, folds = list(known["predictions"]), known["truth"], known["folds"]
    level = SecondLevel(list(weights), n_classes)
    paths = {"second": place.scratch / "second.skops", "crossed": place.scratch / "crossed.npy"}
    np.save(paths["crossed"], crossed(level, predictions, truth, folds), allow_pickle=False)
    dump_model(level.fit(predictions, truth), paths["second"])
    return Done({"rows": len(truth)}, paths)


def calibrated(place: Workplace, n_classes: int, calibration: dict[str, Any] | None) -> Any:
    """The correction of a mixture's probabilities, fitted on the inputs ``blend`` and ``blend_truth``; or ``None``."""
    if calibration is None:
        return None
    part = all_transforms()[calibration["action"]]
    setting = Setting("binary" if n_classes == 2 else "multiclass", n_classes)
    unfitted = part.build(part.action().resolved(calibration["params"]), setting)
    blend = np.load(place.inputs["blend"], allow_pickle=False)
    return unfitted.fit(blend, np.load(place.inputs["blend_truth"], allow_pickle=False))


def open_holdout(
    place: Workplace,
    *,
    problem: dict[str, Any],
    target: str,
    n_classes: int,
    weights: Sequence[float],
    calibration: dict[str, Any] | None,
    baseline_name: str,
    validation: dict[str, Any],
    threshold: float | None,
    personal: Sequence[str],
    unseen_groups: bool = False,
    tried: int = 0,
    mean: Mean = "arithmetic",
) -> Done:
    """Judge the refitted members on the sealed rows: the one step that opens them to measure.

    Inputs are the members, ``baseline`` (a model), ``holdout``, and ``units``, which may hold ``groups`` and ``times``
    of the sealed rows. Importances get as long as was wished for the step, counted from the first prediction's end.
    The value is a :class:`~modelwright.judgement.Judgement` as plain JSON; the artefact ``predictions`` holds the
    model's for the sealed rows, so that models can be compared without opening them again.
    """
    patience = math.inf if place.stop_at is None else place.stop_at - time.monotonic()
    asked = restore(Problem, problem)
    model = assembled(place, weights, n_classes, calibration, mean=mean)
    baseline = load_model(place.inputs["baseline"])
    frame, y = rows_of(place.inputs["holdout"], target, n_classes)
    started = time.perf_counter()
    past = rows_before(place, target, n_classes)
    prediction = predictions_after(past, frame, model, n_classes)
    predict_seconds = time.perf_counter() - started
    importances: tuple[Importance, ...] = permutation_importance(
        lambda rows: raw_predictions(model, rows, bool(n_classes)),
        frame,
        y,
        find_metric(asked.metric.value),
        list(frame.columns),
        classes=asked.classes,
        threshold=threshold,
        seed=place.seed,
        deadline=time.monotonic() + patience,
        personal=tuple(personal),
    )
    with np.load(place.inputs["units"], allow_pickle=False) as units:
        belonging = {name: units[name] for name in units.files}
    judgement = judge(
        asked,
        asked.classes,
        y,
        prediction,
        raw_predictions(baseline, frame, bool(n_classes)),
        baseline_name=baseline_name,
        validation=restore(Score[Validation], validation),
        threshold=threshold,
        seed=place.seed,
        importances=importances,
        groups=belonging.get("groups"),
        times=belonging.get("times"),
        unseen_groups=unseen_groups,
        tried=tried,
    )
    kept = place.scratch / "predictions.npy"
    np.save(kept, prediction, allow_pickle=False)
    value = {"judgement": plain(judgement), "predict_seconds": predict_seconds, "rows": len(y)}
    return Done(value, {"predictions": kept})


def sampled(frame: pd.DataFrame, y: np.ndarray, rows: np.ndarray, limit: int | None, setting: Setting) -> np.ndarray:
    """At most about so many of the rows, ascending; see :func:`modelwright.sampling.sample_rows`."""
    if limit is None or len(rows) <= limit:
        return rows
    times = moments_of(frame, setting.time_column)
    picked = sample_rows(
        len(rows),
        limit,
        seed=setting.seed,
        classes=y[rows] if setting.classification else None,
        times=None if times is None else times[rows],
    )
    kept: np.ndarray = rows[picked]
    return kept


def rows_before(place: Workplace, target: str, n_classes: int) -> pd.DataFrame:
    """The rows in the gap before the holdout, which features of the past go on through; none without a gap."""
    if "assignment" not in place.inputs:
        return rows_of(place.inputs["holdout"], target, n_classes)[0].iloc[:0]
    assignment = np.load(place.inputs["assignment"], allow_pickle=False)
    frame, _ = rows_of(place.inputs["rows"], target, n_classes)
    return frame.iloc[gap_rows(assignment, int(assignment[0].max()) + 1)]


def predictions_after(past: pd.DataFrame, frame: pd.DataFrame, model: Any, n_classes: int) -> np.ndarray:
    """What a model predicts for rows that come after others, which features of the past go on through."""
    return raw_predictions(model, stack_rows(past, frame), bool(n_classes))[len(past) :]


def _fit(model: Any, frame: pd.DataFrame, y: np.ndarray) -> None:
    with _quiet():
        model.fit(frame, y)


@contextmanager
def _quiet() -> Iterator[None]:
    """Convergence and feature-name warnings would only fill the worker's log; scores tell what they'd tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
