"""Regression: how much."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modelwright.errors import DataError
from modelwright.plan import Plan
from modelwright.problem import Problem
from modelwright.recipe import Use
from modelwright.table import Schema
from modelwright.tasks import Task


class Regression(Task):
    """A number for each row."""

    name = "regression"
    title = "regression"
    default_metric = "rmse"
    secondary = ("rmse", "mae", "r2", "median_absolute_error", "mape")

    def classes(self, target: pd.Series) -> tuple[str, ...]:
        """None."""
        return ()

    def encode(self, target: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
        """The values.

        Raises:
            DataError: when the target isn't numeric or holds an infinite value.
        """
        if not pd.api.types.is_numeric_dtype(target):
            raise DataError(
                f"The target {str(target.name)!r} isn't numeric, so no amount can be predicted; choose another target "
                "or ask for a classification."
            )
        values = target.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise DataError(
                f"The target {str(target.name)!r} has the value {values[row]} in row {row + 1}; correct it or leave "
                "the row out."
            )
        return values

    def baselines(self, problem: Problem, schema: Schema, rows: int) -> tuple[Plan, ...]:
        """The mean, one shallow tree, ridge regression."""
        return (
            Plan(
                "prior",
                Use("baseline_prior"),
                reason="The mean of the target, the same for every row: what one knows without looking at a row.",
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
                Use("ridge"),
                reason="A linear model: what each column says by itself, added up.",
                by="baselines",
            ),
        )

    def predictions(self, raw: np.ndarray, classes: tuple[str, ...], threshold: float | None) -> pd.DataFrame:
        """The predicted value of each row."""
        return pd.DataFrame({"prediction": np.asarray(raw, dtype=np.float64)})
