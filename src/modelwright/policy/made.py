"""What a designer may know of earlier experiments, and what their programs really made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from modelwright.hashing import digest
from modelwright.plan import Experiment, Plan
from modelwright.recipe import Recipe
from modelwright.tasks.metrics import find_metric


@dataclass(frozen=True)
class Seen:
    """What the designer of an experiment may know: finished experiments, and how much each serves the ensemble.

    Args:
        experiments: finished ones, in the order of design.
        weights: share of the ensemble by experiment number; those without are 0.
    """

    experiments: tuple[Experiment, ...]
    weights: dict[int, float]


def losses(experiments: Sequence[Experiment]) -> dict[int, float]:
    """By number, how far finished and pruned experiments are from a perfect score, so that they can be compared.

    A pruned one was judged on the protocol's first part only, which may be an easier one than the others, or a harder
    one: its loss there is multiplied by the median of how much more finished experiments lose on all parts.
    """
    found: dict[int, float] = {}
    pruned: dict[int, float] = {}
    growth: list[float] = []
    for experiment in experiments:
        score = experiment.score
        if score is None or experiment.status not in ("done", "pruned"):
            continue
        metric = find_metric(score.metric)
        loss = metric.loss(score.value)
        (pruned if experiment.status == "pruned" else found)[experiment.number] = loss
        first = metric.loss(experiment.by_part[0]) if len(experiment.by_part) > 1 else 0.0
        if first > 0:
            growth.append(loss / first)
    return found | {number: loss * median(growth or [1.0]) for number, loss in pruned.items()}


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
