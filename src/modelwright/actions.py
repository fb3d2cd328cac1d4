"""The action registry: estimators, transforms and ways to combine models as one closed set.

Prompts are rendered from it, plans and programs are validated against it, and compilation dispatches on it. What is
not in it can't be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from modelwright.action import Action, Category, Choice, Real, did_you_mean
from modelwright.errors import MissingExtra, ProgramError
from modelwright.estimators import all_estimators
from modelwright.extent import Extent
from modelwright.recipe import Recipe, Setting, Use
from modelwright.transforms import Part, Transform, all_transforms

COMBINATIONS = (
    Action(
        "blend",
        "ensemble",
        "The weighted mean of several models' predictions.",
        (
            Choice(
                "mean",
                "of class probabilities; geometric: who is sure counts for more",
                "arithmetic",
                values=("arithmetic", "geometric"),
            ),
        ),
    ),
    Action(
        "stack",
        "ensemble",
        "A small linear model learns from the models' out-of-fold predictions how to combine them.",
        (Real("C", "inverse strength of the linear model's penalty", 0.01, low=1e-4, high=100.0),),
    ),
)
THRESHOLD = Action(
    "threshold",
    "threshold",
    "From which probability a row is called positive, chosen on out-of-fold predictions.",
    (Choice("metric", "what the choice maximises", "f1", values=("f1", "balanced_accuracy", "accuracy", "youden")),),
    ("binary",),
)


@cache
def registry() -> dict[str, Action]:
    """Every action that a recipe can hold, by name."""
    estimators = [e.action() for e in all_estimators().values()]
    transforms = [t.action() for t in all_transforms().values()]
    return {a.name: a for a in (*estimators, *transforms, *COMBINATIONS, THRESHOLD)}


def lookup(name: str, categories: Iterable[Category]) -> Action:
    """The action of this name in one of the categories.

    Raises:
        ProgramError: when there is none, with the nearest name and what there is.
    """
    wanted = set(categories)
    action = registry().get(name) if isinstance(name, str) else None
    if action is None or action.category not in wanted:
        known = sorted(a.name for a in registry().values() if a.category in wanted)
        what = " or ".join(sorted(wanted))
        raise ProgramError(
            f"there is no {what} called {str(name)[:80]!r}{did_you_mean(str(name), known)}", allowed=", ".join(known)
        )
    return action


def checked(use: Use, categories: Iterable[Category], task: str) -> Use:
    """The use with validated parameters.

    Raises:
        ProgramError: for an unknown action or parameter, a value out of range, an action of another task type, or an
            estimator whose library isn't installed.
    """
    action = lookup(use.action, categories)
    if not action.applies_to(task):
        raise ProgramError(f"{action.name} doesn't apply to {task}", allowed=", ".join(action.tasks))
    if (estimator := all_estimators().get(action.name)) is not None and not estimator.installed:
        raise ProgramError(str(MissingExtra(estimator.name, estimator.extra)))
    return Use(action.name, action.validate(use.params))


FRAME_CATEGORIES: tuple[Category, ...] = ("feature", "preprocessing", "selection")


def checked_recipe(recipe: Recipe, task: str) -> Recipe:
    """The recipe with every use validated.

    Raises:
        ProgramError: as :func:`checked`.
    """
    from dataclasses import replace

    def part(use: Use | None, category: Category) -> Use | None:
        return None if use is None else checked(use, (category,), task)

    return replace(
        recipe,
        estimator=checked(recipe.estimator, ("ensemble",) if recipe.members else ("estimator",), task),
        transforms=tuple(checked(u, FRAME_CATEGORIES, task) for u in recipe.transforms),
        view=part(recipe.view, "view"),
        resampling=part(recipe.resampling, "resampling"),
        weighting=part(recipe.weighting, "weighting"),
        target=part(recipe.target, "target"),
        calibration=part(recipe.calibration, "calibration"),
        members=tuple(replace(m, recipe=checked_recipe(m.recipe, task)) for m in recipe.members),
    )


def part_of(use: Use) -> Part:
    """The transform that a use names."""
    return all_transforms()[use.action]


def build_part(use: Use, setting: Setting) -> object:
    """The unfitted object of a transform, view, resampling, weighting, target transform or calibration."""
    part = part_of(use)
    return part.build(part.action().resolved(use.params), setting)


def predicted_seconds(recipe: Recipe, rows: int, extent: Extent, setting: Setting) -> float:
    """Predict the seconds that one core needs for one fit of a recipe on an ordinary machine."""
    if recipe.members:
        return sum(predicted_seconds(m.recipe, rows, extent, setting) for m in recipe.members)
    estimator = all_estimators()[recipe.estimator.action]
    columns = extent.columns + sum(_added(use, extent.columns) for use in recipe.transforms)
    fit = estimator.seconds(rows, columns, registry()[estimator.name].resolved(recipe.estimator.params), setting)
    prepare = 0.05 + 2e-7 * rows * columns * (1 + len(recipe.transforms))
    read = rows * extent.words * (6e-6 + 8e-7 * extent.scores)
    return fit * (4.0 if recipe.calibration is not None else 1.0) + prepare + read


def _added(use: Use, columns: int) -> int:
    part = all_transforms().get(use.action)
    return part.adds(use.params, columns) if isinstance(part, Transform) else 0


def predicted_bytes(recipe: Recipe, rows: int, columns: int, setting: Setting) -> int:
    """Predict the bytes of memory that one fit of a recipe takes at its peak, besides libraries."""
    if recipe.members:
        return max(predicted_bytes(m.recipe, rows, columns, setting) for m in recipe.members)
    estimator = all_estimators()[recipe.estimator.action]
    return estimator.bytes_needed(rows, columns, registry()[estimator.name].resolved(recipe.estimator.params), setting)


def of_task(task: str | None) -> list[Action]:
    """The actions that apply to a task type (all of them without one), by category and name."""
    return sorted(
        (a for a in registry().values() if task is None or a.applies_to(task)), key=lambda a: (a.category, a.name)
    )
