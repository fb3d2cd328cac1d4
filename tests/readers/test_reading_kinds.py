"""What a column is decided to be, and what its values become."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelwright.errors import RequestError
from modelwright.readers import conform, read
from modelwright.table import Field, NumberFormat

N = 60


def column(values: list[Any], name: str = "it", **kinds: Any) -> tuple[Field, pd.Series[Any]]:
    """Read one column beside a column of running measurements; reading it again must change nothing."""
    frame = pd.DataFrame({name: values, "beside": np.linspace(0.5, 7, len(values))})
    reading = read(frame, kinds or None)
    again = conform(frame, reading.schema)
    pd.testing.assert_frame_equal(again.frame, reading.frame)
    return reading.schema[name], reading.frame[name]


def many(*values: Any) -> list[Any]:
    return [values[i % len(values)] for i in range(N)]


@pytest.mark.parametrize(
    ("texts", "numbers", "written"),
    [
        (["1,234.50", "12.25"], [1234.5, 12.25], NumberFormat(thousands=",")),
        (["1.234,50", "12,25"], [1234.5, 12.25], NumberFormat(",", ".")),
        (["1 234,50", "12,25"], [1234.5, 12.25], NumberFormat(",", " ")),
        (["1\u202f234", "1\u00a0000\u00a0000"], [1234, 1e6], NumberFormat(thousands=" ")),
        (["1'234.50", "12.25"], [1234.5, 12.25], NumberFormat(thousands="'")),
        (["2,6", "-0,125"], [2.6, -0.125], NumberFormat(",")),
        (["$10,300 ", "$7"], [10300, 7], NumberFormat(thousands=",", strip=("$",))),
        (["-€5.50", "€ 1.25"], [-5.5, 1.25], NumberFormat(strip=("€",))),
        (["USD 3", "USD 4.5"], [3, 4.5], NumberFormat(strip=("USD",))),
        (["₹1,23,456", "₹12,34,567.50"], [123456, 1234567.5], NumberFormat(thousands=",", strip=("₹",))),
        (["51,000 mi.", "900 mi."], [51000, 900], NumberFormat(thousands=",", strip=("mi.",))),
        (["1 year", "3 years"], [1, 3], NumberFormat(strip=("year", "years"))),
        (["5 %", "12.5%"], [5, 12.5], NumberFormat(percent=True)),
        (["(1,234)", "12"], [-1234, 12], NumberFormat(thousands=",", negative_parentheses=True)),
        (["1e-3", "2.5E+4", ".5", "7.", "+3"], [0.001, 25000, 0.5, 7, 3], None),
        (["\u22125.5", "2.5"], [-5.5, 2.5], NumberFormat()),
    ],
)
def test_numbers_as_people_write_them(texts: list[str], numbers: list[float], written: NumberFormat | None) -> None:
    field, values = column(many(*texts))
    assert field.kind == "numeric"
    assert list(values[: len(numbers)]) == numbers
    if written != NumberFormat():
        assert field.number == written


@pytest.mark.parametrize(
    "texts", [["5 kg", "7 lb"], ["1st", "2nd"], ["A12", "B7"], ["8-Speed", "6-Speed"], ["$5", "€7"], ["10+ a", "< 1 b"]]
)
def test_what_only_looks_like_numbers(texts: list[str]) -> None:
    assert column(many(*texts))[0].kind == "category"


def test_a_comma_before_three_digits_is_said_to_be_a_guess() -> None:
    frame = pd.DataFrame({"a": many("1,234", "2,345", "17,456")})
    reading = read(frame)
    assert list(reading.frame["a"][:2]) == [1234, 2345]
    assert "isn't certain" in reading.schema["a"].warnings[0]
    with_evidence = read(frame.assign(b=many("2,6", "3,75", "8,1")))
    assert list(with_evidence.frame["a"][:2]) == [1.234, 2.345]
    assert not with_evidence.schema["a"].warnings


def test_a_point_before_three_digits_groups_where_other_columns_have_decimal_commas() -> None:
    frame = pd.DataFrame({"a": many("1.234", "2.345"), "b": many("2,6", "3,75")})
    assert list(read(frame).frame["a"][:2]) == [1234, 2345]
    assert list(read(frame[["a"]]).frame["a"][:2]) == [1.234, 2.345]


@pytest.mark.parametrize(
    ("texts", "first", "formats"),
    [
        (["31/12/2020", "01/02/2020"], "2020-12-31", ("%d/%m/%Y",)),
        (["12/31/2020", "01/02/2020"], "2020-12-31", ("%m/%d/%Y",)),
        (["05.06.2020", "07.08.20"], "2020-06-05", ("%d.%m.%Y", "%d.%m.%y")),
        (["2020-12-31", "2021-01-01"], "2020-12-31", ("ISO8601",)),
        (["1949-01", "1949-02"], "1949-01-01", ("ISO8601",)),
        (["2020-01-02T10:00:00+02:00", "2020-01-02T10:00:00Z"], "2020-01-02 08:00", ("ISO8601",)),
        (["Jan 3, 2021", "February 14, 2022"], "2021-01-03", ("%b %d %Y",)),
        (["3rd Jan 2021", "14-Feb-2022"], "2021-01-03", ("%d %b %Y",)),
        (["Mon, 04 Jan 2021 10:00:00 GMT", "Tue, 05 Jan 2021 11:30:00 GMT"], "2021-01-04 10:00", None),
        (["12/31/2020 1:05 PM", "1/2/2021 11:30 am"], "2020-12-31 13:05", ("%m/%d/%Y %I:%M %p",)),
        (["2020/01/02 10:00", "2021/11/30 23:59"], "2020-01-02 10:00", ("%Y/%m/%d %H:%M",)),
        (["2020-01-02", "03/25/2021", "Jan 5, 2020"], "2020-01-02", ("ISO8601", "%m/%d/%Y", "%b %d %Y")),
    ],
)
def test_dates_in_many_shapes(texts: list[str], first: str, formats: tuple[str, ...] | None) -> None:
    field, values = column(many(*texts))
    assert field.kind == "datetime"
    assert values.dtype == "datetime64[us]"
    assert values.iloc[0] == pd.Timestamp(first)
    assert values.notna().all()
    assert formats is None or set(field.formats) == set(formats)


def test_day_or_month_first_is_decided_on_the_whole_column_or_warned_about() -> None:
    late = ["01/02/2020"] * 300 + ["13/02/2020"]
    assert column(late)[1].iloc[0] == pd.Timestamp("2020-02-01")
    field, values = column(many("01/02/2020", "03/04/2020", "05/06/2021"))
    assert values.iloc[0] == pd.Timestamp("2020-01-02")
    assert "day or month" in field.warnings[0]
    monthly, _ = column([f"1/{i % 12 + 1}/2020" for i in range(N)])
    assert monthly.formats == ("%d/%m/%Y",)
    both, values = column(many("25/12/2020", "12/25/2020"))
    assert values.nunique() == 1
    assert both.warnings


@pytest.mark.parametrize(
    ("name", "values", "first"),
    [
        ("order_date", ["20240131", "20231224"], "2024-01-31"),
        ("event_time", ["1600000000", "1600003600"], "2020-09-13 12:26:40"),
        ("timestamp", [1600000000000, 1600003600500], "2020-09-13 12:26:40"),
    ],
)
def test_numbers_are_dates_only_where_the_name_says_so(name: str, values: list[Any], first: str) -> None:
    field, read_values = column(many(*values), name)
    assert field.kind == "datetime"
    assert read_values.iloc[0] == pd.Timestamp(first)
    assert column(many(*values), "amount")[0].kind == "numeric"


def test_times_of_the_day_are_hours() -> None:
    assert list(column(many("18:30", "06:15"))[1][:2]) == [18.5, 6.25]
    assert list(column(many("18.00.00", "06.30.00"))[1][:2]) == [18, 6.5]
    assert list(column(many("6:30 pm", "12:00 AM"))[1][:2]) == [18.5, 0]


@pytest.mark.parametrize(
    ("texts", "levels"),
    [
        (["Yes", "No", "YES"], ("No", "Yes")),
        (["true", "false"], ("false", "true")),
        (["T", "F"], ("F", "T")),
        (["ja", "nein"], ("nein", "ja")),
        (["oui", "non"], ("non", "oui")),
        (["y", "n"], ("n", "y")),
    ],
)
def test_yes_and_no(texts: list[str], levels: tuple[str, str]) -> None:
    field, values = column(many(*texts))
    assert (field.kind, field.levels) == ("boolean", levels)
    assert list(values.cat.categories) == list(levels)
    assert values.notna().all()


def test_markers_are_missing_and_unknown_is_not() -> None:
    field, values = column(many("1", "2.5", "NA", "N/A", "NaN", "null", "None", "?", "-", "--", ".", "#N/A", " ", ""))
    assert field.kind == "numeric"
    assert values.count() == sum(place in (0, 1) for place in many(*range(14)))
    assert {"NA", "?", "null"} <= set(field.missing)
    assert "unknown" in set(column(many("a", "unknown", "b"))[1])


def test_a_marker_that_may_be_an_answer_is_warned_about() -> None:
    field, values = column(["NA"] * 50 + ["Grvl"] * 6 + ["Pave"] * 4)
    assert values.isna().sum() == 50
    assert "83%" in field.warnings[0]
    assert "has none" in field.warnings[0]


def test_a_few_words_among_numbers_become_missing_with_a_warning() -> None:
    field, values = column(["secret"] + [str(i * 1.5) for i in range(99)])
    assert field.kind == "numeric"
    assert values.isna().sum() == 1
    assert "1 of 100" in field.warnings[0]
    assert "secret" not in " ".join(field.warnings)
    closed, _ = column(["closed"] * 12 + [str(i * 1.5) for i in range(288)])
    assert closed.kind == "numeric"
    assert "'closed'" in closed.warnings[0]
    assert "closed" in closed.missing
    assert column([f"x{i}y" for i in range(4)] + [str(i * 1.5) for i in range(96)])[0].kind != "numeric"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([-200 if i % 5 == 0 else i / 7 for i in range(N)], "-200"),
        ([-999 if i % 10 == 0 else i - 30 for i in range(N)], "-999"),
        (["-999" if i % 10 == 0 else str(20 + i) for i in range(N)], "-999"),
        ([99999 if i % 10 == 0 else 20 + i % 9 for i in range(N)], "99999"),
        (["-200" if i % 5 == 0 else f"{i / 7:.2f}".replace(".", ",") for i in range(N)], "-200"),
    ],
)
def test_clear_sentinels_are_missing(values: list[Any], code: str) -> None:
    field, read_values = column(values)
    assert field.missing == (code,)
    assert read_values.isna().sum() == sum(str(v) == code for v in values)
    assert code in field.warnings[0]


@pytest.mark.parametrize(
    "values",
    [
        [-1 if i % 5 == 0 else i for i in range(N)],
        [-200 if i == 3 else i / 7 for i in range(400)],
        [-200 + 10 * (i % 50) for i in range(N)],
        [999 if i % 10 == 0 else 940 + i for i in range(N)],
        [-99 if i % 10 == 0 else i * 3 - 98 for i in range(N)],
    ],
)
def test_numbers_that_may_be_meant_stay(values: list[float]) -> None:
    field, read_values = column(values)
    assert not field.missing
    assert read_values.notna().all()


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", [i * 37 % 1009 for i in range(N)], "id"),
        ("PassengerId", [str(i * 3) for i in range(N)], "id"),
        ("x", list(range(N)), "id"),
        ("x", list(range(1, N + 1)), "id"),
        ("day", list(range(N)), "numeric"),
        ("year", [1960 + i for i in range(N)], "numeric"),
        ("x", [i / 7 for i in range(N)], "numeric"),
        ("id", [i / 7 for i in range(N)], "numeric"),
        ("MGR_ID", many(117, 402, 9000, 3), "category"),
        ("number_of_rooms", many(1, 2, 3), "numeric"),
        ("zip", many("01234", "90210", "10115"), "category"),
        ("flag", many(0, 1), "numeric"),
        ("x", [f"M{14860 + i}" for i in range(N)], "id"),
        ("x", [f"{i:08x}-0000-4000-8000-{i:012x}" for i in range(N)], "id"),
        ("x", [str(10**18 + i) for i in range(N)], "id"),
        ("x", [10**18 + i for i in range(N)], "id"),
        ("quarter", many("1998 Q1", "1998 Q2"), "category"),
        ("ticket", [f"PC {i // 2}" for i in range(N)], "category"),
        ("it", ["a"] * N, "constant"),
        ("it", [5] * N, "constant"),
        ("it", many("yes", None), "category"),
        ("it", [None] * N, "constant"),
        ("review", [f"a sentence about thing number {i} that I liked" for i in range(N)], "text"),
        ("engine", many("3.5L V6 24V PDI DOHC", "2.0L I4 16V GDI DOHC"), "category"),
    ],
)
def test_kinds(name: str, values: list[Any], kind: str) -> None:
    assert column(values, name)[0].kind == kind


@pytest.mark.parametrize(
    ("name", "values", "sort"),
    [
        ("contact", [f"u{i}@example.com" for i in range(N)], "e-mail"),
        ("contact", [f"+49 30 {1000000 + i * 7919}" for i in range(N)], "phone"),
        ("phone", [5551230000 + i * 77 for i in range(N)], "phone"),
        ("PhoneService", many("Yes", "No"), ""),
        ("host", [f"10.0.{i}.1" for i in range(N)], "IP address"),
        ("account", many("DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"), "IBAN"),
        ("account", many("DE89370400440532013001", "GB82WEST12345698765431"), ""),
        ("pay", many("4111 1111 1111 1111", "5500-0055-5555-5559"), "payment card"),
        ("pay", many(4111111111111111, 5500005555555559), "payment card"),
        ("Name", [f"Braund, Mr. Owen {chr(65 + i % 26)}aris{'x' * (i // 26)}" for i in range(N)], "person name"),
        ("last_name", many("Smith", "Nguyen", "García", "O'Brien", "Lee", "Kim", "Ito"), "person name"),
        ("product_name", [f"Blue Chair {i}" for i in range(N)], ""),
        ("where", [f"{i + 1} Main Street" for i in range(N)], "address"),
        ("Street", many("Pave", "Grvl"), ""),
    ],
)
def test_personal_data(name: str, values: list[Any], sort: str) -> None:
    assert column(values, name)[0].personal == sort


def test_infinities_and_huge_numbers() -> None:
    field, values = column(["inf", "1e400"] + [f"{i}e300" for i in range(1, 99)])
    assert values.isna().sum() == 2
    assert values.max() == 98e300
    assert "2 infinite" in field.warnings[0]


def test_the_user_decides() -> None:
    assert column(many("12", "7.0"), it="category")[1].cat.categories.tolist() == ["12", "7"]
    assert column(many("1", "0"), it="boolean")[0].levels == ("0", "1")
    assert column(many("m", "f"), it="boolean")[0].levels == ("f", "m")
    assert column(many("20240131", "20231224"), it="datetime")[1].iloc[0] == pd.Timestamp("2024-01-31")
    field, values = column(many("1,5", "x", "2,5"), it="numeric")
    assert (field.source, values.iloc[0]) == ("user", 1.5)
    assert column(many("a", "b"), it="text")[1].dtype == "str"


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"it": "numeric"}, "60 of 60 values can't be read as a number"),
        ({"it": "datetime"}, "60 of 60 values can't be read as a date"),
        ({"it": "boolean"}, "3 different values"),
        ({"it": "constant"}, "3 different values"),
        ({"its": "text"}, "did you mean 'it'"),
        ({"it": "colour"}, "kinds are"),
    ],
)
def test_kinds_that_cannot_be_honoured(kinds: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        read(pd.DataFrame({"it": many("ab", "cd", "ef")}), kinds)


def test_every_decision_has_a_reason() -> None:
    frame = pd.DataFrame({"a": many("1", "2"), "b": many("x", "y"), "c": [None] * N, "d": many("yes", "no")})
    assert all(field.reason for field in read(frame).schema.fields)
