"""LightGBM in its several ways of growing trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from modelwright.action import Choice, Integer, Param, Real
from modelwright.estimators import REGRESSION, Estimator, Family
from modelwright.estimators._rounds import expected_rounds, larger_steps
from modelwright.recipe import Setting

ROUNDS = Integer("n_estimators", "number of trees; None finds it by early stopping", None, low=1, high=20_000)
RATE = Real("learning_rate", "how much of each tree is taken", 0.05, low=0.0, high=1.0, open_low=True,
            search=(0.01, 0.2), log=True)  # fmt: skip
COMMON: tuple[Param, ...] = (
    Integer("num_leaves", "leaves of one tree", 31, low=2, high=1024, search=(6, 200), log=True),
    Integer("max_depth", "levels of one tree; -1 for no limit", -1, low=-1, high=64),
    Integer("min_child_samples", "rows a leaf must have; None takes 20, fewer on small data", None,
            low=1, high=10_000, search=(2, 100), log=True),
    Real("min_child_weight", "sum of second derivatives that a leaf must have", 1e-3, low=0.0, high=1e4),
    Real("colsample_bytree", "share of the columns that one tree sees, three at least", 0.7, low=0.0, high=1.0,
         open_low=True, search=(0.3, 1.0)),
    Real("reg_alpha", "L1 penalty on leaf values", 0.0, low=0.0, high=1e4, search=(1e-4, 10.0), log=True),
    Real("reg_lambda", "L2 penalty on leaf values", 3.0, low=0.0, high=1e4, search=(1e-3, 30.0), log=True),
    Real("min_split_gain", "gain that a split must bring", 0.0, low=0.0, high=1e4),
    Integer("max_bin", "steps that a numeric column is divided into", 255, low=2, high=4095, search=(63, 511),
            log=True),
    Real("cat_smooth", "smoothing of the order of category levels", 10.0, low=0.0, high=1e4, search=(1.0, 100.0),
         log=True),
    Real("cat_l2", "L2 penalty in splits on categories", 10.0, low=0.0, high=1e4),
    Choice("objective", "loss of a regression; classification always uses log loss", "regression",
           values=("regression", "regression_l1", "huber", "poisson", "tweedie")),
    Real("scale_pos_weight", "weight of the second of two classes", 1.0, low=0.0, high=1e6, open_low=True),
)  # fmt: skip
SUBSAMPLE = Real("subsample", "share of the rows that one tree sees", 0.9, low=0.0, high=1.0, open_low=True,
                 search=(0.5, 1.0))  # fmt: skip


class _Family(Estimator):
    """What the members share: how parameters become LightGBM's, and what a fit costs."""

    family: ClassVar[Family] = "boosting"
    varies: ClassVar[bool] = True
    view = "native"
    monotone = True
    fixed: ClassVar[Mapping[str, Any]] = {}
    cost: ClassVar[float] = 1.0

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._lightgbm import LightGBM

        own = {**params, **self.fixed}
        rounds = own.pop("n_estimators") or setting.rounds
        own = {k: v for k, v in own.items() if v is not None}
        if own.get("subsample", 1.0) < 1.0:
            own["subsample_freq"] = 1
        if setting.classification:
            own.pop("objective", None)
        if setting.n_classes != 2:
            own.pop("scale_pos_weight", None)
        return LightGBM(
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
        leaves = params.get("num_leaves", 31)
        trees = rounds * (setting.n_classes if setting.n_classes > 2 else 1)
        depth = np.log2(leaves + 1)
        one = 3e-4 + leaves * columns * 1.9e-6 + rows * columns * depth * 8e-10 + rows * depth * 6e-9
        return float(0.05 + passes * self.cost * trees * one)


class LightGBMTrees(_Family):
    """Leaf-wise gradient boosting."""

    name = "lightgbm"
    description = (
        "LightGBM gradient boosting with early stopping on held-out training rows. The first choice for tables: fast, "
        "accurate, takes categories and missing values as they are."
    )
    params = (ROUNDS, RATE, *COMMON, SUBSAMPLE)


class LightGBMExtraTrees(_Family):
    """Gradient boosting with random split points."""

    name = "lightgbm_extra_trees"
    description = (
        "LightGBM with randomly drawn split points: smoother than plain boosting, often the better one on noisy data, "
        "and a good second voice in an ensemble."
    )
    params = (ROUNDS, RATE, *COMMON, SUBSAMPLE)
    fixed: ClassVar[Mapping[str, Any]] = {"extra_trees": True}


class LightGBMGoss(_Family):
    """Gradient boosting that samples rows by their gradients."""

    name = "lightgbm_goss"
    description = "LightGBM that keeps the rows with large errors and samples the others: faster on many rows."
    params = (
        ROUNDS, RATE, *COMMON,
        Real("top_rate", "share of rows kept for their large gradients", 0.2, low=0.01, high=0.7, search=(0.1, 0.4)),
        Real("other_rate", "share of the other rows that is sampled", 0.1, low=0.01, high=0.3, search=(0.05, 0.2)),
    )  # fmt: skip
    fixed: ClassVar[Mapping[str, Any]] = {"data_sample_strategy": "goss"}


class LightGBMDart(_Family):
    """Gradient boosting with dropout of trees."""

    name = "lightgbm_dart"
    description = (
        "LightGBM that leaves out random earlier trees while it fits the next: resists overfitting, at several times "
        "the cost; the number of trees is fixed, since dropout and early stopping don't go together."
    )
    params = (
        Integer("n_estimators", "number of trees", 300, low=1, high=5_000, search=(100, 600), log=True),
        Real("learning_rate", "how much of each tree is taken", 0.1, low=0.0, high=1.0, open_low=True,
             search=(0.03, 0.3), log=True),
        *COMMON, SUBSAMPLE,
        Real("drop_rate", "share of earlier trees that is left out", 0.1, low=0.0, high=1.0, search=(0.02, 0.3)),
        Real("skip_drop", "chance of leaving out none in a round", 0.5, low=0.0, high=1.0, search=(0.2, 0.8)),
        Integer("max_drop", "how many trees are left out at most", 50, low=1, high=1_000),
    )  # fmt: skip
    fixed: ClassVar[Mapping[str, Any]] = {"boosting": "dart"}
    cost = 2.0


class LightGBMForest(_Family):
    """A random forest over binned columns."""

    name = "lightgbm_forest"
    family: ClassVar[Family] = "forest"
    varies: ClassVar[bool] = False
    description = "A random forest grown by LightGBM: takes categories as they are and stays fast on many rows."
    params = (
        Integer("n_estimators", "number of trees", 200, low=1, high=5_000),
        Integer("num_leaves", "leaves of one tree", 127, low=2, high=1024, search=(31, 511), log=True),
        Integer("min_child_samples", "rows a leaf must have", 3, low=1, high=10_000, search=(1, 30), log=True),
        Real("subsample", "share of the rows that one tree sees", 0.63, low=0.01, high=0.99, search=(0.4, 0.9)),
        Real("colsample_bynode", "share of the columns that one split sees", 0.5, low=0.0, high=1.0, open_low=True,
             search=(0.2, 1.0)),
        Real("reg_lambda", "L2 penalty on leaf values", 0.0, low=0.0, high=1e4),
        Integer("max_bin", "steps that a numeric column is divided into", 255, low=2, high=4095),
    )  # fmt: skip
    fixed: ClassVar[Mapping[str, Any]] = {"boosting": "rf"}
    cost = 1.3


class LightGBMLinearTrees(_Family):
    """Gradient boosting of trees with a linear model in each leaf."""

    name = "lightgbm_linear_trees"
    description = (
        "LightGBM whose leaves hold small linear models: for smooth relations between numbers, where steps would need "
        "many trees."
    )
    tasks = REGRESSION
    monotone = False
    params = (
        ROUNDS,
        RATE,
        *(p for p in COMMON if p.name not in ("objective", "scale_pos_weight", "num_leaves")),
        Integer("num_leaves", "leaves of one tree", 16, low=2, high=256, search=(4, 64), log=True),
        Real(
            "linear_lambda", "L2 penalty of the linear models", 1.0, low=0.0, high=1e4, search=(0.01, 100.0), log=True
        ),
        SUBSAMPLE,
    )
    fixed: ClassVar[Mapping[str, Any]] = {"linear_tree": True}
    cost = 2.5
