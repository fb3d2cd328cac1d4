"""What a language model brought to a run over the policies alone."""

from __future__ import annotations

from collections.abc import Mapping

from modelwright.decision import Balance
from modelwright.ensemble import mixture
from modelwright.evaluation import Evaluator
from modelwright.mixing import best_mixture
from modelwright.plan import Experiment
from modelwright.tasks.metrics import gain


def weigh(evaluator: Evaluator, usable: Mapping[int, Experiment], weights: Mapping[int, float]) -> Balance | None:
    """Compare the chosen mixture with the one that the policies' own experiments would have made.

    Both are scored on the same out-of-fold rows. The policies would have used the time of the language model's
    experiments for others, so the comparison flatters the model a little; it costs no extra fit.

    Args:
        evaluator: knows predictions and truth.
        usable: finished experiments that made a model, by number.
        weights: of the chosen mixture.

    Returns:
        ``None`` when no language model had a part in any of the experiments.
    """
    thought = {n for n, e in usable.items() if e.plan.question}
    if not thought:
        return None
    metric = evaluator.metric
    together = _score(evaluator, usable, weights)
    own = {n: e for n, e in usable.items() if n not in thought and e.informed}
    alone = _score(evaluator, own, best_mixture(evaluator, own, bagged=True)) if own else None
    better = None
    if alone is not None and metric.best != alone:
        better = round(100.0 * gain(metric, together, alone) / metric.loss(alone), 2)
    share = round(sum(weight for n, weight in weights.items() if n in thought), 4)
    return Balance(metric.name, together, alone, better, share)


def _score(evaluator: Evaluator, experiments: Mapping[int, Experiment], weights: Mapping[int, float]) -> float:
    import numpy as np

    mixed = mixture({n: evaluator.oof(experiments[n].oof) for n in weights}, weights, evaluator.mean)
    seen = np.isfinite(mixed).reshape(len(mixed), -1).all(axis=1)
    rows = np.flatnonzero(seen)
    return evaluator.score(evaluator.metric, mixed[rows], rows)
