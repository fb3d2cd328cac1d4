"""Reads demands on the delivered model from a sentence: speed, size, recall, costs, directions, fairness.

Each reader takes a sentence and gives the fields of :class:`~modelwright.problem.Constraints` that it found, or
nothing. Patterns ask for the words that such a sentence can hardly do without, so that a sentence about something
else stays what it is: a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from modelwright.errors import RequestError
from modelwright.policy._words import fold
from modelwright.problem import Disparity, Fairness

NUMBER = r"(\d[\d,]*(?:\.\d+)?|\.\d+)"
_SHARE = rf"{NUMBER}\s*(%|percent\b|per cent\b)?"
_LEAST = r"(?:at least|no less than|not less than|more than|over|>=|≥)\s*"
_MOST = r"(?:at most|no more than|not more than|less than|fewer than|under|<=|≤|<)\s*"
_FLOOR = rf"(?:{_LEAST}|(?:minimum(?: of)?|min|>|above|exceed\w*|of|is|be|:|=))[^.;\d]{{0,12}}"

_UNITS = {"us": 1e-3, "µs": 1e-3, "microsecond": 1e-3, "ms": 1.0, "msec": 1.0, "millisecond": 1.0}
_UNITS |= {"s": 1e3, "sec": 1e3, "second": 1e3, "m": 6e4, "min": 6e4, "minute": 6e4, "h": 3.6e6, "hour": 3.6e6}
_DURATION = re.compile(
    rf"{NUMBER}\s*-?\s*(µs|us|ms|(?:milli|micro)seconds?|msecs?|seconds?|secs?|s|minutes?|mins?|m|hours?|h)\b"
)
_ROW = r"(?:row|prediction|record|request|call|example|customer|sample|case|item|transaction|query)s?"
_ONE = re.compile(rf"\b(?:per|each|every|a|one|single|an individual) {_ROW}\b|\b(?:latency|inference|respon[sd]\w*)\b")
_PREDICTING = re.compile(r"\b(?:predict\w*|scor(?:e|es|ing)|answers?)\b")
_MANY = re.compile(rf"\b(\d[\d,]*|a thousand|a million)\s+{_ROW}\b[^.;]{{0,30}}?\b(?:in|within|under|below|per)\b")
_TRAINING = re.compile(r"\b(?:(?:re)?train\w*|(?:re)?fit(?:s|ted|ting)?)\b")
_BOUNDED = re.compile(
    r"\b(?:within|under|below|at most|less than|no more than|not more than|up to|in|max\w*|longer than|exceed)\b|[<≤]"
)
_CALENDAR = re.compile(r"\b(?:ago|days?|weeks?|months?|years?)\b")

_SIZE = re.compile(rf"{NUMBER}\s*(bytes?|[kmg]i?b|(?:kilo|mega|giga)bytes?)\b")
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_BYTES |= {"byte": 1, "kilobyte": 10**3, "megabyte": 10**6, "gigabyte": 10**9}
_OF_MODEL = re.compile(r"\b(?:model|bundle|files?|artefact|artifact|size|disk|deliverable|smaller)\b")
_MEMORY = re.compile(r"\b(?:ram|memory)\b")

_FOUND = r"(?:catch|caught|detect(?:ed)?|find|found|identif(?:y|ied)|flag(?:ged)?|recogni[sz]ed?)"
_CALLS = r"of (?:the |all |our )?(?:alarms|alerts|calls|flags|warnings|positive (?:calls|predictions))\b[^.;]{0,20}\b"
_RECALL = (
    re.compile(rf"\b{_FOUND} {_LEAST}{_SHARE}"),
    re.compile(rf"{_LEAST}{_SHARE} (?:\w+ ){{1,8}}(?:be|are|is|get) {_FOUND}\b"),
    re.compile(
        r"\b(?:recall|sensitivity|true positive rate|hit rate|detection rate)\b"
        rf"[^.;\d]{{0,30}}?{_FLOOR}{_SHARE}"
    ),
)
_MISSED = re.compile(rf"\bmiss(?:es|ing)? {_MOST}{_SHARE}")
_PRECISION = (
    re.compile(rf"\bprecision\b[^.;\d]{{0,30}}?{_FLOOR}{_SHARE}"),
    re.compile(rf"{_LEAST}{_SHARE} {_CALLS}(?:right|true|correct|real|genuine)\b"),
)
_FALSE_CALLS = re.compile(rf"{_MOST}{_SHARE} {_CALLS}(?:false|wrong)\b")

_SOME = r"[^.;:,\d]{0,40}?"
_MISS = (
    rf"(?:(?:a |one |each |every )?miss(?:es|ed|ing)?\b{_SOME}|(?:a |one )?false negatives?|"
    rf"(?:overlooking|undetected)\b{_SOME})"
)
_ALARM = (
    r"(?:a |one |each |every )?"
    r"(?:false (?:alarms?|positives?|alerts?)|unnecessary (?:alarms?|inspections?|checks?))"
)
_TIMES = rf"{NUMBER}\s*(?:x\b|×|times\b|-?\s?fold\b)"
_RATIO = (
    (re.compile(rf"{_MISS}[^.;\d]{{0,30}}?{_TIMES}[^.;\d]{{0,40}}?{_ALARM}"), True),
    (re.compile(rf"{_ALARM}[^.;\d]{{0,30}}?{_TIMES}[^.;\d]{{0,40}}?{_MISS}"), False),
)
_COST = r"[^.;\d]{0,12}?(?:costs?|is worth|:|=|is|at)?[^.;\w]{0,6}?"
_COST_MISS = re.compile(rf"\b{_MISS}{_COST}{NUMBER}")
_COST_ALARM = re.compile(rf"\b{_ALARM}{_COST}{NUMBER}")

_MODAL = (
    r"(?:must|should|has to|have to|needs? to|may|can|shall|never|always|only|cannot|can't|mustn't|shouldn't)"
    r" (?:only |always |never |not )*"
)
_UP = r"(?:rises?|increases?|grows?|goe?s? up)"
_DOWN = r"(?:falls?|decreases?|drops?|shrinks?|goe?s? down|declines?)"
_NOT = r"(?:not|never|n't|cannot)"
_WITH = r"\s+(?:with|in|as|when|where)\s+(.+)$"
_ALONG = r"(?:\s+(?:with|in|for)|:)\s*(.+)$"
_DIRECTIONS = (
    (re.compile(rf"\b{_NOT} (?:ever )?{_DOWN}{_WITH}"), 1),
    (re.compile(rf"\b{_NOT} (?:ever )?{_UP}{_WITH}"), -1),
    (re.compile(rf"\b{_MODAL}{_UP}{_WITH}"), 1),
    (re.compile(rf"\b{_MODAL}{_DOWN}{_WITH}"), -1),
    (re.compile(rf"\bmonoton\w*[ -](?:non-?decreasing|increasing|rising|growing){_ALONG}"), 1),
    (re.compile(rf"\bmonoton\w*[ -](?:non-?increasing|decreasing|falling){_ALONG}"), -1),
)

_FAIR = re.compile(
    r"\b(?:fair\w*|unfair\w*|bias\w*|discriminat\w*|equal(?:ly)?|parity|disparit\w*|the same|alike|differ\w*)\b"
)
_GROUPS = (
    re.compile(
        r"\b(?:groups? (?:of|by)|across|between|among|against|with (?:respect|regard) to|regarding|irrespective of|"
        r"regardless of|by|for|towards?)\s+(?:all |the |different |groups? of |between |among )*(.+)$"
    ),
    re.compile(
        r"\b(?:no|without|avoid|free of|any) (?:any )?(\w[\w\- ]{0,30}?)[ -](?:bias|discriminat\w*|disparit\w+)\b"
    ),
)
_MEASURES: tuple[tuple[str, Disparity], ...] = (
    (r"false[- ]positive|false alarm", "false_positive_rate"),
    (r"recall|sensitivity|true positive|opportunit|catch", "recall"),
    (r"selection|demographic parity|statistical parity|acceptance|approval|called positive", "selection"),
    (r"precision", "precision"),
    (r"accura", "accuracy"),
    (r"\berrors?\b|\bmae\b", "error"),
)
_WITHIN = re.compile(
    r"\b(?:by )?(?:more than|over|exceed\w*|at most|within|up to|below|under|less than|tolerance(?: of)?|<=|≤|<)\s*"
    rf"{_SHARE}(\s*(?:percentage )?points?)?"
)
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)")

Found = Mapping[str, Any]


def demands_of(sentence: str) -> dict[str, Any]:
    """The fields of :class:`~modelwright.problem.Constraints` that a sentence demands; empty when it demands none.

    Raises:
        RequestError: when it demands what can't be, such as a recall above one.
    """
    low = fold(sentence).strip()
    found: dict[str, Any] = {}
    readers: tuple[Callable[[str, str], Found], ...] = (_speed, _size, _rates, _costs, _direction, _fairness)
    for read in readers:
        found |= read(low, sentence)
    return found


def joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Demands of two sentences; directions and groups add up."""
    both = {**first, **second}
    for name in ("monotone", "fairness"):
        if name in first and name in second:
            both[name] = {**first[name], **second[name]} if name == "monotone" else (*first[name], *second[name])
    return both


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _share(number: str, percent: str | None, what: str) -> float:
    value = _number(number)
    value = value / 100 if percent or value > 1 else value
    if not 0 < value <= 1:
        raise RequestError(
            f"A demand asks for {what} of {number}{percent or ''}; give a share from 0 to 1 or up to 100 %"
        )
    return value


