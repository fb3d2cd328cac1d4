"""Models of explainable boosting: additive curves and pairs of several bags, averaged and kept as arrays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from modelwright.estimators._early_stopping import inner_folds, inner_split
from modelwright.estimators._model import Array, Model
from modelwright.estimators.explainable import cost

PILOT = 8
"""Rounds that are timed where the time may be short."""
SURE = 10.0
"""Times the predicted seconds that must be left to fit without timing a pilot."""
HELD = 0.15
"""Share of the rows that one bag alone is stopped on."""
FEWEST = 20
"""Rows below which none are held out: then 100 rounds are boosted."""


class ExplainableBoosting(Model):
    """A generalised additive model with pairs, as InterpretML boosts it (Lou et al., KDD 2013; Nori et al., 2019).

    Bags are fitted one after the other, so that the clock can end the fit between two of them, and their curves are
    averaged. Each bag is stopped on rows of its own, so that every row is learnt from; with a time or group column
    they are neighbours. The pairs are chosen in the first bag. Only arrays are kept, and predictions are sums over
    them: a stored model needs no library.

    Args:
        params: the library's own parameters, without those below.
        n_classes: number of classes; 0 for regression.
        interactions: pairs of columns, for each column.
        bags: how many models are averaged.
        rounds: boosting rounds of each at most.
        seed: seed of every random choice.
        threads: threads that fitting may use; the library uses one.
        stop_at: ``time.monotonic()`` after which fitting stops with what it has.
        ordered: whether rows lie in the order of a time or group column.

    Attributes:
        terms_: the columns of each term, one or two.
        scores_: of each term what it adds, by the bins of its columns (and by class, where there are several).
        bins_: of each column how values are numbered, finely for terms of one column and coarsely for pairs: the cuts
            between numbers, or the bin of each category. Bin 0 is for what is missing, the last for what is unknown.
        bin_weights_: of each term how many training rows were in each bin.
        intercept_: where the sum starts: (1,) or (classes,).
    """

    takes_sparse = False

    def __init__(
        self,
        params: dict[str, Any],
        n_classes: int = 0,
        interactions: float = 0.5,
        bags: int = 8,
        rounds: int = 5_000,
        seed: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        ordered: bool = False,
    ) -> None:
        self.params, self.n_classes, self.interactions, self.bags = params, n_classes, interactions, bags
        self.rounds, self.seed, self.threads, self.stop_at, self.ordered = rounds, seed, threads, stop_at, ordered

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        self.scale_ = (0.0, 1.0)
        if not self.n_classes:
            self.scale_ = (self.mean_, float(np.std(y)) or 1.0)
            y = (y - self.scale_[0]) / self.scale_[1]
        columns = X.shape[1]
        pairs: Any = min(round(self.interactions * columns), columns * (columns - 1) // 2)
        rounds = self._affordable(X, y, weights)
        fitted: list[Any] = []
        began = time.monotonic()
        for bag in _bags(y, self.bags, self.n_classes > 0, self.ordered, self.seed):
            if fitted and self._time_left() < (time.monotonic() - began) / len(fitted):
                self.truncated_ = True
                break
            fitted.append(self._one(X, y, weights, bag, rounds, pairs))
            pairs = [term for term in fitted[0].term_features_ if len(term) == 2]
        self.truncated_ = self.truncated_ or rounds < self.rounds
        self._keep(fitted, columns)

    def _one(self, X: Array, y: Array, weights: Array | None, bag: Array, rounds: int, pairs: Any) -> Any:
        from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

        named = set(self._categorical())
        model = (ExplainableBoostingClassifier if self.n_classes else ExplainableBoostingRegressor)(
            **self.params,
            feature_types=["nominal" if i in named else "continuous" for i in range(X.shape[1])],
            monotone_constraints=self._directed(),
            interactions=pairs,
            outer_bags=1,
            max_rounds=rounds if (bag < 0).any() else min(rounds, 100),
            n_jobs=1,
            random_state=self.seed,
        )
        return model.fit(X, y, sample_weight=weights, bags=bag[:, None])

    def _keep(self, fitted: list[Any], columns: int) -> None:
        first = fitted[0]
        self.terms_ = [tuple(int(i) for i in term) for term in first.term_features_]
        self.scores_ = [np.mean([m.term_scores_[t] for m in fitted], axis=0) for t in range(len(self.terms_))]
        self.intercept_ = np.mean([np.atleast_1d(m.intercept_) for m in fitted], axis=0)
        self.bin_weights_ = [np.asarray(w, dtype=np.float64) for w in first.bin_weights_]
        named = set(self._categorical())
        self.bins_ = [
            [self._numbered(i, level) if i in named else np.asarray(level) for level in first.bins_[i]]
            for i in range(columns)
        ]

    def _numbered(self, column: int, bins: Mapping[str, int]) -> Array:
        """The bin of each category by its code; those that training rows didn't have are unknown."""
        codes = range(len(self.levels_[column] or ()))
        return np.array([bins.get(str(code), max(bins.values(), default=0) + 1) for code in codes], dtype=np.int64)

    def _raw(self, X: Array) -> Array:
        classes = len(self.intercept_)
        total = np.tile(self.intercept_, (len(X), 1))
        named = set(self._categorical())
        known: dict[tuple[int, int], Array] = {}
        for term, scores in zip(self.terms_, self.scores_, strict=True):
            places = []
            for column in term:
                level = min(len(term), len(self.bins_[column])) - 1
                if (column, level) not in known:
                    known[column, level] = _binned(X[:, column], self.bins_[column][level], column in named)
                places.append(known[column, level])
            total += scores[tuple(places)].reshape(len(X), classes)
        if not self.n_classes:
            return np.asarray(total[:, 0] * self.scale_[1] + self.scale_[0])
        return np.asarray(expit(total[:, 0]) if classes == 1 else softmax(total, axis=1))

    def _affordable(self, X: Array, y: Array, weights: Array | None) -> int:
        """Rounds for which the time suffices, should the first bag need them all."""
        left = self._time_left()
        many = len(self.classes_) if self.n_classes else 0
        if SURE * cost(len(y), X.shape[1], 1, self.interactions, many) < left:
            return self.rounds
        every = np.ones(len(y), dtype=np.int8)
        began = time.monotonic()
        self._one(X, y, weights, every, 1, 0)
        once = time.monotonic()
        self._one(X, y, weights, every, 1 + PILOT, 0)
        done = time.monotonic()
        each = max((done - once) - (once - began), 1e-4) / PILOT * (1.0 + self.interactions)
        return int(np.clip(0.6 * self._time_left() / each, 1, self.rounds))


def _bags(y: Array, bags: int, classes: bool, ordered: bool, seed: int) -> list[Array]:
    """For each bag, of each row: 1 where it is learnt from, −1 where fitting is stopped on it."""
    if len(y) < FEWEST:
        return [np.ones(len(y), dtype=np.int8)]
    if bags == 1:
        parts = [inner_split(y, HELD, classes, ordered, seed)]
    else:
        parts = list(islice(inner_folds(y, max(bags, 3), classes, ordered, seed), bags))
    found = []
    for train, held in parts:
        bag = np.ones(len(y), dtype=np.int8)
        bag[held] = -1
        if classes:
            bag[held[~np.isin(y[held], y[train])]] = 1  # a class that is never learnt can't be predicted
        found.append(bag)
    return found


def _binned(values: Array, bins: Array, named: bool) -> Array:
    """The bin of each value."""
    gone = np.isnan(values)
    if named:
        return np.where(gone, 0, bins[np.where(gone, 0, values).astype(np.int64)] if len(bins) else 0)
    return np.where(gone, 0, np.searchsorted(bins, values, side="right") + 1)
