"""Shapley values keep their axioms on models whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from explaining_cases import exact_shapley, mixed

from modelwright.attribution import attribute, players_of


def numbers(n: int, columns: int = 5, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(columns)})


def single(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return [(c,) for c in frame]


def rough(frame: pd.DataFrame) -> np.ndarray:
    """Numbers, levels, dates, missing values and an interaction of three columns."""
    days = (frame["when"] - pd.Timestamp("2024-01-01")).dt.days.to_numpy() / 100
    north = (frame["place"].astype(object) == "north").to_numpy()
    return frame["a"].to_numpy() * days * np.where(north, 2.0, -1.0) + frame["b"].fillna(-3.0).to_numpy()


def test_contributions_add_up_to_the_prediction_minus_the_mean() -> None:
    rows, background = mixed(60), mixed(32, 1)
    found = attribute(rough, rows, background, single(rows), seed=0)
    np.testing.assert_allclose(found.base, rough(background).mean(), atol=1e-12)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), rough(rows), atol=1e-12)
    assert not found.truncated and found.background == 32
    again = attribute(rough, rows, background, single(rows), seed=0)
    np.testing.assert_array_equal(found.values, again.values)


def test_classes_add_up_too_each_row_for_its_own_class() -> None:
    rows, background = numbers(20), numbers(16, seed=1)

    def softmax(frame: pd.DataFrame) -> np.ndarray:
        raw = np.exp(frame.to_numpy()[:, :3])
        return raw / raw.sum(axis=1, keepdims=True)

    picked = softmax(rows).argmax(axis=1)
    found = attribute(softmax, rows, background, single(rows), seed=0, picked=picked)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), softmax(rows).max(axis=1), atol=1e-12)
    assert (found.values[:, 3:] == 0).all()


def test_a_column_that_the_model_ignores_gets_exactly_nothing() -> None:
    rows = mixed(30)
    found = attribute(rough, rows, mixed(16, 1), single(rows), seed=0)
    ignored = [list(rows).index(c) for c in ("secret", "noise")]
    assert (found.values[:, ignored] == 0).all() and (found.error[:, ignored] == 0).all()
    assert (np.abs(found.values).max(axis=0)[[0, 1, 2, 3]] > 0).all()


def test_additive_and_pairwise_models_are_explained_exactly() -> None:
    rows, background = numbers(10), numbers(16, seed=1)

    def pairwise(frame: pd.DataFrame) -> np.ndarray:
        x = frame.to_numpy()
        return 2 * x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3])

    found = attribute(pairwise, rows, background, single(rows), seed=0)
    x, z = rows.to_numpy(), background.to_numpy()
    np.testing.assert_allclose(found.values[:, 0], 2 * (x[:, 0] - z[:, 0].mean()))
    half = [0.5 * (r[1] * r[2] - z[:, 1] * r[2] + r[1] * z[:, 2] - z[:, 1] * z[:, 2]).mean() for r in x]
    np.testing.assert_allclose(found.values[:, 1], half)


def test_columns_of_equal_part_get_equal_shares_and_samples_come_near_the_definition() -> None:
    rows, background = numbers(4, 4), numbers(32, 4, seed=1)
    rows["x1"], background["x1"] = rows["x0"], background["x0"]

    def product(frame: pd.DataFrame) -> np.ndarray:
        x = frame.to_numpy()
        return (x[:, 0] + x[:, 1]) * np.maximum(x[:, 2], 0) * x[:, 3]

    found = attribute(product, rows, background, single(rows), seed=3)
    for i in range(len(rows)):

        def value(members: frozenset[int], row: int = i) -> float:
            frame = background.copy()
            for j in members:
                frame.iloc[:, j] = rows.iloc[row, j]
            return float(product(frame).mean())

        exact = exact_shapley(value, 4)
        assert exact[0] == pytest.approx(exact[1])
        assert (np.abs(found.values[i] - exact) <= 4 * found.error[i] + 1e-9).all()


def test_rows_that_look_at_each_other_are_changed_together() -> None:
    rows, background = numbers(12), numbers(8, seed=1)

    def running(frame: pd.DataFrame) -> np.ndarray:
        return frame["x0"].cumsum().to_numpy() + frame["x1"].to_numpy()

    found = attribute(running, rows, background, single(rows), seed=0, fixed=["x4"])
    assert ("x4",) not in found.players
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), running(rows), atol=1e-12)
    expected = rows["x0"].cumsum() - (np.arange(12) + 1) * background["x0"].mean()
    np.testing.assert_allclose(found.values[:, 0], expected, atol=1e-9)


def test_many_columns_are_told_apart_as_far_as_they_matter() -> None:
    columns = [f"x{i}" for i in range(100)]
    players = players_of(columns, ["x70", "x3", "gone"], 10)
    assert players[:3] == [("x70",), ("x3",), ("x0",)] and len(players) == 10
    assert sorted(c for player in players for c in player) == sorted(columns)
    assert players_of(columns[:3], [], 10) == [("x0",), ("x1",), ("x2",)]
    rows, background = numbers(5, 100), numbers(8, 100, seed=1)
    found = attribute(lambda f: f.to_numpy().sum(axis=1), rows, background, players, seed=0)
    np.testing.assert_allclose(found.values[:, -1], (rows[list(players[-1])].sum(axis=1) - background[list(players[-1])].sum(axis=1).mean()))  # fmt: skip  # noqa: E501


def test_little_time_takes_reference_rows_first_and_keeps_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr("modelwright.attribution.time", clock)
    rows, background = numbers(40), numbers(32, seed=1)

    def slow(frame: pd.DataFrame) -> np.ndarray:
        clock.now += len(frame) / 100
        return frame.to_numpy().prod(axis=1)

    found = attribute(slow, rows, background, single(rows), seed=0, seconds=45.0)
    assert found.truncated and 4 <= found.background < 32
    assert clock.now < 60
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), rows.to_numpy().prod(axis=1), atol=1e-12)
    least = attribute(slow, rows, background, single(rows), seed=0, seconds=0.0)
    assert least.background == 2 and least.truncated


def test_no_rows_have_no_contributions() -> None:
    rows = numbers(0)
    found = attribute(lambda f: f["x0"].to_numpy(), rows, numbers(8), single(rows), seed=0, seconds=1.0)
    assert found.values.shape == (0, 5) and found.outcome.shape == (0,)
