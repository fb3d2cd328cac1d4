"""Columns that are filled in, or not zero, only when the answer is known: what is missing gives the target away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._sample import lambda_of
from modelwright.checks._words import percent
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 20
SURE, NEAR = 0.98, 0.7
PURE, COVERED = 0.995, 0.2
"""Share of one class among the rows that a column is filled in for, and the share of that class that they are."""

EXPLAINED = 0.5
LEGITIMATE = "It may be that the column is only asked for in some cases, and that this is known in time."


class MissingTells(Check):
    """Asks whether the pattern of missing values, or of the commonest value of a quantity, is the target's."""

    name: ClassVar[str] = "missing_tells"
    title: ClassVar[str] = "What is missing gives the target away"
    rank: ClassVar[int] = 30

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding for all columns that are filled in for the same rows."""
        import numpy as np

        if sample.n < 2 * FEWEST:
            return
        patterns: dict[bytes, tuple[list[str], np.ndarray, str]] = {}
        for name in sample.of_kind("numeric", "datetime", "boolean", "category", "text", "id"):
            for filled, how in _patterns(sample, name):
                few = min(int(filled.sum()), sample.n - int(filled.sum()))
                if few >= FEWEST:
                    names, _, _ = patterns.setdefault(np.packbits(filled).tobytes(), ([], filled, how))
                    names.append(name)
        for names, filled, how in patterns.values():
            found = _judged(sample, tuple(dict.fromkeys(names)), filled, how)
            if found is not None:
                yield found

    def example(self, rng: np.random.Generator) -> Sample:
        """A date of leaving that only those who left have."""
        import numpy as np
        import pandas as pd

        frame, y = clean(rng)
        days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, len(y)), unit="D")
        frame["left on"] = pd.DatetimeIndex(np.where(y == 1, days.to_numpy(), np.datetime64("NaT"))).as_unit("us")
        return sample_of(frame, y)


def _patterns(sample: Sample, name: str) -> Iterator[tuple[np.ndarray, str]]:
    import numpy as np

    missing = sample.missing(name)
    if missing.any():
        yield ~missing, "filled in"
    elif sample.schema[name].kind == "numeric":
        zero = sample.values(name) == 0
        # Zero among quantities is often "not applicable"; where there are few values it is one like the others.
        if 0.05 <= zero.mean() < 1 and len(np.unique(sample.values(name)[~zero][:1000])) > 20:
            yield ~zero, "other than zero"


def _judged(sample: Sample, names: tuple[str, ...], filled: np.ndarray, how: str) -> Finding | None:
    import numpy as np

    told = f"It is {how} in {percent(float(filled.mean()))} of {sample.n:,} rows; "
    if not sample.n_classes:
        explained = sample.explained(filled.astype(np.int64))
        if explained < EXPLAINED:
            return None
        evidence = f"{told}that alone explains {percent(explained)} of the target's variance (of its ranks)."
        return Finding(MissingTells.name, MissingTells.title, names, "suspicious", evidence, LEGITIMATE)
    avoided = lambda_of(filled.astype(np.int64), sample.y, sample.n_classes)
    if avoided >= NEAR:
        severity = "clear" if avoided >= SURE else "suspicious"
        evidence = f"{told}that alone avoids {percent(avoided)} of the mistakes of always naming the commonest class."
        return Finding(
            MissingTells.name, MissingTells.title, names, "clear" if severity == "clear" else "suspicious", evidence,
            "" if severity == "clear" else LEGITIMATE,
        )  # fmt: skip
    for side, where in ((filled, how), (~filled, f"not {how}")):
        counts = np.bincount(sample.y[side], minlength=sample.n_classes)
        code = int(counts.argmax())
        of_class = float((sample.y == code).mean())
        covered = counts[code] / (of_class * sample.n)
        if of_class <= 0.5 and counts[code] >= PURE * side.sum() and covered >= COVERED and counts[code] >= FEWEST:
            evidence = (
                f"Of the {int(side.sum()):,} rows in which it is {where}, {percent(counts[code] / side.sum())} are of "
                f"one class, which has {percent(of_class)} of all rows."
            )
            return Finding(MissingTells.name, MissingTells.title, names, "suspicious", evidence, LEGITIMATE)
    return None
