"""On which rows is the model clearly worse than on the others?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis
from modelwright.analyses._judged import Judged, judged, seen
from modelwright.diagnostics import Slice, Slices, figure
from modelwright.executors import Done, Workplace
from modelwright.fitting import calibrated, rows_of
from modelwright.frames import stack_rows
from modelwright.hashing import plain
from modelwright.profiling import printable
from modelwright.tasks.metrics import to_labels

LEAST_ROWS = 30
"""Rows of a slice: fewer can't show a difference of the size that matters."""
EFFECT = 0.2
"""Cohen's d from which a difference is worth telling; below, it is usually called negligible."""
FALSE_DISCOVERIES = 0.05
MOST_ROWS = 50_000
MOST_LEVELS = 20
BINS = 4
MOST_WORSE, MOST_BETTER = 10, 3


@dataclass(frozen=True)
class _Rows:
    """Rows that were never learnt from by what predicted them."""

    frame: pd.DataFrame
    y: np.ndarray
    raw: np.ndarray
    units: np.ndarray | None
    source: str


def slices(place: Workplace, *, case: dict[str, Any]) -> Done:
    """Compare the loss of rows that have something in common with that of the others.

    Slices are quarters of numeric columns, levels of categories, and missing values, each with at least thirty rows
    (and the privacy floor). Losses are compared by Welch's test, over groups or stretches of time where rows hang
    together, two-sided, and corrected for the number of slices so that at most a twentieth of those named are false
    (Benjamini and Hochberg 1995). Only differences of at least a fifth of the losses' standard deviation are named.

    The rows are the sealed ones; where rows stand for themselves, also the development rows with their out-of-fold
    predictions, which gives more than double the rows to see with. The value is a
    :class:`~modelwright.diagnostics.Slices`.
    """
    found = judged(place, case)
    rows = _rows(found)
    loss, name = _loss(found, rows)
    candidates = list(_candidates(found, rows.frame, max(LEAST_ROWS, found.case.floor)))
    tested = []
    for column, words, inside in candidates:
        if found.late:
            break
        tested.append((column, words, inside, _welch(loss, inside, rows.units)))
    q_values = _corrected(np.array([t[-1] for t in tested]))
    spread = float(loss.std()) or 1.0
    named = []
    for (column, words, inside, p), q in zip(tested, q_values, strict=True):
        effect = float((loss[inside].mean() - loss[~inside].mean()) / spread)
        if q <= FALSE_DISCOVERIES and abs(effect) >= EFFECT:
            named.append(_slice(found, rows, loss, column, words, inside, effect, p, float(q)))
    named.sort(key=lambda s: -abs(s.effect))
    overall = found.metric.score(rows.y, rows.raw, **found.rule)
    result = Slices(
        found.metric.name, overall, name,
        tuple(s for s in named if s.effect > 0)[:MOST_WORSE], tuple(s for s in named if s.effect < 0)[:MOST_BETTER],
        len(tested), len(rows.y), "holdout" if rows.source == "holdout" else "holdout and out-of-fold",
    )  # fmt: skip
    return Done(plain(result), {}, truncated=len(tested) < len(candidates))


def _rows(found: Judged) -> _Rows:
    case, place = found.case, found.place
    alone = _Rows(found.frame, found.y, found.raw, found.units, "holdout")
    if found.units is not None or case.protocol.forward:
        return alone
    oof = np.load(place.inputs["oof"], allow_pickle=False)
    rows = seen(oof)
    if not len(rows):
        return alone
    room = MOST_ROWS - len(found.y)
    if len(rows) > room:
        rows = np.sort(np.random.default_rng([place.seed, 61]).choice(rows, max(1, room), replace=False))
    correction = calibrated(place, case.n_classes, plain(case.calibration))
    given = oof[rows] if correction is None else np.asarray(correction.transform(oof[rows]))
    frame, truth = rows_of(place.inputs["rows"], case.target, case.n_classes)
    together = stack_rows(found.frame, frame.iloc[rows].reset_index(drop=True))
    return _Rows(together, np.concatenate([found.y, truth[rows]]), np.concatenate([found.raw, given]), None, "both")


