"""Support vector machines whose share of support vectors suits the class sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.estimators._model import Array
from modelwright.estimators._scores import Scored


class FeasibleNu(Scored):
    """A ν-classifier whose ``nu`` is kept within what the class sizes allow (2·min/sum for each pair of classes)."""

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        sizes = np.sort(np.bincount(y))
        most = 2.0 * sizes[0] / (sizes[0] + sizes[-1])
        return super()._fit_one(estimator.set_params(nu=min(estimator.nu, 0.95 * most)), X, y, None)
