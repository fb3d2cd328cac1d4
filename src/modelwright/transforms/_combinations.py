"""Combinations of two or more columns, and which of them are telling."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.extent import MAX_RESPONSES
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._blocks import training_goals
from modelwright.transforms._frames import Array, add_columns, choose, numbers
from modelwright.transforms._keys import combined
from modelwright.transforms._levels import Levels, TargetMeans
from modelwright.transforms._related import relation, sample_rows, top

FLOOR = 1e-12
LARGEST = 1e100
"""Larger values are taken as this, so that products stay finite."""

Term = tuple[str, tuple[str, ...]]


def compute(values: Mapping[str, Array], operation: str, names: tuple[str, ...]) -> Array:
    """One combination of numeric columns; NaN where one is missing, and where a divisor is zero."""
    first = values[names[0]]
    if operation == "product":
        for name in names[1:]:
            first = first * values[name]
        return np.clip(first, -LARGEST, LARGEST)
    second = values[names[1]]
    if operation == "difference":
        return first - second
    usable = np.abs(second) > FLOOR
    result = np.where(usable, first / np.where(usable, second, 1.0), np.nan)
    return np.clip(result, -LARGEST, LARGEST)


def label(operation: str, names: tuple[str, ...]) -> str:
    """What a combination is called."""
    return {"product": " * ", "difference": " - ", "ratio": " / "}[operation].join(names)


class Combiner(FrameTransformer):
    """Adds the best of many combinations of numeric columns, judged on training rows.

    Args:
        operations: of ``product``, ``difference``, ``ratio``.
        columns: columns to combine; ``None`` for those most related to the target.
        max_columns: how many columns are combined when none are named.
        max_features: how many combinations are kept.
        degree: highest number of factors; 2 for pairs of different columns only when ``powers`` is off.
        powers: whether a column may be combined with itself.
        what: the transform's name.
        n_classes: number of classes; 0 for regression.
        seed: for the sample that combinations are judged on.
    """

    def __init__(
        self, operations: tuple[str, ...], columns: Any, max_columns: int, max_features: int, degree: int, powers: bool,
        what: str, n_classes: int, seed: int,
    ) -> None:  # fmt: skip
        self.operations, self.columns, self.max_columns = operations, columns, max_columns
        self.max_features, self.degree, self.powers = max_features, degree, powers
        self.what, self.n_classes, self.seed = what, n_classes, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        names = choose(X, self.columns, ("numeric",), self.what)
        rows = sample_rows(len(X), self.seed)
        sample, goal = numbers(X.iloc[rows], names), None if y is None else y[rows]
        varied = [j for j in range(len(names)) if np.nanmax(sample[:, j], initial=-np.inf) > np.nanmin(
            sample[:, j], initial=np.inf)]  # fmt: skip
        names, sample = [names[j] for j in varied], sample[:, varied]
        if len(names) > self.max_columns:
            kept = top(names, relation(sample, goal, self.n_classes, self.seed), self.max_columns)
            sample, names = sample[:, [names.index(n) for n in kept]], kept
        if len(names) < (1 if self.powers else 2):
            raise NotApplicable(f"{self.what}: there are too few numeric columns that vary")
        terms = self._terms(names)
        values = dict(zip(names, np.clip(sample, -LARGEST, LARGEST).T, strict=True))
        made = np.column_stack([compute(values, *term) for term in terms])
        figures = relation(made, goal, self.n_classes, self.seed)
        # Where values are mostly missing, few rows speak for the combination.
        figures = np.where(np.isnan(made).mean(axis=0) > 0.9, -1.0, figures)
        best = np.argsort(-figures, kind="stable")[: self.max_features]
        self.terms_ = [terms[i] for i in sorted(best.tolist())]
        self.uses_ = list(dict.fromkeys(n for _, used in self.terms_ for n in used))

    def _terms(self, names: list[str]) -> list[Term]:
        terms: list[Term] = []
        for operation in self.operations:
            if operation == "product":
                choice = combinations_with_replacement if self.powers else combinations
                for degree in range(2, self.degree + 1):
                    terms += [(operation, picked) for picked in choice(names, degree)]
            else:
                terms += [(operation, pair) for pair in combinations(names, 2)]
            if operation == "ratio":
                terms += [(operation, (b, a)) for a, b in combinations(names, 2)]
        return terms

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        values = dict(zip(self.uses_, np.clip(numbers(X, self.uses_), -LARGEST, LARGEST).T, strict=True))
        return add_columns(X, {label(op, tuple(used)): compute(values, op, tuple(used)) for op, used in self.terms_})


class CategoryCombiner(FrameTransformer):
    """See :class:`CombineCategories` for the parameters."""

    def __init__(self, columns: Any, size: int, max_features: int, n_classes: int, seed: int) -> None:
        self.columns, self.size, self.max_features = columns, size, max_features
        self.n_classes, self.seed = n_classes, seed

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        names = choose(X, self.columns, ("category",), "combine_categories")
        levels = {name: Levels.learn(X[name]) for name in names}
        if self.columns is None:
            # Where nearly every row has its own level, combining adds nothing.
            names = [n for n in names if 1 < len(levels[n]) <= max(2, len(X) // 2)]
            names = sorted(names, key=lambda n: -len(levels[n]))[:10]
        if len(names) < self.size:
            raise NotApplicable(f"combine_categories: there are fewer than {self.size} category columns to combine")
        groups = list(combinations(names, self.size))
        goals, fold = training_goals(y, self.n_classes, self.seed)
        if len(groups) > self.max_features and goals is not None and fold is not None:
            figures = np.array([_worth(X, group, goals[:, :MAX_RESPONSES], fold) for group in groups])
            groups = [groups[i] for i in sorted(np.argsort(-figures, kind="stable")[: self.max_features].tolist())]
        self.groups_ = [list(group) for group in groups[: self.max_features]]
        self.uses_ = list(dict.fromkeys(name for group in self.groups_ for name in group))

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return add_columns(X, {" & ".join(group): combined([X[name] for name in group]) for group in self.groups_})


def _worth(X: pd.DataFrame, group: tuple[str, ...], goals: Array, fold: Array) -> float:
    """How much of the target's variance cross-fitted means over the combination explain."""
    series = pd.Series(combined([X[name] for name in group]))
    levels = Levels.learn(series)
    means = TargetMeans(10.0).fit_transform(levels.codes(series), len(levels), goals, fold)
    total = float(((goals - goals.mean(axis=0)) ** 2).sum())
    return 1.0 - float(((goals - means) ** 2).sum()) / total if total > 0 else 0.0
