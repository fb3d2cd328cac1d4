import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import NotApplicable, ProgramError
from modelwright.recipe import Setting
from modelwright.transforms import all_transforms

FRAME = pd.DataFrame(
    {
        "a": [1.0, 0.0, -2.0, np.nan],
        "b b": [2.0, 0.0, 4.0, 5.0],
        'q"x; DROP': [1.0, 2.0, 3.0, 4.0],
        "Color": pd.Categorical(["x", "y", None, "1"]),
        "d": pd.DatetimeIndex(["2020-01-01", "2021-02-03T04:05", None, "2020-05-05"]),
        "t": pd.Series(["Hello", "b", None, "c"], dtype="str"),
        "😀": [1.0, 2.0, 3.0, 4.0],
        "t.a": [1.0, 2.0, 3.0, 4.0],
        "Two": [1.0] * 4,
        "TWO": [2.0] * 4,
    }
)
NAN = np.nan


def calculate(**expressions):
    part = all_transforms()["sql_features"]
    built = part.build(part.action().validate({"expressions": expressions}), Setting("binary", 2))
    return built.fit(FRAME).transform(FRAME)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a / "b b"', [0.5, NAN, -0.5, NAN]),
        ("1 / a > 0", [1, NAN, 0, NAN]),
        ("a % 0", [NAN] * 4),
        ("ln(a)", [0, NAN, NAN, NAN]),
        ("sqrt(A)", [1, 0, NAN, NAN]),
        ("power(a, 2) + abs(a)", [2, 0, 6, NAN]),
        ('"q""x; DROP" * 2', [2, 4, 6, 8]),
        ('"😀" + "t.a"', [2, 4, 6, 8]),
        ("case when color = 'x' then 1 else 0 end", [1, 0, 0, 0]),
        ("coalesce(a, -1)", [1, 0, -2, -1]),
        ("greatest(a, 0.5)", [1, 0.5, 0.5, 0.5]),
        ("color::int + 1", [NAN, NAN, NAN, 2]),
        ("a > 0 and true", [1, 0, 0, NAN]),
        ("color in ('x', 'y')", [1, 1, NAN, 0]),
        ("year(d) + extract(month from d)", [2021, 2023, NAN, 2025]),
        ("date_diff('day', d, date '2020-01-11')", [10, -389, NAN, -115]),
        ("length(t)", [5, 1, NAN, 1]),
        ("round(exp(sin(a)), 3)", [2.32, 1, 0.403, NAN]),
        ("9223372036854775807 + cast(a as bigint)", [NAN, 9.223372036854775807e18, 9.223372036854775807e18, NAN]),
    ],
)
def test_values(text, expected):
    out = calculate(new=text)["new"]
    assert out.dtype == np.float64
    assert np.allclose(out, expected, equal_nan=True)


def test_texts_become_categories_and_dates_dates():
    out = calculate(c="upper(color) || '!'", m="date_trunc('month', d)")
    assert out["c"].tolist()[:2] == ["X!", "Y!"] and isinstance(out["c"].dtype, pd.CategoricalDtype)
    assert out["m"][1] == pd.Timestamp("2021-02-01") and out["m"].dtype == "datetime64[us]"


def test_a_new_column_may_replace_an_old_one():
    out = calculate(a="a + 1")
    assert out["a"].tolist()[:3] == [2.0, 1.0, -1.0] and out.columns.is_unique
    assert FRAME["a"].tolist()[:3] == [1.0, 0.0, -2.0]


@pytest.mark.parametrize(
    "text",
    [
        "sum(a)", "avg(a) over ()", "row_number() over ()", "(select 1)", "exists(select 1)", "a in (select 1)",
        "case when a then (select 1) end", "a; drop table x", "1 from rows_", "a union select 1", "a limit 1",
        "a order by 1", "distinct a", "a, a", "1 as x", "*", "columns('a')", "rows_", "a.b.c",
        "read_csv('/etc/passwd')", "read_text('/etc/passwd')", "getenv('HOME')", "current_setting('threads')",
        "getvariable('x')", "now()", "current_date", "random()", "uuid()", "repeat('a', 1000000000)", "range(10)",
        "unnest([1])", "[1, 2]", "{'a': 1}", "x -> x", "$1", "?", "a::struct(x int)", "cast(a as varchar[])",
        "a collate nocase", "interval 3 day", "'x' + 1", "lower(a)", "regexp_matches(t, t)", "", "--", "(a", "a)",
        "(" * 900 + "a" + ")" * 900, "NOT " * 400 + "a", "a" + " + a" * 450, "ln(" * 390 + "a" + ")" * 390,
        "copy x to 'y'", "attach 'x'", "install httpfs", "pragma version", "set threads = 4",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ProgramError, match=r"sql_features: the expression for 'new'"):
        calculate(new=text)


@pytest.mark.parametrize(("text", "hint"), [("colour = 'x'", "did you mean 'Color'"), ("two", "unknown column 'two'")])
def test_unknown_and_ambiguous_names(text, hint):
    with pytest.raises(ProgramError, match=hint):
        calculate(new=text)


def test_values_of_rows_are_never_quoted_in_messages():
    with pytest.raises(ProgramError) as caught:
        calculate(new="t + 1")
    assert "Hello" not in str(caught.value)


def test_nothing_to_do():
    part = all_transforms()["sql_features"]
    with pytest.raises(NotApplicable):
        part.build({}, Setting("binary", 2)).fit(FRAME)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab'\"()+-*/,;.<>=$[]{}:%|&^~@#?\\ \n\x00é1e_SELCTFROMX", max_size=40))
def test_any_text_gives_a_column_or_a_program_error(text):
    try:
        out = calculate(new=text)
    except ProgramError:
        return
    assert len(out["new"]) == 4
