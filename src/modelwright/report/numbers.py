"""How figures, times and names are written in reports."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime


def number(value: float | None, digits: int = 4, *, fixed: bool = False) -> str:
    """A figure for reading: ``digits`` significant ones, thousands separated; what isn't finite is a dash.

    Zeros at the end go, unless ``fixed`` keeps them so that figures in a column line up.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1e15:
        return _minus(f"{int(value):,}")
    size = math.floor(math.log10(abs(value)))
    if size >= 15 or size < -5:
        return _minus(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - max(size, -1)) if size >= -2 else digits - 2 - size
    text = f"{value:,.{decimals}f}"
    return _minus(text.rstrip("0").rstrip(".") if "." in text and not fixed else text)


def score(value: float | None) -> str:
    """A score: four significant digits, and more just below one, where the last ones tell models apart."""
    if value is not None and 0.9995 < value < 1:
        return f"{value:.{min(8, 1 - math.floor(math.log10(1 - value)))}f}"
    if value is not None and math.isfinite(value) and 0 < abs(value) < 1000 and float(value).is_integer():
        return _minus(f"{value:.1f}")
    return number(value, fixed=True)


def _minus(text: str) -> str:
    return text.replace("-", "−") if "e" not in text else text


def interval(low: float | None, high: float | None, joint: str = " to ") -> str:
    """Both ends of an interval, or nothing when one of them isn't known."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{score(low)}{joint}{score(high)}"


def of_hundred(share: float) -> str:
    """How many of 100, rounded, yet never rounded to none or all when it is neither."""
    value = 100 * share
    for decimals in (0, 1, 2):
        rounded = round(value, decimals)
        if 0 < rounded < 100 or value in (0, 100):
            return f"{rounded:.{decimals}f}"
    return "fewer than 0.01" if share < 0.5 else "more than 99.99"


def percent(share: float | None) -> str:
    """A share as per cent."""
    if share is None or not math.isfinite(share):
        return "–"
    if abs(share) > 1 or 0.01 <= abs(share) < 0.1 or 0.9 < abs(share) <= 0.99:
        return f"{number(round(100 * share, 1), 3)} %"
    return f"{of_hundred(share)} %" if share >= 0 else f"−{of_hundred(-share)} %"


def duration(seconds: float) -> str:
    """A time span with its unit."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def moment(seconds: float) -> str:
    """A point in time in UTC."""
    if not seconds or not math.isfinite(seconds):
        return "not recorded"
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %B %Y, %H:%M:%S UTC").lstrip("0")


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 row``, ``2,000 rows``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def clean(text: str, *, keep_lines: bool = False) -> str:
    """A text without what could disturb a page: control characters, direction marks, halves of characters.

    White space becomes single blanks, unless lines are to be kept, as in source code.
    """
    if text.isascii() and text.isprintable():
        return text if keep_lines else " ".join(text.split())
    kept = "\n\t" if keep_lines else ""
    out = []
    for char in text.replace("\r\n", "\n").replace("\r", "\n"):
        category = unicodedata.category(char)
        if char in kept:
            out.append(char)
        elif char.isspace():
            out.append(" ")
        elif category in ("Cc", "Cs", "Cn", "Co") or (category == "Cf" and char not in "\u200c\u200d"):
            out.append("\ufffd")
        else:
            out.append(char)
    joined = "".join(out)
    return joined if keep_lines else " ".join(joined.split())


def prose(text: str) -> str:
    """A cleaned text in which no run without a blank is longer than any real word or path."""
    return re.sub(r"\S{97,}", lambda m: shorten(m[0], 64), clean(text))


def shorten(text: str, most: int = 48) -> str:
    """A name of at most ``most`` characters: the middle goes, since beginnings and endings tell names apart."""
    text = clean(text)
    if len(text) <= most:
        return text or "(blank)"
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail].rstrip()}…{text[-tail:].lstrip()}"


def sentence(text: str) -> str:
    """A text as a sentence: cleaned, with a full stop, and not endlessly long."""
    text = clean(text)
    if len(text) > 1500:
        text = text[:1499].rstrip() + "…"
    return text if not text or text[-1] in ".!?…:" else text + "."
