import numpy as np
import pandas as pd
import pytest

from modelwright.dated import date_parts
from modelwright.errors import NotApplicable, ProgramError
from modelwright.recipe import Setting
from modelwright.testing.frames import messy, target
from modelwright.transforms import all_transforms

BINARY, REGRESSION = Setting("binary", 2), Setting("regression", 0)


def fitted(name, X, y=None, setting=BINARY, **given):
    part = all_transforms()[name]
    built = part.build(part.action().validate(given), setting)
    return built, built.fit_transform(X, y)


def test_every_category_is_there():
    found = {part.category for part in all_transforms().values()}
    assert found >= {
        "preprocessing",
        "feature",
        "selection",
        "view",
        "resampling",
        "weighting",
        "target",
        "calibration",
    }


@pytest.mark.parametrize("name", [n for n, p in all_transforms().items() if any(q.name == "columns" for q in p.params)])
def test_a_misspelt_column_is_named(name):
    with pytest.raises(ProgramError, match="did you mean 'plain'"):
        fitted(name, messy(40), target(40, "binary"), columns=["plaim"])


@pytest.mark.parametrize(("name", "column"), [("scale", "few"), ("encode_onehot", "plain"), ("date_parts", "plain")])
def test_a_column_of_another_kind_is_refused(name, column):
    with pytest.raises(ProgramError, match="holds"):
        fitted(name, messy(40), columns=[column])


def test_impute_learns_from_training_only():
    X = pd.DataFrame({"x": [1.0, 3.0, np.nan], "c": pd.Categorical(["a", "a", None])})
    built, out = fitted("impute", X, indicator=True)
    assert out["x"].tolist() == [1, 3, 2] and out["c"].tolist() == ["a", "a", "a"]
    assert out["x_missing"].tolist() == [0, 0, 1]
    later = pd.DataFrame({"x": [np.nan], "c": pd.Categorical([None], categories=["z"])})
    assert built.transform(later).iloc[0, :2].tolist() == [2.0, "a"]


def test_rare_levels_and_unseen_ones_are_pooled():
    X = pd.DataFrame({"c": pd.Categorical(["a"] * 8 + ["b", None])})
    built, out = fitted("rare_levels", X)
    assert out["c"].tolist()[:9] == ["a"] * 8 + ["(other)"] and out["c"].isna().tolist()[9]
    assert built.transform(pd.DataFrame({"c": pd.Categorical(["new"])}))["c"].tolist() == ["(other)"]


def test_codes_become_categories_and_come_back():
    X = pd.DataFrame({"x": [1.0, 2.5, np.nan, 1e17]})
    _, out = fitted("as_category", X, columns=["x"])
    assert out["x"].tolist()[:2] == ["1", "2.5"] and out["x"].isna()[2]
    _, back = fitted("as_numeric", out)
    assert np.array_equal(back["x"], X["x"], equal_nan=True)


def test_interactions_find_the_pair_that_matters():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(500, 5)), columns=list("abcde"))
    y = (X["b"] * X["d"] > 0).to_numpy().astype(int)
    _, out = fitted("interactions", X, y, max_features=3)
    assert out.shape[1] == 8 and "b * d" in out
    _, out = fitted("polynomials", X, (X["b"] * X["d"]).to_numpy(), REGRESSION, max_features=1)
    assert out.columns[-1] == "b * d"


def test_a_ratio_over_zero_is_missing():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 2.0]})
    _, out = fitted("ratios", X)
    assert np.array_equal(out["a / b"], [np.nan, 2, 1.5], equal_nan=True)


def test_combinations_of_categories_cannot_be_confused():
    X = pd.DataFrame({"a": pd.Categorical(["x & y", "x", None]), "b": pd.Categorical(["z", "y & z", "z"])})
    _, out = fitted("combine_categories", X, columns=["a", "b"])
    assert out["a & b"].nunique() == 2 and out["a & b"].isna().tolist() == [False, False, True]


def test_group_statistics_by_hand():
    X = pd.DataFrame({"g": pd.Categorical(["a", "a", "b", "b"]), "x": [1.0, 3.0, 10.0, np.nan]})
    built, out = fitted("group_statistics", X, by=["g"], columns=["x"])
    assert out["x_mean_by_g"].tolist() == [2, 2, 10, 10]
    assert np.array_equal(out["x_minus_mean_by_g"], [-1, 1, 0, np.nan], equal_nan=True)
    unseen = pd.DataFrame({"g": pd.Categorical(["new"]), "x": [5.0]})
    assert built.transform(unseen)["x_mean_by_g"][0] == pytest.approx(14 / 3)


def test_bins_have_equal_rows():
    X = pd.DataFrame({"x": np.random.default_rng(0).exponential(size=1000)})
    _, out = fitted("binning", X, bins=4)
    assert out["x_bin"].value_counts().between(240, 260).all()


