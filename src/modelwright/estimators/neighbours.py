"""Models that look at the nearest training rows."""

from __future__ import annotations

from typing import Any, ClassVar

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import CLASSIFICATION, Family
from modelwright.estimators._family import Plain
from modelwright.recipe import Setting

WEIGHTS = Choice("weights", "whether nearer rows count more", "distance", values=("uniform", "distance"),
                 search=("uniform", "distance"))  # fmt: skip
POWER = Real("p", "which distance: 1 adds up differences, 2 is Euclid's", 2.0, low=1.0, high=10.0)


class _Near(Plain):
    family: ClassVar[Family] = "neighbours"
    view = "dense"


class NearestRows(_Near):
    """The k nearest neighbours."""

    name = "k_nearest_neighbors"
    description = "Averages the most similar training rows: no assumptions, weak with many columns, slow to predict."
    kinds = ("sklearn.neighbors:KNeighborsClassifier", "sklearn.neighbors:KNeighborsRegressor")
    wrapper = "modelwright.estimators._neighbours:Neighbours"
    params = (
        Integer("n_neighbors", "rows that are averaged", 20, low=1, high=10_000, search=(2, 100), log=True),
        WEIGHTS,
        POWER,
    )
    max_rows = 100_000
    price = (0.4, 1.8, 0.5)  # predicting a fold costs more than fitting, and is what a budget feels


class WithinRadius(_Near):
    """All neighbours within a radius."""

    name = "radius_neighbors"
    description = "Averages the training rows within a distance; falls back to the average of all where there are none."
    kinds = ("sklearn.neighbors:RadiusNeighborsClassifier", "sklearn.neighbors:RadiusNeighborsRegressor")
    wrapper = "modelwright.estimators._neighbours:Radius"
    params = (
        Real("radius", "distance; None takes one that holds 20 rows as a rule", None, low=0.0, high=1e6, open_low=True),
        WEIGHTS,
        POWER,
    )
    max_rows = 20_000
    price = (0.6, 1.8, 0.5)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        extra = {"outlier_label": "most_frequent"} if setting.classification else {}
        return super().make({**params, **extra, "n_jobs": setting.threads}, setting)


class Centroid(_Near):
    """The nearest class centre."""

    name = "nearest_centroid"
    description = "Compares with the centre of each class; quick and readable, for classes that form clusters."
    tasks = CLASSIFICATION
    kinds = ("sklearn.neighbors:NearestCentroid", "")
    scores = True
    sparse = False
    interpretable = True
    params = (
        Real("shrink_threshold", "how far centres are drawn together; None for not at all", None, optional=True,
             low=0.0, high=100.0, open_low=True, search=(0.01, 3.0), log=True),
    )  # fmt: skip
    price = (0.05, 1.0, 1.0)
