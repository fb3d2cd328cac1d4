"""Readers: files and frames become a typed frame with a schema that says what was decided, and why.

To add a format, write a class that derives from :class:`Reader` in a module of this folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from modelwright.registry import classes
from modelwright.table import Kind, Schema

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Raw:
    """What a reader found, before types are decided.

    Args:
        frame: the columns as the file holds them: text where the format has no types, else the format's own types;
            unique column names.
        names: the names as they stand in the file, in order, where they had to be changed, else the same.
        origin: what was read, in words: ``"CSV, semicolon, latin-1"``.
        notes: what had to be repaired or left out, one sentence each.
    """

    frame: pd.DataFrame
    names: tuple[str, ...]
    origin: str
    notes: tuple[str, ...] = ()


@dataclass
class Reading:
    """A typed frame and its schema.

    Args:
        frame: columns with the types described in :mod:`modelwright.table`.
        schema: what each column is, and why.
        origin: what was read, in words.
        notes: what the reader of a report should know, one sentence each.
    """

    frame: pd.DataFrame
    schema: Schema
    origin: str
    notes: tuple[str, ...] = ()


class Reader(ABC):
    """Reads one file format.

    Class attributes:
        name: the format's name.
        suffixes: lower-case file name endings, without those of compression.
    """

    name: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def read(self, path: Path) -> Raw:
        """Read a file.

        Raises:
            DataError: one sentence: what is wrong, where, what to do.
        """


def read(source: Any, kinds: Mapping[str, Kind] | None = None) -> Reading:
    """Read a file, standard input (``"-"``), a pandas or polars frame or an Arrow table, and decide its types.

    Args:
        source: path, the URL of a file (``s3://bucket/data.parquet``), ``"-"`` for CSV on standard input, or a frame.
        kinds: kinds that the user decided, by column name.

    Raises:
        DataError: when it can't be read or holds nothing to learn from.
        RequestError: when ``kinds`` names columns that aren't there, or the format isn't known.
    """
    from modelwright.readers._read import read as read_source

    return read_source(source, kinds or {})


def conform(source: Any, schema: Schema, *, optional: tuple[str, ...] = ()) -> Reading:
    """Read new rows in the types of a known schema, as prediction and labelled test files need.

    The result has exactly the schema's columns, in its order and in its types, with one row for every row of the
    source, in order. Unreadable values become missing. Notes say which columns were missing (filled with missing
    values; those in ``optional`` are left out without a word), which were extra, and how many values of which
    column couldn't be read.

    Raises:
        DataError: when the source can't be read, or not one of the schema's columns is there.
    """
    from modelwright.readers._read import conform as conform_source

    return conform_source(source, schema, optional)


def all_readers() -> dict[str, type[Reader]]:
    """Every reader, by name."""
    return classes(__name__, Reader)  # type: ignore[type-abstract]  # looked up by, never made
