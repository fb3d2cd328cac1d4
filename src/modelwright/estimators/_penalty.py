"""Linear models that find the strength of their penalty."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import RidgeCV

from modelwright.estimators._early_stopping import inner_folds
from modelwright.estimators._model import Array, Wrapped
from modelwright.estimators.linear import ALPHAS


class SearchedLogistic(Wrapped):
    """Logistic regression whose ``C`` has the least log loss in a 3-fold cross-validation of the training rows.

    Args:
        strengths: the values of ``C`` that are tried, weakest penalty last; each fit starts where the last one ended.
        seed: seed of the folds.
        ordered: whether rows lie in the order of a time or group column.
    """

    def __init__(
        self,
        estimator: Any,
        n_classes: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        standardise: bool = False,
        missing: bool = False,
        sparse: bool = True,
        strengths: tuple[float, ...] = (0.003, 0.03, 0.1, 0.3, 1.0, 10.0),
        seed: int = 0,
        ordered: bool = False,
    ) -> None:
        super().__init__(estimator, n_classes, threads, stop_at, standardise, missing, sparse)
        self.strengths, self.seed, self.ordered = strengths, seed, ordered

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        from sklearn.base import clone

        losses = np.zeros(len(self.strengths))
        for train, held in inner_folds(y, 3, True, self.ordered, self.seed):
            inner = clone(estimator).set_params(warm_start=True)
            if len(np.unique(y[train])) < 2:
                continue
            for i, strength in enumerate(self.strengths):
                inner.set_params(C=strength)
                inner.fit(X[train], y[train], None if weights is None else weights[train])
                places = np.searchsorted(inner.classes_, y[held]).clip(0, len(inner.classes_) - 1)
                seen = inner.classes_[places] == y[held]  # a class that was held out whole teaches nothing here
                right = inner.predict_proba(X[held])[np.arange(len(held)), places]
                each = np.where(seen, -np.log(np.clip(right, 1e-15, 1)), 0.0)
                losses[i] += float(each @ (np.ones(len(held)) if weights is None else weights[held]))
        return super()._fit_one(estimator.set_params(C=self.strengths[int(losses.argmin())]), X, y, weights)


class SearchedRidge(Wrapped):
    """Ridge regression whose penalty has the least leave-one-out error, where that is cheap; else a penalty of 10."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        if estimator.alpha is None:
            n, p = X.shape
            cheap = not sparse.issparse(X) and n * p * min(n, p) <= 2e10
            estimator = RidgeCV(alphas=np.array(ALPHAS)) if cheap else estimator.set_params(alpha=10.0)
        return super()._fit_one(estimator, X, y, weights)
