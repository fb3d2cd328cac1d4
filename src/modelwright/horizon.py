"""How far ahead is predicted: the words for it in a sentence or in the target's name, and their length."""

from __future__ import annotations

import re

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "fourteen": 14, "thirty": 30, "sixty": 60, "ninety": 90,
}  # fmt: skip
_SECONDS = {
    "minute": 60.0, "min": 60.0, "hour": 3_600.0, "hr": 3_600.0, "h": 3_600.0, "day": 86_400.0, "d": 86_400.0,
    "week": 604_800.0, "wk": 604_800.0, "w": 604_800.0, "month": 31 * 86_400.0, "mo": 31 * 86_400.0,
    "quarter": 92 * 86_400.0, "season": 92 * 86_400.0, "year": 366 * 86_400.0, "yr": 366 * 86_400.0,
    "y": 366 * 86_400.0, "night": 86_400.0,
}  # fmt: skip
_UNIT = r"(?:minutes?|mins?|hours?|hrs?|h|days?|d|weeks?|wks?|months?|quarters?|seasons?|years?|yrs?|nights?)"
_COUNT = rf"(?:\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_LENGTH = re.compile(rf"\b(?P<count>{_COUNT})[\s-]*(?P<unit>{_UNIT})\b")
_AHEAD = (
    re.compile(
        r"\b(?:(?:within|in) (?:the )?(?:next |coming |following )?|"
        rf"(?:over|during|for) (?:the )?(?:next|coming|following) ){_COUNT}[\s-]*{_UNIT}\b"
    ),
    re.compile(rf"\b{_COUNT}[\s-]*{_UNIT} (?:before|ahead|earlier|in advance|later|from now|into the future|out)\b"),
    re.compile(rf"\b(?:the )?next {_COUNT}[\s-]*{_UNIT}\b"),
    re.compile(rf"\b{_COUNT}[\s-]*{_UNIT}[\s-]ahead\b"),
)
_NEXT = re.compile(r"\b(?:next|coming|following) (?P<unit>minute|hour|day|week|month|quarter|season|year|night)\b")
_PAST = re.compile(rf"\b(?:last|past|previous|preceding) {_COUNT}?[\s-]*{_UNIT}\b")
_NAME = re.compile(
    r"(?:^|[_\W])(?P<count>\d+)[_\s-]?(?P<unit>minutes?|mins?|hours?|hrs?|h|days?|d|weeks?|w|months?|mo|years?|y)(?=$|[_\W])"
)
_BACKWARD = re.compile(r"(?:^|_)(?:last|past|prev|previous|lag|rolling|mean|avg|since|ago)(?:_|$)")


def ahead_in_words(text: str) -> str:
    """The words of a sentence that say how far ahead is predicted (``24 hours before``), or an empty text."""
    folded = " ".join(text.casefold().split())
    folded = _PAST.sub(" ", folded)
    for pattern in _AHEAD:
        if match := pattern.search(folded):
            return match.group(0)
    if match := _NEXT.search(folded):
        return match.group(0)
    return "tomorrow" if re.search(r"\btomorrow\b", folded) else ""


def ahead_in_name(name: str) -> str:
    """The part of a target's name that says so (``failure_24h`` → ``24h``), or an empty text."""
    folded = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name).casefold()
    match = None if _BACKWARD.search(folded) else _NAME.search(folded)
    return f"{match['count']} {match['unit']}" if match else ""


def seconds_ahead(words: str) -> float | None:
    """How long a horizon in words is, in seconds, months and years taken long; ``None`` when they don't say."""
    folded = words.casefold()
    if re.search(r"\btomorrow\b", folded):
        return _SECONDS["day"]
    if match := _LENGTH.search(folded):
        count = match["count"]
        number = float(_NUMBERS[count]) if count in _NUMBERS else float(count)
        return number * _SECONDS[_single(match["unit"])]
    if match := _NEXT.search(folded):
        return _SECONDS[match["unit"]]
    return None


def _single(unit: str) -> str:
    return unit if unit in _SECONDS else unit.removesuffix("s")
