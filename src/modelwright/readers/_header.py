"""The first row: whether it holds names, and how names are made unique."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

NUMBER = re.compile(r"^\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*$")


def unique_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names that are unique and not blank, and notes on those that were repeated.

    A repeated name gets a number (``a``, ``a_2``), a blank one its position (``column_3``, counted from 1).
    """
    taken, seen, result = set(names), set[str](), list[str]()
    repeated: list[str] = []
    for position, name in enumerate(names, 1):
        new = name if name.strip() else f"column_{position}"
        if name.strip() and name in seen:
            repeated.append(name)
        stem, number = new, 2
        while new in seen or (new != name and new in taken):
            new, number = f"{stem}_{number}", number + 1
        seen.add(new)
        result.append(new)
    some = ", ".join(repr(name[:60]) for name in dict.fromkeys(repeated[:5]))
    return result, [f"Column names that occur more than once got a number: {some}."] if repeated else []


def is_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a row of data rather than of names. Only when that is clear.

    Clear means: no blank, and every cell is either a number above numbers, or a text that occurs again further down in
    its column. Running numbers (0, 1, 2, …) and years are names.
    """
    rows = [r for r in rows if len(r) == len(first)]
    if not rows or any(not cell.strip() for cell in first):
        return False
    numeric = [bool(NUMBER.match(cell)) for cell in first]
    if all(cell.strip().isdecimal() for cell in first) and len(first) > 1:
        numbers = [int(cell) for cell in first]
        steps = {b - a for a, b in pairwise(numbers)}
        if steps == {1} or (len(set(numbers)) == len(numbers) and all(1800 <= n <= 2200 for n in numbers)):
            return False
    for position, cell in enumerate(first):
        column = [r[position] for r in rows if r[position].strip()]
        if numeric[position]:
            if not column or sum(bool(NUMBER.match(c)) for c in column) < 0.9 * len(column):
                return False
        elif cell not in column:
            return False
    return any(numeric) or len(first) > 1
