"""What all built transforms share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from modelwright.transforms._frames import require


class FrameTransformer(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A scikit-learn transformer over frames.

    Derived classes learn in ``_learn`` and work in ``_apply``; where training rows must be treated differently
    (cross-fitted encodings, statistics of the past) they override ``_learn_apply``. ``uses_`` names the columns that
    have to be there when rows come in.
    """

    uses_: list[str]

    def fit(self, X: pd.DataFrame, y: Any = None) -> FrameTransformer:
        """Learn from training rows."""
        self._learn(X, None if y is None else np.asarray(y))
        return self

    def transform(self, X: pd.DataFrame) -> Any:
        """Apply what was learnt to rows of the same columns."""
        require(X, self.uses_)
        return self._apply(X)

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> Any:
        """Learn from training rows, and give them as an estimator should be fitted on them."""
        return self._learn_apply(X, None if y is None else np.asarray(y))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "uses_")

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        raise NotImplementedError

    def _apply(self, X: pd.DataFrame) -> Any:
        raise NotImplementedError

    def _learn_apply(self, X: pd.DataFrame, y: Any) -> Any:
        self._learn(X, y)
        return self._apply(X)
