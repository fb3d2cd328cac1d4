"""Baselines: what can be said without looking at the columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Real
from modelwright.estimators import CLASSIFICATION, REGRESSION, Estimator, Family
from modelwright.recipe import Setting


class _Family(Estimator):
    family: ClassVar[Family] = "baseline"
    interpretable = True
    strategies: ClassVar[tuple[str, str]] = ("prior", "mean")

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from sklearn.dummy import DummyClassifier, DummyRegressor

        from modelwright.estimators._dummy import Guess

        of_class, of_value = self.strategies
        inner = (
            DummyClassifier(strategy=of_class, random_state=setting.seed)
            if setting.classification
            else DummyRegressor(strategy=of_value, **params)
        )
        return Guess(inner, setting.n_classes, setting.threads, missing=True)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        return 0.01 + rows * 2e-7

    def bytes_needed(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> int:
        """The target alone: a guess can always be made."""
        return 16 * rows


class Prior(_Family):
    """Class shares, or the mean."""

    name = "baseline_prior"
    description = "Predicts the shares of the classes, or the mean: what every model must beat."


class Median(_Family):
    """The median."""

    name = "baseline_median"
    description = "Predicts the median: what a model of absolute errors must beat."
    tasks = REGRESSION
    strategies = ("prior", "median")


class Quantile(_Family):
    """A quantile."""

    name = "baseline_quantile"
    description = "Predicts a quantile of the target."
    tasks = REGRESSION
    params = (Real("quantile", "which quantile, 0 to 1", 0.5, low=0.0, high=1.0),)
    strategies = ("prior", "quantile")


class MostFrequent(_Family):
    """The commonest class."""

    name = "baseline_most_frequent"
    description = "Predicts the commonest class with certainty: what accuracy is compared with."
    tasks = CLASSIFICATION
    strategies = ("most_frequent", "mean")


class Stratified(_Family):
    """A random class by its share."""

    name = "baseline_stratified"
    description = "Predicts a random class, each as often as in training: what guessing achieves."
    tasks = CLASSIFICATION
    strategies = ("stratified", "mean")


class Uniform(_Family):
    """Every class alike."""

    name = "baseline_uniform"
    description = "Predicts every class with the same probability."
    tasks = CLASSIFICATION
    strategies = ("uniform", "mean")
