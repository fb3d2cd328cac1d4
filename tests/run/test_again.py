"""Which members are fitted once more on all rows, and how often."""

from __future__ import annotations

import time
from concurrent.futures import Future
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.again import COPIES, Again, _in_spare_time, copies
from modelwright.clock import Clock
from modelwright.recipe import Recipe, Use
from modelwright.step import Failure, Outcome


def refitter(left, limited=False, truncated=(), **seconds):
    """A stand-in for the refitter of models that were fitted in so many seconds, with a minute's clock."""
    usable = {
        number: SimpleNamespace(
            recipe=Recipe(Use(name)), fit_seconds=spent, truncated=name in truncated, slug=name, number=number
        )
        for number, (name, spent) in enumerate(seconds.items(), 1)
    }
    lost = []
    return SimpleNamespace(
        usable=usable,
        limited=limited,
        fitted=dict.fromkeys(usable, outcome("judged")),
        clock=Clock(time.monotonic() + left - 60.0, 60.0),
        prepared=SimpleNamespace(protocol=SimpleNamespace(n_development=90, n_holdout=10, gap="", single_split=False)),
        evaluator=SimpleNamespace(engine=SimpleNamespace(slots=2), fidelity=SimpleNamespace(sampled=False)),
        one_fit=lambda experiment: experiment.fit_seconds,
        seconds=lambda experiment, rows: experiment.fit_seconds * rows / 100,
        lost=lambda number, outcome: lost.append(number),
        told_lost=lost,
    )


def outcome(name, *, ok=True, truncated=False):
    failure = None if ok else Failure("timeout", "it took too long")
    return Outcome("done" if ok else "failed", 1.0, {"model": name}, truncated=truncated, failure=failure)


class Fit(Future):
    """A fit that has ended, or goes on until it is stopped."""

    def __init__(self, ended=None):
        super().__init__()
        if ended is not None:
            self.set_result(ended)

    def cancel(self):
        if self.done():
            return False
        self.set_result(outcome("stopped", ok=False))
        return True


def chosen(refitter):
    return SimpleNamespace(weights=dict.fromkeys(refitter.usable, 1 / len(refitter.usable)))


def test_a_slow_member_does_not_keep_the_others_out():
    some = refitter(30.0, catboost=100.0, ridge=1.0, extra_trees=2.0)
    assert _in_spare_time(some, chosen(some)) == [(3, 0), (2, 0)]
    assert _in_spare_time(refitter(1.0, ridge=1.0), chosen(refitter(1.0, ridge=1.0))) == []


def test_chance_is_averaged_out_when_every_member_has_been_fitted():
    some = refitter(50.0, lightgbm=1.0, ridge=1.0, extra_trees=1.0)
    fits = _in_spare_time(some, chosen(some))
    assert fits == [(1, 0), (2, 0), (3, 0), *((1, copy) for copy in range(1, COPIES))]
    assert copies(refitter(50.0, limited=True, lightgbm=1.0), 1) == 1, "a limit on speed was kept by one fit"


@pytest.mark.parametrize("cut", [False, True])
def test_fits_that_came_to_nothing_leave_what_there_is(cut):
    some = refitter(50.0, truncated=("lightgbm",) if cut else (), lightgbm=1.0, ridge=1.0)
    again = Again(some, chosen(some))
    ended = {(1, 0): outcome("a"), (1, 1): outcome("b", truncated=True), (2, 0): outcome("c", ok=False)}
    again.futures = {fit: Fit(made) for fit, made in ended.items()}
    made = again.wait(None)
    assert made.refits == {1: 2 if cut else 1, 2: 0}
    assert [fit.artefacts["model"] for fit in made.models[2]] == ["judged"]
    assert some.told_lost == ([2] if cut else [1, 2])
    assert not made.whole and "1 of its 2 members could not be refitted" in made.note


def test_what_has_not_ended_when_putting_together_must_begin_is_given_up():
    some = refitter(50.0, lightgbm=1.0, ridge=1.0)
    again = Again(some, chosen(some))
    again.futures = {(1, 0): Fit(outcome("a")), (2, 0): Fit()}
    made = again.wait(time.monotonic() - 1.0)
    assert made.refits == {1: 1, 2: 0}
    assert [fit.artefacts["model"] for fit in made.models[2]] == ["judged"]
    assert some.told_lost == [2]


@given(st.lists(st.floats(0.01, 40.0), min_size=1, max_size=6), st.floats(0.0, 10.0), st.integers(1, 4))
def test_heavier_members_never_let_the_search_go_on_for_longer(refits, more, slots):
    clock = Clock(0.0, 60.0)
    end = clock.search_end(refits, slots)
    heavier = clock.search_end([*refits[:-1], refits[-1] + more], slots)
    worth = 60.0 / 6  # what fitting once more may take is dropped at once where none fits into it
    assert heavier <= end + 1.2 * worth
    assert 0.4 * 60.0 <= end <= 60.0


def test_fits_a_little_longer_move_the_end_of_the_search_a_little():
    ends = [Clock(0.0, 60.0).search_end([2.0, 3.0, seconds], 2) for seconds in (5.0, 5.5, 6.0, 6.5, 7.0)]
    assert all(-3.0 < later - earlier <= 0.0 for earlier, later in pairwise(ends))
