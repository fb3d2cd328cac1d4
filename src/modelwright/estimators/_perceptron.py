"""One multilayer perceptron: batch normalisation, dropout, AdamW, one cycle of the step size."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from modelwright.estimators._model import Array
from modelwright.estimators._pieces import Pieces

WARM_UP, START, SLOWEST = 0.25, 1 / 25, 1e-5
"""Share of the cycle in which steps become longer; the shares of the longest step with which it begins and ends."""
FAST, SLOW = 0.95, 0.85
"""Momentum where steps are short, and where they are longest."""
SQUARES, TINY = 0.99, 1e-5
"""How much of the mean squared gradient is kept from step to step; what keeps divisions finite."""
IN_TIME = 0.25
"""Share of its seconds that a fit may be behind with: only then does the clock have a say, so that what has time enough
comes out the same however the machine stumbles."""
RECENT = 0.1
"""Weight of the newest batch in the means and variances that serve for prediction."""


class Course(NamedTuple):
    """How a network is fitted.

    Args:
        hidden: neurons of each hidden layer.
        dropout: share of the hidden neurons that are left out in each step.
        decay: what a longest step takes off each weight, in proportion to the step's size.
        step: the longest step.
        batch: rows of a step.
        passes: passes over the rows.
        seconds: seconds that all of them may take; the cycle goes by the clock where they are too few.
        seed: seed of every random choice.
    """

    hidden: tuple[int, ...]
    dropout: float
    decay: float
    step: float
    batch: int
    passes: int
    seconds: float
    seed: int


class Perceptron:
    """A fitted network over encoded rows: a linear map for each layer, with ``max(0, x)`` between them.

    Batches are normalised after each hidden map in fitting (Ioffe and Szegedy, 2015), which is part of the maps
    afterwards.

    Attributes:
        coefs_: weights of each layer, (inputs, outputs).
        intercepts_: constants of each layer, (outputs,).
    """

    def __init__(self, coefs: list[Array], intercepts: list[Array]) -> None:
        self.coefs_, self.intercepts_ = coefs, intercepts

    def predict(self, X: Array) -> Array:
        """The last layer's values, (n,) or (n, outputs)."""
        for weights, constants in zip(self.coefs_[:-1], self.intercepts_[:-1], strict=True):
            X = X @ weights
            X += constants
            np.maximum(X, 0.0, out=X)
        out = X @ self.coefs_[-1] + self.intercepts_[-1]
        return out[:, 0] if out.shape[1] == 1 else out

    def predict_proba(self, X: Array) -> Array:
        """Softmax of the last layer's values, (n, classes)."""
        return np.asarray(softmax(self.predict(X), axis=1))


class _Hidden(NamedTuple):
    """A hidden layer in one step: what it was given, its normalised values, their factors, and who passed."""

    given: Array
    normal: Array
    by: Array
    passed: Array


