"""Reading a source, and conforming new rows to a known schema."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from modelwright.action import did_you_mean
from modelwright.errors import DataError, RequestError, UserError
from modelwright.objects import fetch
from modelwright.readers import Raw, Reader, Reading, _files, _frames, all_readers
from modelwright.readers._cells import Cells, cells
from modelwright.readers._convert import convert, converted_column
from modelwright.readers._demand import demand
from modelwright.readers._header import NUMBER
from modelwright.readers._infer import infer
from modelwright.readers._numbers import decimal_mark
from modelwright.table import KINDS, Field, Kind, Schema

LARGE = 100_000
"""Rows from which each column keeps its own memory."""


def read(source: Any, kinds: Mapping[str, Kind]) -> Reading:
    """See :func:`modelwright.readers.read`."""
    raw = _raw(source)
    if not len(raw.frame):
        raise DataError(f"{_called(source)} has column names but no rows; give data with at least one row")
    verbatim = dict(zip(raw.frame.columns, raw.names, strict=True))
    columns, notes = _worth_reading(raw, _called(source))
    raw.frame = pd.DataFrame()  # from here on each column goes as soon as it has been converted
    names, rows = columns.names, columns.rows
    _known(kinds, names)
    hint = _decimal(columns)
    fields, values, empty = list[Field](), dict[int, Any](), list[str]()
    for i, name in enumerate(names):
        kind, column = kinds.get(name), columns.take(i)
        field = demand(name, column, kind, hint) if kind else infer(name, column, hint)
        fields.append(replace(field, source_name=verbatim[name] if verbatim[name] != name else ""))
        values[i] = convert(column, field).values
        if field.source == "inferred" and column.missing.all():
            empty.append(name)
    pa.default_memory_pool().release_unused()
    nameless = [name for name in names if not verbatim[name].strip()]
    if nameless:
        notes.append(f"{_count(len(nameless), 'column')} without a name, called by position: {_listed(nameless)}.")
    if empty:
        notes.append(f"{_count(len(empty), 'column')} without any value: {_listed(empty)}.")
    return Reading(_frame(values, names, rows), Schema(tuple(fields)), raw.origin, (*raw.notes, *notes))


def conform(source: Any, schema: Schema, optional: tuple[str, ...]) -> Reading:
    """See :func:`modelwright.readers.conform`."""
    raw = _with_header_row(_raw(source), schema)
    places, notes = _matched(raw, schema)
    if not places:
        raise DataError(
            f"{_called(source)} has none of the columns that the model knows; it needs {_listed(schema.names)}"
        )
    fields = tuple(f for f in schema.fields if f.name in places or f.name not in optional)
    absent = [f.name for f in fields if f.name not in places]
    extra = [str(c) for i, c in enumerate(raw.frame.columns) if i not in places.values() and not _void(raw, i)]
    if absent:
        notes.append(f"{_count(len(absent), 'column')} missing, filled with missing values: {_listed(absent)}.")
    if extra:
        notes.append(f"{_count(len(extra), 'column')} not known to the model, left out: {_listed(extra)}.")
    rows, values = len(raw.frame), dict[int, Any]()
    columns = [column for _, column in raw.frame.items()]
    for i, field in enumerate(fields):
        place = places.get(field.name)
        column = pd.Series([None] * rows, dtype=object) if place is None else columns[place]
        converted = converted_column(column, field)
        values[i] = converted.values
        if converted.unreadable > 0:
            notes.append(
                f"{_count(converted.unreadable, 'value')} of {field.name[:80]!r} couldn't be read as {field.kind} "
                "and became missing."
            )
    frame = _frame(values, [f.name for f in fields], rows)
    return Reading(frame, Schema(fields), raw.origin, (*raw.notes, *notes))


def _called(source: Any) -> str:
    if isinstance(source, str | Path):
        return "standard input" if source == "-" else _files.label(Path(source))
    return "the frame"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    shown = [repr(name[:60]) for name in names]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8:,} more" if len(shown) > 8 else "")


def _frame(values: dict[int, Any], names: list[str], rows: int) -> pd.DataFrame:
    # One block for all numbers is quicker to compute with, but making it takes a second copy of them.
    frame = pd.DataFrame(values, index=pd.RangeIndex(rows), copy=rows < LARGE)
    frame.columns = _labels(tuple(names))
    return frame


@lru_cache(maxsize=16)
def _labels(names: tuple[str, ...]) -> pd.Index[str]:
    return pd.Index(names, dtype="str")


def _raw(source: Any) -> Raw:
    if isinstance(source, str) and source == "-":
        return _read_stream(sys.stdin.buffer, "standard input")
    if isinstance(source, str | Path):
        if _files.elsewhere(source):
            with tempfile.TemporaryDirectory() as folder:
                return _read_file(fetch(str(source), Path(folder)))
        path = _files.existing(source)
        if path.is_file():
            return _read_file(path)
        with path.open("rb") as pipe:
            return _read_stream(pipe, path.name)
    return _frames.from_frame(source)


def _read_stream(stream: IO[bytes], name: str) -> Raw:
    """Read what can be read only once, by way of a temporary file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        with path.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        return _read_file(path)


