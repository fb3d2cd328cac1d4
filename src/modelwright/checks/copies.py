"""Columns that are the target itself: as it is, rescaled, in bins, under other names, within a text, or nearly so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, labels, sample_of
from modelwright.checks._sample import lambda_of, squared_correlation, steps
from modelwright.checks._words import percent
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 50
"""Rows below which agreement may be chance."""

SURE, NEAR = 0.98, 0.7
"""Share of mistakes that a code avoids from which it is the target, or suspiciously like it."""

SURE_VALUES, NEAR_VALUES = 0.999, 0.98
"""Share of a numeric target's variance that a column explains alone, likewise."""

ABOVE = 0.2
"""Of what the next best column and the target's own past leave unexplained, what a copy with noise may leave at most:
where several columns come as near, the target is something that hardly changes rather than copied."""

FEW_LEVELS, FIRST = 50, 2_000
"""Levels up to which a column may be a code for classes, and the rows that are looked at first to see it."""

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_LONGEST = 200
_MOST_LEVELS = 20_000
MOST_TEXTS = 5_000


class TargetCopy(Check):
    """Compares each column with the target: levels that determine the class, values that determine the value."""

    name: ClassVar[str] = "target_copy"
    title: ClassVar[str] = "Copies of the target"
    rank: ClassVar[int] = 10

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a column."""
        if sample.n < FEWEST:
            return
        look = _class_copy if sample.n_classes else _value_copy
        for name in sample.of_kind("numeric", "datetime", "boolean", "category", "text", "id"):
            if sample.late():
                return
            found = look(sample, name)
            if found is not None:
                yield found

    def example(self, rng: np.random.Generator) -> Sample:
        """The target under other names."""
        frame, y = clean(rng)
        frame["outcome"] = labels(y, ["stays", "goes"])
        return sample_of(frame, y)


def _class_copy(sample: Sample, name: str) -> Finding | None:
    import numpy as np

    kind = sample.schema[name].kind
    quantity = kind in ("numeric", "datetime")
    # Values that only a few rows share determine any class; steps are compared instead.
    many = quantity and len(np.unique(sample.values(name)[:FIRST])) > FEW_LEVELS
    levels = sample.codes(name) if many else sample.levels(name)
    if quantity and not many and levels.max(initial=0) >= FEW_LEVELS:
        levels = sample.codes(name)
    if kind == "text" or (kind in ("category", "id") and levels.max(initial=0) >= FEW_LEVELS):
        return _named_in_text(sample, name)
    present = int((np.bincount(levels - levels.min()) > 0).sum())
    if present > max(2 * sample.n_classes, sample.n // 20):
        return None
    avoided = lambda_of(levels, sample.y, sample.n_classes)
    alike = present - int((levels == -1).any()) == sample.n_classes
    share = 1 - (1 - avoided) * (1 - sample.commonest_class)
    told = f"Knowing its value, the class is named rightly in {percent(share)} of {sample.n:,} rows"
    if avoided >= SURE and present <= 20 * sample.n_classes and kind != "datetime":
        if kind == "numeric" and present > 20:
            return None  # a threshold on a quantity: another check weighs it against the other columns
        form = "one value for each class" if alike else f"{present} values for {sample.n_classes} classes"
        return Finding(TargetCopy.name, "Copy of the target", (name,), "clear", f"{told}: {form}.")
    if avoided >= (NEAR if alike else 0.9) and (alike or present <= 20):
        return Finding(
            TargetCopy.name, "Nearly a copy of the target", (name,), "suspicious",
            f"{told}, where the commonest class has {percent(sample.commonest_class)}.",
            "It may be an earlier or a second opinion on the same thing that is known in time.",
        )  # fmt: skip
    return None


def _named_in_text(sample: Sample, name: str) -> Finding | None:
    """A text that names the class, or a marker that stands in the texts of one class only."""
    import numpy as np

    rows = np.linspace(0, sample.n - 1, min(sample.n, MOST_TEXTS)).astype(np.int64)
    series, y = sample.frame[name].iloc[rows], sample.y[rows]
    texts = series.astype("str").str.slice(0, _LONGEST).str.casefold()
    known = series.notna().to_numpy()
    best = 0.0
    for code, label in enumerate(sample.problem.classes[:12]):
        word = rf"(?<!\w){re.escape(label.casefold())}(?!\w)"
        here = texts.str.contains(word, regex=True).fillna(False).to_numpy(dtype=bool) & known
        if 0 < here.sum() < len(rows):
            best = max(best, lambda_of(here.astype(np.int64), (y == code).astype(np.int64), 2))
    if best < NEAR:
        return None
    clear = best >= SURE
    told = f"Whether its text holds the name of a class avoids {percent(best)} of the mistakes of guessing"
    return Finding(
        TargetCopy.name, "The target in a text" if clear else "Nearly the target in a text", (name,),
        "clear" if clear else "suspicious", f"{told} ({len(rows):,} rows).",
        "" if clear else "The text may have been written before the class was known.",
    )  # fmt: skip


def _value_copy(sample: Sample, name: str) -> Finding | None:
    import numpy as np

    kind = sample.schema[name].kind
    if kind in ("numeric", "datetime"):
        values = sample.values(name)
    else:
        binned = _bins_of(sample, name)
        if binned is not None:
            return binned
        parsed = _numbers_in(sample, name)
        if parsed is None:
            return None
        values = parsed
    known = ~np.isnan(values)
    if known.sum() < max(FEWEST, 0.3 * sample.n):
        return None
    y = sample.y[known]
    if _same_order(values[known][:FIRST], y[:FIRST]) and _same_order(values[known], y):
        how = "its values stand in exactly the target's order"
        return Finding(
            TargetCopy.name, "Copy of the target", (name,), "clear",
            f"In {int(known.sum()):,} rows {how}, so one can be computed from the other.",
        )  # fmt: skip
    ranked = sample.explained(steps(values)) if kind not in ("numeric", "datetime") else sample.strength(name)
    if ranked < 0.8:
        return None
    explained = max(ranked, squared_correlation(values, sample.y))
    rest, persistent = 1 - explained, 1 - sample.persistence
    if explained >= SURE_VALUES and rest <= ABOVE * min(persistent, 1 - _next_best(sample, name)):
        return Finding(
            TargetCopy.name, "Copy of the target with noise", (name,), "clear",
            f"Alone it explains {percent(explained)} of the target's variance ({int(known.sum()):,} rows).",
        )  # fmt: skip
    if explained >= NEAR_VALUES and rest <= 0.5 * persistent:
        return Finding(
            TargetCopy.name, "Nearly a copy of the target", (name,), "suspicious",
            f"Alone it explains {percent(explained)} of the target's variance ({int(known.sum()):,} rows).",
            "It may be an earlier measurement, or an estimate, of the same thing that is known in time.",
        )  # fmt: skip
    return None


def _next_best(sample: Sample, name: str) -> float:
    """How much of the target's variance the best of the other quantities explains."""
    others = [other for other in sample.of_kind("numeric", "datetime") if other != name]
    return max((squared_correlation(sample.values(other), sample.y) for other in others), default=0.0)


