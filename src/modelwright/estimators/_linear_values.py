"""Linear models by steps or components, and Akaike's criterion where columns are many."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LassoLarsIC

from modelwright.estimators._model import Array, Wrapped


class Columnwise(Wrapped):
    """Regression by a number of steps or components, of which there can't be more than columns or rows."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        most = max(1, min(X.shape[1], X.shape[0] - 1))
        for name in ("n_nonzero_coefs", "n_components"):
            given = getattr(estimator, name, None)
            if given is not None:
                estimator.set_params(**{name: min(given, most)})
        return super()._fit_one(estimator, X, y, weights)


class Criterion(LassoLarsIC):  # type: ignore[misc]  # scikit-learn has no types
    """``LassoLarsIC`` that also works where rows are fewer than columns, with the targets' own variance as noise."""

    def fit(self, X: Any, y: Any) -> Criterion:
        """Fit to rows and standardised values."""
        if X.shape[0] <= X.shape[1] + 1:
            self.noise_variance = float(np.var(y)) or 1.0
        super().fit(X, y)
        return self
