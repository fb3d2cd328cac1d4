"""Spreadsheets: the first sheet of an Excel workbook that holds data."""

from __future__ import annotations

import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from modelwright.errors import DataError, MissingExtra
from modelwright.readers import Raw
from modelwright.readers._files import Recognising, contents, label
from modelwright.readers._header import is_data, unique_names

MAX_BLANK = 10_000
"""So many blank rows in a row end a sheet; some programs write a million of them."""

Grid = list[Sequence[Any]]


class Excel(Recognising):
    """Excel workbooks (.xlsx)."""

    name: ClassVar[str] = "excel"
    suffixes: ClassVar[tuple[str, ...]] = (".xlsx", ".xlsm")

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """By a zip archive whose first members are an Office document's."""
        return head.startswith(b"PK\x03\x04") and (b"[Content_Types].xml" in head or b"xl/" in head)

    def read(self, path: Path) -> Raw:
        """Read the first sheet with data; cells keep their types."""
        import openpyxl

        try:
            with warnings.catch_warnings():  # of styles and validations, which don't matter here
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(io.BytesIO(contents(path)), read_only=True, data_only=True)
                sheets = [(sheet.title, _grid(sheet.iter_rows(values_only=True))) for sheet in book.worksheets]
                book.close()
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError, AttributeError, OSError) as error:
            raise DataError(f"{label(path)} can't be read as Excel ({str(error)[:100]}); save it again") from error
        return _first_with_data(sheets, path)


class OldExcel(Recognising):
    """Excel workbooks of before 2007 (.xls), by the optional library xlrd."""

    name: ClassVar[str] = "excel-97"
    suffixes: ClassVar[tuple[str, ...]] = (".xls",)

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """By the mark of an OLE document."""
        return head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

    def read(self, path: Path) -> Raw:
        """Read the first sheet with data; cells keep their types."""
        try:
            import xlrd
        except ImportError as error:
            raise MissingExtra("Reading old Excel files (.xls)", "excel") from error
        try:
            book = xlrd.open_workbook(file_contents=contents(path))
            sheets = [
                (sheet.name, _grid([_old_cell(cell, book) for cell in row] for row in sheet.get_rows()))
                for sheet in book.sheets()
            ]
        except (xlrd.XLRDError, xlrd.compdoc.CompDocError, IndexError, AssertionError, ValueError) as error:
            raise DataError(f"{label(path)} can't be read as Excel ({str(error)[:100]}); save it as .xlsx") from error
        return _first_with_data(sheets, path)


def _old_cell(cell: Any, book: Any) -> Any:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate.xldate_as_datetime(cell.value, book.datemode)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    return None if cell.ctype in (xlrd.XL_CELL_ERROR, xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK) else cell.value


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _grid(rows: Iterator[Sequence[Any]] | Any) -> Grid:
    """The rows from the first to the last that isn't blank."""
    grid: Grid = []
    pending = 0
    for row in rows:
        if all(_blank(value) for value in row):
            pending += bool(grid)
            if pending > MAX_BLANK:
                break
            continue
        grid += [()] * pending + [row]
        pending = 0
    return grid


def _first_with_data(sheets: list[tuple[str, Grid]], path: Path) -> Raw:
    filled = [(title, grid) for title, grid in sheets if grid]
    if not filled:
        raise DataError(f"{label(path)} has no sheet with data")
    title, grid = max(filled[:1] if len(filled[0][1]) > 1 else filled, key=lambda sheet: len(sheet[1]) > 1)
    notes = []
    if len(filled) > 1:
        notes.append(f"The sheet {title!r} was read; {len(filled) - 1} other sheet(s) with data were not.")
    width = max(len(row) for row in grid)
    table = [[*row, *[None] * (width - len(row))] for row in grid]
    used = [i for i in range(width) if any(not _blank(row[i]) for row in table)]
    table = [[row[i] for i in used] for row in table]
    top = 0
    while len(used) >= 3 and top < min(10, len(table) - 2) and sum(not _blank(v) for v in table[top]) <= 1:
        top += 1
    if top:
        notes.append(f"{top} row(s) above the names were left out.")
    first, body = table[top], table[top + 1 :]
    names = [_name(value) for value in first]
    if is_data(names, [[_name(value) for value in row] for row in body[:300]]):
        notes.append("The first row holds data, not names: columns were named by position.")
        names, body = [f"column_{i}" for i in range(1, len(names) + 1)], table[top:]
    frame = pd.DataFrame({i: pd.Series([row[i] for row in body], dtype=object) for i in range(len(names))})
    frame.columns, renamed = unique_names(names)
    return Raw(frame, tuple(names), f"Excel, sheet {title!r}", (*notes, *renamed))


def _name(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)
