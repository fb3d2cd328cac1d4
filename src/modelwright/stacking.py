"""The second level of an ensemble: a small linear model over what the members predict.

Sources: Wolpert, "Stacked generalization", Neural Networks 1992; for classes over class probabilities Ting and Witten,
"Issues in stacked generalization", JAIR 1999; for numbers Breiman, "Stacked regressions", Machine Learning 1996. Here
it is drawn towards a mixture that was chosen before, and departs from it only as far as the rows bear it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, clone

from modelwright.pooling import logarithms

SHARES = 3.0
"""Penalty of shares that differ from the given ones, and of constants, over all rows."""
MOST_CROSSED = 2_000
"""Coefficients up to which classes may answer for each other; with more classes the fit takes too long."""
MOST_ROWS = 20_000
STEPS = 100


class SecondLevel(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Puts members' predictions together.

    For classes the logits are ``Σ wₘ log pₘ + Σ log pₘ Dₘ + b``: a logarithmic pool with shares ``w``, a matrix ``D``
    for each member by which it may speak for a class with what it says of others, and constants. The log loss is
    least, with penalties on ``w`` minus the given shares, ``D`` and ``b``. For numbers it is ridge regression,
    ``Σ wₘ pₘ + b``, with the penalty on ``w`` minus the given shares.

    Args:
        weights: the given shares, one a member; scaled to sum to one.
        n_classes: number of classes; 0 for regression.
        C: inverse strength of the penalty. 0.01 was the best of four on out-of-fold predictions of six tables, and
            better than the greedy mixture with a temperature on all but one, where it made no difference.

    Attributes:
        shares_: ``w``, (members,).
        crossing_: the matrices ``D`` below each other, (members × classes, classes); without rows where there are none.
        constants_: ``b``, (classes,) or (1,).
    """

    def __init__(self, weights: Sequence[float], n_classes: int = 0, C: float = 0.01) -> None:
        self.weights = weights
        self.n_classes = n_classes
        self.C = C

    def fit(self, predictions: Sequence[np.ndarray], y: np.ndarray) -> SecondLevel:
        """Fit on out-of-fold predictions of each member, (n, classes) or (n,), and class codes or numbers."""
        given = np.asarray(self.weights, dtype=np.float64)
        given = given / given.sum()
        if len(y) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(len(y), MOST_ROWS, replace=False))
            predictions, y = [p[rows] for p in predictions], y[rows]
        if self.n_classes:
            self._fit_classes(_logarithms(predictions), y, given)
        else:
            self._fit_numbers(np.column_stack(list(predictions)), np.asarray(y, dtype=np.float64), given)
        return self

    def combine(self, predictions: Sequence[np.ndarray]) -> np.ndarray:
        """What all members' predictions come to: probabilities (n, classes), or numbers (n,)."""
        if not self.n_classes:
            return np.asarray(np.column_stack(list(predictions)) @ self.shares_ + self.constants_[0])
        logs = _logarithms(predictions)
        wide = _wide(logs, len(self.crossing_) > 0)
        return np.asarray(softmax(_logits(logs, wide, self.shares_, self.constants_, self.crossing_), axis=1))

    def _fit_numbers(self, X: np.ndarray, y: np.ndarray, given: np.ndarray) -> None:
        centre, middle, scale = X.mean(axis=0), float(y.mean()), float(y.std()) or 1.0
        Z = (X - centre) / scale
        left = (y - middle) / scale - Z @ given
        own = Z.T @ Z + 0.1 / self.C * np.eye(len(given))
        self.shares_ = given + np.linalg.solve(own, Z.T @ left)
        self.constants_ = np.array([middle - centre @ self.shares_])
        self.crossing_ = np.zeros((0, 0))

    def _fit_classes(self, logs: np.ndarray, y: np.ndarray, given: np.ndarray) -> None:
        members, n, k = logs.shape
        wide = _wide(logs, members * k * k <= MOST_CROSSED)
        told, shape = np.eye(k)[y], (wide.shape[1], k)

        def parts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            return values[:members], values[members : members + k], values[members + k :].reshape(shape)

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            w, b, D = parts(values)
            logits = log_softmax(_logits(logs, wide, w, b, D), axis=1)
            error = np.exp(logits) - told
            penalty = SHARES * (members * np.square(w - given).sum() + np.square(b).sum()) + np.square(D).sum() / self.C
            steps = (
                (logs * error).sum(axis=(1, 2)) + SHARES * members * (w - given),
                error.sum(axis=0) + SHARES * b,
                (wide.T @ error + D / self.C).ravel(),
            )
            return float(penalty / 2 - (logits * told).sum()) / n, np.concatenate(steps) / n

        start = np.concatenate([given, np.zeros(k + wide.shape[1] * k)])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
        self.shares_, self.constants_, self.crossing_ = parts(found.x)


def crossed(level: SecondLevel, predictions: Sequence[np.ndarray], y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """What a second level says of each fold's rows when it is fitted on those of the others."""

    def answer(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        fitted: SecondLevel = clone(level).fit([p[known] for p in predictions], y[known])
        return fitted.combine([p[asked] for p in predictions])

    return fold_by_fold(answer, predictions[0], folds)


def fold_by_fold(
    answer: Callable[[np.ndarray, np.ndarray], np.ndarray], like: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """What is answered for each fold's rows by what knows those of the others.

    Args:
        answer: given masks of the known rows and of those that are asked for.
        like: an array of the answers' shape and type.
        folds: each row's fold, (n,).
    """
    found = np.empty_like(like)
    for fold in np.unique(folds):
        asked = folds == fold
        found[asked] = answer(~asked, asked)
    return found


def _logits(logs: np.ndarray, wide: np.ndarray, w: np.ndarray, b: np.ndarray, D: np.ndarray) -> np.ndarray:
    """``Σ wₘ log pₘ + b + Σ log pₘ Dₘ``, (n, classes)."""
    return np.asarray(np.tensordot(w, logs, 1) + b + wide @ D)


def _wide(logs: np.ndarray, crossing: bool) -> np.ndarray:
    """All members' logarithms side by side, (n, members × classes); no column where none answers for another class."""
    return np.hstack(list(logs)) if crossing else np.zeros((logs.shape[1], 0))


def _logarithms(predictions: Sequence[np.ndarray]) -> np.ndarray:
    """Logarithms of probabilities, (members, n, classes), the mean over classes taken off."""
    logs = logarithms(np.stack(list(predictions)))
    centred: np.ndarray = logs - logs.mean(axis=2, keepdims=True)
    return centred
