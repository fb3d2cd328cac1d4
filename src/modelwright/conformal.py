"""Intervals and sets that hold the truth as often as they promise: conformal prediction.

Source: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World*, 2005; from out-of-fold errors as in the
cross-conformal method and CV+ (Vovk 2015; Barber, Candès, Ramdas and Tibshirani 2021); widths that follow an expected
error (Papadopoulos, Gammerman and Vovk 2008; Lei et al. 2018); both ends with half of the error each, so that skewed
errors give skewed intervals; sets by the least ambiguous rule, class by class (Sadinle, Lei and Wasserman 2019;
Vovk 2012). The promise is kept on average over rows that are exchangeable with those that the errors come from.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelwright.explanation import Coverage, Scores

if TYPE_CHECKING:
    import numpy as np

KEPT = 400
"""Scores that are kept in the middle of many, and half as many at each end."""


def conformity_scores(values: np.ndarray) -> Scores:
    """Scores in order, thinned in the middle when there are many.

    Args:
        values: one score a row (n,), finite.
    """
    import numpy as np

    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    ranks = np.arange(1, n + 1)
    if n > 2 * KEPT:
        end = KEPT // 2
        inner = np.linspace(end + 1, n - end, KEPT).round().astype(np.int64)
        ranks = np.unique(np.r_[1 : end + 1, inner, n - end + 1 : n + 1])
    return Scores(n, tuple(ranks.tolist()), tuple(ordered[ranks - 1].tolist()))


def offsets(scores: Scores, level: float) -> tuple[float, float]:
    """What is added to a prediction for the lower and the upper end of its interval, in units of the scores.

    Half of the error is left on each side. Where there are too few rows for that, both ends are equally far away;
    where there are too few even for that, they are infinite.

    Args:
        scores: truth minus prediction, in units of the expected error.
        level: share of rows that must lie inside, between 0 and 1.
    """
    import numpy as np

    n, tail = scores.count, (1 - level) / 2
    low = math.floor((n + 1) * tail + 1e-9)
    high = math.ceil((n + 1) * (1 - tail) - 1e-9)
    if low >= 1 and high <= n:
        ranks = np.asarray(scores.ranks)
        below = int(np.searchsorted(ranks, low, side="right")) - 1
        above = int(np.searchsorted(ranks, high, side="left"))
        return scores.values[below], scores.values[above]
    far = upper(Scores(n, scores.ranks, tuple(sorted(abs(v) for v in scores.values))), level)
    return -far, far


def upper(scores: Scores, level: float) -> float:
    """The value that a new score doesn't exceed with this probability; infinite where there are too few scores."""
    import numpy as np

    rank = math.ceil((scores.count + 1) * level - 1e-9)
    if rank > scores.count:
        return math.inf
    return scores.values[int(np.searchsorted(np.asarray(scores.ranks), rank, side="left"))]


def highest_level(scores: Scores) -> float:
    """The highest level that this many scores can promise."""
    return scores.count / (scores.count + 1)


def prediction_sets(probability: np.ndarray, scores: tuple[Scores, ...], level: float) -> np.ndarray:
    """Which classes belong to each row's set (n, k); never none: a set that would be empty holds the likeliest class.

    Args:
        probability: (n, k).
        scores: one entry a class: one minus its probability, of rows that belong to it.
        level: share of the rows of each class whose set must hold it.
    """
    import numpy as np

    limits = np.array([upper(s, level) for s in scores])
    inside: np.ndarray = 1 - probability <= limits[None, :]
    if len(probability):
        inside[np.arange(len(inside)), probability.argmax(axis=1)] |= ~inside.any(axis=1)
    return inside


def coverage(level: float, inside: np.ndarray, width: np.ndarray, units: np.ndarray | None = None) -> Coverage:
    """How often the truth lay inside, with the interval of that share.

    Args:
        level: what was promised.
        inside: whether the truth lay inside (n,).
        width: widths or sizes (n,).
        units: which rows belong together (n,); they count for less than independent ones (design effect, Kish 1965).
    """
    import numpy as np
    from scipy.stats import beta

    n, share = len(inside), float(np.mean(inside))
    rows = float(n)
    if units is not None and 0 < share < 1:
        sums = np.bincount(np.unique(units, return_inverse=True)[1], weights=inside - share)
        rows = float(np.clip(n * n * share * (1 - share) / max(float(sums @ sums), 1e-12), min(len(sums), n), n))
    hits = share * rows
    low = 0.0 if hits <= 0 else float(beta.ppf(0.025, hits, rows - hits + 1))
    high = 1.0 if hits >= rows else float(beta.ppf(0.975, hits + 1, rows - hits))
    return Coverage(level, share, low, high, float(np.mean(width)), n)


def winkler(truth: np.ndarray, low: np.ndarray, high: np.ndarray, level: float) -> float:
    """The mean interval score (Winkler 1972): width, and what is missed by, weighted so that honest ends win."""
    import numpy as np

    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return float(np.mean(high - low + 2 / (1 - level) * missed))
