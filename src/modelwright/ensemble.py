"""Greedy weighted ensembles over out-of-fold predictions.

Sources: Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", ICML 2004: start with
the best model, then add, with replacement, whichever model improves the mixture most; and, for bags of models, Caruana,
Munson and Niculescu-Mizil, "Getting the most out of ensemble selection", ICDM 2006.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from modelwright.pooling import Mean, pooled, summand, weighted_mean
from modelwright.tasks.metrics import Metric, gain

ROUNDS = 40
MAX_ROWS = 20_000
PER_KIND = 2
"""Models of one kind that are considered."""
SMALLEST_SHARE = 0.05
"""Members below this share cost prediction time and bring nothing that can be told from noise."""
BAGS = 12
"""Random parts of the models that a choice is made among."""
IN_BAG = 0.6
"""Share of the models that are in a bag."""
FEWEST_TO_BAG = 3
"""Models from which on bags differ enough."""

ScoreFunction = Callable[[np.ndarray, np.ndarray], float]
"""Scores (predictions, row positions): positions say which of the truth's rows the predictions are for."""
LossFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""The loss of each row, of the same."""


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
    losses: LossFunction | None = None,
) -> dict[int, float]:
    """Choose members and weights.

    Args:
        predictions: out-of-fold predictions by experiment number, each (n, k) or (n,); NaN where never validated.
        score: the run's metric on development rows.
        metric: its direction.
        seed: decides which rows are used when there are many, and which models are in which bag.
        candidates: how many of the best single models are considered.
        members: how many different models a mixture may have.
        kinds: the kind of each model; of one kind only the best two are considered, since variations of one model
            differ by less than the noise they are chosen on.
        mean: of which mean of the predictions.
        rounds: how many times a model is added at most.
        max_rows: rows that the choice is made on.
        losses: with it the choice is bagged: the weights are the mean of those chosen among random parts of the models,
            unless that mixture's losses are higher, by more than a standard error, than those of the one chosen among
            all.

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

    def choose(among: Sequence[int]) -> dict[int, float]:
        return _shares(_chosen(among, parts, single, lambda p: score(pooled(p, mean), rows), metric, members, rounds))

    weights = _pruned(choose(order), members)
    if losses is None or len(order) < FEWEST_TO_BAG:
        return weights
    bagged = _pruned(_mean_of([choose(bag) for bag in _bags(order, seed)]), members)
    known = {number: predictions[number][rows] for number in order}
    worse = losses(mixture(known, bagged, mean), rows) - losses(mixture(known, weights, mean), rows)
    return weights if worse.mean() > worse.std() / np.sqrt(len(rows)) else bagged


def _chosen(
    among: Sequence[int],
    parts: Mapping[int, np.ndarray],
    single: Mapping[int, float],
    score: Callable[[np.ndarray], float],
    metric: Metric,
    members: int,
    rounds: int,
) -> list[int]:
    """Models, best first, as often as they are in the best mixture that is found by adding one at a time."""
    chosen: list[int] = [among[0]]
    total = parts[among[0]].copy()
    best, best_chosen = single[among[0]], list(chosen)
    for _ in range(rounds - 1):
        allowed = among if len(set(chosen)) < members else [n for n in among if n in chosen]
        tries = {n: score((total + parts[n]) / (len(chosen) + 1)) for n in allowed}
        pick = max(allowed, key=lambda n: (gain(metric, tries[n], 0.0), -among.index(n)))
        chosen.append(pick)
        total = total + parts[pick]
        if gain(metric, tries[pick], best) > 0:
            best, best_chosen = tries[pick], list(chosen)
        elif len(chosen) - len(best_chosen) >= 8:
            break
    return best_chosen


def _bags(order: Sequence[int], seed: int) -> Iterator[list[int]]:
    """Random parts of the models, none empty, in their order."""
    random = np.random.default_rng([seed, len(order)])
    for _ in range(BAGS):
        bag = [n for n, inside in zip(order, random.random(len(order)) < IN_BAG, strict=True) if inside]
        yield bag or [order[0]]


def _diverse(ranked: Sequence[int], kinds: Mapping[int, str]) -> list[int]:
    kept: list[int] = []
    for number in ranked:
        kind = kinds.get(number, str(number))
        if sum(kinds.get(n, str(n)) == kind for n in kept) < PER_KIND:
            kept.append(number)
    return kept


def _shares(chosen: Sequence[int]) -> dict[int, float]:
    return {n: chosen.count(n) / len(chosen) for n in set(chosen)}


def _mean_of(found: Sequence[Mapping[int, float]]) -> dict[int, float]:
    return {n: sum(shares.get(n, 0.0) for shares in found) / len(found) for n in set().union(*found)}


def _pruned(shares: Mapping[int, float], members: int) -> dict[int, float]:
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(ranked[:1]) | {n: s for n, s in ranked[:members] if s >= SMALLEST_SHARE}
    total = sum(kept.values())
    return {n: s / total for n, s in kept.items()}


def mixture(
    predictions: Mapping[int, np.ndarray], weights: Mapping[int, float], mean: Mean = "arithmetic"
) -> np.ndarray:
    """The weighted mean of predictions."""
    return weighted_mean([predictions[n] for n in weights], list(weights.values()), mean)


def _seen(prediction: np.ndarray) -> np.ndarray:
    finite: np.ndarray = np.isfinite(prediction).reshape(len(prediction), -1).all(axis=1)
    return finite


def row_losses(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of each row the log loss of its class, or the squared error."""
    if prediction.ndim == 1:
        return np.asarray(np.square(prediction - truth))
    return np.asarray(-np.log(np.clip(prediction[np.arange(len(truth)), truth], 1e-7, 1.0)))
