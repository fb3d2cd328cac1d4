"""Which experiment is repeated on more rows, where models are first compared on samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from modelwright.fidelity import Fidelity
from modelwright.plan import Experiment, Plan
from modelwright.policy.made import Seen, as_made
from modelwright.tasks.metrics import find_metric, gain

TELLING = 3
"""One in so many experiments of a rung goes on to the next one (asynchronous successive halving, Li et al. 2020)."""


def climb(fidelity: Fidelity, earlier: Sequence[Plan], seen: Seen) -> Plan | None:
    """The plan that repeats an experiment on the next rung of the ladder, the highest rung first.

    Of every rung the best third go on, so that the first one does once three models have been compared. A pure
    function, as :func:`modelwright.policy.search.design` is.

    Args:
        fidelity: the ladder.
        earlier: all plans made before, finished or not.
        seen: the experiments that may be learnt from.

    Returns:
        The plan, or ``None`` when no experiment has earned more rows, or there are no rungs.
    """
    if not fidelity.sampled:
        return None
    # By its parent, since a plan may have been made lighter to fit into the time.
    climbed = {(p.parent, p.max_train_rows) for p in earlier if p.by == "climb"}
    for rung in reversed(fidelity.rungs):
        try:
            above = fidelity.after(rung)
        except LookupError:
            continue
        here = [e for e in seen.experiments if e.informed and e.score is not None and e.plan.max_train_rows == rung]
        for experiment in _ranked(here)[: len(here) // TELLING]:
            made = as_made(experiment)
            if (experiment.slug, above) not in climbed:
                rows = "all rows" if above is None else f"{above:,} rows"
                return replace(
                    made,
                    name=f"{experiment.plan.name.partition('-on-')[0]}-on-{above or 'all'}-rows",
                    by="climb",
                    reason=f"Among the best on {rung:,} rows, so it is fitted on {rows}.",
                    parent=experiment.slug,
                    max_train_rows=above,
                    cost=0.0,
                    question="",
                    program="",
                )
    return None


def topmost(experiments: Mapping[int, Experiment]) -> dict[int, Experiment]:
    """Of experiments with the same recipe only the one on the most rows: refitted, they would be the same model.

    One that was cut short counts for less than any that wasn't: its score says what too little time does.
    """

    def rank(experiment: Experiment) -> tuple[bool, int]:
        return not experiment.truncated, experiment.train_rows

    kept: dict[str, Experiment] = {}
    for experiment in experiments.values():
        key = experiment.recipe.digest if experiment.recipe is not None else str(experiment.number)
        rival = kept.get(key)
        if rival is None or rank(experiment) > rank(rival):
            kept[key] = experiment
    return {e.number: e for e in sorted(kept.values(), key=lambda e: e.number)}


def _ranked(experiments: Sequence[Experiment]) -> list[Experiment]:
    def order(experiment: Experiment) -> tuple[float, int]:
        assert experiment.score is not None
        return -gain(find_metric(experiment.score.metric), experiment.score.value, 0.0), experiment.number

    return sorted(experiments, key=order)
