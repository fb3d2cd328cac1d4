"""Votes of the nearest training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from modelwright.estimators._model import Array, Wrapped


class Neighbours(Wrapped):
    """Votes of neighbours, with the class shares as one more vote, so that no probability is zero."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        estimator.set_params(n_neighbors=min(estimator.n_neighbors, X.shape[0]), n_jobs=self.threads)
        return super()._fit_one(estimator, X, y, weights)

    def _raw(self, X: Any) -> Array:
        raw, votes = super()._raw(X), self.fitted_.n_neighbors
        return (votes * raw + self.prior_) / (votes + 1) if self.n_classes else raw


class Radius(Wrapped):
    """Votes of all rows within a radius; without one, that which holds 20 rows around half of the training rows."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        if estimator.radius is None:
            some = X[:: max(1, X.shape[0] // 500)]
            near = NearestNeighbors(n_neighbors=min(20, X.shape[0])).fit(X)
            radius = float(np.median(near.kneighbors(some)[0][:, -1]))
            estimator.set_params(radius=radius or 1.0)
        return super()._fit_one(estimator, X, y, weights)

    def _raw(self, X: Any) -> Array:
        raw = super()._raw(X)
        return 0.95 * np.nan_to_num(raw) + 0.05 * self.prior_ if self.n_classes else raw