@pytest.mark.parametrize(("name", "given"), [
    ("select_k_best", {"k": 2}), ("select_k_best", {"k": 2, "method": "f_test"}), ("select_by_model", {"k": 2}),
    ("select_by_model", {}), ("select_by_model", {"model": "extra_trees", "k": 2}),
])  # fmt: skip
def test_selection_finds_the_signal(name, given):
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(400, 12)), columns=[f"x{i}" for i in range(12)])
    y = (X["x3"] + X["x7"] > 0).to_numpy().astype(int)
    _, out = fitted(name, X, y, keep_columns=["x11"], **given)
    assert {"x3", "x7", "x11"} <= set(out.columns) and out.shape[1] < 12


def test_the_correlation_filter_keeps_the_more_telling_twin():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    X = pd.DataFrame({"noisy": x + rng.normal(size=300) * 0.1, "true": x, "else": rng.normal(size=300)})
    _, out = fitted("correlation_filter", X, (x > 0).astype(int))
    assert out.columns.tolist() == ["true", "else"]


def test_selection_protects_time_and_group():
    X, y = messy(80), target(80, "binary")
    part = all_transforms()["select_k_best"]
    out = part.build({"k": 1}, Setting("binary", 2, time_column="when", group_column="few")).fit_transform(X, y)
    assert {"when", "few", "text"} <= set(out.columns)


def test_resampling_reaches_the_ratio_and_keeps_the_given_rows():
    X = np.arange(200, dtype=float).reshape(100, 2)
    y = np.r_[np.zeros(95, dtype=int), np.ones(5, dtype=int)]
    for name in ("oversample", "smote", "adasyn", "borderline_smote"):
        Z, z = all_transforms()[name].build({"target_ratio": 0.5}, BINARY).fit_resample(X, y)
        assert np.array_equal(Z[:100], X) and np.bincount(z)[1] == pytest.approx(47, abs=6)
    Z, z = all_transforms()["undersample"].build({"target_ratio": 0.2}, BINARY).fit_resample(X, y)
    assert np.bincount(z).tolist() == [25, 5]


def test_targets_outside_the_domain_are_declined():
    with pytest.raises(NotApplicable):
        all_transforms()["sqrt"].build({}, REGRESSION).fit(np.array([[-0.5], [1.0], [2.0]]))


def test_a_target_with_a_few_negative_values_has_a_logarithm_all_the_same():
    y = np.array([[-1_266.0], [0.0], [3.0], [7_000.0]])
    built = all_transforms()["log1p"].build({}, REGRESSION).fit(y)
    made = built.transform(y)
    assert (np.diff(made.ravel()) > 0).all() and np.allclose(built.inverse_transform(made), y)
    assert np.allclose(made[2:], np.log1p(y[2:])) and np.allclose(made[0], -np.log1p(1_266))


def test_dropping_everything_is_declined():
    X = pd.DataFrame({"a": [1.0]})
    with pytest.raises(NotApplicable):
        fitted("drop_columns", X, columns=["a"])


def test_a_date_in_parts_is_put_together():
    stays = pd.DataFrame(
        {
            "arrival_year": [2015.0, 2016.0, 2016.0, 1e300],
            "arrival_month": pd.Categorical(["July", "feb", "11", "May"]),
            "arrival_day_of_month": [1.0, 29.0, 31.0, 2.5],
            "arrival_week": [27.0, 9.0, 44.0, 18.0],
        }
    )
    built, out = fitted("assemble_date", pd.concat([stays.iloc[:2]] * 20))
    assert out["date"].astype(str).tolist()[:2] == ["2015-07-01", "2016-02-29"]
    assert built.transform(stays)["date"].isna().tolist() == [False, False, True, True]
    _, yearless = fitted("assemble_date", pd.concat([stays.iloc[:2, 1:]] * 20))
    assert yearless["date"].dt.day_of_year.tolist()[:2] == [182, 59]
    for columns in (stays[["arrival_month"]], stays.assign(other_month=1.0), stays.assign(arrival_day_of_month=40.0)):
        with pytest.raises(NotApplicable, match="assemble_date"):
            fitted("assemble_date", columns)
    with pytest.raises(ProgramError, match="here are 1"):
        fitted("assemble_date", stays, columns=["arrival_month"])


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Year", "Month", "DayofMonth", "DayOfWeek"), ("Year", "Month", "DayofMonth")),
        (("yr", "mnth", "mday", "weekday", "hr"), ("yr", "mnth", "mday")),
        (("day", "month", "day_of_year"), ("month", "day")),
        (("built_year", "year", "month", "day"), ()),
        (("monday", "tuesday", "demand"), ()),
        (("month", "due_month", "day"), ()),
    ],
)
def test_the_parts_of_a_date_are_known_by_their_names(names, found):
    assert date_parts(names) == found
