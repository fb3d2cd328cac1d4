"""What a failure means and what to do about it: a list of known patterns, then the next family in the chain."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from modelwright.actions import registry
from modelwright.estimators import all_estimators
from modelwright.plan import Plan
from modelwright.recipe import Use
from modelwright.step import Failure

CHAIN = ("lightgbm", "extra_trees", "logistic_regression", "ridge", "baseline_prior")
"""Estimators in the order in which they stand in for one that can't be made to work, sturdier ones later."""


@dataclass(frozen=True)
class Remedy:
    """A diagnosis and a corrected plan.

    Args:
        diagnosis: the cause, in one sentence.
        remedy: what is done about it, in one sentence.
        plan: the corrected plan.
    """

    diagnosis: str
    remedy: str
    plan: Plan


def recover(plan: Plan, failure: Failure, task: str, tried: Iterable[str]) -> Remedy | None:
    """Diagnose a failure and correct the plan.

    Args:
        plan: the plan that failed.
        failure: how.
        task: the task type.
        tried: estimators that have failed in this experiment; the chain doesn't go back to them.

    Returns:
        The remedy, or ``None`` when there is nothing left to try.
    """
    return by_pattern(plan, failure) or next_in_chain(plan, failure, task, tried)


def by_pattern(plan: Plan, failure: Failure) -> Remedy | None:
    """The remedy of the first known pattern that a failure fits, or ``None``."""
    return next((remedy for pattern in PATTERNS if (remedy := pattern(plan, failure)) is not None), None)


def next_in_chain(plan: Plan, failure: Failure, task: str, tried: Iterable[str]) -> Remedy | None:
    """A sturdier estimator in place of the one that failed, or ``None`` when all have been tried."""
    used = {plan.estimator.action, *tried}
    for name in CHAIN:
        if name not in used and task in all_estimators()[name].tasks:
            simple = Plan(
                plan.name,
                Use(name),
                reason=plan.reason,
                by=plan.by,
                hypothesis=plan.hypothesis,
                parent=plan.parent,
                question=plan.question,
            )
            what = {"timeout": "took too long", "memory": "needed too much memory", "crash": "crashed"}
            how = what.get(failure.kind, "failed")
            return Remedy(f"{plan.estimator.action} {how}: {failure.message}", f"Took {name} instead.", simple)
    return None


def _unknown_name(plan: Plan, failure: Failure) -> Remedy | None:
    if failure.kind != "program" or "there is no" not in failure.message or plan.estimator.action in registry():
        return None
    near = difflib.get_close_matches(plan.estimator.action, list(all_estimators()), n=1, cutoff=0.5)
    if not near:
        return None
    return Remedy(
        f"{plan.estimator.action!r} isn't a registered estimator.",
        f"Took {near[0]}, the nearest name.",
        replace(plan, estimator=Use(near[0], {})),
    )


def _declined_transform(plan: Plan, failure: Failure) -> Remedy | None:
    declined = failure.error_type == "NotApplicable" or (
        failure.kind == "program" and "doesn't apply" in failure.message
    )
    if not declined or not (plan.transforms or plan.target or plan.resampling or plan.weighting):
        return None
    named = [u for u in plan.transforms if re.search(rf"\b{re.escape(u.action)}\b", failure.message)]
    gone = named[0] if named else None
    if gone is not None:
        rest = tuple(u for u in plan.transforms if u is not gone)
        return Remedy(
            f"{gone.action} has nothing to do here: {failure.message}", f"Left out {gone.action}.",
            replace(plan, transforms=rest),
        )  # fmt: skip
    without = (
        (plan.target, replace(plan, target=None)),
        (plan.resampling, replace(plan, resampling=None)),
        (plan.weighting, replace(plan, weighting=None)),
    )
    for use, simpler in without:
        if use is not None and use.action in failure.message:
            return Remedy(f"{use.action} can't be applied: {failure.message}", f"Left out {use.action}.", simpler)
    return Remedy(
        f"A transform has nothing to do here: {failure.message}", "Left out all transforms.",
        replace(plan, transforms=()),
    )  # fmt: skip


def _bad_parameter(plan: Plan, failure: Failure) -> Remedy | None:
    if failure.kind != "program" or not plan.estimator.params or plan.estimator.action not in failure.message:
        return None
    return Remedy(
        f"A parameter of {plan.estimator.action} was refused: {failure.message}", "Took its defaults.",
        replace(plan, estimator=Use(plan.estimator.action)),
    )  # fmt: skip


def _not_finite(plan: Plan, failure: Failure) -> Remedy | None:
    text = f"{failure.message} {failure.detail}".lower()
    if failure.kind != "error" or not re.search(r"\bnan\b|infinit|not finite|contains inf|overflow", text):
        return None
    if plan.target is not None:
        return Remedy(
            "Values became infinite or undefined on the way back from the transformed target.",
            "Left out the target transform.", replace(plan, target=None),
        )  # fmt: skip
    if plan.view is not None and plan.view.action == "dense":
        return None
    return Remedy(
        "The estimator met missing or infinite values.", "Filled and scaled everything before the estimator.",
        replace(plan, view=Use("dense")),
    )  # fmt: skip


def _too_big(plan: Plan, failure: Failure) -> Remedy | None:
    if failure.kind != "memory":
        return None
    member = all_estimators().get(plan.estimator.action)
    if member is not None and member.family == "neural":
        change, lighter = "Took a single network.", {"n_estimators": 1}
    else:
        change, lighter = "Took fewer and shallower trees.", {"n_estimators": 100, "max_depth": 10}
    given = plan.estimator.params
    lighter = {k: most for k, most in lighter.items() if k in _parameters(plan) and (given.get(k) or most + 1) > most}
    if not lighter:
        return None
    return Remedy(
        f"The model has no place in memory: {failure.message}", change,
        replace(plan, estimator=replace(plan.estimator, params=dict(plan.estimator.params) | lighter)),
    )  # fmt: skip


def _parameters(plan: Plan) -> set[str]:
    action = registry().get(plan.estimator.action)
    return {p.name for p in action.params} if action else set()


PATTERNS: tuple[Callable[[Plan, Failure], Remedy | None], ...] = (
    _unknown_name,
    _declined_transform,
    _bad_parameter,
    _not_finite,
    _too_big,
)
