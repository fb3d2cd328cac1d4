"""The building blocks of views: each turns some columns into a matrix.

A block learns from a frame and a target (which may be missing), and afterwards gives a matrix of ``len(names)``
columns for any frame. ``learn_apply`` is for training rows: what uses the target is cross-fitted there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from modelwright.extent import MAX_RESPONSES
from modelwright.together import once_of
from modelwright.transforms._calendar import (
    CYCLES,
    HARMONICS,
    OFTEN,
    PARTS,
    days_spanned,
    microseconds,
    moments,
    part,
    varies,
)
from modelwright.transforms._frames import Array, numbers, texts
from modelwright.transforms._levels import MISSING, UNSEEN, Levels, TargetMeans, fold_of_rows, responses
from modelwright.transforms._words import COUNTS, Components, Grams, Scores, marks, text_counts


class Block:
    """The contract of a block."""

    names: list[str]
    column: str
    """What it reads; blocks that read several override ``_reads``."""

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Learn from training rows and the goals of :func:`~modelwright.transforms._levels.responses`."""
        raise NotImplementedError

    def apply(self, frame: pd.DataFrame) -> Any:
        """A matrix of shape (rows, len(names)), which nobody may write to: several views may hold this block."""
        return once_of("block", frame, self._reads(), self, self._apply)

    def _reads(self) -> list[str]:
        return [self.column]

    def _apply(self, frame: pd.DataFrame) -> Any:
        raise NotImplementedError

    def learn_apply(self, frame: pd.DataFrame, goals: Array | None, fold: Array | None) -> Any:
        """Learn, and give the matrix for the training rows; ``fold`` says how to cross-fit."""
        self.learn(frame, goals)
        return self.apply(frame)


class Numbers(Block):
    """Numeric columns as they are; those that never vary in training are left out."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Find the columns that carry something: two values, or a value and gaps."""
        values = numbers(frame, self.columns)
        lost = np.isnan(values)
        self.names = [
            name
            for j, name in enumerate(self.columns)
            if not lost[:, j].all() and (lost[:, j].any() or (values[:, j] != values[0, j]).any())
        ]

    def _reads(self) -> list[str]:
        return self.names

    def _apply(self, frame: pd.DataFrame) -> Array:
        """The values, NaN where missing or infinite."""
        return numbers(frame, self.names)


class Dates(Block):
    """A datetime column as the parts that vary in training, without those that are named.

    Args:
        column: its name.
        without: parts that are left out.
        recurring: whether only parts count that have come round often enough. Where rows are predicted that are later
            than all those learnt from, a model can only use of the time what it has seen come back: with less than
            two years a month is one stretch of the past, and elapsed days never come back.
    """

    def __init__(self, column: str, without: tuple[str, ...] = (), recurring: bool = False) -> None:
        self.column, self.without, self.recurring = column, without, recurring

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Find where elapsed days start, and the parts that vary."""
        index = moments(frame[self.column])
        known = microseconds(index)
        known = known[~np.isnan(known)]
        self.origin = float(known.min()) if known.size else 0.0
        span = days_spanned(known)
        parts = [p for p in PARTS if p not in self.without and varies(part(index, p, self.origin))]
        if self.recurring:
            parts = [p for p in parts if span >= OFTEN.get(p, np.inf)]
        elif not (parts or self.without) and index.isna().any() and known.size:
            parts = ["elapsed_days"]
        self.parts = self._useful(parts, span)
        self.names = self._named()

    def _useful(self, parts: list[str], span: float) -> list[str]:
        """Without the days of a year where it doesn't come back: they would be the elapsed days once more."""
        return [p for p in parts if p != "day_of_year" or span >= OFTEN[p]]

    def _named(self) -> list[str]:
        return [f"{self.column}_{p}" for p in self.parts]

    def _apply(self, frame: pd.DataFrame) -> Array:
        """The parts, NaN where there is no date."""
        index = moments(frame[self.column])
        return _stack([part(index, p, self.origin) for p in self.parts], len(index))


