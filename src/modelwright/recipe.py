"""A recipe: a pipeline as data, from raw columns to prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelwright.hashing import digest, plain


@dataclass(frozen=True)
class Use:
    """One action with the parameters given for it; what isn't given is the action's default."""

    action: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> str:
        """The use as a call, for people."""
        return f"{self.action}({', '.join(f'{k}={_brief(v)}' for k, v in self.params.items())})"


def _brief(value: Any) -> str:
    text = repr(plain(value))
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Recipe:
    """A pipeline as plain data. It compiles to one scikit-learn ``Pipeline``.

    Rows flow through ``transforms`` (frame to frame), then ``view`` (frame to the matrix the estimator takes), then
    the estimator, which may be wrapped: ``resampling`` and ``weighting`` act in fitting only, ``target`` transforms
    the target of a regression, ``calibration`` corrects probabilities. A combination of models has ``members``
    instead of transforms and view: its ``estimator`` says how they are combined.

    Args:
        estimator: the estimator, or the way members are combined (``blend``, ``stack``).
        transforms: feature making, preprocessing and selection, in order.
        view: how the frame is presented to the estimator; ``None`` takes what suits the estimator.
        resampling: changes the rows that are fitted on.
        weighting: weights the rows that are fitted on.
        target: the transform of a regression target.
        calibration: the correction of predicted probabilities.
        threshold: for binary classification, the probability from which a row is called positive.
        members: the recipes that are combined, with their weights.
    """

    estimator: Use
    transforms: tuple[Use, ...] = ()
    view: Use | None = None
    resampling: Use | None = None
    weighting: Use | None = None
    target: Use | None = None
    calibration: Use | None = None
    threshold: float | None = None
    members: tuple[Member, ...] = ()

    @property
    def digest(self) -> str:
        """The content address."""
        return digest(self)

    def uses(self) -> Iterator[tuple[str, Use]]:
        """Every use with the part it plays, in the order in which data flows."""
        for i, use in enumerate(self.transforms, 1):
            yield f"transform {i}", use
        for part in ("view", "resampling", "weighting", "target", "estimator", "calibration"):
            use = getattr(self, part)
            if use is not None:
                yield part, use

    def then(self, use: Use) -> Recipe:
        """The recipe with one more transform."""
        return replace(self, transforms=(*self.transforms, use))


@dataclass(frozen=True)
class Member:
    """One recipe in a combination, with its weight (weights sum to one) and the experiment it came from."""

    recipe: Recipe
    weight: float
    experiment: str = ""


def difference(a: Recipe, b: Recipe) -> list[str]:
    """What changes from one recipe to the other, one line a change."""
    before, after = dict(_flat(a)), dict(_flat(b))
    lines = [f"- {part}: {before[part]}" for part in before if part not in after]
    lines += [f"+ {part}: {after[part]}" for part in after if part not in before]
    lines += [
        f"~ {part}: {before[part]} → {after[part]}" for part in before if part in after and before[part] != after[part]
    ]
    return lines


def _flat(recipe: Recipe, prefix: str = "") -> Iterator[tuple[str, str]]:
    for part, use in recipe.uses():
        yield f"{prefix}{part}", use.action
        for name, value in use.params.items():
            yield f"{prefix}{part}.{name}", _brief(value)
    if recipe.threshold is not None:
        yield f"{prefix}threshold", f"{recipe.threshold:.3f}"
    for i, member in enumerate(recipe.members, 1):
        yield f"{prefix}member {i}.weight", f"{member.weight:.3f}"
        yield from _flat(member.recipe, f"{prefix}member {i}.")


@dataclass(frozen=True)
class Setting:
    """What a recipe is compiled for: everything about the situation that isn't part of the recipe.

    Args:
        task: the task type.
        n_classes: number of classes; 0 for regression. Targets are the codes 0 … n_classes − 1.
        seed: seed of every random choice.
        threads: threads that one fit may use.
        stop_at: ``time.monotonic()`` after which fitting should stop with what it has; ``None`` for no limit.
        time_column: the column that orders rows in time, if there is one.
        group_column: the column that names each row's group, if there is one.
        monotone: columns with which the prediction must not fall (+1) or must not rise (−1); a demand on every
            recipe of a run, so it isn't part of any.
        rounds: how many rounds of boosting another fit of the same recipe has found to be best, or how many trees it
            had time for; ``None`` to find it. In forecasts 0 stands for a number that isn't known yet.
    """

    task: str
    n_classes: int
    seed: int = 0
    threads: int = 1
    stop_at: float | None = None
    time_column: str | None = None
    group_column: str | None = None
    monotone: tuple[tuple[str, int], ...] = ()
    rounds: int | None = None

    @property
    def classification(self) -> bool:
        """Whether the target is a class."""
        return self.n_classes > 0
