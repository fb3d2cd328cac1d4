"""Variations of what was tried, when the portfolio is through: which model to tune, and with which parameters.

The model is drawn by what its tuning may bring for its price: its share of the ensemble, how near it is to the best,
how cheap it is, how seldom it was tuned before, and how much its parameters changed so far. Parameters come from a
tree-structured Parzen estimator over all experiments with that model (Bergstra et al., "Algorithms for hyper-parameter
optimization", NeurIPS 2011; Optuna).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.action import Space
from modelwright.actions import registry
from modelwright.hashing import digest
from modelwright.plan import Experiment, Hypothesis, Plan
from modelwright.policy.ground import Ground
from modelwright.policy.made import Seen, as_made, content, losses
from modelwright.policy.ordering import starts
from modelwright.policy.permitted import permitted

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

ATTEMPTS = 30
"""How many variations are drawn before the search is called exhausted."""

KNOWN = 5
"""Experiments with a model from which on its parameters are estimated rather than drawn near the best ones."""

NEAR = 0.05
"""Share of the best loss by which a model may be worse before its tuning is worth a third as much."""

FEW = 4
"""Experiments with a model from which on their losses say how much its parameters matter."""

VARYING = 0.003
"""Share of the best loss by which the median one is higher where parameters matter."""


@dataclass(frozen=True)
class Arm:
    """One model that can be tuned: an estimator with what surrounds it, and all experiments with it.

    Args:
        plan: of its best experiment.
        slug: of its best experiment.
        trials: parameters and loss of each experiment with it.
        share: of the ensemble.
        worth: relative chance that it is tuned next.
    """

    plan: Plan
    slug: str
    trials: tuple[tuple[Mapping[str, Any], float], ...]
    share: float
    worth: float


def variation(ground: Ground, number: int, done: set[str], seen: Seen) -> Plan | None:
    """A plan with other parameters of a model that was tried.

    Args:
        ground: what experiments are designed from.
        number: the experiment's number, which also seeds every draw.
        done: content addresses of all earlier plans.
        seen: the experiments that may be learnt from.

    Returns:
        ``None`` when there is nothing to tune, or nothing new is found.
    """
    arms = list(_arms(seen))
    if not arms:
        return None
    for arm in arms:
        for use in starts(arm.plan.estimator.action, ground.task, ground.traits, ground.memory):
            plan = _varied(arm, number, use.params, "It served the ensemble of a past run on data like this.")
            if content(plan) not in done and permitted(ground, plan):
                return plan
    rng = np.random.default_rng([ground.problem.seed, number])
    chances = np.array([arm.worth for arm in arms])
    for attempt in range(ATTEMPTS):
        arm = arms[int(rng.choice(len(arms), p=chances / chances.sum()))]
        params = _estimated(arm, rng) if len(arm.trials) >= KNOWN and attempt < ATTEMPTS // 2 else _near(arm, rng)
        reason = f"A variation of {arm.slug}, the best of {len(arm.trials)} of its kind, which have {arm.share:.0%} "
        plan = _varied(arm, number, params, f"{reason}of the ensemble.")
        if content(plan) not in done and permitted(ground, plan):
            return plan
    return None


def _varied(arm: Arm, number: int, params: Mapping[str, Any], reason: str) -> Plan:
    """The arm's plan with some parameters changed."""
    estimator = arm.plan.estimator
    return replace(
        arm.plan,
        name=f"{estimator.action.replace('_', '-')}-tuned-{number}",
        estimator=replace(estimator, params={**estimator.params, **params}),
        by="search",
        reason=reason,
        hypothesis=Hypothesis("Other settings of a model that already serves may serve better.", 0.25),
        parent=arm.slug,
    )


