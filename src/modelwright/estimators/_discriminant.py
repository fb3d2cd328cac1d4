"""Discriminant analysis where classes may have a single row."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.estimators._model import Array, Wrapped


class Spread(Wrapped):
    """A classifier that needs to see how each class varies: classes with a single row only get their share."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        self.enough_ = np.bincount(y) >= 2
        rows = self.enough_[y]
        if self.enough_.sum() < 2:
            return None
        return super()._fit_one(estimator, X[rows], y[rows], None if weights is None else weights[rows])

    def _raw(self, X: Any) -> Array:
        raw: Array = np.tile(self.prior_, (X.shape[0], 1))
        if self.fitted_ is not None:
            raw[:, self.enough_] = self.prior_[self.enough_].sum() * self.fitted_.predict_proba(X)
        return raw
