import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import NotApplicable, ProgramError
from modelwright.recipe import Setting
from modelwright.transforms import all_transforms

SETTING = Setting("binary", 2, time_column="t", group_column="g")
WAYS = {
    "lags": {"lags": [1, 3]},
    "differences": {"lags": [2]},
    "rolling": {"windows": [2, 5], "statistics": "all"},
    "trailing_zscore": {"windows": [4]},
    "ewm": {"spans": [3]},
    "own_usual": {"spans": [1, 4]},
    "drift": {"windows": [3, 6]},
    "since_event": {"columns": ["x"]},
    "time_since": {},
    "running_count": {},
    "fill_missing": {},
}


def built(name, given=None, setting=SETTING):
    part = all_transforms()[name]
    action = part.action()
    return part.build(action.resolved(action.validate(WAYS[name] if given is None else given)), setting)


def machines(rows, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows) * 10
    values[rng.random(rows) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "g": pd.Categorical(rng.choice(["a", "b", "c"], rows)),
            "t": pd.DatetimeIndex(pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.permutation(rows), unit="h")),
            "x": values,
        }
    )


def new_columns(before, after):
    return [c for c in after.columns if c not in before.columns] or ["x"]


def features(name, frame):
    out = built(name).fit_transform(frame, None)
    return out[new_columns(frame, out)].to_numpy()


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(2, 60), share=st.floats(0.1, 0.9), huge=st.booleans())
def test_later_rows_change_nothing(name, seed, rows, share, huge):
    frame = machines(rows, seed)
    cut = frame["t"].sort_values().iloc[int(share * (rows - 1))]
    past = (frame["t"] <= cut).to_numpy()
    other = frame.copy()
    changed = np.random.default_rng(seed + 1).normal(size=rows) * (1e30 if huge else 5)
    other["x"] = np.where(past, frame["x"], changed)
    rest = np.flatnonzero(past)
    assert np.array_equal(features(name, frame)[past], features(name, other)[past], equal_nan=True)
    assert np.array_equal(features(name, frame)[past], features(name, frame.iloc[rest]), equal_nan=True)


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(2, 60), share=st.floats(0.0, 1.0))
def test_a_second_frame_goes_on_where_the_first_ended(name, seed, rows, share):
    frame = machines(rows, seed)
    past = (frame["t"] <= frame["t"].sort_values().iloc[int(share * (rows - 1))]).to_numpy()
    whole = features(name, frame)
    part = built(name)
    first = part.fit_transform(frame[past], None)
    second = part.transform(frame[~past])
    columns = new_columns(frame, first)
    assert np.allclose(whole[past], first[columns].to_numpy(), equal_nan=True)
    assert np.allclose(whole[~past], second[columns].to_numpy(), equal_nan=True, atol=1e-9)


def test_figures_are_those_of_pandas():
    frame = machines(300)
    ordered = frame.sort_values(["g", "t"])
    groups = ordered.groupby("g", observed=True)["x"]
    out = built("rolling").fit_transform(frame, None)
    for statistic in ("mean", "std", "min", "max"):
        expected = getattr(groups.rolling(5, min_periods=1), statistic)().droplevel(0).loc[frame.index]
        assert np.allclose(out[f"x_{statistic}_5"], expected, equal_nan=True)
    assert np.allclose(
        built("lags").fit_transform(frame, None)["x_lag_3"], groups.shift(3)[frame.index], equal_nan=True
    )
    filled = built("fill_missing").fit_transform(frame, None)["x"]
    assert np.allclose(filled, groups.ffill()[frame.index], equal_nan=True)
    earlier = groups.shift().groupby(ordered["g"], observed=True).expanding()
    score = (ordered["x"] - earlier.mean().droplevel(0)) / earlier.std().droplevel(0)
    zscore = built("trailing_zscore").fit_transform(frame, None)["x_zscore"]
    assert np.allclose(zscore, score[frame.index], equal_nan=True)
    usual = built("own_usual").fit_transform(frame, None)["x_usual_1"]
    level = (groups.ffill() - earlier.mean().droplevel(0)) / earlier.std().droplevel(0)
    assert np.allclose(usual, level[frame.index], equal_nan=True)
    half = groups.rolling(3, min_periods=1).mean().droplevel(0)
    drift = half - half.groupby(ordered["g"], observed=True).shift(3)
    assert np.allclose(built("drift").fit_transform(frame, None)["x_drift_6"], drift[frame.index], equal_nan=True)
    count = built("running_count").fit_transform(frame, None)["g_running_count"]
    assert np.array_equal(count, ordered.groupby("g", observed=True).cumcount()[frame.index])