class Cycles(Dates):
    """A datetime column's repeating parts as sines and cosines, so that December is next to January; no date is 0."""

    harmonics: Mapping[str, int] = MappingProxyType({})  # in models of earlier versions, which have one wave a part

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Find the repeating parts that vary, and keep in how many waves each comes."""
        self.harmonics = dict(HARMONICS)
        super().learn(frame, goals)

    def _useful(self, parts: list[str], span: float) -> list[str]:
        """The repeating parts; of the month its days of the year, which turn with it."""
        left_out = "month" if "month" in parts else "day_of_year"
        return [p for p in parts if p in CYCLES and p != left_out]

    def _named(self) -> list[str]:
        waves = [(p, "" if wave == 1 else str(wave)) for p in self.parts for wave in self._waves(p)]
        return [f"{self.column}_{p}_{f}{wave}" for p, wave in waves for f in ("sin", "cos")]

    def _apply(self, frame: pd.DataFrame) -> Array:
        """Two columns for each wave of each part, in [-1, 1]."""
        index, found = moments(frame[self.column]), []
        for p in self.parts:
            angle = part(index, p, self.origin) * (2 * np.pi / CYCLES[p])
            for wave in self._waves(p):
                found += [np.nan_to_num(np.sin(wave * angle)), np.nan_to_num(np.cos(wave * angle))]
        return _stack(found, len(index))

    def _waves(self, name: str) -> range:
        return range(1, self.harmonics.get(name, 1) + 1)


class Codes(Block):
    """A category column as one number: the rank of the level by training frequency, or in natural order.

    By frequency, an unseen level gets the number after the rarest, whose neighbour it is in kind; in natural order
    it is NaN. Missing is NaN.
    """

    def __init__(self, column: str, levels: Levels, natural: bool) -> None:
        self.column, self.levels, self.natural = column, levels, natural
        self.names = [column]

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Rank the levels."""
        del frame, goals
        known = self.levels.natural_ranks() if self.natural else np.arange(len(self.levels))
        self.table = np.append(known.astype(np.float64), [np.nan, np.nan if self.natural else len(self.levels)])

    def _apply(self, frame: pd.DataFrame) -> Array:
        """The rank, one column."""
        return self.table[_codes(self.levels, frame, self.column)][:, None]


class Frequencies(Block):
    """A category column as the logarithm of one plus the level's training rows."""

    def __init__(self, column: str, levels: Levels) -> None:
        self.column, self.levels = column, levels
        self.names = [f"{column}_count"]

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Count missing values; the levels are counted already."""
        missing = len(frame) - int(self.levels.counts.sum())
        self.table = np.log1p(np.append(self.levels.counts, [missing, 0]).astype(np.float64))

    def _apply(self, frame: pd.DataFrame) -> Array:
        """One column."""
        return self.table[_codes(self.levels, frame, self.column)][:, None]


class Means(Block):
    """A category column as smoothed means of the target, cross-fitted on training rows.

    Args:
        logits: whether shares of a class are given as log-odds, in which linear models add up.
    """

    def __init__(self, column: str, levels: Levels, smoothing: float, logits: bool = False) -> None:
        self.column, self.levels, self.logits = column, levels, logits
        self.means = TargetMeans(smoothing)
        self.names = []

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Learn the means; without a target, or with too many classes, the block is empty."""
        self._learn(frame, goals, None)

    def _apply(self, frame: pd.DataFrame) -> Array:
        """One column, or one a class."""
        if not self.names:
            return np.empty((len(frame), 0))
        return self._scale(self.means.transform(_codes(self.levels, frame, self.column)))

    def learn_apply(self, frame: pd.DataFrame, goals: Array | None, fold: Array | None) -> Array:
        """Learn, and give each training row the means of the other folds."""
        return self._learn(frame, goals, fold)

    def _learn(self, frame: pd.DataFrame, goals: Array | None, fold: Array | None) -> Array:
        if goals is None or goals.shape[1] > MAX_RESPONSES:
            return np.empty((len(frame), 0))
        codes, count = _codes(self.levels, frame, self.column), len(self.levels)
        self.names = _goal_names(f"{self.column}_target", goals.shape[1])
        if fold is None:
            return self._scale(self.means.fit(codes, count, goals).transform(codes))
        return self._scale(self.means.fit_transform(codes, count, goals, fold))

    def _scale(self, means: Array) -> Array:
        if not self.logits:
            return means
        shares = np.clip(means, 1e-4, 1 - 1e-4)
        odds: Array = np.log(shares) - np.log1p(-shares)
        return odds


