"""The last word on a model: the sealed rows' verdict with what analyses and the user's demands add to it.

The rules, in the order in which they apply:

1. A model that was *not usable* stays so; the permutation test and the number of rows say what would change it.
2. A rule of one or two conditions that does as well takes the need for the model away: at most *usable with care*.
3. A demand that isn't met: at most *usable with care*.
4. Sealed rows that had been opened for another model before: at most *usable with care*, since whoever chooses a model
   knowing their scores chooses its luck, too (Dwork et al. 2015 on reusing a holdout).
5. Otherwise the verdict of the sealed rows stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from modelwright.diagnostics import ChanceTest, LearningCurve, SimpleRule
from modelwright.hashing import restore
from modelwright.judgement import Judgement, Verdict

FEW_ROWS = 500
"""Development rows below which more rows are the first thing to try when a signal is there but doesn't suffice."""

T = TypeVar("T")


def conclude(judgement: Judgement, analyses: Mapping[str, Any], n_development: int, looks: int = 1) -> Judgement:
    """The judgement with its final verdict, the reason, and what would change it.

    Args:
        judgement: what the sealed rows said, with the measured demands.
        analyses: results by name, as plain JSON.
        n_development: rows that the model was fitted on.
        looks: how many models the sealed rows have been opened for, this one included.
    """
    chance = _result(analyses, "chance_test", ChanceTest)
    curve = _result(analyses, "learning_curve", LearningCurve)
    rule = _result(analyses, "simple_rule", SimpleRule)
    word, reason = judgement.verdict, judgement.verdict_reason
    remedies: list[str] = []
    if word == "not usable":
        reason, remedies = _hopeless(reason, chance, n_development)
    elif rule is not None and rule.enough:
        word = _at_most_with_care(word)
        reason = f"{rule.sentence} {reason}"
        remedies.append(f"Use the rule instead of the model: {'; '.join(rule.rule)}.")
    failed = [v for v in judgement.demands if v.passed is False]
    if failed:
        listed = "; ".join(f"{v.demand} ({v.found})" if v.found else v.demand for v in failed)
        many = "A demand isn't met" if len(failed) == 1 else f"{len(failed)} demands aren't met"
        told = f"{many}: {listed}."
        # What makes a model useless comes first.
        reason = f"{reason} {told}" if word == "not usable" else f"{told} {reason}"
        word = _at_most_with_care(word)
    if looks > 1:
        told = (
            f"The sealed rows had been opened {counted(looks - 1)} before this model was chosen, so its score may "
            "flatter it."
        )
        reason = f"{reason} {told}" if word == "not usable" else f"{told} {reason}"
        word = _at_most_with_care(word)
        remedies.append("Judge it on labelled rows that nobody has seen: --test takes them.")
    if curve is not None and curve.outlook == "rising":
        remedies.append(curve.sentence)
    if word != "ready" and judgement.score.n_rows < 100:
        remedies.append("More labelled rows to judge by would make the figures surer; --test takes them.")
    return replace(judgement, verdict=word, verdict_reason=reason, remedies=tuple(dict.fromkeys(remedies)))


def _hopeless(reason: str, chance: ChanceTest | None, n_development: int) -> tuple[str, list[str]]:
    """Why a model isn't usable, and what would change it."""
    if chance is not None and not chance.signal:
        if n_development < FEW_ROWS:
            return f"{reason} {chance.sentence}", [
                f"With {n_development:,} rows to learn from only a strong signal can be seen: try more rows, or "
                "columns that have more to do with the target."
            ]
        return f"{reason} {chance.sentence}", [
            "More rows of these columns won't help: find columns that have to do with the target, and that are known "
            "when it is to be predicted."
        ]
    if chance is not None:
        return f"{reason} {chance.sentence}", [
            f"There is a signal, but too weak for the {n_development:,} rows: several times as many rows, or columns "
            "that say more, would bring it out."
        ]
    if n_development < FEW_ROWS:
        return reason, [f"There are only {n_development:,} rows to learn from: more rows are the first thing to try."]
    return reason, ["Columns that have more to do with the target are the first thing to look for."]


def counted(times: int) -> str:
    """How often, in words."""
    return {1: "once", 2: "twice"}.get(times, f"{times} times")


def _at_most_with_care(word: Verdict) -> Verdict:
    return "usable with care" if word == "ready" else word


def _result(analyses: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    return restore(kind, analyses[name]) if analyses.get(name) is not None else None
