"""XGBoost in its several ways of growing trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Choice, Integer, Param, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._rounds import expected_rounds, larger_steps
from modelwright.recipe import Setting

ROUNDS = Integer("n_estimators", "number of trees; None finds it by early stopping", None, low=1, high=20_000)
RATE = Real("learning_rate", "how much of each tree is taken", 0.05, low=0.0, high=1.0, open_low=True,
            search=(0.01, 0.2), log=True)  # fmt: skip
COMMON: tuple[Param, ...] = (
    Integer("max_depth", "levels of one tree", 6, low=1, high=20, search=(3, 10)),
    Real("min_child_weight", "sum of second derivatives that a leaf must have", 1.0, low=0.0, high=1e4,
         search=(0.1, 30.0), log=True),
    Real("subsample", "share of the rows that one tree sees", 0.8, low=0.0, high=1.0, open_low=True, search=(0.5, 1.0)),
    Real("colsample_bytree", "share of the columns that one tree sees, three at least", 0.8, low=0.0, high=1.0,
         open_low=True, search=(0.3, 1.0)),
    Real("colsample_bylevel", "share of those that one level sees", 1.0, low=0.0, high=1.0, open_low=True),
    Real("gamma", "gain that a split must bring", 0.0, low=0.0, high=1e4),
    Real("reg_alpha", "L1 penalty on leaf values", 0.0, low=0.0, high=1e4, search=(1e-4, 10.0), log=True),
    Real("reg_lambda", "L2 penalty on leaf values", 1.0, low=0.0, high=1e4, search=(0.01, 30.0), log=True),
    Choice("grow_policy", "whether trees grow level by level or where the gain is largest", "depthwise",
           values=("depthwise", "lossguide")),
    Integer("max_leaves", "leaves of one tree; 0 for no limit", 0, low=0, high=10_000),
    Integer("max_bin", "steps that a numeric column is divided into", 256, low=2, high=4096),
    Integer("max_cat_to_onehot", "categories with fewer levels are split level by level", 4, low=1, high=1000),
    Real("scale_pos_weight", "weight of the second of two classes", 1.0, low=0.0, high=1e6, open_low=True),
    Choice("objective", "loss of a regression; classification always uses log loss", "reg:squarederror",
           values=("reg:squarederror", "reg:absoluteerror", "count:poisson", "reg:tweedie")),
)  # fmt: skip


class _Family(Estimator):
    family: ClassVar[Family] = "boosting"
    varies: ClassVar[bool] = True
    view = "native"
    monotone = True
    fixed: ClassVar[Mapping[str, Any]] = {"tree_method": "hist"}
    cost: ClassVar[float] = 1.0

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._xgboost import XGBoost

        own = {k: v for k, v in params.items() if v is not None} | dict(self.fixed)
        rounds = own.pop("n_estimators", None) or setting.rounds
        if setting.classification:
            own.pop("objective", None)
        if setting.n_classes != 2:
            own.pop("scale_pos_weight", None)
        return XGBoost(
            own,
            setting.n_classes,
            rounds,
            max_rounds=4_000 if own.get("learning_rate", 1.0) < 0.03 else 2_000,
            seed=setting.seed,
            threads=setting.threads,
            stop_at=setting.stop_at,
            ordered=bool(setting.time_column or setting.group_column),
        )

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Larger steps, so that fewer rounds are needed."""
        return larger_steps(params)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        rounds, passes = expected_rounds(rows, params, setting)
        trees = rounds * (setting.n_classes if setting.n_classes > 2 else 1)
        depth = params.get("max_depth") or 6
        # Deep trees are far from full; of classes, whose rows soon weigh next to nothing, they have few leaves.
        nodes = min(2.0**depth, rows / 5) ** 0.75 * (0.05 if setting.classification else 1.0)
        one = 3e-4 + nodes * columns * 4e-6 + rows * columns * depth * 5e-10 + rows * depth * 4e-9
        return float(0.05 + passes * self.cost * trees * one)


class XGBoostTrees(_Family):
    """Depth-wise gradient boosting."""

    name = "xgboost"
    description = (
        "XGBoost gradient boosting with early stopping on held-out training rows: level-wise trees, so a little "
        "different from LightGBM, and as accurate."
    )
    params = (ROUNDS, RATE, *COMMON)


