"""The order of the portfolio, learnt: first what can be expected to bring the ensemble most for its price.

What each plan brought on public data sets is in ``prior.json``, made by ``benchmarks/learn_prior.py``; what it brought
in past runs on this machine is in the memory (:mod:`modelwright.memory`). Both count the more, the more alike the
problems are (nearest neighbours on meta-features: Brazdil et al., Metalearning, 2009). The order is greedy: next comes
the plan with the largest expected gain per second, given the plans that come before it, which for gains that shrink as
the set grows is near the best anytime schedule (Streeter and Golovin, NeurIPS 2008; Feurer et al., JMLR 2022).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from modelwright.hashing import restore
from modelwright.memory import Brought, Remembered, distance
from modelwright.plan import Plan
from modelwright.recipe import Use

REACH = 1.0
"""Distance of two problems at which one counts e times less for the other; chosen by leaving data sets out."""
ELSEWHERE = 0.25
"""How much a problem of another task type counts."""
OWN = 3.0
"""How much a past run on this machine counts: its data is of the kind that this person has."""
DOUBT = 0.5
"""Weight of the mean over all problems, for plans that nothing alike has tried."""
BLENDED = 0.1
"""Share of the way that a past run's plan is taken to add to others, for each unit of its weight in the ensemble."""
ENOUGH = 0.5
"""Weight of all problems together from which on the order that they teach is believed."""
BEYOND = 3.0
"""How many times as many rows as the largest of them a problem may have for that. Where rows are very many, larger
trees are the better ones, and few plans end in time; plans then stay as they are written."""
STARTS = 3
"""Settings from past runs that are tried for one estimator at most."""
OVERHEAD = 0.3
"""Seconds that any experiment costs besides its fits."""


@dataclass(frozen=True)
class Evidence:
    """What plans brought on one problem.

    Args:
        task: its task type.
        traits: what it was like; see :mod:`modelwright.traits`.
        plans: by the plan's name.
        pairs: how far the best mixture of two plans got, by ``"a|b"`` in the order of the alphabet.
        own: whether it was a run on this machine.
    """

    task: str
    traits: Mapping[str, float]
    plans: Mapping[str, Brought]
    pairs: Mapping[str, float] = field(default_factory=dict)
    own: bool = False


@dataclass(frozen=True)
class Prior:
    """What is shipped.

    Args:
        learnt: how, when and from what.
        problems: one for each data set.
    """

    learnt: Mapping[str, str]
    problems: tuple[Evidence, ...]


@cache
def prior() -> Prior:
    """The shipped prior."""
    return restore(Prior, json.loads(files(__package__).joinpath("prior.json").read_text("utf-8")))


def ordered(
    plans: Sequence[Plan],
    task: str,
    traits: Mapping[str, float],
    memory: Sequence[Remembered] = (),
    seconds: Callable[[Plan], float] | None = None,
    first: Sequence[str] = (),
) -> tuple[Plan, ...]:
    """The plans in the order in which they should be run.

    A pure function of its arguments. A plan that no evidence knows stays behind the plan that it follows now, and comes
    no later than it does now; plans that can't be expected to add anything come last, the better ones first.

    Args:
        plans: in an order that somebody found sensible.
        task: the task type.
        traits: what the problem is like.
        memory: past runs on this machine that this run may know of.
        seconds: forecasts what a plan costs here; what it cost elsewhere, by default.
        first: names of what is run before all of them, such as the baselines; what these know needn't be learnt again.
    """
    own = tuple(Evidence(r.task, r.traits, r.plans, own=True) for r in memory)
    known = (*prior().problems, *own)
    largest = max(e.traits.get("rows", 0.0) for e in known)
    alike = sum(_weight(task, traits, e, REACH) for e in known)
    if alike < ENOUGH or traits.get("rows", 0.0) > BEYOND * largest:
        return tuple(plans)
    names = (*(p.name for p in plans), *first)
    tables = _Tables(*(np.concatenate(both) for both in zip(_shipped(names), _tables(names, own), strict=True)))
    return _arranged(plans, task, traits, known, tables, seconds, REACH)


def by_evidence(
    plans: Sequence[Plan],
    task: str,
    traits: Mapping[str, float],
    problems: Sequence[Evidence],
    seconds: Callable[[Plan], float] | None = None,
    reach: float = REACH,
    first: Sequence[str] = (),
) -> tuple[Plan, ...]:
    """As :func:`ordered`, by the evidence given and no other."""
    tables = _tables((*(p.name for p in plans), *first), problems)
    return _arranged(plans, task, traits, problems, tables, seconds, reach)


def starts(estimator: str, task: str, traits: Mapping[str, float], memory: Sequence[Remembered]) -> tuple[Use, ...]:
    """Parameters of an estimator that served in past runs, those of the most similar problem first."""
    near = sorted((r for r in memory if r.task == task), key=lambda r: round(distance(traits, r.traits), 6))
    found = [use for run in near for use in run.settings if use.action == estimator]
    return tuple(use for i, use in enumerate(found) if use not in found[:i])[:STARTS]


