"""The hypothesis maker: two or three guesses about what would help, ranked, each with an effect that can be checked."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from modelwright.agents import Agent, Answer


class Guess(Answer):
    """A hypothesis."""

    text: str = Field(
        min_length=10, max_length=300, description="what is supposed, so that an experiment can refute it"
    )
    because: str = Field(
        default="", max_length=300, description="which result or which fact of the domain speaks for it"
    )
    test: str = Field(default="", max_length=300, description="the experiment that would show it")
    confidence: float = Field(ge=0, le=1)
    expected_gain: float = Field(
        default=0.0, ge=-100, le=100, description="by how many percent the loss would fall if it is true"
    )


class Hypotheses(Answer):
    """Guesses, the most promising first."""

    hypotheses: list[Guess] = Field(min_length=1, max_length=3)


@dataclass(frozen=True)
class HypothesizerFacts:
    """What the hypothesis maker is shown.

    Args:
        problem: what is asked, as text.
        columns: the columns of the data, as text.
        experiments: what was tried and how it went, as text.
        analysis: what the analyst said, as text.
        earlier: earlier hypotheses with what came of them, as text; empty at first.
        notes: what is known about such problems, as text.
    """

    problem: str
    columns: str
    experiments: str
    analysis: str
    earlier: str
    notes: str


class Hypothesizer(Agent[HypothesizerFacts, Hypotheses]):
    """Makes hypotheses."""

    name = "hypothesizer"
    answer = Hypotheses
    max_tokens = 1_200