class XGBoostDart(_Family):
    """Gradient boosting with dropout of trees."""

    name = "xgboost_dart"
    description = "XGBoost that leaves out random earlier trees while it fits the next; slow, resists overfitting."
    params = (
        Integer("n_estimators", "number of trees", 150, low=1, high=2_000, search=(50, 300), log=True),
        Real("learning_rate", "how much of each tree is taken", 0.1, low=0.0, high=1.0, open_low=True,
             search=(0.03, 0.3), log=True),
        *COMMON,
        Real("rate_drop", "share of earlier trees that is left out", 0.1, low=0.0, high=1.0, search=(0.02, 0.3)),
        Real("skip_drop", "chance of leaving out none in a round", 0.5, low=0.0, high=1.0, search=(0.2, 0.8)),
    )  # fmt: skip
    fixed: ClassVar[Mapping[str, Any]] = {"tree_method": "hist", "booster": "dart"}
    cost = 4.0


class XGBoostForest(_Family):
    """A random forest over binned columns."""

    name = "xgboost_forest"
    family: ClassVar[Family] = "forest"
    varies: ClassVar[bool] = False
    description = "A random forest grown by XGBoost in one round: fits by gradients, so its leaves are regularised."
    params = (
        Integer("num_parallel_tree", "number of trees", 200, low=1, high=2_000),
        Integer("max_depth", "levels of one tree", 10, low=1, high=20, search=(6, 14)),
        Real("min_child_weight", "sum of second derivatives that a leaf must have", 1.0, low=0.0, high=1e4,
             search=(0.1, 10.0), log=True),
        Real("subsample", "share of the rows that one tree sees", 0.63, low=0.0, high=1.0, open_low=True,
             search=(0.4, 0.9)),
        Real("colsample_bynode", "share of the columns that one split sees", 0.5, low=0.0, high=1.0, open_low=True,
             search=(0.2, 1.0)),
        Real("reg_lambda", "L2 penalty on leaf values", 0.1, low=0.0, high=1e4, search=(1e-3, 10.0), log=True),
        Real("scale_pos_weight", "weight of the second of two classes", 1.0, low=0.0, high=1e6, open_low=True),
    )  # fmt: skip
    fixed: ClassVar[Mapping[str, Any]] = {"tree_method": "hist", "n_estimators": 1, "learning_rate": 1.0}

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        trees = params.get("num_parallel_tree") or 200
        return super().seconds(rows, columns, {**params, "n_estimators": trees}, setting)


class XGBoostLinear(_Family):
    """Boosted coordinate descent."""

    name = "xgboost_linear"
    family: ClassVar[Family] = "linear"
    varies: ClassVar[bool] = False
    description = "XGBoost's linear booster: an elastic net fitted by coordinate descent, for wide and sparse data."
    view = "linear"
    interpretable = True
    monotone = False
    params = (
        Integer("n_estimators", "passes over the columns", 100, low=1, high=2_000, search=(20, 300), log=True),
        Real("learning_rate", "how much of each step is taken", 0.5, low=0.0, high=1.0, open_low=True,
             search=(0.1, 1.0), log=True),
        Real("reg_alpha", "L1 penalty", 0.0, low=0.0, high=1e4, search=(1e-5, 0.1), log=True),
        Real("reg_lambda", "L2 penalty", 0.001, low=0.0, high=1e4, search=(1e-5, 1.0), log=True),
        Real("scale_pos_weight", "weight of the second of two classes", 1.0, low=0.0, high=1e6, open_low=True),
    )  # fmt: skip
    # "shotgun", the default, races its threads and never gives the same model twice.
    fixed: ClassVar[Mapping[str, Any]] = {"booster": "gblinear", "updater": "coord_descent"}

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._xgboost import _Linear

        model = super().build(params, setting)
        return _Linear(**model.get_params(deep=False))

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        rounds = params.get("n_estimators") or 100
        return float(0.05 + rounds * rows * columns * 3e-9 * max(1, setting.n_classes / 2))
