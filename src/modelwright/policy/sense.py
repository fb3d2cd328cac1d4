"""Whether a request makes sense, by rules over its words: the manager's policy.

The rules stop a request only where they can't find a column to predict anyway, and then say why; where there is one,
the person gets a model and is told what it can't do. A wrong refusal would cost more than a needless model.
"""

from __future__ import annotations

import re

from modelwright.agents.manager import Ruling
from modelwright.policy._words import fold, text_tokens

_POLITE = r"^\W*(?:please |can you |could you |i want you to |i'd like you to |help me )*"
_WRITING = re.compile(
    _POLITE + r"(?:write|compose|draft|translate|paraphrase|summari[sz]e|draw|paint|design|"
    r"(?:generate|create|make|invent) (?:\w+ ){0,3}?(?:texts?|stor(?:y|ies)|poems?|pictures?|images?|e-?mails?|"
    r"sentences?|reviews?|articles?|letters?|synthetic|artificial|fake))\b"
)
_LOOKING_UP = re.compile(
    _POLITE + r"(?:(?:count|list|show|display|plot|sort|filter|print|look up|give me|tell me|find|compute|calculate|"
    r"what is|what's|what was|what are)(?: me)?(?: all)?(?: the)? (?:\w+ )?(?:number|count|total|sum|average|mean|"
    r"median|maximum|minimum|highest|lowest|rows|records|entries|list|table|chart|plot|share|percentage) (?:of|in|by|"
    r"per|for|where|with)\b|(?:count|list|show|display|plot|sort|filter|print) (?:me )?(?:all |the )|"
    r"how many (?:rows|records|entries|lines|different|distinct)\b)"
)
_FORETELLING = re.compile(
    r"\b(?:predict\w*|forecast\w*|estimat\w*|classif\w*|will|would|going to|next|tomorrow|future|new|unseen|likely|"
    r"expect\w*|anticipat\w*|score|detect\w*|model)\b"
)
_WHY = re.compile(
    r"\bwhy (?:do|does|did|is|are|was|were|have|has)\b|\bwhat (?:causes|caused|drives|explains|makes)\b|"
    r"\b(?:causal|cause and effect|(?:effect|impact|influence) of\b.{1,60}\bon)\b|"
    r"\b(?:does|do|did) .{1,60}\b(?:cause|lead to|result in|reduce|increase|improve|affect)\b"
)


def sense(statement: str, *, target_is_clear: bool) -> Ruling:
    """What to do with a request.

    Args:
        statement: the problem in plain words.
        target_is_clear: whether the rules, or the person, could tell which column to predict.
    """
    words = fold(statement)
    foretelling = _FORETELLING.search(words) is not None
    if not target_is_clear:
        if not foretelling and _WRITING.search(words):
            return _refusal(statement, "It asks for something to be written or made, and modelwright trains models.")
        if not foretelling and _LOOKING_UP.search(words):
            return _refusal(statement, "It asks what a count, an average or a look into the table itself answers.")
        if not any(re.search(r"[^\W\d_]{2}", token) for token in text_tokens(statement)):
            return _refusal(statement, "It holds no words that could say what to predict.")
    caution = ""
    if _WHY.search(words):
        caution = (
            "The problem asks why. A predictive model says what will probably be, and the report what it goes by; "
            "neither shows what would happen if something were changed."
        )
    return Ruling(verdict="accept", caution=caution)


def _refusal(statement: str, reason: str) -> Ruling:
    possible = "Say which column a model is to predict from the others, or name it with --target COL."
    return Ruling(verdict="refuse", reason=reason, words=statement, possible=possible)
