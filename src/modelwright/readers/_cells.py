"""One column as it came, whatever it came from: distinct texts, numbers or datetimes, with missing told apart."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]

MARKERS = (
    "", "na", "n/a", "n.a.", "nan", "-nan", "nat", "null", "(null)", "\\n", "none", "nil", "?", "-", "--", "---", "–",
    "—", ".", "..", "missing", "<na>", "#n/a", "#na", "#n/a n/a", "#null!", "#div/0!", "#value!", "#ref!", "#name?",
    "#num!",
)  # fmt: skip
"""Texts that mean "no value", in lower case. ``unknown`` isn't one of them: it is an answer."""

EXACT = 2**53
"""Whole numbers beyond this aren't exact as float64; such columns are codes, not quantities."""

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|")
_ENDLESS_ZERO = r"^(-?(?:0|[1-9]\d*))\.0+$"


@dataclass
class Cells:
    """A column before its kind is decided.

    Args:
        form: what it came as; ``levels`` are categories or truth values that the source had typed itself.
        rows: number of rows.
        column: the texts, for ``text``.
        data: the values, NaN or NaT for missing, for ``number`` (float64) and ``datetime`` (datetime64[us]).
        levels: distinct texts and the codes of the rows (−1 for missing), for ``levels``.
        truth: whether the levels are truth values.
        note: what the reader of a report should know.
    """

    form: Literal["text", "levels", "number", "datetime"]
    rows: int
    column: pa.Array | None = None
    data: npt.NDArray[Any] | None = None
    levels: tuple[pa.Array, npt.NDArray[np.int32]] | None = None
    truth: bool = False
    note: str = ""
    parsed: dict[Any, npt.NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def direct(self) -> Floats | None:
        """The numbers of a text column that holds plain numbers and nothing else; else ``None``.

        This saves looking at distinct values, which for measurements are as many as rows.
        """
        if self.form != "text" or self.column is None or self.column.null_count == self.rows:
            return None
        if any(_PLAIN.fullmatch(text) is None for text in self.sample(100)):
            return None
        zero = pc.starts_with(self.column, "0")
        if zero.true_count and pc.any(pc.match_substring_regex(self.column.filter(zero), r"^0\d{2,}")).as_py():
            return None
        try:
            values: Floats = pc.cast(self.column, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return None
        largest = np.nanmax(np.abs(values), initial=0.0)
        if EXACT < largest < np.inf and bool((np.abs(values) > EXACT).mean() > 0.5):
            return None
        return values

    @cached_property
    def encoded(self) -> tuple[pa.Array, npt.NDArray[np.int32], tuple[tuple[str, int], ...]]:
        """Distinct texts without outer blanks, the codes of the rows (−1 for missing), and the markers with counts."""
        if self.levels is not None:
            return (*self.levels, ())
        if self.data is not None:
            return (*_texts_of(self.data), ())
        assert self.column is not None
        table = self.column.dictionary_encode()
        distinct, codes = table.dictionary, np.asarray(table.indices.fill_null(-1), dtype=np.int32)
        trimmed = pc.utf8_trim_whitespace(distinct)
        if not trimmed.equals(distinct):
            distinct, codes = _merge(trimmed, codes)
        short = pc.less_equal(pc.utf8_length(distinct), 8)
        marker = pc.and_(short, pc.is_in(pc.utf8_lower(distinct), pa.array(MARKERS, distinct.type)))
        if not marker.true_count:
            return distinct, codes, ()
        gone = marker.to_numpy(zero_copy_only=False)
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        found = tuple((t, int(n)) for t, n in zip(distinct.filter(marker).to_pylist(), counts[gone], strict=True) if t)
        mapping = np.where(gone, -1, np.cumsum(~gone) - 1).astype(np.int32)
        return distinct.filter(pc.invert(marker)), np.where(codes >= 0, mapping[codes], -1).astype(np.int32), found

    @property
    def distinct(self) -> pa.Array:
        """The distinct texts."""
        return self.encoded[0]

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """For each row the position of its text, −1 for missing."""
        return self.encoded[1]

    @property
    def markers(self) -> tuple[tuple[str, int], ...]:
        """Texts that were read as missing, with how often."""
        return self.encoded[2]

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each distinct text occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.distinct)).astype(np.int64)

    @cached_property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which rows have no value."""
        if self.data is not None:
            return np.asarray(pd.isna(self.data))
        return np.isnan(self.direct) if self.direct is not None else self.codes < 0

    def sample(self, size: int) -> list[str]:
        """Texts of evenly spaced rows, as they stand there; for text columns."""
        assert self.column is not None
        places = np.unique(np.linspace(0, max(0, self.rows - 1), min(size, self.rows)).astype(np.int64))
        return [text for text in self.column.take(pa.array(places)).to_pylist() if text is not None]

    def common(self, size: int) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Distinct texts, the commonest and evenly spaced others, with their counts."""
        counts = self.counts
        if len(counts) > size:
            top = np.argsort(-counts, kind="stable")[: size // 4]
            places = np.unique(np.concatenate([top, np.linspace(0, len(counts) - 1, size - len(top)).astype(np.int64)]))
            return self.distinct.take(pa.array(places)).to_pylist(), counts[places]
        return self.distinct.to_pylist(), counts


def canonical(distinct: pa.Array) -> pa.Array:
    """Level texts: whole numbers are written as ``12``, however the source writes them (``12.0``)."""
    endless = pc.and_(pc.ends_with(distinct, "0"), pc.match_substring(distinct, ".0"))
    return pc.replace_substring_regex(distinct, _ENDLESS_ZERO, r"\1") if endless.true_count else distinct


def _merge(texts: pa.Array, codes: npt.NDArray[np.int32]) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Texts made equal become one."""
    table = texts.dictionary_encode()
    mapping = np.asarray(table.indices.fill_null(-1), dtype=np.int32)
    return table.dictionary, (np.where(codes >= 0, mapping[codes], -1) if len(mapping) else codes).astype(np.int32)


def levels_of(cells: Cells) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Distinct canonical texts in order, only those that occur, and the codes of the rows."""
    distinct, codes = canonical(cells.distinct), cells.codes
    if distinct is not cells.distinct:
        distinct, codes = _merge(distinct, codes)
    present = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(distinct)))
    order = present[np.asarray(pc.sort_indices(distinct.take(pa.array(present, pa.int64()))))] if len(present) else []
    mapping = np.full(len(distinct) + 1, -1, dtype=np.int32)
    mapping[order] = np.arange(len(order))
    return distinct.take(pa.array(order, pa.int64())), mapping[codes]


