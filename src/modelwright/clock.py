"""The run's deadline: what is left, and what is kept back for the end."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

SHORT = 60.0
"""Seconds of budget up to which the model itself needs all there is."""
LONGEST_CLOSING = 0.6
"""Share of the budget that is kept back for the end at most."""
WHOLE_REFIT = 1.25
"""What a fit on all rows takes, compared with one on the development rows."""


@dataclass(frozen=True)
class Clock:
    """Counts from the moment the command started.

    Args:
        started: ``time.monotonic()`` of the start.
        budget: seconds for everything, from start to finished report.
    """

    started: float
    budget: float

    @property
    def end(self) -> float:
        """``time.monotonic()`` by which everything must be finished."""
        return self.started + self.budget

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds until the end; negative when it is past."""
        return self.end - time.monotonic()

    def closing(
        self, refits: Sequence[float], slots: int, slowness: float = 1.0, kept: bool = False, using: float = 0.0
    ) -> float:
        """Seconds to keep back for ensemble, refits, judgement, explanation, bundle and report.

        Args:
            refits: core seconds of fitting each member of the present ensemble on the development rows.
            slots: how many fits run at a time.
            slowness: how many times slower than foreseen this machine is; a busy one needs more for the rest, too.
            kept: whether those models are there already, so that fitting them on all rows is the only refit.
            using: seconds that the models take to predict what is asked of them in the end.
        """
        # Explanations and checks of the model are worth a twelfth of a budget that has room for them.
        asked = 0.08 * max(0.0, self.budget - SHORT)
        fixed = min(3.5 + 0.02 * self.budget + asked, 0.25 * self.budget)
        fixed = min(fixed * math.sqrt(max(1.0, slowness)) + using, 0.35 * self.budget)
        fits = sum(refits) / slots
        most = max(refits, default=0.0)
        if kept:
            refitting = min(WHOLE_REFIT * max(fits, most), self.budget / 4)
        else:
            # Fitting once more on all rows goes on beside the judgement; that is worth a sixth of the budget, no more.
            once, twice = max(fits, most), max((1 + WHOLE_REFIT) * fits, WHOLE_REFIT * most)
            worth = self.budget / 6 if WHOLE_REFIT * min(refits, default=0.0) <= self.budget / 6 else 0.0
            refitting = min(twice, once + worth)
        return min(fixed + 1.2 * refitting, LONGEST_CLOSING * self.budget)

    def search_end(
        self, refits: Sequence[float], slots: int, slowness: float = 1.0, kept: bool = False, using: float = 0.0
    ) -> float:
        """``time.monotonic()`` at which searching must stop so that the rest ends in time; see :meth:`closing`."""
        return self.end - self.closing(refits, slots, slowness, kept, using)
