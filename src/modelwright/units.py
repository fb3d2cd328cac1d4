"""Units: rows that belong together (copies of one row, rows of one group), and how they are dealt to parts.

A unit is never torn apart. Large units are dealt one by one to where they unbalance least, as in scikit-learn's
``StratifiedGroupKFold``; the many small ones in one go, class by class, so that a million rows take a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.errors import DataError
from modelwright.problem import Problem
from modelwright.table import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def copies(frame: pd.DataFrame, schema: Schema, problem: Problem, y: np.ndarray, warnings: list[str]) -> np.ndarray:
    """Number the sets of rows that are the same in every feature, and in time and group where there are such columns.

    Appends to ``warnings`` what was found.

    Raises:
        DataError: when all rows are the same.
    """
    import numpy as np
    import pandas as pd

    columns = list(problem.features(tuple(c for c in schema.names if c in frame.columns)))
    roles = (problem.time_column.value, problem.group_column.value)
    columns += [c for c in roles if c is not None and c not in columns]
    if not columns:
        return np.arange(len(frame))
    hashes = pd.util.hash_pandas_object(frame[columns], index=False).to_numpy()
    _, sets, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
    if len(sizes) == 1:
        raise DataError("All rows are the same in every column that may be learnt from; there is nothing to learn.")
    repeated = int((sizes - 1).sum())
    if not repeated:
        return sets
    # Copies of a record agree in the target. Where a few combinations come back again and again with different
    # answers, they are observations that happen to look alike, and tearing them apart gives nothing away.
    ordered = np.lexsort((y, sets))
    starts = np.flatnonzero(np.r_[True, np.diff(sets[ordered]) > 0])
    ends = np.r_[starts[1:], len(y)] - 1
    differ = y[ordered[starts]] != y[ordered[ends]]
    if len(sizes) * 5 <= len(y) and differ[sizes > 1].mean() >= 0.25:
        warnings.append(
            f"The {len(y):,} rows hold only {len(sizes):,} different combinations of feature values, with different "
            "answers for the same combination; they were divided like any other rows."
        )
        return np.arange(len(frame))
    some = "1 row repeats" if repeated == 1 else f"{repeated:,} rows repeat"
    warnings.append(f"{some} an earlier row in every feature; copies of a row were kept on the same side.")
    return sets


def come_back(same: np.ndarray, y: np.ndarray, classification: bool) -> bool:
    """Whether rows repeat in such a way that rows to come will repeat known ones as well.

    A twentieth to three quarters of the rows then repeat an earlier one, a few times each, many don't, and rows of the
    most frequent class do, too; what was copied on purpose (a rare class, a whole file) is repeated otherwise. Below
    1,000 rows nobody can tell.

    Args:
        same: the set of copies that each row belongs to (n,).
        y: encoded target (n,).
        classification: whether the target is a class.
    """
    import numpy as np

    _, first, sizes = np.unique(same, return_index=True, return_counts=True)
    repeats = np.ones(len(same), dtype=bool)
    repeats[first] = False
    share = repeats.mean()
    if len(same) < 1_000 or not 0.05 <= share <= 0.75 or sizes[sizes > 1].mean() > 6 or (sizes == 1).mean() < 0.2:
        return False
    strata = y.astype(np.int64) if classification else bins(y)
    counts = np.bincount(strata)
    shares = np.bincount(strata, repeats) / np.maximum(counts, 1)
    return bool(shares[counts.argmax()] > share / 3 and shares.max() < 6 * share)


def with_groups(same: np.ndarray, frame: pd.DataFrame, problem: Problem) -> np.ndarray:
    """Join rows of one group to one unit; a row of an unknown group stays with its copies only.

    Raises:
        DataError: when there are fewer than three groups.
    """
    import numpy as np

    name = problem.group_column.value
    groups, names = frame[name].factorize()
    if len(names) < 3:
        raise DataError(
            f"The group column {name!r} has only {len(names)} different values, too few to keep whole groups apart; "
            "leave the group column out or name another."
        )
    units: np.ndarray = np.unique(np.where(groups >= 0, groups, same + len(names)), return_inverse=True)[1]
    return units


def bins(y: np.ndarray) -> np.ndarray:
    """Tenths of a numeric target, fewer where values repeat or rows are few."""
    import numpy as np

    count = int(np.clip(len(y) // 20, 1, 10))
    edges = np.unique(np.quantile(y, np.linspace(0, 1, count + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, y, side="right"), return_inverse=True)[1]


def others(n: int, rows: np.ndarray) -> np.ndarray:
    """The positions among ``n`` rows that aren't in ``rows``."""
    import numpy as np

    left = np.ones(n, dtype=bool)
    left[rows] = False
    return np.flatnonzero(left)


