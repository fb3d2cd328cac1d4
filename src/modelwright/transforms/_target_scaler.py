"""Transforms of a regression target whose inverse is always finite."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from modelwright.errors import NotApplicable
from modelwright.transforms._frames import Array

MARGIN = 0.5
"""How far beyond the training range predictions may go, as a share of that range: back-transforms explode."""


class TargetScaler(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A target transform over arrays of shape (n, 1) whose inverse is always finite.

    Args:
        method: ``log1p``, ``sqrt``, ``yeo_johnson``, ``quantile_normal`` or ``standardise``.
        seed: for the sample that quantiles are estimated on.
    """

    signed_: bool = False
    """Whether the logarithm is one of sizes, with the values' signs; models of earlier versions took no others."""

    def __init__(self, method: str, seed: int = 0) -> None:
        self.method, self.seed = method, seed

    def fit(self, y: Any, _: Any = None) -> TargetScaler:
        """Learn from training values.

        Raises:
            NotApplicable: for values that the transform isn't defined for, and for a constant target.
        """
        values = _column(y)
        low, high = float(values.min()), float(values.max())
        if not high > low:
            raise NotApplicable(f"{self.method}: the target is constant")
        if self.method == "sqrt" and low < 0:
            raise NotApplicable(f"sqrt needs a target without negative values, here it goes down to {low:g}")
        self.low_, self.high_, self.signed_ = low, high, low <= -1
        self.centre_, self.spread_ = float(values.mean()), float(values.std()) or 1.0
        scaled = (values - self.centre_) / self.spread_
        if self.method == "yeo_johnson":
            self.model_ = PowerTransformer("yeo-johnson", standardize=True).fit(scaled)
        elif self.method == "quantile_normal":
            self.model_ = QuantileTransformer(
                n_quantiles=min(1000, len(values)), output_distribution="normal", random_state=self.seed
            ).fit(scaled)
        made = self._forward(values)
        self.made_low_, self.made_high_ = float(made.min()), float(made.max())
        return self

    def transform(self, y: Any) -> Array:
        """Shape (n, 1)."""
        return self._forward(np.clip(_column(y), self.low_, self.high_) if self.method in ("log1p", "sqrt") else y)

    def fit_transform(self, y: Any, _: Any = None) -> Array:
        """Learn, and transform the training values."""
        return self.fit(y).transform(y)

    def inverse_transform(self, z: Any) -> Array:
        """Back to the target's own unit, at most half the training range beyond the training values."""
        span = self.made_high_ - self.made_low_
        made = np.clip(_column(z), self.made_low_ - MARGIN * span, self.made_high_ + MARGIN * span)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            values = self._backward(made)
        # Beyond some point a power transform has no inverse: what lies there is as far out as can be.
        middle = (self.made_low_ + self.made_high_) / 2
        reach = MARGIN * (self.high_ - self.low_)
        values = np.where(np.isnan(values), np.where(made > middle, np.inf, -np.inf), values)
        result: Array = np.clip(values, self.low_ - reach, self.high_ + reach)
        return result

    def _forward(self, y: Any) -> Array:
        values = _column(y)
        if self.method == "log1p":
            return np.sign(values) * np.log1p(np.abs(values)) if self.signed_ else np.log1p(values)
        if self.method == "sqrt":
            return np.sqrt(values)
        scaled: Array = (values - self.centre_) / self.spread_
        return scaled if self.method == "standardise" else np.asarray(self.model_.transform(scaled))

    def _backward(self, made: Array) -> Array:
        if self.method == "log1p":
            return np.sign(made) * np.expm1(np.abs(made)) if self.signed_ else np.expm1(made)
        if self.method == "sqrt":
            return np.square(np.maximum(made, 0.0))
        scaled = made if self.method == "standardise" else np.asarray(self.model_.inverse_transform(made))
        return scaled * self.spread_ + self.centre_


def _column(y: Any) -> Array:
    return np.asarray(y, dtype=np.float64).reshape(-1, 1)
