"""What the metrics compute. Everything takes many weightings of the same rows at once: weights (b, n), results (b,)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_LEAST = 1e-7
"""Probabilities are clipped here instead of at the machine's precision, see :mod:`modelwright.tasks.metrics`."""


def to_labels(probabilities: np.ndarray, threshold: float | None, positive: int = 1) -> np.ndarray:
    """The codes that probabilities (n, k) stand for: the likeliest class; for two classes the positive one from the
    threshold (0.5 when there is none) on."""
    if probabilities.shape[1] == 2:
        yes = probabilities[:, positive] >= (0.5 if threshold is None else threshold)
        return np.where(yes, positive, 1 - positive)
    labels: np.ndarray = np.argmax(probabilities, axis=1)
    return labels


def confusion(y: np.ndarray, labels: np.ndarray, k: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Rows by true and predicted code (b, k, k), one table a weighting (b, n); without weights (1, k, k)."""
    cells = y * k + labels
    if weights is None:
        return np.bincount(cells, minlength=k * k).reshape(1, k, k).astype(np.float64)
    return np.stack([np.bincount(cells, w, minlength=k * k) for w in weights]).reshape(-1, k, k)


def row_weights(weights: np.ndarray | None, n: int) -> np.ndarray:
    return np.ones((1, n)) if weights is None else weights


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean: np.ndarray = _total(values, weights) / weights.sum(axis=1)
    return mean


def _total(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # not by "@": BLAS would wake all its threads for a product this small, which costs more than the product
    total: np.ndarray = np.einsum("ij,j->i", weights, values)
    return total


# ── probabilities ────────────────────────────────────────────────────────────────────────────────────────────────


def _steps(scores: np.ndarray) -> np.ndarray:
    """Where groups of equal scores begin, in sorted scores."""
    return np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])


def _mass(event: np.ndarray, score: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight with and without the event at each distinct score, from the highest score down: both (b, groups)."""
    order = np.argsort(-score)
    starts = _steps(score[order])
    ordered = weights[:, order]
    inside = ordered * event[order]
    ordered -= inside
    if len(starts) < len(score):
        return np.add.reduceat(inside, starts, axis=1), np.add.reduceat(ordered, starts, axis=1)
    return inside, ordered


def auc(event: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Area under the ROC curve as the share of pairs that are ranked right, ties counting half (Mann and Whitney)."""
    if weights is None and score.min() >= 0 and score.max() < 2:
        return np.array([_auc_fast(event, score)])
    inside, outside = _mass(event, score, row_weights(weights, len(score)))
    above = np.cumsum(inside, axis=1)
    above -= inside / 2
    positives, negatives = inside.sum(axis=1), outside.sum(axis=1)
    area: np.ndarray = np.einsum("ij,ij->i", above, outside) / (positives * negatives)
    return area


def _auc_fast(event: np.ndarray, score: np.ndarray) -> float:
    # Scores that aren't negative sort like their bit patterns, and those below two leave the first bit free. Moved up
    # by one, with the event in the last bit, one plain sort does the work of sorting positions and of two look-ups.
    keys = ((score + 0.0).view(np.int64) << 1) | event
    keys.sort()
    events = keys & 1
    ends = np.r_[_steps(keys >> 1)[1:], len(keys)] - 1
    hits = np.cumsum(events)[ends]
    inside = np.diff(hits, prepend=0)
    outside = np.diff(ends, prepend=-1) - inside
    positives = float(hits[-1])
    negatives = len(keys) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    # float64 is exact up to 2**53 pairs
    return float(np.dot(positives - hits + inside / 2.0, outside.astype(np.float64)) / (positives * negatives))


def roc_auc(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, code: int) -> np.ndarray:
    return auc((y == code).astype("int64"), p[:, code], w)


def gini(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, code: int) -> np.ndarray:
    return 2 * roc_auc(y, p, w, code) - 1


def precision_curve_area(event: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    inside, outside = _mass(event, score, row_weights(weights, len(score)))
    hits = np.cumsum(inside, axis=1)
    called = hits + np.cumsum(outside, axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    area: np.ndarray = np.einsum("ij,ij->i", inside, precision) / hits[:, -1]
    return area


def average_precision(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, code: int) -> np.ndarray:
    return precision_curve_area((y == code).astype("int64"), p[:, code], w)


def each_class(
    area: Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray], by_share: bool
) -> Callable[..., np.ndarray]:
    """One class against the rest, averaged over the classes that are present."""

    def function(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, _code: int) -> np.ndarray:
        events = [(y == c).astype(np.int64) for c in range(p.shape[1])]
        areas = np.stack([area(e, p[:, c], w) for c, e in enumerate(events)])
        sizes = np.stack([_mean(e, row_weights(w, len(y))) for e in events]) if by_share else np.ones_like(areas)
        sizes = np.where(np.isnan(areas), 0.0, sizes)
        mean: np.ndarray = (np.nan_to_num(areas) * sizes).sum(axis=0) / sizes.sum(axis=0)
        return mean

    return function


def each_pair(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, _code: int) -> np.ndarray:
    """Hand and Till's mean over pairs of classes, over the pairs that are present."""
    areas = []
    for a in range(p.shape[1]):
        for b in range(p.shape[1]):
            rows = np.flatnonzero((y == a) | (y == b))
            if a != b and len(rows):
                areas.append(auc((y[rows] == a).astype(np.int64), p[rows, a], None if w is None else w[:, rows]))
    stacked = np.stack(areas) if areas else np.full((1, 1 if w is None else len(w)), np.nan)
    defined = ~np.isnan(stacked)
    mean: np.ndarray = np.nan_to_num(stacked).sum(axis=0) / defined.sum(axis=0)
    return mean


def log_loss(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, _code: int) -> np.ndarray:
    true = p[np.arange(len(y)), y]
    totals = p @ np.ones(p.shape[1])  # several times as fast as summing short rows
    losses = np.log(np.maximum(totals, _LEAST)) - np.log(np.maximum(true, _LEAST))
    return _mean(losses, row_weights(w, len(y)))


def brier(y: np.ndarray, p: np.ndarray, w: np.ndarray | None, code: int) -> np.ndarray:
    if p.shape[1] == 2:
        return _mean((p[:, code] - (y == code)) ** 2, row_weights(w, len(y)))
    # the sum over classes of (p - [class is true])², without making the (n, k) table of truths
    losses = np.einsum("ij,ij->i", p, p) + 1 - 2 * p[np.arange(len(y)), y]
    return _mean(losses, row_weights(w, len(y)))


# ── labels: functions of the confusion table ─────────────────────────────────────────────────────────────────────


def _parts(c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, true sizes and called sizes of each class, all (b, k)."""
    return np.einsum("bii->bi", c), c.sum(axis=2), c.sum(axis=1)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 0)
    return ratio


def class_scores(c: np.ndarray, kind: str) -> np.ndarray:
    """Precision, recall, f1 or jaccard of each class (b, k), by confusion tables (b, k, k)."""
    hits, true, called = _parts(c)
    parts = {
        "precision": (hits, called),
        "recall": (hits, true),
        "f1": (2 * hits, true + called),
        "jaccard": (hits, true + called - hits),
    }
    return _ratio(*parts[kind])


def of_positive(kind: str) -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda c, code: class_scores(c, kind)[:, code]


def f2(c: np.ndarray, code: int) -> np.ndarray:
    hits, true, called = (part[:, code] for part in _parts(c))
    return _ratio(5 * hits, 4 * true + called)


def specificity(c: np.ndarray, code: int) -> np.ndarray:
    return class_scores(c, "recall")[:, 1 - code]


def macro(kind: str) -> Callable[[np.ndarray, int], np.ndarray]:
    def function(c: np.ndarray, _code: int) -> np.ndarray:
        _, true, called = _parts(c)
        seen = (true + called) > 0
        return _ratio((class_scores(c, kind) * seen).sum(axis=1), seen.sum(axis=1))

    return function


def by_size(kind: str) -> Callable[[np.ndarray, int], np.ndarray]:
    def function(c: np.ndarray, _code: int) -> np.ndarray:
        true = _parts(c)[1]
        return _ratio((class_scores(c, kind) * true).sum(axis=1), true.sum(axis=1))

    return function


def accuracy(c: np.ndarray, _code: int) -> np.ndarray:
    return _ratio(_parts(c)[0].sum(axis=1), c.sum(axis=(1, 2)))


def balanced_accuracy(c: np.ndarray, _code: int) -> np.ndarray:
    present = _parts(c)[1] > 0
    return _ratio((class_scores(c, "recall") * present).sum(axis=1), present.sum(axis=1))


def matthews(c: np.ndarray, _code: int) -> np.ndarray:
    hits, true, called = _parts(c)
    total = c.sum(axis=(1, 2))
    cov = hits.sum(axis=1) * total - (true * called).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (called**2).sum(axis=1))
    return _ratio(cov, np.sqrt(np.maximum(spread, 0)))


def kappa(power: int) -> Callable[[np.ndarray, int], np.ndarray]:
    def function(c: np.ndarray, _code: int) -> np.ndarray:
        codes = np.arange(c.shape[1])
        distance = np.abs(codes[:, None] - codes[None, :]) ** power if power else 1 - np.eye(len(codes))
        _, true, called = _parts(c)
        seen = (c * distance).sum(axis=(1, 2))
        expected = np.einsum("bi,ij,bj->b", true, distance, called) / c.sum(axis=(1, 2))
        return np.where(expected > 0, 1 - seen / expected, np.nan)

    return function


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────


def squared(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _mean((y - p) ** 2, w)


def root_squared(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    root: np.ndarray = squared(y, p, w) ** 0.5
    return root


def absolute(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _mean(abs(y - p), w)


def squared_log(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return squared(np.log1p(np.maximum(y, 0)), np.log1p(np.maximum(p, 0)), w)


def root_squared_log(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    root: np.ndarray = squared_log(y, p, w) ** 0.5
    return root


def _explained(unexplained: np.ndarray, total: np.ndarray) -> np.ndarray:
    ratio = 1 - unexplained / total
    return np.where(total > 0, ratio, np.where(unexplained > 0, 0.0, 1.0))


def _spread(v: np.ndarray, w: np.ndarray) -> np.ndarray:
    # about the plain mean first, so that large offsets don't eat the precision; what is left of a constant is rounding
    centred = v - v.mean()
    spread: np.ndarray = _mean(centred**2, w) - _mean(centred, w) ** 2
    return np.where(spread > (1e-14 * abs(v).max()) ** 2, spread, 0.0)


def r2(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _explained(squared(y, p, w), _spread(y, w))


def explained_variance(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _explained(_spread(y - p, w), _spread(y, w))


def median_absolute(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    errors = abs(y - p)
    order = np.argsort(errors)
    mass = np.cumsum(w[:, order], axis=1)
    half = mass[:, -1:] / 2
    low = (mass < half * (1 - 1e-12)).sum(axis=1)
    high = (mass <= half * (1 + 1e-12)).sum(axis=1).clip(max=len(y) - 1)
    middle: np.ndarray = (errors[order[low]] + errors[order[high]]) / 2
    return middle


def largest(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    order = np.argsort(-abs(y - p))
    worst: np.ndarray = abs(y - p)[order[np.argmax(w[:, order] > 0, axis=1)]]
    return worst


def relative(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    counts = y != 0
    return _mean(abs(y - p)[counts] / abs(y[counts]), w[:, counts])


def symmetric(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    return _mean(_ratio(2 * abs(y - p), abs(y) + abs(p)), w)


def share_of_total(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    total = _total(abs(y), w)
    return np.where(total > 0, _total(abs(y - p), w) / total, np.nan)


def poisson(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    from scipy.special import xlogy

    y, p = y.clip(min=0), p.clip(min=1e-9)
    return _mean(2 * (xlogy(y, y / p) - y + p), w)
