"""Texts that stand for values: of groups, of combinations, of numbers that are codes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from modelwright.transforms._frames import Array, categorical, sort_of


def number_text(value: float) -> str:
    """A number as a person would write a code: without ``.0``."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def group_codes(series: pd.Series[Any]) -> tuple[Array, list[str]]:
    """The groups of a column: codes from 0, and for each code its text; rows without a value form a group ``""``."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes, found = pd.factorize(series.cat.codes.to_numpy(), sort=True)
        labels = [str(series.cat.categories[int(i)]) if i >= 0 else "" for i in found]
        return codes, labels
    codes, values = pd.factorize(series, sort=False, use_na_sentinel=True)
    numeric = sort_of(series) == "numeric"
    labels = [number_text(float(v)) if numeric else str(v) for v in values]
    lost = codes < 0
    if lost.any():
        codes, labels = np.where(lost, len(labels), codes), [*labels, ""]
    return codes, labels


def combined(parts: list[pd.Series[Any]]) -> pd.Categorical:
    """Several category columns as one, whose levels are JSON lists; missing where one of them is."""
    if len(parts[0]) == 1:  # a request for one row pays for every array that is made
        row = [part.iloc[0] for part in parts]
        known = not any(pd.isna(value) for value in row)
        return categorical(np.array([known - 1]), [json.dumps(list(map(str, row)), ensure_ascii=False)] * known)
    total = np.zeros(len(parts[0]), dtype=np.int64)
    lost = np.zeros(len(parts[0]), dtype=bool)
    labels: list[list[str]] = [[]]
    for part in parts:
        values = part.array if isinstance(part.dtype, pd.CategoricalDtype) else pd.Categorical(part)
        own, levels = values.codes, [str(c) for c in values.categories]
        lost |= own < 0
        # After each column only the combinations that occur are kept, so the numbers stay small.
        pairs, total = np.unique(total * (len(levels) + 1) + own + 1, return_inverse=True)
        rest, last = np.divmod(pairs, len(levels) + 1)
        labels = [[*labels[i], levels[j - 1] if j else ""] for i, j in zip(rest.tolist(), last.tolist(), strict=True)]
    texts = [json.dumps(label, ensure_ascii=False) for label in labels]
    codes, used = pd.factorize(np.where(lost, -1, total), sort=True)
    kept = [int(u) for u in used]
    codes = np.where(lost, -1, codes - (1 if kept and kept[0] == -1 else 0))
    unique = list(dict.fromkeys(texts[u] for u in kept if u >= 0))
    place = {text: i for i, text in enumerate(unique)}
    table = np.array([*(place[texts[u]] for u in kept if u >= 0), -1], dtype=np.int64)
    return categorical(table[codes], unique)
