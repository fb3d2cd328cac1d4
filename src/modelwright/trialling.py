"""Which plans are worth running: a trial of each on a sample, and how much better one score is than another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from modelwright.evaluation import Evaluator
from modelwright.hashing import plain
from modelwright.plan import Experiment, Plan
from modelwright.recipe import Recipe
from modelwright.step import Limits, Outcome, Step
from modelwright.tasks.metrics import Metric, gain

PILOT_SECONDS = 8.0
"""Seconds after which a trial should stop by itself; it is killed after twice as many."""
PILOT_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """How a plan did on a sample of the rows.

    Args:
        plan: its name.
        gain_percent: by how many percent its loss was below that of the same model without its features.
        seconds: that the trial took.
        forecast_seconds: that the whole experiment will probably take, in core seconds.
        problem: why it couldn't be run, if it couldn't.
        chosen: whether it will be run.
    """

    plan: str
    gain_percent: float | None
    seconds: float
    forecast_seconds: float
    problem: str
    chosen: bool


def promising(evaluator: Evaluator, plans: Sequence[Plan], most: int) -> tuple[list[Plan], list[Trial]]:
    """Try plans on a sample of the rows and choose those that promise most; those that can't be run at all go.

    Each is compared with its own estimator on the columns as they are, so that what is judged is the idea.

    Args:
        evaluator: performs the trials.
        plans: to choose from.
        most: how many to choose.
    """
    trials = [_trial(evaluator, p.recipe) for p in plans]
    references = [_trial(evaluator, Recipe(p.estimator, view=p.view, target=p.target)) for p in plans]
    found: list[tuple[Plan, Outcome, float | None]] = []
    for plan, trial, reference in zip(plans, trials, references, strict=True):
        outcome, bare = trial.result(), reference.result()
        both = outcome.ok and bare.ok
        better = percent(evaluator.metric, bare.value["score"], outcome.value["score"]) if both else None
        found.append((plan, outcome, better))
    running = [f for f in found if f[1].ok] or found

    def promise(one: tuple[Plan, Outcome, float | None]) -> tuple[float, float]:
        plan, _, better = one
        hoped = plan.hypothesis.confidence if plan.hypothesis else 0.0
        return better if better is not None else -1e9, hoped

    chosen = [plan for plan, _, _ in sorted(running, key=promise, reverse=True)[:most]]
    told = [
        Trial(
            plan.name,
            better,
            round(outcome.seconds, 2),
            round(evaluator.forecasts.forecast(plan.recipe), 1),
            "" if outcome.ok or outcome.failure is None else outcome.failure.message[:200],
            plan in chosen,
        )
        for plan, outcome, better in found
    ]
    return chosen, told


def percent(metric: Metric, before: float | None, after: float) -> float | None:
    """By how many percent the loss fell from one score to another; ``None`` when that can't be said."""
    if before is None:
        return None
    loss = metric.loss(before)
    return round(100.0 * gain(metric, after, before) / loss, 2) if 0 < loss < float("inf") else None


def best_score(metric: Metric, experiments: Iterable[Experiment]) -> float | None:
    """The best score among finished experiments."""
    best: float | None = None
    for experiment in experiments:
        if experiment.status == "done" and experiment.score is not None:
            value = experiment.score.value
            best = value if best is None or gain(metric, value, best) > 0 else best
    return best


def _trial(evaluator: Evaluator, recipe: Recipe) -> Future[Outcome]:
    situation = evaluator.situation
    step = Step(
        "modelwright.piloting:pilot",
        PILOT_VERSION,
        {
            "recipe": plain(recipe),
            "situation": situation.compile_args,
            "target": situation.target,
            "part": list(situation.protocol.parts()[-1]),
            "forward": situation.protocol.forward,
            "metric": situation.protocol.metric,
            "temporal": situation.time_column is not None,
        },
        {"rows": situation.rows, "assignment": situation.protocol.assignment},
        situation.seed,
    )
    limits = Limits(seconds=2 * PILOT_SECONDS, soft_seconds=PILOT_SECONDS, memory=evaluator.memory)
    return evaluator.engine.submit(step, limits, stage="trial", priority=-1)
