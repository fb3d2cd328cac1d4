"""A run's memory: what doesn't fit isn't started, what comes over the limit is stopped, and it is told."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelwright.actions import predicted_bytes
from modelwright.errors import RequestError
from modelwright.estimators import all_estimators
from modelwright.executors import HOST, LEAST, SHARED, apportioned
from modelwright.executors.local import Local
from modelwright.places import find
from modelwright.recipe import Recipe, Setting, Use
from modelwright.state import fold
from modelwright.step import Failure, Limits, Step
from modelwright.testing.executors import HERE, PATIENCE, failure_of


def test_a_limit_is_divided_among_steps_and_keeps_room_for_the_rest():
    for limit in range(HOST + LEAST, 8 << 30, 123 << 20):
        slots, memory = apportioned(limit, 4)
        assert 1 <= slots <= 4
        assert memory - SHARED >= LEAST
        assert HOST + slots * (memory - SHARED) <= limit
    assert apportioned(8 << 30, 4)[0] == 4
    assert apportioned(800 << 20, 4)[0] == 1
    with pytest.raises(RequestError, match="at least"):
        apportioned(300 << 20, 4)


def test_forecasts_grow_with_rows_and_are_known_for_every_estimator():
    setting = Setting("binary", 2)
    for name in all_estimators():
        sizes = [predicted_bytes(Recipe(Use(name)), rows, 20, setting) for rows in (1_000, 100_000, 10_000_000)]
        assert 0 < sizes[0] < sizes[1] < sizes[2], name


def test_the_largest_step_goes_when_the_run_comes_to_its_limit(tmp_path):
    with Local(2, tmp_path, 2 << 30, preload=[HERE], later=[], limit=700 << 20) as executor:

        def hog(size: int):
            return executor.submit(Step(f"{HERE}:hog", 1, {"size": size}), Limits(seconds=PATIENCE))

        small, large = hog(60 << 20), hog(2 << 30)
        failure = failure_of(large.result(PATIENCE))
        assert failure.kind == "memory"
        assert "the run had come to its memory limit" in failure.message
        assert not small.done()
        small.cancel()


RUN = """
import sys
import numpy as np
import pandas as pd
from modelwright import closing, run
from modelwright.request import Request
closing.all_analyses = dict  # they have tests of their own
rng = np.random.default_rng(0)
table = pd.DataFrame(rng.normal(size=(6_000, 4)).round(3), columns=list("abcd"))
table["left"] = np.where(table.a * table.b + 0.5 * table.c + rng.normal(0, 0.8, 6_000) > 0.3, "yes", "no")
asked = Request(
    "<frame>", "Who left?", target="left", max_experiments=4, time_budget=300.0, memory_limit=int(sys.argv[2]),
    constraints="## Models\\n- only extra_trees\\n",
)
run.start(asked, sys.argv[1], source=table)
"""
"""The host's memory counts, too, so it is a process of its own: this one holds what other tests left behind."""


@pytest.mark.slow
def test_a_run_within_the_least_memory_delivers_and_says_what_had_no_place(tmp_path):
    subprocess.run([sys.executable, "-c", RUN, str(tmp_path / "run"), str(HOST + LEAST)], check=True)
    records = find(tmp_path / "run").records()
    state = fold(records)
    (refused,) = [f for e in state.experiments.values() for f in e.failures]
    assert refused.error_type == "NotStarted" and "extra_trees wasn't started: on 3,840 rows" in refused.message
    told = "1 fit(s) weren't started, since by forecast they had no place in the memory limit of 540 MiB."
    assert told in (tmp_path / "run" / "report.md").read_text("utf-8").replace("\xa0", " ")
    steps = [r.body for r in records if r.kind == "step"]
    assert {s["status"] for s in steps} == {"done"}
    assert all(s["peak_memory"] <= SHARED + LEAST for s in steps)
    assert state.delivery is not None and len(state.experiments) == 4


def test_what_was_not_started_is_told():
    from types import SimpleNamespace

    from modelwright.story import _not_started

    refused = Failure("memory", "m", "NotStarted")
    experiments = [SimpleNamespace(failures=(refused,)), SimpleNamespace(failures=(Failure("memory", "m"),))]
    (said,) = _not_started(experiments, 800 << 20)
    assert said.startswith("1 fit(s)") and "800 MiB" in said
    assert _not_started(experiments[1:], 0) == []
