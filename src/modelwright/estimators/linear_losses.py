"""Linear models with other losses than the squared one: robust, quantile, counts, hinge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Choice, Integer, Param, Real
from modelwright.estimators import REGRESSION, Family
from modelwright.estimators._family import Plain
from modelwright.estimators._params import class_weight
from modelwright.recipe import Setting


class _Loss(Plain):
    family: ClassVar[Family] = "linear"
    view = "linear"
    interpretable = True


class Huber(_Loss):
    """Huber's loss."""

    name = "huber"
    description = "Linear regression by Huber's loss: large errors count linearly, so outliers pull less."
    tasks = REGRESSION
    kinds = ("", "sklearn.linear_model:HuberRegressor")
    params = (
        Real("epsilon", "error in units of the noise from which it counts linearly", 1.35, low=1.0, high=100.0,
             search=(1.05, 3.0)),
        Real("alpha", "L2 penalty", 1e-2, low=0.0, high=1e6, search=(1e-5, 10.0), log=True),
        Integer("max_iter", "steps at most", 200, low=1, high=100_000),
    )  # fmt: skip
    price = (0.12, 1.0, 1.0)


class QuantileModel(_Loss):
    """Quantile regression."""

    name = "quantile_regression"
    description = "Linear regression of a quantile, by default the median: minimises the absolute error."
    tasks = REGRESSION
    kinds = ("", "sklearn.linear_model:QuantileRegressor")
    params = (
        Real("quantile", "which quantile", 0.5, low=0.001, high=0.999),
        Real("alpha", "L1 penalty on the standardised target", 1e-3, low=0.0, high=1e6, search=(1e-5, 0.1), log=True),
    )
    max_rows = 10_000
    price = (8.0, 1.5, 1.0)


class _Counts(_Loss):
    tasks = REGRESSION
    wrapper = "modelwright.estimators._linear_losses:NonNegative"
    standardise = False
    params: ClassVar[tuple[Param, ...]] = (
        Real("alpha", "L2 penalty", 1e-2, low=0.0, high=1e6, search=(1e-5, 10.0), log=True),
        Integer("max_iter", "steps at most", 300, low=1, high=100_000),
    )
    price = (0.1, 1.0, 1.0)


class Poisson(_Counts):
    """Poisson regression."""

    name = "poisson_regression"
    description = "Poisson regression: for counts and other amounts that aren't negative; effects multiply."
    kinds = ("", "sklearn.linear_model:PoissonRegressor")


class Gamma(_Counts):
    """Gamma regression."""

    name = "gamma_regression"
    description = "Gamma regression: for positive amounts whose spread grows with their size; effects multiply."
    kinds = ("", "sklearn.linear_model:GammaRegressor")


class Tweedie(_Counts):
    """Tweedie regression."""

    name = "tweedie_regression"
    description = "Tweedie regression: for amounts with many zeros, such as claims or rain; effects multiply."
    kinds = ("", "sklearn.linear_model:TweedieRegressor")
    params = (
        Real("power", "1 is Poisson, 2 is gamma, between them many zeros are expected", 1.5, low=1.0, high=3.0,
             search=(1.1, 1.9)),
        *_Counts.params,
    )  # fmt: skip

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        return super().make({**params, "link": "log"}, setting)


class TheilSen(_Loss):
    """Theil and Sen's estimator."""

    name = "theil_sen"
    description = "Theil–Sen: the median of fits to small subsets; withstands nearly a third of wild rows."
    tasks = REGRESSION
    kinds = ("", "sklearn.linear_model:TheilSenRegressor")
    view = "dense"
    sparse = False
    params = (Integer("max_subpopulation", "subsets that are fitted", 2_000, low=10, high=100_000),)
    max_rows = 100_000
    price = (1.0, 0.3, 1.5)


