"""Single columns that predict far better than all others together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._words import percent
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 100
STRONG_CLASSES, STRONG_VALUES = 0.7, 0.95
"""Share of the target that a column must explain alone to be looked at. Where the other columns are of little use any
good one stands out; quantities that go with a numeric target closely are common, those that separate classes rare."""

LEFT = 0.5
"""Of the error that all other columns together leave, what the column alone may leave at most to be suspicious."""

SURE, SURE_LEFT = 0.99, 0.1
MOST = 8
"""Columns looked at, the strongest first: what stands out are one or two."""


class SingleColumn(Check):
    """Measures each column alone, and the strongest against a quick model of all others, out of fold."""

    name: ClassVar[str] = "single_column"
    title: ClassVar[str] = "A single column that predicts too well"
    rank: ClassVar[int] = 70

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a column."""
        if sample.n < FEWEST:
            return
        names = sample.of_kind("numeric", "datetime", "boolean", "category")
        least = STRONG_CLASSES if sample.n_classes else STRONG_VALUES
        strong = sorted((n for n in names if sample.strength(n) >= least), key=lambda n: -sample.strength(n))
        for name in strong[:MOST]:
            if sample.late():
                return
            alone = sample.strength(name)
            rest = 1 - max(sample.joint({name}), sample.persistence)
            if 1 - alone > LEFT * rest:
                return  # the next ones are weaker still
            told = (
                f"Alone it explains {percent(alone)} of the target, all other columns together {percent(1 - rest)} "
                f"(out of fold, {sample.n:,} rows)."
            )
            few = len(sample.frame.columns) - len(sample.blamed) <= 3
            if alone >= SURE and 1 - alone <= SURE_LEFT * rest and not few and sample.n_classes:
                yield Finding(self.name, "A column that gives the target away", (name,), "clear", told)
            else:
                legitimate = "It may be the quantity that the target is about, measured or decided before the target."
                yield Finding(self.name, self.title, (name,), "suspicious", told, legitimate)

    def example(self, rng: np.random.Generator) -> Sample:
        """What was paid back, which is known only after who left."""
        import numpy as np

        frame, y = clean(rng)
        frame["refund"] = np.where(y == 1, rng.gamma(2, 50, len(y)) + 5, rng.gamma(2, 1, len(y)))
        return sample_of(frame, y)
