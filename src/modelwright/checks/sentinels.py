"""Values that stand for "no value": −1, −999, 0, 99999999 among numbers, "unknown" and its kin among levels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._words import percent
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST, SHARE = 5, 0.005
FAR = 3.0
"""A sentinel of nines lies this many interquartile ranges beyond all other values."""

_NINES = re.compile(r"-?9{2,}(\.9+)?|-?(99){1,}|-(1|9|8|7|200|32768)|32767|65535|2147483647|-2147483648|-?1e\+?\d+")
_MARKERS = {
    "unknown", "n/a", "na", "nan", "null", "nil", "?", "??", "-", "--", "---", ".", "..", "missing", "#n/a",
    "not available", "not known", "not specified", "unspecified", "undefined", "undetermined", "no data", "nodata",
    "tbd", "tba", "xxx", "none given", "not given", "not stated", "not recorded", "not applicable",
    "prefer not to say", "unbekannt", "keine angabe", "k.a.", "inconnu", "desconocido", "sconosciuto", "onbekend",
}  # fmt: skip


class Sentinels(Check):
    """Looks for numbers that are no quantities and for levels that are no levels."""

    name: ClassVar[str] = "sentinels"
    title: ClassVar[str] = "Numbers that may stand for missing values"
    rank: ClassVar[int] = 110

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a column."""
        import numpy as np

        for name in sample.of_kind("numeric"):
            values = sample.values(name)
            found = _sentinel(values[~np.isnan(values)])
            if found is not None:
                value, count = found
                told = f"{value:.10g} stands in {count:,} of {sample.n:,} rows, far from all other values."
                yield Finding(
                    self.name, self.title, (name,), "note", told, "It may be a value like any other.",
                    done="It was kept as a number; models that split can set it apart.",
                    overrule="If it means that nothing is known, empty those cells and run again.",
                )  # fmt: skip
        for name in sample.of_kind("category", "boolean"):
            markers = _disguised(sample, name)
            if markers:
                rows = sum(markers.values())
                told = (
                    f"{', '.join(repr(marker) for marker in list(markers)[:3])} in {rows:,} of {sample.n:,} rows "
                    f"({percent(rows / sample.n)})."
                )
                yield Finding(
                    self.name, "Levels that may stand for missing values", (name,), "note", told,
                    "That something isn't known may itself be telling.",
                    done="They were kept as levels of their own.",
                )  # fmt: skip

    def example(self, rng: np.random.Generator) -> Sample:
        """Blood pressures of zero."""
        import numpy as np

        frame, y = clean(rng)
        pressure = np.round(rng.normal(72, 9, len(y)))
        frame["pressure"] = np.where(rng.random(len(y)) < 0.05, 0.0, np.clip(pressure, 40, None))
        return sample_of(frame, y)


def _sentinel(present: np.ndarray) -> tuple[float, int] | None:
    """The number that may mean "missing", and how often it stands there."""
    import numpy as np

    values, counts = np.unique(present, return_counts=True)
    if len(values) < 10:
        return None
    least = max(FEWEST, SHARE * len(present))
    q1, q3 = np.percentile(present, [25, 75])
    spread = float(q3 - q1) or float(values[-2] - values[1])
    for end, beside in ((0, 1), (-1, -2)):
        value, gap = float(values[end]), abs(float(values[end] - values[beside]))
        # The largest value of a quantity that ends somewhere isn't one unless it stands out.
        if counts[end] < least or (end and counts[end] < 5 * np.median(counts)):
            continue
        if _NINES.fullmatch(f"{value:.10g}"):
            alone = end == 0 and value < 0 <= values[1] and value != -9
            if gap >= FAR * spread or alone:
                return value, int(counts[end])
        elif end == 0 and value == 0:
            typical = float(np.median(values[1:]))
            # Nothing near zero, although everything else is close together: zero isn't a small quantity here.
            if gap >= 0.3 * typical and gap >= spread and counts[0] < 0.5 * len(present):
                return value, int(counts[0])
    return None


def _disguised(sample: Sample, name: str) -> dict[str, int]:
    import numpy as np

    series = sample.frame[name]
    categories = series.cat.categories
    if len(categories) > 20_000:
        return {}
    counts = np.bincount(sample.levels(name) + 1, minlength=len(categories) + 1)[1:]
    found: dict[str, int] = {}
    for level, count in zip(categories, counts, strict=True):
        folded = unicodedata.normalize("NFKC", str(level)[:40]).strip().casefold().strip("()[]<>'\"")
        if count >= FEWEST and folded.replace("_", " ") in _MARKERS:
            found[folded] = found.get(folded, 0) + int(count)
    return found
