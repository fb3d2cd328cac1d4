"""The manager: whether a request makes sense for the data, before anything is spent on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._asking import Asked, Line, Name, Phrase

SHORTEST_REASON = 15
"""Characters below which a sentence explains nothing."""

FEWEST_WORDS = 4
"""Words below which a caution warns of nothing."""


class Ruling(Answer):
    """Whether to go on with a request."""

    verdict: Literal["accept", "ask", "refuse"]
    target: Name = Field(default="", description="for accept: the column that holds what is to be predicted")
    reason: Line = Field(default="", description="why, in one or two sentences for the person who asked")
    words: Phrase = Field(
        default="", description="for ask and refuse: the words of the request that this is about, copied literally"
    )
    possible: Line = Field(default="", description="for refuse: what would make it possible, in one sentence")
    question: Line = Field(default="", description="for ask: the question to the person")
    candidates: list[Name] = Field(default_factory=list, max_length=5, description="for ask: columns, likeliest first")
    caution: Line = Field(default="", description="for accept: what the person should know beforehand, if anything")


class Manager(Agent[Asked, Ruling]):
    """Checks requests."""

    name = "manager"
    answer = Ruling
    max_tokens = 600

    def review(self, answer: Ruling, facts: Asked) -> Ruling:
        """Whoever stops a request has to say why, point at the words that stand in the way, and show a way on."""
        if answer.verdict == "accept":
            target = facts.column(answer.target, "target") if answer.target else ""
            caution = answer.caution if len(answer.caution.split()) >= FEWEST_WORDS else ""
            return answer.model_copy(update={"candidates": [], "target": target, "caution": caution})
        problems = []
        if len(answer.reason) < SHORTEST_REASON:
            problems.append("- reason: say why, in a sentence")
        if not facts.quotes(answer.words):
            problems.append("- words: copy the words of the request that this is about, letter by letter")
        if answer.verdict == "refuse":
            if len(answer.possible) < SHORTEST_REASON:
                problems.append("- possible: say what would make it possible, in a sentence")
        elif len(answer.question) < SHORTEST_REASON:
            problems.append("- question: ask the person a question")
        candidates = []
        for name in answer.candidates if answer.verdict == "ask" else []:
            try:
                candidates.append(facts.column(name, "candidates"))
            except Unacceptable as error:
                problems.append(str(error))
        if answer.verdict == "ask" and not problems and len(set(candidates)) < 2:
            problems.append("- candidates: name two columns at least between which the person is to choose, or accept")
        if problems:
            raise Unacceptable("\n".join(problems))
        return answer.model_copy(update={"candidates": list(dict.fromkeys(candidates)), "target": ""})
