"""The analyst: what the results say, what else to look at, and whether to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable


class Look(Answer):
    """A question about the development rows, answered with aggregates."""

    kind: Literal["class_distributions", "correlations", "temporal_trend", "group_statistics", "outliers", "errors"]
    columns: list[str] = Field(default_factory=list, max_length=10, description="columns to look at")
    group: str = Field(default="", max_length=200, description="column whose levels are compared, where it needs one")


class Analysis(Answer):
    """What the results say."""

    summary: str = Field(max_length=800, description="what the latest results say, compared with best and baseline")
    trend: Literal["improving", "flat", "worsening", "unclear"] = "unclear"
    observations: list[str] = Field(
        default_factory=list, max_length=6, description="what was learnt, one sentence each"
    )
    looks: list[Look] = Field(
        default_factory=list, max_length=3, description="what to look at before deciding; empty when enough is known"
    )
    go_on: bool = Field(default=True, description="false only when more experiments would be a waste")
    reason: str = Field(default="", max_length=300, description="why to go on or to stop")


@dataclass(frozen=True)
class AnalystFacts:
    """What the analyst is shown.

    Args:
        problem: what is asked, as text.
        columns: the columns of the data, as text.
        experiments: what was tried and how it went, as text.
        predicted: what the last designs promised, and what came of it, as text.
        answers: what was looked at on the analyst's wish, as text; empty in the first round.
        left: share of the budget that is left, in percent.
        names: the columns that may be looked at.
    """

    problem: str
    columns: str
    experiments: str
    predicted: str
    answers: str
    left: int
    names: frozenset[str]


class Analyst(Agent[AnalystFacts, Analysis]):
    """Reads results."""

    name = "analyst"
    answer = Analysis
    max_tokens = 1_500

    def review(self, answer: Analysis, facts: AnalystFacts) -> Analysis:
        """Only columns that are there can be looked at; once answers are in, no more looks are granted."""
        if facts.answers:
            return answer.model_copy(update={"looks": []})
        unknown = sorted(
            {c for look in answer.looks for c in (*look.columns, look.group) if c and c not in facts.names}
        )
        if unknown:
            raise Unacceptable(f"- looks: there is no column {unknown[0]!r}; the columns are listed in the data block")
        return answer
