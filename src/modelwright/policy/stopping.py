"""When the search is over."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.plan import Experiment
from modelwright.problem import Budget, Constraints
from modelwright.tasks.metrics import better, find_metric

FAILURES_IN_A_ROW = 3


def why_stop(
    experiments: Sequence[Experiment], designed: int, budget: Budget, constraints: Constraints, per_iteration: int
) -> str | None:
    """The reason to design no further experiment, as a sentence for the report, or ``None``.

    The clock isn't asked here; it is asked for every single plan.

    Args:
        experiments: finished ones that the designer may know, in the order of design.
        designed: how many have been designed, finished or not (baselines included).
        budget: what may be spent.
        constraints: the user's demands.
        per_iteration: how many experiments make one iteration.
    """
    if budget.max_experiments is not None and designed >= budget.max_experiments:
        return f"The limit of {budget.max_experiments} experiments was reached."
    if budget.max_iterations is not None and designed >= budget.max_iterations * per_iteration:
        return f"The limit of {budget.max_iterations} iterations of {per_iteration} experiments was reached."
    scored = [e for e in experiments if e.score is not None and e.status == "done"]
    if scored and constraints.target_score is not None:
        metric = find_metric(scored[0].score.metric) if scored[0].score else None
        for experiment in scored:
            value = experiment.score.value if experiment.score else None
            if metric and value is not None and not better(metric, constraints.target_score, value):
                return f"The target of {constraints.target_score:g} was met by {experiment.slug} ({value:.4g})."
    failed = 0
    for experiment in reversed(experiments):
        if experiment.status != "failed":
            break
        failed += 1
    if failed >= FAILURES_IN_A_ROW:
        stage = experiments[-1].failures[-1].stage if experiments[-1].failures else "fit"
        return f"{failed} experiments in a row failed at the stage “{stage}”, so no more were started."
    return _plateau(experiments, constraints)


def _plateau(experiments: Sequence[Experiment], constraints: Constraints) -> str | None:
    """Stop when the user's patience is used up; without a wish the search goes on while there is time."""
    if constraints.patience is None:
        return None
    scored = [e for e in experiments if e.score is not None and e.status in ("done", "pruned")]
    best_at, best = -1, None
    for position, experiment in enumerate(scored):
        value = experiment.score.value if experiment.score else None
        if experiment.status != "done" or value is None or experiment.score is None:
            continue
        if best is None or better(find_metric(experiment.score.metric), value, best):
            best_at, best = position, value
    waited = len(scored) - 1 - best_at
    if best is not None and waited >= constraints.patience:
        return f"No experiment of the last {waited} was better than the best before them."
    return None
