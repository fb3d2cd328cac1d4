import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from modelwright.errors import DataError
from modelwright.recipe import Setting
from modelwright.testing.frames import messy, target
from modelwright.transforms import all_transforms
from modelwright.transforms._blocks import Cycles
from modelwright.transforms._words import Grams

BINARY = Setting("binary", 2)


def view(name, setting=BINARY, **given):
    part = all_transforms()[name]
    return part.build(part.action().validate(given), setting)


def columns(built, matrix):
    return dict(zip(built.get_feature_names_out(), np.asarray(matrix).T, strict=True))


def test_trees_by_hand():
    X = pd.DataFrame(
        {
            "x": [1.0, np.nan, np.inf, 4.0],
            "same": [5.0] * 4,
            "c": pd.Categorical(["b", "a", None, "b"]),
            "d": pd.DatetimeIndex(["2024-01-31", "2024-02-01", None, "2024-02-02"]),
        }
    )
    built = view("trees", order="frequency").fit(X)
    found = columns(built, built.transform(X))
    assert list(found) == ["x", "d_month", "d_day", "d_weekday", "d_elapsed_days", "c"]
    assert np.array_equal(found["x"], [1, np.nan, np.nan, 4], equal_nan=True)
    assert np.array_equal(found["c"], [0, 1, np.nan, 0], equal_nan=True)
    assert np.array_equal(found["d_elapsed_days"], [0, 1, np.nan, 2], equal_nan=True)
    unseen = X.iloc[:1].assign(c=pd.Categorical(["new"]))
    assert columns(built, built.transform(unseen))["c"] == [2]
    natural = view("trees").fit(X)
    assert np.array_equal(columns(natural, natural.transform(X))["c"], [1, 0, np.nan, 1], equal_nan=True)


def test_days_of_the_year_are_told_where_the_year_comes_back():
    for days, told in ((360, False), (1_100, True)):
        X = pd.DataFrame({"d": pd.date_range("2021-01-01", periods=days, freq="D")})
        trees = view("trees").fit(X)
        assert ("d_day_of_year" in columns(trees, trees.transform(X))) is told
        for name in ("linear", "dense"):
            added = view(name).fit(X)
            found = list(added.get_feature_names_out())
            assert "d_day_of_year" not in found and {"d_day_of_year_sin", "d_day_of_year_cos2"} <= set(found)
    christmas = columns(trees, trees.transform(X))["d_day_of_year"][[358, 723]]
    assert christmas.tolist() == [359, 359]


def test_a_weighted_sum_can_tell_any_weekday_from_all_others():
    X = pd.DataFrame({"d": pd.date_range("2024-01-01", periods=70, freq="D")})
    built = view("linear").fit(X)
    found = columns(built, built.transform(X))
    waves = np.array([v for k, v in found.items() if "_weekday_" in k]).T
    for weekday in range(7):
        only = (X["d"].dt.weekday == weekday).to_numpy(float)
        told = np.linalg.lstsq(np.c_[np.ones(70), waves], only, rcond=None)[0]
        assert np.allclose(np.c_[np.ones(70), waves] @ told, only)


def test_models_of_earlier_versions_see_the_waves_that_they_were_fitted_on():
    X = pd.DataFrame({"d": pd.date_range("2024-01-01", periods=70, freq="D")})
    block = Cycles("d")
    block.learn(X, None)
    assert block.apply(X).shape[1] == len(block.names) == 12
    vars(block).pop("harmonics")
    block.parts = ["month", "day", "weekday"]
    assert block.apply(X).shape == (70, 6)


