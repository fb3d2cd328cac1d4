"""Profiles: right figures, and nothing in them by which a row could be recognised."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import RequestError
from modelwright.hashing import canonical_json, plain, restore
from modelwright.policy.ground import Ground
from modelwright.profile import Profile
from modelwright.profiling import as_dict, printable, profile
from modelwright.table import Field, Kind, Schema

N = 2_000


def schema_of(**kinds: Kind) -> Schema:
    return Schema(tuple(Field(name, kind) for name, kind in kinds.items()))


def customers(n: int = N) -> tuple[pd.DataFrame, Schema]:
    rng = np.random.default_rng(7)
    income = rng.lognormal(10, 0.5, n)
    churn = np.where(rng.random(n) < 1 / (1 + np.exp((income - 22_000) / 4_000)), "yes", "no")
    plan = np.array(["basic", "plus", "gold"])[rng.integers(0, 3, n)]
    frame = pd.DataFrame(
        {
            "id": pd.Categorical([f"C{i:05d}" for i in range(n)]),
            "email": pd.Series([f"person{i}@example.org" for i in range(n)], dtype="str"),
            "income": income,
            "spend": income * 0.1 + rng.normal(0, 50, n),
            "visits": rng.poisson(2, n).astype(float),
            "plan": pd.Categorical(plan),
            "since": pd.date_range("2021-03-01", periods=n, freq="h", unit="us"),
            "remark": pd.Series(["the service was very good indeed"] * n, dtype="str"),
            "churn": pd.Categorical(churn, ["no", "yes"]),
        }
    )
    kinds: dict[str, Kind] = {
        "id": "id", "email": "category", "income": "numeric", "spend": "numeric", "visits": "numeric",
        "plan": "category", "since": "datetime", "remark": "text", "churn": "boolean",
    }  # fmt: skip
    fields = [Field(name, kind, personal="e-mail" if name == "email" else "") for name, kind in kinds.items()]
    return frame, Schema(tuple(fields))


def test_figures_agree_with_pandas() -> None:
    frame, schema = customers()
    found = profile(frame, schema, "churn")
    income = found["income"]
    assert income.numbers["mean"] == pytest.approx(frame["income"].mean(), rel=1e-3)
    assert income.numbers["std"] == pytest.approx(frame["income"].std(), rel=1e-3)
    expected = frame["income"].quantile([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    assert income.quantiles == pytest.approx(list(expected), rel=0.03)
    assert found["plan"].levels == tuple(sorted(frame["plan"].value_counts().items(), key=lambda i: (-i[1], i[0])))
    assert found["visits"].distinct == frame["visits"].nunique()
    assert found["since"].span == ("2021-03-01", "2021-05-22")
    assert found["remark"].lengths == (6.0, 6.0, 6.0)
    assert dict(found.target_levels) == frame["churn"].value_counts().to_dict()
    assert found.pairs[0][:2] == ("income", "spend") and found.pairs[0][2] > 0.9
    assert (found.rows, found.sampled, found.target, found.duplicates) == (N, N, "churn", 0)


def test_associations_tell_signal_from_noise_for_every_pair_of_kinds() -> None:
    rng = np.random.default_rng(3)
    n = 3_000
    x = rng.normal(size=n)
    noisy = x + rng.normal(0, 0.5, n)
    frame = pd.DataFrame(
        {
            "number": noisy,
            "group": pd.Categorical(np.where(noisy > 0.4, "high", np.where(noisy > -0.4, "mid", "low"))),
            "noise": rng.normal(size=n),
            "noise_levels": pd.Categorical([f"l{i}" for i in rng.integers(0, 300, n)]),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta((noisy * 1e5).astype(int), unit="s"),
            "y": x,
            "c": pd.Categorical(np.where(x > 0, "a", "b")),
        }
    )
    schema = schema_of(
        number="numeric", group="category", noise="numeric", noise_levels="category", when="datetime", y="numeric",
        c="category",
    )  # fmt: skip
    for target in ("y", "c"):
        strengths = {c.name: c.association for c in profile(frame, schema, target).columns}
        assert all(strengths[name] > 0.5 for name in ("number", "group", "when")), strengths
        assert all(strengths[name] < 0.12 for name in ("noise", "noise_levels")), strengths
        assert strengths[target] is None


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_whole_numbers_that_are_names_are_told_from_quantities(classes: int) -> None:
    rng = np.random.default_rng(3)
    n = 6_000
    shop, floor_space = rng.integers(0, 1_500, n), rng.integers(0, 1_500, n)
    signal = 3 * rng.normal(size=1_500)[shop] + 2 * np.sin(floor_space / 200) + 0.3 * rng.normal(size=n)
    frame = pd.DataFrame({"shop": shop * 17.0, "space": floor_space * 1.0, "row": np.arange(n) * 1.0, "y": signal})
    if classes:
        frame["y"] = pd.Categorical(pd.qcut(frame["y"], classes, labels=False).astype(str))
    fields = [Field(name, "numeric", whole=True) for name in ("shop", "space", "row")]
    schema = Schema((*fields, Field("y", "category" if classes else "numeric")))
    found = profile(frame, schema, "y")
    assert (found["shop"].naming or 0) > 0.1 > 0.05 > (found["space"].naming or 0)
    assert found["row"].naming is None and found["y"].naming is None
    assert any("as names" in caution for caution in found["shop"].cautions)
    assert Ground(cast(Any, None), Schema(tuple(fields)), found, cast(Any, None)).codes == ("shop",)


def test_columns_that_the_target_stays_near_are_found() -> None:
    rng = np.random.default_rng(3)
    today = np.cumsum(rng.normal(size=N))
    listed = rng.lognormal(3, 1, N)
    frame = pd.DataFrame(
        {
            "today": today, "listed": np.where(rng.random(N) < 0.1, np.nan, listed), "noise": rng.normal(size=N),
            "tomorrow": today + rng.normal(size=N), "paid": listed * rng.lognormal(0, 0.1, N),
        }
    )  # fmt: skip
    schema = schema_of(**dict.fromkeys(frame.columns, "numeric"))
    steady = profile(frame, schema, "tomorrow").anchors
    assert [(a.column, a.method) for a in steady] == [("today", "difference")]
    assert steady[0].left == pytest.approx(1 / np.var(frame["tomorrow"]), rel=0.2)
    prices = profile(frame, schema, "paid").anchors
    assert [(a.column, a.method) for a in prices] == [("listed", "log_ratio")] and prices[0].left < 0.03
    assert not profile(frame, schema, "noise").anchors and not profile(frame, schema).anchors


def test_a_copy_of_the_target_is_pointed_out() -> None:
    frame, schema = customers()
    frame["left"] = frame["churn"].cat.rename_categories({"no": "0", "yes": "1"})
    found = profile(frame, Schema((*schema.fields, Field("left", "boolean"))), "churn")
    assert any("almost equal to the target" in caution for caution in found["left"].cautions)


def test_nothing_of_a_single_row_is_shown() -> None:
    frame, schema = customers()
    frame.loc[3, "income"] = 987654321.0
    frame["plan"] = frame["plan"].cat.add_categories(["secret plan of one customer"])
    frame.loc[3, "plan"] = "secret plan of one customer"
    frame["rare"] = [0.0] * (N - 9) + [777.0] * 9
    frame.loc[5, "remark"] = "canary in the text"
    frame.loc[7, "since"] = pd.Timestamp("1903-04-05")
    found = profile(frame, Schema((*schema.fields, Field("rare", "numeric"))), "churn")
    text = canonical_json(found) + canonical_json(as_dict(found))
    for canary in ("98765", "secret", "777", "canary", "person1", "1903", "C000"):
        assert canary not in text, canary
    assert found["plan"].hidden_levels == 1
    assert found["email"].personal == "e-mail" and found["email"].distinct == 0 and found["email"].levels == ()
    assert found["email"].association is None and found["id"].association is None
    assert found["income"].numbers["mean"] < 1e5, "a dominating row is pulled in"
    assert as_dict(found)["sample"] == []


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=25),
    floor=st.integers(2, 15),
    seed=st.integers(0, 5),
)
def test_levels_and_few_valued_numbers_keep_the_floor(counts: list[int], floor: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.repeat(np.arange(len(counts), dtype=float) * 3 + 1, counts))
    frame = pd.DataFrame({"n": values, "c": pd.Categorical([f"v{v:.0f}" for v in values])})
    found = profile(frame, schema_of(n="numeric", c="category"), "c", floor=floor)
    sizes = dict(zip((np.arange(len(counts)) * 3 + 1).tolist(), counts, strict=True))
    assert all(count >= floor for _, count in (*found["c"].levels, *found.target_levels))
    assert len([c for c in counts if c < floor]) == found["c"].hidden_levels
    if len(counts) * floor <= len(values):
        shown = [q for q in found["n"].quantiles if q == q]
        assert all(sizes.get(int(q), floor) >= floor for q in shown if q == int(q))
    for share, q in zip((0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99), found["n"].quantiles, strict=False):
        assert q != q or min(share, 1 - share) * len(values) >= floor - 1e-6


@pytest.mark.parametrize(
    ("times", "span"),
    [
        (pd.date_range("2020-01-01", periods=400, freq="h"), ("2020-01-01", "2020-01-17")),
        (pd.date_range("2020-01-01", periods=400, freq="D"), ("2020-01", "2021-01")),
        (pd.date_range("2000-01-01", periods=240, freq="MS"), ("2000", "2019")),
        (pd.date_range("2000-01-01", periods=9, freq="D"), ()),
    ],
)
def test_dates_are_as_coarse_as_the_floor_asks(times: pd.DatetimeIndex, span: tuple[str, ...]) -> None:
    frame = pd.DataFrame({"t": times.as_unit("us")})
    assert profile(frame, schema_of(t="datetime"))["t"].span == span


@pytest.mark.parametrize("rows", [0, 1, 9, 25])
def test_tiny_tables(rows: int) -> None:
    frame, schema = customers(50)
    found = profile(frame.iloc[:rows], schema, "churn")
    assert found.rows == rows
    assert (found["income"].numbers == {}) == (rows < 10)
    assert all(q != q for q in found["income"].quantiles[:2])
    assert restore(Profile, json.loads(json.dumps(plain(found)))).rows == rows
    assert as_dict(found)["shape"] == [rows, 9]


def test_odd_values_and_columns_without_any() -> None:
    values = np.array([1e308, -1e308, np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324] * 20)
    frame = pd.DataFrame({"huge": values, "none": np.full(160, np.nan), "same": pd.Categorical(["x"] * 160)})
    found = profile(frame, schema_of(huge="numeric", none="numeric", same="constant"), "huge")
    assert found["none"].missing == 1.0 and found["none"].cautions == ("holds nothing at all",)
    assert all(np.isfinite(v) for v in found["huge"].numbers.values())
    assert found["same"].levels == (("x", 160),)
    assert found["huge"].distinct == 4


def test_duplicates_imbalance_and_other_cautions() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 3, 400).astype(float), "y": pd.Categorical(["n"] * 380 + ["y"] * 20)})
    frame["b"] = frame["a"].where(rng.random(400) < 0.3)
    found = profile(frame, schema_of(a="numeric", y="category", b="numeric"), "y")
    assert found.duplicates == int(frame.duplicated().sum())
    text = " ".join(found.cautions)
    for said in ("only 400 rows", "repeat an earlier row", "unbalanced", "1 of 3 columns is mostly missing"):
        assert said in text


def test_same_data_same_profile_and_unknown_target() -> None:
    frame, schema = customers()
    assert canonical_json(profile(frame, schema, "churn")) == canonical_json(profile(frame.copy(), schema, "churn"))
    with pytest.raises(RequestError, match="did you mean 'churn'"):
        profile(frame, schema, "chrun")
    with pytest.raises(RequestError, match="floor"):
        profile(frame, schema, floor=0)


def test_dictionary_of_the_tool_contract() -> None:
    frame, schema = customers()
    found = as_dict(profile(frame, schema, "churn"))
    assert list(found) == [
        "shape", "columns", "dtypes", "numeric_columns", "categorical_columns", "target_distribution", "class_balance",
        "missing_pct", "numeric_stats", "feature_target_corr", "n_classes", "is_imbalanced", "sample",
    ]  # fmt: skip
    assert found["n_classes"] == 2 and sum(found["class_balance"].values()) == pytest.approx(100, abs=0.1)
    assert found["numeric_stats"]["income"]["min"] > frame["income"].min()
    strengths = list(found["feature_target_corr"].values())
    assert strengths == sorted(strengths, reverse=True) and "income" in found["feature_target_corr"]
    json.dumps(found, allow_nan=False)
    numeric = as_dict(profile(frame.assign(y=(frame["churn"] == "yes") * 1.0), _with(schema, "y"), "y"))
    assert set(numeric["target_distribution"]) == {"0", "1"} and numeric["n_classes"] == 2
    assert as_dict(profile(frame, schema, "income"))["n_classes"] == 0


def _with(schema: Schema, name: str) -> Schema:
    return Schema((*schema.fields, Field(name, "numeric", whole=True)))


@given(st.text(max_size=400), st.integers(8, 80))
def test_printable_is_harmless_and_short(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", shown)
    if text.isascii() and text.isprintable() and len(text) <= limit:
        assert shown == text
