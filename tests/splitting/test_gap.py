import numpy as np
import pandas as pd
import pytest

from modelwright.gap import gap_rows, learnt_rows, with_gap
from modelwright.horizon import ahead_in_name, ahead_in_words, seconds_ahead
from modelwright.policy.understand import understand
from modelwright.readers import read
from modelwright.splitting import divide, fold_rows, seal

HOUR = 3_600.0


@pytest.mark.parametrize(
    ("sentence", "hours"),
    [
        ("Predict pump failures 24 hours before they happen", 24),
        ("Which customers will leave within the next 3 months?", 3 * 31 * 24),
        ("How hot will the oil be at this time tomorrow?", 24),
        ("Forecast demand one week ahead", 168),
        ("Will it rain in the next half of the year", 0),
        ("What did they spend over the last 30 days?", 0),
        ("Estimate the price of a house built in 1990", 0),
    ],
)
def test_how_far_a_sentence_looks_ahead(sentence: str, hours: float) -> None:
    assert (seconds_ahead(ahead_in_words(sentence)) or 0) == hours * HOUR


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("failure_24h", 24), ("oil_temp_24h_later", 24), ("churn_30d", 720), ("SalePrice", 0), ("mean_24h", 0),
        ("spend_last_30_days", 0), ("readmitted_30_days", 720), ("NO2", 0),
    ],
)  # fmt: skip
def test_how_far_a_target_looks_ahead_by_its_name(name: str, hours: float) -> None:
    assert (seconds_ahead(ahead_in_name(name)) or 0) == hours * HOUR


def hourly(rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=rows, freq="h").repeat(2)
    frame = pd.DataFrame({"machine": np.tile(["a", "b"], rows), "time": times, "heat": rng.normal(size=2 * rows)})
    return frame.assign(failure_12h=rng.integers(0, 2, 2 * rows))


def test_no_target_that_is_learnt_from_reaches_into_what_is_judged() -> None:
    frame = hourly()
    reading = read(frame)
    problem = understand("Which machines will fail?", reading.schema, reading.frame, target="failure_12h")
    assert problem.horizon is not None
    y = frame["failure_12h"].to_numpy()
    sealed = seal(reading.frame, reading.schema, problem, y, seed=0)
    split = divide(sealed, problem, seed=0)
    assert split.protocol.gap and "12 h" in split.protocol.reason and split.protocol.repeats == 1
    time = frame["time"].to_numpy()
    development, ahead = time[split.development], np.timedelta64(12, "h")
    for repeat, fold in split.protocol.parts():
        train, valid = fold_rows(split.assignment, repeat, fold, True)
        assert development[train].max() + ahead == development[valid].min()
        gap = gap_rows(split.assignment, fold)
        assert len(gap) == 22 and not set(gap) & {*train, *valid}
    learnt = learnt_rows(split.assignment)
    assert development[learnt].max() + ahead == time[split.holdout].min()


def test_a_gap_takes_folds_that_would_have_too_little_to_learn_from() -> None:
    moments = pd.DatetimeIndex(pd.date_range("2024-01-01", periods=100, freq="D"))
    folds, times = np.repeat([0, 1, 2], [20, 30, 30]), np.arange(80)
    joined = with_gap(moments, 18 * 86_400, folds, times, np.arange(80, 100), None)
    assert joined is not None and joined[0].max() == 1
    assert fold_rows(joined, 0, 1, True)[0].max() == 50 - 18
    assert with_gap(moments, 90 * 86_400, folds, times, np.arange(80, 100), None) is None