def _read_file(path: Path) -> Raw:
    start = _files.head(path)
    if not start:
        raise DataError(f"{_files.label(path)} is empty; give a file with a row of names and rows of data")
    try:
        return _reader(path, start)().read(path)
    except UserError:
        raise
    except MemoryError as error:
        raise DataError(f"{_files.label(path)} is too large for this machine's memory; give a part of it") from error


def _reader(path: Path, start: bytes) -> type[Reader]:
    """The reader for a file: by its first bytes, else by its name; text of an unknown name is a delimited table."""
    readers = all_readers()
    for reader in readers.values():
        if issubclass(reader, _files.Recognising) and reader.recognises(start):
            return reader
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in _files.COMPRESSED]
    suffix = suffixes[-1] if suffixes else ""
    named = next((r for r in readers.values() if suffix in r.suffixes), None)
    if named is not None and not issubclass(named, _files.Recognising) and named is not readers["csv"]:
        return named
    binary = _files.what_binary(start)
    if binary:
        if named is readers["csv"]:
            return named
        if named is not None:
            raise DataError(
                f"{_files.label(path)} isn't a {named.name} file ({binary}); it may be damaged, fetch it again"
            )
        known = ", ".join(sorted({s for r in readers.values() for s in r.suffixes}))
        raise RequestError(f"{_files.label(path)} isn't in a format that can be read ({binary}); known are {known}")
    return named if named is not None and suffix in (".json", ".jsonl", ".ndjson") else readers["csv"]


def _known(kinds: Mapping[str, Kind], names: list[str]) -> None:
    for name, kind in kinds.items():
        if name not in names:
            raise RequestError(f"there is no column {name[:80]!r}{did_you_mean(name, names)}")
        if kind not in KINDS:
            raise RequestError(f"column {name[:80]!r} can't be {str(kind)[:40]!r}; kinds are {', '.join(KINDS)}")


