"""Columns that the user says something about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelwright.errors import RequestError
from modelwright.readers import _dates, _numbers
from modelwright.readers._cells import Cells, canonical
from modelwright.readers._convert import NO, YES, numbers, stamps
from modelwright.readers._infer import (
    SAMPLE,
    clock,
    epoch,
    measured,
    personal_sort,
    truth_levels,
    with_markers,
    with_rest,
    written_as,
)
from modelwright.table import Field, Kind, NumberFormat


def demand(name: str, cells: Cells, kind: Kind, hint: str) -> Field:
    """The field of a column that is what the user says; how it is written is found out.

    Args:
        name: its name.
        cells: its values.
        kind: what the user says it is.
        hint: the decimal mark that other columns of the table clearly use, or nothing.

    Raises:
        RequestError: when fewer than half of the values can be read as that, or they are more than it can hold.
    """
    return with_markers(cells, _demanded(name, cells, kind, hint))


def _demanded(name: str, cells: Cells, kind: Kind, hint: str) -> Field:
    present = int((~cells.missing).sum())
    field = Field(name, kind, "you said so", source="user")
    if kind == "numeric":
        field = _as_number(name, cells, hint)
        _check(cells, field, present)
        field = measured(cells, field)
        return replace(field, reason=f"you said so: {field.reason}", source="user")
    if kind == "datetime":
        if cells.form in ("text", "levels"):
            guess = _dates.guess(*cells.common(500), cells.distinct, cells.counts, 0.5)
            field = replace(field, formats=guess.formats if guess else (_dates.ISO,))
        if cells.form == "number" or (cells.form == "text" and cells.direct is not None):
            values = numbers(cells, field)
            moments = epoch("time", values[np.isfinite(values)]) if np.isfinite(values).any() else None
            field = replace(field, formats=(moments[0],) if moments else _dates.COMPACT)
        _check(cells, field, present)
        return with_rest(cells, field) if cells.form == "text" else field
    texts = canonical(cells.distinct).to_pylist() if kind in ("boolean", "constant") else []
    used = sorted({t for t, n in zip(texts, cells.counts.tolist(), strict=True) if n}) if texts else []
    if kind == "boolean":
        folded = sorted({t.casefold() for t in used})
        if len(folded) != 2:
            raise RequestError(
                f"column {name[:80]!r} can't be boolean: it has {len(folded):,} different values, not two"
            )
        levels = truth_levels(cells) or tuple(next(t for t in used if t.casefold() == f) for f in folded)
        if levels[0].casefold() in YES and levels[1].casefold() in NO:
            levels = levels[::-1]
        return replace(field, levels=tuple(levels))
    if kind == "constant" and len(used) > 1:
        raise RequestError(f"column {name[:80]!r} can't be constant: it has {len(used):,} different values")
    return replace(field, personal=personal_sort(name, cells) if cells.form == "text" else "")


def _as_number(name: str, cells: Cells, hint: str) -> Field:
    if cells.form != "text":
        return Field(name, "numeric", cells.note or "numbers")
    guess = None if cells.direct is not None else _numbers.guess(*cells.common(SAMPLE), hint, 0.5)
    written = guess.format if guess and not guess.mixed and guess.format != NumberFormat() else None
    field = Field(name, "numeric", written_as(written) if written else "numbers", number=written)
    return field if cells.direct is not None else clock(name, cells) or field


def _check(cells: Cells, field: Field, present: int) -> None:
    """Refuse a kind that fewer than half of the values can be read as."""
    read = np.isfinite(numbers(cells, field)) if field.kind == "numeric" else ~np.isnat(stamps(cells, field))
    failed = present - int(read.sum())
    if failed * 2 > present:
        what = "a number" if field.kind == "numeric" else "a date"
        raise RequestError(
            f"column {field.name[:80]!r} can't be {field.kind}: "
            f"{failed:,} of {present:,} values can't be read as {what}"
        )
