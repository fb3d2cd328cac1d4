"""Forests of scikit-learn: their size of leaves, their growth against the clock, how sure they are."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

from modelwright.estimators._early_stopping import inner_split
from modelwright.estimators._model import Array, Wrapped
from modelwright.estimators._sharpness import FEWEST, sharpened, sharpening, with_shares
from modelwright.estimators._trees import Trees
from modelwright.estimators.forests import LARGEST, LEAVES, ROWS_A_TREE

PILOT_TREES, PILOT_ROWS = 50, 15_000
FEWEST_TREES = 100
AFFORDABLE = 1.5
"""Times the whole forest's seconds that must be left to try a further size of leaves."""


def first_trees(forest: Any, trees: int) -> Any:
    """A forest's first trees as a forest of their own."""
    part = copy.copy(forest)
    part.estimators_, part.n_estimators = forest.estimators_[:trees], trees
    if hasattr(forest, "estimators_features_"):
        part.estimators_features_ = forest.estimators_features_[:trees]
    return part


class Forest(Wrapped):
    """A forest of scikit-learn, grown a few trees at a time where there is a deadline.

    Growing in portions gives the same forest as growing at once. A tree sees at most 50,000 rows. Probabilities are
    mixed with the class shares as if these were one more tree, so that none is zero.

    ``min_samples_leaf=None`` takes 1, 3 or 10 rows, whichever is best for a small forest on a quarter of the training
    rows, and 2 below 200 rows: nothing else in a forest matters as much, in either direction. By how much the whole
    forest would be better than the small one is told from half of the small one, since an average's variance falls with
    the number of what is averaged. Where the trees would take more than half a gigabyte while they grow, there are
    fewer, down to a hundred, or larger leaves.

    The mean of many trees that disagree is less sure than they should be together, the more so the more classes there
    are. Probabilities are raised to the power that suits those rows best (temperature scaling, Guo, Pleiss, Sun and
    Weinberger, "On calibration of modern neural networks", ICML 2017), and divided by their sum.

    Args:
        seed: seed of the division into rows to learn from and rows to choose by.
        ordered: whether rows lie in the order of a time or group column.

    Attributes:
        min_samples_leaf_: rows that a leaf has at least.
        power_: the power.
    """

    def __init__(
        self,
        estimator: Any,
        n_classes: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        standardise: bool = False,
        missing: bool = True,
        sparse: bool = True,
        seed: int = 0,
        ordered: bool = False,
    ) -> None:
        super().__init__(estimator, n_classes, threads, stop_at, standardise, missing, sparse)
        self.seed, self.ordered = seed, ordered

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        n = X.shape[0]
        bagging = isinstance(estimator, BaggingClassifier | BaggingRegressor)
        tree = estimator.estimator if bagging else estimator
        leaves = LEAVES if tree.min_samples_leaf is None else (tree.min_samples_leaf,)
        self.min_samples_leaf_, self.power_, total = self._chosen(leaves, estimator, X, y, weights)
        tree.min_samples_leaf = self.min_samples_leaf_
        estimator.set_params(n_estimators=total)
        if estimator.max_samples is None and n > ROWS_A_TREE:
            estimator.set_params(bootstrap=True, max_samples=ROWS_A_TREE)
        elif not estimator.bootstrap and not bagging:
            estimator.max_samples = None  # scikit-learn refuses it without resampling
        kwargs = {} if weights is None else {"sample_weight": weights}
        if self.stop_at is None:
            estimator.fit(X, y, **kwargs)
        else:
            self._grow(estimator, X, y, kwargs, total)
        return Trees(estimator)

    def _chosen(
        self, leaves: tuple[int, ...], estimator: Any, X: Any, y: Array, weights: Array | None
    ) -> tuple[int, float, int]:
        """The size of leaves and the power that suit held-out rows best, by a small forest; and how many trees."""
        n, total = len(y), int(estimator.n_estimators)
        if n < FEWEST:
            return (leaves[0] if len(leaves) == 1 else 2), 1.0, total  # too few rows to choose by
        if len(leaves) == 1 and not self.n_classes:
            return leaves[0], 1.0, total
        train, held = inner_split(y, 0.25, self.n_classes > 0, self.ordered, self.seed)
        some = train[np.linspace(0, len(train) - 1, min(len(train), PILOT_ROWS)).astype(int)]
        if len(np.unique(y[some])) < len(np.unique(y)) and self.n_classes:
            some = train
        marks = None if weights is None else weights[some]
        trees = min(PILOT_TREES, total)
        best, chosen = np.inf, (leaves[-1], 1.0, total)
        for leaf in leaves:
            small = clone(estimator).set_params(n_estimators=trees)
            (small if hasattr(small, "min_samples_leaf") else small.estimator).min_samples_leaf = leaf
            started = time.monotonic()
            super()._fit_one(small, X[some], y[some], marks)
            took = time.monotonic() - started
            nodes = sum(t.tree_.node_count for t in small.estimators_) / trees
            fitting = min(total, int(LARGEST / (nodes * n / len(some) * (72 + 8 * self.n_classes))))
            if fitting < min(total, FEWEST_TREES) and leaf != leaves[-1]:
                continue
            counts = None if weights is None else weights[held]
            power, loss = self._judged(small, X[held], y[held], counts)
            if len(leaves) > 1 and fitting > trees:
                # What chance adds falls with the number of trees, and there is more of it in small leaves.
                of_half = self._judged(first_trees(small, trees // 2), X[held], y[held], counts)[1]
                loss -= (of_half - loss) * (1 - trees / fitting)
            if loss < best:
                best, chosen = loss, (leaf, power, max(fitting, min(total, FEWEST_TREES)))
            if AFFORDABLE * took * total / trees * n / len(some) > self._time_left():
                self.truncated_ = True  # the clock decided
                break
        return chosen

    def _judged(self, small: Any, X: Any, y: Array, weights: Array | None) -> tuple[float, float]:
        """The best power and the loss of a small forest on rows that it hasn't seen."""
        if not self.n_classes:
            return 1.0, float(np.average(np.square(small.predict(X) - y), weights=weights))
        return sharpening(with_shares(small.predict_proba(X), len(small.estimators_), self.prior_), y, weights)

    def _grow(self, estimator: Any, X: Any, y: Array, kwargs: dict[str, Any], total: int) -> None:
        portion = max(1, self.threads)
        estimator.set_params(warm_start=True, n_estimators=min(portion, total))
        while True:
            started = time.monotonic()
            estimator.fit(X, y, **kwargs)
            if estimator.n_estimators >= total:
                break
            if self._time_left() <= 0:
                self.truncated_ = True
                break
            took = max(1e-3, time.monotonic() - started)
            portion = int(np.clip(portion * min(0.5, self._time_left() / 4) / took, self.threads, 2 * portion))
            estimator.set_params(n_estimators=min(total, estimator.n_estimators + max(1, portion)))
        estimator.set_params(warm_start=False)

    @property
    def rounds_(self) -> int:
        """How many trees it has."""
        return len(self.fitted_)

    def _raw(self, X: Any) -> Array:
        raw = super()._raw(X)
        return sharpened(with_shares(raw, self.rounds_, self.prior_), self.power_) if self.n_classes else raw

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "fitted_") and not isinstance(self.fitted_, Trees):
            # A model of an earlier version: it holds scikit-learn's forest, and may have no power.
            self.fitted_, self.power_ = Trees(self.fitted_), getattr(self, "power_", 1.0)
