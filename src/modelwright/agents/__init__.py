"""Agents: one act of reasoning each, answered by a language model within a typed contract.

An agent has facts to show, a prompt template, and a pydantic model of its answer. What comes back is validated
against the model and then reviewed against the facts; :func:`decide` climbs down from structured output over JSON
asked for in words to the caller's built-in policy, and says why. Agents see profiles, records and descriptions, never
data, models or tools.

To add one, write a module here with a subclass of :class:`Agent`, and its template beside it in ``prompts/``.
"""

from __future__ import annotations

from abc import ABC
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from modelwright.llms import Message
from modelwright.registry import classes

if TYPE_CHECKING:
    import jinja2

MARK = "=== user ==="
"""The line of a template that parts what the agent is from what it is asked."""


class Answer(BaseModel):
    """What an agent answers. Fields that weren't asked for are dropped; texts are limited by each field."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)


class Unacceptable(Exception):
    """A valid answer that the facts forbid: a column that isn't there, an action that doesn't apply.

    The message goes back to the model, so it says what is wrong and what would be accepted.
    """


F = TypeVar("F")
A = TypeVar("A", bound=Answer)


class Agent(ABC, Generic[F, A]):
    """One act of reasoning.

    Facts are a frozen dataclass whose fields the template shows: plain values and texts that were made to be shown.
    """

    name: ClassVar[str]
    """What it is called in records, prompts and ``--llm-role``."""
    answer: type[A]
    """What it answers."""
    max_tokens: ClassVar[int] = 3_000
    """Of a reply."""
    search: ClassVar[bool] = False
    """Whether it may use a provider's web search, when the user allows it."""

    def messages(self, facts: F) -> tuple[Message, ...]:
        """The conversation's beginning: what the agent is, and what it is asked."""
        text = _templates().get_template(f"{self.name}.md").render(facts=facts)
        system, _, user = text.partition(f"{MARK}\n")
        return Message("system", system.strip()), Message("user", user.strip())

    def schema(self, facts: F) -> dict[str, Any]:
        """The JSON schema of an answer; an agent may narrow it to what the facts allow."""
        return self.answer.model_json_schema()

    def review(self, answer: A, facts: F) -> A:
        """Check an answer against the facts; may return it with names corrected.

        Raises:
            Unacceptable: when it can't be used.
        """
        return answer


def _source(name: str) -> str | None:
    source = files("modelwright.agents") / "prompts" / name
    return source.read_text("utf-8") if source.is_file() else None


@cache
def _templates() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # prompts are text, not markup
    )


@cache
def all_agents() -> dict[str, type[Agent[Any, Any]]]:
    """Every agent, by name."""
    return classes(__name__, Agent)
