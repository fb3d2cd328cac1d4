"""A data set by digest and schema; the bytes live in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Kind = Literal["numeric", "boolean", "category", "datetime", "text", "id", "constant"]
"""What a column is, as a person would read it.

In a frame that modelwright made, columns hold: numeric ``float64``; boolean, category, id and constant a pandas
``Categorical`` with text levels; datetime ``datetime64[us]``; text the pandas ``str`` dtype. Missing is NaN, NaT or
NA, never a marker.
"""

KINDS: tuple[Kind, ...] = ("numeric", "boolean", "category", "datetime", "text", "id", "constant")


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written in a text column.

    Args:
        decimal: the decimal mark.
        thousands: the grouping mark, or an empty text.
        strip: symbols and units removed on both sides, such as ``"$"``, ``"€"``, ``"mi."``.
        percent: whether values carry a percent sign (``"5 %"`` reads as 5.0).
        negative_parentheses: whether ``(5)`` reads as −5.
    """

    decimal: str = "."
    thousands: str = ""
    strip: tuple[str, ...] = ()
    percent: bool = False
    negative_parentheses: bool = False


@dataclass(frozen=True)
class Field:
    """One column: what it was decided to be, and why.

    Args:
        name: its name, unique in the table.
        kind: what it is.
        reason: why, in one sentence.
        source: whether the user or the rules decided.
        source_name: the name in the file, where it had to be changed (duplicates, blanks).
        whole: for numeric columns, whether all values are whole numbers.
        levels: for boolean columns, the two texts, the "no" first.
        number: how numbers are written, for numeric columns that came as text.
        formats: date formats (``strptime``) or ``"ISO8601"`` / ``"mixed"``, for datetime columns that came as text;
            the word ``"unix-s"``, ``"unix-ms"`` for epochs.
        missing: the texts or numbers that were read as missing in this column.
        warnings: what the reader should know, one sentence each.
        personal: what sort of personal data the column looks like, for instance ``"e-mail"``; empty for none.
    """

    name: str
    kind: Kind
    reason: str = ""
    source: Literal["user", "inferred"] = "inferred"
    source_name: str = ""
    whole: bool = False
    levels: tuple[str, ...] = ()
    number: NumberFormat | None = None
    formats: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    personal: str = ""


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(f.name for f in self.fields)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(f.name == name for f in self.fields)

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """The names of the columns of these kinds, in order."""
        return tuple(f.name for f in self.fields if f.kind in kinds)

    def only(self, names: tuple[str, ...]) -> Schema:
        """The schema of these columns, in the table's order."""
        return Schema(tuple(f for f in self.fields if f.name in set(names)))


@dataclass(frozen=True)
class Table:
    """A data set in the store.

    Args:
        digest: SHA-256 of the stored bytes (Arrow IPC).
        rows: how many rows it has.
        schema: its columns.
    """

    digest: str
    rows: int
    schema: Schema


REMEMBERED, KEPT = 256, 1_024
"""Levels of a column up to which they are remembered, and of how many columns."""


def categorical(levels: Sequence[str], codes: np.ndarray[Any, np.dtype[Any]]) -> pd.Categorical:
    """A category column of distinct levels and, for each row, the place of its level, −1 where missing.

    pandas checks levels whenever it makes a dtype of them. For a single row that costs more than all other work on it,
    so the dtypes made last are kept.
    """
    import pandas as pd

    kind = _level_type(tuple(levels)) if len(levels) <= REMEMBERED else _made_type(levels)
    return pd.Categorical.from_codes(codes, dtype=kind, validate=False)


@lru_cache(maxsize=KEPT)
def _level_type(levels: tuple[str, ...]) -> pd.CategoricalDtype:
    return _made_type(levels)


def _made_type(levels: Sequence[str]) -> pd.CategoricalDtype:
    import pandas as pd

    return pd.CategoricalDtype(pd.Index(list(levels), dtype="str"))


_TEXTS: dict[int, tuple[pd.Index[Any], list[str]]] = {}


def occurring(values: pd.Categorical) -> tuple[Sequence[str | None], np.ndarray[Any, np.dtype[Any]]]:
    """Texts of levels, ``None`` where there is no value, and for each row the place of its own among them.

    Of few rows with many categories only those that occur, else all of them.
    """
    import numpy as np

    codes, levels = values.codes, values.categories
    if len(codes) == 1:  # a request for one row pays for every array that is made
        code = int(codes[0])
        return [str(levels[code]) if code >= 0 else None], np.zeros(1, dtype=np.intp)
    if len(codes) < len(levels):
        used, places = np.unique(codes, return_inverse=True)
        return [str(levels[code]) if code >= 0 else None for code in used], places
    return [*level_texts(levels), None], codes  # code -1, missing, finds the last one


def level_texts(levels: pd.Index[Any]) -> list[str]:
    """The categories of a column as texts; nobody may write to the list.

    An index tells its values one by one, which takes longer than all that is done with them; those seen last are kept.
    """
    known = _TEXTS.get(id(levels))
    if known is not None and known[0] is levels:
        return known[1]
    texts = [str(level) for level in levels.tolist()]
    if len(texts) <= REMEMBERED:
        if len(_TEXTS) >= KEPT:
            _TEXTS.clear()
        _TEXTS[id(levels)] = (levels, texts)
    return texts
