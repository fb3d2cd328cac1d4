"""The designer: several diverse plans at once, each of registered actions, with a prediction that can be checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._plans import PLACES, Estimator, Resampling, TargetTransform, Transform, Weighting


class Sketch(Answer):
    """One plan: what is done to the data, which model, and what it is expected to bring."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,39}$", description="short, unique, lower case with dashes")
    idea: str = Field(
        min_length=10, max_length=400, description="why it should help, from what is known of the problem"
    )
    data_tasks: list[str] = Field(
        default_factory=list, max_length=8, description="sub-tasks on the data, in words: features to make, and how"
    )
    model_task: str = Field(default="", max_length=300, description="sub-task on the model, in words")
    transforms: list[Transform] = Field(default_factory=list, max_length=10, description="in order; features first")
    estimator: Estimator
    target_transform: TargetTransform | None = None
    resampling: Resampling | None = None
    weighting: Weighting | None = None
    beyond: str = Field(
        default="",
        max_length=400,
        description="what a program has to do for it beyond transforms, then estimator: branches, comparing variants, "
        "stacking, looking at the data in between; empty when there is nothing",
    )
    mode: Literal["explore", "exploit"] = Field(description="something new, or more of what works")
    hypothesis: str = Field(default="", max_length=300, description="what its result will tell")
    confidence: float = Field(ge=0, le=1, description="that it beats the best experiment so far")
    expected_gain: float = Field(
        default=0.0, ge=-100, le=100, description="by how many percent its loss will be below the best so far"
    )


class Design(Answer):
    """The plans of one iteration."""

    plans: list[Sketch] = Field(min_length=1, max_length=4)


@dataclass(frozen=True)
class DesignerFacts:
    """What the designer is shown.

    Args:
        problem: what is asked, as text.
        profile: the data, as text.
        actions: what may be used, as text.
        experiments: what was tried and how it went, as text; empty before the first.
        notes: what is known about such problems, as text.
        findings: what the analyst and the hypothesis maker said, as text; empty at first.
        wanted: how many plans.
        exploration: share of them that should be something new, in percent.
        seconds: core seconds that one plan should cost at most on an ordinary machine.
        names: names of the actions that may be used, by category.
        check: what is wrong with a sketch, one sentence each; nothing when it can be run.
    """

    problem: str
    profile: str
    actions: str
    experiments: str
    notes: str
    findings: str
    wanted: int
    exploration: int
    seconds: int
    names: Mapping[str, tuple[str, ...]]
    check: Callable[[Sketch], list[str]]


class Designer(Agent[DesignerFacts, Design]):
    """Designs the next experiments."""

    name = "designer"
    answer = Design
    max_tokens = 3_500

    def schema(self, facts: DesignerFacts) -> dict[str, Any]:
        """Only names of the registry; a provider that keeps to schemas can't even write another."""
        schema = super().schema(facts)
        for place, categories in PLACES.items():
            names = [name for category in categories for name in facts.names.get(category, ())]
            if names:
                schema["$defs"][place]["properties"]["action"] = {"type": "string", "enum": names}
            else:
                schema["$defs"][place] = {"type": "null"}
        return schema

    def review(self, answer: Design, facts: DesignerFacts) -> Design:
        """Keep the plans that can be run; when hardly any can, the model hears why."""
        problems: list[str] = []
        good: dict[str, Sketch] = {}
        for sketch in answer.plans:
            wrong = [f"{sketch.name} is the name of two plans"] if sketch.name in good else facts.check(sketch)
            if wrong:
                problems += [f"- plan {sketch.name}: {text}" for text in wrong]
            else:
                good[sketch.name] = sketch
        if problems and len(good) < min(2, len(answer.plans)):
            raise Unacceptable("\n".join(problems[:8]))
        return Design(plans=list(good.values()))
