"""Averaged multilayer perceptrons, each judged on training rows that it doesn't learn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.estimators._early_stopping import inner_folds, inner_split
from modelwright.estimators._model import Array, Model
from modelwright.estimators._perceptron import Course, Fitting
from modelwright.estimators._pieces import Pieces
from modelwright.estimators.neural import averaged, batch_of

BLOCK = 16_384
"""Rows that are predicted at a time: encoded, and in the hidden layers, they take many times their own memory."""


class Network(Model):
    """Multilayer perceptrons, each taken from the pass after which its loss on held-out training rows was least.

    Several networks are each judged on another part of the rows, and averaged: every row is learnt from, and the luck
    of the start and of the held-out rows evens out. A single one is judged on 10 %.

    Args:
        n_estimators: networks that are averaged; ``None`` as :func:`~modelwright.estimators.neural.averaged` says.
        bins: pieces that a column's range is divided into at most.
        hidden_layer_sizes: neurons of each hidden layer.
        dropout: share of the hidden neurons that are left out in each step.
        weight_decay: what a step takes off each weight, in proportion to the step's size.
        learning_rate_init: the longest step.
        batch_size: rows of a step; ``None`` as :func:`~modelwright.estimators.neural.batch_of` says.
        max_iter: passes over the rows.
        n_classes: number of classes; 0 for regression.
        seed: seed of every random choice.
        threads: threads that fitting may use.
        stop_at: ``time.monotonic()`` at which fitting ends; the cycle of the step size is then run through sooner.
        ordered: whether rows lie in the order of a time or group column.

    Attributes:
        pieces_: how columns are encoded.
        networks_: the fitted networks.
    """

    takes_missing = False
    takes_sparse = False

    def __init__(
        self,
        n_estimators: int | None,
        bins: int,
        hidden_layer_sizes: tuple[int, ...],
        dropout: float,
        weight_decay: float,
        learning_rate_init: float,
        batch_size: int | None,
        max_iter: int,
        n_classes: int = 0,
        seed: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        ordered: bool = False,
    ) -> None:
        self.n_estimators, self.bins = n_estimators, bins
        self.hidden_layer_sizes, self.dropout, self.weight_decay = hidden_layer_sizes, dropout, weight_decay
        self.learning_rate_init, self.batch_size, self.max_iter = learning_rate_init, batch_size, max_iter
        self.n_classes, self.seed, self.threads = n_classes, seed, threads
        self.stop_at, self.ordered = stop_at, ordered

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        n, classes, several = len(y), self.n_classes > 0, self.n_estimators or averaged(len(y))
        self.scale_ = (0.0, 1.0) if classes else (self.mean_, float(np.std(y)) or 1.0)
        if n < 10:
            every = np.arange(n)
            parts = [(every, every)]
        elif several > 1:
            parts = inner_folds(y, several, classes, self.ordered, self.seed)
        else:
            parts = [inner_split(y, 0.1, classes, self.ordered, self.seed)]
        X = X.astype(np.float32)
        self.pieces_ = Pieces(X, self.bins)
        if classes:
            targets = np.eye(len(self.classes_), dtype=np.float32)[y]
        else:
            targets = ((y - self.scale_[0]) / self.scale_[1]).astype(np.float32)[:, None]
        marks = np.ones(n) if weights is None else weights
        self.networks_ = []
        for i, (train, held) in enumerate(parts):
            if i and self._time_left() <= 0:
                self.truncated_ = True
                break
            course = Course(
                tuple(self.hidden_layer_sizes),
                self.dropout,
                self.weight_decay,
                self.learning_rate_init,
                self.batch_size or batch_of(len(train)),
                self.max_iter,
                max(1e-3, self._time_left()) / (len(parts) - i),
                self.seed + i,
            )
            data = [(X[rows], targets[rows], _of_mean_one(marks[rows])) for rows in (train, held)]
            network, cut = Fitting(course, self.pieces_.width, targets.shape[1]).fit(self.pieces_, *data)
            self.truncated_ = self.truncated_ or cut
            self.networks_.append(network)

    def _raw(self, X: Any) -> Array:
        starts = range(0, max(1, X.shape[0]), BLOCK)
        return np.concatenate([self._mean(X[at : at + BLOCK].astype(np.float32)) for at in starts])

    def _mean(self, X: Array) -> Array:
        X = self.pieces_(X)
        if self.n_classes:
            return np.asarray(np.mean([net.predict_proba(X) for net in self.networks_], axis=0, dtype=np.float64))
        raw = np.asarray(np.mean([net.predict(X) for net in self.networks_], axis=0, dtype=np.float64))
        return raw * self.scale_[1] + self.scale_[0]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "networks_") and not hasattr(self, "pieces_"):
            self.pieces_ = Pieces(np.zeros((1, 1)), 0)  # a model of an earlier version: it takes columns as they are


def _of_mean_one(weights: Array) -> Array:
    mean = weights.mean()
    return (weights / mean if mean > 0 else np.ones(len(weights))).astype(np.float32)
