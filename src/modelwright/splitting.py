"""How the rows of a run are divided: the sealed holdout, and the parts of what is left that models are compared on.

Rows that belong together (see :mod:`modelwright.units`) stay together, and every part gets its share of every class, or
of every tenth of a numeric target. With time, the parts are stretches of time instead, and what is judged is always
later than what was learnt from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.errors import DataError
from modelwright.folding import Rows, cuts, random_parts, time_parts
from modelwright.gap import with_gap
from modelwright.horizon import seconds_ahead
from modelwright.problem import Problem
from modelwright.protocol import Protocol, Signal, Strategy
from modelwright.table import Schema
from modelwright.units import bins, come_back, copies, deal, others, with_groups

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST_ROWS = 10
"""Rows below which nothing can be learnt and judged at the same time."""


@dataclass(frozen=True)
class Split:
    """The rows' division.

    Args:
        protocol: how models are judged; the digests ``assignment`` and ``sealed`` are still empty.
        development: positions of the development rows, in the order of the data.
        holdout: positions of the sealed rows, in the order of the data.
        assignment: ``int16`` (repeats, development rows): the fold in which each development row is validated.
    """

    protocol: Protocol
    development: np.ndarray
    holdout: np.ndarray
    assignment: np.ndarray


@dataclass(frozen=True)
class Sealed:
    """The rows once some of them are sealed.

    Args:
        development: positions of the development rows, in the order of the data.
        holdout: positions of the sealed rows, in the order of the data.
        by: how the sealed rows were chosen.
        y: encoded target of all rows (n,).
        warnings: what the reader must know of it.
    """

    development: np.ndarray
    holdout: np.ndarray
    by: Strategy
    y: np.ndarray
    warnings: tuple[str, ...]
    _rows: Rows
    _same: np.ndarray
    _moments: pd.Index | None


def seal(
    frame: pd.DataFrame,
    schema: Schema,
    problem: Problem,
    y: np.ndarray,
    *,
    seed: int,
    test_rows: np.ndarray | None = None,
) -> Sealed:
    """Seal the holdout, once and before anything is learnt.

    It takes a fifth of the rows, a tenth from 100,000 rows on and at most 20,000 rows unless a rare class needs more to
    be judged; of tiny data at least 30 rows or 30 %. It is stratified, or the last part in time when the problem has a
    time column, or whole groups when it has a group column and no time column. Copies of a row stay on one side of the
    seal.

    Args:
        frame: all labelled rows; those without a target have been dropped.
        schema: the frame's columns.
        problem: says which columns are features, time and group, and how the target is to be read.
        y: encoded target, codes or values (n,).
        seed: seed of every random choice.
        test_rows: positions of rows that the user wants as the holdout (their own labelled test file, stacked below
            the data); without them a part of the data is sealed.

    Raises:
        DataError: when there are too few rows, classes, groups or different times to learn and judge.
    """
    import numpy as np

    classification = bool(problem.classes)
    warnings: list[str] = []
    _check_target(problem, y, len(y) if test_rows is None else len(y) - len(test_rows))
    times, moments = _times(frame, problem, warnings)
    by_group = problem.group_column.value is not None and times is None
    same = copies(frame, schema, problem, y, warnings)
    units = with_groups(same, frame, problem) if by_group else same
    rows = Rows(y.astype(np.int64) if classification else bins(y), units, times)
    if test_rows is not None:
        held = np.sort(np.asarray(test_rows, dtype=np.int64))
        kept = _apart(rows, same, held, problem, warnings)
    else:
        share = _share(y, classification)
        rng = np.random.default_rng([seed, 0])
        held = _latest(rows, share, problem) if times is not None else _sample(rows, share, by_group, problem, rng)
        kept = others(len(y), held)
        if len(held) > len(y) / 2:
            warnings.append(f"More than half of the rows belong to the last moment in {problem.time_column.value!r}.")
    if classification and (rows.strata[kept] == rows.strata[kept[0]]).all():
        raise DataError(
            f"After sealing {len(held):,} rows, the others all have the same value in the target column "
            f"{problem.target.value!r}; more rows of the other kinds are needed."
        )
    if len(held) < 100:
        warnings.append(f"The sealed holdout has only {len(held)} rows, so the final score is uncertain.")
    by: Strategy = "given" if test_rows is not None else _divided_by(problem, times)
    return Sealed(kept, held, by, y, tuple(warnings), rows, same, moments)


def divide(
    sealed: Sealed,
    problem: Problem,
    *,
    seed: int,
    seconds: float = math.inf,
    signal: Signal | None = None,
) -> Split:
    """Divide the development rows into the parts that models are compared on, once and before any experiment.

    Folds: five, three times over, below 300 rows; eight below 1,000; five up to 60,000; three up to 200,000; a single
    part with at most 50,000 validated rows beyond that; fewer when time is short, and a single part when it is very
    short and that part tells models apart by itself (:func:`~modelwright.folding.tells`). In time: up to four
    stretches, each validated by models of everything before. Copies of a row stay on one side of the folds unless they
    come back as regularly as in nature (see :func:`~modelwright.units.come_back`).

    Args:
        sealed: the rows as they were sealed.
        problem: as in sealing.
        seed: seed of every random choice.
        seconds: of the whole run; the less there are, the fewer parts, and so the more experiments.
        signal: what a quick model could tell of the target; ``None`` where nobody measured it.

    Raises:
        DataError: when the rows that are left can't be parted.
    """
    import numpy as np

    classification, warnings = bool(problem.classes), list(sealed.warnings)
    kept, held, rows, y = sealed.development, sealed.holdout, sealed._rows, sealed.y
    development = rows.take(kept)
    folds_by = _divided_by(problem, rows.times)
    if folds_by in ("random", "stratified") and come_back(sealed._same[kept], y[kept], classification):
        # The folds say which model serves new rows best, and new rows will have copies, too. None lie in the holdout.
        development = Rows(development.strata, np.arange(len(kept)), None)
        warnings.append(
            "Rows come back so regularly that new rows will have copies among the known ones: experiments are "
            "compared on such rows, too, while the sealed rows have no copy that is learnt from."
        )
    if rows.times is not None:
        parts = time_parts(development, classification)
    else:
        parts = random_parts(development, seed, seconds=seconds, n_classes=len(problem.classes), signal=signal)
    assignment, folds, gap = parts.assignment, parts.folds, ""
    ahead = seconds_ahead(problem.horizon.value) if problem.horizon is not None else None
    moments = sealed._moments
    if development.times is not None and moments is not None and ahead and problem.horizon is not None:
        strata = development.strata if len(problem.classes) == 2 else None
        apart = with_gap(moments, ahead, assignment[0], development.times, rows.take(held).times, strata)
        if apart is not None:
            assignment, gap = apart, problem.horizon.value
            folds = int(assignment[0].max())
        elif moments.dtype.kind == "M":
            warnings.append(
                f"The target looks {problem.horizon.value!r} ahead, further than there are rows to leave out: targets "
                "of rows that are learnt from reach into those that are judged, and scores may flatter."
            )
    if classification:
        warnings += _class_warnings(problem, rows.strata, held, development.strata, assignment, parts.forward)
    protocol = Protocol(
        holdout=sealed.by,
        folds_by=folds_by,
        folds=folds,
        repeats=len(parts.assignment),
        forward=parts.forward,
        metric=problem.metric.value,
        n_development=len(kept),
        n_holdout=len(held),
        assignment="",
        sealed="",
        reason=_reason(problem, sealed.by, folds_by, len(held), len(y), folds, assignment, parts.forward, gap),
        warnings=tuple(warnings),
        gap=gap,
    )
    return Split(protocol, kept, held, assignment)


def fold_rows(assignment: np.ndarray, repeat: int, fold: int, forward: bool) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation rows of one fold, as positions among the development rows.

    Args:
        assignment: see :class:`~modelwright.protocol.Protocol`.
        repeat: which repeat, from 0.
        fold: which fold; with ``forward`` from 1.
        forward: whether only rows of earlier folds are trained on.
    """
    import numpy as np

    folds = assignment[repeat]
    if forward and len(assignment) > 1:
        return np.flatnonzero(assignment[1] <= fold), np.flatnonzero(folds == fold)
    return np.flatnonzero(folds < fold if forward else folds != fold), np.flatnonzero(folds == fold)


