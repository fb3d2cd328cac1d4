"""What a designer may know of earlier experiments, and what their programs really made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelwright.hashing import digest
from modelwright.plan import Experiment, Plan
from modelwright.recipe import Recipe


@dataclass(frozen=True)
class Seen:
    """What the designer of an experiment may know: finished experiments, and how much each serves the ensemble.

    Args:
        experiments: finished ones, in the order of design.
        weights: share of the ensemble by experiment number; those without are 0.
    """

    experiments: tuple[Experiment, ...]
    weights: dict[int, float]


def main_part(recipe: Recipe) -> Recipe:
    """The recipe itself, or the weightiest one of a combination."""
    while recipe.members:
        recipe = max(recipe.members, key=lambda m: m.weight).recipe
    return recipe


def as_made(experiment: Experiment) -> Plan:
    """The plan of what an experiment's program really made; of a combination of models, of the weightiest one."""
    plan = experiment.plan
    if experiment.recipe is None or not plan.program:
        return plan
    recipe = main_part(experiment.recipe)
    return replace(
        plan,
        estimator=recipe.estimator,
        transforms=recipe.transforms,
        view=recipe.view,
        resampling=recipe.resampling,
        weighting=recipe.weighting,
        target=recipe.target,
        program="",
    )


def content(plan: Plan) -> str:
    """The content address of what a plan would make."""
    return digest([plan.recipe, plan.program])