def test_hours_since_a_state_changed_go_on_in_later_rows():
    hours = pd.date_range("2024-01-01", periods=6, freq="h")
    states = pd.DataFrame({"g": pd.Categorical(["a"] * 6), "t": hours, "x": [0.0, 0, 1, np.nan, 1, 1]})
    part = built("since_event", {"columns": ["x"]})
    assert part.fit_transform(states, None)["x_since_change"].tolist()[2:] == [0, 1, 2, 3]
    later = states.assign(t=hours + pd.Timedelta("10h"), x=[1.0, 1, 0, 0, 0, 0])
    assert part.transform(later)["x_since_change"].tolist() == [8, 9, 0, 1, 2, 3]
    in_rows = built("since_event", {"event": "nonzero", "columns": ["x"]}, Setting("regression", 0))
    assert in_rows.fit_transform(states[["x"]], None)["x_since_nonzero"].tolist()[2:] == [0, 1, 0, 0]
    assert in_rows.transform(states[["x"]])["x_since_nonzero"].tolist()[:3] == [1, 2, 0]


def test_rows_before_the_end_of_history_see_only_their_own_frame():
    frame = machines(60)
    part = built("lags").fit(frame, None)
    old = frame[(frame["t"] < frame.groupby("g", observed=True)["t"].transform("max"))]
    assert np.array_equal(
        part.transform(old)["x_lag_1"], built("lags").fit_transform(old, None)["x_lag_1"], equal_nan=True
    )


def test_an_unknown_group_starts_afresh_and_a_row_without_time_stands_alone():
    frame = machines(40)
    part = built("running_count").fit(frame, None)
    later = machines(4, seed=1).assign(g=pd.Categorical(["new", "new", "a", "a"]))
    later["t"] = pd.to_datetime(["2025-01-02", "2025-01-01", None, "2025-01-01"])
    assert part.transform(later)["g_running_count"].tolist() == [1, 0, 0, (frame["g"] == "a").sum()]


def test_without_a_time_column_the_order_of_rows_is_the_time():
    part = built("lags", {"lags": [1]}, Setting("regression", 0))
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    assert part.fit_transform(frame, None)["x_lag_1"].tolist()[1:] == [1.0, 2.0]
    assert part.transform(pd.DataFrame({"x": [9.0, 8.0]}))["x_lag_1"].tolist() == [3.0, 9.0]


def test_a_constant_past_gives_no_enormous_score():
    frame = machines(30).assign(x=0.1)
    frame.loc[29, "x"] = 0.1 + 1e-13
    score = built("trailing_zscore").fit_transform(frame, None)["x_zscore"]
    assert (score.abs().dropna() <= 1).all()


def test_missing_time_column_is_said():
    frame = machines(20)
    with pytest.raises(NotApplicable, match="'t'"):
        built("lags").fit(frame.drop(columns="t"), None)
    with pytest.raises(ProgramError, match="did you mean 't'"):
        built("lags", {"time_column": "tt"}).fit(frame.rename(columns={"x": "xx"}), None)
    with pytest.raises(ProgramError, match="can't order rows"):
        built("lags", {"time_column": "g"}).fit(frame, None)
