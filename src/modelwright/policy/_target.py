"""Finds the column that a statement asks to be predicted, or says between which ones it can't decide."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from modelwright.errors import AmbiguousError, RequestError
from modelwright.policy._statement import Statement
from modelwright.policy._words import CALENDAR, STOPWORDS, fold, likeness, name_tokens, sort_of, stem
from modelwright.problem import Known
from modelwright.profiling import printable
from modelwright.table import Schema

if TYPE_CHECKING:
    import pandas as pd

Shape = Literal["two", "few", "many", "number", "none"]
"""Two values, a few (3 to 20 numbers, 3 to 30 levels), many levels, a quantity, or nothing that could be a target."""

SURE, MARGIN = 2.0, 0.7
_USUAL = "target label labels class classes y outcome response output dependent groundtruth truth result answer"
TARGET_NAMES = frozenset(_USUAL.split())
_FLAG = re.compile(r"^(?:is|has|was|did|will|flag|ind)(?=[_\s.A-Z])|(?:_| )(?:flag|yn|ind|indicator|bool)$")
_BEFORE = "previous prior past last prev former earlier lag since history historical not hist until"
_QUALIFIERS = frozenset(_BEFORE.split())
_LATER = frozenset({"next", "later", "ahead", "tomorrow", "future", "following", "upcoming"})
_SORTS = {"event": 2.0, "quantity": 1.8, "kind": 0.9, "plain": 1.0}


@dataclass
class Candidate:
    """One column with what speaks for it."""

    name: str
    shape: Shape
    numeric: bool = False
    score: float = 0.0
    evidence: float = 0.0
    reasons: list[str] = field(default_factory=list)


def shape_of(series: pd.Series, kind: str, whole: bool) -> Shape:
    """Which sort of answer a column could hold; looks at a part first, so that it is quick on long columns."""
    if kind in ("boolean", "category", "constant", "id"):
        codes = series.astype("category").cat.codes
        distinct = int(codes[codes >= 0].nunique())
        return "none" if distinct < 2 else "two" if distinct == 2 else "few" if distinct <= 30 else "many"
    if kind != "numeric":
        return "none"
    part = series.iloc[:: max(1, len(series) // 5_000)]
    distinct = int(part.nunique())
    if distinct <= 20:
        distinct = int(series.nunique())
    if distinct < 2:
        return "none"
    return "two" if distinct == 2 else "few" if distinct <= 20 and whole else "number"


def named_column(name: str, schema: Schema, what: str) -> str:
    """The column that the user named, also when its case or separators differ and only one column fits.

    Raises:
        RequestError: when there is none of this name, with those of similar names.
    """
    if name in schema:
        return name
    same = [n for n in schema.names if fold(n).strip() == fold(name).strip() or name_tokens(n) == name_tokens(name)]
    if len(same) == 1 and name.strip():
        return same[0]
    folded = {fold(n): n for n in schema.names}
    near = [folded[n] for n in difflib.get_close_matches(fold(name)[:200], list(folded), n=3, cutoff=0.5)]
    near = same[:3] or near
    hint = f"did you mean {_listed(near)}?" if near else f"the columns are {_listed(list(schema.names[:12]))}"
    more = " and others" if not near and len(schema.names) > 12 else ""
    raise RequestError(f"There is no column {printable(name)!r}, which was named as the {what}; {hint}{more}")


def _listed(names: list[str]) -> str:
    shown = [repr(printable(name)) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def find_target(
    statement: Statement,
    schema: Schema,
    frame: pd.DataFrame,
    *,
    barred: frozenset[str],
    descriptions: Mapping[str, str],
    classes_wanted: bool | None,
) -> Known[str]:
    """Find the target by rules.

    Args:
        statement: what was asked.
        schema: the columns.
        frame: their values.
        barred: columns that can't be it because they have another role.
        descriptions: what columns mean, by name.
        classes_wanted: whether the user asked for classification (true) or regression (false).

    Raises:
        AmbiguousError: when no column is clearly ahead; with the candidates, best first.
    """
    candidates = []
    for item in schema.fields:
        if item.name in barred or item.personal or item.kind not in ("numeric", "boolean", "category"):
            continue
        shape = shape_of(frame[item.name], item.kind, item.whole)
        if shape != "none":
            candidates.append(Candidate(item.name, shape, item.kind == "numeric"))
    quoted = [c for c in candidates if any(c.name == q.strip() for q in statement.quoted)]
    if len(quoted) == 1:
        others = tuple(c.name for c in candidates if c is not quoted[0])[:3]
        return Known(quoted[0].name, "inferred", "the problem names it in quotes", others)

    _match_words(candidates, statement, descriptions)
    _match_form(candidates, statement, classes_wanted)
    _match_names(candidates, schema, statement)
    ranked = sorted(candidates, key=lambda c: -c.score)
    if ranked and _sure(ranked):
        best = ranked[0]
        others = tuple(c.name for c in ranked[1:4] if c.score > 0.3 * best.score)
        return Known(best.name, "inferred", f"{'; '.join(best.reasons)}", others)
    raise AmbiguousError(_question(ranked, statement), [c.name for c in ranked[:5]])


def _sure(ranked: list[Candidate]) -> bool:
    best = ranked[0]
    second = ranked[1].score if len(ranked) > 1 else 0.0
    return best.evidence >= 0.7 and best.score >= SURE and best.score - second >= MARGIN


def _question(ranked: list[Candidate], statement: Statement) -> str:
    if not ranked:
        return (
            "No column could be predicted: all are dates, free text, identifiers, personal data or constant; "
            "name the target with --target COL"
        )
    if statement.unsupervised:
        return (
            f"The problem speaks of {statement.unsupervised!r}, and finding groups or anomalies without labels isn't "
            "offered here; if a column holds the answer, name it with --target COL"
        )
    names = _listed([c.name for c in ranked[:5]])
    return f"It isn't clear which column to predict; it could be {names}; name it with --target COL"


def _match_words(candidates: list[Candidate], statement: Statement, descriptions: Mapping[str, str]) -> None:
    """Score how well the words of the problem fit the words of the names."""
    weights: dict[str, float] = {}
    for word, weight in statement.content:
        weights[word] = max(weight, weights.get(word, -1.0))
    common = Counter(token for c in candidates for token in set(name_tokens(c.name)))
    acronyms = _acronyms(statement)
    named = _runs(statement)
    for candidate in candidates:
        tokens = [t for t in name_tokens(candidate.name) if t not in ("is", "has", "was", "the", "of", "flag")]
        points, covered, total, sorts = 0.0, 0.0, 0.0, False
        hits: list[str] = []
        for token in tokens:
            worth = 0.5 if token.isdigit() or len(token) == 1 else _SORTS[sort_of(token)] if token.isalpha() else 1.0
            if token in CALENDAR:
                worth = 0.5
            total += worth
            like, weight, word = _best(token, weights)
            if token in acronyms and like < 0.9:
                like, weight, word = 0.9, acronyms[token], f"the initials {token.upper()}"
            if like <= 0:
                continue
            rare = common[token] ** -0.35
            points += worth * like * weight * rare
            covered += worth * like
            if weight > 0:
                hits.append(word)
                sorts = sorts or sort_of(token) in ("event", "quantity")
        text = points * (0.35 + 0.65 * covered / total) if total else 0.0
        outright = named.get(_squashed(tokens), 0.0)
        if not outright and len(tokens) == 1:
            outright = acronyms.get(tokens[0], 0.0)
        text += 1.2 * max(outright, 0.0)
        if statement.eventful and statement.form != "how much" and not any(sort_of(h) == "event" for h in hits):
            text = min(text, 0.4 * text)  # the question is about an event, and this is only whom it may happen to
        described = 0.5 * _described(descriptions.get(candidate.name, ""), weights)
        candidate.score += text + described
        candidate.evidence += max(text if sorts or covered > 0.7 * total else 0.5 * text, 0.0) + described
        if described:
            candidate.reasons.append("its description fits the problem")
        if hits:
            said = " and ".join(repr(printable(h)) for h in dict.fromkeys(hits))
            candidate.reasons.append(f"the problem's words fit its name ({said})")


def _best(token: str, weights: Mapping[str, float]) -> tuple[float, float, str]:
    """The word of the statement that fits a token best: likeness, weight, word."""
    best = (0.0, 0.0, "")
    for word, weight in weights.items():
        like = likeness(token, word)
        if like > 0 and abs(like * weight) > abs(best[0] * best[1]):
            best = (like, weight, word)
    return best


def _described(text: str, weights: Mapping[str, float]) -> float:
    words = sorted({w for w in name_tokens(text) if len(w) > 2})
    found = [_SORTS[sort_of(w)] * like * weight for w in words for like, weight, _ in [_best(w, weights)] if like > 0.8]
    return min(3.0, sum(found))


def _acronyms(statement: Statement) -> dict[str, float]:
    """Initials of three to five words in a row, with and without little words: remaining useful life → rul."""
    found: dict[str, float] = {}
    for words in (statement.words, statement.content):
        run = [(word, weight) for word, weight in words if word.isalpha()]
        for size in (3, 4, 5):
            for i in range(len(run) - size + 1):
                part = run[i : i + size]
                found["".join(word[0] for word, _ in part)] = min(weight for _, weight in part)
    return found


def _runs(statement: Statement) -> dict[str, float]:
    """Up to five words in a row written as one, as a column would be called that is named outright."""
    found: dict[str, float] = {}
    words = statement.words
    for size in range(1, 6):
        for i in range(len(words) - size + 1):
            part = words[i : i + size]
            if size == 1 and part[0][0] in STOPWORDS:
                continue
            weight = max(weight for _, weight in part)
            for joined in (_squashed([word for word, _ in part]), "".join(stem(word) for word, _ in part)):
                if len(joined) > 1:
                    found[joined] = max(weight, found.get(joined, -1.0))
    return found


def _squashed(words: Sequence[str]) -> str:
    return "".join([*words[:-1], stem(words[-1])]) if words else ""


def _match_form(candidates: list[Candidate], statement: Statement, classes_wanted: bool | None) -> None:
    """Score whether a column could hold the sort of answer that is asked for."""
    form = statement.form
    if classes_wanted is not None:
        form = "how much" if not classes_wanted else form if form in ("yes or no", "which class") else "which class"
    soft = 0.5 if not form and statement.eventful else 1.0
    effective = form or ("yes or no" if statement.eventful else "")
    table: dict[str, dict[Shape, float]] = {
        "yes or no": {"two": 1.4, "few": -1.0, "many": -3.0, "number": -3.0},
        "how much": {"two": -2.5, "few": 0.6, "many": -3.0, "number": 0.8},
        "which class": {"two": 0.3, "few": 0.7, "many": 0.2, "number": -1.5},
        "": {"two": 0.2, "few": 0.0, "many": -0.8, "number": 0.0},
    }
    fitting: dict[str, tuple[Shape, ...]] = {
        "yes or no": ("two",), "how much": ("number", "few"), "which class": ("two", "few", "many"), "": ()
    }  # fmt: skip
    says = {
        "yes or no": "it has two values, as a yes-or-no question needs",
        "how much": "it is a number, as asked",
        "which class": "it holds a limited set of values, as asked",
    }
    fits = [c for c in candidates if c.shape in fitting[effective]]
    if effective == "which class" and not all(c.numeric for c in fits):
        fits = [c for c in fits if not c.numeric]  # classes are rather written as words than as numbers
    for candidate in candidates:
        candidate.score += soft * table[effective][candidate.shape]
        if candidate in fits:
            candidate.reasons.append(says[effective])
            if len(fits) == 1:
                candidate.score += 1.2 * soft
                candidate.evidence += (0.8 if len(candidates) == 1 else 0.4) * soft
                candidate.reasons.append("no other column does")


def _match_names(candidates: list[Candidate], schema: Schema, statement: Statement) -> None:
    """Score names that are typical of targets, the place in the table, and what speaks against a column."""
    names = {fold(n) for n in schema.names}
    for candidate in candidates:
        tokens = name_tokens(candidate.name)
        whole = "".join(tokens)
        dimension = whole == "y" and "z" in names
        if whole in TARGET_NAMES and not dimension:
            candidate.score += 2.2
            candidate.evidence += 1.0
            candidate.reasons.append("its name is one that targets usually have")
        elif tokens and ({tokens[0], tokens[-1]} & TARGET_NAMES - {"y"}):
            candidate.score += 0.6
        if _FLAG.search(candidate.name) and candidate.shape == "two":
            candidate.score += 0.4
        if any(sort_of(t) == "event" for t in tokens) and candidate.shape == "two":
            candidate.score += 0.4
            if len(tokens) == 1:
                candidate.evidence += 0.4
        if statement.ahead and _LATER.intersection(tokens):
            candidate.score += 1.0
            candidate.reasons.append("its name speaks of the future, as the problem does")
        if candidate.name == schema.names[-1]:
            candidate.score += 0.5
            candidate.reasons.append("it is the last column")
        elif candidate.name == schema.names[0]:
            candidate.score += 0.25
        candidate.score -= 1.2 * len(_QUALIFIERS.intersection(tokens))
        if tokens and CALENDAR.intersection(tokens[:1]) and candidate.shape != "two":
            candidate.score -= 1.0
