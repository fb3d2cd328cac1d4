"""From an agent's sketch to a plan that can be run, and back to words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from modelwright.action import Category, did_you_mean
from modelwright.actions import FRAME_CATEGORIES, build_part, checked
from modelwright.agents._plans import Chosen
from modelwright.agents.designer import Sketch
from modelwright.agents.recovery import Diagnosis, Fix
from modelwright.errors import NotApplicable, ProgramError
from modelwright.hashing import plain
from modelwright.plan import Experiment, Hypothesis, Plan
from modelwright.policy.ground import Ground
from modelwright.policy.permitted import permitted
from modelwright.recipe import Setting, Use


class Unfit(Exception):
    """A sketch or a fix that can't be run; the message says why, for its author."""


def plan_of(sketch: Sketch, ground: Ground, question: str, taken: Sequence[str] = ()) -> Plan:
    """The plan that a sketch stands for, every action validated.

    Args:
        sketch: what an agent proposed.
        ground: the run.
        question: the decision that it is part of.
        taken: names that other plans have.

    Raises:
        Unfit: with what is wrong.
    """
    name = sketch.name
    while name in taken:
        name = f"{name[:36]}-{sum(n.startswith(name[:36]) for n in taken) + 1}"
    plan = Plan(
        name,
        _checked(sketch.estimator.use(), ("estimator",), ground),
        tuple(_checked(t.use(), FRAME_CATEGORIES, ground) for t in sketch.transforms),
        resampling=_optional(sketch.resampling, "resampling", ground),
        weighting=_optional(sketch.weighting, "weighting", ground),
        target=_optional(sketch.target_transform, "target", ground),
        reason=sketch.idea,
        by="designer",
        hypothesis=Hypothesis(sketch.hypothesis or sketch.idea, sketch.confidence, sketch.expected_gain),
        question=question,
    )
    for place, use in enumerate(plan.transforms):
        _with_known_columns(use, ground, after=place)
    if plan.target is not None:
        _with_known_columns(plan.target, ground, after=0)
    if not permitted(ground, plan):
        raise Unfit(f"the user's constraints don't allow {plan.estimator.action}")
    return plan


def problems_of(sketch: Sketch, ground: Ground, tried: Mapping[str, Experiment]) -> list[str]:
    """What is wrong with a sketch, one sentence each; nothing when it can be run.

    Args:
        sketch: what an agent proposed.
        ground: the run.
        tried: experiments by the digest of their plan's recipe.
    """
    try:
        plan = plan_of(sketch, ground, "")
    except Unfit as error:
        return [str(error)]
    same = tried.get(plan.recipe.digest)
    return [] if same is None else [f"experiment {same.number} ({same.plan.name}) did just this; propose something new"]


def mended(plan: Plan, diagnosis: Diagnosis, ground: Ground) -> Plan:
    """The plan with the fixes applied, in order; its program is dropped, since it was the failed plan's.

    Raises:
        Unfit: when a fix can't be applied, or nothing changes.
    """
    fixed = replace(plan, program="")
    for fix in diagnosis.fixes:
        fixed = _applied(fixed, fix, ground)
    if fixed.recipe == plan.recipe and not plan.program:
        raise Unfit("the fixes change nothing")
    if not permitted(ground, fixed):
        raise Unfit(f"the user's constraints don't allow {fixed.estimator.action}")
    return fixed


def in_words(plan: Plan, sketch: Sketch | None = None) -> str:
    """A plan as text for the programmer and the recovery agent."""
    lines = [f"{plan.name}: {plan.reason}"]
    if sketch is not None:
        lines += [f"- data: {task}" for task in sketch.data_tasks]
        lines += [f"- model: {sketch.model_task}"] if sketch.model_task else []
        # What it is made of stands in its plainest program.
        return "\n".join([*lines, f"- the program: {sketch.beyond}"])
    return "\n".join([*lines, *_parts(plan)])


def _parts(plan: Plan) -> Iterator[str]:
    for use in plan.transforms:
        yield f"- transform {_call(use)}"
    for what in ("view", "resampling", "weighting", "target"):
        use = getattr(plan, what)
        if use is not None:
            yield f"- {what} {_call(use)}"
    yield f"- estimator {_call(plan.estimator)}"


def _call(use: Use) -> str:
    return f"{use.action} {json.dumps(plain(dict(use.params)), ensure_ascii=False)}"


def _applied(plan: Plan, fix: Fix, ground: Ground) -> Plan:
    if fix.kind == "drop_target_transform":
        return replace(plan, target=None)
    if fix.kind == "drop_resampling":
        return replace(plan, resampling=None)
    if fix.kind == "drop_weighting":
        return replace(plan, weighting=None)
    if fix.kind == "fill_and_scale":
        return replace(plan, view=Use("dense"))
    if fix.kind == "set_estimator":
        return replace(plan, estimator=_checked(_given(fix), ("estimator",), ground))
    places = [i for i, use in enumerate(plan.transforms) if use.action == fix.replaces]
    if not places:
        known = [u.action for u in plan.transforms]
        raise Unfit(f"{fix.kind}: the plan has no transform {fix.replaces!r}{did_you_mean(fix.replaces, known)}")
    transforms = list(plan.transforms)
    if fix.kind == "drop_transform":
        del transforms[places[0]]
    else:
        transforms[places[0]] = _checked(_given(fix), FRAME_CATEGORIES, ground)
        _with_known_columns(transforms[places[0]], ground, after=places[0])
    return replace(plan, transforms=tuple(transforms))


def _given(fix: Fix) -> Use:
    if fix.action is None:
        raise Unfit(f"{fix.kind} needs an action")
    return fix.action.use()


def _checked(use: Use, categories: Sequence[Category], ground: Ground) -> Use:
    try:
        fit = checked(use, categories, ground.task)
        if categories in (FRAME_CATEGORIES, ("target",)):
            build_part(fit, Setting(ground.task, len(ground.problem.classes)))
        return fit
    except (ProgramError, NotApplicable) as error:
        raise Unfit(str(error)[:400]) from None


def _optional(chosen: Chosen | None, category: Category, ground: Ground) -> Use | None:
    return None if chosen is None else _checked(chosen.use(), (category,), ground)


def _with_known_columns(use: Use, ground: Ground, after: int) -> None:
    """Refuse columns that aren't there; behind other transforms they may have been made by these."""
    target = ground.problem.target.value
    named = [c for key in ("columns", "column", "together", "by", "keep_columns") for c in _texts(use.params.get(key))]
    for name in named:
        if name == target:
            raise Unfit(f"{use.action}: {target!r} is what is to be predicted; it can't be used")
        if name not in ground.schema and not after:
            raise Unfit(f"{use.action}: there is no column {name[:80]!r}{did_you_mean(name, ground.schema.names)}")
    if use.action == "sql_features":
        for name in _texts(use.params.get("expressions")):
            if name == target or name in ground.schema:
                raise Unfit(f"sql_features: a column is called {name!r} already; give the new one another name")


def _texts(value: object) -> list[str]:
    values = (value,) if isinstance(value, str) else value
    return [v for v in values if isinstance(v, str)] if isinstance(values, tuple | list | dict) else []
