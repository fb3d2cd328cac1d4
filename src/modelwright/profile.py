"""Aggregates of a data set that may leave the machine: the types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from modelwright.table import Kind

NAMING = 0.08
"""Share of the target's variance by which whole numbers have to say more as names for them to be taken for such."""


@dataclass(frozen=True)
class Column:
    """Aggregates of one column; what doesn't apply to its kind, or lies below the privacy floor, is empty.

    Args:
        name: its name.
        kind: what it is.
        missing: share of missing values, 0 to 1.
        distinct: number of different values (estimated above 100,000).
        numbers: for numeric columns ``mean``, ``std``, ``skew``, ``zeros`` (share), ``outliers`` (share beyond 3 std).
        quantiles: for numeric columns, seven of them: 1, 5, 25, 50, 75, 95, 99 %, rounded to four digits;
            not-a-number where too few rows lie beyond, and none at all for very few rows.
        levels: for categories the commonest levels with their counts; only levels with at least the floor's rows.
        hidden_levels: how many levels are held back because they are rarer than the floor.
        span: for datetimes the first and the last day (``2023-01-31``), or the month or year where a day holds too
            few rows.
        lengths: for text the mean, median and 99 % quantile of the number of words, on a sample.
        shapes: for text the commonest shapes with at least the floor's rows: runs of digits as ``9``, of capitals as
            ``A``, of other letters as ``a``; no letter or digit of the text itself.
        association: strength of the relation to the target, 0 to 1 (|Spearman|, Cramér's V or the correlation ratio,
            on a sample); ``None`` without a target.
        naming: for whole numbers with many values that repeat, by how much more of the target's variance its values
            explain as names than as a quantity, on the same sample; ``None`` where there is no such question.
        personal: what sort of personal data it looks like; then nothing is summarised by value.
        cautions: what to be careful about, one sentence each.
    """

    name: str
    kind: Kind
    missing: float = 0.0
    distinct: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)
    quantiles: tuple[float, ...] = ()
    levels: tuple[tuple[str, int], ...] = ()
    hidden_levels: int = 0
    span: tuple[str, ...] = ()
    lengths: tuple[float, ...] = ()
    shapes: tuple[str, ...] = ()
    association: float | None = None
    naming: float | None = None
    personal: str = ""
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anchor:
    """A numeric column that a numeric target stays near, or in proportion to.

    Args:
        column: its name.
        method: ``difference``, or ``log_ratio`` where both are positive and that leaves less.
        left: share of the target's variance (for ``log_ratio`` of its logarithm's) that is left when the column is
            taken off; the outermost hundredths of values are pulled in.
    """

    column: str
    method: Literal["difference", "log_ratio"]
    left: float


@dataclass(frozen=True)
class Profile:
    """Aggregates of a data set: what may be shown to a provider, and nothing else.

    Args:
        rows: number of rows (of the development data, when a run has sealed a holdout).
        columns: one entry a column, in order.
        target: name of the target, or empty.
        target_levels: for a categorical target the classes with their counts, those below the floor left out.
        target_numbers: for a numeric target the same figures as a numeric column's, and its quantiles as ``q01`` ….
        duplicates: rows that repeat an earlier row.
        pairs: the most strongly correlated pairs of numeric columns: (a, b, Spearman's rho), at most twenty.
        anchors: numeric columns that a numeric target stays near, the nearest first, at most three.
        floor: rows that a level must have at least to be named.
        sampled: rows that the associations were measured on.
        cautions: what to be careful about in the data as a whole.
    """

    rows: int
    columns: tuple[Column, ...]
    target: str = ""
    target_levels: tuple[tuple[str, int], ...] = ()
    target_numbers: Mapping[str, float] = field(default_factory=dict)
    duplicates: int = 0
    pairs: tuple[tuple[str, str, float], ...] = ()
    anchors: tuple[Anchor, ...] = ()
    floor: int = 10
    sampled: int = 0
    cautions: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
