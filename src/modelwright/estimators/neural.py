"""A small neural network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from modelwright.action import Integer, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._params import Layers
from modelwright.recipe import Setting

WIDEST = 256
"""Pieces of all columns together: wide tables get fewer a column, since the first layer's price grows with them."""


def averaged(rows: int) -> int:
    """Networks that are averaged where nobody says: four below 5,000 rows, where one is a matter of luck."""
    return 4 if rows < 5_000 else 1


def batch_of(rows: int) -> int:
    """Rows of one step where nobody says: a thirtieth, 16 to 128; more beyond 16,000 rows, for speed, up to 512."""
    return int(np.clip(rows // 30, 16, np.clip(rows // 128, 128, 512)))


def pieces_of(columns: int, bins: int) -> int:
    """Pieces of each of so many columns: as many as are asked for, fewer on wide tables; 0 where one would be left."""
    each = min(bins, WIDEST // max(1, columns))
    return each if each > 1 else 0


class MultilayerPerceptron(Estimator):
    """A multilayer perceptron."""

    name = "mlp"
    family: ClassVar[Family] = "neural"
    varies: ClassVar[bool] = True
    description = (
        "A small neural network over columns and pieces of them, taken from its best pass on held-out rows: it bends "
        "where trees have steps, so it is a good partner for them in an ensemble."
    )
    view = "dense"
    params = (
        Integer("n_estimators", "networks that are averaged; None takes four below 5,000 rows, else one", None, low=1,
                high=100),
        Integer("bins", "pieces of a column's range that are inputs, too; 0 for none; fewer on wide tables", 8, low=0,
                high=64, search=(0, 16)),
        Layers("hidden_layer_sizes", "neurons of each hidden layer", (256, 128), low=1, high=2_048, whole=True,
               max_items=8,
               search=((64, 32), (128, 64), (256, 128), (512, 128), (256, 256, 256), (128, 128, 128, 128))),
        Real("dropout", "share of the hidden neurons that are left out in each step", 0.2, low=0.0, high=0.9,
             search=(0.0, 0.5)),
        Real("weight_decay", "what a step takes off each weight, in proportion to the step's size", 0.1, low=0.0,
             high=1e3, search=(1e-3, 1.0), log=True),
        Real("learning_rate_init", "the longest step of AdamW; steps grow and shrink once", 5e-3, low=0.0, high=1.0,
             open_low=True, search=(1e-3, 2e-2), log=True),
        Integer("batch_size", "rows of one step; None takes a thirtieth of them, 16 to 128, more on many rows", None,
                low=2, high=10_000),
        Integer("max_iter", "passes over the rows", 30, low=1, high=5_000, search=(15, 60)),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._network import Network

        return Network(
            **params,
            n_classes=setting.n_classes,
            seed=setting.seed,
            threads=setting.threads,
            stop_at=setting.stop_at,
            ordered=bool(setting.time_column or setting.group_column),
        )

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        inputs = columns * (1 + pieces_of(columns, params.get("bins", 8)))
        sizes = [inputs, *(params.get("hidden_layer_sizes") or (256, 128)), max(1, setting.n_classes)]
        weights = sum(a * b for a, b in pairwise(sizes))
        batch = params.get("batch_size") or batch_of(rows)
        several = params.get("n_estimators") or averaged(rows)
        passes = params.get("max_iter") or 30
        step = 4e-4 + weights * 1e-8 + batch * (sum(sizes[1:]) * 2e-8 + weights * 2e-10)
        learnt = several - 1 if several > 1 else 0.9  # each leaves out its share of the rows
        return float(0.1 + passes * rows / batch * step * learnt)

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Two networks instead of more, then fewer passes, in which the step still grows and shrinks once."""
        networks, passes = params["n_estimators"] or 1, params["max_iter"]
        if networks > 2:
            return {"n_estimators": networks // 2}
        return {"max_iter": passes // 2} if passes >= 20 else None
