"""Votes of the nearest training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from modelwright.estimators._early_stopping import inner_split
from modelwright.estimators._model import Array, Wrapped
from modelwright.estimators._sharpness import FEWEST, sharpened, sharpening, with_shares

HELD, MOST_HELD = 0.25, 2_000
"""Share of the rows that a power is chosen on, and how many at most."""


class Neighbours(Wrapped):
    """Votes of neighbours, with the class shares as one more vote, so that no probability is zero.

    Where classes are clear, a few votes that stray make probabilities less sure than they should be. They are raised to
    the power that suits rows best that were held out, as those of forests are, where there are enough rows.

    Attributes:
        power_: the power.
    """

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        estimator.set_params(n_neighbors=min(estimator.n_neighbors, X.shape[0]), n_jobs=self.threads)
        self.power_ = 1.0
        if self.n_classes and len(y) >= FEWEST:
            train, held = inner_split(y, HELD, True, False, 0)
            held = held[:: max(1, len(held) // MOST_HELD)]
            votes = min(estimator.n_neighbors, len(train))
            trial = super()._fit_one(clone(estimator).set_params(n_neighbors=votes), X[train], y[train], None)
            guess = with_shares(trial.predict_proba(X[held]), votes, self.prior_)
            self.power_ = sharpening(guess, y[held])[0]
        return super()._fit_one(estimator, X, y, weights)

    def _raw(self, X: Any) -> Array:
        raw = super()._raw(X)
        if not self.n_classes:
            return raw
        power = getattr(self, "power_", 1.0)  # models of earlier versions have none
        return sharpened(with_shares(raw, self.fitted_.n_neighbors, self.prior_), power)


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
