"""One act of reasoning, and who did it: a language model, or the built-in policy of the same step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True)
class Usage:
    """What was sent to language models, and what came back.

    Args:
        calls: requests that were answered.
        failed: requests that were not.
        input_tokens: of the answered requests.
        output_tokens: of the replies.
        cost_usd: price of all of them, where it is known.
        seconds: spent waiting, over all requests, also those that were waited for at the same time.
    """

    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0

    def with_call(self, call: Mapping[str, Any]) -> Usage:
        """The usage after one more call, as the log tells of it."""
        done = call["status"] == "done"
        return Usage(
            self.calls + done,
            self.failed + (call["status"] not in ("done", "reused")),
            self.input_tokens + int(call["input_tokens"]) * done,
            self.output_tokens + int(call["output_tokens"]) * done,
            round(self.cost_usd + float(call["cost_usd"] or 0.0) * done, 6),
            round(self.seconds + float(call["seconds"]), 3),
        )


@dataclass(frozen=True)
class Promise:
    """What was predicted of an experiment, and what came of it.

    Args:
        experiment: its number.
        confidence: that it would beat the best before it, 0 to 1.
        expected_gain: by how many percent its loss would be below that, where it was said.
        kept: whether it beat the best before it; ``None`` when it made no model.
        gain: by how many percent its loss was below; negative when it was above.
    """

    experiment: int
    confidence: float
    expected_gain: float | None
    kept: bool | None
    gain: float | None


@dataclass(frozen=True)
class Worth:
    """What a decision was worth, once its experiments were in.

    Args:
        question: the decision.
        promises: one for each of its experiments.
        before: the best validation score before them, in the metric's units.
        after: the best one with them.
        gain: by how many percent the best loss fell through them; 0 when it didn't.
        seconds: core seconds of the experiments.
        tokens: of all replies and requests that led to them.
        cost_usd: price of these, where it is known.
    """

    question: str
    promises: tuple[Promise, ...]
    before: float | None
    after: float | None
    gain: float
    seconds: float
    tokens: int
    cost_usd: float


@dataclass(frozen=True)
class Balance:
    """What a language model brought to the run over the policies alone.

    Args:
        metric: of the scores.
        together: validation score of the chosen mixture.
        alone: of the mixture that the policies' own experiments would have made.
        gain: by how many percent the loss is lower together.
        share: weight of the language model's experiments, and of those built on them, in the mixture.
    """

    metric: str
    together: float
    alone: float | None
    gain: float | None
    share: float


def calibration(worths: Iterable[Worth]) -> tuple[float | None, int]:
    """How well stated confidence agreed with what came of it, and over how many predictions.

    The first figure is the Brier score: the mean squared difference between confidence and outcome. Saying one half to
    everything gets 0.25. ``None`` when nothing could be checked.
    """
    checked = [(p.confidence, float(p.kept)) for worth in worths for p in worth.promises if p.kept is not None]
    if not checked:
        return None, 0
    return sum((said - came) ** 2 for said, came in checked) / len(checked), len(checked)
