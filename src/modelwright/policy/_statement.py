"""Reads a problem's statement: what is asked, in which form, and what is only mentioned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from modelwright.policy._words import CALENDAR, FORMULAS, STOPWORDS, fold, sort_of, text_tokens

Form = Literal["yes or no", "how much", "which class", ""]

_VERBS = (
    r"predict\w*|estimat\w*|forecast\w*|classif\w*|categori[sz]e|determin\w*|identif\w*|detect\w*|find|tell|guess|"
    r"work out|recogni[sz]e|warn|flag|spot|diagnos\w*|anticipat\w*|infer|read|calculat\w*|comput\w*|assess|decide"
)
_ASKS = rf"\b(?:{_VERBS}|which|who|will|how|what|whether|should|when)\b"
_INPUTS = r"\b(?:from|based on|using|given|by looking at|with the help of|on the basis of|according to|depending on)\b"
_PURPOSE = r"\b(?:so that|so we|so i|in order to|to help|because|as we|in which case)\b"
_SIDE = r"\b(?:before|during|within|after|until|for|of|in|on|at|per|across|by|who have|who has|that have|that has)\b"
_STARTS = r"is|are|will|would|does|do|did|should|can|has|have|was|were|how|what|which|who|whether|we|i|please"
_MARK = re.compile(
    rf"(?P<inputs>{_INPUTS})|(?P<purpose>{_PURPOSE})|(?P<verb>\b(?:{_VERBS})\b)|(?P<side>{_SIDE})|(?P<comma>[,:](?=\s*(?:{_STARTS})\b))"
)
_WEIGHT = {"asked": 1.0, "head": 1.0, "side": 0.7, "context": 0.35, "purpose": 0.25, "inputs": -0.35}
_QUANTITY = re.compile(
    r"\bhow (?:much|many|hot|cold|warm|long|old|tall|high|big|large|fast|far|heavy|strong|deep|late|expensive|great)\b"
    r"|\bwhat (?:is the |are the |will the |the |was the )?(?:\w+ ){0,2}(?:price|amount|value|cost|number|quantity|"
    r"temperature|age|weight|height|salary|income|duration|demand|consumption|revenue|rent)\b"
    r"|\bwhat (?:will|would|could|can|does|do|did|is|are) (?:\S+ ){1,8}?"
    r"(?:cost|sell (?:for|at)|go for|fetch|earn|pay|weigh|measure|consume|score)\b"
    r"|\bworth\b|\bat what\b|\bhow .{0,40}\bworth\b|\bnumber of\b|\bamount of\b"
)
_EITHER = re.compile(
    r"\bwhether\b|\blikel(?:y|ihood)\b|\bprobability\b|\bchances?\b|\brisk of\b|\bat risk\b|\byes or no\b"
    r"|^\W*(?:will|is|are|does|do|did|should|can|has|have|was|were|would)\b"
    rf"|\b(?:{_VERBS})(?: us| me)? if\b"
    r"|\bwhich (?:of (?:the|our|these) )?(?:\w+ ){0,3}?\w*[^\Ws]s (?:will|are|have|would|might|can|do|need|end|buy)\b"
    r"|\bwhich of (?:them|these|those|us) (?:will|are|have|would|might|can)\b"
    r"|\bwhich (?:people|ones) \w+|\bwho (?:will|is|are|among|would|might|survived|has|have|does)\b"
    rf"|\b(?:{_VERBS}) (?:\w+ ){{0,3}}?\w*[^\Ws]s (?:who|that|which) (?:will|are|might|would|have)\b"
)
_CLASS = re.compile(
    r"\b(?:which|what) (?:kind|type|class|category|sort|species|variety|breed|genre|group|level|grade|score|label)\b"
    r"|\bclassif(?:y|ies|ying)\b|\bcategori[sz]e\b|\brecogni[sz]e\b|\bwhich (?:\w+ )+?(?:is|was|does|did)\b"
    r"|\binto (?:\w+ )?(?:classes|categories|groups|types)\b|\bto which\b|\bwhich of\b|\bwhich (?:\w+ ){1,2}(?:the|a)\b"
)
_UNSUPERVISED = re.compile(
    r"\bclusters?\b|\bclustering\b|\bnatural groups?\b|\bsegments? (?:of|in|among)\b|\banomal\w+|\boutliers?\b"
    r"|\bout of the ordinary\b|\bunusual\b|\bnot normal\b|\babnormal\b|\bgroup similar\b"
)
_MEANINGS = ((re.compile(r"\bhow many\b|\bnumber of\b"), "count"), (re.compile(r"\bhow much\b"), "amount"))
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']{1,80})'(?!\w)")
_AHEAD = re.compile(
    r"\bforecast\w*|\btomorrow\b|\bfuture\b|\bahead\b|\bin advance\b|\bupcoming\b|\bearly warning\b|\bnext\W*$"
    r"|\b(?:next|coming|following) (?:\w+ )?(?:few )?(?:minute|hour|day|week|month|quarter|season|year|night)s?\b"
    r"|\b(?:minute|hour|day|week|month|year)s? (?:before|ahead|earlier|in advance|later)\b"
    r"|\b(?:within|in|over|during) (?:the )?(?:next |coming |following )?(?:\d+|an?|one|two|three|six|twelve|a few) "
    r"?(?:h|hours?|days?|weeks?|months?|minutes?|quarters?|years?)\b"
)


@dataclass(frozen=True)
class Statement:
    """What a statement says.

    Args:
        text: the words themselves.
        words: its words in order, each with how much it speaks for a column: 1 in what is asked, more for the
            object of *predict*, less for circumstances, below zero for what predictions are to be made from; words
            that say nothing of the matter (*the*, *which*) are among them.
        form: the form of the question, or empty.
        eventful: whether what is asked contains the word for an event (fail, leave, buy …).
        quoted: what stands in quotes or backticks.
        ahead: the words that say that the future is asked for, or empty.
        unsupervised: the words that speak of groups or anomalies that nobody has labelled, or empty.
    """

    text: str
    words: tuple[tuple[str, float], ...]
    form: Form
    eventful: bool
    quoted: tuple[str, ...]
    ahead: str
    unsupervised: str

    @property
    def content(self) -> tuple[tuple[str, float], ...]:
        """The words that can fit a column's name."""
        return tuple((word, weight) for word, weight in self.words if word not in STOPWORDS)


