"""Members fitted once more, on all rows: what is delivered may know the sealed rows as soon as it has been judged."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

from modelwright.choosing import Choice
from modelwright.estimators import all_estimators
from modelwright.refitting import Refitter, finishing
from modelwright.step import Outcome

COPIES = 3
"""Models of one member where chance has a part in each fit: most of what averaging brings, at a small price in use."""
UNFORESEEN = 1.3
"""How many times its forecast a refit beside others may take."""

FOR_COPIES = 0.7
"""Share of the time for all of it that further copies may be fitted in: what explains the model comes after them."""


@dataclass(frozen=True)
class Refitted:
    """What is put together.

    Args:
        models: the fits of each member, whose predictions are averaged.
        refits: how many of them were made on all rows; 0 for a member that is delivered as it was judged.
        note: what exactly was fitted on which rows.
        whole: whether all that was wanted could be fitted.
    """

    models: Mapping[int, tuple[Outcome, ...]]
    refits: Mapping[int, int]
    note: str
    whole: bool


@dataclass
class Again:
    """A choice's members on their way of being fitted once more, on all rows.

    The figures stay those of the judged model, which knew fewer rows. Where chance has a part in a fit, several with
    other seeds are averaged, which errs less than any of them (Breiman, "Bagging predictors", Machine Learning 1996).

    Args:
        refitter: who fits them.
        choice: whose members they are.
        futures: the fits by number and copy; none when there was no time for them.
        later: whose fits haven't begun yet.
    """

    refitter: Refitter
    choice: Choice
    futures: dict[tuple[int, int], Future[Outcome]] = field(default_factory=dict)
    later: list[tuple[int, int]] = field(default_factory=list)

    def begin(self, count: int | None = None) -> None:
        """Begin the next fits, so many or all that are left."""
        refitter = self.refitter
        for number, copy in self.later[:count]:
            seconds = max(1.0, refitter.clock.left() - finishing(refitter.clock))
            fit = refitter.submit(refitter.usable[number], seconds=seconds, sealed=True, copy=copy)
            self.futures[number, copy] = fit
        self.later = [fit for fit in self.later if fit not in self.futures]

    def cancel(self) -> None:
        """Stop the fits that haven't ended."""
        self.later = []
        for future in self.futures.values():
            future.cancel()

    def wait(self, until: float | None) -> Refitted:
        """What came of the fits; a member of which none could be made is taken as it was judged.

        Args:
            until: ``time.monotonic()`` after which what hasn't ended is given up; ``None`` for never.
        """
        wait(self.futures.values(), None if until is None else max(0.0, until - time.monotonic()))
        self.cancel()
        found: dict[int, list[Outcome]] = {n: [] for n in self.choice.weights}
        for (number, _), future in self.futures.items():
            outcome = future.result()
            if outcome.ok and (not outcome.truncated or self.refitter.usable[number].truncated):
                found[number].append(outcome)
            else:
                self.refitter.lost(number, outcome)
        models = {n: tuple(fits) or (self.refitter.fitted[n],) for n, fits in found.items()}
        refits = {n: len(fits) for n, fits in found.items()}
        if self.refitter.evaluator.fidelity.sampled:
            return Refitted(models, refits, self.refitter.told(self.choice), whole=True)
        whole = all(count >= copies(self.refitter, n) for n, count in refits.items())
        return Refitted(models, refits, self._told(refits), whole)

    def _told(self, refits: Mapping[int, int]) -> str:
        protocol = self.refitter.prepared.protocol
        rows = protocol.n_development + protocol.n_holdout
        known = f"the {protocol.n_development:,} development rows"
        if protocol.single_split and (fewest := self.refitter.fewest(self.choice)):
            known = f"{fewest:,} of {known}, as it was compared with others"
        judged = f"The judged model was fitted on {known}"
        judged += f" but those whose target looks into the sealed ones ({protocol.gap})." if protocol.gap else "."
        again = sum(count > 0 for count in refits.values())
        if not again:
            why = "refitting it took too long" if self.futures else "there was no time to refit it"
            return f"{judged} It is delivered as it was judged: {why}."
        note = (
            f"{judged} The delivered model has the same recipe, fitted once more on all {rows:,} rows, the judged ones "
            "included; the figures are those of the judged model."
        )
        most = max(refits.values())
        if most > 1:
            note += f" Where chance has a part in a fit, up to {most} with different seeds are averaged."
        if again < len(refits):
            note += f" {len(refits) - again} of its {len(refits)} members could not be refitted in time."
        return note


def on_all_rows(refitter: Refitter, choice: Choice, refits: Mapping[int, int] | None = None) -> Again:
    """Begin to fit members once more on all rows, the sealed ones too, as far as there is time.

    One worker is left to the judgement, which is the sooner there; :meth:`Again.begin` begins the rest beside it.

    Args:
        refitter: who fits them.
        choice: whose members they are.
        refits: how many times each is fitted, where that is settled.
    """
    again = Again(refitter, choice)
    if not refitter.evaluator.fidelity.sampled:
        settled = None if refits is None else [(n, copy) for n, count in refits.items() for copy in range(count)]
        again.later = _in_spare_time(refitter, choice) if settled is None else settled
        again.begin(max(1, refitter.evaluator.engine.slots - 1))
    return again


def copies(refitter: Refitter, number: int) -> int:
    """How many models of a member are wanted: one where chance has no part in it, or speed or size is limited."""
    recipe = refitter.usable[number].recipe
    member = None if recipe is None else all_estimators().get(recipe.estimator.action)
    return COPIES if member is not None and member.varies and not refitter.limited else 1


def _in_spare_time(refitter: Refitter, choice: Choice) -> list[tuple[int, int]]:
    """The members, and which of their copies, that can be fitted on all rows, too, in the order to begin them.

    Fits on the development rows that are still under way go first. Where there isn't time for all members, those are
    taken that say most for their seconds; copies come after all of them.
    """
    protocol = refitter.prepared.protocol
    rows = protocol.n_development + protocol.n_holdout
    spare = (refitter.clock.left() - finishing(refitter.clock)) / UNFORESEEN
    slots = refitter.evaluator.engine.slots
    under_way = [refitter.one_fit(refitter.usable[n]) for n in choice.weights if n not in refitter.fitted]
    fits = {n: refitter.seconds(refitter.usable[n], rows) for n in choice.weights}
    worth = sorted(fits, key=lambda n: -choice.weights[n] / max(fits[n], 1e-3))
    chosen: list[tuple[int, int]] = []
    for number, copy in ((n, c) for c in range(COPIES) for n in worth if c < copies(refitter, n)):
        wanted = [*chosen, (number, copy)]
        if _makespan([*under_way, *(fits[n] for n, _ in wanted)], slots) <= (FOR_COPIES if copy else 1.0) * spare:
            chosen = wanted
    return sorted(chosen, key=lambda fit: (fit[1], -fits[fit[0]], fit[0]))


def _makespan(seconds: Sequence[float], slots: int) -> float:
    """When the last of some fits ends, the longest ones being begun first."""
    busy = [0.0] * slots
    for each in sorted(seconds, reverse=True):
        busy[busy.index(min(busy))] += each
    return max(busy)
