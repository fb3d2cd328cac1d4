"""The parts that models are compared on: folds, stretches of time, or a single part where that tells enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.errors import DataError
from modelwright.protocol import Signal
from modelwright.units import deal

if TYPE_CHECKING:
    import numpy as np

SHORT = 120.0
"""Seconds of budget below which fewer folds are made."""
SHORT_MANY, MANY = 600.0, 40_000
"""The same from so many rows on: one part of them tells models apart, and each fold costs a fit that takes long."""
QUICK, QUICK_OF_CLASSES = 20_000, 50_000
"""Rows, and rows times classes where there are several, beyond which three folds have to do where time is short."""

PART = 0.2
"""Share of the rows that a single part has."""
MOST_VALIDATED = 50_000
PRESSED = 115.0
"""Rows, times classes where there are several, for each second of the budget, from which on folds leave too little
time: models are compared on a single part if that is enough to tell them apart."""
TELLING = 250
"""Rows that a part needs where the columns explain as much of the target as they leave; see :func:`tells`."""
LEAST_TELLING = 200
"""Rows that it needs in any case."""
NORMAL = 3.0
"""The kurtosis of a normal distribution."""


@dataclass(frozen=True)
class Rows:
    """What dividing needs to know of some rows.

    Args:
        strata: class, or tenth of a numeric target, of each row (n,).
        units: the set of rows that each row has to stay with (n,).
        times: each row's place in time, -1 where it isn't known (n,); ``None`` where there is no time.
    """

    strata: np.ndarray
    units: np.ndarray
    times: np.ndarray | None

    def __len__(self) -> int:
        return len(self.strata)

    def take(self, rows: np.ndarray) -> Rows:
        """These rows only."""
        return Rows(self.strata[rows], self.units[rows], None if self.times is None else self.times[rows])

    @property
    def n_units(self) -> int:
        """Sets of rows that have to stay together."""
        import numpy as np

        return int((np.bincount(self.units) > 0).sum())


@dataclass(frozen=True)
class Parts:
    """How development rows are divided to compare models.

    Args:
        assignment: ``int16`` (repeats, n): the part that each row belongs to.
        folds: parts that are validated, in one repeat.
        forward: whether a part is only learnt from the parts before it.
    """

    assignment: np.ndarray
    folds: int
    forward: bool


def pressed(n: int, n_classes: int, seconds: float) -> bool:
    """Whether there is so little time that a single part would be welcome, if it tells models apart.

    Where rows are so many that there is a single part in any case, nothing depends on it.

    Args:
        n: development rows.
        n_classes: number of classes; 0 for a numeric target.
        seconds: of the whole run.
    """
    return n <= _most_folded(seconds, n) and _work(n, n_classes) > PRESSED * seconds


def _brisk(seconds: float, n: int) -> bool:
    """Whether time is so short that fewer folds, and so more experiments, are the better use of it."""
    return seconds < (SHORT if n <= MANY else SHORT_MANY)


def _most_folded(seconds: float, n: int) -> int:
    """Rows beyond which models are always compared on a single part."""
    return MANY if _brisk(seconds, n) else 200_000


def _work(n: int, n_classes: int) -> int:
    """Rows that one round of boosting learns from: it grows a tree for each of several classes."""
    return n * n_classes if n_classes > 2 else n


def tells(rows: int, signal: Signal) -> bool:
    """Whether a part of so many rows tells models apart about as well as all rows would.

    Two models that differ by a given share of what can be explained at all differ in squared error by that much, and
    the difference has a standard error that goes with the root of what can't be explained over the rows. So the rows
    that are needed go with the ratio of the two. Where a few rows make most of the error (heavy tails, or hardly a row
    whose class is mistaken), rows count for less: by the kurtosis of the errors over that of a normal distribution.

    Args:
        rows: rows of the part, or sets of rows that belong together.
        signal: what a quick model could tell.
    """
    if signal.explained <= 0:
        return False
    effective = rows * NORMAL / max(NORMAL, signal.kurtosis)
    return effective >= max(LEAST_TELLING, TELLING * (1 - signal.explained) / signal.explained)


def random_parts(rows: Rows, seed: int, *, seconds: float, n_classes: int, signal: Signal | None) -> Parts:
    """Folds, or a single part; see :func:`~modelwright.splitting.divide`.

    Args:
        rows: the development rows.
        seed: seed of every random choice.
        seconds: of the whole run.
        n_classes: number of classes; 0 for a numeric target.
        signal: what a quick model could tell; ``None`` where nobody measured it.

    Raises:
        DataError: when rows can't be parted.
    """
    import numpy as np

    n, n_units = len(rows), rows.n_units
    enough = signal is not None and tells(int(PART * n_units), signal)
    if n > _most_folded(seconds, n) or (pressed(n, n_classes, seconds) and enough):
        share = min(PART, MOST_VALIDATED / n)
        part = deal(rows.strata, rows.units, np.array([1 - share, share]), np.random.default_rng([seed, 1]), lead=0)
        return Parts(part[None, :].astype(np.int16), 1, True)
    if _brisk(seconds, n):
        quick = _work(n, n_classes) > (QUICK_OF_CLASSES if n_classes > 2 else QUICK)
        folds, repeats = (5, 2) if n < 300 else (3, 1) if quick else (5, 1)
    else:
        folds, repeats = (5, 3) if n < 300 else (8, 1) if n < 1_000 else (5, 1) if n <= 60_000 else (3, 1)
    folds = min(folds, n_units)
    if folds < 2:
        raise DataError("The rows to learn from are all copies of one row or belong to one group; more are needed.")
    repeats = repeats if n_units > folds else 1
    shares = np.full(folds, 1 / folds)
    parts = [deal(rows.strata, rows.units, shares, np.random.default_rng([seed, 1 + r])) for r in range(repeats)]
    return Parts(np.stack(parts).astype(np.int16), folds, False)


def time_parts(rows: Rows, classification: bool) -> Parts:
    """Stretches of 15 % at the end; fewer when a stretch, or what precedes the first one, lacks one of two classes.

    Args:
        rows: the development rows, with their times.
        classification: whether the target is a class.

    Raises:
        DataError: when all rows are of the same time.
    """
    import numpy as np

    assert rows.times is not None
    n = len(rows)
    moments, times = np.unique(rows.times, return_inverse=True)
    times = times - int(moments[0] < 0)
    if times.max() < 1:
        raise DataError("The rows to learn from are all of the same time, so nothing later is left to compare on.")
    most = 1 if n > 200_000 else 3 if n > 60_000 or n < 1_000 else 4
    width = min(0.15, MOST_VALIDATED / n)
    binary = classification and len(np.unique(rows.strata)) == 2
    best: np.ndarray | None = None
    for folds in range(most, 0, -1):
        found = cuts(times, [1 - width * k for k in range(folds, 0, -1)], 1)
        part = np.searchsorted(np.array(found), times, side="right").astype(np.int16)
        best = part if best is None else best
        if not binary or all(len(np.unique(rows.strata[part == k])) == 2 for k in range(len(found) + 1)):
            best = part
            break
    assert best is not None
    return Parts(best[None, :], int(best.max()), True)


def cuts(times: np.ndarray, shares: list[float], first: int) -> list[int]:
    """The moments that come nearest to having these shares of the rows before them: increasing, from ``first`` on.

    Args:
        times: each row's place in time, from 0; -1 where it isn't known (n,).
        shares: of the rows whose time is known, ascending.
        first: the earliest moment.
    """
    import numpy as np

    before = np.cumsum(np.bincount(times + 1))[:-1]  # rows before each moment; those of unknown time come first
    unknown = before[0]
    before = before - unknown
    known = len(times) - unknown
    moments: list[int] = []
    for share in shares:
        earliest = moments[-1] + 1 if moments else first
        if earliest >= len(before):
            break
        moments.append(earliest + int(np.argmin(np.abs(before[earliest:] - share * known))))
    return moments
