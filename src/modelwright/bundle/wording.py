"""Values and effects of rows in words, safe to print and to put into a table."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

LONGEST = 60
_HARMLESS = re.compile(r"[\w][\w .%/°-]*", re.UNICODE)


def clean(text: str, limit: int = LONGEST) -> str:
    """One line without characters that change how other text looks, shortened at its end."""
    one = " ".join(
        "".join(
            "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") else c
            for c in text.replace("\n", " ").replace("\t", " ")
        ).split()
    )
    return one if len(one) <= limit else one[: limit - 1] + "…"


def named(text: str) -> str:
    """A column or level as it is where it reads like a word, else in quotes.

    Quotes also keep spreadsheets from taking what begins with ``=``, ``+``, ``-`` or ``@`` for a formula.
    """
    short = clean(text)
    return short if _HARMLESS.fullmatch(short) else f"'{short}'"


def value_text(value: Any, *, personal: bool = False) -> str:
    """A value of a row, as a person would write it."""
    import pandas as pd

    if personal:
        return "(not shown)"
    if pd.isna(value):
        return "missing"
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value == value.normalize() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, str):
        return named(value)
    number = float(value)
    return f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:.6g}"


def signed(effect: float) -> str:
    """An effect with its sign, in three digits."""
    return f"{effect:+,.0f}" if 1000 <= abs(effect) < 1e15 else f"{effect:+.3g}"


def reason_text(name: str, value: Any, effect: float, *, personal: bool) -> str:
    """``tenure = 2 → +0.18``."""
    return f"{named(name)} = {value_text(value, personal=personal)} → {signed(effect)}"


def together(player: tuple[str, ...]) -> str:
    """What several columns are called."""
    return f"{len(player):,} other columns"
