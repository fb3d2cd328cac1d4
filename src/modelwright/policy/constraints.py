"""Reads constraints: a file in Markdown with the headings Metrics, Models, Preprocessing, Termination and Other,
single sentences, or the statement of the problem itself.

What is understood becomes a checked demand; every other line is kept word for word as a note, which the report shows
as not checked by the machine. Case, bullets and wording are free::

    ## Metrics
    - Primary metric: F1
    ## Models
    - Prefer tree-based models
    - Avoid SVM
    ## Preprocessing
    - Do not use the column `zip code`
    ## Termination
    - Stop if there is no improvement for 5 experiments
    ## Other
    - The model must be interpretable
    - Predict within 5 ms per row; the model must stay below 10 MB
    - Catch at least 90 % of the failures
    - A miss costs 20 times a false alarm
    - The price must rise with `living area`
    - Equal recall between groups of gender
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modelwright.action import did_you_mean
from modelwright.errors import MissingExtra, RequestError
from modelwright.policy._demands import demands_of, joined
from modelwright.policy._metric import mentioned_metric
from modelwright.policy._words import fold
from modelwright.problem import Constraints
from modelwright.profiling import printable

_HEADINGS = {"metric": "metrics", "model": "models", "preprocess": "preprocessing", "terminat": "termination"}
_HEADINGS |= {"stop": "termination", "algorithm": "models", "feature": "preprocessing", "column": "preprocessing"}
_HEADINGS |= {"other": "other", "constraint": "other", "misc": "other", "budget": "termination"}
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"decision trees?|single trees?", ("tree",)),
    (r"tree[- ]based(?: models?| methods?)?|trees?(?: models?| ensembles?)?", ("boosting", "forest", "tree")),
    (r"random forests?", ("random_forest",)),
    (r"forests?|bagging", ("forest",)),
    (r"(?:gradient[- ])?boost(?:ing|ed)(?: trees?| machines?| models?)?|gbms?|gbdts?", ("boosting",)),
    (r"light ?gbms?|lgbms?", ("lightgbm",)),
    (r"xgb(?:oost)?", ("xgboost",)),
    (r"cat ?boost", ("catboost",)),
    (r"ebms?|explainable boosting(?: models?| machines?)?", ("explainable_boosting",)),
    (r"logistic regressions?", ("logistic_regression",)),
    (r"linear(?: models?| regressions?| methods?)?|glms?", ("linear",)),
    (r"svms?|svcs?|svrs?|support[- ]vector(?: machines?)?|kernel(?: machines?| methods?)?", ("kernel", "linear_svm")),
    (r"k ?nns?|(?:k[- ])?nearest[- ]neighbou?rs?|neighbou?rs?", ("neighbours",)),
    (r"(?:naive[- ])?bayes", ("bayes",)),
    (r"(?:deep[- ]?|artificial )?neural(?: networks?| nets?)?|deep learning|mlps?|perceptrons?|nns?", ("neural",)),
    (r"discriminant(?: analysis)?|lda|qda", ("discriminant",)),
)
_AVOID = re.compile(
    r"\b(?:avoid|exclude|without|never|ban|forbid\w*|(?:do not|don't|dont|must not|not) (?:use|try|allow)|no)\b"
)
_ONLY = re.compile(r"\b(?:only|exclusively|nothing but|restrict(?:ed)? to)\b")
_PREFER = re.compile(r"\b(?:prefer\w*|favou?r|use|try|start with|focus on|first)\b")
_NUMBER = r"(\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty)"
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_PATIENCE = (
    re.compile(rf"\b(?:no|without) (?:\w+ )?(?:improvement|progress|gain)\b\D{{0,40}}?\b{_NUMBER}\b"),
    re.compile(rf"\bpatience\b\D{{0,12}}{_NUMBER}\b"),
    re.compile(rf"\b{_NUMBER} (?:\w+ ){{1,3}}(?:without|with no) (?:\w+ )?(?:improvement|progress|gain)\b"),
    re.compile(rf"\bplateau\w*\b\D{{0,40}}?\b{_NUMBER}\b"),
)
_SCORE = re.compile(
    r"(?:>=|<=|=|≥|≤|<|>|\b(?:reach\w*|at least|at most|above|below|under|over|exceed\w*|better than|"
    r"target(?: score| value| metric)?|hits?)\b)[^\d\-+]{0,30}?([-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?)\s*(%|percent\b)?"
    r"(?!\s*(?:iteration|experiment|minute|hour|second|round|row|column|day|trial|ms\b|mb\b|gb\b|s\b|m\b|h\b))"
)
INTERPRETABLE = re.compile(r"\b(?:interpretab\w+|explainab\w+|white[- ]?box|human[- ]readable|understandable)\b")
UNLESS = re.compile(r"\b(?:not|no|needn't|isn't|doesn't|without|optional|nice to have)\b")
_COLUMNS = re.compile(
    r"\b(?:avoid|exclude|drop|ignore|remove|leave out|without|"
    r"(?:do not|don't|dont|must not|never|not) (?:use|include))\b"
)
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)")
_NAMED = re.compile(r"\b(?:columns?|features?|fields?|variables?)\b\s*:?\s*(.+)$", re.IGNORECASE)


@dataclass
class _Draft:
    metric: str | None = None
    prefer: list[str] = field(default_factory=list)
    avoid: list[str] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    patience: int | None = None
    target: float | None = None
    target_metric: str | None = None
    interpretable: bool = False
    demands: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def parse_constraints(text: str) -> Constraints:
    """Read constraints from Markdown.

    Raises:
        RequestError: when a line asks for a metric or model that doesn't exist, or contradicts another; with the line.
    """
    draft = _Draft()
    for number, section, bullet in _bullets(text):
        readers = [_demands, _metric, _interpretable, _patience, _target, _columns, _models]
        # every reader looks at the line, because one line may hold several demands
        understood = [read(draft, section, bullet, number) for read in readers]
        if not any(understood):
            draft.notes.append(bullet)
    both = sorted((set(draft.prefer) | set(draft.allow)) & set(draft.avoid))
    if both:
        raise RequestError(f"The constraints both prefer and avoid {both[0]!r}; keep one of the two lines")
    if draft.target_metric and draft.metric and draft.target_metric != draft.metric:
        draft.notes.append(f"{draft.target_metric}: {draft.target:g}")
        draft.target = None
    return Constraints(
        metric=draft.metric or draft.target_metric,
        prefer=tuple(dict.fromkeys(draft.prefer)),
        avoid=tuple(dict.fromkeys(draft.avoid)),
        allow=tuple(dict.fromkeys(draft.allow)),
        exclude_columns=tuple(dict.fromkeys(draft.exclude)),
        patience=draft.patience,
        target_score=draft.target,
        interpretable=draft.interpretable,
        notes=tuple(draft.notes),
        **draft.demands,
    )


def _bullets(text: str) -> Iterator[tuple[int, str, str]]:
    """The lines that say something: line number, section, words."""
    section, pending = "other", None
    blanked = re.sub(r"<!--.*?-->", lambda m: "\n" * m.group(0).count("\n"), text.lstrip("\ufeff"), flags=re.DOTALL)
    for number, line in enumerate(blanked.splitlines(), 1):
        stripped = line.strip()
        heading = re.match(r"#{1,6}\s*(.+?)\s*#*$", stripped) or re.match(r"\*\*([^*]+?):?\*\*:?$", stripped)
        bullet = re.match(r"(?:[-*+•]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(.*)$", stripped)
        heading = heading or (None if bullet else re.match(r"(\w[\w ]{2,30}):$", stripped))
        if pending and (heading or bullet or not stripped or not line[:1].isspace()):
            yield pending
            pending = None
        if heading:
            title = fold(heading.group(1))
            section = next((name for word, name in _HEADINGS.items() if word in title), "other")
        elif pending and stripped:
            pending = (pending[0], section, f"{pending[2]} {stripped}")
        elif stripped and not re.fullmatch(r"[-=*_]{3,}", stripped):
            words = bullet.group(1).strip() if bullet else stripped
            pending = (number, section, words) if words else None
    if pending:
        yield pending


def _metric(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    from modelwright.tasks.metrics import find_metric

    low = fold(bullet)
    if re.search(r"\b(?:also|track|secondary|report|monitor|besides)\b", low):
        return False
    named = re.search(r"\b(?:primary|main|optimi[sz]\w+|target)?\s*metric\b\s*(?:is|:|=|should be)\s*(.+)$", low)
    cued = section == "metrics" or bool(re.search(r"\boptimi[sz]\w*|\bmaximi[sz]\w*|\bminimi[sz]\w*|\bmetric\b", low))
    found = mentioned_metric(bullet, cued=True) if cued else None
    if found is None and named:
        try:
            find_metric(named.group(1).strip(" .`'\"*"))
        except RequestError as error:
            raise RequestError(f"Line {line} of the constraints: {error}") from None
    if found is None or (_SCORE.search(low) and not named):
        return False
    if draft.metric and draft.metric != found[0]:
        if section == "metrics" and not named:
            return False
        raise RequestError(
            f"Line {line} of the constraints asks for the metric {found[1]!r}, an earlier line for {draft.metric!r}; "
            "keep one of the two"
        )
    draft.metric = found[0]
    return True


def _demands(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    if section == "termination" or (section == "metrics" and re.search(r"\b(?:stop|target)\b", fold(bullet))):
        return False
    try:
        found = demands_of(bullet)
    except RequestError as error:
        raise RequestError(f"Line {line} of the constraints: {error}") from None
    for name, value in found.items():
        before = draft.demands.get(name)
        if before is not None and before != value and name not in ("monotone", "fairness"):
            raise RequestError(
                f"Line {line} of the constraints sets {name.replace('_', ' ')} to {value:g}, an earlier line to "
                f"{before:g}; keep one of the two"
            )
    draft.demands = joined(draft.demands, found)
    return bool(found)


def _interpretable(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    low = fold(bullet)
    if not INTERPRETABLE.search(low) or UNLESS.search(low):
        return False
    draft.interpretable = True
    return True


def _patience(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    match = next((m for m in (pattern.search(fold(bullet)) for pattern in _PATIENCE) if m), None)
    if match is None:
        return False
    word = match.group(1)
    many = {"twelve": 12, "fifteen": 15, "twenty": 20}
    count = int(word) if word.isdigit() else many[word] if word in many else _WORDS.index(word)
    if not 1 <= count <= 10_000:
        raise RequestError(f"Line {line} of the constraints: the search can't wait {count} experiments; give 1 or more")
    draft.patience = count
    return True


def _target(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    low = fold(bullet)
    if section not in ("metrics", "termination") and not re.search(r"\b(?:stop|target)\b", low):
        return False
    if section != "termination" and demands_of(bullet):
        return False
    match = _SCORE.search(low)
    metric = mentioned_metric(bullet, cued=True)
    if not match or (metric is None and not re.search(r"\b(?:score|metric|target)\b", low)):
        return False
    value = float(match.group(1).replace(",", "")) / (100 if match.group(2) else 1)
    if draft.target is not None and draft.target != value:
        raise RequestError(
            f"Line {line} of the constraints sets the target score {value:g}, an earlier line {draft.target:g}; "
            "keep one of the two"
        )
    draft.target, draft.target_metric = value, metric[0] if metric else None
    return True


def _columns(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    low = fold(bullet)
    if not _COLUMNS.search(low):
        return False
    said = re.search(r"\b(?:columns?|features?|fields?|variables?)\b", low)
    quoted = ["".join(groups).strip() for groups in _QUOTED.findall(bullet)]
    if quoted and (said or section == "preprocessing"):
        draft.exclude += quoted
        return True
    named = _NAMED.search(bullet)
    if not said or not named:
        return False
    names = [n.strip(" .") for n in re.split(r",|;|\band\b", named.group(1)) if n.strip(" .")]
    names = [re.sub(r"^(?:named|called|the)\s+", "", n) for n in names]
    if not names or any(len(n.split()) > 4 or re.match(r"(?:that|which|with|from|to|in)\b", n) for n in names):
        return False
    draft.exclude += names
    return True


def _models(draft: _Draft, section: str, bullet: str, line: int) -> bool:
    low = fold(bullet)
    if section in ("metrics", "termination", "preprocessing"):
        return False
    if not (section == "models" or re.search(r"\b(?:models?|algorithms?|estimators?|methods?)\b", low)):
        return False
    understood = False
    mode = "prefer" if section == "models" else ""
    for clause in re.split(r"[;.]\s|,? but |,(?= *(?:avoid|no|not|don't|do not|never|prefer|use|only)\b)", low):
        mode = (
            "avoid"
            if _AVOID.search(clause)
            else "only"
            if _ONLY.search(clause)
            else "prefer"
            if _PREFER.search(clause)
            else mode
        )
        names = _model_names(clause)
        if not names:
            if section == "models" and mode in ("avoid", "only"):
                _refuse_slip(clause, line)
            continue
        understood = bool(mode)
        if mode == "avoid":
            draft.avoid += names
        elif mode:
            _need_installed(names, line)
            draft.prefer += names
        if mode == "only":
            draft.allow += names
    return understood


def _need_installed(names: list[str], line: int) -> None:
    """Refuse what can't be had, and say how it can."""
    from modelwright.estimators import all_estimators

    for name in names:
        member = all_estimators().get(name)
        if member is not None and not member.installed:
            raise MissingExtra(f"Line {line} of the constraints: {name}", member.extra)