class _Columns:
    """A frame's columns as cells, made when they are asked for and let go when they are taken."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.names, self.rows = list(frame.columns), len(frame)
        self._series: list[pd.Series[Any] | None] = [frame.iloc[:, i] for i in range(frame.shape[1])]
        self._cells: dict[int, Cells] = {}

    def __getitem__(self, place: int) -> Cells:
        if place not in self._cells:
            series = self._series[place]
            assert series is not None
            self._cells[place] = cells(series)
        return self._cells[place]

    def take(self, place: int) -> Cells:
        """The cells of a column that nobody will ask for again."""
        found = self[place]
        self._series[place] = None
        del self._cells[place]
        return found

    def texts(self) -> Iterator[Cells]:
        """The columns that came as text."""
        for place, series in enumerate(self._series):
            assert series is not None
            if series.dtype.kind not in "biufcM":
                found = self[place]
                if found.form == "text":
                    yield found


def _worth_reading(raw: Raw, called: str) -> tuple[_Columns, list[str]]:
    """The columns without rows that are wholly empty, and without empty columns that have no name."""
    notes: list[str] = []
    frame, columns = raw.frame, _Columns(raw.frame)
    void = [i for i, name in enumerate(raw.names) if not name.strip() and columns[i].missing.all()]
    if void:
        notes.append(
            f"{_count(len(void), 'empty column')} without a name {'was' if len(void) == 1 else 'were'} left out."
        )
        keep = [i for i in range(len(columns.names)) if i not in set(void)]
        frame = frame.iloc[:, keep]
        columns = _Columns(frame)
    empty = np.ones(len(frame), dtype=bool)
    for i in range(len(columns.names)):
        empty &= columns[i].missing
        if not empty.any():
            return columns, notes
    if empty.all():
        raise DataError(f"{called} has {_count(len(frame), 'row')}, but no value in any of them")
    notes.append(f"{_count(int(empty.sum()), 'empty row')} left out.")
    return _Columns(frame[~empty].reset_index(drop=True)), notes


def _decimal(columns: _Columns) -> str:
    """The decimal mark that the columns of a text table agree on, or nothing."""
    marks = [decimal_mark(c.sample(50)) for c in columns.texts() if not c.missing.all()]
    comma, point = marks.count(","), marks.count(".")
    return "," if comma > point else "." if point > comma else ""


def _void(raw: Raw, place: int) -> bool:
    return not raw.names[place].strip() and bool(cells(raw.frame.iloc[:, place]).missing.all())


def _squeezed(name: str) -> str:
    return "".join(name.split()).casefold()


def _matched(raw: Raw, schema: Schema) -> tuple[dict[str, int], list[str]]:
    """Where in the source each column of the schema is: by name, by its name in the file, by a like name."""
    places: dict[str, int] = {}
    exact = {str(name): i for i, name in reversed(list(enumerate(raw.frame.columns)))}
    in_file = {name: i for i, name in reversed(list(enumerate(raw.names)))}
    for field in schema.fields:
        if field.name in exact:
            places[field.name] = exact[field.name]
    for field in schema.fields:
        place = in_file.get(field.source_name) if field.source_name.strip() else None
        if field.name not in places and place is not None and place not in places.values():
            places[field.name] = place
    left = [i for i in range(len(raw.names)) if i not in set(places.values())]
    like: dict[str, list[int]] = {}
    for i in left:
        like.setdefault(_squeezed(raw.names[i]), []).append(i)
    notes = []
    for field in schema.fields:
        found = like.get(_squeezed(field.name), [])
        if field.name not in places and len(found) == 1 and found[0] not in places.values():
            places[field.name] = found[0]
            notes.append(f"Column {raw.names[found[0]][:80]!r} was taken for {field.name[:80]!r}.")
    return places, notes


def _with_header_row(raw: Raw, schema: Schema) -> Raw:
    """Put back the first row of a table without names, where the schema comes from such a table."""
    by_position = tuple(f"column_{i}" for i in range(1, len(schema.fields) + 1))
    if schema.names != by_position or len(raw.names) != len(by_position) or set(raw.names) & set(by_position):
        return raw
    if not all(isinstance(kind, pd.StringDtype) for kind in raw.frame.dtypes) or not all(n.strip() for n in raw.names):
        return raw
    if not all(NUMBER.match(n) for n, f in zip(raw.names, schema.fields, strict=True) if f.kind == "numeric"):
        return raw
    first = pd.DataFrame({c: pd.Series([n or None], dtype="str") for c, n in zip(by_position, raw.names, strict=True)})
    frame = pd.concat([first, raw.frame.set_axis(list(by_position), axis=1)], ignore_index=True)
    note = "The first row holds data, not names: columns were named by position."
    return Raw(frame, by_position, raw.origin, (*raw.notes, note))
