"""Single trees, which a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

import numpy as np

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._params import Share, class_weight
from modelwright.recipe import Setting


class _Family(Estimator):
    family: ClassVar[Family] = "tree"
    interpretable = True
    kinds: ClassVar[tuple[str, str]]
    params = (
        Integer("max_depth", "levels; None for no limit", 6, optional=True, low=1, high=200, search=(2, 16)),
        Integer("min_samples_leaf", "rows a leaf must have", 5, low=1, high=100_000, search=(1, 100), log=True),
        Integer("min_samples_split", "rows a node must have to be split", 2, low=2, high=100_000),
        Integer("max_leaf_nodes", "leaves; None for no limit", None, optional=True, low=2, high=1_000_000),
        Share("max_features", "share of the columns that one split sees", 1.0, low=0.0, high=1.0, open_low=True),
        Real("ccp_alpha", "how much impurity a split must save to survive pruning", 0.0, low=0.0, high=1e6),
        Choice("criterion", "what splits are chosen by; without effect in regression", "gini",
               values=("gini", "entropy", "log_loss"), search=("gini", "entropy")),
        class_weight(),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._tree import Tree

        own = dict(params)
        if not setting.classification:
            del own["criterion"], own["class_weight"]
        kind = resolve_name(self.kinds[0 if setting.classification else 1])
        return Tree(kind(random_state=setting.seed, **own), setting.n_classes, setting.threads, missing=True)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        depth = min(params.get("max_depth") or 30, np.log2(max(2, rows)))
        return float(0.01 + rows * depth * columns * 6e-8 * np.log2(max(4, rows)) / 10)


class DecisionTree(_Family):
    """A decision tree."""

    name = "decision_tree"
    description = "One decision tree of a few levels: readable, and a fair first baseline."
    kinds = ("sklearn.tree:DecisionTreeClassifier", "sklearn.tree:DecisionTreeRegressor")


class ExtraTree(_Family):
    """A tree with random split points."""

    name = "extra_tree"
    description = "One tree with randomly drawn split points: weak alone, quick, and a building block for ensembles."
    kinds = ("sklearn.tree:ExtraTreeClassifier", "sklearn.tree:ExtraTreeRegressor")
