"""Dates and times as people write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Stamps = npt.NDArray[np.datetime64]

ISO = "ISO8601"
CLOCK = "time-of-day"
COMPACT = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M")
EPOCHS = {"unix-s": 1, "unix-ms": 1000, "unix-us": 1_000_000}

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_ZONE = r"(?P<zone>\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_TIME = (
    r"(?:(?:\s+|T|,\s*)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?P<second>:\d{2})?(?P<fraction>\.\d{1,9})?"
    rf"(?P<half>\s*[AaPp]\.?[Mm]\.?)?{_ZONE})?$"
)
_SHAPES = (
    (ISO, re.compile(rf"^\d{{4}}-\d{{1,2}}(?:-\d{{1,2}})?{_TIME}")),
    ("ymd", re.compile(rf"^\d{{4}}(?P<mark>[/.])\d{{1,2}}(?P=mark)\d{{1,2}}{_TIME}")),
    ("two", re.compile(rf"^\d{{1,2}}(?P<mark>[/.\-])\d{{1,2}}(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_TIME}")),
    ("%d %b %Y", re.compile(rf"^\d{{1,2}} (?:{_MONTHS}) \d{{4}}{_TIME}", re.IGNORECASE)),
    ("%d %b %y", re.compile(rf"^\d{{1,2}} (?:{_MONTHS}) \d{{2}}{_TIME}", re.IGNORECASE)),
    ("%b %d %Y", re.compile(rf"^(?:{_MONTHS}) \d{{1,2}} \d{{4}}{_TIME}", re.IGNORECASE)),
    ("%b %Y", re.compile(rf"^(?:{_MONTHS}) \d{{4}}{_TIME}", re.IGNORECASE)),
    ("%Y %b %d", re.compile(rf"^\d{{4}} (?:{_MONTHS}) \d{{1,2}}{_TIME}", re.IGNORECASE)),
    ("%b %y", re.compile(rf"^(?:{_MONTHS}) \d{{2}}{_TIME}", re.IGNORECASE)),
)
_NAMED = re.compile(rf"\b(?:{_MONTHS})[a-z]*\b", re.IGNORECASE)
_CLOCK = (
    r"^(?P<h>\d{1,2})(?::(?P<m>\d{2})(?::(?P<s>\d{2}(?:\.\d{1,9})?))?|\.(?P<m2>\d{2})\.(?P<s2>\d{2}))"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?$"
)


@dataclass(frozen=True)
class Guess:
    """How the dates of a column seem to be written.

    Args:
        formats: tried in this order, the first that reads a text wins.
        ambiguous: whether day and month could be told apart by no value.
        both: whether some values can only be day-first and others only month-first.
        day_first: whether the day comes first, where that was a question.
    """

    formats: tuple[str, ...]
    ambiguous: bool = False
    both: bool = False
    day_first: bool | None = None


def _tidy(values: pa.Array) -> pa.Array:
    """Texts in the few shapes that the formats know: months by three letters, one blank, AM and PM, zone as offset."""
    if not pc.any(pc.match_substring_regex(values, r"[A-Za-z,\t]|\s\s|\s[+-]")).as_py():
        return values
    for pattern, by in (
        (r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", ""),
        (rf"(?i)\b({_MONTHS})[a-z]*\b\.?", r"\1"),
        (rf"(?i)^(\d{{1,4}})(?:st|nd|rd|th)?[\s.\-/]*(?:of\s+)?({_MONTHS})[\s,.\-/]*(\d{{1,4}})\b", r"\1 \2 \3"),
        (rf"(?i)^({_MONTHS})[\s.\-/]+(\d{{1,2}})(?:st|nd|rd|th)?[\s,.\-/]+(\d{{4}})\b", r"\1 \2 \3"),
        (rf"(?i)^({_MONTHS})[\s,.\-/]+(\d{{2,4}})$", r"\1 \2"),
        (r"(?i)\s*([ap])\.?m\.?$", r" \1M"),
        (r"\s*(?:Z|UTC|GMT)$", "+00:00"),
        (r"\s+([+-]\d{2}:?\d{2})$", r"\1"),
        (r"(\d),\s*(\d{1,2}:)", r"\1 \2"),
        (r"(\d)T(\d{1,2}:)", r"\1 \2"),
        (r"\s+", " "),
    ):
        values = pc.replace_substring_regex(values, pattern, by)
    return values


def parse(values: pa.Array, formats: Sequence[str]) -> Stamps:
    """Read texts as dates; times with a zone become UTC. What can't be read becomes NaT."""
    result: Stamps = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
    if not len(values):
        return result
    tidy = _tidy(values)
    for written in (*(f for f in formats if f not in EPOCHS), *((ISO,) if ISO not in formats else ())):
        todo = np.flatnonzero(np.isnat(result))
        if not len(todo):
            break
        texts = tidy if len(todo) == len(result) else tidy.take(pa.array(todo))
        texts, quick = _as_iso(texts, written)
        if quick:  # pandas also takes "2020" and "20200131" for ISO dates; a person wouldn't
            sure = pc.match_substring_regex(texts, r"^\d{4}-\d").to_numpy(zero_copy_only=False)
            texts, todo = (texts, todo) if sure.all() else (texts.filter(pa.array(sure)), todo[sure])
        series = pd.Series(texts.to_numpy(zero_copy_only=False), dtype="str")
        stamps = pd.to_datetime(series, format=ISO if quick else written, errors="coerce", utc=True)
        result[todo] = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return result


