"""Discriminant analysis."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from modelwright.action import Choice, Real
from modelwright.estimators import CLASSIFICATION, Family
from modelwright.estimators._family import Plain
from modelwright.estimators._model import Array, Wrapped
from modelwright.recipe import Setting


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


class _Discriminant(Plain):
    family: ClassVar[Family] = "discriminant"
    tasks = CLASSIFICATION
    view = "dense"
    sparse = False
    wrapper = Spread


class Linear(_Discriminant):
    """Linear discriminant analysis."""

    name = "linear_discriminant"
    description = "Linear discriminant analysis with shrunken covariances: good on small data."
    kinds = (LinearDiscriminantAnalysis, None)
    interpretable = True
    params = (
        Real("shrinkage", "how far the covariance is drawn to its mean variance; None finds it (Ledoit and Wolf)", None,
             low=0.0, high=1.0, search=(0.0, 0.9)),
        Choice("solver", "how it is solved", "lsqr", values=("lsqr", "eigen")),
    )  # fmt: skip
    price = (0.04, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        shrinkage = "auto" if params["shrinkage"] is None else params["shrinkage"]
        return LinearDiscriminantAnalysis(solver=params["solver"], shrinkage=shrinkage)


class Quadratic(_Discriminant):
    """Quadratic discriminant analysis."""

    name = "quadratic_discriminant"
    description = "Quadratic discriminant analysis: each class has its own normal cloud; for few columns."
    kinds = (QuadraticDiscriminantAnalysis, None)
    params = (
        Real("shrinkage", "how far each covariance is drawn to its mean variance; None finds it (Ledoit and Wolf)",
             None, low=0.0, high=1.0, search=(0.01, 0.9), log=True),
    )  # fmt: skip
    price = (0.04, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        shrinkage = "auto" if params["shrinkage"] is None else params["shrinkage"]
        return QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage)
