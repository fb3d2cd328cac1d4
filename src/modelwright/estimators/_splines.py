"""Columns as smooth curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import SplineTransformer

from modelwright.estimators._model import Array


class Splines(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Natural-looking curves: B-splines with knots at quantiles for columns with many values, others as they are.

    Args:
        n_knots: knots a column.
        degree: degree of the pieces.
    """

    def __init__(self, n_knots: int = 6, degree: int = 3) -> None:
        self.n_knots, self.degree = n_knots, degree

    def fit(self, X: Any, y: Any = None) -> Splines:
        """Place the knots."""
        few = 2 * self.n_knots
        self.curved_ = np.array([i for i in range(X.shape[1]) if len(np.unique(X[:2_000, i])) > few], dtype=np.int64)
        self.straight_ = np.setdiff1d(np.arange(X.shape[1]), self.curved_)
        if len(self.curved_):
            self.splines_ = SplineTransformer(
                self.n_knots, degree=self.degree, knots="quantile", extrapolation="linear", include_bias=False
            ).fit(X[:, self.curved_])
        return self

    def transform(self, X: Any) -> Array:
        """The columns' curves."""
        straight: Array = X[:, self.straight_]
        return np.hstack([straight, self.splines_.transform(X[:, self.curved_])]) if len(self.curved_) else straight
