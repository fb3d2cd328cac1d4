"""A small neural network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import Estimator, Family
from modelwright.estimators._early_stopping import inner_folds, inner_split
from modelwright.estimators._model import Array, Model
from modelwright.estimators._params import Layers
from modelwright.recipe import Setting

AVERAGE_BELOW = 5_000


class Network(Model):
    """Multilayer perceptrons, each stopped where its loss on held-out training rows was least.

    Below 5,000 rows four networks are fitted, each stopped on another quarter of the rows, and averaged: every row is
    learnt from, and the luck of the start and of the held-out rows evens out. Beyond, one network is stopped on 10 %.

    Args:
        params: parameters of scikit-learn's ``MLPClassifier`` / ``MLPRegressor``.
        n_classes: number of classes; 0 for regression.
        epochs: passes over the rows at most.
        patience: passes without improvement after which fitting ends.
        seed: seed of every random choice.
        threads: threads that fitting may use.
        stop_at: ``time.monotonic()`` after which fitting stops with what it has.
        ordered: whether rows lie in the order of a time or group column.

    Attributes:
        networks_: the fitted networks.
    """

    takes_missing = False
    takes_sparse = False

    def __init__(
        self,
        params: dict[str, Any],
        n_classes: int = 0,
        epochs: int = 200,
        patience: int = 12,
        seed: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        ordered: bool = False,
    ) -> None:
        self.params, self.n_classes, self.epochs, self.patience = params, n_classes, epochs, patience
        self.seed, self.threads, self.stop_at, self.ordered = seed, threads, stop_at, ordered

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        n, classes = len(y), self.n_classes > 0
        self.scale_ = (0.0, 1.0)
        if not classes:
            self.scale_ = (self.mean_, float(np.std(y)) or 1.0)
            y = (y - self.scale_[0]) / self.scale_[1]
        X = X.astype(np.float32)
        if n < 10:
            every = np.arange(n)
            parts = [(every, every)]
        elif n < AVERAGE_BELOW:
            parts = inner_folds(y, 4, classes, self.ordered, self.seed)
        else:
            parts = [inner_split(y, 0.1, classes, self.ordered, self.seed)]
        self.networks_ = []
        for i, (train, held) in enumerate(parts):
            if i and self.truncated_:
                break
            self.networks_.append(self._one(X, y, weights, train, held, self.seed + i))

    def _one(self, X: Array, y: Array, weights: Array | None, train: Array, held: Array, seed: int) -> Any:
        codes = np.arange(len(self.classes_)) if self.n_classes else None
        batch = self.params.get("batch_size") or int(np.clip(len(train) // 30, 16, 256))
        settings = {**self.params, "batch_size": min(batch, len(train)), "random_state": seed}
        net = (MLPClassifier if self.n_classes else MLPRegressor)(**settings)
        known = {} if codes is None else {"classes": codes}
        rows = {} if weights is None else {"sample_weight": weights[train]}
        marks = None if weights is None or weights[held].sum() <= 0 else weights[held]
        every = np.arange(len(held))
        best, kept, since = np.inf, None, 0
        for epoch in range(self.epochs):
            net.partial_fit(X[train], y[train], **rows, **({} if epoch else known))
            if codes is not None:
                losses = -np.log(np.clip(net.predict_proba(X[held])[every, y[held]], 1e-12, 1.0))
            else:
                losses = np.square(y[held] - np.nan_to_num(net.predict(X[held])))
            loss = float(np.average(losses, weights=marks))
            since += 1
            if loss < best:
                best, since = loss, 0
                kept = [w.copy() for w in net.coefs_], [b.copy() for b in net.intercepts_]
            if since >= self.patience:
                break
            if self._time_left() <= 0:
                self.truncated_ = True
                break
        if kept is not None:
            net.coefs_, net.intercepts_ = kept
        # The optimiser's state is several times the size of the network, and is never needed again.
        del net._optimizer, net._random_state
        return net

    def _raw(self, X: Any) -> Array:
        X = X.astype(np.float32)
        if self.n_classes:
            return np.asarray(np.mean([net.predict_proba(X) for net in self.networks_], axis=0, dtype=np.float64))
        raw = np.asarray(np.mean([net.predict(X) for net in self.networks_], axis=0, dtype=np.float64))
        return raw * self.scale_[1] + self.scale_[0]


class MultilayerPerceptron(Estimator):
    """A multilayer perceptron."""

    name = "mlp"
    family: ClassVar[Family] = "neural"
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

    def build(self, params: Mapping[str, Any], setting: Setting) -> Network:
        """Make the unfitted model."""
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
