"""Numbers that count rows in the order of the target, and rows that stand in that order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._sample import steps
from modelwright.checks._words import percent
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 100
UNIQUE = 0.98
DENSE = 5.0
"""A numbering uses at least every fifth number between its first and its last."""

SURE, NEAR = 0.8, 0.15
SORTED = 0.5


class OrderedId(Check):
    """Asks of numberings, and of the rows' own order, how much of the target they explain."""

    name: ClassVar[str] = "ordered_id"
    title: ClassVar[str] = "A numbering in the order of the target"
    rank: ClassVar[int] = 60

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a numbering; one for the order of the rows."""
        import numpy as np

        if sample.n < FEWEST or sample.problem.time_column.value is not None:
            return  # where time matters a numbering may count the time, and judging goes forward
        numberings = [name for name in sample.of_kind("numeric", "id", "category") if _numbers_rows(sample, name)]
        for name in numberings:
            explained = sample.explained(steps(_numbers(sample, name)))
            if explained < NEAR:
                continue
            told = f"It numbers the rows, and the number explains {percent(explained)} of the target (out of fold)."
            sure = explained >= SURE
            yield Finding(
                self.name, self.title, (name,), "clear" if sure else "suspicious", told,
                "" if sure else "Numbers that are given one after the other say when; that may be known of new rows.",
            )  # fmt: skip
        order = sample.explained(steps(np.arange(sample.n, dtype=np.float64)))
        if order >= SORTED:
            told = f"The place of a row in the data explains {percent(order)} of the target (out of fold)."
            yield Finding(
                self.name, "The rows stand in the order of the target", (), "note", told,
                "Models don't see the order of the rows; what else follows it, such as a number, they do.",
            )  # fmt: skip

    def example(self, rng: np.random.Generator) -> Sample:
        """Records numbered class by class."""
        import numpy as np

        frame, y = clean(rng)
        number = np.empty(len(y))
        number[np.lexsort((rng.random(len(y)), y))] = np.arange(len(y))
        frame["record"] = number + 1000
        return sample_of(frame, y)


def _numbers(sample: Sample, name: str) -> np.ndarray:
    import numpy as np
    import pandas as pd

    series = sample.frame[name]
    if not hasattr(series, "cat"):
        return sample.values(name)
    parsed = pd.to_numeric(pd.Series(series.cat.categories.astype(str)), errors="coerce").to_numpy(dtype=np.float64)
    return np.asarray(np.append(parsed, np.nan)[series.cat.codes.to_numpy()])


def _numbers_rows(sample: Sample, name: str) -> bool:
    """Whether a column counts the rows, or a part of them: whole, hardly repeating, without large holes."""
    import numpy as np

    if hasattr(sample.frame[name], "cat") and len(sample.frame[name].cat.categories) < UNIQUE * sample.n:
        return False
    values = _numbers(sample, name)
    known = values[~np.isnan(values)]
    if len(known) < UNIQUE * sample.n or (known != np.floor(known)).any():
        return False
    distinct = len(np.unique(known))
    # A sample of the rows has the holes of what wasn't drawn.
    span = DENSE * distinct * max(1.0, sample.rows / sample.n)
    return bool(distinct >= UNIQUE * len(known) and np.ptp(known) <= span)
