"""Which experiment is next: features that helped somebody, the portfolio, then variations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from modelwright.estimators import family_of
from modelwright.plan import Experiment, Hypothesis, Plan
from modelwright.policy.ground import Ground
from modelwright.policy.made import Seen, content, losses, main_part
from modelwright.policy.portfolio import portfolio
from modelwright.policy.tuning import variation
from modelwright.protocol import Score, Validation
from modelwright.recipe import Use
from modelwright.tasks.metrics import find_metric, gain

CARRIED = ((0.02, 6), (0.005, 3), (0.0, 1))
"""By which share of the loss features have to help for how many families of the portfolio to get them, too. What helps
by less than half a percent is as likely to be noise."""
CARRIED_OWN = ((0.02, 3), (0.01, 2))
"""The same for features of the portfolio itself, which nobody thought about this data for."""

BEHIND = {True: 0.02, False: 0.1}
"""By which share of the loss an idea must be behind the same estimator without it, and behind another of its family,
to be given up. Nearer, it may still err in other places and serve a mixture."""

WEAKER = 1.3
"""How many times the best loss makes a model too weak: for other features to be worth it, or its own to say much."""


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
    done = {content(p) for p in earlier}
    names = {p.name for p in earlier}
    plans = _plans(ground, seen)
    carried = _carried(plans, names, done, seen)
    if carried is not None:
        return carried
    for plan in plans:
        if plan.name not in names and content(plan) not in done and _promising(plan, seen):
            return plan
    return variation(ground, number, done, seen)


def _carried(plans: Sequence[Plan], names: set[str], done: set[str], seen: Seen) -> Plan | None:
    """Features that somebody designed and that helped one model, for the portfolio's other models as well."""
    fair = _fair(seen)
    for source in sorted(seen.experiments, key=lambda e: (-seen.weights.get(e.number, 0.0), e.number)):
        if source.plan.by not in ("designer", "portfolio") or source.status != "done" or source.recipe is None:
            continue
        if source.plan.by == "portfolio" and source.score is not None and _loss(source.score) > fair:
            continue
        made = main_part(source.recipe)
        for base in _families(plans, seen)[: _worth_carrying(source, seen)] if made.transforms else ():
            plan = replace(
                base,
                name=f"{base.name}-with-{source.number}-{source.plan.name}"[:60],
                transforms=_joined(made.transforms, base.transforms),
                target=base.target or made.target,
                by="carried",
                reason=f"The features of {source.slug} helped; another family of models may use them in another way.",
                hypothesis=Hypothesis("What helped one model helps others.", 0.5),
                parent=source.slug,
                question=source.plan.question,
            )
            # By name, too: a plan that was made lighter has another content than the one that was meant.
            new = plan.name not in names and content(plan) not in done
            if new and base.estimator.action != made.estimator.action:
                return plan
    return None


def _joined(carried: Sequence[Use], own: Sequence[Use]) -> tuple[Use, ...]:
    """Both, each once; columns are dropped last, so that nothing lacks what it is made from."""
    every = [*carried, *(use for use in own if use not in carried)]
    return tuple(sorted(every, key=lambda use: use.action == "drop_columns"))


def _worth_carrying(source: Experiment, seen: Seen) -> int:
    """To how many families features are worth carrying: the more, the more they helped the model they came with.

    Compared is the best experiment without them with the same estimator; when there is none, of the same family, or
    for a language model's design of all.
    """
    designed = source.plan.by == "designer"
    own = [e for e in seen.experiments if e.plan.by not in ("designer", "carried") and e.status == "done" and e.score]
    own = own if designed else [e for e in own if not e.plan.transforms]
    same = _of_estimator(source, own) or (own if designed else _of_family(source, own))
    if source.score is None or not same:
        return 0
    metric = find_metric(source.score.metric)
    best = max(same, key=lambda e: gain(metric, e.score.value, 0.0) if e.score else 0.0)
    assert best.score is not None
    loss = _loss(best.score)
    share = gain(metric, source.score.value, best.score.value) / loss if loss > 0 else 0.0
    return next((families for least, families in (CARRIED if designed else CARRIED_OWN) if share >= least), 0)


def _families(plans: Sequence[Plan], seen: Seen) -> list[Plan]:
    """The portfolio's first plan of each estimator: those that did best so far first, clearly weaker ones left out."""
    first: dict[str, Plan] = {}
    for plan in plans:
        first.setdefault(plan.estimator.action, plan)
    known = losses(seen.experiments)
    least: dict[str, float] = {}
    for experiment in seen.experiments:
        name = experiment.plan.estimator.action
        if not experiment.plan.question and experiment.number in known:
            least[name] = min(known[experiment.number], least.get(name, math.inf))
    fair = _fair(seen)
    tried = sorted((n for n in first if n in least and least[n] <= fair), key=lambda n: least[n])
    return [first[n] for n in (*tried, *(n for n in first if n not in least))]


def _fair(seen: Seen) -> float:
    """The loss up to which a model isn't too weak to go on from."""
    return WEAKER * min(losses([e for e in seen.experiments if not e.plan.question]).values(), default=0.0)


def _loss(score: Score[Validation]) -> float:
    """How far a score is from a perfect one."""
    return find_metric(score.metric).loss(score.value)


def _plans(ground: Ground, seen: Seen) -> list[Plan]:
    """The portfolio. Where a transform of the target was given up as an idea, plans that would use it do without."""
    plans = portfolio(ground)
    given_up = [p.target for p in plans if p.idea and p.target is not None and not _promising(p, seen)]
    return [replace(p, target=None) if not p.idea and p.target in given_up else p for p in plans]


def _promising(plan: Plan, seen: Seen) -> bool:
    """Leave out a plan whose idea was given up, or did clearly worse, wherever it was tried, than doing without it."""
    if not plan.idea:
        return True
    ours = [
        e
        for e in seen.experiments
        if e.plan.by in ("baselines", "portfolio") and e.status in ("done", "pruned") and e.by_part
    ]
    plain = [e for e in ours if not e.plan.idea and not e.plan.transforms]
    tried = [(e, _of_estimator(e, plain) or _of_family(e, plain)) for e in ours if e.plan.idea == plan.idea]
    served = [_served(e, others[0]) for e, others in tried if others]
    return not served or any(served)


def _of_estimator(experiment: Experiment, others: Sequence[Experiment]) -> list[Experiment]:
    """Those of the others that have the same estimator."""
    return [e for e in others if e.plan.estimator.action == experiment.plan.estimator.action]


def _of_family(experiment: Experiment, others: Sequence[Experiment]) -> list[Experiment]:
    """Those of the others whose estimator is of the same family."""
    family = family_of(experiment.plan.estimator.action)
    return [e for e in others if family_of(e.plan.estimator.action) == family]


def _served(experiment: Experiment, other: Experiment) -> bool:
    """Whether an idea may serve further estimators, by what one did with it and one without it."""
    same = experiment.plan.estimator.action == other.plan.estimator.action
    return _behind(experiment, other) < (BEHIND[same] if experiment.status == "done" else 0.0)


def _behind(experiment: Experiment, other: Experiment) -> float:
    """The share of the other's loss by which an experiment was worse, on the parts that both were judged on."""
    assert experiment.score is not None
    metric = find_metric(experiment.score.metric)
    parts = min(len(experiment.by_part), len(other.by_part))
    lost = sum(metric.loss(v) for v in experiment.by_part[:parts])
    there = sum(metric.loss(v) for v in other.by_part[:parts])
    return lost / there - 1 if there > 0 else 0.0