def _loss(found: Judged, rows: _Rows) -> tuple[np.ndarray, str]:
    """The loss of each row, and what it is."""
    if not found.classes:
        return np.abs(rows.y - rows.raw), "absolute error"
    y = rows.y.astype(np.int64)
    if found.metric.needs == "label":
        labels = to_labels(rows.raw, found.rule["threshold"], 1)
        return (labels != y).astype(np.float64), "share of wrong labels"
    return -np.log(np.clip(rows.raw[np.arange(len(y)), y], 1e-3, 1.0)), "log loss"


def _candidates(found: Judged, frame: pd.DataFrame, least: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Slices by column: their words and which rows they hold."""
    for name in frame.columns:
        column, title = frame[name], printable(name)
        missing = column.isna().to_numpy()
        if _both(missing, least):
            yield name, f"{title} is missing", missing
        if name in found.case.personal:
            continue
        if isinstance(column.dtype, pd.CategoricalDtype):
            counts = column.value_counts()
            for level in counts.index[counts >= least][:MOST_LEVELS]:
                inside = (column == level).fillna(False).to_numpy(dtype=bool)
                if _both(inside, least):
                    yield name, f"{title} is {printable(str(level))!r}", inside
        elif pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            yield from _bins(name, title, column, least)


def _bins(name: str, title: str, column: pd.Series, least: int) -> Iterator[tuple[str, str, np.ndarray]]:
    if pd.api.types.is_datetime64_any_dtype(column):
        stamps = column.to_numpy("datetime64[us]")
        values = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64).astype(np.float64))
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = values[np.isfinite(values)]
    if len(known) < 2 * least:
        return
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), -1)
    ends = [_shown(edge, column) for edge in edges]
    for i in range(len(edges) + 1):
        inside = bins == i
        words = f"{title} ≤ {ends[0]}" if i == 0 else f"{title} > {ends[-1]}"
        if 0 < i < len(edges):
            words = f"{title} from {ends[i - 1]} to {ends[i]}"
        if _both(inside, least):
            yield name, words, inside


def _shown(edge: float, column: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(column):
        return str(np.datetime64(int(edge), "us").astype("datetime64[D]"))
    return figure(edge)


def _both(inside: np.ndarray, least: int) -> bool:
    return least <= int(inside.sum()) <= len(inside) - least


def _welch(loss: np.ndarray, inside: np.ndarray, units: np.ndarray | None) -> float:
    """Two-sided p-value of a difference in mean loss; over whole units where rows hang together."""
    from scipy.stats import norm, t

    n = np.array([inside.sum(), (~inside).sum()], dtype=np.float64)
    means = np.array([loss[inside].mean(), loss[~inside].mean()])
    difference = float(means[0] - means[1])
    if units is None:
        variances = np.array([loss[inside].var(ddof=1), loss[~inside].var(ddof=1)]) / n
        error, free = (
            float(variances.sum()),
            float(variances.sum() ** 2 / (variances**2 / (n - 1)).sum()) if variances.sum() else 1,
        )
    else:
        # Each unit's share in the difference, as in cluster-robust standard errors (Liang and Zeger 1986).
        codes = np.unique(units, return_inverse=True)[1]
        each = np.where(inside, (loss - means[0]) / n[0], -(loss - means[1]) / n[1])
        sums = np.bincount(codes, each)
        free = float(max(1, len(sums) - 1))
        error = float((sums**2).sum()) * len(sums) / free
    if error <= 0:
        return 1.0
    statistic = abs(difference) / error**0.5
    return float(2 * (t.sf(statistic, free) if free < 1e6 else norm.sf(statistic)))


def _corrected(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q-values."""
    if not len(p):
        return p
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q


def _slice(
    found: Judged, rows: _Rows, loss: np.ndarray, column: str, words: str, inside: np.ndarray, effect: float,
    p: float, q: float,
) -> Slice:  # fmt: skip
    y, raw = rows.y[inside], rows.raw[inside]
    score = float(found.metric.batch(y, raw, None, **found.rule)[0])
    bias = None
    if found.classes == 2:
        bias = float(raw[:, 1].mean() - (y == 1).mean())
    elif not found.classes:
        bias = float(raw.mean() - y.mean())
    return Slice(
        column, words, int(inside.sum()), float(inside.mean()), score if np.isfinite(score) else None,
        float(loss[inside].mean()), float(loss[~inside].mean()), effect, p, q, bias,
    )  # fmt: skip


SLICES = Analysis(
    name="slices",
    tool="modelwright.analyses.slices:slices",
    result=Slices,
    rank=20,
    share=0.04,
    least=0.4,
)
