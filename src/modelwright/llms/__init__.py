"""Language models: the contract of providers, and the one door to them.

A provider turns one request into one reply. Retries, limits, costs and the record of what was asked belong to the
gateway (:mod:`modelwright.llms.gateway`), so that no provider does them in its own way.

To add a provider, name a subclass of :class:`Provider` in a module of this folder, or in the entry-point group
``modelwright.llms`` of another package.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from modelwright.errors import ModelwrightError
from modelwright.registry import classes


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True)
class Ask:
    """One request to a language model. Everything that its reply depends on; its digest is the key of the record.

    Args:
        purpose: the agent that asks; tokens and costs are counted by it.
        messages: the conversation so far.
        schema: JSON schema that the reply must follow, where the provider is to keep to it by its own means
            (function calling or structured output); ``None`` asks for text.
        max_tokens: of the reply.
        search: whether the provider may search the web for it, where it can.
    """

    purpose: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 4_000
    search: bool = False


@dataclass(frozen=True)
class Reply:
    """What a language model replied.

    Args:
        text: the message's text; with a schema, the JSON that was given in the structured way.
        model: provider and model (``openai:gpt-5``).
        structured: whether the text came by the provider's structured output.
        finish: why it ended: ``stop``, ``length`` (cut off), ``refusal`` or ``other``.
        input_tokens: of the request; estimated at four characters a token where the provider doesn't say.
        output_tokens: of the reply; as above.
        cost_usd: the price, where it is known; ``None`` otherwise.
        seconds: until it was there.
        reused: whether it was taken from the record instead of being asked for.
    """

    text: str
    model: str
    structured: bool = False
    finish: Literal["stop", "length", "refusal", "other"] = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    reused: bool = False


class ProviderError(ModelwrightError):
    """A provider gave no reply. The message is one sentence and holds nothing of the provider's own text but a code.

    Args:
        message: what happened.
        retry_after: seconds after which another try makes sense, where the provider said so.
    """

    retryable: ClassVar[bool] = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        known = retry_after is not None and math.isfinite(retry_after) and retry_after > 0
        self.retry_after = retry_after if known else None


class Busy(ProviderError):
    """The provider wants fewer requests (429): fewer at a time, and none before ``retry_after``."""


class Lost(ProviderError):
    """A request was sent and no whole reply came back: too late, cut short, unreadable. It may have been billed."""


class NotAuthorised(ProviderError):
    """The key is missing, wrong or without credit: nothing will help but another key."""

    retryable = False


class NotUnderstood(ProviderError):
    """The provider refused the request as such: no such model, no structured output, too long."""

    retryable = False


class NotRecorded(NotUnderstood):
    """A replay has no reply on record for this request."""


class Spent(ProviderError):
    """Nobody may be asked any more: the money or the time for it is spent."""

    retryable = False


def estimated_tokens(text: str) -> int:
    """Tokens of a text, rather too many than too few: three bytes each (English has about four, Chinese three)."""
    return -(-len(text.encode("utf-8", "replace")) // 3)


class Provider(ABC):
    """Turns one request into one reply; may be called from several threads at a time."""

    name: ClassVar[str]
    """What stands before the colon in ``--llm name:model``."""

    @abstractmethod
    def __init__(self, model: str) -> None:
        """Take what stands behind the colon; connect to nothing.

        Raises:
            MissingExtra: when a library isn't installed.
            RequestError: when it can't be a model of this provider.
        """

    @property
    @abstractmethod
    def title(self) -> str:
        """Provider and model (``openai:gpt-5``), for people and for the record."""

    @abstractmethod
    def complete(self, ask: Ask, seconds: float) -> Reply:
        """The reply to a request.

        Args:
            ask: the request.
            seconds: after which to give up.

        Raises:
            ProviderError: when there is none.
        """

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars for so many tokens; ``None`` where nobody knows."""
        return None

    def most_tokens(self, ask: Ask) -> tuple[int, int]:
        """The most tokens that a request and its reply can come to, for the cap on costs."""
        schema = json.dumps(ask.schema) if ask.schema is not None else ""
        return sum(estimated_tokens(m.text) + 8 for m in ask.messages) + estimated_tokens(schema), ask.max_tokens

    def most_cost(self, ask: Ask) -> float | None:
        """US dollars that a request can cost at most; ``None`` where nobody knows."""
        return self.price(*self.most_tokens(ask))

    def close(self) -> None:
        """Let go of connections and end what is under way; the provider may be used again afterwards."""
        return


@cache
def all_providers() -> dict[str, type[Provider]]:
    """Every provider, by name."""
    return classes(__name__, Provider)  # type: ignore[type-abstract]  # looked up by, never made
