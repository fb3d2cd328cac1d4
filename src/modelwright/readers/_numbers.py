"""Numbers as people write them: grouping, decimal marks, currencies, units, percent, parentheses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelwright.table import NumberFormat

Floats = npt.NDArray[np.float64]

CURRENCIES = {
    "$": "usd", "us$": "usd", "usd": "usd", "€": "eur", "eur": "eur", "euro": "eur", "£": "gbp", "gbp": "gbp",
    "¥": "jpy", "jpy": "jpy", "cny": "cny", "rmb": "cny", "₹": "inr", "inr": "inr", "rs": "inr", "₩": "krw",
    "krw": "krw", "₽": "rub", "rub": "rub", "chf": "chf", "fr": "chf", "sek": "sek", "nok": "nok", "dkk": "dkk",
    "kr": "sek", "pln": "pln", "zł": "pln", "czk": "czk", "kč": "czk", "huf": "huf", "ft": "huf", "r$": "brl",
    "brl": "brl", "cad": "cad", "c$": "cad", "ca$": "cad", "aud": "aud", "a$": "aud", "nzd": "nzd", "hkd": "hkd",
    "hk$": "hkd", "sgd": "sgd", "mxn": "mxn", "zar": "zar", "try": "try", "₺": "try", "₪": "ils", "ils": "ils",
    "thb": "thb", "฿": "thb", "₴": "uah", "₦": "ngn", "₫": "vnd", "bitcoin": "btc", "btc": "btc", "₿": "btc",
}  # fmt: skip
"""Symbols and codes that may stand before a number, and which of them mean the same."""

BLANKS = "\u00a0\u202f\u2009\u2007"
_SHAPE = re.compile(
    r"^(?P<open>\(?)\s*(?P<sign>[-+\u2212]?)\s*(?P<before>[^\d\s.,()'’+\-\u2212][^\d.,()'’+\-\u2212]*?\.?)?\s*"
    r"(?P<sign2>[-+\u2212]?)\s*(?P<body>\d[\d.,'’ ]*\d|\d[.,]?|[.,]\d+)(?P<power>(?:[eE][-+]?\d+)?)\s*"
    r"(?P<after>[^\d)]*?)\s*(?P<close>\)?)$"
)
_UNIT = re.compile(
    r"[^\W\d_%°+/²³][^\d\"'()\[\]{}<>=:;|\\_#@!?&*,]{0,14}|[°²³%+/][^\d\"'()\[\]{}<>=:;|\\_#@!?&*,]{0,9}"
)
_ORDINAL = {"st", "nd", "rd", "th", "am", "pm", "a.m.", "p.m."}
_NOTHING = pa.scalar("", pa.large_string())
PLAIN = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"


@dataclass(frozen=True)
class Guess:
    """How the numbers of a column seem to be written.

    Args:
        format: the way of writing.
        ambiguous: whether a mark before three digits could group or be decimal (``1,234``).
        units: units that differ from value to value; then it isn't a column of numbers.
    """

    format: NumberFormat
    ambiguous: bool = False
    mixed: bool = False


def plain(values: pa.Array) -> Floats:
    """Plain numbers; what isn't one becomes NaN."""
    try:
        numbers = pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        values = pc.replace_substring(values, "\u2212", "-")
        fits = pc.match_substring_regex(values, PLAIN)
        numbers = pc.cast(pc.if_else(fits, values, pa.scalar(None, values.type)), pa.float64())
    array: Floats = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    return array


def parse(values: pa.Array, written: NumberFormat | None) -> Floats:
    """Read texts as numbers written in one way; plain numbers are read besides. What can't be read becomes NaN."""
    if written is None or written == NumberFormat():
        return plain(values)
    decimal, group = _escape(written.decimal), _escape(written.thousands)
    whole = r"\d+"
    if group:
        indian = rf"\d{{1,2}}(?:{group}\d{{2}})+{group}\d{{3}}|" if written.thousands == "," else ""
        whole = rf"(?:{indian}\d{{1,3}}(?:{group}\d{{3}})+|\d+)"
    units = "|".join(_escape(u) for u in sorted(written.strip, key=len, reverse=True))
    unit = rf"(?:(?i:{units}))?" if units else ""
    percent = "%?" if written.percent else ""
    opening, closing = (r"\(?", r"\)?") if written.negative_parentheses else ("", "")
    pattern = (
        rf"^(?P<open>{opening})\s*(?P<sign>[-+]?)\s*{unit}\s*(?P<sign2>[-+]?)\s*"
        rf"(?P<body>{whole}(?:{decimal}\d*)?|{decimal}\d+)(?P<power>(?:[eE][-+]?\d+)?)\s*{percent}\s*{unit}\s*{closing}$"
    )
    if not pc.all(pc.string_is_ascii(values)).as_py():
        values = pc.replace_substring_regex(values, f"[{BLANKS}]", " ")
        values = pc.replace_substring(pc.replace_substring(values, "\u2212", "-"), "’", "'")
    parts = pc.extract_regex(values, pattern)
    body = pc.struct_field(parts, "body")
    if written.thousands:
        body = pc.replace_substring(body, written.thousands, "")
    if written.decimal != ".":
        body = pc.replace_substring(body, written.decimal, ".")
    numbers = pc.cast(pc.binary_join_element_wise(body, pc.struct_field(parts, "power"), _NOTHING), pa.float64())
    result: Floats = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    minus = np.zeros(len(result), dtype=bool)
    for part, mark in (("open", "("), ("sign", "-"), ("sign2", "-")):
        minus |= pc.fill_null(pc.equal(pc.struct_field(parts, part), mark), False).to_numpy(zero_copy_only=False)
    result[minus] *= -1
    return np.where(np.isnan(result), plain(values), result)


