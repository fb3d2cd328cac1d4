"""Rows that occur more than once, exactly or but for one column, and on which side of the split they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._sample import Division
from modelwright.checks._words import percent, plural
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

TOLD = 0.01
"""Share of the rows that must repeat another one to be worth telling."""

CROSSING = 0.001
NEARLY, OTHERS, AGREE = 0.05, 0.2, 0.9
"""Copies but for one column: their share of the rows; what dropping any other column may make of them at most; and how
much more their targets must agree than chance would have it."""

FEWEST_COLUMNS = 2


class Duplicates(Check):
    """Counts repeated rows on each side of the split, and rows that repeat once a single column is left out."""

    name: ClassVar[str] = "duplicates"
    title: ClassVar[str] = "Repeated rows"
    rank: ClassVar[int] = 80

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding for exact copies, one for each column that hides copies."""
        if sample.division is not None:
            yield from _exact(sample.division)
        yield from _but_for_one(sample)

    def example(self, rng: np.random.Generator) -> Sample:
        """Every third row twice, each time with a number of its own."""
        import numpy as np
        import pandas as pd

        frame, y = clean(rng)
        for name in ("c", "d"):
            frame[name] = rng.normal(size=len(y))
        rows = np.concatenate([np.arange(len(y)), np.arange(0, len(y), 3)])
        frame, y = frame.iloc[rows].reset_index(drop=True), y[rows]
        frame["entry"] = rng.permutation(len(y)) * 7.5
        return sample_of(pd.DataFrame(frame), y)


def _exact(division: Division) -> Iterator[Finding]:
    import numpy as np

    _, sets, sizes = np.unique(division.hashes, return_inverse=True, return_counts=True)
    repeated = int((sizes - 1).sum())
    learnt = np.bincount(sets[~division.sealed], minlength=len(sizes)) > 0
    crossing = int(learnt[sets[division.sealed]].sum())
    n = len(sets)
    sealed = int(division.sealed.sum())
    if crossing > CROSSING * sealed and crossing > 2:
        few = len(sizes) * 5 <= n
        yield Finding(
            Duplicates.name, "Rows on both sides of the split", (), "note" if few else "suspicious",
            f"{crossing:,} of the {sealed:,} sealed rows ({percent(crossing / sealed)}) have the same features as rows "
            f"that are learnt from; {plural(len(sizes), 'different row')} of {n:,}.",
            "Where there are few combinations of values, different cases look alike." if few else
            "Different cases may happen to look alike.",
        )  # fmt: skip
    elif repeated >= max(3, TOLD * n):
        yield Finding(
            Duplicates.name, Duplicates.title, (), "note",
            f"{repeated:,} of {n:,} rows ({percent(repeated / n)}) repeat an earlier row in every feature.",
            done="Copies of a row were kept on the same side of every split.",
        )  # fmt: skip


def _but_for_one(sample: Sample) -> Iterator[Finding]:
    """Columns without which many rows are copies: the sum of hashes tells all of them at the price of a sort each."""
    import numpy as np
    import pandas as pd

    names = [f.name for f in sample.schema.fields]
    if len(names) < FEWEST_COLUMNS or sample.n < 100:
        return
    hashes = [pd.util.hash_array(_key(sample, name)) for name in names]
    with np.errstate(over="ignore"):
        # Each column's hash is mixed with its place, so that equal values in two columns don't cancel out.
        hashes = [h * np.uint64(2 * i + 0x9E3779B97F4A7C15 | 1) for i, h in enumerate(hashes)]
        whole = np.asarray(np.sum(hashes, axis=0, dtype=np.uint64))
        exact = _repeats(whole)
        gained = []
        for h in hashes:
            if sample.late():
                return
            gained.append(_repeats(whole - h) - exact)
    order = np.argsort(gained)[::-1]
    most, next_most = int(order[0]), int(order[1])
    if gained[most] < max(20, NEARLY * sample.n) or gained[next_most] > OTHERS * gained[most]:
        return
    with np.errstate(over="ignore"):
        sets = np.unique(whole - hashes[most], return_inverse=True)[1]
    agreement = _agreement(sets, sample)
    if agreement < AGREE:
        return
    yield Finding(
        Duplicates.name, "Copies that differ in one column", (names[most],), "suspicious",
        f"Without it {gained[most]:,} of {sample.n:,} rows repeat another one, and their targets agree "
        f"{percent(agreement)} of the way from chance to always; such copies stand on both sides of the split.",
        "They may be different cases that happen to look alike.",
        overrule="If it only numbers or stamps the copies, name it with --id-column: then they stay on one side.",
    )  # fmt: skip


def _key(sample: Sample, name: str) -> np.ndarray:
    import numpy as np

    kind = sample.schema[name].kind
    return np.nan_to_num(sample.values(name), nan=-1.5e300) if kind in ("numeric", "datetime") else sample.levels(name)


def _repeats(hashes: np.ndarray) -> int:
    import numpy as np

    ordered = np.sort(hashes)
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))


def _agreement(sets: np.ndarray, sample: Sample) -> float:
    """How far the targets of rows of one set agree: 0 as chance has it, 1 always."""
    import numpy as np

    y = sample.goals
    sizes = np.bincount(sets)
    several = sizes[sets] > 1
    within = total = 0.0
    for column in y.T:
        means = np.bincount(sets, column) / sizes
        # The squared distance of two rows of one set is twice their variance.
        free = float(several.sum() - (sizes > 1).sum())
        within += float(((column - means[sets])[several] ** 2).sum()) / max(1.0, free)
        total += float(column[several].var())
    return 1 - within / total if total > 0 else 0.0