class _Tables(NamedTuple):
    """What is known of some plans: how far each got (problems, plans), how far each pair got (problems, plans, plans),
    and what each cost (problems, plans); NaN where a plan was not tried."""

    alone: np.ndarray
    together: np.ndarray
    seconds: np.ndarray


@lru_cache(maxsize=16)
def _shipped(names: tuple[str, ...]) -> _Tables:
    return _tables(names, prior().problems)


def _tables(names: tuple[str, ...], problems: Sequence[Evidence]) -> _Tables:
    shape = (len(problems), len(names))
    alone, seconds = np.full(shape, np.nan), np.full(shape, np.nan)
    for d, problem in enumerate(problems):
        for i, name in enumerate(names):
            if name in problem.plans:
                alone[d, i], seconds[d, i] = problem.plans[name].share, problem.plans[name].seconds
    together = np.fmax(alone[:, :, None], alone[:, None, :])
    places = {name: i for i, name in enumerate(names)}
    for d, problem in enumerate(problems):
        for pair, reached in problem.pairs.items():
            one, _, other = pair.partition("|")
            if one in places and other in places:
                i, j = places[one], places[other]
                together[d, i, j] = together[d, j, i] = reached
        if problem.own:
            together[d] += BLENDED * np.array([problem.plans[n].weight if n in problem.plans else 0.0 for n in names])
    return _Tables(alone, together, seconds)


def _arranged(
    plans: Sequence[Plan],
    task: str,
    traits: Mapping[str, float],
    problems: Sequence[Evidence],
    tables: _Tables,
    seconds: Callable[[Plan], float] | None,
    reach: float,
) -> tuple[Plan, ...]:
    weights = np.array([_weight(task, traits, e, reach) for e in problems])
    known = (~np.isnan(tables.alone)).any(axis=0)
    if not known[: len(plans)].any():
        return tuple(plans)
    tried = np.flatnonzero(known)
    new = int(known[: len(plans)].sum())
    alone, together = tables.alone[:, tried], tables.together[:, tried][:, :, tried]
    if seconds is None:
        cost = _mean(tables.seconds[:, tried[:new]], weights)
    else:
        cost = np.array([max(0.0, seconds(plans[i])) for i in tried[:new]])
    picked = [plans[tried[i]] for i in _greedy(alone, together, weights, cost)]
    return tuple(_merged(plans, picked))


def _weight(task: str, traits: Mapping[str, float], problem: Evidence, reach: float) -> float:
    near = math.exp(-distance(traits, problem.traits) / reach)
    return near * (1.0 if problem.task == task else ELSEWHERE) * (OWN if problem.own else 1.0)


def _greedy(alone: np.ndarray, together: np.ndarray, weights: np.ndarray, cost: np.ndarray) -> list[int]:
    """Positions of the plans that have a cost by expected gain per second, each given those before it; the others
    are there from the start.

    What a plan adds to several others is at most what it adds to any one of them, so the least of these is taken.
    """
    adds = np.fmax(alone, 0.0)
    for there in range(len(cost), alone.shape[1]):
        adds = _given(there, adds, alone, together)
    chosen: list[int] = []
    left = list(range(len(cost)))
    good = np.round(_mean(np.fmax(alone, 0.0), weights), 9)
    while left:
        worth = np.round(_mean(adds, weights)[: len(cost)] / (cost + OVERHEAD), 9)
        pick = max(left, key=lambda i: (worth[i], good[i], -i))
        chosen.append(pick)
        left.remove(pick)
        adds = _given(pick, adds, alone, together)
    return chosen


def _given(one: int, adds: np.ndarray, alone: np.ndarray, together: np.ndarray) -> np.ndarray:
    """What every plan still adds when one more is there, (problems, plans)."""
    here = together[:, one, :] - alone[:, [one]]
    # Where the one was not tried, nothing is known of what it leaves to others.
    return np.where(np.isnan(alone), np.nan, np.where(np.isnan(here), adds, np.fmin(adds, np.maximum(here, 0.0))))


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means over problems, drawn towards the plain mean where no problem alike has tried a plan."""
    tried = ~np.isnan(values)
    filled = np.where(tried, values, 0.0)
    plain = filled.sum(axis=0) / np.maximum(1, tried.sum(axis=0))
    return np.asarray((weights @ filled + DOUBT * plain) / (weights @ tried + DOUBT))


def _merged(plans: Sequence[Plan], picked: Sequence[Plan]) -> list[Plan]:
    """The picked plans, with the others behind those that they follow in the given order, or earlier."""
    order = list(picked)
    names = {p.name for p in picked}
    for place, plan in enumerate(plans):
        if plan.name not in names:
            behind = order.index(plans[place - 1]) + 1 if place else 0
            order.insert(min(behind, place), plan)
    return order
