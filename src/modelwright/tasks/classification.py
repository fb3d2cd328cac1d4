"""Classification: which of two or more classes a row belongs to."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import DataError
from modelwright.plan import Plan
from modelwright.problem import Problem
from modelwright.recipe import Use
from modelwright.table import Schema
from modelwright.tasks import Task
from modelwright.tasks.metrics import to_labels

_NO = ("no", "n", "false", "f", "0", "0.0", "off", "negative", "none", "absent")
_YES = ("yes", "y", "true", "t", "1", "1.0", "on", "positive", "present")


def label_texts(target: pd.Series) -> pd.Series:
    """The labels as text: whole numbers without a decimal point, everything else as it is written."""
    if pd.api.types.is_bool_dtype(target):
        return target.map({True: "yes", False: "no"})
    if pd.api.types.is_numeric_dtype(target):
        values = target.to_numpy(dtype=np.float64)
        distinct, codes = np.unique(values, return_inverse=True)
        texts = np.array([f"{v:.0f}" if v.is_integer() else repr(v) for v in map(float, distinct)], dtype=object)
        return pd.Series(texts[codes], index=target.index)
    if isinstance(target.dtype, pd.CategoricalDtype):
        texts = np.array([*map(str, target.cat.categories), str(np.nan)], dtype=object)
        return pd.Series(texts[target.cat.codes.to_numpy()], index=target.index)
    return target.astype(object).map(str)


def natural_key(label: str) -> tuple[object, ...]:
    """A sort key that puts "no" before "yes" and 9 before 10, also inside of texts."""
    lowered = label.strip().lower()
    side = 1 if lowered in _YES else 0 if lowered in _NO else None
    try:
        return (0, float(lowered), "", label)
    except ValueError:
        parts = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", lowered) if p)
        return (1, 0.0 if side is None else float(side), parts, label)


class Classification(Task):
    """What the two kinds of classification share."""

    def classes(self, target: pd.Series) -> tuple[str, ...]:
        """The labels, numbers by value, yes and no with the "no" first, everything else in natural order."""
        return tuple(sorted(set(label_texts(pd.Series(target.dropna().unique()))), key=natural_key))

    def encode(self, target: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
        """The codes of the labels.

        Raises:
            DataError: when a label isn't among the classes.
        """
        codes = pd.Index(classes, dtype=object).get_indexer(pd.Index(label_texts(target), dtype=object))
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            raise DataError(
                f"The target {str(target.name)!r} has the label {str(target.iloc[row])[:60]!r} in row {row + 1}, which "
                f"isn't one of the {len(classes)} known labels; correct it or leave the row out."
            )
        return codes.astype(np.int64)

    def baselines(self, problem: Problem, schema: Schema, rows: int) -> tuple[Plan, ...]:
        """Class shares, one shallow tree, logistic regression."""
        return (
            Plan(
                "prior",
                Use("baseline_prior"),
                reason="The share of each class, the same for every row: what one knows without looking at a row.",
                by="baselines",
            ),
            Plan(
                "tree",
                Use("decision_tree", {"max_depth": 4}),
                reason="One shallow tree: a handful of rules that a person can read.",
                by="baselines",
            ),
            Plan(
                "linear",
                Use("logistic_regression"),
                reason="A linear model: what each column says by itself, added up.",
                by="baselines",
            ),
        )

    def predictions(self, raw: np.ndarray, classes: tuple[str, ...], threshold: float | None) -> pd.DataFrame:
        """The label of each row, and the probability of every class; of two classes the last is called from the
        threshold on (0.5 when there is none)."""
        labels = np.array(classes, dtype=object)[to_labels(raw, threshold)]
        columns: dict[str, Any] = {"prediction": pd.Series(labels, dtype="str")}
        columns |= {f"probability_{label}": raw[:, i] for i, label in enumerate(classes)}
        return pd.DataFrame(columns)


class Binary(Classification):
    """Which of two classes."""

    name = "binary"
    title = "binary classification"
    default_metric = "roc_auc"
    secondary = (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "matthews_corrcoef",
    )


class Multiclass(Classification):
    """Which of several classes."""

    name = "multiclass"
    title = "classification into several classes"
    default_metric = "log_loss"
    secondary = ("log_loss", "accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "roc_auc_ovr", "cohen_kappa")
