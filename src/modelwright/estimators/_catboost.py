"""Models of CatBoost, with a learning rate that converges in the iterations there is time for."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.estimators._early_stopping import inner_split
from modelwright.estimators._model import Array, Model
from modelwright.estimators.catboost import cost

FEW = 100
"""Rows up to which they go to the library cell by cell; its way with frames takes longer than predicting them."""
PILOT = 12
HELD = 0.15
"""Share of the rows on which the number of trees is found."""
SURE = 30.0
"""Times the predicted seconds that must be left to fit without timing a pilot: many levels cost far more than rows."""
# CatBoost's own automatic learning rate on a CPU: exp(a + b ln rows + c ln iterations), at most 0.5. Written out,
# because the library drops its rule as soon as the L2 penalty is set, and has none for other losses.
AUTOMATIC = {
    "Logloss": (-1.190607, 0.427002, -0.917),
    "MultiClass": (2.948066, 0.050999, -0.845),
    "RMSE": (1.329003, 0.158001, -0.813),
}


class CatBoost(Model):
    """A CatBoost model, kept as CatBoost's binary format.

    When ``stop_at`` is set and the fit may not be done by then (by the predicted seconds, with a wide
    margin), a pilot of twelve iterations is timed, and the number of iterations is chosen to fit; the learning rate
    follows it, since a model that was cut short is worth nothing and a coarser one that converged is.

    With ``patience`` the number of trees is found first, on 15 % of the rows held out, and all rows are then fitted
    with 5 % more; trees are given up rather than the learning rate when time is short.

    Args:
        params: CatBoost's own parameters, without ``iterations``.
        n_classes: number of classes; 0 for regression.
        iterations: how many trees, at most where their number is found.
        seed: seed of every random choice.
        threads: threads that fitting may use.
        stop_at: ``time.monotonic()`` after which fitting should stop.
        patience: trees without improvement after which the search for their number ends; ``None`` not to search.
        ordered: whether rows lie in the order of a time or group column.
        paced: trees that an automatic learning rate is meant for, where fewer may turn out to be enough; ``None`` for
            as many as are grown.

    Attributes:
        model_: the fitted model in CatBoost's binary format.
        rounds_: how many trees it has.
    """

    takes_sparse = False

    def __init__(
        self,
        params: dict[str, Any],
        n_classes: int = 0,
        iterations: int = 1_000,
        seed: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        patience: int | None = None,
        ordered: bool = False,
        paced: int | None = None,
    ) -> None:
        self.params, self.n_classes, self.iterations = params, n_classes, iterations
        self.seed, self.threads, self.stop_at = seed, threads, stop_at
        self.patience, self.ordered, self.paced = patience, ordered, paced

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        import catboost

        loss = self._loss()
        self.scale_ = (0.0, 1.0)
        if not self.n_classes:
            if loss == "Poisson" and y.min() < 0:
                raise NotApplicable("the Poisson loss needs targets that aren't negative")
            shift, scale = (0.0, float(y.mean())) if loss == "Poisson" else (float(y.mean()), float(y.std()))
            self.scale_ = (shift, scale or 1.0)
            y = (y - self.scale_[0]) / self.scale_[1]
        pool = catboost.Pool(self._frame(X), y, weight=weights, cat_features=self._categorical())
        rounds = self._affordable(pool, len(y), loss)
        limited = rounds < self.iterations
        if self.patience is not None:
            rounds, limited = self._found(pool, y, rounds, loss)
        clock = _Deadline(self.stop_at)
        model = catboost.CatBoost(self._parameters(rounds, len(y), loss))
        model.fit(pool, callbacks=[clock] if self.stop_at is not None else None)
        meta = model.get_metadata()
        for key in ("train_finish_time", "model_guid"):
            meta[key] = ""  # the same data and seed give the same bytes
        self.model_, self.rounds_ = bytes(model._serialize_model()), int(model.tree_count_)
        self.truncated_ = limited or clock.cut

    def _found(self, pool: Any, y: Array, most: int, loss: str) -> tuple[int, bool]:
        """The number of trees for all rows, at most this many, and whether the search for it was ended by time."""
        import catboost

        train, held = inner_split(y, HELD, bool(self.n_classes), self.ordered, self.seed)
        clock = _Deadline(None if self.stop_at is None else (time.monotonic() + self.stop_at) / 2)
        search = catboost.CatBoost(
            self._parameters(most, len(train), loss) | {"od_type": "Iter", "od_wait": self.patience}
        )
        search.fit(pool.slice(train), eval_set=pool.slice(held), callbacks=[clock])
        limited = clock.cut or len(clock.times) > most < self.iterations
        return min(most, max(1, round(1.05 * (int(search.get_best_iteration()) + 1)))), limited

    def _raw(self, X: Any) -> Array:
        import catboost

        if getattr(self, "_live", None) is None:
            self._live = catboost.CatBoost().load_model(blob=self.model_)
        kind = "Probability" if self.n_classes else "Exponent" if self._loss() == "Poisson" else "RawFormulaVal"
        raw: Array = self._live.predict(self._frame(X), prediction_type=kind, thread_count=self.threads)
        return raw if self.n_classes else raw * self.scale_[1] + self.scale_[0]

    def _loss(self) -> str:
        if self.n_classes:
            return "Logloss" if len(self.classes_) == 2 else "MultiClass"
        return str(self.params.get("loss_function", "RMSE"))

    def _frame(self, X: Array) -> Any:
        cats = self._categorical()
        if not cats:
            return X
        # CatBoost takes whole numbers as categories, but no NaN: missing is a level of its own, -1.
        codes = {i: np.where(np.isnan(X[:, i]), -1, X[:, i]).astype(np.int32) for i in cats}
        if len(X) <= FEW:
            cells = X.astype(object)
            for i, column in codes.items():
                cells[:, i] = column.tolist()
            return cells
        return pd.DataFrame({i: codes.get(i, X[:, i]) for i in range(X.shape[1])})

    def _parameters(self, rounds: int, n: int, loss: str) -> dict[str, Any]:
        rate = self.params.get("learning_rate")
        if rate is None:
            a, b, c = AUTOMATIC.get(loss, AUTOMATIC["RMSE"])
            rate = min(0.5, float(np.exp(a + b * np.log(n) + c * np.log(self.paced or rounds))))
        elif rounds < self.iterations and self.patience is None:
            rate = min(0.5, rate * (self.iterations / rounds) ** 0.85)
        directed = self._directed()
        return {
            **self.params,
            # Only symmetric trees can be kept to a direction.
            **({} if directed is None else {"monotone_constraints": directed, "grow_policy": "SymmetricTree"}),
            "loss_function": loss,
            "iterations": rounds,
            "learning_rate": rate,
            "random_seed": self.seed,
            "thread_count": self.threads,
            "logging_level": "Silent",
            "allow_writing_files": False,
        }

    def _affordable(self, pool: Any, n: int, loss: str) -> int:
        import catboost

        left = self._time_left() / (1 if self.patience is None else 2)
        k = len(self.classes_) if self.n_classes else 0
        if SURE * cost(n, pool.num_col(), self.iterations, self.params, k) < left:
            return self.iterations
        clock = _Deadline(self.stop_at)
        pilot = catboost.CatBoost(self._parameters(self.iterations, n, loss) | {"iterations": PILOT})
        pilot.fit(pool, callbacks=[clock])
        each = float(np.median(np.diff(clock.times[1:]))) if len(clock.times) > 2 else max(left, 0.1)
        return int(np.clip(0.85 * left / each, min(PILOT, self.iterations), self.iterations))


class _Deadline:
    """Times iterations, and ends training when the time is over."""

    def __init__(self, stop_at: float | None) -> None:
        self.stop_at, self.cut, self.times = stop_at, False, [time.monotonic()]

    def after_iteration(self, info: Any) -> bool:
        """Called by CatBoost; ``False`` ends training."""
        now = time.monotonic()
        self.times.append(now)
        self.cut = self.stop_at is not None and now > self.stop_at
        return not self.cut
