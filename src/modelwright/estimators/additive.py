"""Additive models: a smooth curve for each column, added up."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from modelwright.action import Integer, Real
from modelwright.estimators import Family
from modelwright.estimators._family import Plain
from modelwright.estimators.linear import ALPHAS
from modelwright.recipe import Setting


class Additive(Plain):
    """Splines and a linear model."""

    name = "additive_splines"
    family: ClassVar[Family] = "linear"
    description = (
        "A smooth curve for each column, added up: readable one column at a time, and often the best on small tables "
        "with few signals."
    )
    view = "dense"
    interpretable = True
    sparse = False
    params = (
        Integer("n_knots", "knots of each curve", 6, low=2, high=50, search=(3, 15)),
        Integer("degree", "degree of the curves' pieces", 3, low=1, high=5),
        Real("C", "inverse strength of the penalty (classification)", 0.3, low=0.0, high=1e6, open_low=True,
             search=(1e-2, 30.0), log=True),
        Real("alpha", "strength of the penalty (regression); None finds it by leave-one-out", None, low=0.0, high=1e9,
             open_low=True, search=(1e-2, 1e3), log=True),
    )  # fmt: skip
    only: ClassVar[dict[str, int]] = {"C": 0, "alpha": 1}
    price = (0.3, 1.0, 1.0)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.linear_model import LogisticRegression, RidgeCV
        from sklearn.pipeline import make_pipeline

        from modelwright.estimators._splines import Splines

        curves = Splines(params["n_knots"], params["degree"])
        if setting.classification:
            return make_pipeline(curves, LogisticRegression(C=params["C"], max_iter=500, random_state=setting.seed))
        alphas = np.array(ALPHAS if params["alpha"] is None else [params["alpha"]])
        return make_pipeline(curves, RidgeCV(alphas=alphas))
