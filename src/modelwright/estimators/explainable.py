"""Explainable boosting: additive curves and pairs, learnt by boosting one column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Integer, Real
from modelwright.errors import MissingExtra
from modelwright.estimators import Estimator, Family
from modelwright.recipe import Setting


def cost(rows: int, columns: int, bags: int, interactions: float, classes: int) -> float:
    """Predicted seconds of one core for one fit."""
    curves, pairs = columns * (0.01 + 2e-6 * rows), interactions * columns * (0.02 + 6e-6 * rows)
    each = 0.05 + curves + pairs + columns**2 * 1e-4
    return float(0.05 + bags * each * (classes if classes > 2 else 1))


class ExplainableTrees(Estimator):
    """Explainable boosting."""

    name = "explainable_boosting"
    family: ClassVar[Family] = "boosting"
    description = (
        "A curve or steps for each column and surfaces for a few pairs, boosted slowly and added up: readable, and "
        "among the best on small tables of few signals; slow on many rows or columns."
    )
    view = "native"
    interpretable = True
    monotone = True
    library = "interpret"
    extra = "explainable"
    max_rows = 200_000
    params = (
        Real("interactions", "pairs of columns that get a surface, for each column", 0.5, low=0.0, high=10.0,
             search=(0.0, 3.0)),
        Integer("outer_bags", "models that are averaged", 8, low=1, high=100),
        Real("learning_rate", "how much of each tree is taken", 0.04, low=0.0, high=1.0, open_low=True,
             search=(0.01, 0.1), log=True),
        Integer("max_rounds", "rounds of boosting at most; each grows a tree for every term", 5_000, low=1,
                high=100_000),
        Integer("max_bins", "steps that a numeric column is divided into", 1_024, low=2, high=65_536),
        Integer("max_leaves", "leaves of one tree", 2, low=2, high=8, search=(2, 4)),
        Integer("min_samples_leaf", "rows a leaf must have", 4, low=1, high=100_000, search=(2, 50), log=True),
        Real("greedy_ratio", "how often the best term is boosted rather than each in turn", 10.0, low=0.0, high=100.0),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model.

        Raises:
            MissingExtra: when InterpretML isn't installed.
        """
        from modelwright.estimators._explainable import ExplainableBoosting

        if not self.installed:
            raise MissingExtra("explainable_boosting", self.extra)
        own = dict(params)
        interactions, bags, rounds = own.pop("interactions"), own.pop("outer_bags"), own.pop("max_rounds")
        ordered = bool(setting.time_column or setting.group_column)
        return ExplainableBoosting(
            own, setting.n_classes, interactions, bags, rounds, setting.seed, setting.threads, setting.stop_at, ordered
        )

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Half the bags."""
        bags = int(params["outer_bags"])
        return {"outer_bags": bags // 2} if bags >= 4 else None

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        return cost(rows, columns, int(params["outer_bags"]), float(params["interactions"]), setting.n_classes)
