"""What may leave: errors keep known words only, names come back as they went."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from privacy_samples import CANARIES, HOSTILE, hostile, typical

from modelwright.discretion import Discretion, clean, quoted
from modelwright.profile import Column, Profile
from modelwright.table import Field, Schema

SECRET = "Zaphodolon Krickettix"
NUMBER = 73918264.5


def discretion(private_names: bool = False, statement: str = "") -> Discretion:
    schema, profile = typical()
    return Discretion(schema, profile, private_names=private_names, statement=statement)


def _numpy() -> None:
    np.array([SECRET, "1"]).astype(float)


def _pandas() -> None:
    pd.to_datetime(pd.Series([SECRET]), format="%Y")


def _pandas_category() -> None:
    pd.Series(["a"], dtype="category").cat.set_categories(["a"])[0:1].__setitem__(0, SECRET)


def _python_key() -> None:
    {"a": 1}[SECRET]


def _python_number() -> None:
    float(str(NUMBER) + "x")


def _sklearn_unknown_level() -> None:
    from sklearn.preprocessing import OrdinalEncoder

    OrdinalEncoder().fit(pd.DataFrame({"a": ["x", "y"]})).transform(pd.DataFrame({"a": [SECRET, "x"]}))


def _sklearn_label() -> None:
    from sklearn.preprocessing import LabelEncoder

    LabelEncoder().fit(["a", "b"]).transform([SECRET])


def _sklearn_fit() -> None:
    from sklearn.linear_model import Ridge

    Ridge().fit(pd.DataFrame({"a": [SECRET, "1", "2"]}), [1.0, 2.0, 3.0])


def _duckdb() -> None:
    import duckdb

    duckdb.sql(f"SELECT CAST('{SECRET}' AS DOUBLE)").fetchall()


def _duckdb_column() -> None:
    import duckdb

    duckdb.sql(f'SELECT "{SECRET}" FROM (SELECT 1 AS a)').fetchall()


def _catboost() -> None:
    from catboost import Pool

    Pool(pd.DataFrame({"a": [SECRET, "b"]}), [0, 1])


def _xgboost() -> None:
    import xgboost

    xgboost.DMatrix(pd.DataFrame({SECRET: ["b", "c"]}))


def _lightgbm() -> None:
    import lightgbm

    lightgbm.LGBMClassifier(n_estimators=1, verbose=-1).fit(pd.DataFrame({"a": [SECRET, "b"]}), [0, 1])


FAILING = [
    _numpy, _pandas, _pandas_category, _python_key, _python_number, _sklearn_unknown_level, _sklearn_label,
    _sklearn_fit, _duckdb, _duckdb_column, _catboost, _xgboost, _lightgbm,
]  # fmt: skip


@pytest.mark.parametrize("fails", FAILING, ids=lambda f: f.__name__.strip("_"))
def test_a_cell_that_an_exception_quotes_does_not_leave(fails: Callable[[], None]) -> None:
    import traceback

    with pytest.raises(Exception) as caught:
        fails()
    raw = f"{type(caught.value).__name__}: {caught.value}"
    whole = "".join(traceback.format_exception(caught.value))
    for text in (raw, whole):
        shown = discretion().error(text)
        assert "Zaph" not in shown and "Krick" not in shown and "739182" not in shown, shown
    assert len(discretion().error(raw)) > 12, "something of the message must be left to go by"


@pytest.mark.parametrize("value", CANARIES.values())
@pytest.mark.parametrize(
    "template",
    ["could not convert string to float: {!r}", "{}", 'Could not convert string "{}" to DOUBLE', "row [{}, 3] is bad",
     "unclosed '{}", "{}: not in index", "`{}`"],
)  # fmt: skip
def test_no_canary_survives_in_any_wording(value: str, template: str) -> None:
    shown = discretion().error(template.format(value))
    for part in value.replace("@", " ").replace("-", " ").replace(".", " ").split():
        assert len(part) < 4 or part.lower() == "example" or part not in shown, shown


def test_what_an_error_is_about_stays() -> None:
    shown = discretion().error(
        "ProgramError: line 3: there is no column 'tenur'; did you mean 'tenure'? allowed: tenure, 'fare paid'; "
        "n_estimators is out of range; tenure_mean_6 has 12 missing values"
    )
    for part in ("line 3", "there is no column", "'tenure'", "'fare paid'", "n_estimators", "tenure_mean_6", "12"):
        assert part in shown, shown
    assert "'tenur'" not in shown


def test_levels_with_enough_rows_and_words_of_the_program_stay() -> None:
    text = "unknown categories ['Two year', 'Three years', 'fare_per_yark']"
    assert discretion().error(text) == "unknown categories ['Two year', '…']"
    shown = discretion().error(text, known="sql_features({'fare_per_yark': 'x'})")
    assert "'fare_per_yark'" in shown and "Three years" not in shown


def test_errors_are_bounded() -> None:
    shown = discretion().error("ValueError: array must not contain infs or NaNs\n" * 50_000)
    assert len(shown) <= 1_500 and shown.startswith("ValueError") and shown.rstrip().endswith("NaNs")
    assert len(discretion().error("_" * 100_000 + "'" * 100_000 + "1 " * 100_000)) <= 1_500


def test_private_names_go_by_alias_everywhere_they_stand_as_names() -> None:
    guard = discretion(private_names=True, statement="Does the E_mail tell who leaves?")
    assert guard.name("e_mail") == "private_1"
    assert guard.name("e_mail_count") == "private_1_count"
    assert guard.statement() == '"Does the private_1 tell who leaves?"'
    text = "column e_mail, \"e_mail\", 'e_mail', `e_mail`, e_mail_count; but not he_mailed"
    assert guard.outgoing(text) == (
        "column private_1, \"private_1\", 'private_1', `private_1`, private_1_count; but not he_mailed"
    )
    assert "e_mail" not in guard.error("KeyError: 'e_mail'")
    assert discretion().outgoing(text) == text


def test_an_ordinary_word_is_only_a_name_in_quotes() -> None:
    schema = Schema((Field("name", "text", personal="person name"), Field("a", "numeric")))
    profile = Profile(100, (Column("name", "text", personal="person name"), Column("a", "numeric")))
    guard = Discretion(schema, profile, private_names=True)
    assert guard.outgoing('the name of "name"') == 'the name of "private_1"'


def test_aliases_never_meet_real_names() -> None:
    fields = (Field("private_1", "numeric"), Field("mail", "text", personal="e-mail"))
    profile = Profile(100, tuple(Column(f.name, f.kind, personal=f.personal) for f in fields))
    guard = Discretion(Schema(fields), profile, private_names=True)
    assert guard.name("private_1") == "private_1"
    assert guard.name("mail") not in ("mail", "private_1")
    assert guard.inward('["private_1", "' + guard.name("mail") + '"]') == '["private_1", "mail"]'


def test_hostile_names_come_back_from_their_aliases() -> None:
    schema, profile = hostile()
    guard = Discretion(schema, profile)
    for name in HOSTILE:
        shown = guard.column(name)
        assert len(shown) <= 500 and "\n" not in shown and not {*"<>`"} & {*shown}
        assert all(unicodedata.category(c) not in ("Cc", "Cf") for c in shown)
        assert json.loads(guard.inward(json.dumps({"column": json.loads(shown)})))["column"] == name


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
tame = st.text(st.sampled_from("abcdeXYZ_ -0123äß"), min_size=1, max_size=10).filter(lambda n: n.strip() == n)


@settings(max_examples=150, deadline=None)
@given(st.lists(names, min_size=1, max_size=6, unique=True), st.data())
def test_names_in_json_come_back_as_they_went(columns: list[str], data: st.DataObject) -> None:
    fields = tuple(Field(n, "text", personal="e-mail" if i % 2 == 0 else "") for i, n in enumerate(columns))
    profile = Profile(100, tuple(Column(f.name, f.kind, personal=f.personal) for f in fields))
    guard = Discretion(Schema(fields), profile, private_names=True)
    chosen = data.draw(st.lists(st.sampled_from(columns), max_size=5))
    shown = [guard.name(name) for name in chosen]
    assert not {n for n in chosen if guard.name(n) != n} & set(shown), "no hidden name is shown"
    reply = json.dumps({"columns": shown, "nested": [{"by": name} for name in shown]}, ensure_ascii=False)
    assert json.loads(guard.inward(reply)) == {"columns": chosen, "nested": [{"by": name} for name in chosen]}


@settings(max_examples=150, deadline=None)
@given(st.lists(tame, min_size=1, max_size=5, unique=True), st.booleans())
def test_a_message_out_and_in_again_is_the_same(columns: list[str], private: bool) -> None:
    fields = tuple(Field(n, "text", personal="e-mail") for n in columns)
    profile = Profile(100, tuple(Column(f.name, f.kind, personal=f.personal) for f in fields))
    guard = Discretion(Schema(fields), profile, private_names=private)
    program = "\n".join(f"data = transform_dataset(data, 'drop_columns', {{'columns': [{n!r}]}})" for n in columns)
    message = json.dumps({"columns": columns, "program": program, "text": f'about "{columns[0]}"'})
    sent = guard.outgoing(message)
    assert json.loads(guard.inward(sent)) == json.loads(message)
    if private:
        assert not [n for n in columns if f'"{n}"' in sent or f"'{n}'" in sent]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_shown_on_one_line_without_control_characters(text: str) -> None:
    shown = quoted(text)
    assert len(json.loads(shown)) <= 80 and "\n" not in shown and not {*"<>`"} & {*shown}
    assert all(c.isprintable() or c == "\n" or c == "\t" for c in clean(text))
    assert discretion().outgoing(text).count("\n") == text.count("\n")
    discretion().error(text)