class Indicators(Block):
    """Category columns as indicator columns (CSR), the rare levels of a column pooled into one.

    A level gets its own column when it has ``min_count`` training rows and is among the ``max_levels`` commonest;
    the others share one, which unseen levels use, too. Missing has its own. Of a column with two possibilities in
    all, the rarer gets the only indicator.
    """

    def __init__(self, columns: list[str], levels: list[Levels], max_levels: int, min_count: int) -> None:
        self.columns, self.levels = columns, levels
        self.max_levels, self.min_count = max_levels, min_count

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Give the levels their columns."""
        self.names, self.tables = [], []
        for column, levels in zip(self.columns, self.levels, strict=True):
            self.tables.append(self._place(column, levels, len(frame)))

    def _place(self, column: str, levels: Levels, rows: int) -> Array:
        common = min(int((levels.counts >= self.min_count).sum()), self.max_levels)
        pooled = int(levels.counts[common:].sum())
        missing = rows - int(levels.counts.sum())
        shares = [*levels.counts[:common].tolist(), pooled, missing]
        used = [i for i, share in enumerate(shares) if share]
        labels = [*levels.texts[:common], "(other)", "(missing)"]
        if len(used) <= 2:
            used = [] if len(used) < 2 else [min(used, key=lambda i: (shares[i], -i))]
        position = dict(zip(used, range(len(self.names), len(self.names) + len(used)), strict=True))
        self.names += [f"{column}={labels[i]}" for i in used]
        slots = [position.get(i, -1) for i in range(common)]
        other = position.get(common, -1)
        return np.array([*slots, *[other] * (len(levels) - common), position.get(common + 1, -1), other])

    def _reads(self) -> list[str]:
        return self.columns

    def _apply(self, frame: pd.DataFrame) -> sparse.csr_matrix:
        """Zeros and ones, at most one one for each category column."""
        rows, width = len(frame), len(self.columns)
        places = np.empty((rows, width), dtype=np.int32)
        for j, (column, levels, table) in enumerate(zip(self.columns, self.levels, self.tables, strict=True)):
            places[:, j] = table[_codes(levels, frame, column)]
        hit = places >= 0
        starts = np.concatenate([[0], np.cumsum(hit.sum(axis=1))])
        entries = places[hit]
        return sparse.csr_matrix((np.ones(len(entries)), entries, starts), shape=(rows, len(self.names)))


class TextNumbers(Block):
    """A text column as a few dense numbers: counts, main components of TF-IDF, and a cross-fitted linear score."""

    marked = ""  # in models of earlier versions, which count none

    def __init__(self, column: str, n_components: int, max_features: int, seed: int) -> None:
        self.column = column
        self.grams, self.components = Grams(max_features, seed), Components(n_components, seed)
        self.scores: Scores | None = None

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Learn n-grams, components and scores from all rows."""
        self.learn_apply(frame, goals, None)

    def _apply(self, frame: pd.DataFrame) -> Array:
        """The counts, the components, then one score for each goal."""
        documents = _documents(frame, self.column)
        matrix = self.grams.transform(documents)
        scored = [] if self.scores is None else [self.scores.transform(matrix)]
        return np.hstack([text_counts(documents, self.marked), self.components.transform(matrix), *scored])

    def learn_apply(self, frame: pd.DataFrame, goals: Array | None, fold: Array | None) -> Array:
        """Learn, with the scores of training rows taken from models that haven't seen them."""
        documents = _documents(frame, self.column)
        matrix = self.grams.fit_transform(documents)
        self.marked = marks(documents)
        parts = [text_counts(documents, self.marked), self.components.fit(matrix).transform(matrix)]
        self.names = [f"{self.column}_{c}" for c in (*COUNTS, *self.marked)]
        self.names += [f"{self.column}_topic_{i + 1}" for i in range(self.components.size)]
        if goals is not None and goals.shape[1] <= MAX_RESPONSES and matrix.shape[1] and len(documents) >= 10:
            self.scores = Scores()
            self.names += _goal_names(f"{self.column}_score", goals.shape[1])
            if fold is None:
                parts.append(self.scores.fit(matrix, goals).transform(matrix))
            else:
                parts.append(self.scores.fit_transform(matrix, goals, fold))
        return np.hstack(parts)