def _speed(low: str, sentence: str) -> Found:
    spans = list(_DURATION.finditer(low))
    if not spans:
        return {}
    match, many = spans[-1], _MANY.search(low)
    unit = match.group(2) if match.group(2) in _UNITS else match.group(2).rstrip("s")
    milliseconds = _number(match.group(1)) * _UNITS[unit]
    if milliseconds <= 0:
        raise RequestError(f"A demand gives no time at all: {match.group(0)!r}; give a duration above zero")
    training = _TRAINING.search(low)
    if many and not training:
        rows = {"a thousand": 1e3, "a million": 1e6}.get(many.group(1)) or _number(many.group(1))
        return {"latency_ms": milliseconds / rows} if rows > 0 else {}
    bounded = _BOUNDED.search(low)
    if bounded and not training and (_ONE.search(low) or (_UNITS[unit] <= 1 and _PREDICTING.search(low))):
        return {"latency_ms": milliseconds}
    if bounded and training and not _CALENDAR.search(low):
        return {"training_seconds": milliseconds / 1e3}
    return {}


def _size(low: str, sentence: str) -> Found:
    match = _SIZE.search(low)
    if match is None or not _OF_MODEL.search(low) or _MEMORY.search(low):
        return {}
    size = int(_number(match.group(1)) * _BYTES[match.group(2).rstrip("s")])
    if size < 1:
        raise RequestError(f"A demand leaves no room for a model: {match.group(0)!r}; give a size above zero")
    return {"model_bytes": size}