# ── what the rows are ────────────────────────────────────────────────────────────────────────────────────────────


def _divided_by(problem: Problem, times: np.ndarray | None) -> Strategy:
    if times is not None:
        return "time"
    if problem.group_column.value is not None:
        return "group"
    return "stratified" if problem.classes else "random"


def _check_target(problem: Problem, y: np.ndarray, development: int) -> None:
    if min(len(y), development) < FEWEST_ROWS:
        raise DataError(
            f"Only {development} rows have a value in the target column {problem.target.value!r}; "
            f"at least {FEWEST_ROWS} are needed to learn something and to check it."
        )
    if (y == y[0]).all():
        raise DataError(
            f"The target column {problem.target.value!r} has the same value in every row, so there is nothing to "
            "predict; choose another target."
        )


def _times(
    frame: pd.DataFrame, problem: Problem, warnings: list[str]
) -> tuple[np.ndarray, pd.Index] | tuple[None, None]:
    """Each row's place in time as a whole number, -1 where it isn't known, and the moments in their order."""
    import numpy as np
    import pandas as pd

    name = problem.time_column.value
    if name is None:
        return None, None
    codes, moments = frame[name].factorize(sort=True)
    if len(moments) < 3:
        raise DataError(
            f"The time column {name!r} has only {len(moments)} different values, too few to learn from the past and "
            "to check on what came later; name another time column or none."
        )
    unknown = int((codes < 0).sum())
    if unknown:
        warnings.append(f"{unknown:,} rows have no time in {name!r}; they are only learnt from, never judged on.")
    return np.asarray(codes, dtype=np.int64), pd.Index(moments)


