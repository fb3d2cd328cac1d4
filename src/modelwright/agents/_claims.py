"""What a text claims, held against the facts that its author was given: numbers, dates, names.

A number is a fact's when the fact, rounded to the places that are written, gives it: 0.9312 may be told as 0.93 or as
93 %, 12,345 as 12,300. Numbers in words, parts and multiples (*half*, *twice*) count as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from modelwright.agents._asking import clean

_DATE = r"\b\d{4}-\d{2}(?:-\d{2})?\b"
_NUMBER = (
    r"(?<![\w.,])(?P<sign>[-−–+]\s?)?(?P<digits>\d{1,3}(?:[,’'\u00a0\u202f ]\d{3})+(?!\d)|\d+)(?P<decimals>\.\d+)?"
    r"(?P<exponent>[eE][-+]?\d+)?(?![^\W_])"
    r"(?:\s?(?P<percent>%|percent(?:age points?)?\b|per cent\b)|\s(?P<times>thousand|million|billion)\b)?"
)
_CLAIM = re.compile(rf"(?P<date>{_DATE})|{_NUMBER}")
_TIMES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty"
    " seventy eighty ninety"
)
_ONES = "two three four five six seven eight nine"
_COUNTED = (*range(10, 21), *range(30, 100, 10))
_WORDS: dict[str, float] = {
    **{word: n for n, word in enumerate(_ONES.split(), 2)},
    **dict(zip(_TEENS.split(), _COUNTED, strict=True)),
    "dozen": 12, "hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9, "half": 0.5, "halves": 0.5,
    "halved": 0.5, "a third": 1 / 3, "one third": 1 / 3, "two thirds": 2 / 3, "a quarter": 0.25, "one quarter": 0.25,
    "three quarters": 0.75, "twice": 2, "double": 2, "doubled": 2, "doubles": 2, "thrice": 3, "triple": 3,
    "tripled": 3, "twofold": 2, "threefold": 3, "fourfold": 4, "fivefold": 5, "tenfold": 10,
}  # fmt: skip
_IN_WORDS = re.compile(rf"\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b|\bone (?:in|out of)\b")
_OUT_OF = re.compile(r"^\s*(?:in|of|out of)(?: every)? 100\b")
_QUOTED = re.compile(r"`([^`]*)`|\"([^\"]*)\"|“([^”]*)”|(?<!\w)['‘]([^'’]{1,200})['’](?!\w)")
_CODED = re.compile(r"[^\W\d]+(?:_\w+)+|(?:[^\W_]*\d[^\W_]*[^\W\d_][^\W_]*|[^\W_]*[^\W\d_][^\W_]*\d[^\W_]*)")
_LINK = re.compile(r"https?:|www\.|\]\(|<[^>]*>|\b[\w-]+\.(?:com|org|net|io|ai|dev|html?)\b", re.IGNORECASE)
_ENDS = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(`]?[^\Wa-z_])")
_NOT_READY = re.compile(r"\b(?:not|isn't|never|nor|hardly|far from|before it is|unless|until)\b", re.IGNORECASE)
_READY = re.compile(r"\bready (?:to|for)\b|\bfully trusted\b|\bcan be used without\b", re.IGNORECASE)

WELL_ROUNDED = 0.03
"""Relative error up to which a figure may be told with a single digit."""


@dataclass(frozen=True)
class Figure:
    """A number as it is written.

    Args:
        value: without its sign.
        place: value of the last digit that counts: 0.01 of 0.93, 100 of 12,300.
        digits: how many digits count.
        percent: whether it is a percentage.
        of_hundred: whether *of 100* follows.
    """

    value: float
    place: float
    digits: int
    percent: bool = False
    of_hundred: bool = False

    def tells(self, fact: Figure) -> bool:
        """Whether it is a fact's figure, rounded."""
        as_written = fact.value
        if self.percent != fact.percent:
            as_written = fact.value * 100 if self.percent else fact.value / 100
            if self.percent and fact.value > 1:
                return False
        options = [as_written]
        if self.of_hundred:
            options += [fact.value] if fact.percent else [fact.value * 100] if fact.value <= 1 else []
        return any(self._rounds(option) for option in options)

    def _rounds(self, value: float) -> bool:
        error = abs(value - self.value)
        if error <= 1e-9 * max(1.0, abs(value)):
            return True
        whole = 100 if self.percent or self.of_hundred else 1
        if error > 0.5 * self.place * (1 + 1e-9) or self.value in (0, whole):
            return False  # nearly all isn't all, and hardly any isn't none
        return self.digits >= 2 or error <= WELL_ROUNDED * abs(value)


