"""Models of XGBoost."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import sparse

from modelwright.estimators._early_stopping import Boosted
from modelwright.estimators._model import Array


class XGBoost(Boosted):
    """An XGBoost model over numbers and category codes, kept as XGBoost's binary format."""

    def _parameters(self, columns: int) -> dict[str, Any]:
        classes = len(self.classes_) if self.n_classes else 0
        params = {
            "objective": "reg:squarederror" if not classes else "binary:logistic" if classes == 2 else "multi:softprob",
            "nthread": self.threads,
            "seed": self.seed,
            "verbosity": 0,
            **self.params,
            **self._sampled(columns),
        }
        if classes > 2:
            params["num_class"] = classes
        directed = self._directed()
        if directed is not None:
            params["monotone_constraints"] = tuple(directed)
        return params

    def _data(self, X: Any, y: Array | None = None, w: Array | None = None) -> Any:
        import xgboost

        cats = set(self._categorical())
        kinds = ["c" if i in cats else "q" for i in range(X.shape[1])] if cats else None
        return xgboost.DMatrix(
            X, label=y, weight=w, feature_types=kinds, enable_categorical=bool(cats), nthread=self.threads
        )

    def _boost(
        self, X: Any, y: Array, w: Array | None, rounds: int, held: tuple[Any, Array, Array | None] | None, stop: float
    ) -> tuple[Any, int, bool]:
        import xgboost

        clock = _deadline(stop, rounds)
        booster = xgboost.train(
            self._parameters(X.shape[1]),
            self._data(X, y, w),
            rounds,
            evals=[] if held is None else [(self._data(*held), "held")],
            callbacks=[clock],
            early_stopping_rounds=None if held is None else self.patience,
            verbose_eval=False,
        )
        used = booster.num_boosted_rounds() if held is None else booster.best_iteration + 1
        return booster, int(used), bool(clock.cut)

    def _cross(
        self, X: Any, y: Array, w: Array | None, folds: list[tuple[Array, Array]], stop: float
    ) -> tuple[int, bool]:
        import xgboost

        clock = _deadline(stop, self.max_rounds)
        curves = xgboost.cv(
            self._parameters(X.shape[1]),
            self._data(X, y, w),
            self.max_rounds,
            folds=folds,
            early_stopping_rounds=self.patience,
            callbacks=[clock],
            as_pandas=False,
        )
        curve = next(values for name, values in curves.items() if name.startswith("test") and name.endswith("-mean"))
        return int(np.argmin(curve)) + 1, bool(clock.cut)

    def _dump(self, booster: Any, rounds: int) -> bytes:
        if rounds < booster.num_boosted_rounds():
            booster = booster[:rounds]
        booster.set_attr(best_iteration=None, best_score=None)
        return bytes(booster.save_raw("ubj"))

    def _load(self) -> Any:
        import xgboost

        booster = xgboost.Booster({"nthread": self.threads, "verbosity": 0})
        booster.load_model(bytearray(self.model_))
        return booster

    def _forward(self, booster: Any, X: Any) -> Array:
        raw: Array = booster.predict(self._data(X))
        return raw


def _deadline(stop: float, rounds: int) -> Any:
    import xgboost

    class Deadline(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # xgboost has no types
        """Ends training when the time is over."""

        cut = False

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            self.cut = time.monotonic() > stop and epoch + 1 < rounds
            if self.cut and model.attr("best_iteration") is None:
                model.set_attr(best_iteration=str(epoch))  # XGBoost reads it whenever a callback ends training
            return self.cut

    return Deadline()


class _Linear(XGBoost):
    takes_missing = False

    def _data(self, X: Any, y: Array | None = None, w: Array | None = None) -> Any:
        import xgboost

        # The linear booster knows no categories: their codes are taken as numbers.
        values = X.astype(np.float32) if sparse.issparse(X) else X
        return xgboost.DMatrix(values, label=y, weight=w, nthread=self.threads)
