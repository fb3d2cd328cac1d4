"""The reporter: a run told for somebody who knows the data, from facts it may not go beyond."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._claims import Evidence, checked

MOST_WORDS = 320
"""Words that are kept; 150 to 250 are asked for."""

FEWEST_WORDS = 60
"""Words below which what is left of a text tells nothing."""


class Narrative(Answer):
    """A run, told."""

    paragraphs: list[str] = Field(max_length=8, description="3 to 5, of plain sentences, 150 to 250 words in all")


@dataclass(frozen=True)
class ReporterFacts:
    """What the reporter is shown.

    Args:
        statement: the problem in the user's words, as a JSON string.
        facts: what is known, one sentence each; nothing else may be claimed.
        names: columns and models that may be named.
        verdict: what may be done with the model.
    """

    statement: str
    facts: tuple[str, ...]
    names: tuple[str, ...]
    verdict: str

    @property
    def evidence(self) -> Evidence:
        """What the text is held against."""
        return Evidence((self.statement, *self.facts), self.names, self.verdict)


class Reporter(Agent[ReporterFacts, Narrative]):
    """Tells of runs."""

    name = "reporter"
    answer = Narrative
    max_tokens = 1_200

    def review(self, answer: Narrative, facts: ReporterFacts) -> Narrative:
        """Sentences that claim what the facts don't go; when hardly anything is left, the model hears why."""
        found = checked(answer.paragraphs, facts.evidence, MOST_WORDS)
        words = sum(len(paragraph.split()) for paragraph in found.paragraphs)
        if words < FEWEST_WORDS or 2 * len(found.dropped) > found.sentences:
            reasons = found.dropped[:6] or (f"it has {words} words; 150 to 250 are asked for",)
            raise Unacceptable("\n".join(f"- {reason}" for reason in reasons))
        return Narrative(paragraphs=list(found.paragraphs))
