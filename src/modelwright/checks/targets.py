"""The target itself: missing, mixed, hardly varying, with rare classes, or cut off."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._words import percent, plural
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

UNLABELLED = 0.01
RARE = 10
"""Development rows below which a class can hardly be learnt and judged: two in each of five folds."""

CONSTANT = 0.99
CAPPED = 0.01
"""Share of the rows at the very largest or smallest value from which a numeric target seems to be cut off there."""


class TargetValues(Check):
    """Looks at the target alone."""

    name: ClassVar[str] = "target_values"
    title: ClassVar[str] = "The target's values"
    rank: ClassVar[int] = 5

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """What there is to say of the target, one finding each."""
        whole = sample.rows + sample.unlabelled
        if sample.unlabelled >= max(1, UNLABELLED * whole):
            yield Finding(
                self.name, "Rows without a target", (), "note",
                f"{plural(sample.unlabelled, 'row')} had no target.",
                "Whether the answer is known may depend on what it is; then the model learns from other cases than it "
                "meets.",
                done="They were left out.",
            )  # fmt: skip
        if sample.n:
            yield from _of_classes(sample) if sample.n_classes else _of_values(sample)

    def example(self, rng: np.random.Generator) -> Sample:
        """A price list that ends at a hundred and forty."""
        import numpy as np

        frame, y = clean(rng, classes=0)
        return sample_of(frame, np.minimum(y, 140.0), classes=0)


def _of_classes(sample: Sample) -> Iterator[Finding]:
    import numpy as np

    counts = np.bincount(sample.y, minlength=sample.n_classes) * (sample.rows / sample.n)
    rare = int(((counts < RARE) & (counts > 0)).sum())
    if rare:
        yield Finding(
            TargetValues.name, "Rare classes", (), "note",
            f"{rare} of {sample.n_classes} classes {'has' if rare == 1 else 'have'} fewer than {RARE} rows to learn "
            f"from, the rarest about {counts[counts > 0].min():.0f}.",
            "Figures of these classes are hardly more than chance.",
        )  # fmt: skip
    top = sample.commonest_class
    if top >= CONSTANT:
        yield Finding(
            TargetValues.name, "A target that hardly varies", (), "note",
            f"One class has {percent(top)} of {sample.rows:,} rows.",
            "Rare events are rare; accuracy says nothing then, ranking and recall do.",
        )  # fmt: skip
    same: dict[str, int] = {}
    for label in sample.problem.classes:
        same[_folded(label)] = same.get(_folded(label), 0) + 1
    twice = sum(count for count in same.values() if count > 1)
    if twice:
        yield Finding(
            TargetValues.name, "One class written in several ways", (), "suspicious",
            f"{twice} of {sample.n_classes} classes differ from another one only in capitals, blanks, accents or the "
            "way a number is written.",
            "The difference may mean something.",
            overrule="If it doesn't, write the classes alike in the data and run again.",
        )  # fmt: skip
    numbers = sum(_is_number(label) for label in sample.problem.classes)
    if 0 < numbers < sample.n_classes:
        yield Finding(
            TargetValues.name, "Numbers and words in one target", (), "suspicious",
            f"{numbers} of {sample.n_classes} classes are numbers, the others are words.",
            "Codes may be mixed on purpose.",
            overrule="If the words stand for missing answers, empty those cells and run again.",
        )  # fmt: skip


def _of_values(sample: Sample) -> Iterator[Finding]:
    import numpy as np

    values, counts = np.unique(sample.y, return_counts=True)
    top = counts.max() / sample.n
    if top >= 0.8:
        yield Finding(
            TargetValues.name, "A target that hardly varies", (), "note",
            f"One value stands in {percent(top)} of {sample.rows:,} rows.",
            "Where most rows have nothing to measure, asking whether there is something may be the better question.",
        )  # fmt: skip
    for end, side in ((-1, "largest"), (0, "smallest")):
        share = counts[end] / sample.n
        near = counts[-6:-1] if end else counts[1:6]
        # A cap piles up what would lie beyond it; whole numbers and zeros pile up everywhere.
        if len(values) > 50 and share >= CAPPED and counts[end] > 5 * near.max() and values[end] != 0 and top < 0.8:
            yield Finding(
                TargetValues.name, "A target that is cut off", (), "note",
                f"The {side} value, {values[end]:.6g}, stands in {percent(share)} of {sample.rows:,} rows, far more "
                "often than its neighbours.",
                "Predictions can't tell how far beyond it the true values lie.",
            )  # fmt: skip


def _folded(label: str) -> str:
    try:
        return f"{float(label):.12g}"
    except ValueError:
        plain = unicodedata.normalize("NFKD", label.casefold())
        return "".join(c for c in plain if not unicodedata.combining(c) and not c.isspace())


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True
