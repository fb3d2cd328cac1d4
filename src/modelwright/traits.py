"""What a problem is like, in numbers without names: what knowledge applies to it, and which past runs were similar."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelwright.problem import Problem
from modelwright.profile import Column, Profile
from modelwright.tasks.metrics import find_metric

MANY_LEVELS = 50
"""Levels from which a category counts as one with many."""
SKEWED = 2.0
"""Skewness from which a target counts as skewed."""
TAILED = 3.0
MUCH_MISSING = 0.1
RARE = 0.3
"""Share of the rarest class, in relation to its fair share of the rows, below which classes count as unbalanced."""
TOO_GOOD = 0.95
WIDE = 200


def traits(problem: Problem, profile: Profile) -> dict[str, float]:
    """Meta-features of a problem (Vanschoren, Meta-learning: a survey, 2018): counts, shares, and 1.0 for what it is.

    Nothing in it can be traced to a column, a level or a row. What isn't so is 0.0 and left out, but for counts of
    rows and columns.
    """
    features = [c for c in profile.columns if c.name in set(problem.features(tuple(c.name for c in profile.columns)))]
    metric = find_metric(problem.metric.value, problem.task.value)
    demands = problem.constraints
    found = {
        "rows": float(profile.rows),
        "columns": float(len(features)),
        problem.task.value: 1.0,
        "classification": float(bool(problem.classes)),
        "classes": float(len(problem.classes)),
        "probability_metric": float(metric.needs == "probability" and not metric.greater_is_better),
        "label_metric": float(metric.needs == "label"),
        "time_column": float(problem.time_column.value is not None),
        "group_column": float(problem.group_column.value is not None),
        "interpretable": float(demands.interpretable),
        "monotone": float(bool(demands.monotone)),
        "costs": float(any(v is not None for v in (demands.cost_miss, demands.cost_false_alarm, demands.min_recall,
                                                    demands.min_precision))),
        "wide": float(len(features) > WIDE or len(features) > profile.rows / 10),
        "pairs": float(sum(abs(rho) > 0.9 for _, _, rho in profile.pairs)),
    }  # fmt: skip
    return {k: v for k, v in (found | _columns(features) | _target(problem, profile)).items() if v or k in _ALWAYS}


_ALWAYS = ("rows", "columns")


def words_of(problem: Problem, profile: Profile) -> frozenset[str]:
    """The words of the statement and of column names, in lower case; for choosing notes, not for showing."""
    texts = (problem.statement, *(c.name for c in profile.columns))
    parts = (re.sub(r"([a-z])([A-Z])", r"\1 \2", text) for text in texts)
    return frozenset(word for text in parts for word in re.findall(r"[^\W\d_]+", text.lower()))


def _columns(columns: list[Column]) -> dict[str, float]:
    kinds = [c.kind for c in columns]
    missing = [c.missing for c in columns]
    return {
        "numbers": float(kinds.count("numeric")),
        "categories": float(kinds.count("category") + kinds.count("boolean")),
        "dates": float(kinds.count("datetime")),
        "text": float(kinds.count("text")),
        "ids": float(kinds.count("id")),
        "personal": float(sum(bool(c.personal) for c in columns)),
        "high_cardinality": float(sum(c.kind == "category" and c.distinct > MANY_LEVELS for c in columns)),
        "missing": round(sum(missing) / len(missing), 4) if missing else 0.0,
        "many_missing": float(sum(share > MUCH_MISSING for share in missing)),
        "heavy_tails": float(sum(abs(c.numbers.get("skew", 0.0)) > TAILED for c in columns)),
        "suspicious": float(sum((c.association or 0.0) >= TOO_GOOD for c in columns)),
    }


def _target(problem: Problem, profile: Profile) -> dict[str, float]:
    numbers, levels = profile.target_numbers, profile.target_levels
    column = next((c for c in profile.columns if c.name == profile.target), None)
    if problem.classes:
        total = sum(count for _, count in levels)
        rarest = min((count for _, count in levels), default=0) / total if total else 0.0
        fair = 1 / max(2, len(problem.classes))
        numbered = all(re.fullmatch(r"-?\d+(\.0+)?", label) for label in problem.classes)
        return {
            "rarest_class": round(rarest, 4),
            "imbalance": float(0 < rarest < RARE * fair or (column is not None and column.hidden_levels > 0)),
            "ordinal_target": float(len(problem.classes) > 2 and numbered),
        }
    lowest = numbers.get("q01", float("nan"))
    return {
        "skew": round(numbers.get("skew", 0.0), 2),
        "skewed_target": float(abs(numbers.get("skew", 0.0)) > SKEWED or _spans(numbers)),
        "positive_target": float(lowest > 0),
        "count_target": float(lowest >= 0 and column is not None and _counted(column, profile)),
    }


def _spans(numbers: Mapping[str, float]) -> bool:
    """Whether the middle 90 % of a positive target span more than one and a half orders of magnitude."""
    low, high = numbers.get("q05", 0.0), numbers.get("q95", 0.0)
    return low > 0 and high / low > 30


def _counted(column: Column, profile: Profile) -> bool:
    """Whether a target looks like whole numbers that count something: its quantiles are whole, and values repeat."""
    known = [q for q in column.quantiles if q == q]
    whole = bool(known) and sum(q == round(q) for q in known) >= len(known) - 1
    return whole and column.distinct * 5 < profile.rows
