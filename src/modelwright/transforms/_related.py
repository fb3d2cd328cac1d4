"""How strongly columns are related to the target, to choose among many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from modelwright.transforms._calendar import microseconds, moments
from modelwright.transforms._frames import Array, numbers, sort_of, texts
from modelwright.transforms._levels import Levels

SAMPLE = 10_000
"""Rows that relations are measured on at most: enough to rank columns, and the measures cost more than linearly."""


def plain_matrix(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Array, Array]:
    """One number a column, for measures of importance, and which of them are codes.

    Numbers as they are, categories as ranks by frequency, dates as microseconds, texts as their length.
    """
    columns, codes = [], []
    for name in names:
        series = frame[name]
        sort = sort_of(series)
        codes.append(sort == "category")
        if sort == "numeric":
            columns.append(numbers(frame, [name])[:, 0])
        elif sort == "category":
            code = Levels.learn(series).codes(series).astype(np.float64)
            columns.append(np.where(code < 0, np.nan, code))
        elif sort == "datetime":
            columns.append(microseconds(moments(series)))
        else:
            columns.append(np.array([len(t) for t in texts(series)], dtype=np.float64))
    return (np.column_stack(columns) if columns else np.empty((len(frame), 0))), np.array(codes, dtype=bool)


def relation(
    values: Array, y: Any, n_classes: int, seed: int, method: str = "f_test", codes: Array | None = None
) -> Array:
    """One figure a column, larger for a stronger relation; missing values count as the median.

    Args:
        values: shape (n, k), NaN where missing.
        y: the target; without one, the figure is the variance after scaling to the column's median size.
        n_classes: number of classes; 0 for regression.
        seed: for the sample and for breaking ties in mutual information.
        method: ``f_test`` (linear, quick) or ``mutual_info`` (any relation).
        codes: which columns hold codes without order.
    """
    discrete = np.zeros(values.shape[1], dtype=bool) if codes is None else codes
    ready = np.where(discrete & np.isnan(values), -1.0, fill_median(values))
    size = np.where(discrete, 1.0, np.median(np.abs(ready), axis=0) if len(ready) else 0.0)
    with np.errstate(over="ignore"):
        ready = np.clip(ready / np.where(size > 0, size, 1.0), -1e15, 1e15)
    if y is None:
        return np.asarray(ready.var(axis=0))
    goal = np.asarray(y)
    limit = SAMPLE if method == "f_test" else max(1_000, min(SAMPLE, 1_000_000 // values.shape[1]))
    rows = sample_rows(len(goal), seed, limit)
    ready, goal = ready[rows], goal[rows]
    figures = np.zeros(values.shape[1])
    varied = (ready != ready[:1]).any(axis=0)
    for j in np.flatnonzero(varied & discrete):
        varied[j] = len(np.unique(ready[:, j])) < len(ready)  # codes that never repeat say nothing about others
    if varied.any() and len(np.unique(goal)) > 1 and len(goal) > 2:
        figures[varied] = _measure(ready[:, varied], goal, n_classes, seed, method, discrete[varied])
    return figures


def _measure(values: Array, goal: Array, n_classes: int, seed: int, method: str, discrete: Array) -> Array:
    from sklearn.feature_selection import f_classif, f_regression, mutual_info_classif, mutual_info_regression

    if method == "mutual_info":
        if n_classes:
            neighbours = max(1, min(3, int(np.bincount(goal).max()) - 1))
            options = {"discrete_features": discrete, "random_state": seed, "n_neighbors": neighbours}
            return np.asarray(mutual_info_classif(values, goal, **options))
        options = {"discrete_features": discrete, "random_state": seed, "n_neighbors": min(3, len(goal) - 1)}
        return np.asarray(mutual_info_regression(values, goal, **options))
    with np.errstate(all="ignore"):
        found, _ = (f_classif if n_classes else f_regression)(np.clip(values, -1e6, 1e6), goal)
    figures: Array = np.nan_to_num(np.asarray(found), nan=0.0, posinf=1e12)
    return figures


def top(names: Sequence[str], figures: Array, limit: int) -> list[str]:
    """The names with the largest figures, at most ``limit``, in their own order; earlier ones win ties."""
    best = np.argsort(-figures, kind="stable")[:limit]
    return [names[i] for i in sorted(best.tolist())]


def fill_median(values: Array) -> Array:
    """Missing values as their column's median; a column with nothing known as zeros."""
    lost = np.isnan(values)
    if not lost.any():
        return values
    known = ~lost.all(axis=0)
    median = np.zeros(values.shape[1])
    median[known] = np.nanmedian(values[:, known], axis=0)
    return np.where(lost, median, values)


def sample_rows(rows: int, seed: int, limit: int = SAMPLE) -> Array:
    """Positions of a sample without repetition, in order; all of them where there are few."""
    if rows <= limit:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
