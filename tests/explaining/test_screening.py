"""Importance finds what matters among many columns, also when time is short."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelwright.importance import permutation_importance
from modelwright.tasks.metrics import find_metric


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def wide(columns: int = 400, n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(columns)})


def hidden(frame: pd.DataFrame) -> np.ndarray:
    """Two columns that go with nothing by themselves, and one that does."""
    return np.sign(frame["x311"] * frame["x57"]).to_numpy() + 0.5 * frame["x200"].to_numpy()


@pytest.mark.parametrize("seconds", [100, 5000])
def test_what_matters_only_together_is_found_within_the_time(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("modelwright.importance.time", clock)
    frame = wide()
    y = hidden(frame)

    def slow(rows: pd.DataFrame) -> np.ndarray:
        clock.now += 1
        return hidden(rows)

    found = permutation_importance(
        slow, frame, y, find_metric("rmse"), list(frame), seed=0, deadline=float(seconds), max_rows=600
    )
    assert clock.now <= seconds
    assert {i.column for i in found[:3]} == {"x311", "x57", "x200"}
    assert all(i.loss == 0 for i in found[3:])
    assert len(found) == 400 or seconds == 100
