"""Greedy weighted ensembles over out-of-fold predictions.

Source: Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", ICML 2004: start with
the best model, then add, with replacement, whichever model improves the mixture most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from modelwright.pooling import Mean, pooled, summand, weighted_mean
from modelwright.tasks.metrics import Metric, gain

ROUNDS = 40
MAX_ROWS = 20_000
PER_KIND = 2
"""Models of one kind that are considered."""
SMALLEST_SHARE = 0.05
"""Members below this share cost prediction time and bring nothing that can be told from noise."""

ScoreFunction = Callable[[np.ndarray, np.ndarray], float]
"""Scores (predictions, row positions): positions say which of the truth's rows the predictions are for."""


def greedy(
    predictions: Mapping[int, np.ndarray],
    score: ScoreFunction,
    metric: Metric,
    *,
    seed: int,
    candidates: int = 16,
    members: int = 8,
    kinds: Mapping[int, str] | None = None,
    mean: Mean = "arithmetic",
    rounds: int = ROUNDS,
    max_rows: int = MAX_ROWS,
) -> dict[int, float]:
    """Choose members and weights.

    Args:
        predictions: out-of-fold predictions by experiment number, each (n, k) or (n,); NaN where never validated.
        score: the run's metric on development rows.
        metric: its direction.
        seed: decides which rows are used when there are many.
        candidates: how many of the best single models are considered.
        members: how many different models a mixture may have.
        kinds: the kind of each model; of one kind only the best two are considered, since variations of one model
            differ by less than the noise they are chosen on.
        mean: of which mean of the predictions.
        rounds: how many times a model is added at most.
        max_rows: rows that the choice is made on.

    Returns:
        Weights that sum to one, by experiment number, largest first. A single model when no mixture is better.
    """
    seen = np.logical_and.reduce([_seen(p) for p in predictions.values()])
    rows = np.flatnonzero(seen)
    if len(rows) > max_rows:
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_rows, replace=False))
    single = {number: score(prediction[rows], rows) for number, prediction in predictions.items()}
    ranked = sorted(single, key=lambda n: (-gain(metric, single[n], 0.0), n))
    order = _diverse(ranked, kinds or {})[:candidates]
    parts = {number: summand(predictions[number][rows], mean) for number in order}
    chosen: list[int] = [order[0]]
    total = parts[order[0]].copy()
    best, best_chosen = single[order[0]], list(chosen)
    for _ in range(rounds - 1):
        allowed = order if len(set(chosen)) < members else [n for n in order if n in chosen]
        tries = {n: score(pooled((total + parts[n]) / (len(chosen) + 1), mean), rows) for n in allowed}
        pick = max(allowed, key=lambda n: (gain(metric, tries[n], 0.0), -order.index(n)))
        chosen.append(pick)
        total = total + parts[pick]
        if gain(metric, tries[pick], best) > 0:
            best, best_chosen = tries[pick], list(chosen)
        elif len(chosen) - len(best_chosen) >= 8:
            break
    return _pruned(best_chosen)


def _diverse(ranked: Sequence[int], kinds: Mapping[int, str]) -> list[int]:
    kept: list[int] = []
    for number in ranked:
        kind = kinds.get(number, str(number))
        if sum(kinds.get(n, str(n)) == kind for n in kept) < PER_KIND:
            kept.append(number)
    return kept


def _pruned(chosen: Sequence[int]) -> dict[int, float]:
    shares = {n: chosen.count(n) / len(chosen) for n in set(chosen)}
    kept = {n: s for n, s in shares.items() if s >= SMALLEST_SHARE}
    total = sum(kept.values())
    return {n: s / total for n, s in sorted(kept.items(), key=lambda item: (-item[1], item[0]))}


def mixture(
    predictions: Mapping[int, np.ndarray], weights: Mapping[int, float], mean: Mean = "arithmetic"
) -> np.ndarray:
    """The weighted mean of predictions."""
    return weighted_mean([predictions[n] for n in weights], list(weights.values()), mean)


def _seen(prediction: np.ndarray) -> np.ndarray:
    finite: np.ndarray = np.isfinite(prediction).reshape(len(prediction), -1).all(axis=1)
    return finite
