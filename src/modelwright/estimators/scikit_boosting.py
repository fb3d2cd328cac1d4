"""scikit-learn's boosting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import Family
from modelwright.estimators._family import Plain
from modelwright.estimators._params import Share, class_weight
from modelwright.recipe import Setting


class GradientBoosting(Plain):
    """Exact gradient boosting."""

    name = "gradient_boosting"
    family: ClassVar[Family] = "boosting"
    description = "scikit-learn's exact gradient boosting: shallow trees, good on small data, slow on many rows."
    kinds = ("sklearn.ensemble:GradientBoostingClassifier", "sklearn.ensemble:GradientBoostingRegressor")
    wrapper = "modelwright.estimators._scikit_boosting:Monitored"
    params = (
        Integer("n_estimators", "number of trees", 200, low=1, high=5_000, search=(50, 500), log=True),
        Real("learning_rate", "how much of each tree is taken", 0.08, low=0.0, high=1.0, open_low=True,
             search=(0.01, 0.3), log=True),
        Integer("max_depth", "levels of one tree", 3, low=1, high=10, search=(1, 7)),
        Real("subsample", "share of the rows that one tree sees", 0.8, low=0.0, high=1.0, open_low=True,
             search=(0.5, 1.0)),
        Integer("min_samples_leaf", "rows a leaf must have", 5, low=1, high=100_000, search=(1, 50), log=True),
        Integer("min_samples_split", "rows a node must have to be split", 2, low=2, high=100_000),
        Share("max_features", "share of the columns that one split sees", 0.7, low=0.0, high=1.0, open_low=True,
              search=(0.2, 1.0)),
    )  # fmt: skip
    price = (14.0, 1.0, 0.9)
    max_rows = 200_000
    max_classes = 30

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        size = (params.get("n_estimators") or 200) / 200 * (params.get("max_depth") or 3) / 3
        return super().seconds(rows, columns, params, setting) * size


class HistGradientBoosting(Plain):
    """Binned gradient boosting."""

    name = "hist_gradient_boosting"
    family: ClassVar[Family] = "boosting"
    description = "scikit-learn's gradient boosting on binned columns; takes categories and missing values as they are."
    view = "native"
    monotone = True
    kinds = ("sklearn.ensemble:HistGradientBoostingClassifier", "sklearn.ensemble:HistGradientBoostingRegressor")
    wrapper = "modelwright.estimators._scikit_boosting:Histogram"
    sparse = False
    params = (
        Integer("max_iter", "number of trees; None stops early on a tenth of the training rows", None,
                low=1, high=10_000),
        Real("learning_rate", "how much of each tree is taken", 0.07, low=0.0, high=1.0, open_low=True,
             search=(0.01, 0.3), log=True),
        Integer("max_leaf_nodes", "leaves of one tree", 31, low=2, high=1024, search=(6, 127), log=True),
        Integer("max_depth", "levels of one tree; None for no limit", None, optional=True, low=1, high=64),
        Integer("min_samples_leaf", "rows a leaf must have", 20, low=1, high=10_000, search=(2, 100), log=True),
        Real("l2_regularization", "L2 penalty on leaf values", 0.0, low=0.0, high=1e4, search=(1e-3, 30.0), log=True),
        Real("max_features", "share of the columns that one split sees", 1.0, low=0.0, high=1.0, open_low=True,
             search=(0.3, 1.0)),
        Integer("max_bins", "steps that a column is divided into", 255, low=2, high=255),
        class_weight(),
        Choice("loss", "loss of a regression; classification always uses log loss", "squared_error",
               values=("squared_error", "absolute_error")),
    )  # fmt: skip
    only: ClassVar[Mapping[str, int]] = {"class_weight": 0, "loss": 1}
    price = (1.3, 0.5, 0.6)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        return super().make({**params, "n_iter_no_change": 25}, setting)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        model = super().build(params, setting)
        model.set_params(missing=True)
        return model

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        return super().seconds(rows, columns, params, setting) * (params.get("max_iter") or 200) / 200


class AdaBoost(Plain):
    """Adaptive boosting of small trees."""

    name = "ada_boost"
    family: ClassVar[Family] = "boosting"
    description = "AdaBoost: small trees on ever harder rows; an old method that differs from gradient boosting."
    kinds = ("sklearn.ensemble:AdaBoostClassifier", "sklearn.ensemble:AdaBoostRegressor")
    params = (
        Integer("n_estimators", "number of trees", 100, low=1, high=2_000, search=(50, 300), log=True),
        Real("learning_rate", "weight of each tree", 0.5, low=0.0, high=10.0, open_low=True, search=(0.05, 1.5),
             log=True),
        Integer("max_depth", "levels of one tree", 3, low=1, high=10, search=(1, 6)),
    )  # fmt: skip
    price = (6.0, 0.9, 0.9)
    max_rows = 200_000

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        tree = DecisionTreeClassifier if setting.classification else DecisionTreeRegressor
        params["estimator"] = tree(max_depth=params.pop("max_depth"), min_samples_leaf=3, random_state=setting.seed)
        return super().make(params, setting)