def _texts_of(data: npt.NDArray[Any]) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    codes, values = pd.factorize(data)
    if data.dtype.kind == "M":
        texts = [str(t) for t in np.datetime_as_string(np.asarray(values, "datetime64[us]"), unit="auto")]
    else:
        texts = [number_text(v) for v in values.tolist()]
    return pa.array(texts, pa.large_string()), codes.astype(np.int32)


def number_text(value: float) -> str:
    """A number as a level: whole ones without a decimal point."""
    whole = isinstance(value, int) or (abs(value) < 1e16 and float(value).is_integer())
    return str(int(value)) if whole else repr(float(value))


def cells(column: pd.Series[Any]) -> Cells:
    """Take a column of any source."""
    kind = column.dtype
    if isinstance(kind, np.dtype) and kind.kind == "f":
        return Cells("number", len(column), data=column.to_numpy(dtype=np.float64))
    if isinstance(kind, np.dtype) and kind.kind in "iu" and len(column):
        whole = column.to_numpy()
        if int(whole.min()) >= -EXACT and int(whole.max()) <= EXACT:
            return Cells("number", len(column), data=whole.astype(np.float64))
    if isinstance(kind, pd.CategoricalDtype):
        codes, levels = np.asarray(column.cat.codes, dtype=np.int32), kind.categories
        if len(levels) > len(column):
            used = np.unique(codes[codes >= 0])
            codes = np.where(codes >= 0, np.searchsorted(used, codes), -1).astype(np.int32)
            levels = levels.take(used)
        texts = [None if pd.isna(v) else _text(v) for v in levels]
        return _levels(pa.array(texts, pa.large_string()), codes)
    if isinstance(kind, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    elif isinstance(kind, pd.SparseDtype):
        column = pd.Series(np.asarray(column))
    elif isinstance(kind, pd.IntervalDtype):
        column = column.astype(object)
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):  # mixed values, as spreadsheets have them
        array = pa.array([_text(v) for v in column.tolist()], pa.large_string())
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return _of_arrow(array.chunk(0) if isinstance(array, pa.ChunkedArray) else array)