class TextCounts(Block):
    """A text column's number of characters, words, digits, capitals and punctuation marks."""

    marked = ""  # in models of earlier versions, which count none

    def __init__(self, column: str) -> None:
        self.column = column

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Find the marks that are counted."""
        self.marked = marks(_documents(frame, self.column))
        self.names = [f"{self.column}_{c}" for c in (*COUNTS, *self.marked)]

    def _apply(self, frame: pd.DataFrame) -> Array:
        """One column each."""
        return text_counts(_documents(frame, self.column), self.marked)


class Bags(Block):
    """A text column as its TF-IDF matrix (CSR)."""

    def __init__(self, column: str, max_features: int, seed: int) -> None:
        self.column, self.grams = column, Grams(max_features, seed)

    def learn(self, frame: pd.DataFrame, goals: Array | None) -> None:
        """Learn vocabulary and weights."""
        self.learn_apply(frame, goals, None)

    def learn_apply(self, frame: pd.DataFrame, goals: Array | None, fold: Array | None) -> sparse.csr_matrix:
        """Learn, and give the training rows' matrix."""
        matrix = self.grams.fit_transform(_documents(frame, self.column))
        self.names = [f"{self.column}:{term}" for term in self.grams.terms]
        return matrix

    def _apply(self, frame: pd.DataFrame) -> sparse.csr_matrix:
        """One column an n-gram."""
        return self.grams.transform(_documents(frame, self.column))


def training_goals(y: Any, n_classes: int, seed: int) -> tuple[Array | None, Array | None]:
    """The goals of a target and the folds to cross-fit in; nothing without a target or with fewer than ten rows."""
    if y is None or len(y) < 10:
        return None, None
    return responses(y, n_classes), fold_of_rows(y, n_classes, seed)


def _codes(levels: Levels, frame: pd.DataFrame, column: str) -> Array:
    """The positions of a column's values among some levels; several blocks ask for the same."""
    return once_of("codes", frame, [column], levels, lambda rows: levels.codes(rows[column]))


def _documents(frame: pd.DataFrame, column: str) -> list[str]:
    """A text column as :func:`texts` gives it; several blocks ask for the same."""
    return once_of("texts", frame, [column], None, lambda rows: texts(rows[column]))


def _goal_names(stem: str, count: int) -> list[str]:
    return [stem] if count == 1 else [f"{stem}_{k}" for k in range(count)]


def _stack(columns: list[Array], rows: int) -> Array:
    return np.column_stack(columns) if columns else np.empty((rows, 0))


__all__ = [
    "MISSING", "UNSEEN", "Bags", "Block", "Codes", "Cycles", "Dates", "Frequencies", "Indicators", "Means", "Numbers",
    "TextCounts", "TextNumbers", "training_goals",
]  # fmt: skip
