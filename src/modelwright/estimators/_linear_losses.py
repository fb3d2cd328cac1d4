"""Linear models with a logarithmic link, and by random sample consensus."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import GammaRegressor

from modelwright.errors import NotApplicable
from modelwright.estimators._model import Array, Wrapped


class NonNegative(Wrapped):
    """Regression with a logarithmic link, for targets that aren't negative (or, where ``positive``, above zero)."""

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        positive = isinstance(self.estimator, GammaRegressor) or getattr(self.estimator, "power", 0) >= 2
        if y.min() < 0 or (positive and y.min() <= 0) or y.max() <= 0:
            raise NotApplicable(f"this model needs targets that are {'positive' if positive else 'not negative'}")
        super()._learn(X, y / self.mean_, weights)
        self.scale_ = (0.0, self.mean_)


class Consensus(Wrapped):
    """RANSAC; the plain ridge regression where no consensus is found."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        least = min(X.shape[0], max(X.shape[1] + 1, X.shape[0] // 4))
        try:
            return super()._fit_one(estimator.set_params(min_samples=least), X, y, weights)
        except ValueError as error:
            if "consensus" not in str(error):
                raise
            return super()._fit_one(estimator.estimator, X, y, weights)
