"""How far a score can be trusted: bootstrap resamples of the judged rows, and intervals from them.

The interval of a score says where the score of the *same model* will fall, with 95 % probability, on *another sample
of the same kind and about the same number of rows*. It is a prediction interval, not a confidence interval: not only
the score at hand is uncertain but also the one it is compared with. If ``d`` is the error of a score, which the
bootstrap gives as ``score of a resample - score``, two samples differ by ``d - d'``, so the interval runs over the
differences of pairs of resamples; for a normal error that is the confidence interval widened by the square root of
two. On a larger sample the score falls inside somewhat more often.

Sources: B. Efron and R. Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 8, 13 and 25 (prediction);
T. Hesterberg, *What Teachers Should Know About the Bootstrap* (2015), section 5.3, for the expansion that small
samples need; H. Künsch (1989) for blocks of consecutive rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from modelwright.tasks.metrics import Metric

_AT_ONCE = 2_000_000  # weights held at once


class Resamples:
    """Bootstrap resamples of rows, as how often each row is drawn. The same seed gives the same resamples.

    Args:
        n: number of rows.
        seed: seed of the draws.
        units: rows with the same number are drawn together (n,): groups, or stretches of time. Fewer than eight
            units can't stand for others like them; rows are drawn one by one then.
        most: number of resamples; fewer for many rows, whose scores scatter little.
    """

    def __init__(self, n: int, seed: int, units: np.ndarray | None = None, most: int = 1000) -> None:
        import numpy as np

        self.n = n
        self.seed = seed
        self.count = int(np.clip(8_000_000 // n, min(300, most), most))
        self.units = None
        if units is not None:
            codes = np.unique(units, return_inverse=True)[1]
            self.units = codes if codes.max() >= 7 else None
        self.n_units = n if self.units is None else int(self.units.max()) + 1

    def __iter__(self) -> Iterator[np.ndarray]:
        """Chunks of weights (b, n)."""
        import numpy as np

        rng = np.random.default_rng([self.seed, 7])
        step = max(1, _AT_ONCE // self.n)
        for start in range(0, self.count, step):
            b = min(step, self.count - start)
            drawn = rng.integers(0, self.n_units, (b, self.n_units))
            weights = np.stack([np.bincount(row, minlength=self.n_units) for row in drawn]).astype(np.float64)
            yield weights if self.units is None else weights[:, self.units]


def stretches(n: int, groups: np.ndarray | None, times: np.ndarray | None) -> np.ndarray:
    """Number rows by stretches of consecutive rows, within groups if there are any.

    Errors of neighbouring moments are alike, so rows in time must be drawn in stretches for the interval to be wide
    enough. A stretch is as long as there are stretches: the square root of the number of rows, a little longer than
    Künsch's cube root, since correlations in measured data reach far.

    Args:
        n: number of rows.
        groups: group of each row.
        times: moment of each row; rows are taken to be in order without it.
    """
    import numpy as np

    codes = np.zeros(n, dtype=np.int64) if groups is None else np.unique(groups.astype(str), return_inverse=True)[1]
    order = np.lexsort((np.arange(n) if times is None else times, codes))
    sizes = np.bincount(codes)
    position = np.empty(n, dtype=np.int64)
    position[order] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    length = np.maximum(1, np.ceil(np.sqrt(sizes))).astype(np.int64)
    stretch = position // length[codes]
    units: np.ndarray = np.unique(codes * (n + 1) + stretch, return_inverse=True)[1]
    return units


def with_tails(y: np.ndarray, prediction: np.ndarray, weights: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Resamples of values whose largest errors are drawn anew: truth and prediction of each, as (2, n).

    Resampling can't draw an error larger than the largest at hand, though in heavy-tailed data the next sample often
    has one, and it decides a squared error. So the errors in the outer twentieth on each side of zero taken together
    are replaced by draws from a Pareto tail with Hill's estimate of its index, none above twice the largest error seen:
    most tails end sooner than Pareto's.

    Args:
        y: the truth (n,).
        prediction: predicted values (n,).
        weights: how often each row is drawn (b, n).
        seed: seed of the draws.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 11])
    errors = prediction - y
    sizes = np.sort(np.abs(errors))[::-1]
    k = int(np.clip(0.05 * len(y), 5, 200))
    if len(y) <= 2 * k or sizes[k] <= 0:
        return
    slope = float(np.mean(np.log(sizes[:k] / sizes[k])))
    for drawn in weights:
        rows = np.repeat(np.arange(len(y)), drawn.astype(np.int64))
        found = errors[rows]
        outer = np.flatnonzero(np.abs(found) > sizes[k])
        fresh = sizes[k] * np.exp(slope * rng.exponential(size=len(outer)))
        found[outer] = np.sign(found[outer]) * np.minimum(fresh, 2 * sizes[0])
        yield np.stack([y[rows], y[rows] + found])


def interval(
    metric: Metric,
    score: float,
    resampled: np.ndarray,
    n_rows: int,
    n_independent: int,
    tailed: np.ndarray | None = None,
) -> tuple[float, float]:
    """Where the score of the same model on another sample of the same kind and size falls with 95 % probability.

    Differences are taken on the scale of the distance from a perfect score: its logarithm, or its log odds where the
    metric has two ends. On that scale errors of scores near perfect are about symmetric and the ends are respected.
    A perfect score leaves no scatter to learn from; up to five mistakes in another sample are then allowed for, which
    is what a rate that gave none can give with 97.5 % probability.

    Args:
        metric: the metric.
        score: the score on all rows.
        resampled: scores of the resamples (b,); those that aren't defined don't count.
        n_rows: rows of the sample.
        n_independent: what the scatter was learnt from: rows or units, of the rarer class where there are two.
        tailed: scores of resamples with tails drawn anew; they decide how far the bad end is.

    Returns:
        The lower and the upper end, in the metric's own units.
    """
    import numpy as np

    span = abs(metric.worst - metric.best)
    off = abs(score - metric.best)
    offs = np.abs(resampled[np.isfinite(resampled)] - metric.best)
    if len(offs) < 20 or not np.isfinite(score):
        return _ordered(metric, 0.0, span)
    if off == 0 and offs.max() == 0:
        return _ordered(metric, 0.0, min(5 / n_rows, 1) * span if np.isfinite(span) else 0.0)
    least = 0.01 * max(off, float(offs.mean()))
    if np.isfinite(span):
        least = span / n_rows / (2 if metric.needs == "label" else 20)

    def scale(distance: np.ndarray) -> np.ndarray:
        beyond = span - distance + least if np.isfinite(span) else 1.0
        return np.asarray(np.log((distance + least) / beyond))

    start = scale(np.array([off]))
    reach = _reach(scale(offs), n_independent)
    far_reach = reach
    if tailed is not None and len(tailed):
        far_reach = max(reach, _reach(scale(np.abs(tailed[np.isfinite(tailed)] - metric.best)), n_independent))
    odds = np.exp(np.r_[start - reach, start + far_reach])
    near, far = ((span + 2 * least) * odds / (1 + odds) if np.isfinite(span) else odds) - least
    return _ordered(metric, max(0.0, float(near)), min(span, float(far)))


def _reach(scores: np.ndarray, n_independent: int) -> float:
    """The 95 % point of the differences of two resamples, expanded for what few observations hide."""
    import numpy as np
    from scipy.stats import norm, t

    # a fixed set of rotations stands for all pairs
    shifts = [1 + k * len(scores) // 21 for k in range(20)]
    differences = np.concatenate([scores - np.roll(scores, s) for s in shifts])
    free = max(2, n_independent - 1)
    expansion = t.ppf(0.975, free) / norm.ppf(0.975) * np.sqrt((free + 1) / free)
    return float(np.quantile(np.abs(differences), 0.95) * expansion)


def _ordered(metric: Metric, near: float, far: float) -> tuple[float, float]:
    """The ends of distances from the best score, as scores."""
    if metric.greater_is_better:
        return metric.best - far, metric.best - near
    return metric.best + near, metric.best + far