# ── the holdout ──────────────────────────────────────────────────────────────────────────────────────────────────


def _share(y: np.ndarray, classification: bool) -> float:
    """The share of the rows that is sealed."""
    import numpy as np

    n = len(y)
    share = float(np.interp(np.log10(n), [4, 5], [0.2, 0.1]))
    share = max(share, min(30 / n, 0.3))
    most = 20_000 / n
    counts = np.bincount(y.astype(np.int64)) if classification else np.array([])
    if len(counts := counts[counts > 0]) == 2:
        rare = int(counts.min())
        share = max(share, min(10 / rare, 0.3))  # fewer than ten rows of a class say nothing about it
        most = max(most, 100 / rare)
    return min(share, most)


def _latest(rows: Rows, share: float, problem: Problem) -> np.ndarray:
    """The last rows in time; further back, up to 35 %, while a class is still missing there."""
    import numpy as np

    assert rows.times is not None
    classes = np.unique(rows.strata[rows.times >= 0]) if problem.classes else np.array([])
    shares = (share, 0.25, 0.3, 0.35) if len(classes) == 2 else (share,)
    for wanted in shares:
        # Two moments at least are left, one to learn from and one to compare experiments on.
        held = np.flatnonzero(rows.times >= cuts(rows.times, [1 - max(wanted, share)], 2)[0])
        if len(np.intersect1d(np.unique(rows.strata[held]), classes)) == len(classes):
            return held
    return np.flatnonzero(rows.times >= cuts(rows.times, [1 - share], 2)[0])


def _sample(rows: Rows, share: float, by_group: bool, problem: Problem, rng: np.random.Generator) -> np.ndarray:
    """Whole units at random, so that every class has its share."""
    import numpy as np

    n_units = int(rows.units.max()) + 1
    if n_units < 3:
        what = f"groups in {problem.group_column.value!r}" if by_group else "different rows"
        raise DataError(f"There are only {n_units} {what}, too few to learn from some and to check on others.")
    part = deal(rows.strata, rows.units, np.array([1 - share, share]), rng, lead=0)
    return np.flatnonzero(part == 1)


