"""Stand-ins for language models, for tests: they need no network, no key and no luck.

They have no name for ``--llm``; make them in Python.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

from modelwright.hashing import digest
from modelwright.llms import (
    Ask,
    NotRecorded,
    NotUnderstood,
    Provider,
    ProviderError,
    Reply,
    estimated_tokens,
)
from modelwright.llms._pattern import Unsupported
from modelwright.llms._record import Keeper, key_of, recall

Line: TypeAlias = Reply | str | Mapping[str, Any] | ProviderError
"""What a script says: a reply, its text, its JSON object, or an error to raise."""


class _Double(Provider):
    """A provider that answers by itself."""

    name: ClassVar[str] = ""

    def __init__(self, model: str) -> None:
        self._title = model
        self._lock = threading.Lock()
        self.asks: list[Ask] = []
        """Every request that came, in order."""

    @property
    def title(self) -> str:
        """What it calls itself."""
        return self._title

    def _reply(self, ask: Ask, text: str) -> Reply:
        sent = sum(estimated_tokens(m.text) for m in ask.messages)
        got = estimated_tokens(text)
        cost = self.price(sent, got)
        return Reply(text, self._title, ask.schema is not None, "stop", sent, got, cost)


class Scripted(_Double):
    """Says what it was told to.

    Args:
        replies: one after the other; or a function of the request, which is called by one thread at a time.
        title: what it calls itself.
        prices: US dollars for a million input and output tokens; ``None`` for an unknown price.
    """

    def __init__(
        self,
        replies: Sequence[Line] | Callable[[Ask], Line],
        title: str = "scripted:model",
        prices: tuple[float, float] | None = (0.0, 0.0),
    ) -> None:
        super().__init__(title)
        self._prices = prices
        self._next: Iterator[Line] | None = None if callable(replies) else iter(replies)
        self._function = replies if callable(replies) else None

    def complete(self, ask: Ask, seconds: float) -> Reply:
        """The next line of the script.

        Raises:
            ProviderError: when the script says so, or has no more to say.
        """
        with self._lock:
            self.asks.append(ask)
            line = self._function(ask) if self._function else next(self._next or iter(()), None)
        if line is None:
            raise NotUnderstood(f"the script of {self.title} has no more replies")
        if isinstance(line, ProviderError):
            raise line
        if isinstance(line, Reply):
            return line
        return self._reply(ask, line if isinstance(line, str) else json.dumps(line))

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """By the prices that it was made with."""
        if self._prices is None:
            return None
        return (input_tokens * self._prices[0] + output_tokens * self._prices[1]) / 1e6


class Replaying(_Double):
    """Answers from what a run recorded, and refuses what isn't there.

    Args:
        store: of the run.
        title: of the provider that was asked then.
    """

    def __init__(self, store: Keeper, title: str) -> None:
        super().__init__(title)
        self._store = store

    def complete(self, ask: Ask, seconds: float) -> Reply:
        """The recorded reply.

        Raises:
            NotRecorded: when there is none.
        """
        with self._lock:
            self.asks.append(ask)
        found = recall(self._store, key_of(self.title, ask))
        if found is None:
            raise NotRecorded("the run that is replayed has no reply to this request")
        return found[0]


class RandomlyValid(_Double):
    """Replies at random, but always by the schema; the same request gets the same reply.

    Names are taken from the request now and then, so that some of what it says makes sense. Without a schema it
    replies with the same words in disorder.

    Args:
        seed: of the random choices.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(f"random:{seed}")
        self._seed = seed

    def complete(self, ask: Ask, seconds: float) -> Reply:
        """A reply at random.

        Raises:
            NotUnderstood: when the schema demands what isn't known here.
        """
        from modelwright.llms._random import random_value

        with self._lock:
            self.asks.append(ask)
        rng = random.Random(digest([self._seed, ask.messages, ask.schema]))
        words = sorted(set(re.findall(r"[A-Za-z_][A-Za-z0-9_]{2,40}", " ".join(m.text for m in ask.messages))))
        if ask.schema is None:
            return self._reply(ask, " ".join(rng.choices(words or ["hm"], k=30)))
        try:
            value = random_value(ask.schema, rng, words)
        except Unsupported as error:
            raise NotUnderstood(f"{self.title} can't keep to this schema: {error}") from None
        return self._reply(ask, json.dumps(value))

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Free."""
        return 0.0