def _same_order(values: np.ndarray, y: np.ndarray) -> bool:
    """Whether one is a strictly monotone function of the other, up to rounding of either."""
    import numpy as np

    if len(np.unique(values)) < max(3, 0.5 * len(np.unique(y))):
        return False
    order = np.lexsort((y, values))
    v, t = values[order], y[order]
    differ = np.diff(v) > 0
    if not differ.any():
        return False
    change = np.diff(t)[differ]
    within = np.diff(t)[~differ]
    spread = float(np.ptp(y)) or 1.0
    tied = bool((np.abs(within) <= 1e-6 * spread).all())
    return tied and bool((change >= -1e-9 * spread).all() or (change <= 1e-9 * spread).all())


def _bins_of(sample: Sample, name: str) -> Finding | None:
    """Levels that each cover a range of the target of their own: the target in bins, whatever they are called."""
    import numpy as np
    import pandas as pd

    levels = sample.levels(name)
    known = levels >= 0
    count = int(levels.max(initial=-1)) + 1
    if known.sum() < max(FEWEST, 0.5 * sample.n) or not 3 <= count <= sample.n // 10:
        return None
    ranges = pd.Series(sample.y[known]).groupby(levels[known]).agg(["min", "max", "size"]).sort_values(["min", "max"])
    lows, highs = ranges["min"].to_numpy(), ranges["max"].to_numpy()
    if len(ranges) < 3 or (lows[1:] < highs[:-1]).any() or np.ptp(lows) == 0:
        return None
    return Finding(
        TargetCopy.name, "The target in bins", (name,), "clear",
        f"Each of its {len(ranges)} values covers a range of the target of its own, and no two ranges overlap "
        f"({int(known.sum()):,} rows).",
    )  # fmt: skip


def _numbers_in(sample: Sample, name: str) -> np.ndarray | None:
    """The first number in each of a column's texts, where most of them hold one."""
    import numpy as np
    import pandas as pd

    codes, levels = pd.factorize(sample.frame[name])
    if len(levels) < 10 or len(levels) > _MOST_LEVELS:
        return None
    found = [_NUMBER.search(str(level)[:_LONGEST].replace(",", "")) for level in levels]
    numbers = np.array([np.nan if f is None else float(f.group()) for f in found])
    values = np.where(codes >= 0, numbers[codes], np.nan)
    return values if np.isfinite(values).mean() >= 0.5 else None
