"""Linear models of classes and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import CLASSIFICATION, Estimator, Family
from modelwright.estimators._params import class_weight
from modelwright.recipe import Setting

ALPHAS = tuple(float(10.0**e) for e in np.arange(-3, 5.5, 0.5))


class _Family(Estimator):
    family: ClassVar[Family] = "linear"
    view = "linear"
    interpretable = True
    cost: ClassVar[float] = 1.0

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        k = setting.n_classes if setting.n_classes > 2 else 1
        return float(0.02 + self.cost * rows * columns * k * 2e-7)


class Logistic(_Family):
    """Logistic regression."""

    name = "logistic_regression"
    description = "Logistic regression: readable, quick, well calibrated, and hard to beat where signals are few."
    tasks = CLASSIFICATION
    params = (
        Real("C", "inverse strength of the penalty", 1.0, low=0.0, high=1e6, open_low=True, search=(1e-3, 100.0),
             log=True),
        Choice("penalty", "which norm of the coefficients is penalised", "l2", values=("l2", "l1", "elasticnet"),
               search=("l2", "l1")),
        Real("l1_ratio", "share of the L1 norm in the penalty elasticnet", 0.5, low=0.0, high=1.0),
        Integer("max_iter", "steps of the solver at most", 300, low=100, high=100_000),
        Choice("solver", "how it is solved; None takes lbfgs, and saga with an L1 norm", None, optional=True,
               values=("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")),
        class_weight(),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from sklearn.linear_model import LogisticRegression

        from modelwright.estimators._model import Wrapped

        norm, solver = params["penalty"], params["solver"]
        ratio = {"l2": 0.0, "l1": 1.0}.get(norm, params["l1_ratio"])
        if ratio == 0.0:
            # liblinear knows two classes only.
            solver = "lbfgs" if solver is None or (solver == "liblinear" and setting.n_classes > 2) else solver
        elif not (solver == "liblinear" and norm == "l1" and setting.n_classes == 2):
            solver = "liblinear" if norm == "l1" and setting.n_classes == 2 and solver is None else "saga"
        inner = LogisticRegression(
            C=params["C"],
            l1_ratio=ratio,
            solver=solver,
            max_iter=params["max_iter"],
            class_weight=params["class_weight"],
            random_state=setting.seed,
        )
        return Wrapped(inner, setting.n_classes, setting.threads)


class LogisticSearched(_Family):
    """Logistic regression that chooses its penalty."""

    name = "logistic_regression_cv"
    description = "Logistic regression that chooses the strength of its penalty by cross-validation in training rows."
    tasks = CLASSIFICATION
    params = (Integer("max_iter", "steps of the solver at most", 300, low=100, high=100_000), class_weight())
    cost = 5.0

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from sklearn.linear_model import LogisticRegression

        from modelwright.estimators._penalty import SearchedLogistic

        inner = LogisticRegression(**params, random_state=setting.seed)
        ordered = bool(setting.time_column or setting.group_column)
        return SearchedLogistic(inner, setting.n_classes, setting.threads, seed=setting.seed, ordered=ordered)


class RidgeModel(_Family):
    """Linear least squares with an L2 penalty."""

    name = "ridge"
    description = "Ridge regression; as a classifier, its scores are calibrated to probabilities by cross-fitting."
    params = (
        Real("alpha", "strength of the penalty; None finds it (regression) or takes 1 (classification)", None,
             low=0.0, high=1e9, search=(1e-2, 1e4), log=True),
        class_weight(),
    )  # fmt: skip
    cost = 0.8

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from sklearn.linear_model import Ridge, RidgeClassifier

        from modelwright.estimators._penalty import SearchedRidge
        from modelwright.estimators._scores import Scored

        if setting.classification:
            alpha = 1.0 if params["alpha"] is None else params["alpha"]
            inner = RidgeClassifier(alpha=alpha, class_weight=params["class_weight"], random_state=setting.seed)
            return Scored(inner, setting.n_classes, setting.threads, seed=setting.seed)
        inner = Ridge(alpha=params["alpha"], random_state=setting.seed)
        return SearchedRidge(inner, 0, setting.threads, standardise=True)
