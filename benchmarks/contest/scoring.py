"""Scores from predictions, the contest's own: nobody reports a score of itself."""

from __future__ import annotations

import numpy as np
import pandas as pd

LOSSES = ("log_loss", "rmse")
LEAST = 1e-7
"""Probabilities are clipped here: one row that somebody is sure of and wrong about must not decide a log loss."""


def gain(metric: str, score: float) -> float:
    """The score with its sign turned where less is better."""
    return -score if metric in LOSSES else score


def score(task: str, metric: str, truth: pd.Series, predictions: pd.DataFrame) -> float:
    """The score of a frame of predictions, in the metric's own direction.

    Args:
        task: ``binary``, ``multiclass`` or ``regression``.
        metric: ``roc_auc``, ``log_loss`` or ``rmse``.
        truth: the target, in the order of the rows.
        predictions: ``prediction``, or a column for each class.

    Raises:
        ValueError: when there are too few or too many, when they aren't finite, or when classes are missing.
    """
    if len(predictions) != len(truth):
        raise ValueError(f"{len(predictions)} predictions for {len(truth)} rows")
    if not np.isfinite(predictions.to_numpy()).all():
        raise ValueError("some are not finite")
    if task == "regression":
        errors = predictions["prediction"].to_numpy() - truth.to_numpy(dtype=float)
        return float(np.sqrt(np.mean(errors**2)))
    labels = truth.map(label)
    named = predictions.set_axis([label(c) for c in predictions.columns], axis=1)
    if not set(named) & set(labels):
        raise ValueError(f"its classes are {', '.join(map(str, named))}, those of the data {', '.join(set(labels))}")
    if metric == "log_loss":
        return _log_loss(labels, named)
    from sklearn.metrics import roc_auc_score

    positive = max(set(labels) | set(named))
    if positive not in named or named.shape[1] > 2:
        raise ValueError(f"two classes are needed, {positive} among them")
    return float(roc_auc_score(labels == positive, named[positive]))


def _log_loss(labels: pd.Series, named: pd.DataFrame) -> float:
    classes = sorted(set(labels) | set(named))
    chances = named.reindex(columns=classes, fill_value=0.0).to_numpy().clip(LEAST, 1)
    chances = chances / chances.sum(axis=1, keepdims=True)
    place = labels.map({c: i for i, c in enumerate(classes)}).to_numpy()
    return float(-np.mean(np.log(chances[np.arange(len(place)), place])))


def label(value: object) -> str:
    """A class by name, the same for ``1``, ``1.0`` and ``"1"``."""
    text = str(value)
    whole = text.removesuffix(".0")
    return whole if whole.lstrip("-").isdigit() else text
