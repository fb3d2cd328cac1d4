"""Models of LightGBM."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from modelwright.estimators._early_stopping import Boosted
from modelwright.estimators._model import Array


class LightGBM(Boosted):
    """A LightGBM model over numbers and category codes, kept as LightGBM's text format."""

    def _parameters(self, n: int, columns: int) -> dict[str, Any]:
        classes = len(self.classes_) if self.n_classes else 0
        params: dict[str, Any] = {
            "objective": "regression" if not classes else "binary" if classes == 2 else "multiclass",
            # Fixed rather than timed, so that the same data gives the same model on any number of threads.
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
            "verbosity": -1,
            "seed": self.seed,
            **self.params,
            **self._sampled(columns),
        }
        if classes:
            params.pop("alpha", None)
            params["metric"] = "binary_logloss" if classes == 2 else "multi_logloss"
        if classes > 2:
            params["num_class"] = classes
        directed = self._directed()
        if directed is not None:
            params |= {"monotone_constraints": directed, "monotone_constraints_method": "intermediate"}
        if params.get("min_child_samples") is None:
            params["min_child_samples"] = int(np.clip(n // 20, 2, 20))
        return params

    def _data(self, X: Any, y: Array, w: Array | None, params: dict[str, Any], reference: Any = None) -> Any:
        import lightgbm

        names = [f"f{i}" for i in range(X.shape[1])]
        names_kept = ("max_bin", "linear_tree", "verbosity")
        kept: dict[str, Any] = {k: v for k, v in params.items() if k in names_kept}
        return lightgbm.Dataset(
            X,
            label=y,
            weight=w,
            reference=reference,
            feature_name=names,
            categorical_feature=self._categorical(),
            params={**kept, "num_threads": self.threads, "feature_pre_filter": False},
        )

    def _boost(
        self, X: Any, y: Array, w: Array | None, rounds: int, held: tuple[Any, Array, Array | None] | None, stop: float
    ) -> tuple[Any, int, bool]:
        import lightgbm

        params = self._parameters(len(y), X.shape[1])
        train = self._data(X, y, w, params)
        clock = _Deadline(stop)
        calls: list[Any] = [clock]
        valid = []
        if held is not None:
            valid = [self._data(*held, params, train)]
            calls.append(lightgbm.early_stopping(self.patience, verbose=False))
        booster = lightgbm.train(params, train, rounds, valid_sets=valid, callbacks=calls)
        used = booster.best_iteration if held is not None and booster.best_iteration > 0 else 0
        if clock.cut and held is not None:
            used = clock.best()
        return booster, int(used or booster.current_iteration()), clock.cut

    def _cross(
        self, X: Any, y: Array, w: Array | None, folds: list[tuple[Array, Array]], stop: float
    ) -> tuple[int, bool]:
        import lightgbm

        params = self._parameters(len(y), X.shape[1])
        clock = _Deadline(stop)
        curves = lightgbm.cv(
            params,
            self._data(X, y, w, params),
            self.max_rounds,
            folds=folds,
            callbacks=[lightgbm.early_stopping(self.patience, verbose=False), clock],
        )
        curve = next(values for name, values in curves.items() if name.endswith("-mean"))
        return int(np.argmin(curve)) + 1, clock.cut

    def _dump(self, booster: Any, rounds: int) -> str:
        text: str = booster.model_to_string(num_iteration=rounds)
        return text

    def _load(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.model_)

    def _forward(self, booster: Any, X: Any) -> Array:
        raw: Array = booster.predict(X, num_threads=self.threads)
        return raw


class _Deadline:
    """Ends training when the time is over, and remembers the validation loss of every round."""

    before_iteration = False
    order = 5

    def __init__(self, stop: float) -> None:
        self.stop, self.cut = stop, False
        self.losses: list[float] = []

    def __call__(self, env: Any) -> None:
        """Called by LightGBM after each round."""
        if env.evaluation_result_list:
            self.losses.append(env.evaluation_result_list[0][2])
        if time.monotonic() > self.stop and env.iteration + 1 < env.end_iteration:
            import lightgbm

            self.cut = True
            raise lightgbm.callback.EarlyStopException(self.best() - 1, env.evaluation_result_list)

    def best(self) -> int:
        """The round with the smallest loss, from 1; 0 when nothing was measured."""
        return int(np.argmin(self.losses)) + 1 if self.losses else 0