def _rates(low: str, sentence: str) -> Found:
    if re.search(r"\b(?:differ\w*|between|groups?)\b", low):
        return {}
    found: dict[str, Any] = {}
    for match in filter(None, (p.search(low) for p in _RECALL)):
        found["min_recall"] = _share(match.group(1), match.group(2), "a recall")
    missed = _MISSED.search(low)
    if missed and "min_recall" not in found:
        found["min_recall"] = 1 - _share(missed.group(1), missed.group(2), "a share of misses")
    for match in filter(None, (p.search(low) for p in _PRECISION)):
        found["min_precision"] = _share(match.group(1), match.group(2), "a precision")
    wrong = _FALSE_CALLS.search(low)
    if wrong and "min_precision" not in found:
        found["min_precision"] = 1 - _share(wrong.group(1), wrong.group(2), "a share of false calls")
    return found


def _costs(low: str, sentence: str) -> Found:
    for pattern, miss_first in _RATIO:
        match = pattern.search(low)
        if match:
            times = _number(match.group(1))
            if times <= 0:
                raise RequestError("A demand gives a mistake no cost; give a factor above zero")
            return {"cost_miss": times, "cost_false_alarm": 1.0} if miss_first else {
                "cost_miss": 1.0, "cost_false_alarm": times
            }  # fmt: skip
    if not re.search(r"\bcosts?\b", low):
        return {}
    found = {}
    for name, pattern in (("cost_miss", _COST_MISS), ("cost_false_alarm", _COST_ALARM)):
        match = pattern.search(low)
        if match:
            found[name] = _number(match.group(1))
    return found


def _direction(low: str, sentence: str) -> Found:
    for pattern, sign in _DIRECTIONS:
        match = pattern.search(low)
        if match:
            names = _names(sentence, match.group(1))
            return {"monotone": dict.fromkeys(names, sign)} if names else {}
    return {}


def _fairness(low: str, sentence: str) -> Found:
    if not _FAIR.search(low):
        return {}
    measure: Disparity | Literal[""] = next((name for pattern, name in _MEASURES if re.search(pattern, low)), "")
    explicit = re.search(r"\b(?:fair\w*|unfair\w*|bias\w*|discriminat\w*|parity|disparit\w*|groups?)\b", low)
    if not explicit and not measure:
        return {}
    within = _WITHIN.search(low)
    tolerance = _share(within.group(1), within.group(2) or within.group(3), "a tolerance") if within else 0.1
    rest = low[: within.start()] + low[within.end() :] if within else low
    for pattern in _GROUPS:
        match = pattern.search(rest)
        if match:
            names = _names(sentence, re.sub(r"\bgroups?\b|\b(?:must|should|may)\b.*", " ", match.group(1)))
            if names:
                return {"fairness": tuple(Fairness(name, measure, tolerance) for name in names)}
    return {}


def _names(sentence: str, words: str) -> list[str]:
    """Columns named at the end of a sentence: what is quoted, and the words around it, a few for each name."""
    quoted = ["".join(groups).strip() for groups in _QUOTED.findall(sentence)]
    bare = re.split(r"[.;:!?(]|\bother things equal\b|\ball else\b", _QUOTED.sub(" ", words))[0]
    parts = re.split(r",|\band\b|\bor\b|&", bare)
    filler = re.compile(r"\b(?:the|columns?|feature|its|a|an|any|rising|higher|increasing|does|do|is)\b")
    names = [" ".join(filler.sub(" ", part).split()) for part in parts]
    return [*(n for n in names if n and len(n.split()) <= 4), *quoted]
