"""What is proposed and what became of it: plans, hypotheses, experiments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from modelwright.protocol import Score, Validation
from modelwright.recipe import Recipe, Use
from modelwright.step import Failure


@dataclass(frozen=True)
class Hypothesis:
    """A guess about what will help.

    Args:
        text: the guess.
        confidence: how sure its author is, 0 to 1.
        expected_gain: by how many percent the loss is expected to fall below the best so far; ``None`` when nobody
            said.
    """

    text: str
    confidence: float = 0.5
    expected_gain: float | None = None


@dataclass(frozen=True)
class Plan:
    """One experiment as it is proposed, before it is a program.

    Args:
        name: short and unique in the run; names the program's file.
        estimator: the estimator with its parameters.
        transforms: feature making, preprocessing and selection, in order.
        view: how the data is presented; ``None`` takes what suits the estimator.
        resampling: changes the rows that are fitted on.
        weighting: weights the rows that are fitted on.
        target: transform of a regression target.
        reason: why, in one sentence for the report.
        by: who proposed it: a policy's or an agent's name.
        hypothesis: what it is meant to find out.
        cost: predicted seconds of one core; only for ordering and for saying what was too dear.
        parent: the experiment that it varies, if any.
        question: the decision that led to it (``designer:2``), where a language model had a part in it.
        program: its program, where somebody wrote one; rendered from the plan otherwise.
        idea: what sets it apart from a plan of the same estimator that does without it, such as ``own-past``; empty for
            none. An idea that was tried with some estimators and clearly failed isn't tried with others.
        max_train_rows: training rows of a fit at most, of a sample; ``None`` for all. It is the search that decides,
            see :mod:`modelwright.fidelity`.
    """

    name: str
    estimator: Use
    transforms: tuple[Use, ...] = ()
    view: Use | None = None
    resampling: Use | None = None
    weighting: Use | None = None
    target: Use | None = None
    reason: str = ""
    by: str = "portfolio"
    hypothesis: Hypothesis | None = None
    cost: float = 0.0
    parent: str = ""
    question: str = ""
    program: str = ""
    idea: str = ""
    max_train_rows: int | None = None

    @property
    def recipe(self) -> Recipe:
        """What the plan's own parts make; a program may make another."""
        return Recipe(self.estimator, self.transforms, self.view, self.resampling, self.weighting, self.target)


@dataclass(frozen=True)
class Experiment:
    """A plan that was run.

    Args:
        number: counted from 1 in the order of design.
        plan: what was proposed.
        status: how it ended; ``pruned`` means that it was stopped after some folds because it was clearly worse.
        recipe: what its program built; ``None`` when it failed.
        score: out-of-fold score in the run's metric.
        metrics: further out-of-fold figures.
        seconds: core seconds spent on its steps.
        failures: what went wrong on the way, each with what was done about it.
        oof: digest of the out-of-fold predictions.
        by_part: the score on each part of the protocol, in its order.
        fit_seconds: mean seconds of one fit.
        predict_seconds: mean seconds of predicting one part.
        truncated: whether any fit stopped early for lack of time.
        rounds: rounds of boosting that the first fit found, and the rows it found them on; ``None`` elsewhere.
        train_rows: rows of the largest fit; 0 where it isn't known.
        model: digest of its fitted model, where such are kept.
    """

    number: int
    plan: Plan
    status: Literal["done", "pruned", "failed", "skipped"]
    recipe: Recipe | None = None
    score: Score[Validation] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()
    oof: str = ""
    by_part: tuple[float, ...] = ()
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    truncated: bool = False
    rounds: tuple[int, int] | None = None
    train_rows: int = 0
    model: str = ""

    @property
    def informed(self) -> bool:
        """Whether it made a model that looks at the columns; mixing in others gains by chance only."""
        return self.status == "done" and bool(self.oof) and not self.plan.estimator.action.startswith("baseline_")

    @property
    def slug(self) -> str:
        """The name of its files: ``03-catboost``."""
        return f"{self.number:02d}-{self.plan.name}"