def _escape(text: str) -> str:
    """Escape for RE2, which unlike Python's engine refuses escapes that aren't needed."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def decimal_mark(texts: Sequence[str]) -> str:
    """The decimal mark that the texts of one column clearly use: ``"."``, ``","``, or nothing."""
    for mark in (",", "."):
        m = re.escape(mark)
        sure = re.compile(rf"[-+]?(\d*{m}(\d{{1,2}}|\d{{4,}})|\d{{4,}}{m}\d+|0*{m}\d+)([eE][-+]?\d+)?")
        like = re.compile(rf"[-+]?\d*{m}?\d+([eE][-+]?\d+)?")
        hits = sum(bool(sure.fullmatch(t)) for t in texts)
        if hits >= max(1, 0.2 * len(texts)) and sum(bool(like.fullmatch(t)) for t in texts) >= 0.8 * len(texts):
            return mark
    return ""


def guess(texts: Sequence[str], counts: npt.NDArray[np.int64], hint: str, share: float = 0.9) -> Guess | None:
    """Find how the numbers of a column are written, or ``None`` when it isn't a column of numbers.

    Args:
        texts: distinct texts, a sample.
        counts: how often each occurs.
        hint: the decimal mark that other columns of the table clearly use, or nothing.
        share: share of the values that must look like numbers.
    """
    votes, units, spellings = Counter[str](), Counter[str](), Counter[str]()
    matched = signs = 0
    grouped = Counter[str]()
    parentheses = percent = False
    unsure = Counter[str]()
    for text, count in zip(texts, counts.tolist(), strict=True):
        shape = _SHAPE.match(text.strip().translate(_TIDY))
        if shape is None:
            continue
        before, after = (shape["before"] or "").strip(), shape["after"].strip()
        if (before and before.lower().rstrip(". ") not in CURRENCIES) or bool(shape["open"]) != bool(shape["close"]):
            continue
        if "%" in after:
            percent, after = True, after.replace("%", "").strip()
        if after and (not _UNIT.fullmatch(after) or after.lower() in _ORDINAL) and after.lower() not in CURRENCIES:
            continue
        matched += count
        parentheses |= bool(shape["open"])
        for unit in filter(None, (before, after)):
            units[_same(unit)] += count
            spellings[unit] += count
        signs += bool(before or after) * count
        _vote(shape["body"], count, votes, grouped, unsure)
    if matched < share * counts.sum() or not matched:
        return None
    common = [unit for unit, count in units.items() if count >= 0.005 * matched]
    if len(common) > 1:
        return Guess(NumberFormat(), mixed=True)
    money = bool(common) and common[0] in CURRENCIES.values()
    strip = tuple(sorted(s for s, _ in spellings.most_common(8))) if common and (money or signs > 0.5 * matched) else ()
    decimal, thousands, ambiguous = _marks(votes, grouped, unsure, hint)
    return Guess(NumberFormat(decimal, thousands, strip, percent, parentheses), ambiguous)


_TIDY = str.maketrans({**dict.fromkeys(BLANKS, " "), "’": "'"})


def _same(unit: str) -> str:
    """One name for the spellings of a unit: symbol and code of a currency, singular and plural."""
    low = unit.lower().rstrip(". ")
    return CURRENCIES.get(low) or (low[:-1] if len(low) > 3 and low.endswith("s") else low)


def _vote(body: str, count: int, votes: Counter[str], grouped: Counter[str], unsure: Counter[str]) -> None:
    """Count what one number says of its marks: which is decimal, which groups, or that it could be either."""
    marks = [c for c in body if c in ".,' "]
    if not marks:
        return
    last, kinds = marks[-1], set(marks)
    for mark in kinds & {" ", "'"}:
        grouped[mark] += count
    if last in " '":
        return
    if len(kinds & {".", ","}) == 2:
        votes[last] += count
        grouped["," if last == "." else "."] += count
    elif marks.count(last) > 1:
        grouped[last] += count
    else:
        head, _, tail = body.rpartition(last)
        digits = len(head.replace(" ", "").replace("'", ""))
        if len(tail) != 3 or digits > 3 or head in ("", "0") or kinds & {" ", "'"}:
            votes[last] += count
        else:
            unsure[last] += count


def _marks(votes: Counter[str], grouped: Counter[str], unsure: Counter[str], hint: str) -> tuple[str, str, bool]:
    """Decimal mark, grouping mark, and whether that was a guess."""
    if votes:
        decimal = max(votes, key=lambda m: (votes[m], m))
    elif grouped["."] or grouped[","]:
        decimal = "," if grouped["."] > grouped[","] else "."
    elif unsure:
        mark = max(unsure, key=lambda m: (unsure[m], m))
        decimal = hint or "."
        return decimal, mark if mark != decimal else "", not hint and mark == ","
    else:
        decimal = hint or "."
    seen = {m: grouped[m] + (unsure[m] if m != decimal else 0) for m in ",.' " if m != decimal}
    thousands = max(seen, key=lambda m: seen[m])
    return decimal, thousands if seen[thousands] else "", False
