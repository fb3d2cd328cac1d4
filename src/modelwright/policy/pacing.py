"""Plans that fit into the time there is for them: made lighter rather than cut short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from modelwright.actions import registry
from modelwright.estimators import all_estimators
from modelwright.plan import Plan
from modelwright.recipe import Use

ROOM = 1.25
"""How many times its limit a plan may be expected to take: forecasts aren't better than that."""


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