def test_target_means_do_not_see_their_own_row():
    """With levels that say nothing about the target, cross-fitted means must not predict it."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": pd.Categorical(rng.integers(0, 400, 1200).astype(str))})
    y = rng.integers(0, 2, 1200)
    built = view("trees", smoothing=0.0)
    crossed = columns(built, built.fit_transform(X, y))["c_target"]
    own = columns(built, built.transform(X))["c_target"]
    assert abs(np.corrcoef(crossed, y)[0, 1]) < 0.12
    assert np.corrcoef(own, y)[0, 1] > 0.4


def test_target_means_by_hand():
    X = pd.DataFrame({"c": pd.Categorical(["a"] * 30 + ["b"] * 10 + [None] * 20)})
    y = np.r_[np.ones(30), np.zeros(30)]
    part = all_transforms()["encode_target"]
    built = part.build({"smoothing": 10.0}, Setting("regression", 0)).fit(X, y)
    rows = pd.DataFrame({"c": pd.Categorical(["a", "b", None, "new"])})
    expected = [(30 + 5) / 40, 5 / 20, 5 / 30, 0.5]
    assert np.allclose(built.transform(rows)["c_target"], expected)


def test_native_pools_rare_levels_and_forgets_unseen_ones():
    X = pd.DataFrame({"odd [name]<": pd.Categorical(["a"] * 5 + ["b"] * 5 + ["rare", "(other)"])})
    out = view("native").fit(X).transform(pd.DataFrame({"odd [name]<": pd.Categorical(["a", "rare", "new", None])}))
    assert list(out.columns) == ["f0"]
    assert out["f0"].cat.categories.tolist() == ["a", "b", "(other)'"]
    assert out["f0"].cat.codes.tolist() == [0, 2, -1, -1]


def test_native_bounds_the_number_of_levels():
    X = pd.DataFrame({"c": pd.Categorical(np.repeat([str(i) for i in range(400)], 3))})
    out = view("native").fit_transform(X, np.tile([0, 1, 1], 400))
    assert len(out.iloc[:, -1].cat.categories) == 250 and out.shape[1] == 3


@pytest.mark.parametrize("name", ["linear", "dense", "positive"])
def test_nothing_missing_and_nothing_extreme(name):
    X, y = messy(200), target(200, "binary")
    built = view(name)
    for out in (built.fit_transform(X, y), built.transform(messy(100, seed=9))):
        values = out.toarray() if hasattr(out, "toarray") else out
        assert np.isfinite(values).all() and np.abs(values).max() < 1e4
        if name == "positive":
            assert values.min() >= 0 and values.max() <= 1


def test_linear_is_sparse_when_wide_and_dense_when_not():
    X = pd.DataFrame({"c": pd.Categorical(np.repeat([str(i) for i in range(300)], 4))})
    assert view("linear").fit_transform(X, None).format == "csr"
    assert isinstance(view("linear").fit_transform(X.iloc[:40], None), np.ndarray)


def test_dense_keeps_to_its_number_of_columns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(50, 400)), columns=[f"x{i}" for i in range(400)])
    built = view("dense", max_columns=30)
    assert built.fit_transform(X, target(50, "binary")).shape == (50, 30) == built.transform(X).shape


@pytest.mark.parametrize("name", ["trees", "dense", "linear"])
def test_texts_carry_their_meaning(name):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    noise = ["the", "pump", "was", "seen", "today", "again", "by", "me"]
    told = [" ".join([*rng.choice(noise, 6), "broken" if hit else "fine", *rng.choice(noise, 2)]) for hit in y]
    X = pd.DataFrame({"note": pd.Series(told, dtype="str")})
    built = view(name)
    model = LogisticRegression(max_iter=2000).fit(built.fit_transform(X[:300], y[:300]), y[:300])
    assert model.score(built.transform(X[300:]), y[300:]) > 0.95


@pytest.mark.parametrize("name", ["trees", "native", "dense", "linear"])
def test_marks_that_many_texts_have_are_counted(name):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    told = [f"{rng.choice(['is', 'was'])} it {rng.choice(['warm', 'cold'])}{'?' if hit else '.'}" for hit in y]
    X = pd.DataFrame({"note": pd.Series([*told[:-1], "it #1 is; so long as nobody asks"], dtype="str")})
    built = view(name, BINARY)
    values = columns(built, built.fit(X, y).transform(X))
    assert {n[-1] for n in values if n.startswith("note_") and not n[-1].isalnum()} == {"?", "."}
    asked = values["note_?"][:-1].astype(float)
    assert asked[y[:-1] == 1].min() > asked[y[:-1] == 0].max()


def test_wide_and_many_classes():
    X = pd.DataFrame({"c": pd.Categorical(np.repeat([str(i) for i in range(100)], 3))})
    y = np.arange(300) % 26
    assert view("trees", Setting("multiclass", 26)).fit_transform(X, y).shape[1] <= 2  # not 26 means a column


def test_a_lost_column_is_named():
    X = messy(40)
    built = view("trees").fit(X)
    with pytest.raises(DataError, match="column 'plain'"):
        built.transform(X.drop(columns="plain"))


@given(st.lists(st.text(st.sampled_from("ab é.7\n"), max_size=40), max_size=30))
def test_reading_texts_while_learning_from_them_gives_what_reading_them_again_does(documents):
    once, twice = Grams(50, 0), Grams(50, 0)
    matrix, _ = once.fit_transform(documents), twice.fit_transform(documents)
    again = twice.transform(documents)
    assert once.terms == twice.terms and matrix.shape == again.shape
    assert np.array_equal(matrix.indices, again.indices) and np.allclose(matrix.data, again.data, rtol=1e-12)