class Ransac(_Loss):
    """Random sample consensus."""

    name = "ransac"
    description = "RANSAC: a linear model of the rows that agree with each other; ignores the others as outliers."
    tasks = REGRESSION
    wrapper = "modelwright.estimators._linear_losses:Consensus"
    params = (
        Integer("max_trials", "subsets that are tried", 50, low=1, high=10_000),
        Real("residual_threshold", "error in standard deviations of the target up to which a row agrees", 0.5,
             low=0.0, high=1e3, open_low=True, search=(0.1, 2.0), log=True),
    )  # fmt: skip
    price = (0.4, 1.0, 1.2)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.linear_model import RANSACRegressor, Ridge

        return RANSACRegressor(Ridge(alpha=1.0), **params, random_state=setting.seed)


class StochasticGradient(_Loss):
    """Linear models by stochastic gradient descent."""

    name = "sgd"
    description = "Linear models by stochastic gradient descent: for very many rows or columns."
    kinds = ("sklearn.linear_model:SGDClassifier", "sklearn.linear_model:SGDRegressor")
    params = (
        Real("alpha", "strength of the penalty", 1e-4, low=0.0, high=1e3, open_low=True, search=(1e-6, 1e-1), log=True),
        Choice("penalty", "which norm is penalised", "l2", values=("l2", "l1", "elasticnet")),
        Real("l1_ratio", "share of the L1 norm in the penalty elasticnet", 0.15, low=0.0, high=1.0),
        Choice("loss", "loss of a classifier", "log_loss", values=("log_loss", "modified_huber"),
               search=("log_loss", "modified_huber")),
        Integer("max_iter", "passes over the rows at most", 200, low=1, high=100_000),
        class_weight(),
    )  # fmt: skip
    only: ClassVar[Mapping[str, int]] = {"class_weight": 0, "loss": 0}
    price = (0.15, 1.0, 0.6)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        # Averaged steps end near the optimum whatever the order of the rows; a single one doesn't.
        extra = {"average": True} if setting.classification else {"average": True, "loss": "squared_error"}
        return super().make({**params, **extra}, setting)


class PassiveAggressive(_Loss):
    """Online learning that only moves for errors."""

    name = "passive_aggressive"
    description = "Passive-aggressive learning: moves only for rows it gets wrong; quick on very many rows."
    kinds = ("sklearn.linear_model:SGDClassifier", "sklearn.linear_model:SGDRegressor")
    scores = True
    params = (
        Real("eta0", "how far one row may move it", 0.01, low=0.0, high=100.0, open_low=True, search=(1e-4, 1.0),
             log=True),
        Integer("max_iter", "passes over the rows at most", 200, low=1, high=100_000),
        class_weight(),
    )  # fmt: skip
    price = (0.2, 1.0, 0.6)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        loss = "hinge" if setting.classification else "epsilon_insensitive"
        return super().make({**params, "penalty": None, "learning_rate": "pa1", "loss": loss, "average": True}, setting)


class LinearVectors(_Loss):
    """Linear support vector machine."""

    name = "linear_svm"
    description = "Linear support vector machine; its scores are calibrated to probabilities by cross-fitting."
    kinds = ("sklearn.svm:LinearSVC", "sklearn.svm:LinearSVR")
    scores = True
    params = (
        Real("C", "inverse strength of the penalty", 0.1, low=0.0, high=1e5, open_low=True, search=(1e-4, 10.0),
             log=True),
        Real("epsilon", "error in standard deviations of the target that doesn't count (regression)", 0.05, low=0.0,
             high=10.0, search=(0.0, 0.5)),
        Integer("max_iter", "steps at most", 2_000, low=1, high=1_000_000),
        class_weight(),
    )  # fmt: skip
    only: ClassVar[Mapping[str, int]] = {"class_weight": 0, "epsilon": 1}
    price = (0.15, 1.0, 1.0)
    max_rows = 500_000

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        extra = {} if setting.classification else {"loss": "squared_epsilon_insensitive", "dual": False}
        return super().make({**params, **extra}, setting)
