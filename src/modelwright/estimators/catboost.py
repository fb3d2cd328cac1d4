"""CatBoost, with a learning rate that converges in the iterations there is time for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from modelwright.action import Choice, Integer, Real
from modelwright.errors import NotApplicable
from modelwright.estimators import Estimator, Family
from modelwright.estimators._early_stopping import LARGEST_STEP, inner_split
from modelwright.estimators._model import Array, Model
from modelwright.recipe import Setting

MOST = 20_000
"""Trees of one model at most."""
PILOT = 12
HASTY = 50
"""Trees without improvement that are waited for where time is short; small steps go on learning after longer pauses."""
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
    ) -> None:
        self.params, self.n_classes, self.iterations = params, n_classes, iterations
        self.seed, self.threads, self.stop_at = seed, threads, stop_at
        self.patience, self.ordered = patience, ordered

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
        allowed = rounds = self._affordable(pool, len(y), loss)
        if self.patience is not None:
            rounds = self._found(pool, y, rounds, loss)
        clock = _Deadline(self.stop_at)
        model = catboost.CatBoost(self._parameters(rounds, len(y), loss))
        model.fit(pool, callbacks=[clock] if self.stop_at is not None else None)
        meta = model.get_metadata()
        for key in ("train_finish_time", "model_guid"):
            meta[key] = ""  # the same data and seed give the same bytes
        self.model_, self.rounds_ = bytes(model._serialize_model()), int(model.tree_count_)
        self.truncated_ = clock.cut or (allowed < self.iterations and rounds == allowed)

    def _found(self, pool: Any, y: Array, most: int, loss: str) -> int:
        """The number of trees for all rows, at most this many."""
        import catboost

        train, held = inner_split(y, HELD, bool(self.n_classes), self.ordered, self.seed)
        half = None if self.stop_at is None else (time.monotonic() + self.stop_at) / 2
        search = catboost.CatBoost(
            self._parameters(most, len(train), loss) | {"od_type": "Iter", "od_wait": self.patience}
        )
        search.fit(pool.slice(train), eval_set=pool.slice(held), callbacks=[_Deadline(half)])
        return min(most, max(1, round(1.05 * (int(search.get_best_iteration()) + 1))))

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
        return pd.DataFrame({i: codes.get(i, X[:, i]) for i in range(X.shape[1])})

    def _parameters(self, rounds: int, n: int, loss: str) -> dict[str, Any]:
        rate = self.params.get("learning_rate")
        if rate is None:
            a, b, c = AUTOMATIC.get(loss, AUTOMATIC["RMSE"])
            rate = min(0.5, float(np.exp(a + b * np.log(n) + c * np.log(rounds))))
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


def cost(rows: int, columns: int, rounds: float, params: Mapping[str, Any], classes: int) -> float:
    """Predicted seconds of one core for one fit."""
    depth = params.get("depth") or 6
    per_tree = 3e-4 + columns * 2.0**depth * 1.8e-6 + rows * (columns + 10) * depth * 1.8e-9
    if int(params.get("max_ctr_complexity") or 1) > 1:
        per_tree *= 2.5  # every pair of categories is a category of its own
    return float(0.1 + rounds * per_tree * (classes if classes > 2 else 1))


class CatBoostTrees(Estimator):
    """Gradient boosting of symmetric trees."""

    name = "catboost"
    family: ClassVar[Family] = "boosting"
    description = (
        "CatBoost: symmetric trees and its own encoding of categories. Strong without tuning, best with many levels "
        "and on small data; several times as slow as LightGBM."
    )
    view = "native"
    monotone = True
    params = (
        Integer("iterations", "number of trees", 1_000, low=1, high=MOST, search=(500, 3_000), log=True),
        Real("learning_rate", "how much of each tree is taken; None suits it to rows and iterations", None,
             low=0.0, high=1.0, open_low=True, search=(0.01, 0.2), log=True),
        Integer("early_stopping_rounds", "trees without improvement on held-out rows after which no more are grown; "
                "None grows all", None, low=1, high=1_000),
        Integer("depth", "levels of one tree", 6, low=1, high=12, search=(4, 8)),
        Real("l2_leaf_reg", "L2 penalty on leaf values", 3.0, low=0.0, high=1e4, search=(0.5, 30.0), log=True),
        Real("random_strength", "noise in the choice of splits", 1.0, low=0.0, high=100.0, search=(0.1, 5.0), log=True),
        Real("bagging_temperature", "how unequal the random row weights are", 1.0, low=0.0, high=10.0,
             search=(0.0, 1.5)),
        Real("rsm", "share of the columns that one level sees", 1.0, low=0.0, high=1.0, open_low=True),
        Integer("border_count", "steps that a numeric column is divided into", 254, low=1, high=1024),
        Integer("one_hot_max_size", "categories with up to this many levels are split level by level", 5,
                low=2, high=255, search=(2, 30), log=True),
        Integer("max_ctr_complexity", "how many categories are combined; more than 1 is slow", 1, low=1, high=4),
        Choice("grow_policy", "how trees grow", "SymmetricTree", values=("SymmetricTree", "Depthwise")),
        Choice("loss_function", "loss of a regression; classification always uses log loss", "RMSE",
               values=("RMSE", "MAE", "Poisson")),
        Choice("auto_class_weights", "weights classes by how rare they are; without effect in regression", None,
               optional=True, values=("Balanced", "SqrtBalanced")),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> CatBoost:
        """Make the unfitted model."""
        own = {k: v for k, v in params.items() if v is not None}
        if setting.classification:
            own.pop("loss_function", None)
        else:
            own.pop("auto_class_weights", None)
        most, patience = own.pop("iterations"), own.pop("early_stopping_rounds", None)
        return CatBoost(
            own,
            setting.n_classes,
            min(most, setting.rounds or MOST),
            setting.seed,
            setting.threads,
            setting.stop_at,
            None if setting.rounds else patience,
            bool(setting.time_column or setting.group_column),
        )

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Fewer trees; the learning rate follows where it isn't given, or where their number is found.

        Where it is found, patience goes first.
        """
        trees, rate, patience = params["iterations"], params["learning_rate"], params["early_stopping_rounds"]
        if patience is not None and patience > HASTY:
            return {"iterations": round(0.6 * trees), "early_stopping_rounds": HASTY}
        if patience is not None and rate is not None and rate < LARGEST_STEP:
            return {"iterations": round(0.6 * trees), "learning_rate": round(min(LARGEST_STEP, rate / 0.6), 4)}
        if trees < 300 or rate is not None:
            return None
        return {"iterations": round(0.6 * trees)}

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        rounds = float(params.get("iterations") or 1_000)
        if params.get("early_stopping_rounds") is not None and setting.rounds == 0:
            # Most of the time they are found long before all are grown; finding them takes as long as fitting.
            rounds *= 0.5
        return cost(rows, columns, min(rounds, setting.rounds or MOST), params, setting.n_classes)
