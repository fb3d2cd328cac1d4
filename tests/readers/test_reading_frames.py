"""Frames in memory, and new rows in the types of a known schema."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from modelwright.errors import DataError
from modelwright.readers import conform, read

TYPED = pd.DataFrame(
    {
        "n": [1.5, np.nan, 3.0, -2.0],
        "i": pd.array([1, None, 3, 4], dtype="Int64"),
        "b": [True, False, True, False],
        "c": pd.Categorical(["NA", "x", "x", None]),
        "codes": pd.Categorical([1, 2, 1, 2]),
        "d": pd.to_datetime(["2020-01-01", None, "2020-01-03", "2020-01-04"]),
        "z": pd.to_datetime(["2020-01-01 10:00+02:00"] * 2 + ["2020-01-02 10:00+02:00", None], utc=True),
        "t": ["free", "text", None, "here"],
    }
)


def test_types_are_taken_at_their_word() -> None:
    reading = read(TYPED.set_index("t", drop=False))
    kinds = {f.name: f.kind for f in reading.schema.fields}
    assert kinds == {
        "n": "numeric", "i": "numeric", "b": "boolean", "c": "category", "codes": "category", "d": "datetime",
        "z": "datetime", "t": "category",
    }  # fmt: skip
    frame = reading.frame
    assert list(frame["c"].cat.categories) == ["NA", "x"]
    assert list(frame["codes"]) == ["1", "2", "1", "2"]
    assert frame["z"].iloc[0] == pd.Timestamp("2020-01-01 08:00")
    assert [str(t) for t in frame.dtypes[["n", "i", "d", "z"]]] == ["float64", "float64", "datetime64[us]"] * 1 + [
        "datetime64[us]"
    ]
    assert isinstance(frame.index, pd.RangeIndex)
    pd.testing.assert_frame_equal(conform(TYPED, reading.schema).frame, frame)
    pd.testing.assert_frame_equal(conform(frame, reading.schema).frame, frame)


def test_polars_and_arrow_say_the_same_as_pandas() -> None:
    plain = TYPED.drop(columns=["c", "codes", "i"])
    expected = read(plain)
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    for source in (arrow, pl.from_arrow(arrow), pl.from_arrow(arrow).lazy()):  # type: ignore[union-attr]
        reading = read(source)
        pd.testing.assert_frame_equal(reading.frame, expected.frame)
        assert [f.kind for f in reading.schema.fields] == [f.kind for f in expected.schema.fields]


def test_unusual_column_types() -> None:
    n = 8
    table = pa.table(
        {
            "decimal": pa.array([Decimal("1.50")] * 4 + [Decimal("2.25")] * 4),
            "time": pa.array([dt.time(18, 30)] * 4 + [dt.time(6)] * 4),
            "duration": pa.array([dt.timedelta(seconds=90)] * 4 + [None] * 4),
            "date": pa.array([dt.date(2020, 1, i + 1) for i in range(n)]),
            "list": pa.array([[1, 2]] * 4 + [[3]] * 4),
            "text in bytes": pa.array([b"a"] * 4 + [b"b"] * 4),
            "bytes": pa.array([b"\xff\xfe"] * n),
            "nothing": pa.nulls(n),
            "words": pa.array(["a", "b"] * 4).dictionary_encode(),
        }
    )
    reading = read(table)
    frame, schema = reading.frame, reading.schema
    assert list(frame.iloc[0, :3]) == [1.5, 18.5, 90.0]
    assert frame["date"].iloc[2] == pd.Timestamp("2020-01-03")
    assert frame["list"].iloc[0] == "[1, 2]"
    assert list(frame["text in bytes"].cat.categories) == ["a", "b"]
    assert "binary" in schema["bytes"].reason
    assert schema["nothing"].kind == "constant"
    assert schema["words"].kind == "category"
    pandas = pd.DataFrame({"period": pd.period_range("2020-01", periods=4, freq="M"), "mixed": [1, "a", 2.0, None]})
    reading = read(pandas)
    assert reading.schema["period"].kind == "datetime"
    assert list(reading.frame["mixed"].astype(object)[:3]) == ["1", "a", "2"]


def test_labels_of_any_kind_become_unique_text() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4], [5, 6, 7, 9]], columns=[0, "0", "", "a'; DROP TABLE x;--"])
    assert list(read(frame).frame.columns) == ["0", "0_2", "column_3", "a'; DROP TABLE x;--"]
    levels = pd.DataFrame([[1, 2], [3, 5]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("b", "")]))
    assert list(read(levels).frame.columns) == ["a_x", "b"]
    with pytest.raises(DataError, match="no columns"):
        read(pd.DataFrame(index=range(3)))
    with pytest.raises(DataError, match="no rows"):
        read(pd.DataFrame({"a": []}))


@pytest.fixture
def known() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Price": ["$1,200", "$15", "$3,000.50", "$7"] * 9,
            "Won": ["Yes", "No", "Yes", ""] * 9,
            "Kind": ["12", "x", "7", "x"] * 9,
            "When": ["31/12/2020", "01/02/2020", "15/02/2021", "02/02/2021"] * 9,
            "y": ["1", "2", "3.5", "-200"] * 9,
        }
    )


def test_conforming_reorders_fills_and_reports(known: pd.DataFrame) -> None:
    schema = read(known).schema
    new = pd.DataFrame(
        {"won": ["no", "yes"], "extra": [1, 2], "When": ["01/02/2020", "soon"], "Price": ["$9,000", "20"]}
    )
    result = conform(new, schema, optional=("y",))
    assert list(result.frame.columns) == ["Price", "Won", "Kind", "When"]
    assert result.schema.names == ("Price", "Won", "Kind", "When")
    assert list(result.frame["Price"]) == [9000, 20]
    assert list(result.frame["Won"]) == ["No", "Yes"]
    assert result.frame["Kind"].isna().all()
    assert result.frame["When"].iloc[0] == pd.Timestamp("2020-02-01")
    assert result.frame["When"].isna().iloc[1]
    told = " ".join(result.notes)
    for words in ("'won' was taken for 'Won'", "'Kind'", "'extra'", "1 value of 'When'"):
        assert words in told
    assert "'y'" not in told


def test_conforming_takes_typed_values(known: pd.DataFrame) -> None:
    schema = read(known).schema
    new = pd.DataFrame(
        {
            "Price": [1200, 15.0],
            "Won": [True, False],
            "Kind": [12.0, 7.0],
            "When": pd.to_datetime(["2020-12-31", "2020-02-01"]),
            "y": [-200.0, 2.0],
        }
    )
    frame = conform(new, schema).frame
    assert list(frame["Price"]) == [1200, 15]
    assert list(frame["Won"]) == ["Yes", "No"]
    assert list(frame["Kind"]) == ["12", "7"]
    assert frame["When"].iloc[0] == pd.Timestamp("2020-12-31")
    assert np.isnan(frame["y"].iloc[0])
    assert list(conform(new.assign(Won=[1, 0]), schema).frame["Won"]) == ["Yes", "No"]


def test_a_decimal_point_is_read_where_the_model_learnt_decimal_commas() -> None:
    schema = read(pd.DataFrame({"a": ["2,6", "1,25", "7"] * 9})).schema
    assert list(conform(pd.DataFrame({"a": ["1.6", "2,5", "3"]}), schema).frame["a"]) == [1.6, 2.5, 3]


def test_conforming_no_rows_and_nothing_known(known: pd.DataFrame, tmp_path: Path) -> None:
    reading = read(known)
    path = tmp_path / "x.csv"
    path.write_text("Price,Won,Kind,When,y\n")
    frame = conform(path, reading.schema).frame
    assert len(frame) == 0
    assert [str(t) for t in frame.dtypes] == [str(t) for t in reading.frame.dtypes]
    with pytest.raises(DataError, match="none of the columns"):
        conform(pd.DataFrame({"zzz": [1]}), reading.schema)


def test_repeated_and_nameless_columns_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,a,,b\n" + "".join(f"{i},{i * 2},{i * 3.5},k{i % 3}\n" for i in range(9)))
    reading = read(path)
    again = conform(path, reading.schema)
    pd.testing.assert_frame_equal(again.frame, reading.frame)
    assert not [note for note in again.notes if "missing" in note or "left out" in note]


def test_one_row_of_a_table_without_names(tmp_path: Path) -> None:
    train, new = tmp_path / "train.csv", tmp_path / "new.csv"
    train.write_text("".join(f"{i / 8},{i % 5}.5,k{i % 3}\n" for i in range(40)))
    new.write_text("0.25,3.5,k9\n")
    schema = read(train).schema
    assert schema.names == ("column_1", "column_2", "column_3")
    frame = conform(new, schema).frame
    assert len(frame) == 1
    assert list(frame.iloc[0]) == [0.25, 3.5, "k9"]


def test_the_source_is_left_alone(known: pd.DataFrame) -> None:
    before = known.copy(deep=True)
    reading = read(known)
    reading.frame.loc[:, "y"] = 0.0
    conform(known, reading.schema)
    pd.testing.assert_frame_equal(known, before)
    numbers = pd.DataFrame({"a": [1.5, 2.5, 9.0]})
    typed = read(numbers).frame
    typed.loc[0, "a"] = 99.0
    assert numbers["a"].iloc[0] == 1.5


def test_three_thousand_columns() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": rng.normal(size=5) for i in range(3000)})
    assert read(frame).frame.shape == (5, 3000)