def _apart(rows: Rows, same: np.ndarray, held: np.ndarray, problem: Problem, warnings: list[str]) -> np.ndarray:
    """The rows that may be learnt from when the user gave the test rows: all others but copies of test rows."""
    import numpy as np

    if not len(held):
        raise DataError("The test file has no row with a value in the target column; give one with labelled rows.")
    kept = others(len(rows), held)
    copied = np.isin(same[kept], same[held])
    if copied.any():
        kept = kept[~copied]
        warnings.append(f"{copied.sum():,} rows were left out of learning because the test file has copies of them.")
    if len(kept) < FEWEST_ROWS:
        raise DataError(
            f"Only {len(kept)} rows are left to learn from once copies of test rows are out; at least {FEWEST_ROWS} "
            "are needed."
        )
    shared = int(np.isin(rows.units[held], rows.units[kept]).sum())
    if shared:
        name = problem.group_column.value
        warnings.append(f"{shared:,} of the {len(held):,} test rows belong to groups of {name!r} that are learnt from.")
    if rows.times is not None and rows.times[kept].max() > rows.times[held].min():
        warnings.append("Some rows that are learnt from are later than some test rows, so the score may flatter.")
    return kept


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _class_warnings(
    problem: Problem,
    codes: np.ndarray,
    held: np.ndarray,
    development: np.ndarray,
    assignment: np.ndarray,
    forward: bool,
) -> list[str]:
    import numpy as np

    k = max(len(problem.classes), int(codes.max()) + 1)
    kept, sealed = np.bincount(development, minlength=k), np.bincount(codes[held], minlength=k)
    found = []
    for test, text in (
        ((kept == 0) & (sealed > 0), "appear only in the sealed holdout, so no model can learn them"),
        ((kept > 0) & (sealed == 0), "don't appear in the sealed holdout, so the final score says nothing about them"),
        ((kept == 1), "have a single row to learn from"),
    ):
        if test.any():
            found.append(f"Some classes {text}: {_names(problem, np.flatnonzero(test))}.")
    first = 1 if forward else 0
    for fold in range(first, int(assignment[0].max()) + 1):
        train, valid = fold_rows(assignment, 0, fold, forward)
        missing = np.setdiff1d(development[valid], development[train])
        missing = missing[kept[missing] > 1]
        if len(missing):
            found.append(
                f"In fold {fold} the training rows lack classes that are validated there: {_names(problem, missing)}."
            )
    return found


def _names(problem: Problem, codes: np.ndarray) -> str:
    names = [problem.classes[c] if c < len(problem.classes) else str(c) for c in codes[:5]]
    return ", ".join(repr(n if len(n) <= 40 else n[:37] + "...") for n in names) + (" …" if len(codes) > 5 else "")


def _reason(
    problem: Problem,
    held_by: Strategy,
    folds_by: Strategy,
    n_held: int,
    n: int,
    folds: int,
    assignment: np.ndarray,
    forward: bool,
    gap: str,
) -> str:
    time, group = problem.time_column.value, problem.group_column.value
    how = {
        "given": f"The {n_held:,} labelled rows of the test file were sealed",
        "time": f"The last {n_held:,} rows by {time!r} ({n_held / n:.0%}) were sealed, since the model will be used on "
        "what comes later",
        "group": f"Whole groups of {group!r}, {n_held:,} rows ({n_held / n:.0%}), were sealed, since the model will be "
        "used on groups that it hasn't seen",
        "stratified": f"{n_held:,} rows ({n_held / n:.0%}) were drawn at random, with the same share of every class, "
        "and sealed",
        "random": f"{n_held:,} rows ({n_held / n:.0%}) were drawn at random, with low and high targets in equal "
        "measure, and sealed",
    }[held_by]
    valid = int((assignment[0] == folds).sum()) if forward else 0
    n_kept = assignment.shape[1]
    if folds_by == "time":
        stretches = f"{folds} successive stretches of time" if folds > 1 else "the last stretch of time before them"
        then = f"experiments are compared on {stretches}, each predicted from everything before it"
        if gap:
            then += f", but for the rows just before it whose target looks into it ({gap})"
    elif forward:
        then = (
            f"experiments are compared on {valid:,} of the other {n_kept:,} rows, which tells models apart and leaves "
            "time for more of them, and learn from the rest"
        )
    else:
        often = {1: "", 2: " twice"}.get(len(assignment), f" {len(assignment)} times over")
        whole = f", whole groups of {group!r} at a time" if folds_by == "group" else ""
        then = f"experiments are compared by {folds}-fold cross-validation{often} on the other {n_kept:,} rows{whole}"
    return f"{how}; {then}. The sealed rows are opened once, at the end."