def read_statement(text: str) -> Statement:
    """Read a problem's statement by rules."""
    folded = fold(text.replace("’", "'"))
    sentences = [s for s in re.split(r"(?<=[.?!;])\s+|\n+", folded) if s.strip()]
    asking = [bool(s.rstrip().endswith("?") or re.search(_ASKS, s)) for s in sentences]
    words: list[tuple[str, float]] = []
    for sentence, asks in zip(sentences, asking, strict=True):
        words += _weighted(sentence, "asked" if asks or not any(asking) else "context")
    asked = " ".join(s for s, asks in zip(sentences, asking, strict=True) if asks or not any(asking))
    eventful = any(weight > 0.5 and sort_of(word) == "event" for word, weight in words)
    return Statement(
        text=text,
        words=tuple(words),
        form=_form(asked, sentences, asking),
        eventful=eventful,
        quoted=tuple("".join(groups) for groups in _QUOTED.findall(text)),
        ahead=_first(_AHEAD, folded),
        unsupervised=_first(_UNSUPERVISED, folded),
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(0).strip() if match else ""


def _form(asked: str, sentences: list[str], asking: list[bool]) -> Form:
    if _QUANTITY.search(asked):
        return "how much"
    questions = [s for s, asks in zip(sentences, asking, strict=True) if asks] or sentences
    if any(_EITHER.search(s) for s in questions):
        return "yes or no"
    return "which class" if _CLASS.search(asked) else ""


def _weighted(sentence: str, base: str) -> list[tuple[str, float]]:
    """The words of one sentence with the weight of the part that they stand in."""
    words: list[tuple[str, float]] = []
    state, position = base, 0
    for match in [*_MARK.finditer(sentence), None]:
        piece = sentence[position : match.start() if match else len(sentence)]
        if state == "head" and re.match(r"\W*(?:us |me )?(?:whether|if|which|how|what|who|when)\b", piece):
            state = "asked"
        tokens = [*text_tokens(piece), *(formula for phrase, formula in FORMULAS.items() if phrase in piece)]
        words += [(token, _WEIGHT[state]) for token in tokens]
        if state == "head":
            _stress(words, len(tokens))
        if match is None:
            break
        position = match.end()
        if match["side"]:
            words += [(token, _WEIGHT[state]) for token in text_tokens(match["side"])]
        if base == "context":
            continue
        if match["verb"]:
            state = "head"
            words += [(token, 1.0) for token in text_tokens(match["verb"])]
        elif match["inputs"]:
            state = "inputs"
        elif match["purpose"]:
            state = "purpose"
        elif match["comma"]:
            state = "asked" if state in ("inputs", "side", "head") else state
        else:
            state = "side" if state in ("asked", "head", "side") else state
    words += [(meaning, 0.8) for pattern, meaning in _MEANINGS if base != "context" and pattern.search(sentence)]
    return words


def _stress(words: list[tuple[str, float]], last: int) -> None:
    """Give the noun that ends the object of *predict* more weight: the strength in *concrete compressive strength*."""
    for i in range(len(words) - 1, len(words) - 1 - last, -1):
        word = words[i][0]
        if word not in STOPWORDS and word not in CALENDAR and not word.isdigit():
            words[i] = (word, 1.6)
            return
