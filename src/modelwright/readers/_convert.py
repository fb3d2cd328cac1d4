"""From a column as it came to the column that its field describes. Reading and conforming share this one way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.readers import _dates, _numbers
from modelwright.readers._cells import Cells, canonical, levels_of
from modelwright.readers._cells import cells as cells_of
from modelwright.table import Field, categorical

NO = ("no", "n", "false", "f", "0", "nein", "non", "off", "falsch", "faux")
YES = ("yes", "y", "true", "t", "1", "ja", "j", "oui", "o", "si", "sí", "s", "on", "wahr", "vrai")


@dataclass
class Converted:
    """A typed column, and how many values of it couldn't be read and became missing."""

    values: Any
    unreadable: int = 0


FEW, SHORT = 4, 200
"""Rows, and characters in all, up to which what a column of texts was converted to is remembered."""


def converted_column(column: pd.Series[Any], field: Field) -> Converted:
    """:func:`convert` for a column of any source; the result must not be written to.

    Where rows come one at a time, the same few texts come again and again, and all work on them is overhead.
    """
    if (
        len(column) <= FEW
        and field.kind != "text"
        and (column.dtype == object or isinstance(column.dtype, pd.StringDtype))
    ):
        texts = tuple(None if isinstance(value, float) and value != value else value for value in column.tolist())
        if all(type(text) is str for text in texts if text is not None) and sum(len(t or "") for t in texts) <= SHORT:
            return _remembered(texts, field)
    return convert(cells_of(column), field)


@lru_cache(maxsize=8_192)
def _remembered(texts: tuple[str | None, ...], field: Field) -> Converted:
    return convert(cells_of(pd.Series(texts, dtype=object)), field)


def convert(cells: Cells, field: Field) -> Converted:
    """Give a column the type that the field says. What can't be read in it becomes missing, and is counted."""
    if field.kind == "numeric":
        return _numeric(cells, field)
    if field.kind == "datetime":
        return _datetime(cells, field)
    if field.kind == "boolean":
        return _boolean(cells, field)
    if field.kind == "text":
        return Converted(_text(cells, field))
    distinct, codes = levels_of(cells)
    if field.missing and len(distinct):
        codes = np.where(_codes_of(distinct, field.missing)[codes] & (codes >= 0), -1, codes)
    return Converted(_categorical(distinct.to_pylist(), codes))


def _categorical(levels: list[str], codes: npt.NDArray[np.integer[Any]]) -> pd.Categorical:
    """Levels in order of their text; those of no row are left out."""
    present = np.bincount(codes[codes >= 0], minlength=len(levels)) > 0
    if not present.all():
        codes = np.where(codes >= 0, (np.cumsum(present) - 1)[codes] if len(levels) else -1, -1)
        levels = [level for level, used in zip(levels, present, strict=True) if used]
    return categorical(levels, codes)


def _codes_of(distinct: pa.Array, texts: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_in(distinct, pa.array(texts, distinct.type)).to_numpy(zero_copy_only=False), dtype=bool)


def numbers(cells: Cells, field: Field) -> npt.NDArray[np.float64]:
    """The numbers of a column, NaN where there is none or it can't be read; infinities stay."""
    if cells.form == "number":
        assert cells.data is not None
        return cells.data
    if cells.form == "datetime":
        return np.full(cells.rows, np.nan)
    if cells.form == "text" and not _grouping(field) and cells.direct is not None:
        return cells.direct
    key = (field.number, field.formats)
    if key not in cells.parsed:
        distinct = cells.distinct
        if cells.truth:
            distinct = pa.array(["0", "1"], distinct.type).take(pc.index_in(distinct, pa.array(["False", "True"])))
        by_level = (
            _dates.hours(distinct) if field.formats == (_dates.CLOCK,) else _numbers.parse(distinct, field.number)
        )
        cells.parsed[key] = np.append(by_level, np.nan)[cells.codes]
    return cells.parsed[key]


def _grouping(field: Field) -> bool:
    """Whether a plain-looking number may mean another one: with ``.`` as grouping mark ``1.234`` is 1234."""
    return field.number is not None and field.number.thousands == "."


def _numeric(cells: Cells, field: Field) -> Converted:
    values = numbers(cells, field)
    missing = np.isnan(values)
    unreadable = int(missing.sum() - cells.missing.sum())
    gone = missing | np.isinf(values)
    unreadable += int(gone.sum() - missing.sum())
    for text in field.missing:
        sentinel = _numbers.plain(pa.array([text], pa.large_string()))[0]
        if np.isfinite(sentinel):
            gone = gone | (values == sentinel)
        elif cells.form == "text" and cells.direct is None:
            unreadable -= int(cells.counts[_codes_of(cells.distinct, (text,))].sum()) if len(cells.distinct) else 0
    return Converted(np.where(gone, np.nan, values) if gone.any() else values.astype(np.float64, copy=True), unreadable)


def stamps(cells: Cells, field: Field) -> npt.NDArray[np.datetime64]:
    """The dates of a column, NaT where there is none or it can't be read."""
    if cells.form == "datetime":
        assert cells.data is not None
        return cells.data
    if cells.form == "number":
        assert cells.data is not None
        return _dates.of_numbers(cells.data, field.formats)
    if any(f in _dates.EPOCHS for f in field.formats):
        counted = _dates.of_numbers(numbers(cells, field), field.formats)
        unread = np.isnat(counted) & ~cells.missing
        return np.where(unread, _written(cells, field), counted) if unread.any() else counted
    return _written(cells, field)


def _written(cells: Cells, field: Field) -> npt.NDArray[np.datetime64]:
    """The dates that texts spell, in the column's own formats or in ISO's."""
    key = ("dates", field.formats)
    if key not in cells.parsed:
        by_level = _dates.parse(cells.distinct, field.formats)
        cells.parsed[key] = np.append(by_level, np.datetime64("NaT"))[cells.codes]
    return cells.parsed[key]


def _datetime(cells: Cells, field: Field) -> Converted:
    values = stamps(cells, field)
    return Converted(values.astype("datetime64[us]"), int(np.isnat(values).sum() - cells.missing.sum()))


def _boolean(cells: Cells, field: Field) -> Converted:
    no, yes = field.levels
    meaning = {no.casefold(): 0, yes.casefold(): 1}
    if no.casefold() in NO and yes.casefold() in YES:
        meaning = dict.fromkeys(NO, 0) | dict.fromkeys(YES, 1) | meaning
    distinct = canonical(cells.distinct).to_pylist()
    by_level = np.array([*(meaning.get(text.casefold(), -1) for text in distinct), -1], dtype=np.int32)
    codes = by_level[cells.codes]
    unreadable = int((codes < 0).sum() - (cells.codes < 0).sum())
    return Converted(categorical([no, yes], codes), unreadable)


def _text(cells: Cells, field: Field) -> Any:
    distinct, codes = cells.distinct, cells.codes
    if field.missing and len(distinct):
        codes = np.where(_codes_of(distinct, field.missing)[codes] & (codes >= 0), -1, codes)
    places = pa.array(codes, pa.int64(), mask=codes < 0)
    return pd.arrays.ArrowStringArray(  # type: ignore[call-arg]  # the stubs lag behind
        pa.chunked_array([distinct.cast(pa.large_string()).take(places)]), dtype=pd.StringDtype(na_value=np.nan)
    )
