"""Which experiment is next once the portfolio is through: variations of what serves the ensemble best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modelwright.actions import registry
from modelwright.hashing import digest
from modelwright.plan import Experiment, Hypothesis, Plan
from modelwright.policy.portfolio import Ground, permitted, portfolio

ATTEMPTS = 30
"""How many random variations are drawn before the search is called exhausted."""


@dataclass(frozen=True)
class Seen:
    """What the designer of an experiment may know: finished experiments, and how much each serves the ensemble.

    Args:
        experiments: finished ones, in the order of design.
        weights: share of the ensemble by experiment number; those without are 0.
    """

    experiments: tuple[Experiment, ...]
    weights: dict[int, float]


def design(ground: Ground, number: int, earlier: Sequence[Plan], seen: Seen) -> Plan | None:
    """The plan of the experiment with this number.

    A pure function: the same arguments give the same plan, so that a resumed run designs what it designed before.

    Args:
        ground: what experiments are designed from.
        number: the experiment's number, from 1.
        earlier: all plans made before, finished or not.
        seen: the experiments that may be learnt from.

    Returns:
        The plan, or ``None`` when nothing new comes to mind.
    """
    done = {_content(p) for p in earlier}
    names = {p.name for p in earlier}
    for plan in portfolio(ground):
        if plan.name not in names and _content(plan) not in done and _promising(ground, plan, seen):
            return plan
    return _variation(ground, number, done, seen)


def _promising(ground: Ground, plan: Plan, seen: Seen) -> bool:
    """Leave out a plan whose idea has been tried and was clearly worse than doing without."""
    by_name = {e.plan.name: e for e in seen.experiments}
    for suffix in ("-codes-as-names", "-own-past", "-log-target"):
        if not plan.name.endswith(suffix):
            continue
        pairs = [
            (by_name[n], by_name[n.removesuffix(suffix)])
            for n in by_name
            if n.endswith(suffix) and n.removesuffix(suffix) in by_name
        ]
        if pairs and all(with_it.status == "pruned" and without.status == "done" for with_it, without in pairs):
            return False
    return True


def _variation(ground: Ground, number: int, done: set[str], seen: Seen) -> Plan | None:
    bases = [e for e in seen.experiments if e.status == "done" and e.plan.by != "baselines"]
    tunable = [e for e in bases if any(p.searched for p in registry()[e.plan.estimator.action].params)]
    if not tunable:
        return None
    rng = np.random.default_rng([ground.problem.seed, number])
    # A little weight for everybody: what the ensemble doesn't want today may only be badly set.
    share = np.array([seen.weights.get(e.number, 0.0) + 0.05 for e in tunable])
    for _ in range(ATTEMPTS):
        base = tunable[int(rng.choice(len(tunable), p=share / share.sum()))]
        action = registry()[base.plan.estimator.action]
        drawn = action.sample(rng)
        if base.plan.parent == "" and rng.random() < 0.5:
            # Stay near what works: change about half of the parameters only.
            kept = set(rng.permutation(sorted(drawn))[: len(drawn) // 2].tolist())
            drawn = {k: v for k, v in drawn.items() if k not in kept}
        params = dict(base.plan.estimator.params) | drawn
        plan = replace(
            base.plan,
            name=f"{base.plan.estimator.action.replace('_', '-')}-tuned-{number}",
            estimator=replace(base.plan.estimator, params=params),
            by="search",
            reason=f"A variation of {base.slug}, which has {seen.weights.get(base.number, 0.0):.0%} of the ensemble.",
            hypothesis=Hypothesis("Other settings of a model that already serves may serve better.", 0.25),
            parent=base.slug,
        )
        if _content(plan) not in done and permitted(ground, plan):
            return plan
    return None


def _content(plan: Plan) -> str:
    return digest([plan.estimator, plan.transforms, plan.view, plan.resampling, plan.weighting, plan.target])
