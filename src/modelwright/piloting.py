"""A cheap forecast of what a recipe is good for: one fit on a sample of the rows, in a worker process."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from modelwright.executors import Done, Workplace
from modelwright.fitting import rows_of, setting_of
from modelwright.hashing import restore
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.recipe import Recipe
from modelwright.splitting import fold_rows
from modelwright.tasks.metrics import find_metric

TRAIN_ROWS = 3_000
"""Rows that are fitted on: enough for a good feature to show, few enough for a second."""
VALID_ROWS = 3_000


def pilot(
    place: Workplace,
    *,
    recipe: dict[str, Any],
    situation: dict[str, Any],
    target: str,
    part: list[int],
    forward: bool,
    metric: str,
    temporal: bool,
) -> Done:
    """Fit a recipe on a sample of one fold's training rows and score a sample of its validation rows.

    Inputs are ``rows`` and ``assignment``, as for :func:`~modelwright.fitting.fit_folds`. Where rows have a past, the
    sample is the last stretch of the training rows, so that the past stays whole; elsewhere it is drawn at random.

    Returns:
        The value holds the ``score`` in the metric's units, the ``rows`` that were scored and the ``seconds``.
    """
    setting = setting_of(place, situation)
    frame, y = rows_of(place.inputs["rows"], target, setting.n_classes)
    assignment = np.load(place.inputs["assignment"], allow_pickle=False)
    train, valid = fold_rows(assignment, part[0], part[1], forward)
    rng = np.random.default_rng(place.seed)
    train, valid = _sample(train, TRAIN_ROWS, temporal, rng), _sample(valid, VALID_ROWS, temporal, rng)
    started = time.perf_counter()
    model = compile_recipe(restore(Recipe, recipe), setting)
    model.fit(frame.iloc[train], y[train])
    prediction = raw_predictions(model, frame.iloc[valid], setting.classification)
    score = find_metric(metric).score(y[valid], prediction)
    return Done({"score": float(score), "rows": len(valid), "seconds": time.perf_counter() - started}, {})


def _sample(rows: np.ndarray, most: int, temporal: bool, rng: np.random.Generator) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return rows[-most:] if temporal else np.sort(rng.choice(rows, most, replace=False))
