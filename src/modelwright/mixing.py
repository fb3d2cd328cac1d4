"""Which mixture of experiments is the best by their out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelwright.ensemble import greedy, row_losses
from modelwright.evaluation import Evaluator
from modelwright.plan import Experiment
from modelwright.tasks.metrics import Metric

if TYPE_CHECKING:
    import numpy as np

FEW = 1_000
"""Rows below which any choice is bagged."""


def best_mixture(
    evaluator: Evaluator,
    experiments: Mapping[int, Experiment],
    metric: Metric | None = None,
    predictions: Mapping[int, np.ndarray] | None = None,
    *,
    bagged: bool = False,
    **limits: int,
) -> dict[int, float]:
    """Members and weights, chosen greedily; of one estimator only the best two are considered.

    Args:
        evaluator: knows predictions and truth.
        experiments: those that may be members, by number; each has out-of-fold predictions.
        metric: what is optimised; by default what the evaluator mixes by.
        predictions: out-of-fold predictions of these experiments for the validated rows, where they have been read.
        bagged: whether the choice is made in bags of models, too, where that pays: for the area under the ROC curve,
            for which it is made by another measure, and on few rows.
        limits: those of :func:`modelwright.ensemble.greedy`.

    Returns:
        Weights that sum to one, by experiment number, largest first; none of no experiments.
    """
    if not experiments:
        return {}
    aim = metric or evaluator.mixing_metric
    bagged = bagged and (evaluator.metric.name == "roc_auc" or len(evaluator.validated) < FEW)
    known = predictions or {n: evaluator.validated_oof(e.oof) for n, e in experiments.items()}
    return greedy(
        known,
        lambda p, rows: evaluator.score(aim, p, evaluator.validated[rows]),
        aim,
        seed=evaluator.situation.seed,
        kinds={n: e.plan.estimator.action for n, e in experiments.items()},
        mean=evaluator.mean,
        losses=(lambda p, rows: row_losses(p, evaluator.truth[evaluator.validated[rows]])) if bagged else None,
        **limits,
    )