def _levels(texts: pa.Array, codes: npt.NDArray[np.int32], truth: bool = False) -> Cells:
    merged = _merge(texts, codes)
    return Cells("levels", len(codes), levels=merged, truth=truth)


def _of_arrow(array: pa.Array) -> Cells:
    kind, rows = array.type, len(array)
    if isinstance(array, pa.ExtensionArray):
        return _of_arrow(array.storage)
    if pa.types.is_null(kind):
        return Cells("text", rows, column=array.cast(pa.large_string()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return Cells("text", rows, column=array.cast(pa.large_string()))
    if pa.types.is_dictionary(kind):
        codes = np.asarray(array.indices.cast(pa.int32()).fill_null(-1), dtype=np.int32)
        return _levels(pa.array([_text(v) for v in array.dictionary.to_pylist()], pa.large_string()), codes)
    if pa.types.is_boolean(kind):
        codes = np.asarray(array.cast(pa.int32()).fill_null(-1), dtype=np.int32)
        return _levels(pa.array(["False", "True"], pa.large_string()), codes, truth=True)
    if pa.types.is_integer(kind):
        extreme = pc.min_max(array).as_py()
        if any(abs(v) > EXACT for v in extreme.values() if v is not None):
            return Cells("text", rows, column=array.cast(pa.large_string()))
        return Cells("number", rows, data=_floats(array))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Cells("number", rows, data=_floats(array))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        stamps = array.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        data = stamps.cast(pa.timestamp("us")) if stamps.type.tz is None else stamps.cast(pa.int64())
        values = np.asarray(data.to_numpy(zero_copy_only=False))
        if stamps.type.tz is not None:
            present = np.asarray(array.is_valid())
            values = np.where(present, np.nan_to_num(values).astype("int64"), np.iinfo("int64").min)
        note = "times are in UTC" if stamps.type.tz is not None else ""
        return Cells("datetime", rows, data=values.astype("datetime64[us]"), note=note)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        integer = pa.int32() if kind.bit_width == 32 else pa.int64()
        seconds = _floats(array.cast(integer)) / per_second
        clock = pa.types.is_time(kind)
        note = "times of the day, in hours since midnight" if clock else "durations, in seconds"
        return Cells("number", rows, data=seconds / 3600 if clock else seconds, note=note)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        try:
            return Cells("text", rows, column=array.cast(pa.large_binary()).cast(pa.large_string()))
        except pa.ArrowInvalid:
            return Cells("text", rows, column=pa.nulls(rows, pa.large_string()), note="binary data, which isn't used")
    return Cells("text", rows, column=pa.array([_text(v) for v in array.to_pylist()], pa.large_string()))


def _floats(array: pa.Array) -> Floats:
    floats = array.cast(pa.float64(), safe=False)
    values: Floats = floats.to_numpy(zero_copy_only=False)  # nobody writes to it: it may be the source's own memory
    return values


def _text(value: Any) -> str | None:
    """A value of an untyped column as text; ``None`` for missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else number_text(float(value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict | list | tuple | set | np.ndarray):
        value = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(list(value) if isinstance(value, tuple | set) else value, default=str)
    if isinstance(value, pd.Timestamp):
        return None if pd.isna(value) else value.isoformat()
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
