"""Boosting with the number of rounds found on the training rows alone."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from modelwright.errors import NotApplicable
from modelwright.estimators._model import Array, Model
from modelwright.estimators._rounds import cross_below, refit_below

MOST_TREES = 8_000
"""Trees of one model at most when their number is found: with many classes each round grows one for each class."""
TOGETHER = 3
"""Columns that a tree sees at least: of fewer it couldn't tell what two or three say only together, such as a latitude
and a longitude."""
POSITIVE = ("poisson", "tweedie", "gamma")


def inner_folds(y: Array, folds: int, classes: bool, ordered: bool, seed: int) -> list[tuple[Array, Array]]:
    """Divide training rows into (train, validation) positions, each class spread evenly over the folds.

    With ``ordered``, as data with a time or group column needs it, each class is cut into runs of neighbouring rows,
    so that rows which resemble each other because they lie side by side stay on one side.
    """
    n = len(y)
    if classes and not ordered:
        rare = np.bincount(y).max() < folds
        if not rare:
            from sklearn.model_selection import StratifiedKFold

            splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
            return list(splitter.split(np.zeros(n), y))
    order = np.arange(n) if ordered else np.random.default_rng(seed).permutation(n)
    fold = np.empty(n, dtype=np.int64)
    for code in np.unique(y) if classes else (None,):
        members = order if code is None else order[y[order] == code]
        fold[members] = np.arange(len(members)) * folds // max(1, len(members))
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(folds) if (fold == f).any()]


def inner_split(y: Array, share: float, classes: bool, ordered: bool, seed: int) -> tuple[Array, Array]:
    """One (train, validation) division with this share of each class in validation, and a row of each that has two.

    With ``ordered`` the last rows of each class are validated.
    """
    rng = np.random.default_rng(seed)
    held = np.zeros(len(y), dtype=bool)
    for code in np.unique(y) if classes else (None,):
        members = np.arange(len(y)) if code is None else np.flatnonzero(y == code)
        members = members if ordered else rng.permutation(members)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        held[members[len(members) - count :]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


class Boosted(Model):
    """Gradient boosting in rounds.

    ``rounds=None`` finds the number of rounds by the validation loss (never by a ranking metric, which is too
    coarse to stop on) on rows held out of the training rows: below 4,000 rows (fewer with many classes) by the
    averaged curve of a 4-fold cross-validation, then all rows are fitted with that many rounds; below 20,000 on 15 %
    of them, then all rows are fitted with 5 % more rounds; beyond on 10 % (at most 20,000 rows), and the model is
    kept as it is. A given number of rounds is used as it is.

    Args:
        params: the library's own parameters.
        n_classes: number of classes; 0 for regression.
        rounds: how many rounds; ``None`` to find it.
        max_rounds: how many at most when it is found.
        patience: rounds without improvement after which the search for it ends.
        seed: seed of every random choice.
        threads: threads that fitting and predicting may use.
        stop_at: ``time.monotonic()`` after which fitting stops with what it has.
        ordered: whether rows lie in the order of a time or group column.

    Attributes:
        model_: the fitted model in the library's own format.
        rounds_: how many rounds it has.
    """

    def __init__(
        self,
        params: dict[str, Any],
        n_classes: int = 0,
        rounds: int | None = None,
        max_rounds: int = 2_000,
        patience: int = 50,
        seed: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        ordered: bool = False,
    ) -> None:
        self.params, self.n_classes, self.rounds, self.max_rounds = params, n_classes, rounds, max_rounds
        self.patience, self.seed, self.threads, self.stop_at = patience, seed, threads, stop_at
        self.ordered = ordered

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        self._k = len(self.classes_) if self.n_classes else 0
        y = self._scaled(y)
        most = min(self.max_rounds, max(50, MOST_TREES // self._k)) if self._k > 2 else self.max_rounds
        n, stop = len(y), self.stop_at if self.stop_at is not None else np.inf
        classes = self.n_classes > 0
        if self.rounds is not None or n < 10:
            booster, used, cut = self._boost(X, y, weights, self.rounds or 100, None, stop)
        elif n < cross_below(self._k):
            folds = inner_folds(y, 4, classes, self.ordered, self.seed)
            now = time.monotonic()
            best, cut = self._cross(X, y, weights, folds, now + (stop - now) / 2)
            booster, used, cut_again = self._boost(X, y, weights, best, None, stop)
            cut = cut or cut_again
        else:
            again = n < refit_below(self._k)
            share = 0.15 if again else min(0.1, 20_000 / n)
            train, held = inner_split(y, share, classes, self.ordered, self.seed)
            started = time.monotonic()
            booster, used, cut = self._boost(
                X[train],
                y[train],
                None if weights is None else weights[train],
                most,
                (X[held], y[held], None if weights is None else weights[held]),
                stop,
            )
            if again and not cut:
                if 1.3 * (time.monotonic() - started) < stop - time.monotonic():
                    booster, used, cut = self._boost(X, y, weights, max(1, round(1.05 * used)), None, stop)
                else:
                    cut = True  # the clock decided that the rows held out aren't learnt from
        self.model_, self.rounds_, self.truncated_ = self._dump(booster, used), used, cut

    def _sampled(self, columns: int) -> dict[str, Any]:
        """The share of the columns that one tree sees, raised where they are so few that it would see next to none."""
        share = self.params.get("colsample_bytree")
        # Libraries cut the product with the number of columns down to a whole number.
        return {} if share is None else {"colsample_bytree": min(1.0, max(share, (TOGETHER + 1e-3) / columns))}

    def _raw(self, X: Any) -> Array:
        if getattr(self, "_live", None) is None:
            self._live = self._load()
        raw = np.asarray(self._forward(self._live, X), dtype=np.float64)
        return raw if self.n_classes else raw * self.scale_[1] + self.scale_[0]

    def _scaled(self, y: Array) -> Array:
        # The libraries keep targets in single precision: without this, large offsets drown what is to be learnt.
        self.scale_ = (0.0, 1.0)
        if self.n_classes:
            return y
        objective = str(self.params.get("objective", ""))
        if any(word in objective for word in POSITIVE):
            if y.min() < 0:
                raise NotApplicable(f"the {objective} objective needs targets that aren't negative")
            self.scale_ = (0.0, float(y.mean()) or 1.0)
        else:
            self.scale_ = (float(y.mean()), float(y.std()) or 1.0)
        return (y - self.scale_[0]) / self.scale_[1]

    def _boost(
        self, X: Any, y: Array, w: Array | None, rounds: int, held: tuple[Any, Array, Array | None] | None, stop: float
    ) -> tuple[Any, int, bool]:
        """Fit; with ``held`` rows stop early. Returns the booster, its best number of rounds, whether time cut it."""
        raise NotImplementedError

    def _cross(
        self, X: Any, y: Array, w: Array | None, folds: list[tuple[Array, Array]], stop: float
    ) -> tuple[int, bool]:
        """The best number of rounds by the averaged validation curve, and whether time cut the search."""
        raise NotImplementedError

    def _dump(self, booster: Any, rounds: int) -> Any:
        """The booster's first rounds in the library's own format."""
        raise NotImplementedError

    def _load(self) -> Any:
        """The booster again."""
        raise NotImplementedError

    def _forward(self, booster: Any, X: Any) -> Array:
        """Probabilities or scaled values."""
        raise NotImplementedError