def _arms(seen: Seen) -> Iterator[Arm]:
    """What can be tuned, in the order in which it was first tried."""
    kinds: dict[str, list[tuple[Experiment, Plan, float]]] = {}
    known = losses(seen.experiments)
    for experiment in seen.experiments:
        if experiment.plan.by == "baselines" or experiment.number not in known:
            continue
        plan = as_made(experiment)
        if any(p.searched for p in registry()[plan.estimator.action].params):
            kind = digest(replace(plan.recipe, estimator=replace(plan.estimator, params={})))
            kinds.setdefault(kind, []).append((experiment, plan, known[experiment.number]))
    finished = {kind: [t for t in tries if t[0].status == "done"] for kind, tries in kinds.items()}
    least = min((loss for tries in finished.values() for _, _, loss in tries), default=0.0)
    for kind, tries in kinds.items():
        best, plan, loss = min(finished[kind] or tries, key=lambda t: (t[2], t[0].number))
        share = sum(seen.weights.get(e.number, 0.0) for e, _, _ in tries)
        behind = (loss / least - 1) / NEAR if least > 0 else 0.0
        cost = max(0.2, float(np.median([e.plan.cost for e, _, _ in tries])))
        hope = (0.05 + 3 * share + 0.3 * math.exp(-behind)) * _varying([x for _, _, x in tries])
        worth = hope / ((1 + 0.5 * len(tries)) * math.sqrt(cost))
        yield Arm(plan, best.slug, tuple((p.estimator.params, x) for _, p, x in tries), share, worth)


def _varying(tried: Sequence[float]) -> float:
    """How much a model's parameters matter, by the losses with some, from nearly 0 to 1.

    What comes out the same whatever they are may gain next to nothing by still others.
    """
    least = min(tried)
    if len(tried) < FEW or least <= 0:
        return 1.0
    return float(np.clip((np.median(tried) / least - 1) / VARYING, 0.01, 1.0))


def _near(arm: Arm, rng: np.random.Generator) -> dict[str, Any]:
    """A random point, or every second time one that keeps about half of the best parameters."""
    drawn = registry()[arm.plan.estimator.action].sample(rng)
    if rng.random() < 0.5:
        kept = set(rng.permutation(sorted(drawn))[: len(drawn) // 2].tolist())
        drawn = {k: v for k, v in drawn.items() if k not in kept}
    return drawn


def _estimated(arm: Arm, rng: np.random.Generator) -> dict[str, Any]:
    """The point that a Parzen estimator over the arm's experiments expects most of."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    action = registry()[arm.plan.estimator.action]
    spaces = {p.name: p.space for p in action.params if p.space is not None}
    distributions = {name: _distribution(space) for name, space in spaces.items()}
    sampler = optuna.samplers.TPESampler(seed=int(rng.integers(2**31)), n_startup_trials=KNOWN)
    study = optuna.create_study(sampler=sampler)
    for params, loss in arm.trials:
        known = dict(_within(action.resolved(params), spaces))
        mine = {name: distributions[name] for name in known}
        study.add_trial(optuna.trial.create_trial(params=known, distributions=mine, value=loss))
    asked = study.ask(distributions).params
    return {name: _value(asked[name], space) for name, space in spaces.items()}


def _distribution(space: Space) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if space.values:
        return CategoricalDistribution(range(len(space.values)))
    if space.whole:
        return IntDistribution(int(space.low), int(space.high), log=space.log)
    return FloatDistribution(space.low, space.high, log=space.log)


def _within(params: Mapping[str, Any], spaces: Mapping[str, Space]) -> Iterator[tuple[str, Any]]:
    """The parameters that lie in their search spaces; values are given by their place, numbers as they are."""
    for name, space in spaces.items():
        value = params[name]
        if space.values:
            place = _place(value, space.values)
            if place is not None:
                yield name, place
        elif isinstance(value, int | float) and space.low <= value <= space.high:
            yield name, value


def _place(value: Any, values: Sequence[Any]) -> int | None:
    return next((i for i, v in enumerate(values) if type(v) is type(value) and v == value), None)


def _value(asked: Any, space: Space) -> Any:
    return space.values[asked] if space.values else space.rounded(asked)
