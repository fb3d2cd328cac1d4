"""The recovery agent: what a failure means, and which registered change mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._plans import Chosen


class Fix(Answer):
    """One typed change of the failed plan."""

    kind: Literal[
        "drop_transform",
        "set_transform",
        "set_estimator",
        "drop_target_transform",
        "drop_resampling",
        "drop_weighting",
        "fill_and_scale",
    ] = Field(description="set_* replaces the action of that place, or its parameters")
    replaces: str = Field(default="", max_length=80, description="for drop_transform and set_transform: which action")
    action: Chosen | None = Field(default=None, description="for set_transform and set_estimator: what instead")


class Diagnosis(Answer):
    """What went wrong and what to do."""

    cause: str = Field(min_length=5, max_length=300, description="the root cause, in one sentence")
    recoverable: bool
    fixes: list[Fix] = Field(default_factory=list, max_length=4, description="applied together, in order")


@dataclass(frozen=True)
class RecoveryFacts:
    """What the recovery agent is shown.

    Args:
        problem: what is asked, as text.
        failure: kind, message and trimmed traceback, as text without values of the data.
        plan: the failed plan as actions, as text.
        program: the program that failed, where a language model wrote it; empty otherwise.
        columns: the columns of the data, as text.
        actions: what may be used instead, as text.
        earlier: earlier failures of the same experiment, as text.
        check: what is wrong with the fixes, one sentence each; nothing when they can be applied.
    """

    problem: str
    failure: str
    plan: str
    program: str
    columns: str
    actions: str
    earlier: str
    check: Callable[[Diagnosis], list[str]]


class RecoveryAgent(Agent[RecoveryFacts, Diagnosis]):
    """Diagnoses failures."""

    name = "recovery"
    answer = Diagnosis
    max_tokens = 1_000

    def review(self, answer: Diagnosis, facts: RecoveryFacts) -> Diagnosis:
        """Fixes must be applicable to the plan."""
        problems = facts.check(answer) if answer.recoverable else []
        if answer.recoverable and not answer.fixes:
            problems = ["recoverable, yet no fix is given"]
        if problems:
            raise Unacceptable("\n".join(f"- {p}" for p in problems))
        return answer
