"""Properties: anything is read or refused by a sentence, and what was written is read back."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelwright.errors import UserError
from modelwright.hashing import digest, plain, restore
from modelwright.readers import conform, read
from modelwright.readers._dates import parse as parse_dates
from modelwright.readers._numbers import parse
from modelwright.table import NumberFormat, Schema

FAST = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def written(data: bytes, suffix: str = ".csv") -> Path:
    with tempfile.NamedTemporaryFile(suffix=suffix, delete=False) as file:
        file.write(data)
    return Path(file.name)


def check_or_refuse(data: bytes, suffix: str = ".csv") -> None:
    path = written(data, suffix)
    try:
        reading = read(path)
    except UserError as error:
        assert "\n" not in str(error)
        return
    finally:
        kept = path.read_bytes()
        path.unlink()
    assert reading.frame.columns.is_unique
    assert len(reading.frame) > 0
    assert restore(Schema, plain(reading.schema)) == reading.schema
    assert digest(reading.schema)
    again = written(kept, suffix)
    conformed = conform(again, reading.schema).frame
    again.unlink()
    if len(conformed) == len(reading.frame):
        pd.testing.assert_frame_equal(conformed, reading.frame)
    else:
        assert "left out" in " ".join(reading.notes)


@FAST
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    check_or_refuse(data)


@FAST
@given(st.text(alphabet="ab1.,;\t|\"'\n\r -$%€é(:/\u2028", max_size=200))
@example(":\r1")
def test_random_text(text: str) -> None:
    check_or_refuse(text.encode())


@FAST
@given(st.text(alphabet='{}[]":,1.5eE-truefalsn \n\\u', max_size=120))
def test_random_json(text: str) -> None:
    check_or_refuse(text.encode(), ".jsonl")


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from('\n",;|\t '), max_size=12
)


@FAST
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_random_tables_are_read_back(rows: list[list[str]], sep: str, encoding: str, end: str) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=sep, lineterminator=end, quoting=csv.QUOTE_ALL)
    names = ["first name", "b", "c"]
    rows = [[f"x{cell}x" for cell in row] for row in rows]
    writer.writerows([names, *rows])
    path = written(stream.getvalue().encode(encoding))
    reading = read(path, dict.fromkeys(names, "text"))  # type: ignore[misc]
    path.unlink()
    assert list(reading.frame.columns) == names
    assert [list(row) for row in reading.frame.itertuples(index=False)] == rows


@FAST
@given(
    st.lists(st.floats(-1e9, 1e9).map(lambda v: round(v, 2)), min_size=3, max_size=40, unique=True),
    st.sampled_from([("." , ","), (",", "."), (",", " "), (".", "'"), (",", ""), (".", "")]),
)  # fmt: skip
def test_numbers_in_any_notation_are_read_back(values: list[float], marks: tuple[str, str]) -> None:
    decimal, group = marks
    texts = [f"{v:,.2f}".replace(",", "_").replace(".", decimal).replace("_", group) for v in values]
    frame = pd.DataFrame({"a": texts})
    reading = read(frame, {"a": "numeric"})
    np.testing.assert_allclose(reading.frame["a"], values, rtol=1e-12)
    pd.testing.assert_frame_equal(conform(frame, reading.schema).frame, reading.frame)


@FAST
@given(st.lists(st.text(max_size=15), max_size=20))
def test_parsers_never_raise(texts: list[str]) -> None:
    values = pa.array([t.encode("utf-8", "replace").decode() for t in texts], pa.large_string())
    odd = NumberFormat(",", ".", ("$", "mi.", "(x)", "a|b", "%"), percent=True, negative_parentheses=True)
    assert len(parse(values, odd)) == len(parse(values, None)) == len(texts)
    assert len(parse_dates(values, ("ISO8601", "%d/%m/%Y", "%b %d %Y %I:%M %p", "%d.%m.%y %H:%M:%S%z"))) == len(texts)


@FAST
@given(
    st.lists(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3),
            st.dates(), st.datetimes(), st.timedeltas(), st.complex_numbers(), st.lists(st.integers(), max_size=2),
        ),
        min_size=1,
        max_size=12,
    )
)  # fmt: skip
def test_mixed_objects_become_some_column(values: list[object]) -> None:
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object), "b": np.arange(len(values)) + 0.5})
    try:
        reading = read(frame)
    except UserError:
        return
    pd.testing.assert_frame_equal(conform(frame, reading.schema).frame, reading.frame)
