"""Things that several rows belong to, and that know the answer: where they stand on both sides, judging is too kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._words import percent, plural
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST_LEVELS = 30
FEWEST_PAIRS = 100
ALIKE = 0.8
"""How far the targets of rows of one level must agree, from chance (0) to always (1)."""

BEYOND = 0.5
"""Of what the steps of a quantity leave unexplained, what its single values may leave at most to be taken for names."""

KNOWN = 0.9
FINE = 0.02
"""A level of a hidden group holds at most this share of the rows."""


class HiddenGroups(Check):
    """Looks for groups on both sides, and for columns with many levels whose rows nearly always share the target."""

    name: ClassVar[str] = "hidden_groups"
    title: ClassVar[str] = "Rows that belong together on both sides of the split"
    rank: ClassVar[int] = 90

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a column."""
        import numpy as np

        named = sample.problem.group_column.value
        division = sample.division
        if division is not None and len(division.groups) and named is not None:
            learnt = np.unique(division.groups[~division.sealed & (division.groups >= 0)])
            crossing = int(np.isin(division.groups[division.sealed], learnt).sum())
            if crossing and sample.problem.time_column.value is None:
                sealed = int(division.sealed.sum())
                told = f"{crossing:,} of the {sealed:,} sealed rows belong to groups that are learnt from."
                yield Finding(self.name, "Groups on both sides of the split", (named,), "suspicious", told,
                              "New rows may belong to groups that are known.")  # fmt: skip
        if sample.n < FEWEST_PAIRS:
            return
        for name in sample.of_kind("category", "id", "numeric"):
            if name in (named, sample.problem.time_column.value) or sample.late():
                continue
            told = _alike(sample, name)
            if told:
                yield Finding(
                    self.name, self.title, (name,), "suspicious", told,
                    "New rows may belong to levels that are known; then nothing is wrong.",
                    overrule="If new rows come with new levels, name it with --group-column: then a level's rows stay "
                    "on one side.",
                )  # fmt: skip

    def example(self, rng: np.random.Generator) -> Sample:
        """Patients with several visits each, and one diagnosis each."""
        import numpy as np
        import pandas as pd

        frame, y = clean(rng)
        patient = rng.integers(0, len(y) // 5, len(y))
        frame["patient"] = pd.Categorical([f"p{i}" for i in patient])
        return sample_of(frame, rng.integers(0, 2, len(y))[patient].astype(np.int64))


def _alike(sample: Sample, name: str) -> str:
    """Evidence that rows of one level have one target; empty where they haven't."""
    import numpy as np

    levels = sample.levels(name)
    known = levels >= 0
    if sample.schema[name].kind == "numeric" and (known.mean() < KNOWN or not _codes(sample.values(name))):
        return ""
    sizes = np.bincount(levels[known], minlength=1)
    several = sizes > 1
    pairs = int((sizes[several] - 1).sum())
    if several.sum() < FEWEST_LEVELS or pairs < FEWEST_PAIRS or sizes.max() > FINE * sample.n:
        return ""
    rows = known & several[np.maximum(levels, 0)]
    within = total = 0.0
    for column in sample.goals.T:
        means = np.bincount(levels[rows], column[rows], len(sizes)) / np.maximum(sizes, 1)
        within += float(((column - means[np.maximum(levels, 0)])[rows] ** 2).sum()) / pairs
        total += float(column[rows].var())
    alike = 1 - within / total if total > 0 else 0.0
    smooth = sample.strength(name) if sample.schema[name].kind == "numeric" else 0.0
    # A quantity that goes with the target brings together rows that are alike, too, neighbours as well as equals.
    if alike < ALIKE or 1 - alike > BEYOND * (1 - smooth):
        return ""
    return (
        f"It has {plural(int((sizes > 0).sum()), 'level')} of few rows each, and the targets of rows of one level "
        f"agree {percent(alike)} of the way from chance to always ({int(rows.sum()):,} rows)."
    )


def _codes(values: np.ndarray) -> bool:
    """Whether numbers may name things: whole ones."""
    import numpy as np

    present = values[~np.isnan(values)]
    return bool(len(present)) and bool((present == np.floor(present)).all())
