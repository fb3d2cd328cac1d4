"""Scaling and clipping the numeric columns of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler

from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import Array, choose, numbers, replace_columns

HUGE = 1e100
"""Larger values are taken as this: their squares would overflow."""


def columns_of(values: Array, names: list[str]) -> dict[str, Array]:
    """An array (n, k) as its columns by name."""
    return {name: values[:, j] for j, name in enumerate(names)}


class Scaler(FrameTransformer):
    """Scales numbers, keeping what is missing; see :class:`Scale` for the parameters."""

    def __init__(self, method: str, columns: Any, seed: int) -> None:
        self.method, self.columns, self.seed = method, columns, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("numeric",), "scale")
        values = self._read(X)
        # A column with nothing known has no statistics; scikit-learn would warn about each of them.
        self.known_ = np.flatnonzero(~np.isnan(values).all(axis=0))
        self.model_ = self._model(len(values))
        if self.model_ is not None and self.known_.size:
            with np.errstate(all="ignore"):
                self.model_.fit(values[:, self.known_])

    def _model(self, rows: int) -> Any:
        match self.method:
            case "standard":
                return StandardScaler()
            case "min_max":
                return MinMaxScaler()
            case "robust":
                return RobustScaler()
            case "quantile":
                return QuantileTransformer(
                    n_quantiles=min(1000, rows), output_distribution="normal", random_state=self.seed
                )
            case "power":
                return PowerTransformer("yeo-johnson")
        return None

    def _read(self, X: pd.DataFrame) -> Array:
        values = np.clip(numbers(X, self.uses_), -HUGE, HUGE)
        # The power of a Yeo-Johnson transform is found in powers of the values, which must stay within range.
        return np.sign(values) * np.minimum(np.abs(values), 1e15) if self.method == "power" else values

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        values = self._read(X)
        if self.method == "log":
            values = np.sign(values) * np.log1p(np.abs(values))
        elif len(values) and self.known_.size:
            with np.errstate(all="ignore"):
                scaled = np.asarray(self.model_.transform(values[:, self.known_]))
            lost = np.isnan(values[:, self.known_])
            values = values.copy()
            values[:, self.known_] = np.where(lost, np.nan, np.nan_to_num(scaled, nan=0.0, posinf=HUGE, neginf=-HUGE))
        return replace_columns(X, columns_of(values, self.uses_))


class Clipper(FrameTransformer):
    """Clips numbers; see :class:`ClipOutliers` for the parameters."""

    def __init__(self, lower: float, upper: float, columns: Any) -> None:
        self.lower, self.upper, self.columns = lower, upper, columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("numeric",), "clip_outliers")
        values = numbers(X, self.uses_)
        self.low_ = np.array([_quantile(values[:, j], self.lower, -np.inf) for j in range(values.shape[1])])
        self.high_ = np.array([_quantile(values[:, j], self.upper, np.inf) for j in range(values.shape[1])])

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return replace_columns(X, columns_of(np.clip(numbers(X, self.uses_), self.low_, self.high_), self.uses_))


def _quantile(values: Array, share: float, otherwise: float) -> float:
    known = values[~np.isnan(values)]
    return float(np.quantile(known, share)) if known.size else otherwise