def _as_iso(texts: pa.Array, written: str) -> tuple[pa.Array, bool]:
    """Rearrange dates of digits into the ISO order, which pandas reads ten times as fast as any other format."""
    found = re.match(r"(%[dmY])([/.\-])(%[dmY])\2(%[dmY])(?! %I)", written)
    if written == ISO or found is None:
        return texts, written == ISO
    mark = re.escape(found[2]) if found[2] == "." else found[2]
    parts = {"%d": r"(\d{1,2})", "%m": r"(\d{1,2})", "%Y": r"(\d{4})"}
    order = [found[1], found[3], found[4]]
    pattern = "^" + mark.join(parts[p] for p in order) + r"(| \d.*)$"
    turned = "-".join(rf"\{order.index(p) + 1}" for p in ("%Y", "%m", "%d"))
    fits = pc.match_substring_regex(texts, pattern)
    return pc.if_else(fits, pc.replace_substring_regex(texts, pattern, turned + r"\4"), ""), True


def of_numbers(values: npt.NDArray[np.float64], formats: Sequence[str]) -> Stamps:
    """Read numbers as dates: as seconds, milliseconds or microseconds since 1970, or as 20240131."""
    result: Stamps = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
    fine = np.isfinite(values)
    for written in formats:
        if written in EPOCHS:
            steps = values * (1_000_000 // EPOCHS[written])
            usable = fine & (np.abs(steps) < 2.5e17)
            result[usable] = np.round(steps[usable]).astype("int64").astype("datetime64[us]")
            return result
    whole = fine & (np.abs(values) < 1e15)
    texts = pa.array([str(int(v)) for v in values[whole]], pa.large_string())
    result[whole] = parse(texts, [f for f in formats if "%" in f] or COMPACT)
    return result


def hours(values: pa.Array) -> npt.NDArray[np.float64]:
    """Read times of the day (``18:30``, ``6:30 pm``, ``18.30.00``) as hours since midnight, else NaN."""
    parts = pc.extract_regex(values, _CLOCK)

    def number(*names: str) -> npt.NDArray[np.float64]:
        total = np.zeros(len(values))
        for name in names:
            text = pc.struct_field(parts, name)
            text = pc.if_else(pc.equal(text, ""), "0", text)
            total += np.array(pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        return total

    hour, minute, second = number("h"), number("m", "m2"), number("s", "s2")
    half = pc.fill_null(pc.utf8_slice_codeunits(pc.utf8_lower(pc.struct_field(parts, "half")), 0, 1), "")
    half = half.to_numpy(zero_copy_only=False)
    hour = np.where(half == "p", hour % 12 + 12, np.where(half == "a", hour % 12, hour))
    return np.where((hour < 24) & (minute < 60) & (second < 60), hour + minute / 60 + second / 3600, np.nan)


def _shape(text: str) -> str | None:
    """The format of one tidy text; for two numbers that could be day and month, ``A`` and ``B`` stand for them."""
    for name, pattern in _SHAPES:
        found = pattern.match(text)
        if found is None:
            continue
        if name == ISO:
            return ISO
        parts = found.groupdict()
        mark = parts.get("mark") or ""
        if name == "ymd":
            day = f"%Y{mark}%m{mark}%d"
        elif name == "two":
            day = f"A{mark}B{mark}{'%Y' if len(parts['year']) == 4 else '%y'}"
        else:
            day = name
        if parts["hour"] is None:
            return day
        clock = " %I:%M" if parts["half"] else " %H:%M"
        clock += ":%S" if parts["second"] else ""
        clock += ".%f" if parts["fraction"] else ""
        return f"{day}{clock}{' %p' if parts['half'] else ''}{'%z' if parts['zone'] else ''}"
    return None


def guess(
    texts: Sequence[str],
    counts: npt.NDArray[np.int64],
    everything: pa.Array,
    all_counts: npt.NDArray[np.int64],
    share: float = 0.9,
) -> Guess | None:
    """Find how the dates of a column are written, or ``None`` when it isn't a column of dates.

    Args:
        texts: distinct texts, a sample.
        counts: how often each occurs.
        everything: all distinct texts; day and month are told apart by all of them.
        all_counts: how often each of these occurs.
        share: share of the values that must look like dates.
    """
    shapes = Counter[str]()
    likely = [i for i, text in enumerate(texts) if len(text) <= 45 and any(c.isdigit() for c in text)]
    if counts[likely].sum() < share * counts.sum():
        return None
    tidy = _tidy(pa.array([texts[i] for i in likely], pa.large_string())).to_pylist()
    for i, text in zip(likely, tidy, strict=True):
        shape = _shape(text)
        if shape:
            shapes[shape] += int(counts[i])
    if shapes.total() < share * counts.sum() or not shapes:
        return None
    found = [shape for shape, _ in shapes.most_common(8)]
    if not any(shape.startswith("A") for shape in found):
        return Guess(tuple(found))
    day = tuple(shape.replace("A", "%d", 1).replace("B", "%m", 1) if shape[0] == "A" else shape for shape in found)
    month = tuple(shape.replace("A", "%m", 1).replace("B", "%d", 1) if shape[0] == "A" else shape for shape in found)
    pairs = pc.extract_regex(everything, r"^\D*(?P<a>\d{1,2})[/.\-](?P<b>\d{1,2})[/.\-]\d")
    first, second = (
        np.nan_to_num(pc.cast(pc.struct_field(pairs, part), pa.float64()).to_numpy(zero_copy_only=False))
        for part in ("a", "b")
    )
    n_day, n_month = int(all_counts[first > 12].sum()), int(all_counts[second > 12].sum())
    if not n_day and not n_month:
        day_first = _undecided(first, second, found)
        return Guess(day if day_first else month, ambiguous=not found[0].startswith("A."), day_first=day_first)
    day_first = n_day >= n_month
    winner, loser = (day, month) if day_first else (month, day)
    both = min(n_day, n_month) > max(3, 0.005 * all_counts.sum()) or (min(n_day, n_month) > 0 and len(all_counts) < 200)
    return Guess((*winner, *loser) if both else winner, both=both, day_first=day_first)


def _undecided(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], shapes: Sequence[str]) -> bool:
    """Day first? Where no value tells: dots are written day-first; what never changes in monthly data is the day."""
    return shapes[0].startswith("A.") or (len(np.unique(first[first > 0])) == 1 and len(np.unique(second)) > 2)
