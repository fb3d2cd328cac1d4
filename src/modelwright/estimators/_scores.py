"""Probabilities for classifiers that only have scores."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from modelwright.estimators._early_stopping import inner_folds
from modelwright.estimators._model import Array, Wrapped


class Scored(Wrapped):
    """A classifier with ``decision_function`` whose scores are turned into probabilities.

    Of a support vector machine for several classes the margins between pairs of classes are added up for each class:
    the scores that scikit-learn makes of them count won pairs first, which leaps where probabilities should glide.

    The classifier is cross-fitted in three folds of the training rows, and a logistic regression learns from the
    scores of the rows left out how likely the classes are (Platt's scaling, for any number of classes). The classifier
    that predicts is fitted on all rows.

    Args:
        seed: seed of the folds.
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
        seed: int = 0,
    ) -> None:
        super().__init__(estimator, n_classes, threads, stop_at, standardise, missing, sparse)
        self.seed = seed

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        k = len(self.classes_)
        if "decision_function_shape" in estimator.get_params():
            estimator.set_params(decision_function_shape="ovo")
        scores, known = np.zeros((len(y), k if k > 2 else 1)), np.zeros(len(y), dtype=bool)
        for train, held in inner_folds(y, 3, True, False, self.seed):
            inside = np.unique(y[train])
            if len(inside) < k:
                continue  # without all classes its scores can't be compared with the others'
            inner = super()._fit_one(clone(estimator), X[train], y[train], None if weights is None else weights[train])
            scores[held] = self._scores(inner, X[held])
            known[held] = True
        fitted = super()._fit_one(estimator, X, y, weights)
        if len(np.unique(y[known])) < k:
            scores, known = self._scores(fitted, X), np.ones(len(y), dtype=bool)
        spread = scores[known].std(axis=0)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        kept = None if weights is None else weights[known]
        self.link_ = LogisticRegression(max_iter=1_000).fit(scores[known] / self.spread_, y[known], kept)
        return fitted

    def _raw(self, X: Any) -> Array:
        raw: Array = self.link_.predict_proba(self._scores(self.fitted_, X) / self.spread_)
        return raw

    def _scores(self, fitted: Any, X: Any) -> Array:
        scores = np.nan_to_num(np.asarray(fitted.decision_function(X), dtype=np.float64))
        if scores.ndim == 1 or getattr(fitted, "decision_function_shape", "ovr") == "ovr":
            return scores.reshape(len(scores), -1)
        k = len(self.classes_)
        won = np.zeros((scores.shape[1], k))
        for pair, (first, second) in enumerate(combinations(range(k), 2)):
            won[pair, first], won[pair, second] = 1.0, -1.0
        added: Array = scores @ won
        return added
