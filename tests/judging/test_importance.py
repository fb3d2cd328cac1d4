from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelwright.judging import permutation_importance
from modelwright.tasks.metrics import find_metric

LATER = float("inf")


def data(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "strong": rng.normal(size=n),
            "weak": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "place": pd.Categorical(rng.choice(["north", "south"], n)),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, n), "D"),
            "valley": rng.uniform(-1, 1, n),
            "words": pd.Series(["some text"] * n, dtype="str"),
        }
    )
    frame.loc[::11, "weak"] = np.nan
    return frame


def value(frame: pd.DataFrame) -> np.ndarray:
    days = (frame["when"] - pd.Timestamp("2024-01-01")).dt.days / 400
    place = (frame["place"] == "south").to_numpy() * 1.5
    weak = frame["weak"].fillna(0) * -0.5
    return (3 * frame["strong"] + weak + days * 2 + 4 * frame["valley"] ** 2).to_numpy() + place


def chance(frame: pd.DataFrame) -> np.ndarray:
    p = 1 / (1 + np.exp(-value(frame) + 4))
    return np.column_stack([1 - p, p])


def test_columns_are_ordered_by_what_they_are_worth() -> None:
    frame = data()
    before = frame.copy()
    found = permutation_importance(value, frame, value(frame), find_metric("rmse"), list(frame), seed=0, deadline=LATER)
    names = [i.column for i in found]
    assert names[0] == "strong"
    assert set(names) == set(frame)
    by_name = {i.column: i for i in found}
    assert by_name["noise"].loss == by_name["noise"].low == by_name["noise"].high == 0
    assert by_name["strong"].low <= by_name["strong"].loss <= by_name["strong"].high
    assert by_name["strong"].loss == pytest.approx(3 * 2**0.5, rel=0.1)
    pd.testing.assert_frame_equal(frame, before)


def test_directions_are_said() -> None:
    frame = data()
    y = (chance(frame)[:, 1] > 0.5).astype(np.int64)
    found = permutation_importance(
        chance, frame, y, find_metric("log_loss"), list(frame), seed=0, deadline=LATER, classes=("stays", "leaves")
    )
    words = {i.column: i.direction for i in found}
    assert words["strong"] == "higher values: 'leaves' more likely"
    assert words["weak"] == "higher values: 'leaves' less likely"
    assert words["when"] == "later: 'leaves' more likely"
    assert words["place"] == "'south': 'leaves' more likely; 'north': 'leaves' less likely"
    assert words["valley"] == "middling values: 'leaves' less likely"
    assert words["words"] == ""
    assert words["noise"] == ""


def test_levels_of_personal_and_rare_ones_are_not_named() -> None:
    frame = data()
    frame["place"] = pd.Categorical(np.where(np.arange(600) < 9, "hideout", frame["place"].astype(str)))
    y = value(frame)
    for personal, named in (((), True), (("place",), False)):
        found = permutation_importance(
            value, frame, y, find_metric("mae"), ["place"], seed=0, deadline=LATER, personal=personal
        )
        assert ("south" in found[0].direction) is named
        assert "hideout" not in found[0].direction


class Clock:
    """A clock that only predictions move."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("modelwright.importance.time", made)
    return made


def test_the_deadline_is_kept_and_the_strongest_come_first(clock: Clock) -> None:
    frame = data()

    def slow(rows: pd.DataFrame) -> np.ndarray:
        clock.now += 1
        return value(rows)

    def measured(seconds: float) -> list[str]:
        clock.now, y = 100.0, value(frame)
        found = permutation_importance(
            slow, frame, y, find_metric("rmse"), list(frame), seed=0, deadline=100 + seconds, max_rows=600
        )
        assert clock.now <= 100 + max(seconds, 0)
        return [i.column for i in found]

    assert measured(-1) == []
    assert measured(2.5) == ["strong"]
    assert len(measured(5)) == 4
    assert len(measured(100)) == frame.shape[1]


def test_fewer_rows_are_used_when_predictions_are_slow(clock: Clock) -> None:
    frame = data(4000)
    sizes: list[int] = []

    def slow(rows: pd.DataFrame) -> np.ndarray:
        sizes.append(len(rows))
        clock.now += len(rows) / 1000
        return value(rows)

    found = permutation_importance(
        slow, frame, value(frame), find_metric("rmse"), list(frame), seed=0, deadline=clock.now + 12.5
    )
    assert sizes[:3] == [4000, 1000, 1000]
    assert len(found) == frame.shape[1]


def test_several_classes_have_no_direction_but_a_loss() -> None:
    frame = data()
    three = np.digitize(value(frame), [0, 3])

    def likely(rows: pd.DataFrame) -> np.ndarray:
        return np.eye(3)[np.digitize(value(rows), [0, 3])] * 0.9 + 1 / 30

    found = permutation_importance(
        likely, frame, three, find_metric("log_loss"), list(frame), seed=0, deadline=LATER, classes=("a", "b", "c")
    )
    assert found[0].column == "strong"
    assert found[0].loss > 0.3
    assert all(i.direction == "" for i in found)


def test_same_seed_same_answer() -> None:
    frame = data()
    y = value(frame) + 1
    first, second = (
        permutation_importance(value, frame, y, find_metric("mae"), list(frame), seed=4, deadline=LATER) for _ in "ab"
    )
    assert first == second
