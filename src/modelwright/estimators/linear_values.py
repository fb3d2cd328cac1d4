"""Linear models of values: sparse, Bayesian, and by projection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Integer, Real
from modelwright.estimators import REGRESSION, Family
from modelwright.estimators._family import Plain
from modelwright.recipe import Setting

ALPHA = Real("alpha", "strength of the penalty on the standardised target; None finds it by cross-validation", None,
             low=0.0, high=1e6, open_low=True, search=(1e-4, 1.0), log=True)  # fmt: skip


class _Values(Plain):
    family: ClassVar[Family] = "linear"
    tasks = REGRESSION
    view = "linear"
    interpretable = True


class LeastSquares(_Values):
    """Ordinary least squares."""

    name = "linear_regression"
    description = "Ordinary least squares: no penalty, no parameters; unstable when columns are many or alike."
    kinds = ("", "sklearn.linear_model:LinearRegression")
    price = (0.03, 1.0, 1.4)


class LassoModel(_Values):
    """Least squares with an L1 penalty."""

    name = "lasso"
    description = "Lasso: least squares that sets the coefficients of useless columns to zero."
    params = (ALPHA, Integer("max_iter", "passes over the columns at most", 2_000, low=1, high=100_000))
    price = (0.2, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.linear_model import Lasso, LassoCV

        alpha = params.pop("alpha")
        return LassoCV(**params, cv=5, alphas=50) if alpha is None else Lasso(alpha=alpha, **params)


class ElasticNetModel(_Values):
    """Least squares with L1 and L2 penalties."""

    name = "elastic_net"
    description = "Elastic net: between lasso and ridge; keeps groups of similar columns together."
    params = (
        ALPHA,
        Real("l1_ratio", "share of the L1 norm in the penalty", 0.5, low=0.0, high=1.0, search=(0.05, 0.95)),
        Integer("max_iter", "passes over the columns at most", 2_000, low=1, high=100_000),
    )
    price = (0.2, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.linear_model import ElasticNet, ElasticNetCV

        alpha = params.pop("alpha")
        if alpha is not None:
            return ElasticNet(alpha=alpha, **params)
        # The path of penalties is infinite without any L1 norm.
        params["l1_ratio"] = max(params["l1_ratio"], 0.01)
        return ElasticNetCV(**params, cv=5, alphas=50)


class Bayesian(_Values):
    """Ridge regression whose penalty is inferred."""

    name = "bayesian_ridge"
    description = "Bayesian ridge: infers the strength of its penalty from the training rows."
    kinds = ("", "sklearn.linear_model:BayesianRidge")
    sparse = False
    params = (Integer("max_iter", "steps at most", 300, low=1, high=10_000),)
    price = (0.05, 1.0, 1.5)


class RelevanceDetermination(_Values):
    """Sparse Bayesian regression."""

    name = "ard_regression"
    description = "Automatic relevance determination: Bayesian regression that prunes columns one by one."
    kinds = ("", "sklearn.linear_model:ARDRegression")
    sparse = False
    params = (
        Integer("max_iter", "steps at most", 100, low=1, high=10_000),
        Real("threshold_lambda", "precision from which a column is pruned", 1e4, low=1.0, high=1e12,
             search=(1e2, 1e6), log=True),
    )  # fmt: skip
    view = "dense"
    price = (0.15, 1.0, 1.5)
    max_rows = 200_000


class LeastAngle(_Values):
    """Least angle regression."""

    name = "lars"
    description = "Least angle regression: takes up columns one after the other, up to a number of them."
    kinds = ("", "sklearn.linear_model:Lars")
    wrapper = "modelwright.estimators._linear_values:Columnwise"
    sparse = False
    view = "dense"
    params = (Integer("n_nonzero_coefs", "columns that are taken up at most", 30, low=1, high=10_000, search=(3, 100),
                      log=True),)  # fmt: skip
    price = (0.05, 1.0, 1.3)


class LassoLeastAngle(_Values):
    """The lasso by least angles."""

    name = "lasso_lars"
    description = "The lasso solved by least angles; without a given penalty it is chosen by Akaike's criterion."
    sparse = False
    view = "dense"
    params = (
        Real("alpha", "strength of the penalty on the standardised target; None chooses it by Akaike's criterion", None,
             low=0.0, high=1e6, search=(1e-4, 0.3), log=True),
        Integer("max_iter", "steps at most", 500, low=1, high=100_000),
    )  # fmt: skip
    price = (0.06, 1.0, 1.3)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.linear_model import LassoLars

        from modelwright.estimators._linear_values import Criterion

        alpha = params.pop("alpha")
        return Criterion(**params) if alpha is None else LassoLars(alpha=alpha, **params)


class MatchingPursuit(_Values):
    """Orthogonal matching pursuit."""

    name = "orthogonal_matching_pursuit"
    description = "Greedy least squares: adds the column that explains most of what is left, a given number of times."
    kinds = ("", "sklearn.linear_model:OrthogonalMatchingPursuit")
    wrapper = "modelwright.estimators._linear_values:Columnwise"
    sparse = False
    view = "dense"
    params = (Integer("n_nonzero_coefs", "columns that are taken up at most", 15, low=1, high=10_000, search=(2, 60),
                      log=True),)  # fmt: skip
    price = (0.04, 1.0, 1.2)


class PartialLeastSquares(_Values):
    """Regression on a few components that vary together with the target."""

    name = "partial_least_squares"
    description = "Partial least squares: regression on a few components; for many columns that say the same."
    kinds = ("", "sklearn.cross_decomposition:PLSRegression")
    wrapper = "modelwright.estimators._linear_values:Columnwise"
    sparse = False
    view = "dense"
    params = (Integer("n_components", "components", 5, low=1, high=500, search=(1, 30), log=True),)
    price = (0.06, 1.0, 1.0)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        return super().seconds(rows, columns, params, setting) * (params.get("n_components") or 5) / 5
