"""Quantities in two units: a level that jumps by a known factor, or two populations that differ by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._words import percent
from modelwright.diagnostics import figure
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FACTORS = {
    1000.0: "a thousand, as between g and kg", 1e6: "a million", 100.0: "a hundred, as between cm and m",
    10.0: "ten, as between mm and cm", 60.0: "sixty, as between minutes and hours",
    2.54: "2.54, as between inch and cm",
    3.28084: "3.28, as between foot and metre", 1.609344: "1.609, as between mile and kilometre",
    2.204623: "2.205, as between pound and kilogram", 3.785412: "3.785, as between gallon and litre",
    3.6: "3.6, as between m/s and km/h", 24.0: "24, as between days and hours",
}  # fmt: skip
CLOSE = 0.02
"""How near a jump must come to a known factor, as a share of it."""

BLOCKS, BLOCK = 32, 30
FEWEST = 300
STEADY = 0.15
"""How much the medians of blocks may vary on either side, as a share of the jump on a logarithmic scale."""

SHAPE = 0.25
APART = 3.0
"""Two populations of unlike size are apart when the ratio across the gap is at least this."""


class UnitChange(Check):
    """Compares the level of each positive quantity before and after every point, and within its own values."""

    name: ClassVar[str] = "unit_change"
    title: ClassVar[str] = "A quantity in two units"
    rank: ClassVar[int] = 120

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a column."""
        import numpy as np

        if sample.n < FEWEST:
            return
        moment = sample.problem.time_column.value
        order = np.arange(sample.n)
        if moment is not None and moment in sample.frame.columns:
            order = np.argsort(sample.values(moment), kind="stable")
        for name in sample.of_kind("numeric"):
            if sample.late():
                return
            values = sample.values(name)[order]
            values = values[~np.isnan(values)]
            if len(values) < FEWEST or len(np.unique(values[:2000])) < 20:
                continue
            told = _jump(values) or _two_populations(values)
            if told:
                yield Finding(
                    self.name, self.title, (name,), "suspicious", told,
                    "What is measured may really have changed, or be of two sorts.",
                    overrule="If the unit changed, bring the column to one unit and run again.",
                )  # fmt: skip

    def example(self, rng: np.random.Generator) -> Sample:
        """Weights that are kilograms at first and grams later."""
        import numpy as np

        frame, y = clean(rng)
        weight = rng.normal(70, 8, len(y))
        frame["weight"] = np.where(np.arange(len(y)) < 250, weight, 1000 * weight)
        return sample_of(frame, y)


def _jump(values: np.ndarray) -> str:
    """Evidence that the level jumps once, abruptly, by a known factor or from Celsius to Fahrenheit."""
    import numpy as np

    size = max(BLOCK, len(values) // BLOCKS)
    blocks = len(values) // size
    if blocks < 6:
        return ""
    table = values[: blocks * size].reshape(blocks, size)
    low, middle, high = np.percentile(table, [25, 50, 75], axis=1)
    spread = high - low
    for cut in _cuts(middle):
        before, after = middle[:cut], middle[cut + 1 :]  # the block in which it happens is neither
        if min(len(before), len(after)) < 2:
            continue
        a, b = float(np.median(before)), float(np.median(after))
        wide_a, wide_b = float(np.median(spread[:cut])), float(np.median(spread[cut + 1 :]))
        small, large, wide_small, wide_large = (a, b, wide_a, wide_b) if a < b else (b, a, wide_b, wide_a)
        if small > 0 and wide_small > 0 and _steady(before, after):
            word = _factor(large / small)
            if word and abs(wide_large / wide_small / (large / small) - 1) < SHAPE:
                return f"Along the rows its level jumps once, from {figure(a)} to {figure(b)}: by the factor of {word}."
        fahrenheit = 1.8 * small + 32
        jump = large - small
        calm = max(float(np.ptp(before)), float(np.ptp(after))) < 0.5 * abs(jump)
        near = -40 < small < 60 and abs(large - fahrenheit) < CLOSE * fahrenheit
        if calm and near and wide_small > 0 and abs(wide_large / wide_small / 1.8 - 1) < SHAPE:
            return f"Along the rows its level jumps once, from {figure(a)} to {figure(b)}, as from °C to °F or back."
    return ""


def _cuts(middle: np.ndarray) -> list[int]:
    """Where the level changes most: the block of the change, the largest first."""
    import numpy as np

    change = np.abs(middle[2:] - middle[:-2])
    return [int(np.argmax(change)) + 1] if len(change) else []


def _steady(before: np.ndarray, after: np.ndarray) -> bool:
    import numpy as np

    if (before <= 0).any() or (after <= 0).any():
        return False
    jump = abs(float(np.log(np.median(after) / np.median(before))))
    return bool(max(np.ptp(np.log(before)), np.ptp(np.log(after))) <= max(STEADY * jump, 0.0) + 0.2 * min(jump, 1.0))


def _factor(ratio: float) -> str:
    return next((word for factor, word in FACTORS.items() if abs(ratio / factor - 1) < CLOSE * _slack(factor)), "")


def _slack(factor: float) -> float:
    """Medians of few rows scatter; large factors can't be mistaken for a change of the thing itself."""
    return 5.0 if factor >= 10 else 1.0


def _two_populations(values: np.ndarray) -> str:
    """Evidence that values fall apart into two groups of one shape, a known factor of ten or more apart."""
    import numpy as np

    positive = np.sort(values[values > 0])
    if len(positive) < 0.98 * len(values):
        return ""
    logs = np.log(positive)
    edge = max(10, int(0.01 * len(logs)))
    gaps = np.diff(logs)[edge:-edge]
    if not len(gaps):
        return ""
    cut = edge + int(np.argmax(gaps)) + 1
    low, high = logs[:cut], logs[cut:]
    if gaps.max() < np.log(APART):
        return ""
    ratio = float(np.exp(np.median(high) - np.median(low)))
    wide_low, wide_high = (float(np.subtract(*np.percentile(part, [75, 25]))) for part in (low, high))
    word = _factor(ratio) if ratio >= 10 else ""
    if not word or min(wide_low, wide_high) <= 0 or abs(np.log(wide_high / wide_low)) > 2 * SHAPE:
        return ""
    rarer = min(len(low), len(high)) / len(logs)
    return f"{percent(rarer)} of its values lie apart from the others, by the factor of {word}, and scatter alike."