def figures(text: str) -> tuple[list[Figure], set[str]]:
    """The numbers and dates of a text."""
    found, dates = [], set()
    for match in _CLAIM.finditer(text):
        if match["date"]:
            dates.add(match["date"])
            continue
        whole = re.sub(r"\D", "", match["digits"])
        decimals = match["decimals"] or ""
        scale = float(f"1{match['exponent']}") if match["exponent"] else 1.0
        scale *= _TIMES.get(match["times"] or "", 1.0)
        written = f"{whole}{decimals[1:]}"
        zeros = len(whole) - len(whole.rstrip("0")) if not decimals and whole.strip("0") else 0
        digits = max(1, len(written.lstrip("0")) - zeros)
        place = scale * 10.0 ** (-len(decimals[1:]) if decimals else zeros)
        value = float(f"{whole}{decimals}") * scale
        found.append(Figure(value, place, digits, bool(match["percent"]), bool(_OUT_OF.match(text[match.end() :]))))
    return found, dates


@dataclass(frozen=True)
class Evidence:
    """What a text may claim.

    Args:
        facts: the facts, as text.
        names: columns and models that may be named.
        verdict: what may be done with the model: ``ready``, ``usable with care`` or ``not usable``.
    """

    facts: tuple[str, ...]
    names: tuple[str, ...] = ()
    verdict: str = ""

    def objection(self, sentence: str) -> str:
        """What a sentence claims that isn't among the facts; empty when all of it is."""
        if _LINK.search(sentence):
            return "holds a link or markup"
        if self.verdict and self.verdict != "ready" and _READY.search(sentence) and not _NOT_READY.search(sentence):
            return f"says more than the verdict, which is {self.verdict!r}"
        for groups in _QUOTED.findall(sentence):
            span = "".join(groups).strip()
            if span and span not in self.names and not self._said(span):
                return f"names {clean(span, 60)!r}, which the facts don't"
        bare = self._named.sub(" ", sentence) if self._named else sentence
        for code in _CODED.findall(bare):
            if code not in self._codes:
                return f"names {clean(code, 60)!r}, which the facts don't"
        return self._wrong_number(bare)

    def _wrong_number(self, text: str) -> str:
        told, dates = figures(text)
        if dates - self._dates:
            return f"says {min(dates - self._dates)}, which isn't a date of the facts"
        if any(figure.of_hundred for figure in told):
            told = [figure for figure in told if figure.value != 100 or figure.percent]
        for figure in told:
            if not any(figure.tells(fact) for fact in self._figures):
                shown = f"{figure.value:,.10g}{' %' if figure.percent else ''}"
                return f"says {shown}, which isn't a number of the facts"
        for word in _IN_WORDS.findall(_CLAIM.sub(" ", text).lower()):
            value = _WORDS.get(word)
            if value is None or not any(Figure(value, 0.01 * value, 2).tells(fact) for fact in self._figures):
                return f"says {word!r}, which isn't a number of the facts; write numbers in digits"
        return ""

    def _said(self, words: str) -> bool:
        return any(words in fact for fact in self.facts)

    @cached_property
    def _numbers(self) -> tuple[list[Figure], set[str]]:
        text = "\n".join(self.facts)
        found, dates = figures(text)
        return found + [Figure(float(date[:4]), 1.0, 4) for date in dates], dates | {date[:7] for date in dates}

    @property
    def _figures(self) -> list[Figure]:
        return self._numbers[0]

    @property
    def _dates(self) -> set[str]:
        return self._numbers[1]

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(_CODED.findall("\n".join((*self.facts, *self.names))))

    @cached_property
    def _named(self) -> re.Pattern[str] | None:
        names = sorted((n for n in self.names if len(n) > 1), key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)") if names else None


@dataclass(frozen=True)
class Checked:
    """A text of which only what the facts bear out is left.

    Args:
        paragraphs: what is left, without markup.
        sentences: how many there were.
        dropped: what is wrong with those that went, one line each.
    """

    paragraphs: tuple[str, ...]
    sentences: int
    dropped: tuple[str, ...] = field(default=())


def checked(paragraphs: Iterable[str], evidence: Evidence, most_words: int) -> Checked:
    """Hold a text against the facts; sentences that claim more go, and what is beyond the longest text, too."""
    kept, dropped, sentences, words = [], [], 0, 0
    for paragraph in paragraphs:
        left = []
        for sentence in _ENDS.split(_unmarked(paragraph)):
            if not sentence.strip():
                continue
            sentences += 1
            objection = evidence.objection(sentence)
            words += 0 if objection else len(sentence.split())
            if objection:
                dropped.append(f"{clean(sentence, 80)!r} {objection}")
            elif words <= most_words:
                left.append(sentence.strip().replace("`", "'"))
        if left:
            kept.append(" ".join(left))
    return Checked(tuple(kept), sentences, tuple(dropped))


def _unmarked(text: str) -> str:
    """A paragraph on one line, without signs of emphasis, headings, lists and citations."""
    text = re.sub(r"(?m)^\s*(?:#{1,6}|[-*+•>]|\d+[.)])\s+", "", text)
    text = re.sub(r"\s?\[\d+(?:\s?[,–-]\s?\d+)*\]", "", text)
    text = re.sub(r"(\*{1,3}|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    return clean(text, 10_000)
