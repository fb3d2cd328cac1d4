"""A regression target in relation to a column of the same row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from modelwright.errors import NotApplicable
from modelwright.transforms._frames import Array, names_of, require


class Related(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A target less a column, or the logarithm of their ratio.

    Args:
        method: ``difference`` or ``log_ratio``.
        column: the column.

    Attributes:
        fill_: what stands for the column where it is missing: its median in training.
        low_, high_: range of what was made of the training targets, one width wider.
    """

    def __init__(self, method: str, column: str) -> None:
        self.method, self.column = method, column

    def fit(self, rows: pd.DataFrame, y: Any) -> Related:
        """Learn from training rows and targets.

        Raises:
            NotApplicable: when there is no such column of numbers, or nothing is known of it, or a ratio isn't defined.
        """
        if self.column not in names_of(rows, "numeric"):
            raise NotApplicable(f"{self.method}: there is no column of numbers called {self.column!r}")
        known = self._column(rows)
        known = known[~np.isnan(known)]
        if not known.size:
            raise NotApplicable(f"{self.method}: the column {self.column!r} holds no values that can be used")
        values = np.asarray(y, dtype=np.float64)
        if self.method == "log_ratio" and values.min() <= 0:
            raise NotApplicable(f"log_ratio needs a target above 0, here it goes down to {values.min():g}")
        self.fill_ = float(np.median(known))
        made = self.transform(rows, values)
        low, high = float(made.min()), float(made.max())
        self.low_, self.high_ = low - (high - low), high + (high - low)
        return self

    def transform(self, rows: pd.DataFrame, y: Any) -> Array:
        """What is left of targets (n,) of these rows."""
        base, values = self._base(rows), np.asarray(y, dtype=np.float64)
        return np.log(values) - np.log(base) if self.method == "log_ratio" else values - base

    def inverse_transform(self, rows: pd.DataFrame, z: Any) -> Array:
        """Targets (n,) of these rows, from what is left of them."""
        base, left = self._base(rows), np.clip(np.asarray(z, dtype=np.float64), self.low_, self.high_)
        return base * np.exp(left) if self.method == "log_ratio" else base + left

    def _base(self, rows: pd.DataFrame) -> Array:
        base = self._column(rows)
        return np.where(np.isnan(base), self.fill_, base)

    def _column(self, rows: pd.DataFrame) -> Array:
        """The column with not-a-number where its value can't be used."""
        require(rows, [self.column])
        values = rows[self.column].to_numpy(dtype=np.float64, na_value=np.nan)
        usable = np.isfinite(values) & (values > 0) if self.method == "log_ratio" else np.isfinite(values)
        return np.where(usable, values, np.nan)
