"""What a run's constraints allow: which estimators, and what may be done to which columns."""

from __future__ import annotations

from modelwright.estimators import all_estimators
from modelwright.plan import Plan
from modelwright.policy.ground import Ground
from modelwright.problem import Constraints


def names_of(estimator: str) -> set[str]:
    """The names by which a constraint may mean an estimator: its own and its family's."""
    member = all_estimators().get(estimator)
    return {estimator} if member is None else {estimator, member.family}


def permitted(ground: Ground, plan: Plan) -> bool:
    """Whether the constraints allow a plan's estimator and what it does to the columns."""
    member = all_estimators().get(plan.estimator.action)
    if member is None or ground.task not in member.tasks or not member.installed:
        return False
    if not allowed(ground.problem.constraints, plan.estimator.action, ground.task):
        return False
    touched = [use.params.get("columns") for use in plan.transforms]
    touched += [(use.params["column"],) for use in (plan.target,) if use is not None and "column" in use.params]
    # What is made of a directed column may bend the direction again.
    constraints = ground.problem.constraints
    free = all(t and not set(t) & set(constraints.monotone) for t in touched)
    return free or not _directed(constraints, ground.task)


def allowed(constraints: Constraints, estimator: str, task: str) -> bool:
    """Whether the constraints allow an estimator, as far as can be said before it is fitted.

    A linear model may happen to keep to a demanded direction, which is measured before it is delivered.
    """
    member, names = all_estimators().get(estimator), names_of(estimator)
    if member is None or names & set(constraints.avoid) or (constraints.allow and not names & set(constraints.allow)):
        return False
    if constraints.interpretable and not member.interpretable:
        return False
    directed = _directed(constraints, task)
    return not directed or member.monotone or member.family == "linear" or estimator.startswith("baseline_")


def _directed(constraints: Constraints, task: str) -> bool:
    """Whether predictions must keep to directions; several classes have none."""
    return bool(constraints.monotone) and task != "multiclass"