def _model_names(clause: str) -> list[str]:
    """Estimators and families named in a clause, the longest names first so that each word is read once."""
    from modelwright.estimators import all_estimators

    patterns = [(rf"{re.escape(name.replace('_', ' '))}s?", (name,)) for name in all_estimators()]
    exact = {pattern for pattern, _ in patterns}
    text, found = re.sub(r"[_\-]+", " ", clause), []
    hits = []
    for pattern, names in (*_FAMILIES, *patterns):
        hits += [
            (m.end() - m.start(), pattern not in exact, m.span(), names)
            for m in re.finditer(rf"\b(?:{pattern})\b", text)
        ]
    taken: list[tuple[int, int]] = []
    for _, _, (start, end), names in sorted(hits, key=lambda h: (-h[0], not h[1])):
        if all(end <= a or start >= b for a, b in taken):
            taken.append((start, end))
            found.append((start, names))
    known = {*all_estimators(), *_families()}
    return [name for _, names in sorted(found) for name in names if name in known]


def _families() -> tuple[str, ...]:
    from typing import get_args

    from modelwright.estimators import Family

    return get_args(Family)


def _refuse_slip(clause: str, line: int) -> None:
    """Refuse a misspelt model, since a ban that is silently not kept would be worse."""
    from modelwright.estimators import all_estimators

    rest = re.sub(
        r"\b(?:models?|algorithms?|please|the|any|all|use|using|do|not|don't|only|avoid|exclude|no|never)\b",
        " ",
        clause,
    )
    word = " ".join(re.findall(r"[a-z][\w\-]*", rest))
    known = [*(name.replace("_", " ") for name in all_estimators()), *_families(), "svm", "knn", "naive bayes"]
    near = did_you_mean(word, known) if word and len(word.split()) <= 3 else ""
    if near:
        raise RequestError(f"Line {line} of the constraints: there is no model {printable(word)!r}{near}")
