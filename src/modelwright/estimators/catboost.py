"""CatBoost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._rounds import LARGEST_STEP
from modelwright.recipe import Setting

MOST = 20_000
"""Trees of one model at most."""
HASTY = 50
"""Trees without improvement that are waited for where time is short; small steps go on learning after longer pauses."""


def cost(rows: int, columns: int, rounds: float, params: Mapping[str, Any], classes: int) -> float:
    """Predicted seconds of one core for one fit."""
    depth = params.get("depth") or 6
    per_tree = 3e-4 + columns * 2.0**depth * 1.8e-6 + rows * (columns + 10) * depth * 1.8e-9
    if int(params.get("max_ctr_complexity") or 1) > 1:
        per_tree *= 2.5  # every pair of categories is a category of its own
    return float(0.1 + rounds * per_tree * (classes if classes > 2 else 1))


class CatBoostTrees(Estimator):
    """Gradient boosting of symmetric trees."""

    name = "catboost"
    family: ClassVar[Family] = "boosting"
    varies: ClassVar[bool] = True
    description = (
        "CatBoost: symmetric trees and its own encoding of categories. Strong without tuning, best with many levels "
        "and on small data; several times as slow as LightGBM."
    )
    view = "native"
    monotone = True
    params = (
        Integer("iterations", "number of trees", 1_000, low=1, high=MOST, search=(500, 3_000), log=True),
        Real("learning_rate", "how much of each tree is taken; None suits it to rows and iterations", None,
             low=0.0, high=1.0, open_low=True, search=(0.01, 0.2), log=True),
        Integer("early_stopping_rounds", "trees without improvement on held-out rows after which no more are grown; "
                "None grows all", None, low=1, high=1_000),
        Integer("depth", "levels of one tree", 6, low=1, high=12, search=(4, 8)),
        Real("l2_leaf_reg", "L2 penalty on leaf values", 3.0, low=0.0, high=1e4, search=(0.5, 30.0), log=True),
        Real("random_strength", "noise in the choice of splits", 1.0, low=0.0, high=100.0, search=(0.1, 5.0), log=True),
        Real("bagging_temperature", "how unequal the random row weights are", 1.0, low=0.0, high=10.0,
             search=(0.0, 1.5)),
        Real("rsm", "share of the columns that one level sees", 1.0, low=0.0, high=1.0, open_low=True),
        Integer("border_count", "steps that a numeric column is divided into", 254, low=1, high=1024),
        Integer("one_hot_max_size", "categories with up to this many levels are split level by level", 5,
                low=2, high=255, search=(2, 30), log=True),
        Integer("max_ctr_complexity", "how many categories are combined; more than 1 is slow", 1, low=1, high=4),
        Choice("grow_policy", "how trees grow", "SymmetricTree", values=("SymmetricTree", "Depthwise")),
        Choice("loss_function", "loss of a regression; classification always uses log loss", "RMSE",
               values=("RMSE", "MAE", "Poisson")),
        Choice("auto_class_weights", "weights classes by how rare they are; without effect in regression", None,
               optional=True, values=("Balanced", "SqrtBalanced")),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._catboost import CatBoost

        own = {k: v for k, v in params.items() if v is not None}
        if setting.classification:
            own.pop("loss_function", None)
        else:
            own.pop("auto_class_weights", None)
        most, patience = own.pop("iterations"), own.pop("early_stopping_rounds", None)
        return CatBoost(
            own,
            setting.n_classes,
            min(most, setting.rounds or MOST),
            setting.seed,
            setting.threads,
            setting.stop_at,
            None if setting.rounds else patience,
            bool(setting.time_column or setting.group_column),
            None if patience is None else most,
        )

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Fewer trees; the learning rate follows where it isn't given, or where their number is found.

        Where it is found, patience goes first.
        """
        trees, rate, patience = params["iterations"], params["learning_rate"], params["early_stopping_rounds"]
        if patience is not None and patience > HASTY:
            return {"iterations": round(0.6 * trees), "early_stopping_rounds": HASTY}
        if patience is not None and rate is not None and rate < LARGEST_STEP:
            return {"iterations": round(0.6 * trees), "learning_rate": round(min(LARGEST_STEP, rate / 0.6), 4)}
        if trees < 300 or rate is not None:
            return None
        return {"iterations": round(0.6 * trees)}

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        rounds = float(params.get("iterations") or 1_000)
        if params.get("early_stopping_rounds") is not None and setting.rounds == 0:
            # Most of the time they are found long before all are grown; finding them takes as long as fitting.
            rounds *= 0.5
        return cost(rows, columns, min(rounds, setting.rounds or MOST), params, setting.n_classes)
