"""What each column is, as a person would read it, and why."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from modelwright.readers import _dates, _numbers
from modelwright.readers._cells import Cells, number_text
from modelwright.readers._convert import numbers, stamps
from modelwright.readers._names import CALENDAR, CODE, NUMBERING, TIME, ends_with, says
from modelwright.readers._personal import personal
from modelwright.readers._sentinels import sentinel
from modelwright.table import Field, Kind, NumberFormat

SAMPLE = 2_000
ENOUGH, NEARLY = 0.98, 0.95
"""Share of readable values from which a column is numbers or dates; below the first only if the rest are few words."""

FLOOR = 10
"""Texts that fewer rows hold aren't named anywhere."""

TELLING = 0.05
"""A marker such as ``NA`` on a larger share of rows may be an answer ("has none"); the reader is told."""

_CODE = re.compile(r"(?=.*\d)[\w\-./:#+]{2,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_PADDED = r"^0\d{2,}$"
_LONG = r"^[-+]?\d{16,}$"
_GROUPED = re.compile(r"[-+]?\d{1,3}(\.\d{3})+|")


def infer(name: str, cells: Cells, hint: str) -> Field:
    """Decide what a column is.

    Args:
        name: its name.
        cells: its values.
        hint: the decimal mark that other columns of the table clearly use, or nothing.
    """
    return with_markers(cells, _inferred(name, cells, hint))


def with_markers(cells: Cells, field: Field) -> Field:
    """The field with the texts that were read as missing, and a warning where one of them may be an answer."""
    if cells.form != "text" or cells.direct is not None:
        return field
    markers = tuple(text for text, _ in cells.markers)
    return replace(field, missing=(*markers, *field.missing), warnings=(*field.warnings, *_about_markers(cells, field)))


def _about_markers(cells: Cells, field: Field) -> tuple[str, ...]:
    if field.kind not in ("category", "boolean", "constant"):
        return ()
    return tuple(
        f"{text!r} stands in {count:,} rows ({count / cells.rows:.0%}) and was read as missing; "
        "if it means 'has none', give it another name in the data."
        for text, count in cells.markers
        if re.search(r"[a-z]", text, re.IGNORECASE) and count > TELLING * cells.rows
    )


def _inferred(name: str, cells: Cells, hint: str) -> Field:
    if cells.missing.all():
        reason = cells.note or "it is empty"
        return Field(name, "constant", reason, warnings=(f"the column holds no value ({reason})",))
    if cells.form == "datetime":
        return Field(name, "datetime", "dates" + (f"; {cells.note}" if cells.note else ""))
    if cells.form == "number":
        return _quantity(name, cells, Field(name, "numeric", cells.note or "numbers"))
    if cells.form == "levels":
        return _levels(name, cells)
    if cells.direct is not None and not (hint == "," and all(map(_GROUPED.fullmatch, cells.sample(100)))):
        return _quantity(name, cells, Field(name, "numeric", "numbers"))
    if len(cells.distinct) == 1 and not cells.missing.any():
        return Field(name, "constant", "it has one value in all rows")
    truth = truth_levels(cells)
    if truth:
        return Field(name, "boolean", f"its values are {truth[0]!r} and {truth[1]!r}", levels=truth)
    if personal_sort(name, cells):
        return _words(name, cells)
    return (
        _codes(name, cells)
        or _numbers_in_text(name, cells, hint)
        or clock(name, cells)
        or _dates_in_text(name, cells)
        or _words(name, cells)
    )


def _levels(name: str, cells: Cells) -> Field:
    present = int((cells.counts > 0).sum())
    if present == 1 and not cells.missing.any():
        return Field(name, "constant", "it has one value in all rows")
    if cells.truth:
        return Field(name, "boolean", "the source holds truth values", levels=("False", "True"))
    return Field(name, "category", f"the source says that it is a category; {present:,} levels")


def truth_levels(cells: Cells) -> tuple[str, ...]:
    """The two texts of a yes-or-no column as they are mostly written, the "no" first; else nothing."""
    if len(cells.distinct) > 12:
        return ()
    texts = sorted(zip(cells.counts.tolist(), cells.distinct.to_pylist(), strict=True), reverse=True)
    written: dict[str, str] = {}
    for _, text in texts:
        written.setdefault(text.casefold(), text)
    for no, yes in zip(("no", "n", "false", "f", "nein", "n", "non", "no", "off", "n"),
                       ("yes", "y", "true", "t", "ja", "j", "oui", "si", "on", "o"), strict=True):  # fmt: skip
        if set(written) == {no, yes} or (yes == "si" and set(written) == {"no", "sí"}):
            return written[no], written.get(yes) or written["sí"]
    return ()


def _codes(name: str, cells: Cells) -> Field | None:
    """Numbers that aren't quantities: with leading zeros, or too long to be exact."""
    texts, total = cells.distinct, cells.counts.sum()
    for pattern, share, why, possible in (
        (_PADDED, 0.01, "numbers with leading zeros are codes", pc.starts_with(texts, "0")),
        (_LONG, 0.5, "numbers of more than 15 digits are codes", pc.greater(pc.binary_length(texts), 15)),
    ):
        if not possible.true_count:
            continue
        hit = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
        if cells.counts[hit].sum() >= share * total:
            digits = pc.match_substring_regex(texts, r"^[-+]?\d+$").to_numpy(zero_copy_only=False)
            if cells.counts[digits].sum() < 0.9 * total:
                return None
            kind: Kind = "id" if _unique(cells) and (ends_with(name, NUMBERING) or pattern == _LONG) else "category"
            return Field(name, kind, why)
    return None


def personal_sort(name: str, cells: Cells) -> str:
    """What sort of personal data a column looks like, or nothing."""
    texts, _ = cells.common(200)
    return personal(name, texts, len(cells.distinct) / max(1, int(cells.counts.sum())))


def _unique(cells: Cells) -> bool:
    present = int(cells.counts.sum())
    return present > 1 and len(cells.distinct) >= ENOUGH * present


def _numbers_in_text(name: str, cells: Cells, hint: str) -> Field | None:
    texts, counts = cells.common(SAMPLE)
    found = _numbers.guess(texts, counts, hint)
    if found is None or found.mixed:
        return None
    written = None if found.format == NumberFormat() else found.format
    field = Field(name, "numeric", written_as(found.format), number=written)
    if found.ambiguous and not found.format.strip:
        field = _warn(
            field, "it isn't certain whether the comma groups thousands or is the decimal mark; read as the former"
        )
    return _quantity(name, cells, field) if _readable(cells, field) else None


def clock(name: str, cells: Cells) -> Field | None:
    """Times of the day, as hours since midnight; ``None`` where the texts aren't."""
    field = Field(name, "numeric", "times of the day, in hours since midnight", formats=(_dates.CLOCK,))
    if np.isnan(_dates.hours(cells.distinct.slice(0, 100))).mean() > 0.1:
        return None
    return field if np.isfinite(numbers(cells, field)).sum() >= ENOUGH * cells.counts.sum() else None


def written_as(written: NumberFormat) -> str:
    """How numbers are written, in words."""
    details = [f"decimal mark {written.decimal!r}"] if written.decimal != "." else []
    details += [f"thousands separated by {written.thousands!r}"] if written.thousands else []
    details += [f"unit {' or '.join(repr(s) for s in written.strip[:3])}"] if written.strip else []
    details += ["in percent"] if written.percent else []
    details += ["negative ones in parentheses"] if written.negative_parentheses else []
    return "numbers" + (f" ({'; '.join(details)})" if details else "")


def _warn(field: Field, *texts: str) -> Field:
    return replace(field, warnings=(*field.warnings, *texts))


def _readable(cells: Cells, field: Field) -> bool:
    """Whether enough of the values can be read as the field's numbers."""
    present = len(cells.codes) - int(cells.missing.sum())
    bad = np.isnan(numbers(cells, field)) & ~cells.missing
    share = 1 - bad.sum() / present
    if share >= ENOUGH:
        return True
    rest = np.unique(cells.codes[bad])
    texts = cells.distinct.take(rest).to_pylist()
    return bool(share >= NEARLY and len(rest) <= 3 and all(len(t) <= 15 and not re.search(r"\d", t) for t in texts))


def with_rest(cells: Cells, field: Field) -> Field:
    """The field with what is to be said about the values that can't be read, and the common ones of them named."""
    values = numbers(cells, field) if field.kind == "numeric" else None
    unread = np.isnan(values) if values is not None else np.isnat(stamps(cells, field))
    bad = unread & ~cells.missing
    if not bad.any():
        return field
    what = "numbers" if field.kind == "numeric" else "dates"
    named: list[str] = []
    if cells.form == "text" and cells.direct is None:
        counts = np.bincount(cells.codes[bad], minlength=len(cells.distinct))
        top = [int(i) for i in np.argsort(-counts, kind="stable")[:5] if counts[i] >= FLOOR]
        named = [text for text in cells.distinct.take(top).to_pylist() if len(text) <= 30] if top else []
    told = f", among them {', '.join(map(repr, named))}" if named else ""
    few = f"{int(bad.sum()):,} of {int((~cells.missing).sum()):,} values aren't {what} and became missing{told}"
    return _warn(replace(field, missing=(*field.missing, *named)), few)


def _quantity(name: str, cells: Cells, field: Field) -> Field:
    """Numbers: are they a quantity, or do they name rows, things or points in time?"""
    values = numbers(cells, field)
    finite = _finite(values)
    plainly = field.number is None and not field.formats
    if not len(finite):
        return Field(
            name, "constant", "none of its values is a finite number", warnings=("it has only infinite values",)
        )
    whole = _whole(finite)
    if plainly and whole:
        moments = epoch(name, finite)
        if moments:
            return Field(
                name, "datetime", f"its name says time, and its numbers are {moments[1]}", formats=(moments[0],)
            )
        named = _personal_numbers(name, finite) or _naming(name, cells, finite)
        if named:
            return named
    lowest, highest = finite.min(), finite.max()
    if lowest == highest and len(finite) == cells.rows:
        return Field(name, "constant", "it has one value in all rows")
    return measured(cells, field)


def _finite(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    known = np.isfinite(values)
    return values if known.all() else values[known]


def _whole(finite: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    """Whether all values are whole; the first thousand mostly tell."""
    head = finite[:1_000]
    return bool((head == np.floor(head)).all()) and bool((finite == np.floor(finite)).all())


def measured(cells: Cells, field: Field) -> Field:
    """The field of a quantity with what is to be said of its values: infinite ones, sentinels, unreadable ones."""
    values = numbers(cells, field)
    finite = _finite(values)
    infinite = 0 if len(finite) == len(values) else int(np.isinf(values).sum())
    if infinite:
        field = _warn(field, f"{infinite:,} infinite value{'s' if infinite > 1 else ''} became missing")
    code = sentinel(finite, cells.rows) if len(finite) else None
    if code is not None:
        text, count = code
        finite = finite[finite != float(text)]
        told = f"{text} stands in {count:,} rows ({count / cells.rows:.0%}), far from all other values: read as missing"
        field = _warn(replace(field, missing=(*field.missing, text)), told)
    if cells.form == "text":
        field = with_rest(cells, field)
    whole = bool(len(finite)) and _whole(finite)
    return replace(
        field, whole=whole, reason=field.reason.replace("numbers", "whole numbers", 1) if whole else field.reason
    )


def epoch(name: str, finite: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[str, str] | None:
    """Numbers that count from 1970 or spell a date (20240131), in a column whose name says time or date."""
    if not says(name, TIME):
        return None
    low, high = finite.min(), finite.max()
    for written, per_second in _dates.EPOCHS.items():
        if 6e8 * per_second <= low and high <= 4.1e9 * per_second:
            unit = {1: "seconds", 1000: "milliseconds"}.get(per_second, "microseconds")
            return written, f"{unit} since 1970"
    for written, scale in (("%Y%m%d", 1), ("%Y%m%d%H%M", 10**4), ("%Y%m%d%H%M%S", 10**6)):
        if 18000101 * scale <= low and high < 22000101 * scale:
            some = np.unique(finite[:: max(1, len(finite) // 1000)])
            if not np.isnat(_dates.of_numbers(some, (written,))).any():
                return written, "dates without separators"
    return None


def _personal_numbers(name: str, finite: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Field | None:
    """Whole numbers that are telephone or card numbers."""
    if finite.min() < 1e6:
        return None
    values = np.unique(finite)
    some = values[:: max(1, len(values) // 200)]
    sort = personal(name, [number_text(v) for v in some.tolist()], len(values) / len(finite))
    if not sort:
        return None
    kind: Kind = "id" if len(values) >= ENOUGH * len(finite) else "category"
    return Field(name, kind, f"the numbers look like personal data ({sort}), not like quantities", personal=sort)


def _naming(name: str, cells: Cells, finite: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Field | None:
    """Whole numbers that name rows (an id) or things (a category)."""
    sampled = finite[:: max(1, len(finite) // 2000)]
    numbering, code = ends_with(name, NUMBERING), ends_with(name, CODE)
    if len(finite) > 2 and len(np.unique(sampled)) >= ENOUGH * len(sampled):
        distinct = len(np.unique(finite))
        if numbering and distinct >= ENOUGH * len(finite):
            return Field(name, "id", "its name says so, and its whole numbers hardly repeat")
        rising = len(finite) >= 30 and distinct == cells.rows and bool((np.diff(finite) > 0).all())
        if rising and finite[0] in (0, 1) and finite[-1] < 1.001 * cells.rows + 1 and not says(name, CALENDAR):
            return Field(name, "id", "it counts the rows")
    elif code:
        return Field(name, "category", "its whole numbers name things, as its own name says")
    return None


def _dates_in_text(name: str, cells: Cells) -> Field | None:
    texts, counts = cells.common(500)
    found = _dates.guess(texts, counts, cells.distinct, cells.counts)
    if found is None:
        return None
    words = "dates" if _dates.ISO in found.formats else "dates written in another way than ISO"
    if found.day_first is not None:
        words = f"dates, {'day' if found.day_first else 'month'} first"
    field = Field(name, "datetime", words, formats=found.formats)
    present = int(cells.counts.sum())
    if int((~np.isnat(stamps(cells, field))).sum()) < NEARLY * present:
        return None
    if found.both:
        field = _warn(field, "some dates can only be day-first and others only month-first; the rest is a guess")
    elif found.ambiguous:
        order = "day" if found.day_first else "month"
        field = _warn(field, f"no date tells whether day or month comes first; read with the {order} first")
    return with_rest(cells, field)


def _words(name: str, cells: Cells) -> Field:
    """Texts: ids, free text, or categories."""
    texts, counts = cells.common(SAMPLE)
    present, distinct = int(cells.counts.sum()), len(cells.distinct)
    share, sort = distinct / present, personal_sort(name, cells)
    weights = counts / counts.sum()
    n_words = float(sum(w * len(t.split()) for w, t in zip(weights, texts, strict=True)))
    length = float(sum(w * len(t) for w, t in zip(weights, texts, strict=True)))
    if present > 2 and share >= ENOUGH:
        coded = np.mean([bool(_CODE.fullmatch(t)) for t in texts]) > 0.95
        if sort not in ("person name", "address") and (sort or (ends_with(name, NUMBERING) and n_words < 3)):
            return Field(
                name,
                "id",
                "every row has its own value" + (", and its name says so" if not sort else ""),
                personal=sort,
            )
        if coded and (present >= 30 or all(map(_UUID.fullmatch, texts))) and n_words < 1.5:
            return Field(name, "id", "every row has its own code")
    prose = (
        (n_words >= 8 and (share >= 0.5 or (distinct > 50 and share >= 0.1)))
        or (n_words >= 4 and distinct >= 100 and share >= 0.2)
        or (length >= 40 and distinct >= 20 and share >= 0.5)
    )
    if (prose or sort in ("person name", "address")) and share > 0.1:
        return Field(name, "text", f"texts of {n_words:.0f} words on average that hardly repeat", personal=sort)
    several = _numbers.guess(texts, counts, "")
    levels = f"{distinct:,} different texts" if distinct > 1 else "one text, missing in some rows"
    field = Field(name, "category", levels, personal=sort)
    if several is not None and several.mixed and distinct >= 20:
        field = _warn(field, "it looks like numbers in different units, and was left as texts")
    if share >= ENOUGH and present >= 30:
        field = _warn(field, "nearly every row has its own value")
    return field
