"""The common way of declaring an estimator of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

from modelwright.estimators import Estimator
from modelwright.recipe import Setting


class Plain(Estimator):
    """An estimator that takes its declared parameters under scikit-learn's names.

    Classes are named as entry points name them, ``module:class``: a declaration mustn't import them.

    Class attributes:
        kinds: scikit-learn's classifier and its regressor; empty where there is none.
        only: parameters that only the classifier (0) or only the regressor (1) takes.
        wrapper: the class that wraps it, derived from :class:`~modelwright.estimators._model.Wrapped`.
        scores: whether the classifier only has scores, from which probabilities are learnt.
        sparse: whether it takes sparse matrices.
        standardise: whether a regression's target is standardised for fitting.
        price: seconds of one core at 10,000 rows × 20 columns, and the powers of rows and columns it grows with.
    """

    kinds: ClassVar[tuple[str, str]]
    only: ClassVar[Mapping[str, int]] = {"class_weight": 0}
    wrapper: ClassVar[str] = "modelwright.estimators._model:Wrapped"
    scores: ClassVar[bool] = False
    sparse: ClassVar[bool] = True
    standardise: ClassVar[bool] = True
    price: ClassVar[tuple[float, float, float]] = (0.1, 1.0, 1.0)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        kind = resolve_name(self.kinds[0 if setting.classification else 1])
        if "random_state" in kind().get_params():
            params["random_state"] = setting.seed
        return kind(**params)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        side = 0 if setting.classification else 1
        own = {k: v for k, v in params.items() if self.only.get(k, side) == side}
        common: dict[str, Any] = {"threads": setting.threads, "stop_at": setting.stop_at, "sparse": self.sparse}
        inner = self.make(own, setting)
        if self.scores and setting.classification:
            from modelwright.estimators._scores import Scored

            return Scored(inner, setting.n_classes, seed=setting.seed, **common)
        return resolve_name(self.wrapper)(inner, setting.n_classes, standardise=self.standardise, **common)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        at, by_rows, by_columns = self.price
        many = max(1.0, setting.n_classes / 2)
        return float(0.01 + at * (rows / 1e4) ** by_rows * (max(1, columns) / 20) ** by_columns * many)
