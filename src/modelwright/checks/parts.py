"""Yes-or-no columns that the target is put together from: its causes, recorded together with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, labels, sample_of
from modelwright.checks._words import percent
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 10
PURE = 0.995
COVERED = 0.9
CHANCE = 1e-6
"""Probability below which a flag that always means one class isn't taken for chance."""


class TargetParts(Check):
    """Looks for flags whose rarer value always means the same class, and asks how much of the class they make up."""

    name: ClassVar[str] = "target_parts"
    title: ClassVar[str] = "Parts of the target"
    rank: ClassVar[int] = 20

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding for all flags of one class."""
        import numpy as np

        if not sample.n_classes or sample.n < FEWEST:
            return
        shares = np.bincount(sample.y, minlength=sample.n_classes) / sample.n
        flags: dict[int, list[tuple[str, np.ndarray]]] = {}
        for name in sample.of_kind("boolean", "category", "numeric"):
            levels = sample.levels(name)
            if levels.max(initial=0) != 1 or (levels < 0).any():
                continue
            rare = levels == int(np.bincount(levels).argmin())
            counts = np.bincount(sample.y[rare], minlength=sample.n_classes)
            code, size = int(counts.argmax()), int(rare.sum())
            chance = shares[code] ** counts[code]
            if size >= FEWEST and counts[code] >= PURE * size and shares[code] <= 0.5 and chance < CHANCE:
                flags.setdefault(code, []).append((name, rare))
        for code, found in flags.items():
            names = tuple(name for name, _ in found)
            together = np.any([rare for _, rare in found], axis=0)
            covered = float((together & (sample.y == code)).sum() / (sample.y == code).sum())
            pure = float((sample.y[together] == code).mean())
            told = (
                f"Where {'it has its rarer value' if len(names) == 1 else 'one of them has its rarer value'}, "
                f"{percent(pure)} of {int(together.sum()):,} rows are of one class, which has "
                f"{percent(float(shares[code]))} of all rows; these are {percent(covered)} of that class."
            )
            if covered >= COVERED and len(names) > 1:
                yield Finding(self.name, "The target is put together from these columns", names, "clear", told)
            elif covered >= 0.1 or len(names) > 1:
                yield Finding(
                    self.name, "A yes that always means the same class", names, "suspicious", told,
                    "It may be a rule of the trade that is known in time.",
                )  # fmt: skip

    def example(self, rng: np.random.Generator) -> Sample:
        """Three ways to fail, and the failure."""
        import numpy as np

        frame, y = clean(rng, 1500)
        causes = [(rng.random(len(y)) < 0.03) for _ in range(3)]
        for i, cause in enumerate(causes):
            frame[f"cause {i}"] = labels(cause.astype(int), ["no", "yes"])
        return sample_of(frame, np.any(causes, axis=0).astype(np.int64))
