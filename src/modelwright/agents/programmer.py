"""The programmer: an experiment as a program in the restricted language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable


class Code(Answer):
    """A program."""

    program: str = Field(min_length=20, max_length=8_000, description="the whole program, nothing but source text")


@dataclass(frozen=True)
class ProgrammerFacts:
    """What the programmer is shown.

    Args:
        task: the task type.
        target: the column to predict, quoted.
        plan: the plan in words and as actions, as text.
        columns: the columns of the data, as text.
        tools: what a program may call, as text.
        actions: the plan's actions with all their parameters, as text.
        template: a program that runs the plan in the plainest way.
        failed: a program that failed when it ran, and how, as text; empty at first.
        check: refuses a program, with line, what was expected and what is allowed; silent when it may run.
    """

    task: str
    target: str
    plan: str
    columns: str
    tools: str
    actions: str
    template: str
    failed: str
    check: Callable[[str], str]


class Programmer(Agent[ProgrammerFacts, Code]):
    """Writes the program of an experiment."""

    name = "programmer"
    answer = Code
    max_tokens = 2_000

    def review(self, answer: Code, facts: ProgrammerFacts) -> Code:
        """Only programs that pass the static check come through."""
        source = _unfenced(answer.program)
        problem = facts.check(source)
        if problem:
            raise Unacceptable(f"- {problem}")
        return Code(program=source)


def _unfenced(source: str) -> str:
    """The program without the code fence that some models put round it."""
    lines = source.strip().splitlines()
    if lines and lines[0].startswith("```"):
        lines = lines[1:-1] if lines[-1].startswith("```") else lines[1:]
    return "\n".join(lines) + "\n"
