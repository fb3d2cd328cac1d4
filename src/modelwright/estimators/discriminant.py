"""Discriminant analysis."""

from __future__ import annotations

from typing import Any, ClassVar

from modelwright.action import Choice, Real
from modelwright.estimators import CLASSIFICATION, Family
from modelwright.estimators._family import Plain
from modelwright.recipe import Setting


class _Discriminant(Plain):
    family: ClassVar[Family] = "discriminant"
    tasks = CLASSIFICATION
    view = "dense"
    sparse = False
    wrapper = "modelwright.estimators._discriminant:Spread"


class Linear(_Discriminant):
    """Linear discriminant analysis."""

    name = "linear_discriminant"
    description = "Linear discriminant analysis with shrunken covariances: good on small data."
    interpretable = True
    params = (
        Real("shrinkage", "how far the covariance is drawn to its mean variance; None finds it (Ledoit and Wolf)", None,
             low=0.0, high=1.0, search=(0.0, 0.9)),
        Choice("solver", "how it is solved", "lsqr", values=("lsqr", "eigen")),
    )  # fmt: skip
    price = (0.04, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        shrinkage = "auto" if params["shrinkage"] is None else params["shrinkage"]
        return LinearDiscriminantAnalysis(solver=params["solver"], shrinkage=shrinkage)


class Quadratic(_Discriminant):
    """Quadratic discriminant analysis."""

    name = "quadratic_discriminant"
    wrapper = "modelwright.estimators._discriminant:Clouds"
    description = "Quadratic discriminant analysis: each class has its own normal cloud; for few columns."
    params = (
        Real("shrinkage", "how far each covariance is drawn to its mean variance; None finds it (Ledoit and Wolf)",
             None, low=0.0, high=1.0, search=(0.01, 0.9), log=True),
    )  # fmt: skip
    price = (0.04, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

        shrinkage = "auto" if params["shrinkage"] is None else params["shrinkage"]
        return QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage)
