"""Numbers that stand for "no value": −200, −999, 99999 and their kin."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

SHARE, LEAST = 0.01, 3
"""A sentinel repeats: on at least so large a share of the rows, and so many times."""

FAR = 5.0
"""A sentinel lies so many interquartile ranges beyond all other values."""

NEGATIVE = re.compile(r"-(99|200|9{3,}|9{3,}\.9+|32768)")
POSITIVE = re.compile(r"9{3,}|9{3,}\.9+|32767|65535")


def sentinel(values: npt.NDArray[np.float64], rows: int) -> tuple[str, int] | None:
    """The number that means "missing" in a column, as text, and how often it stands there.

    Only when that is very clear: it is the smallest or largest value, of the family that people use (−99, −200,
    −999 …, 999, 9999 …), repeats on one row in a hundred, and lies far beyond all others; or it is the only negative
    value of a column that is otherwise never negative.

    Args:
        values: the finite values.
        rows: rows of the column, missing ones included.
    """
    for value, family in ((float(values.min()), NEGATIVE), (float(values.max()), POSITIVE)):
        text = f"{value:.10g}"
        if not family.fullmatch(text):
            continue
        equal = values == value
        count = int(equal.sum())
        rest = values[~equal]
        if count < max(LEAST, SHARE * rows) or len(rest) < LEAST:
            continue
        low, high = float(rest.min()), float(rest.max())
        q1, q3 = np.percentile(rest, [25, 75])
        spread = float(q3 - q1) or high - low
        gap = low - value if value < 0 else value - high
        alone = value < 0 and low >= 0 and high > low
        if spread > 0 and (gap >= FAR * spread or alone):
            return text, count
    return None
