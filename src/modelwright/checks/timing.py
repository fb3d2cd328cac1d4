"""Dates that lie on the other side of the event: what is compared are pairs of dates, also dates kept in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from modelwright.checks import Check, Sample
from modelwright.checks._examples import clean, sample_of
from modelwright.checks._sample import lambda_of, steps
from modelwright.checks._words import percent
from modelwright.dated import UNREADABLE, assembled, date_parts, words_of
from modelwright.finding import Finding

if TYPE_CHECKING:
    import numpy as np

FEWEST = 50
SURE, NEAR = 0.9, 0.75
"""Share of the target that the time between two dates explains: from where it is sure, or suspicious."""

BEYOND = 0.5
"""Of what both dates alone leave unexplained, what the time between them may leave at most."""

LATER, MOMENTS = 0.9, 10
MOST = 8


class AfterTheEvent(Check):
    """Asks whether the time between two dates gives the target away, and whether dates lie after the row's moment."""

    name: ClassVar[str] = "after_event"
    title: ClassVar[str] = "A date after the event"
    rank: ClassVar[int] = 50

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """One finding a date."""
        import numpy as np

        if sample.n < FEWEST:
            return
        dates = {name: sample.values(name) for name in sample.of_kind("datetime")[:MOST]}
        told: set[str] = set()
        for first, second, other, between in _pairs(sample, dates):
            if sample.late():
                return
            if first in told:
                continue
            explained = sample.explained(steps(between))
            alone = max(sample.strength(first), sample.explained(steps(other)))
            if explained < NEAR or 1 - explained > BEYOND * (1 - alone):
                continue
            told.add(first)
            evidence = (
                f"How long before or after {second} it lies explains {percent(explained)} of the target, each date "
                f"alone no more than {percent(alone)} ({sample.n:,} rows)"
            )
            sided = lambda_of((between > 0).astype(np.int64), sample.y, sample.n_classes) if sample.n_classes else 0.0
            sure = explained >= SURE or sided >= SURE
            evidence += f"; being later avoids {percent(sided)} of the mistakes." if sided >= NEAR else "."
            yield Finding(
                self.name, self.title, (first,), "clear" if sure else "suspicious", evidence,
                "" if sure else "It may be a deadline or a plan that is known in time.",
            )  # fmt: skip
        moment = sample.problem.time_column.value
        if moment in dates:
            for name, values in dates.items():
                known = ~np.isnan(values) & ~np.isnan(dates[moment])
                if name == moment or name in told or known.sum() < FEWEST:
                    continue
                later = float((values[known] > dates[moment][known]).mean())
                if later >= LATER and len(np.unique(values[known] - dates[moment][known])) >= MOMENTS:
                    evidence = f"It lies after the row's own moment in {percent(later)} of {int(known.sum()):,} rows."
                    # What is planned lies ahead by its nature.
                    planned = bool(_PLANS & set(words_of(name)))
                    yield Finding(
                        self.name, self.title, (name,), "note" if planned else "suspicious", evidence,
                        "A deadline, an appointment or an expiry lies ahead and is known all the same.",
                    )  # fmt: skip

    def example(self, rng: np.random.Generator) -> Sample:
        """The day on which a booking got its last status: before the arrival when it was cancelled."""
        import numpy as np
        import pandas as pd

        frame, y = clean(rng)
        arrival = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, len(y)), unit="D")
        shift = np.where(y == 1, -rng.integers(1, 60, len(y)), rng.integers(1, 9, len(y)))
        frame["arrival"] = pd.DatetimeIndex(arrival).as_unit("us")
        frame["status date"] = pd.DatetimeIndex(arrival + pd.to_timedelta(shift, unit="D")).as_unit("us")
        return sample_of(frame, y)


def _pairs(sample: Sample, dates: dict[str, np.ndarray]) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Each date with another one: its name, the other in words, the other's days, and the days between.

    Of two date columns the one whose name speaks of an end or a status is the one that is known later; without such a
    word, the one that is later on average.
    """
    import numpy as np

    parts = _assembled(sample)
    names = list(dates)
    for i, a in enumerate(names):
        if parts is not None:
            yield a, "the date that other columns hold in parts", parts, dates[a] - parts
        for b in names[i + 1 :]:
            late_a, late_b = _speaks_of_an_end(a), _speaks_of_an_end(b)
            gap = np.nanmean(dates[a] - dates[b]) if np.isfinite(dates[a] - dates[b]).any() else 0.0
            first, second = (a, b) if (late_a and not late_b) or (late_a == late_b and gap > 0) else (b, a)
            moment = sample.problem.time_column.value
            if first == moment:
                first, second = second, first
            yield first, "the other date", dates[second], dates[first] - dates[second]


def _speaks_of_an_end(name: str) -> bool:
    ends = {"status", "end", "ended", "closed", "close", "resolved", "finished", "completed", "cancelled", "canceled",
            "updated", "update", "last", "final", "paid", "returned", "outcome", "left", "exit"}  # fmt: skip
    return bool(ends & set(words_of(name)))


_PLANS = {"due", "promised", "promise", "planned", "plan", "scheduled", "schedule", "expected", "deadline", "expiry",
          "expires", "expiration", "estimated", "target", "requested", "required", "renewal"}  # fmt: skip


def _assembled(sample: Sample) -> np.ndarray | None:
    """Days of a date that is kept in columns for year, month and day; ``None`` where there isn't exactly one."""
    import numpy as np

    columns = date_parts(sample.of_kind("numeric", "category"))
    if len(columns) != 3:
        return None
    moments = assembled(sample.frame, columns)
    if np.isnat(moments).mean() > UNREADABLE:
        return None
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 86_400e6)
