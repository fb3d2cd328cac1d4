from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelwright import demo
from modelwright.errors import RequestError

FEATURES = ["timestamp", "machine_id", "age_days", "hours_since_maintenance", "operating_mode", *demo.SENSORS]


@pytest.fixture(scope="module")
def quarter() -> pd.DataFrame:
    return demo.generate(machines=20, days=90, seed=0)


def test_one_row_an_hour_and_machine_in_the_order_of_time(quarter: pd.DataFrame) -> None:
    assert list(quarter.columns) == [*FEATURES, demo.TARGET]
    assert len(quarter) == 20 * 90 * 24
    assert quarter["timestamp"].is_monotonic_increasing
    assert not quarter.duplicated(["timestamp", "machine_id"]).any()
    assert quarter["machine_id"].nunique() == 20
    assert set(quarter["operating_mode"]) == set(demo.MODES)


def test_the_same_seed_gives_the_same_readings_and_another_one_gives_others() -> None:
    first = demo.generate(3, 35, seed=7)
    pd.testing.assert_frame_equal(first, demo.generate(3, 35, seed=7))
    assert not first.equals(demo.generate(3, 35, seed=8))


@pytest.mark.parametrize(("machines", "days"), [(1, 100), (3, 60), (10, 10), (20, 60), (60, 30)])
def test_about_three_per_cent_is_positive_for_every_size_and_seed(machines: int, days: int) -> None:
    shares = [float(demo.generate(machines, days, seed)[demo.TARGET].mean()) for seed in range(8)]
    assert min(shares) >= 0.02
    assert max(shares) <= 0.04


@pytest.mark.parametrize("seed", range(4))
def test_a_shorter_period_is_the_beginning_of_a_longer_one(seed: int) -> None:
    short, long = demo.generate(4, 20, seed), demo.generate(4, 75, seed)
    pd.testing.assert_frame_equal(short, long.head(len(short)))


def test_the_target_marks_the_day_before_a_pump_stops(quarter: pd.DataFrame) -> None:
    for _, pump in quarter.groupby("machine_id"):
        target = pump[demo.TARGET].to_numpy()
        standing = (pump["operating_mode"] == "maintenance").to_numpy()
        assert not target[standing].any()
        ends = np.flatnonzero((target[:-1] == 1) & (target[1:] == 0)) + 1
        assert standing[ends].all()
        for end in ends[ends >= demo.AHEAD]:
            assert target[end - demo.AHEAD : end].sum() == demo.AHEAD


def test_sensors_fall_silent_for_hours(quarter: pd.DataFrame) -> None:
    for sensor in demo.SENSORS:
        gone = quarter.pivot(index="timestamp", columns="machine_id", values=sensor).isna().to_numpy()
        assert 0.01 < gone.mean() < 0.06
        begins = (gone[1:] & ~gone[:-1]).sum()
        assert gone.sum() / begins > 4


def test_maintenance_resets_its_counter(quarter: pd.DataFrame) -> None:
    for _, pump in quarter.groupby("machine_id"):
        since = pump["hours_since_maintenance"].to_numpy()
        standing = (pump["operating_mode"] == "maintenance").to_numpy()
        assert (since[standing] == 0).all()
        assert (np.diff(since)[~standing[1:]] == 1).all()


def test_a_year_shows_in_the_temperature() -> None:
    year = demo.generate(4, 365, seed=1)
    by_month = year.groupby(year["timestamp"].dt.month)["temperature_c"].mean()
    assert by_month[7] > by_month[1] + 8


def test_the_past_of_a_machine_tells_more_than_its_present(quarter: pd.DataFrame) -> None:
    """A failing pump deviates from itself before it deviates from the others."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    sensors = list(demo.SENSORS)
    running = quarter[sensors].where(quarter["operating_mode"] != "maintenance")
    own = running.groupby(quarter["machine_id"])
    day = own.rolling(24, min_periods=3).mean().droplevel(0).sort_index()
    fortnight = own.rolling(24 * 14, min_periods=24).mean().droplevel(0).sort_index()
    now = quarter[[*sensors, "age_days", "hours_since_maintenance"]].assign(
        **{mode: quarter["operating_mode"] == mode for mode in demo.MODES}
    )
    past = now.join((day / fortnight).add_suffix("_against_own_past"))
    cut, y = int(0.8 * len(quarter)), quarter[demo.TARGET]

    def auc(features: pd.DataFrame) -> float:
        model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=500))
        model.fit(features[:cut], y[:cut])
        return float(roc_auc_score(y[cut:], model.predict_proba(features[cut:])[:, 1]))

    present = auc(now)
    assert 0.7 < present < 0.88
    assert auc(past) > present + 0.04


@pytest.mark.parametrize("name", ["pumps.csv", "pumps.parquet"])
def test_what_is_written_is_what_was_made(tmp_path: Path, name: str) -> None:
    made = demo.write(tmp_path / name, machines=2, days=4, seed=3)
    read = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    assert list(read.columns) == list(made.columns)
    np.testing.assert_array_equal(read["vibration_mm_s"], made["vibration_mm_s"])
    assert pd.to_datetime(read["timestamp"]).tolist() == made["timestamp"].tolist()


@pytest.mark.parametrize(
    ("machines", "days", "seed", "says"),
    [(0, 10, 0, "machines"), (3, 0, 0, "days"), (3, 10, -1, "seed"), (100_000, 3650, 0, "at most")],
)
def test_numbers_out_of_range_are_refused(machines: int, days: int, seed: int, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        demo.generate(machines, days, seed)


def test_files_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"\.csv or \.parquet"):
        demo.write(tmp_path / "pumps.xlsx", 1, 1)
    with pytest.raises(RequestError, match="folder"):
        demo.write(tmp_path / "nowhere" / "pumps.csv", 1, 1)
