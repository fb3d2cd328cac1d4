"""What a language model brought to a run over the policies alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelwright.decision import Balance
from modelwright.ensemble import greedy, mixture
from modelwright.evaluation import Evaluator
from modelwright.plan import Experiment
from modelwright.tasks.metrics import gain

if TYPE_CHECKING:
    import numpy as np


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
    together = _score(evaluator, {n: evaluator.oof(usable[n].oof) for n in weights}, weights)
    own = {n: evaluator.oof(e.oof) for n, e in usable.items() if n not in thought and e.informed}
    alone = None
    if own:
        chosen = greedy(
            own,
            lambda p, rows: evaluator.score(evaluator.mixing_metric, p, rows),
            evaluator.mixing_metric,
            seed=evaluator.situation.seed,
            kinds={n: usable[n].plan.estimator.action for n in own},
        )
        alone = _score(evaluator, own, chosen)
    better = None
    if alone is not None and metric.best != alone:
        better = round(100.0 * gain(metric, together, alone) / abs(metric.best - alone), 2)
    share = round(sum(weight for n, weight in weights.items() if n in thought), 4)
    return Balance(metric.name, together, alone, better, share)


def _score(evaluator: Evaluator, predictions: Mapping[int, np.ndarray], weights: Mapping[int, float]) -> float:
    import numpy as np

    mixed = mixture({n: predictions[n] for n in weights}, weights)
    seen = np.isfinite(mixed).reshape(len(mixed), -1).all(axis=1)
    rows = np.flatnonzero(seen)
    return evaluator.score(evaluator.metric, mixed[rows], rows)
