"""Reading columns of a frame: their kinds, their values as numbers, and choosing them by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from modelwright.action import did_you_mean
from modelwright.errors import DataError, NotApplicable, ProgramError
from modelwright.table import categorical as made
from modelwright.together import widened

Sort = Literal["numeric", "category", "datetime", "text"]
Array = np.ndarray[Any, np.dtype[Any]]

FEW_COLUMNS = 64
"""Up to so many columns are read one by one, which is quicker for a few rows than choosing them from a frame."""


def sort_of(series: pd.Series[Any]) -> Sort:
    """What a column holds, by its dtype; truth values and durations count as numbers, unknown dtypes as text."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return "numeric"
    return "text"


def sorts(frame: pd.DataFrame) -> dict[str, Sort]:
    """The sort of every column, in order."""
    return {str(name): sort_of(column) for name, column in frame.items()}


def names_of(frame: pd.DataFrame, *wanted: Sort) -> list[str]:
    """The columns of these sorts, in the frame's order."""
    return [name for name, sort in sorts(frame).items() if sort in wanted]


def require(frame: pd.DataFrame, names: Collection[str]) -> None:
    """Make sure that the columns are there.

    Raises:
        DataError: naming the first column that isn't.
    """
    present = set(frame.columns)
    lost = next((n for n in names if n not in present), None)
    if lost is not None:
        raise DataError(f"column {lost!r}, which the model was fitted on, is missing{did_you_mean(lost, present)}")


def choose(
    frame: pd.DataFrame, asked: Sequence[str] | None, allowed: Collection[str], what: str, skip: Iterable[str] = ()
) -> list[str]:
    """The columns that a transform works on: those that were asked for, or all of the sorts that it applies to.

    Args:
        frame: the training rows.
        asked: names given in the program, or ``None`` for all.
        allowed: the sorts that the transform applies to.
        what: the transform's name, for messages.
        skip: columns left out when nothing was asked for.

    Raises:
        ProgramError: for a name that isn't there, or a column of another sort.
        NotApplicable: when nothing was asked for and no column is of these sorts.
    """
    found = sorts(frame)
    if asked is None:
        left_out = set(skip)
        chosen = [name for name, sort in found.items() if sort in allowed and name not in left_out]
        if not chosen:
            raise NotApplicable(f"{what}: there are no {' or '.join(allowed)} columns")
        return chosen
    for name in asked:
        column(frame, name, what)
        if found[name] not in allowed:
            raise ProgramError(
                f"{what}: column {name!r} holds {found[name]} values",
                expected=f"a {' or '.join(allowed)} column",
                allowed=listing(n for n, sort in found.items() if sort in allowed),
            )
    if not asked:
        raise NotApplicable(f"{what}: no columns were named")
    return list(dict.fromkeys(asked))


def column(frame: pd.DataFrame, name: str, what: str) -> str:
    """The name, if the frame has such a column.

    Raises:
        ProgramError: with the nearest name.
    """
    if name not in frame.columns:
        raise ProgramError(
            f"{what}: there is no column {name!r}{did_you_mean(name, map(str, frame.columns))}",
            allowed=listing(map(str, frame.columns)),
        )
    return name


def listing(names: Iterable[str], most: int = 12) -> str:
    """Some names in words, for messages."""
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(repr(n) for n in shown[:most]) + more or "none"


def numbers(frame: pd.DataFrame, names: Sequence[str]) -> Array:
    """Columns as an array of shape (rows, columns), ``float64``; infinities and what isn't a number become NaN."""
    if not names:
        return np.empty((len(frame), 0))
    if len(names) <= FEW_COLUMNS:
        columns = [frame[name] for name in names]
        plain = all(isinstance(c.dtype, np.dtype) and c.dtype.kind in "fiub" for c in columns)
        values = np.empty((len(frame), len(names)))
        for j, column in enumerate(columns):
            values[:, j] = column.to_numpy(dtype=np.float64) if plain else _number(column)
        return _finite(values)
    part = frame[list(names)]
    if all(isinstance(dtype, np.dtype) and dtype.kind in "fiub" for dtype in part.dtypes):
        values = part.to_numpy(dtype=np.float64)
    else:
        values = np.column_stack([_number(part[name]) for name in names])
    return _finite(values)


def _finite(values: Array) -> Array:
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def _number(series: pd.Series[Any]) -> Array:
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return np.asarray(series.dt.total_seconds(), dtype=np.float64)
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = np.append(_coerced(pd.Series(series.cat.categories)), np.nan)
        return levels[series.cat.codes.to_numpy()]
    return _coerced(series)


def _coerced(series: pd.Series[Any]) -> Array:
    return pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def texts(series: pd.Series[Any]) -> list[str]:
    """A text column as a list, missing as the empty text."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = [*map(str, series.cat.categories), ""]
        return [levels[code] for code in series.cat.codes]
    known = series if isinstance(series.dtype, pd.StringDtype) else series.astype("str")
    return [value if isinstance(value, str) else "" for value in known.tolist()]


def add_columns(frame: pd.DataFrame, made: dict[str, Any]) -> pd.DataFrame:
    """A new frame with further columns; a name that is taken already gets ``_2``, ``_3``, … appended."""
    if not made:
        return frame.copy(deep=False)
    named = dict(zip(unique_names(list(made), frame.columns), made.values(), strict=True))
    return widened(pd.concat([frame, pd.DataFrame(named, index=frame.index)], axis=1), frame, named)


def replace_columns(frame: pd.DataFrame, made: dict[str, Any]) -> pd.DataFrame:
    """A new frame in which the named columns hold other values."""
    return widened(frame.assign(**made), frame, made)


def categorical(codes: Array, labels: Sequence[str]) -> pd.Categorical:
    """A category column from positions in its levels, -1 where missing."""
    return made(labels, np.asarray(codes, dtype=np.int64))


def unique_names(wanted: Sequence[str], taken: Iterable[object]) -> list[str]:
    """The wanted names, changed where they are taken or repeated."""
    used = {str(t) for t in taken}
    result = []
    for name in wanted:
        candidate, count = name, 1
        while candidate in used:
            count += 1
            candidate = f"{name}_{count}"
        used.add(candidate)
        result.append(candidate)
    return result
