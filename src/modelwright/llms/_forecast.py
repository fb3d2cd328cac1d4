"""What a run's questions will probably take, so that it can be said before the first one is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelwright.llms import Provider


@dataclass(frozen=True)
class Load:
    """What an agent usually asks for.

    Args:
        calls: requests.
        input_tokens: of each.
        output_tokens: of each reply.
    """

    calls: int
    input_tokens: int
    output_tokens: int


ONCE: Mapping[str, Load] = {
    "manager": Load(1, 1_500, 200),
    "interpreter": Load(1, 2_200, 400),
    "retriever": Load(1, 1_900, 250),
    "reporter": Load(1, 2_000, 500),
}
EACH: Mapping[str, Load] = {
    "designer": Load(1, 4_700, 1_200),
    "programmer": Load(2, 2_400, 500),
    "analyst": Load(1, 2_000, 400),
    "hypothesizer": Load(1, 1_600, 300),
}
"""By agent, once in a run and in each iteration; counted on tables of some twenty columns."""


@dataclass(frozen=True)
class Forecast:
    """What a run will probably take.

    Args:
        calls: requests.
        input_tokens: of all requests.
        output_tokens: of all replies.
        cost_usd: of all of them; ``None`` when the price of a provider isn't known.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


def forecast(providers: Mapping[str, Provider], iterations: int) -> Forecast:
    """The forecast for a run.

    Args:
        providers: by agent; the one under the empty name serves all others.
        iterations: of the loop.
    """
    loads = [*ONCE.items(), *(load for _ in range(iterations) for load in EACH.items())]
    calls = sent = got = 0
    costs: list[float | None] = []
    for agent, load in loads:
        calls += load.calls
        here, back = load.calls * load.input_tokens, load.calls * load.output_tokens
        sent, got = sent + here, got + back
        costs.append((providers.get(agent) or providers[""]).price(here, back))
    known = [c for c in costs if c is not None]
    return Forecast(calls, sent, got, sum(known) if len(known) == len(costs) else None)