def deal(
    strata: np.ndarray, units: np.ndarray, shares: np.ndarray, rng: np.random.Generator, lead: int | None = None
) -> np.ndarray:
    """Deal rows to parts of given shares: units stay whole, strata are spread evenly.

    Args:
        strata: class of each row, from 0 (n,).
        units: unit of each row (n,).
        shares: share of the rows that each part should get, summing to one (k,).
        rng: breaks ties.
        lead: the part that is learnt from, when parts aren't equal: it gets something of every stratum.

    Returns:
        The part of each row, 0 … k − 1 (n,). No part is empty when there are at least as many units as parts. Where
        units are rows, every stratum with two rows is in two parts at least, with a lead every one with three.
    """
    import numpy as np

    units = np.unique(units, return_inverse=True)[1]
    n, k, sizes = len(units), len(shares), np.bincount(units)
    totals = np.bincount(strata)
    # A unit belongs to the rarest of its strata, so that it's the rare ones that are spread best.
    rarity = np.argsort(np.argsort(totals, kind="stable"), kind="stable")
    kind = np.full(len(sizes), len(totals))
    np.minimum.at(kind, units, rarity[strata])
    shuffled = rng.permutation(len(sizes))
    large = (sizes > max(1.0, 0.01 * n * shares.min())) | (np.bincount(kind)[kind] <= 2 * k)
    one_by_one = shuffled[large[shuffled]]
    one_by_one = one_by_one[np.argsort(-sizes[one_by_one], kind="stable")]
    part = np.full(len(sizes), -1)
    filled = _deal_large(one_by_one, part, strata, units, shares, totals, rng)
    rest = shuffled[~large[shuffled]]
    rest = rest[np.argsort(kind[rest], kind="stable")]
    fill = filled.sum(axis=1)
    for own in np.split(rest, np.flatnonzero(np.diff(kind[rest])) + 1) if len(rest) else []:
        stratum = int(np.flatnonzero(rarity == kind[own[0]])[0])
        room = np.maximum(shares * totals[stratum] - filled[:, stratum], 1e-9)
        room *= len(own) / room.sum()
        quota = np.floor(room + 1e-9)
        # what doesn't divide goes to the parts that have least so far, so that many strata don't pile up in one
        lacking = shares * (fill.sum() + sizes[own].sum()) - fill - quota * sizes[own].mean()
        lacking[room - quota < 1e-9] = -np.inf
        quota[np.argsort(-lacking, kind="stable")[: round(len(own) - quota.sum())]] += 1
        middle = (np.cumsum(sizes[own]) - sizes[own] / 2) / sizes[own].sum()
        part[own] = np.searchsorted(np.cumsum(quota) / len(own), middle, side="right").clip(max=k - 1)
        fill += np.bincount(part[own], sizes[own], minlength=k)
    _mend(part, strata, units, sizes, k, lead)
    dealt: np.ndarray = part[units]
    return dealt


def _deal_large(
    order: np.ndarray,
    part: np.ndarray,
    strata: np.ndarray,
    units: np.ndarray,
    shares: np.ndarray,
    totals: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Put units, in order, where they add least to the squared imbalance; returns rows by part and stratum (k, s)."""
    import numpy as np

    filled = np.zeros((len(shares), len(totals)))
    by_unit = np.argsort(units, kind="stable")
    starts = np.searchsorted(units[by_unit], np.arange(len(part) + 1))
    scale = 1 / np.maximum(totals, 1)
    for unit in order:
        found, counts = np.unique(strata[by_unit[starts[unit] : starts[unit + 1]]], return_counts=True)
        size = counts.sum()
        weights = counts * scale[found]
        cost = (filled[:, found] + counts / 2) @ weights + (filled.sum(axis=1) + size / 2) * size / len(units)
        cost = cost / shares
        near = np.flatnonzero(cost <= cost.min() * (1 + 1e-9))
        part[unit] = rng.choice(near)
        filled[part[unit], found] += counts
    return filled


def _mend(part: np.ndarray, strata: np.ndarray, units: np.ndarray, sizes: np.ndarray, k: int, lead: int | None) -> None:
    """Move single units so that no part is empty and strata are where they are needed, the rarest last."""
    import numpy as np

    pairs = np.sort(strata * len(sizes) + units)
    pair_stratum, pair_unit = np.divmod(pairs[np.r_[True, np.diff(pairs) > 0]], len(sizes))
    own_units = np.split(pair_unit, np.flatnonzero(np.diff(pair_stratum)) + 1)
    for own in sorted(own_units, key=len, reverse=True):
        present = np.flatnonzero(np.bincount(part[own]))
        smallest = own[np.argmin(sizes[own])]
        if lead is not None and lead not in present:
            part[smallest] = lead
        elif len(present) == 1 and len(own) >= (2 if lead is None else 3):
            fill = np.bincount(part, sizes, minlength=k)
            fill[present] = np.inf
            part[smallest] = int(np.argmin(fill))
    for empty in np.flatnonzero(np.bincount(part, minlength=k) == 0):
        donors = np.flatnonzero(np.bincount(part, minlength=k)[part] > 1)
        if len(donors):
            part[donors[np.argmin(sizes[donors])]] = empty
