"""Forests: many deep trees, averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from modelwright.action import Choice, Flag, Integer, Param, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._params import Share, class_weight
from modelwright.recipe import Setting

ROWS_A_TREE = 50_000
LEAVES = (1, 3, 10)
LARGEST = 5e8  # bytes

TREES = Integer("n_estimators", "number of trees", 300, low=1, high=5_000)
COMMON: tuple[Param, ...] = (
    TREES,
    Integer("max_depth", "levels of one tree; None for no limit", None, optional=True, low=1, high=200),
    Integer("min_samples_leaf", "rows a leaf must have; None chooses 1, 3 or 10 on a quarter of the rows", None,
            low=1, high=100_000, search=(1, 20), log=True),
    Integer("min_samples_split", "rows a node must have to be split", 2, low=2, high=100_000),
    Share("max_features", "share of the columns that one split sees; None takes the square root of their number in "
          "classification and 0.5 in regression", None, low=0.0, high=1.0, open_low=True, search=(0.1, 1.0)),
    Integer("max_leaf_nodes", "leaves of one tree; None for no limit", None, optional=True, low=2, high=1_000_000),
    class_weight("balanced_subsample"),
)  # fmt: skip


class _Family(Estimator):
    family: ClassVar[Family] = "forest"
    per_node: ClassVar[float] = 1.0

    def forest(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator."""
        raise NotImplementedError

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._forest import Forest

        own = dict(params)
        if not setting.classification:
            own.pop("class_weight", None)
            own.pop("criterion", None)
        if setting.rounds:
            own["n_estimators"] = min(own["n_estimators"], setting.rounds)
        inner = self.forest(own, setting)
        inner.set_params(random_state=setting.seed, n_jobs=setting.threads)
        return Forest(
            inner,
            setting.n_classes,
            setting.threads,
            setting.stop_at,
            sparse=not self._dense_only,
            seed=setting.seed,
            ordered=bool(setting.time_column or setting.group_column),
        )

    _dense_only: ClassVar[bool] = False

    def bytes_needed(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> int:
        """The data and the trees, and as much again for trying sizes of leaves and for packing them."""
        nodes = 2 * min(rows, ROWS_A_TREE) / (params.get("min_samples_leaf") or LEAVES[1])
        depth = params.get("max_depth")
        nodes = min(nodes, 2.0 ** (depth + 1)) if depth else nodes
        size = min(LARGEST, (params.get("n_estimators") or 300) * nodes * (72 + 8 * setting.n_classes))
        return int(2 * size) + super().bytes_needed(rows, columns, params, setting)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        seen = min(rows, ROWS_A_TREE)
        share: Any = params.get("max_features") or ("sqrt" if setting.classification else 0.5)
        tried = np.sqrt(columns) if share == "sqrt" else np.log2(columns + 1) if share == "log2" else share * columns
        leaf = params.get("min_samples_leaf") or max(1, rows // 5_000)
        depth = np.log2(max(2.0, seen / leaf)) + 1
        if params.get("max_depth"):
            depth = min(depth, params["max_depth"])
        one = 2e-3 + seen * depth * (1 + tried) * 1.8e-8 * self.per_node * np.log2(max(4, seen)) / 10
        pilots = 1.0 if params.get("min_samples_leaf") else 1.4
        return float(0.05 + pilots * (params.get("n_estimators") or 300) * one)

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Fewer trees."""
        trees = int(params["n_estimators"])
        return {"n_estimators": trees // 2} if trees >= 150 else None


class RandomForest(_Family):
    """Breiman's random forest."""

    name = "random_forest"
    description = (
        "A random forest: deep trees on resampled rows, averaged. Robust without tuning, and different enough from "
        "boosting to help an ensemble."
    )
    params = (
        *COMMON,
        Flag("bootstrap", "whether each tree sees a resample of the rows instead of all", True),
        Real("max_samples", "share of the rows that one tree sees; None for as many as there are, up to 50,000", None,
             low=0.0, high=1.0, open_low=True),
        Choice("criterion", "what splits are chosen by; without effect in regression", "gini",
               values=("gini", "entropy", "log_loss"), search=("gini", "entropy")),
    )  # fmt: skip

    def forest(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        kind = RandomForestClassifier if setting.classification else RandomForestRegressor
        return kind(**_features(params, setting))


class ExtraTrees(_Family):
    """Extremely randomised trees."""

    name = "extra_trees"
    description = (
        "Extremely randomised trees: like a random forest with randomly drawn split points. Cheap, smooth, and often "
        "the best forest."
    )
    params = (
        *COMMON,
        Flag("bootstrap", "whether each tree sees a resample of the rows instead of all", False),
        Choice("criterion", "what splits are chosen by; without effect in regression", "gini",
               values=("gini", "entropy", "log_loss"), search=("gini", "entropy")),
    )  # fmt: skip
    per_node = 0.7

    def forest(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator."""
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        kind = ExtraTreesClassifier if setting.classification else ExtraTreesRegressor
        return kind(**_features(params, setting))


class BaggedTrees(_Family):
    """Bagging of full trees."""

    name = "bagged_trees"
    description = "Bagging: whole trees on resampled rows, every split seeing every column; few strong columns suit it."
    params = (
        Integer("n_estimators", "number of trees", 100, low=1, high=5_000),
        Integer("max_depth", "levels of one tree; None for no limit", None, optional=True, low=1, high=200),
        Integer("min_samples_leaf", "rows a leaf must have; None chooses 1, 3 or 10 on a quarter of the rows", None,
                low=1, high=100_000, search=(1, 20), log=True),
        Real("max_samples", "share of the rows that one tree sees; None for as many as there are, up to 50,000", None,
             low=0.0, high=1.0, open_low=True, search=(0.3, 1.0)),
        Real("max_features", "share of the columns that one tree sees", 1.0, low=0.0, high=1.0, open_low=True,
             search=(0.4, 1.0)),
        class_weight(),
    )  # fmt: skip
    per_node = 1.6
    _dense_only = True

    def forest(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator."""
        from sklearn.ensemble import BaggingClassifier, BaggingRegressor
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        outer = {k: params.pop(k) for k in ("n_estimators", "max_samples", "max_features")}
        tree = (DecisionTreeClassifier if setting.classification else DecisionTreeRegressor)(**params)
        return (BaggingClassifier if setting.classification else BaggingRegressor)(tree, **outer)


def _features(params: dict[str, Any], setting: Setting) -> dict[str, Any]:
    if params["max_features"] is None:
        params["max_features"] = "sqrt" if setting.classification else 0.5
    return params
