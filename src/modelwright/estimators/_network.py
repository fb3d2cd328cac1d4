"""Multilayer perceptrons with early stopping on held-out training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from modelwright.estimators._early_stopping import inner_folds, inner_split
from modelwright.estimators._model import Array, Model
from modelwright.estimators.neural import AVERAGE_BELOW

DECAYS, DECAY, WAIT = 3, 0.3, 5
"""How often the optimiser's step is reduced, to what share of it, and after how many passes without improvement."""


class Network(Model):
    """Multilayer perceptrons, each stopped where its loss on held-out training rows was least.

    Below 5,000 rows four networks are fitted, each stopped on another quarter of the rows, and averaged: every row is
    learnt from, and the luck of the start and of the held-out rows evens out. Beyond, one network is stopped on 10 %;
    where it no longer improves it goes on from where it was best, in smaller steps, three times over.

    Args:
        params: parameters of scikit-learn's ``MLPClassifier`` / ``MLPRegressor``.
        n_classes: number of classes; 0 for regression.
        epochs: passes over the rows at most.
        patience: passes without improvement after which fitting ends; at most five before steps become smaller.
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
        decays, patience = (0, self.patience) if len(y) < AVERAGE_BELOW else (DECAYS, min(WAIT, self.patience))
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
                kept = _copies(net.coefs_), _copies(net.intercepts_)
            if since >= patience:
                if not decays or kept is None:
                    break
                decays, since = decays - 1, 0
                net.coefs_, net.intercepts_ = _copies(kept[0]), _copies(kept[1])
                net._optimizer.learning_rate_init *= DECAY
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


def _copies(arrays: list[Array]) -> list[Array]:
    return [array.copy() for array in arrays]
