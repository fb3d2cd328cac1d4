"""Which mixture of experiments is the best by their out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelwright.ensemble import greedy
from modelwright.evaluation import Evaluator
from modelwright.plan import Experiment
from modelwright.tasks.metrics import Metric

if TYPE_CHECKING:
    import numpy as np


def best_mixture(
    evaluator: Evaluator,
    experiments: Mapping[int, Experiment],
    metric: Metric | None = None,
    predictions: Mapping[int, np.ndarray] | None = None,
    **limits: int,
) -> dict[int, float]:
    """Members and weights, chosen greedily; of one estimator only the best two are considered.

    Args:
        evaluator: knows predictions and truth.
        experiments: those that may be members, by number; each has out-of-fold predictions.
        metric: what is optimised; by default what the evaluator mixes by.
        predictions: out-of-fold predictions of these experiments for the validated rows, where they have been read.
        limits: those of :func:`modelwright.ensemble.greedy`.

    Returns:
        Weights that sum to one, by experiment number, largest first; none of no experiments.
    """
    if not experiments:
        return {}
    aim = metric or evaluator.mixing_metric
    known = predictions or {n: evaluator.validated_oof(e.oof) for n, e in experiments.items()}
    return greedy(
        known,
        lambda p, rows: evaluator.score(aim, p, evaluator.validated[rows]),
        aim,
        seed=evaluator.situation.seed,
        kinds={n: e.plan.estimator.action for n, e in experiments.items()},
        mean=evaluator.mean,
        **limits,
    )
