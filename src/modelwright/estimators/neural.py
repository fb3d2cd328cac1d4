"""A small neural network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._params import Layers
from modelwright.recipe import Setting

AVERAGE_BELOW = 5_000


class MultilayerPerceptron(Estimator):
    """A multilayer perceptron."""

    name = "mlp"
    family: ClassVar[Family] = "neural"
    varies: ClassVar[bool] = True
    description = (
        "A small neural network with early stopping on held-out training rows: smooth where trees are stepped, so a "
        "good partner for them in an ensemble."
    )
    view = "dense"
    params = (
        Layers("hidden_layer_sizes", "neurons of each hidden layer", (256, 128), low=1, high=2_048, whole=True,
               max_items=8,
               search=((32,), (64, 32), (96, 48), (128, 64), (128, 64, 32), (256, 128))),
        Choice("activation", "the neurons' response", "relu", values=("relu", "tanh", "logistic"),
               search=("relu", "tanh")),
        Real("alpha", "L2 penalty on weights", 1e-3, low=0.0, high=1e3, search=(1e-5, 1.0), log=True),
        Real("learning_rate_init", "step size of Adam", 1e-3, low=0.0, high=1.0, open_low=True, search=(5e-4, 8e-3),
             log=True),
        Integer("batch_size", "rows of one step; None takes a thirtieth of them, 16 to 256", None, low=1, high=10_000),
        Integer("max_iter", "passes over the rows at most", 200, low=1, high=5_000),
        Integer("n_iter_no_change", "passes without improvement after which fitting ends", 12, low=1, high=1_000),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._network import Network

        own = dict(params)
        epochs, patience = own.pop("max_iter"), own.pop("n_iter_no_change")
        return Network(
            own,
            setting.n_classes,
            epochs,
            patience,
            setting.seed,
            setting.threads,
            setting.stop_at,
            ordered=bool(setting.time_column or setting.group_column),
        )

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        sizes = [columns, *(params.get("hidden_layer_sizes") or (256, 128)), max(1, setting.n_classes)]
        weights = sum(a * b for a, b in pairwise(sizes))
        batch = params.get("batch_size") or np.clip(rows // 30, 16, 256)
        epochs = min(params.get("max_iter") or 200, 25)
        epoch = rows / batch * (5e-4 + weights * 1.5e-8) + rows * weights * 6 / 8e9
        return float(0.1 + epochs * epoch * (3 if rows < AVERAGE_BELOW else 1))
