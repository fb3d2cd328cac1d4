"""What one more experiment may take, and plans that fit into it: made lighter rather than cut short."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from modelwright.actions import registry
from modelwright.estimators import all_estimators
from modelwright.plan import Plan
from modelwright.recipe import Use

ROOM = 1.25
"""How many times its limit a plan may be expected to take: forecasts aren't better than that."""

SHARE = 0.3
"""Share of the remaining core seconds that one experiment may be expected to take."""
MOMENT = 0.05
"""Share of them that is always allowed: what is so quick doesn't hold up what is under way."""


def room(left: float, slots: int, running: Iterable[tuple[float, float]]) -> float:
    """Core seconds that one more experiment may be expected to take.

    Its share of what is left, and no more than the experiments under way leave of it: what can't end in time
    would take it from what can.

    Args:
        left: seconds until the search has to end.
        slots: how many fits run at a time.
        running: of each experiment under way, the core seconds it was expected to take and for how many seconds it has
            been running.
    """
    under_way = list(running)
    cores = slots / max(slots, len(under_way))
    pending = sum(max(0.0, expected - cores * elapsed) for expected, elapsed in under_way)
    return slots * min(SHARE * left + 1.0, max(MOMENT * left, (left - pending / slots) / ROOM))


def pace(plan: Plan, expected: Callable[[Plan], float], limit: float) -> Plan | None:
    """The plan, or a lighter one with the same estimator, that is expected to end within a limit.

    Args:
        plan: what is wanted.
        expected: the core seconds that a plan will take.
        limit: core seconds that there are.

    Returns:
        ``None`` when even the lightest configuration takes longer, or the plan is a program of its own.
    """
    member = all_estimators().get(plan.estimator.action)
    paced = plan
    while expected(paced) > ROOM * limit:
        lighter = None if member is None or plan.program else member.lighter(_parameters(paced))
        if lighter is None:
            return None
        paced = replace(paced, estimator=Use(plan.estimator.action, {**paced.estimator.params, **lighter}))
    if paced is plan:
        return plan
    return replace(paced, reason=f"{plan.reason} Made lighter, to end in time.")


def _parameters(plan: Plan) -> dict[str, object]:
    return registry()[plan.estimator.action].resolved(plan.estimator.params)
