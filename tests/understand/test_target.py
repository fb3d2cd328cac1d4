"""Finding the target: right when it is clear, asked when it isn't."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelwright.errors import AmbiguousError, RequestError
from modelwright.policy.understand import understand
from modelwright.table import Field, Kind, Schema

CODES: dict[str, tuple[Kind, bool]] = {
    "b": ("numeric", True), "B": ("boolean", False), "f": ("category", False), "c": ("category", False),
    "n": ("numeric", False), "W": ("numeric", True), "w": ("numeric", True), "i": ("id", False), "t": ("text", False),
    "d": ("datetime", False),
}  # fmt: skip


def table(spec: str, n: int = 400) -> tuple[pd.DataFrame, Schema]:
    """A table from ``name:code`` words: b 0/1, B yes/no, f few levels, c many, n real, W whole, w few whole, …"""
    rng = np.random.default_rng(0)
    data: dict[str, object] = {}
    fields = []
    for word in spec.split("|"):
        name, code = word.strip().rsplit(":", 1)
        kind, whole = CODES[code]
        data[name] = {
            "b": lambda: rng.integers(0, 2, n).astype(float),
            "B": lambda: pd.Categorical.from_codes(rng.integers(0, 2, n), ["no", "yes"]),
            "f": lambda: pd.Categorical.from_codes(rng.integers(0, 4, n), list("abcd")),
            "c": lambda: pd.Categorical.from_codes(rng.integers(0, 60, n), [f"l{i}" for i in range(60)]),
            "n": lambda: rng.normal(size=n),
            "W": lambda: rng.integers(0, 500, n).astype(float),
            "w": lambda: rng.integers(0, 6, n).astype(float),
            "i": lambda: pd.Categorical([str(i) for i in range(n)]),
            "t": lambda: pd.Series(["some text here"] * n, dtype="str"),
            "d": lambda: rng.permutation(pd.date_range("2020", periods=n, unit="us").to_numpy()),
        }[code]()
        levels = ("no", "yes") if code == "B" else ()
        fields.append(Field(name, kind, whole=whole, levels=levels))
    return pd.DataFrame(data), Schema(tuple(fields))


CLEAR = [
    ("Which clients will subscribe to a term deposit after our phone call?",
     "age:W|job:f|default:B|balance:n|housing:B|loan:B|contact:f|duration:W|previous:w|poutcome:f|y:B", "y"),
    ("Predict whether income exceeds $50K/yr based on census data",
     "age:W|workclass:f|education:f|sex:B|capital-gain:n|hours-per-week:W|native-country:c|income:B", "income"),
    ("Will this credit card holder default next month?",
     "ID:i|LIMIT_BAL:n|SEX:b|PAY_0:w|BILL_AMT1:n|default.payment.next.month:b", "default.payment.next.month"),
    ("How much is a used car worth?", "brand:f|model:c|year:W|mileage:W|accident:B|price:W", "price"),
    ("What will this used car sell for?", "brand:f|model:c|year:W|mileage:W|accident:B|price:W", "price"),
    ("What is the car going to cost?", "brand:f|model:c|year:W|mileage:W|accident:B|price:W", "price"),
    ("Which species is this flower?", "sepal_length:n|sepal_width:n|petal_length:n|species:f", "species"),
    ("How many bikes will be rented in the next hour?",
     "dteday:d|season:w|hr:W|holiday:b|temp:n|hum:n|windspeed:n|cnt:W", "cnt"),
    ("Predict how long a taxi trip takes",
     "id:i|vendor_id:b|passenger_count:w|pickup_longitude:n|store_and_fwd_flag:B|trip_duration:W", "trip_duration"),
    ("Which employees are going to leave the company?",
     "Age:W|Attrition:B|BusinessTravel:f|Gender:B|MonthlyIncome:W|OverTime:B|YearsSinceLastPromotion:W", "Attrition"),
    ("Will it rain tomorrow?", "Date:d|MinTemp:n|Rainfall:n|RainToday:B|RainTomorrow:B", "RainTomorrow"),
    ("Estimate the remaining useful life of an engine", "unit:W|cycle:W|s1:n|s2:n|RUL:W", "RUL"),
    ("Predict hospital length of stay", "rcount:f|gender:B|asthma:b|bmi:n|pulse:W|lengthofstay:W|facid:f",
     "lengthofstay"),
    ("From age and sex tell whether the patient survives", "age:W|sex:B|ward:f|alive:B", "alive"),
    ("Predict house prices from square feet, number of bedrooms and location",
     "price:n|bedrooms:w|sqft_living:W|zipcode:c|floors:w|waterfront:b", "price"),
    ("Work out the carbon dioxide emitted", "make:c|engine_size:n|fuel:f|co2:n", "co2"),
    ("Build a good model", "a:n|b:n|c:f|target:b", "target"),
    ("Please predict `b` for me", "a:n|b:n|c:f|target:b", "b"),
    ("A few customers cancel their contract every month. Which ones will?",
     "contract:f|gender:B|tenure:W|charges:n|churn:B", "churn"),
]  # fmt: skip

UNCLEAR = [
    ("Which customers will churn?", "age:W|gender:B|tenure:W|plan:f"),
    ("How much will this house sell for?", "rooms:w|area:n|garden:B|year_built:W"),
    ("Will the loan be repaid?", "amount:n|income:n|loan_purpose:f|loan_term:B|home:f"),
    ("Will the patient survive the operation?", "age:W|sex:B|bmi:n|smoker:B|previous_surgery:b"),
    ("Will the machine fail in the next week?", "machine_id:c|temperature:n|failures_last_month:w|error_code:f"),
    ("Find natural groups among our customers", "age:W|income:n|spending:n|gender:B"),
    ("Predict rent of apartments", "serviceCharge:n|balcony:B|baseRent:n|livingSpace:n|totalRent:n"),
    ("Build a good model", "a:n|b:n|c:f|d:n"),
    ("", "a:n|b:n|c:f|d:n"),
]


@pytest.mark.parametrize(("statement", "spec", "target"), CLEAR, ids=[c[2] for c in CLEAR])
def test_clear_problems(statement: str, spec: str, target: str) -> None:
    frame, schema = table(spec)
    known = understand(statement, schema, frame).target
    assert (known.value, known.source) == (target, "inferred")
    assert known.reason


@pytest.mark.parametrize(("statement", "spec"), UNCLEAR)
def test_unclear_problems_are_asked_about(statement: str, spec: str) -> None:
    frame, schema = table(spec)
    with pytest.raises(AmbiguousError, match="--target COL") as caught:
        understand(statement, schema, frame)
    assert 1 <= len(caught.value.candidates) <= 5
    assert set(caught.value.candidates) <= set(schema.names)


def test_the_order_of_columns_decides_nothing_but_ties() -> None:
    for statement, spec, target in CLEAR[:8]:
        frame, schema = table("|".join([*spec.split("|")[1:], spec.split("|")[0], "extra:n"]))
        assert understand(statement, schema, frame).target.value == target


def test_roles_and_hopeless_columns_are_never_the_target() -> None:
    frame, schema = table("id:i|signed:d|remark:t|mail:f|rate:n")
    schema = Schema(tuple(Field(f.name, f.kind, personal="e-mail" if f.name == "mail" else "") for f in schema.fields))
    with pytest.raises(AmbiguousError, match="No column could be predicted"):
        understand("Predict the mail", schema, frame, id_columns=("rate",))


def test_the_users_word_counts() -> None:
    frame, schema = table("sale_price:n|rooms:w|churn:B")
    known = understand("Which customers will churn?", schema, frame, target="sale_price").target
    assert (known.value, known.source) == ("sale_price", "user")
    assert understand("x", schema, frame, target="Sale Price").target.value == "sale_price"
    with pytest.raises(RequestError, match=r"'sale_prise'.*did you mean 'sale_price'"):
        understand("x", schema, frame, target="sale_prise")
    with pytest.raises(RequestError, match=r"the columns are 'sale_price', 'rooms' or 'churn'"):
        understand("x", schema, frame, target="\x1b[31mzzz")


def test_descriptions_of_columns_help() -> None:
    frame, schema = table("v1:n|v2:n|v3:B|v4:B")
    meanings = {"v1": "age of the customer", "v4": "whether the customer cancelled within a year"}
    assert understand("Which customers will leave?", schema, frame, descriptions=meanings).target.value == "v4"


def test_hostile_names_come_through_the_message_harmlessly() -> None:
    names = ["\x1b[31mred", "a\nb", "'; DROP TABLE x", "x" * 500, "🎈"]
    frame = pd.DataFrame({name: np.random.default_rng(i).normal(size=60) for i, name in enumerate(names)})
    schema = Schema(tuple(Field(name, "numeric") for name in names))
    with pytest.raises(AmbiguousError) as caught:
        understand("Predict the outcome, please", schema, frame)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 600
    assert set(caught.value.candidates) == set(names)


def test_three_thousand_columns_are_understood_quickly_enough_to_wait_for() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3_000)), columns=[f"gene_{i}" for i in range(3_000)])
    frame["diagnosis"] = pd.Categorical(np.where(rng.random(60) < 0.5, "sick", "healthy"))
    fields = [Field(name, "numeric") for name in frame.columns[:-1]]
    problem = understand("Is the patient sick?", Schema((*fields, Field("diagnosis", "category"))), frame)
    assert problem.target.value == "diagnosis" and problem.classes == ("healthy", "sick")