class Fitting:
    """A network while it is fitted.

    Steps grow and shrink once over the whole course, and momentum the other way (Smith, A disciplined approach to
    neural network hyper-parameters, 2018); weights decay apart from the gradient (Loshchilov and Hutter, 2019). With
    fastai's defaults for tables (Howard and Gugger, 2020) as the pattern, it needs a fraction of the passes that a
    fixed step needs.

    Args:
        course: how.
        inputs: columns of encoded rows.
        outputs: number of classes, or 1 for values.
    """

    def __init__(self, course: Course, inputs: int, outputs: int) -> None:
        self._course = course
        self._random = np.random.default_rng(course.seed)
        sizes = (inputs, *course.hidden, outputs)
        self._inner = len(course.hidden)
        gains = (2.0,) * self._inner + (1.0,)
        self._weights = [
            (self._random.standard_normal((a, b)) * math.sqrt(gain / a)).astype(np.float32)
            for (a, b), gain in zip(pairwise(sizes), gains, strict=True)
        ]
        self._constants = [np.zeros(n, dtype=np.float32) for n in sizes[1:]]
        self._scales = [np.ones(n, dtype=np.float32) for n in course.hidden]
        self._centres = [np.zeros(n, dtype=np.float32) for n in course.hidden]
        self._spreads = [np.ones(n, dtype=np.float32) for n in course.hidden]
        learnt = self._learnt
        self._moments = [np.zeros_like(p) for p in learnt], [np.zeros_like(p) for p in learnt]
        self._left = 1.0, 1.0

    @property
    def _learnt(self) -> list[Array]:
        return [*self._weights, *self._constants, *self._scales]

    def fit(self, pieces: Pieces, train: Sequence[Array], held: Sequence[Array]) -> tuple[Perceptron, bool]:
        """Learn from rows and return the network where it was best on others, and whether the clock had a say.

        Args:
            pieces: how rows are encoded; a step at a time, since encoded rows take up to nine times the memory.
            train: rows (n, columns), targets (n, outputs), and weights (n,) with mean 1, in single precision.
            held: the same of the rows that are only predicted.
        """
        rows, targets, weights = train
        judged = (pieces(held[0]), *held[1:])
        batch = min(self._course.batch, len(rows))
        steps = max(1, len(rows) // batch)
        total, done, began, cut = steps * self._course.passes, 0, time.monotonic(), False
        best, least = self._folded(), math.inf
        while True:
            order = self._random.permutation(len(rows))
            for at in range(0, steps * batch, batch):
                spent = (time.monotonic() - began) / self._course.seconds
                chosen = order[at : at + batch]
                late = spent > max(done / total, IN_TIME)
                cut = cut or late
                self._step(pieces(rows[chosen]), targets[chosen], weights[chosen], spent if late else done / total)
                done += 1
                if spent >= 1:
                    break
            now = self._folded()
            loss = _loss(now, *judged)
            if loss < least:
                best, least = now, loss
            if done == total or spent >= 1:
                return best, cut

    def _step(self, rows: Array, targets: Array, weights: Array, way: float) -> None:
        layers, out, last = self._forward(rows)
        error = softmax(out, axis=1) if targets.shape[1] > 1 else out
        error -= targets
        error *= (weights / np.float32(len(rows)))[:, None]
        self._descend(self._backward(layers, last, error), way)

    def _forward(self, X: Array) -> tuple[list[_Hidden], Array, Array]:
        """The hidden layers, the last layer's values, and what it was given."""
        layers = []
        kept = 256 - round(256 * self._course.dropout)
        for i in range(self._inner):
            Z = X @ self._weights[i]
            centre = Z.mean(axis=0)
            Z -= centre
            spread = np.einsum("ij,ij->j", Z, Z) / np.float32(len(Z))
            self._centres[i] += np.float32(RECENT) * (centre - self._centres[i])
            self._spreads[i] += np.float32(RECENT) * (spread - self._spreads[i])
            by = 1 / np.sqrt(spread + np.float32(TINY))
            Z *= by
            out = Z * self._scales[i]
            out += self._constants[i]
            passed = (out > 0).astype(np.float32)
            if kept < 256:
                passed *= self._random.integers(0, 256, out.shape, dtype=np.uint8) < kept
                passed *= np.float32(256 / kept)
            out *= passed
            layers.append(_Hidden(X, Z, by, passed))
            X = out
        return layers, X @ self._weights[-1] + self._constants[-1], X

    def _backward(self, layers: list[_Hidden], last: Array, error: Array) -> list[Array]:
        """Gradients in the order of what is learnt."""
        weights, constants = [last.T @ error], [error.sum(axis=0)]
        scales: list[Array] = []
        for i in reversed(range(self._inner)):
            given, Z, by, passed = layers[i]
            error = error @ self._weights[i + 1].T
            error *= passed
            scale, constant = np.einsum("ij,ij->j", error, Z), error.sum(axis=0)
            error -= (Z * scale + constant) / np.float32(len(Z))
            error *= self._scales[i] * by
            weights.append(given.T @ error)
            constants.append(constant)
            scales.append(scale)
        return [*reversed(weights), *reversed(constants), *reversed(scales)]

    def _descend(self, gradients: list[Array], way: float) -> None:
        size, momentum = _cycle(way)
        size *= self._course.step
        self._left = self._left[0] * momentum, self._left[1] * SQUARES
        pace = np.float32(size / (1 - self._left[0]))
        whole = np.float32(1 / (1 - self._left[1]))
        for i, (p, g, mean, square) in enumerate(zip(self._learnt, gradients, *self._moments, strict=True)):
            mean *= np.float32(momentum)
            mean += np.float32(1 - momentum) * g
            square *= np.float32(SQUARES)
            square += np.float32(1 - SQUARES) * np.square(g)
            if i < len(self._weights):
                p *= np.float32(1 - size * self._course.decay)
            by = np.sqrt(square * whole)
            by += np.float32(TINY)
            p -= pace * mean / by

    def _folded(self) -> Perceptron:
        coefs, intercepts = [w.copy() for w in self._weights], [c.copy() for c in self._constants]
        for i in range(self._inner):
            factor = self._scales[i] / np.sqrt(self._spreads[i] + np.float32(TINY))
            coefs[i] *= factor
            intercepts[i] -= self._centres[i] * factor
        return Perceptron(coefs, intercepts)


def _cycle(way: float) -> tuple[float, float]:
    """Share of the longest step, and momentum, at a share of the whole course."""
    up = way < WARM_UP
    turn = (1 - math.cos(math.pi * (way / WARM_UP if up else min(1.0, (way - WARM_UP) / (1 - WARM_UP))))) / 2
    low, high = (START, turn) if up else (SLOWEST, 1 - turn)
    return low + (1 - low) * high, FAST + (SLOW - FAST) * high


def _loss(network: Perceptron, rows: Array, targets: Array, weights: Array) -> float:
    if targets.shape[1] > 1:
        found = -np.log(np.clip((network.predict_proba(rows) * targets).sum(axis=1), 1e-12, 1.0))
    else:
        found = np.square(network.predict(rows) - targets[:, 0])
    return float(np.average(found.astype(np.float64), weights=weights))
