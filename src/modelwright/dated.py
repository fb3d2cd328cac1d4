"""Dates that a table keeps in parts: which columns hold year, month and day, by their names, and the date they make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PART_NAMES = {
    "year": ("year", "yr", "yyyy"),
    "month": ("month", "mnth", "mon", "mm"),
    "day": ("day", "dd", "mday", "dayofmonth", "dom"),
}
"""Words in the names of columns that hold parts of a date."""
OTHERWISE = {"week", "weekday", "dow", "doy", "yday", "season", "quarter"}
"""Words in the names of columns that count days, or parts of the year, in another way."""
UNREADABLE = 0.1
"""Share of the rows without a date from which on the columns hold something else."""
RANGES = {"year": (1000, 9999), "month": (1, 12), "day": (1, 31)}
ANY_YEAR = 2001.0
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case: ``DayofMonth`` → dayof, month."""
    return [word.lower() for word in _WORDS.findall(name[:300])]


def date_parts(names: Iterable[str]) -> tuple[str, ...]:
    """The columns that hold year, month and day of one date, in this order, or month and day where none holds a year.

    Args:
        names: the columns that may.

    Returns:
        Nothing where not exactly one column each is named like a month and a day, or several are named like a year.
    """
    found: dict[str, list[str]] = {part: [] for part in PART_NAMES}
    for name in names:
        part = _part(words_of(name))
        if part is not None:
            found[part].append(name)
    years, months, days = found["year"], found["month"], found["day"]
    if len(months) != 1 or len(days) != 1 or len(years) > 1:
        return ()
    return (*years, *months, *days)


def _part(words: Sequence[str]) -> str | None:
    """Which part of a date a column with these words in its name holds."""
    if OTHERWISE & set(words):
        return None
    said = {part for part, known in PART_NAMES.items() if set(known) & set(words)}
    if "dayof" in words or {"day", "month"} <= said:  # a day of the month
        said = {"day"} if said <= {"day", "month"} else set()
    return said.pop() if len(said) == 1 else None


def assembled(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """The dates of rows, ``datetime64[us]``, NaT where a part is missing or there is no such day.

    Without a year all days lie in one, whose February has 28 days: rows of one real year that fall on the same day of
    the week still do, though on another one.

    Args:
        frame: rows with these columns: numbers, or categories that are written as numbers or, months, as names.
        columns: as from :func:`date_parts`.
    """
    import numpy as np
    import pandas as pd

    named = zip(("year", "month", "day")[-len(columns) :], columns, strict=True)
    parts = {part: _numbers(frame[name], part) for part, name in named}
    if "year" not in parts:
        leap = (parts["month"] == 2) & (parts["day"] == 29)
        parts |= {"year": np.full(len(frame), ANY_YEAR), "day": np.where(leap, 28.0, parts["day"])}
    for part, (low, high) in RANGES.items():
        value = parts[part]
        parts[part] = np.where((value >= low) & (value <= high) & (value == np.floor(value)), value, np.nan)
    return pd.to_datetime(pd.DataFrame(parts), errors="coerce").to_numpy("datetime64[us]")


def _numbers(series: pd.Series[Any], part: str) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if not isinstance(series.dtype, pd.CategoricalDtype):
        return np.asarray(pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))
    texts = [str(level).strip().lower() for level in series.cat.categories]
    if part == "month":
        number = {month: str(i) for i, month in enumerate(MONTHS, 1)}
        texts = [number.get(text[:3], text) for text in texts]
    levels = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.append(levels, np.nan)[series.cat.codes.to_numpy()])
