"""Maps from probabilities to probabilities, learnt from predictions for rows the model wasn't fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from modelwright.errors import NotApplicable
from modelwright.transforms._frames import Array

TINY = 1e-7


class Calibrator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Shared: checks what comes in, and makes what goes out probabilities that sum to one."""

    def fit(self, probabilities: Any, y: Any) -> Calibrator:
        """Learn from probabilities (n, k) and class codes.

        Raises:
            NotApplicable: with fewer than two classes or 20 rows.
        """
        given, goal = _clean(probabilities), np.asarray(y)
        if len(goal) < 20 or len(np.unique(goal)) < 2:
            raise NotApplicable("there are too few rows, or only one class, to learn a calibration from")
        self.n_classes_ = given.shape[1]
        self._learn(given, goal)
        return self

    def transform(self, probabilities: Any) -> Array:
        """Corrected probabilities (n, k)."""
        return _clean(self._apply(_clean(probabilities)))

    def _learn(self, given: Array, goal: Array) -> None:
        raise NotImplementedError

    def _apply(self, given: Array) -> Array:
        raise NotImplementedError


def _clean(probabilities: Any) -> Array:
    values = np.nan_to_num(np.asarray(probabilities, dtype=np.float64), nan=0.0)
    values = np.clip(values, TINY, 1.0)
    result: Array = values / values.sum(axis=1, keepdims=True)
    return result


def _log_odds(shares: Array) -> Array:
    inside = np.clip(shares, TINY, 1 - TINY)
    result: Array = np.log(inside) - np.log1p(-inside)
    return result


class OneByOne(Calibrator):
    """One map a class (for two classes: of the second only), then scaled to sum to one."""

    def _learn(self, given: Array, goal: Array) -> None:
        classes = [1] if self.n_classes_ == 2 else list(range(self.n_classes_))
        self.maps_ = [self._map(given[:, k], (goal == k).astype(np.float64)) for k in classes]

    def _apply(self, given: Array) -> Array:
        if self.n_classes_ == 2:
            second = self._shares(self.maps_[0], given[:, 1])
            return np.column_stack([1 - second, second])
        return np.column_stack([self._shares(found, given[:, k]) for k, found in enumerate(self.maps_)])

    def _map(self, shares: Array, hits: Array) -> Any:
        raise NotImplementedError

    def _shares(self, found: Any, shares: Array) -> Array:
        raise NotImplementedError


class IsotonicCalibrator(OneByOne):
    """A map that only rises; its ends are pulled in by half a row, so that no probability is 0 or 1."""

    def _map(self, shares: Array, hits: Array) -> Any:
        self.floor_ = 0.5 / (len(hits) + 1)
        return IsotonicRegression(out_of_bounds="clip", y_min=self.floor_, y_max=1 - self.floor_).fit(shares, hits)

    def _shares(self, found: Any, shares: Array) -> Array:
        return np.asarray(found.predict(shares)) if len(shares) else shares


class SigmoidCalibrator(OneByOne):
    """A logistic curve over the log-odds (Platt, 1999)."""

    def _map(self, shares: Array, hits: Array) -> Any:
        if hits.min() == hits.max():  # a class without rows, or with nothing else: there is no curve to fit
            return float(np.clip(hits.mean(), 0.5 / (len(hits) + 1), 1 - 0.5 / (len(hits) + 1)))
        return LogisticRegression(C=1e4, max_iter=500).fit(_log_odds(shares).reshape(-1, 1), hits.astype(np.int64))

    def _shares(self, found: Any, shares: Array) -> Array:
        if isinstance(found, float):
            return np.full(len(shares), found)
        return np.asarray(found.predict_proba(_log_odds(shares).reshape(-1, 1)))[:, 1] if len(shares) else shares


class TemperatureCalibrator(Calibrator):
    """One number that all logits are divided by (Guo et al., 2017): keeps the order of classes and cannot overfit."""

    def _learn(self, given: Array, goal: Array) -> None:
        from scipy.optimize import minimize_scalar

        logits, rows = np.log(given), np.arange(len(goal))

        def loss(log_temperature: float) -> float:
            return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, goal].mean())

        self.temperature_ = float(np.exp(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x))

    def _apply(self, given: Array) -> Array:
        return np.asarray(softmax(np.log(given) / self.temperature_, axis=1))
