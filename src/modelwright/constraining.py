"""What the user's demands mean in figures: an operating point, differences between groups, limits of speed and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from modelwright.comparing import confidence
from modelwright.diagnostics import figure
from modelwright.intervals import Resamples
from modelwright.judgement import Verified
from modelwright.problem import Constraints, Disparity, Fairness
from modelwright.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST = 10
"""Rows of a class below which no threshold is chosen from them."""
LEAST_OF_GROUP = 20
"""Rows that a group's rate must rest on; below, its own scatter is larger than any difference worth acting on."""
MARGIN = 1.0
"""Standard errors by which a demanded rate is aimed at from above, so that it holds on other rows, too."""
GROUPS = 12
"""Groups that are told apart at most; the smallest are left out."""


def has_operating_point(constraints: Constraints) -> bool:
    """Whether the demands say where the threshold between two classes should be."""
    costs = constraints.cost_miss is not None and constraints.cost_false_alarm is not None
    return constraints.min_recall is not None or constraints.min_precision is not None or costs


def operating_point(y: np.ndarray, probability: np.ndarray, constraints: Constraints, judged_rows: int) -> float | None:
    """The probability from which rows are called positive so that the demands are met.

    Among the thresholds whose recall and precision, less a margin of one standard error, reach what is demanded, the
    cheapest is taken where costs are known, else the one with the best F1. When no threshold reaches it, the one that
    falls short the least. Costs are smoothed over neighbouring thresholds, so that a few rows can't decide (Elkan
    2001 for costs; Sheng and Ling 2006 for thresholds chosen empirically).

    Args:
        y: 1 for positive rows, 0 for others, with out-of-fold predictions (n,).
        probability: of the positive class (n,).
        constraints: the demands.
        judged_rows: rows that the choice will be confirmed on; fewer need a wider margin.

    Returns:
        The threshold; by the ratio of costs alone with fewer than ten rows of a class, and ``None`` where that isn't
        known either.
    """
    import numpy as np
    from scipy.ndimage import uniform_filter1d

    counts = np.bincount(y.astype(np.int64), minlength=2)
    miss, alarm = constraints.cost_miss, constraints.cost_false_alarm
    priced = miss is not None and alarm is not None and miss + alarm > 0
    if counts.min() < FEWEST:
        return float(alarm / (miss + alarm)) if priced and miss is not None and alarm is not None else None
    order = np.argsort(-probability, kind="stable")
    ordered, events = probability[order], y[order]
    ends = np.r_[np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1]
    hits, called = np.cumsum(events)[ends].astype(np.float64), ends + 1.0
    recall, precision = hits / counts[1], hits / called
    share = judged_rows / len(y)

    def reached(rate: np.ndarray, demanded: float | None, rows: np.ndarray | float) -> np.ndarray:
        """By how much a rate falls short of what is demanded, with the margin; 0 where it doesn't."""
        if demanded is None:
            return np.zeros(len(rate))
        # The margin is that of the demanded rate: at a rate of one the estimated error would vanish.
        error = MARGIN * np.sqrt(demanded * (1 - demanded) * (1 / rows + 1 / np.maximum(1.0, share * rows)))
        return np.asarray(np.maximum(0.0, np.minimum(demanded + error, 0.5 + 0.5 * demanded) - rate))

    short = reached(recall, constraints.min_recall, float(counts[1]))
    short = short + reached(precision, constraints.min_precision, called)
    if priced and miss is not None and alarm is not None:
        worth = -(miss * (counts[1] - hits) + alarm * (called - hits))
    else:
        worth = 2 * hits / (counts[1] + called)
    worth = uniform_filter1d(worth, 2 * (len(worth) // 100) + 1, mode="nearest")
    fits = short <= short.min() + 1e-12
    best = np.flatnonzero(fits & (worth >= worth[fits].max() - 1e-12))
    at = int(best[len(best) // 2])
    following = ordered[ends[at] + 1] if at + 1 < len(ends) else 0.0
    return float((ordered[ends[at]] + following) / 2)


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────────


def cohorts(column: pd.Series, floor: int, named: bool = True) -> tuple[np.ndarray, tuple[str, ...]]:
    """The groups that a column divides rows into.

    Levels of a category, quarters of a numeric column with more than twelve values, and missing values as a group of
    their own. Groups with fewer rows than the floor are put together.

    Args:
        column: in the types of :mod:`modelwright.table`.
        floor: rows that a group must have to be named.
        named: whether values may be named; otherwise groups are numbered.

    Returns:
        A code for each row (n,), and the groups' names by code.
    """
    import numpy as np
    import pandas as pd

    values = column.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > GROUPS:
        edges = np.unique(np.quantile(values.dropna(), [0.25, 0.5, 0.75]))
        bins = np.searchsorted(edges, values.to_numpy(dtype=np.float64), side="left")
        below = [f"up to {figure(edges[0])}", *(f"{figure(a)} to {figure(b)}" for a, b in pairwise(edges))]
        texts = pd.Series(np.array([*below, f"above {figure(edges[-1])}"], dtype=object)[bins])
        texts[values.isna()] = "missing"
    else:
        numeric = pd.api.types.is_numeric_dtype(values)
        shown = values.map(lambda v: f"{v:g}") if numeric else values.astype(object).map(str)
        texts = shown.where(values.notna(), "missing").astype(object)
    counts = texts.value_counts()
    kept = [str(name) for name in counts.index[:GROUPS] if counts[name] >= floor]
    places = {name: i for i, name in enumerate(sorted(kept))}
    codes = texts.map(lambda name: places.get(name, len(places))).to_numpy(dtype=np.int64)
    names = tuple(sorted(kept)) + (("(others)",) if (codes == len(places)).any() else ())
    return codes, names if named else tuple(f"group {i}" for i in range(1, len(names) + 1))


def measured(fairness: Fairness, n_classes: int) -> Disparity:
    """What is compared between groups when nobody says: recall, accuracy, or the mean absolute error."""
    return fairness.measure or ("error" if not n_classes else "recall" if n_classes == 2 else "accuracy")


def group_rates(
    measure: Disparity, y: np.ndarray, called: np.ndarray, codes: np.ndarray, count: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A rate of each group, under many weightings of the rows.

    Args:
        measure: which rate; ``error`` is divided by that of all rows.
        y: the truth: codes or values (n,).
        called: predicted codes or values (n,).
        codes: each row's group (n,).
        count: how many groups there are.
        weights: how often each row counts (b, n).

    Returns:
        Rates (b, count), not-a-number where a group has no row for it, and the rows they rest on (b, count).
    """
    import numpy as np

    right = (y == called).astype(np.float64)
    tops, bottoms = {
        "recall": (right * (y == 1), y == 1),
        "selection": (called == 1, np.ones(len(y))),
        "false_positive_rate": ((called == 1) & (y == 0), y == 0),
        "precision": (right * (called == 1), called == 1),
        "accuracy": (right, np.ones(len(y))),
        "error": (np.abs(y - called), np.ones(len(y))),
    }[measure]
    inside = np.eye(count)[codes]
    top, bottom = (weights * np.asarray(part, dtype=np.float64) @ inside for part in (tops, bottoms))
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = top / bottom
        if measure == "error":
            rates = rates / (top.sum(axis=1) / bottom.sum(axis=1))[:, None]
    return rates, bottom


def disparity(
    measure: Disparity,
    y: np.ndarray,
    called: np.ndarray,
    codes: np.ndarray,
    names: Sequence[str],
    resamples: Resamples | None = None,
) -> tuple[float | None, float | None, float | None, dict[str, float]]:
    """The largest difference of a rate between two groups, its 95 % interval, and each group's rate.

    Groups whose rate rests on fewer than twenty rows don't count. The interval is that of the two groups that differ
    most on all rows; picking them makes the difference itself somewhat too large.

    Args:
        measure: which rate.
        y: the truth (n,).
        called: predicted codes or values (n,).
        codes: each row's group (n,).
        names: the groups' names by code.
        resamples: of the rows, for the interval; ``None`` for none.

    Returns:
        Difference, its lower and upper end (``None`` with fewer than two groups that are large enough), rates.
    """
    import numpy as np

    rates, rows = group_rates(measure, y, called, codes, len(names), np.ones((1, len(y))))
    large = np.flatnonzero((rows[0] >= LEAST_OF_GROUP) & np.isfinite(rates[0]))
    by_name = {names[int(i)]: float(rates[0, i]) for i in large}
    if len(large) < 2:
        return None, None, None, by_name
    top, bottom = (int(large[pick(rates[0, large])]) for pick in (np.argmax, np.argmin))
    gap = float(rates[0, top] - rates[0, bottom])
    if resamples is None:
        return gap, None, None, by_name
    again = [group_rates(measure, y, called, codes, len(names), w)[0] for w in resamples]
    gaps = np.concatenate([found[:, top] - found[:, bottom] for found in again])
    low, high = confidence(gap, gaps, min(resamples.n_units, int(rows[0, [top, bottom]].min())))
    return gap, max(0.0, low), high, by_name


# ── speed and size ───────────────────────────────────────────────────────────────────────────────────────────────


def excess(constraints: Constraints, milliseconds: float, size: float, seconds: float, bends: float = 0.0) -> float:
    """How far a model is beyond the limits: 1 or less when it keeps them all, else the largest ratio.

    Args:
        constraints: the demands.
        milliseconds: of predicting one row.
        size: bytes on disk.
        seconds: of fitting it.
        bends: share of steps in which it goes against a demanded direction; any counts as far beyond.
    """
    pairs = (
        (milliseconds, constraints.latency_ms), (size, constraints.model_bytes), (seconds, constraints.training_seconds)
    )  # fmt: skip
    found = max((value / limit for value, limit in pairs if limit), default=0.0)
    return max(found, 10.0 + bends if bends > 0 else 0.0)


def subsets(members: Mapping[int, float], most: int = 6) -> list[dict[int, float]]:
    """Every mixture of some of the members, with their shares scaled to sum to one; the largest shares only."""
    kept = sorted(members, key=lambda n: (-members[n], n))[:most]
    found = []
    for size in range(len(kept), 0, -1):
        for chosen in combinations(kept, size):
            total = sum(members[n] for n in chosen)
            found.append({n: members[n] / total if total > 0 else 1 / size for n in chosen})
    return found


# ── kinds of models ──────────────────────────────────────────────────────────────────────────────────────────────


def estimators_of(recipe: Recipe) -> tuple[str, ...]:
    """The estimators that a recipe is made of, its members' in their order."""
    if not recipe.members:
        return (recipe.estimator.action,)
    return tuple(name for member in recipe.members for name in estimators_of(member.recipe))


def demanded(constraints: Constraints) -> tuple[str, ...]:
    """The names of the demands that can be measured on a model, in the order of their declaration."""
    free = Constraints()
    searching = ("metric", "prefer", "patience", "target_score", "notes")
    set_ = [p.name for p in fields(Constraints) if getattr(constraints, p.name) != getattr(free, p.name)]
    return tuple(name for name in set_ if name not in searching)


def unmeasured(constraints: Constraints, why: str) -> tuple[Verified, ...]:
    """Every demand as not checked, with the reason."""
    names = (*demanded(constraints), *("note" for _ in constraints.notes[:1]))
    return tuple(Verified(name, name.replace("_", " "), how=why) for name in names)
