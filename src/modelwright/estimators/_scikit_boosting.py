"""scikit-learn's boosting, against the clock."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from modelwright.estimators._model import Array, Wrapped


class Monitored(Wrapped):
    """Gradient boosting that ends when the time is over."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        return estimator.fit(X, y, weights, monitor=None if self.stop_at is None else self._over)

    def _over(self, i: int, estimator: Any, variables: Any) -> bool:
        self.truncated_ = self._time_left() <= 0 and i + 1 < estimator.n_estimators
        return self.truncated_


class Histogram(Wrapped):
    """Histogram gradient boosting over numbers and category codes.

    ``max_iter=None`` stops early on a tenth of the training rows. A category with more levels than bins is taken as a
    number.
    """

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        levels = [0 if known is None else len(known) for known in self.levels_]
        few = [0 < count < estimator.max_bins for count in levels]
        rounds = estimator.max_iter
        # A class with a single row can't be on both sides of the split that early stopping needs.
        stop = rounds is None and len(y) >= 40 and (not self.n_classes or np.bincount(y).min() >= 2)
        estimator.set_params(
            categorical_features=few if any(few) else None,
            max_iter=rounds or (1_000 if stop else 100),
            early_stopping=stop,
            monotonic_cst=self._directed(),
        )
        if self.stop_at is None:
            estimator.fit(X, y, weights)
        else:
            self._portions(estimator, X, y, weights)
        # The library keeps a check of its input as a partial function, which an auditor of stored models can't pass;
        # what is checked has been made by this class.
        kept = getattr(estimator, "_preprocessor", None)
        for _, step, _ in [*kept.transformers, *kept.transformers_] if kept is not None else []:
            if isinstance(step, FunctionTransformer):
                step.set_params(func=None)
        return estimator

    def _portions(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> None:
        total = estimator.max_iter
        estimator.set_params(warm_start=True, max_iter=0)
        while estimator.max_iter < total:
            estimator.set_params(max_iter=min(total, estimator.max_iter + 50))
            estimator.fit(X, y, weights)
            if estimator.n_iter_ < estimator.max_iter:
                break
            if self._time_left() <= 0 and estimator.max_iter < total:
                self.truncated_ = True
                break
        estimator.set_params(warm_start=False)
