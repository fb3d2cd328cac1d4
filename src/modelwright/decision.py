"""One act of reasoning, and who did it: a language model, or the built-in policy of the same step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Tier = Literal["native", "prompted", "policy"]
"""How a reply came about: the provider's structured output, JSON asked for in words, or the built-in policy."""


@dataclass(frozen=True)
class Descent:
    """A step down the ladder: from which tier, and why, in one sentence."""

    tier: Tier
    reason: str


@dataclass(frozen=True)
class Decision:
    """One act of reasoning.

    Args:
        question: what was asked, unique in the run: the agent and a number (``designer:2``).
        agent: who was asked.
        tier: how the answer came about.
        output: the validated answer, as plain JSON.
        descents: the steps down the ladder that led to the tier.
        prompt: digest of the first request's messages; empty when nobody was asked.
        reply: digest of the reply that was taken; empty for a policy.
        model: which model replied (``openai:gpt-5``); empty for a policy.
        calls: requests that were really sent; replies taken from the record of the run aren't counted.
        input_tokens: of all requests for this decision.
        output_tokens: of all replies for this decision.
        cost_usd: price of all of them, where it is known.
        seconds: wall-clock until there was an answer.
        notes: names of the playbook's notes that were shown.
    """

    question: str
    agent: str
    tier: Tier
    output: Mapping[str, Any]
    descents: tuple[Descent, ...] = ()
    prompt: str = ""
    reply: str = ""
    model: str = ""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
