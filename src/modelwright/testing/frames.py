"""Frames with everything that goes wrong in real ones, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.recipe import Setting

Array = np.ndarray[Any, Any]

TIME, GROUP = "when", 'gr"oup\n'
SETTINGS = {
    "binary": Setting("binary", 2, time_column=TIME, group_column=GROUP),
    "multiclass": Setting("multiclass", 3, seed=1),
    "regression": Setting("regression", 0, seed=2),
}


def messy(rows: int, seed: int = 0, start: str = "2024-01-01") -> pd.DataFrame:
    """A frame with everything that goes wrong in real ones, with the dtypes of modelwright's frames.

    Numbers with gaps, infinities, huge and constant values; categories with rare levels, levels that are in no row,
    a constant, one level a row; dates with gaps; texts that are empty or missing; hostile column names.
    """
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=rows)

    def gaps(values: Array, share: float) -> Array:
        return np.where(rng.random(rows) < share, np.nan, values)

    def levels(names: list[str], spare: list[str]) -> Any:
        codes = np.minimum(rng.geometric(0.4, size=rows) - 1, len(names) - 1)
        return pd.Categorical.from_codes(np.where(rng.random(rows) < 0.1, -1, codes), pd.Index([*names, *spare]))

    words = np.array(["good", "BAD", "12", "o'hara", "münchen", "😀", "\x00", "DROP TABLE x;"])
    texts: list[str | None] = [" ".join(rng.choice(words, rng.integers(0, 12))) for _ in range(rows)]
    texts[::9] = [None] * len(texts[::9])
    huge = np.where(rng.random(rows) < 0.05, 1e300, normal)
    frame = {
        "plain": normal,
        "a gap; DROP TABLE rows_ --": gaps(np.exp(3 * rng.normal(size=rows)), 0.2),
        'quo"te\nd [<]{}:,': np.where(rng.random(rows) < 0.05, np.inf, huge * -1),
        "constant": np.full(rows, 7.0),
        "nothing": np.full(rows, np.nan),
        "😀": np.round(10 * rng.random(rows)),
        "yes": levels(["no", "yes"], []),
        "few": levels(["a", "b", 'c"', "d\n", "1", "2", "10", "rare"], ["never"]),
        "number": levels(["1", "2", "10", "-3.5", "?"], ["7"]),
        "many": pd.Categorical([f"m{i}" for i in rng.integers(0, max(rows // 2, 1), rows)]),
        "every": pd.Categorical([f"id {seed} {i}" for i in range(rows)]),
        "single": pd.Categorical(["only"] * rows),
        "none": pd.Categorical([None] * rows, categories=pd.Index([], dtype="str")),
        GROUP: pd.Categorical([f"g{i}" for i in rng.integers(0, 4, rows)]),
        TIME: pd.DatetimeIndex(pd.Timestamp(start) + pd.to_timedelta(rng.permutation(rows), unit="h")).as_unit("us"),
        "day": pd.DatetimeIndex(gaps_in_time(rng, rows)).as_unit("us"),
        "text": pd.array(texts, dtype="str"),
        "silent": pd.array([None] * rows, dtype="str"),
        "alarm": (rng.random(rows) < 0.02).astype(np.float64),
    }
    return pd.DataFrame(frame)


def gaps_in_time(rng: np.random.Generator, rows: int) -> pd.DatetimeIndex:
    """Days, some of them missing."""
    days = pd.Timestamp("1969-12-25") + pd.to_timedelta(rng.integers(0, 20_000, rows), unit="D")
    return pd.DatetimeIndex(np.where(rng.random(rows) < 0.2, np.datetime64("NaT"), days.to_numpy()))


def target(rows: int, task: str, seed: int = 0) -> Array:
    """Targets for a task: unbalanced classes, every one with several rows, or positive numbers with a long tail."""
    rng = np.random.default_rng(seed + 100)
    if task == "regression":
        return np.exp(rng.normal(size=rows))
    goal = (rng.random(rows) < 0.1).astype(np.int64)
    goal[: min(rows, 12)] = np.resize(np.arange(SETTINGS[task].n_classes), min(rows, 12))
    return goal
