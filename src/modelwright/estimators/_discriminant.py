"""Discriminant analysis where classes may have few rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from modelwright.estimators._model import Array, Wrapped


class Spread(Wrapped):
    """A classifier that needs to see how each class varies: classes with too few rows only get their share.

    Class attributes:
        least: rows that a class must have.
    """

    least: ClassVar[int] = 2

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        self.enough_ = np.bincount(y) >= self.least
        rows = self.enough_[y]
        if self.enough_.sum() < 2:
            return None
        return super()._fit_one(estimator, X[rows], y[rows], None if weights is None else weights[rows])

    def _raw(self, X: Any) -> Array:
        raw: Array = np.tile(self.prior_, (X.shape[0], 1))
        if self.fitted_ is not None:
            raw[:, self.enough_] = self.prior_[self.enough_].sum() * self.fitted_.predict_proba(X)
        return raw


class Clouds(Spread):
    """Each class has a covariance of its own; one of a handful of rows has no full rank."""

    least = 10
