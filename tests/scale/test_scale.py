"""Large data: on how many rows models are fitted, which rows those are, and what a run says of it."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright import closing, preparation, run
from modelwright import fidelity as fidelities
from modelwright.actions import predicted_seconds
from modelwright.evaluation import Evaluator
from modelwright.executors.inline import Inline
from modelwright.extent import Extent, extent
from modelwright.fidelity import LEAST_ROWS, Fidelity, ladder, most_in_memory, most_rows
from modelwright.plan import Experiment, Plan
from modelwright.policy.climbing import climb, topmost
from modelwright.policy.made import Seen
from modelwright.profile import Column, Profile
from modelwright.protocol import Protocol, Score
from modelwright.recipe import Recipe, Setting, Use
from modelwright.request import Request
from modelwright.sampling import LEAST_OF_A_CLASS, moments_of, sample_rows
from modelwright.state import fold
from modelwright.stores.folder import Folder
from modelwright.table import Field, Schema

BINARY = Setting("binary", 2)


# ── how many rows ────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(
    rows=st.integers(10, 10**8),
    columns=st.integers(1, 2_000),
    parts=st.integers(1, 8),
    seconds=st.floats(20, 86_400),
    slots=st.integers(1, 64),
    memory=st.sampled_from([0, 2**30, 2**36]),
)
def test_every_ladder_can_be_climbed_and_ends(rows, columns, parts, seconds, slots, memory):
    found = ladder(rows, Extent(columns), parts, BINARY, seconds=seconds, slots=slots, memory=memory)
    assert list(found.rungs) == sorted(set(found.rungs))
    assert all(0 < rung < rows and rung <= found.most for rung in found.rungs)
    climbed, at = [], found.first
    while at is not None:
        climbed.append(at)
        try:
            at = found.after(at)
        except LookupError:
            assert not found.whole
            break
    assert tuple(climbed) == found.rungs
    if not found.rungs:
        assert rows <= found.most or rows <= LEAST_ROWS
    with pytest.raises(LookupError):
        found.after(None)


def test_small_data_knows_no_ladder_and_large_data_begins_within_seconds():
    assert not ladder(8_000, Extent(30), 5, BINARY, seconds=60, slots=2).sampled
    large = ladder(3_000_000, Extent(30), 1, BINARY, seconds=300, slots=2)
    assert LEAST_ROWS <= large.rungs[0] <= 150_000
    assert not large.whole
    # More time, more rows; wider rows, fewer.
    more = ladder(3_000_000, Extent(30), 1, BINARY, seconds=3_000, slots=2)
    assert more.rungs[0] > large.rungs[0]
    assert ladder(3_000_000, Extent(300), 1, BINARY, seconds=300, slots=2).rungs[0] < large.rungs[0]
    assert (
        most_rows(Extent(30), BINARY, seconds=300, slots=2)
        < 10**7
        < most_rows(Extent(30), BINARY, seconds=3_600, slots=2)
    )


def test_reading_texts_is_foreseen_and_slows_nothing_else_down():
    profile = Profile(5_000, (Column("n", "numeric"), Column("told", "text", lengths=(30.0, 25.0, 90.0))), "n")
    plain, told = (Schema((Field("n", "numeric"), Field("told", kind))) for kind in ("numeric", "text"))
    few, many = extent(plain, profile, 12), extent(told, profile, 12)
    assert few == Extent(2, scores=12) and many.words == 30.0 and many.columns > few.columns + 12
    setting = Setting("multiclass", 12)
    prior, boosting = Recipe(Use("baseline_prior")), Recipe(Use("lightgbm"))
    reading = predicted_seconds(prior, 5_000, many, setting) - predicted_seconds(prior, 5_000, few, setting)
    assert reading > 1.0, "so what a baseline takes to read them isn't taken for a slow machine"
    of_many, classes = extent(told, profile, 200), Setting("multiclass", 200)
    alone = replace(of_many, words=0.0)
    scored = predicted_seconds(prior, 5_000, of_many, classes) - predicted_seconds(prior, 5_000, alone, classes)
    assert scored < 0.7 * reading, "of so many classes texts aren't scored for any"
    wide = replace(many, words=0.0)
    assert predicted_seconds(boosting, 5_000, many, setting) == pytest.approx(
        predicted_seconds(boosting, 5_000, wide, setting) + reading, abs=0.1
    )


def test_no_fit_gets_more_rows_than_there_is_memory_for():
    memory = 30 * 48 * 50_000
    assert most_in_memory(30, memory) == 50_000
    assert max(ladder(10**6, Extent(30), 1, BINARY, seconds=10**6, slots=2, memory=memory).rungs) <= 50_000


# ── which rows ───────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(st.integers(0, 3_000), st.integers(1, 2_000), st.integers(0, 4), st.integers(0, 5))
def test_a_sample_is_a_part_of_the_rows_with_its_share_of_every_class(count, limit, n_classes, seed):
    classes = np.random.default_rng(seed).integers(0, n_classes, count) ** 2 if n_classes else None
    picked = sample_rows(count, limit, seed=seed, classes=classes)
    assert (np.diff(picked) > 0).all()
    assert not len(picked) or (picked[0] >= 0 and picked[-1] < count)
    assert picked.tolist() == sample_rows(count, limit, seed=seed, classes=classes).tolist()
    if classes is None or count <= limit:
        assert len(picked) == min(count, limit)
        return
    for code, size in enumerate(np.bincount(classes)):
        wanted = min(size, max(round(limit * size / count), LEAST_OF_A_CLASS))
        assert abs((classes[picked] == code).sum() - wanted) <= 1


def test_with_times_the_latest_rows_are_taken_and_those_of_unknown_time_last():
    stamps = pd.to_datetime(["2024-01-03", None, "2024-01-01", "2024-01-02", "2024-01-04"])
    times = moments_of(pd.DataFrame({"at": stamps}), "at")
    assert sample_rows(5, 3, seed=0, times=times).tolist() == [0, 3, 4]
    assert sample_rows(5, 4, seed=0, times=times).tolist() == [0, 2, 3, 4]
    assert moments_of(pd.DataFrame({"at": stamps}), None) is None


def test_rows_of_folds_are_counted_with_the_gaps_between_them():
    protocol = Protocol("time", "time", 2, 1, True, "roc_auc", 8, 2, "", "", "")
    folds = np.array([[0, 0, 0, 0, 1, 1, 2, 2], [1, 1, 1, 2, 2, 2, 3, 3]], dtype=np.int16)
    bench = Evaluator(None, SimpleNamespace(protocol=protocol, n_classes=2), np.zeros(8), folds)
    assert bench.validated.tolist() == [4, 5, 6, 7]
    assert bench.forecasts.training_rows() == (3 + 6) // 2
    assert bench.forecasts.training_rows(4) == 4
    spread = bench.spread(np.arange(4.0))
    assert np.isnan(spread[:4]).all()
    assert spread[4:].tolist() == [0, 1, 2, 3]


# ── which experiment goes on ─────────────────────────────────────────────────────────────────────────────────────


def finished(number: int, score: float, rows: int | None, name: str = "") -> Experiment:
    plan = Plan(name or f"model-{number}", Use("lightgbm", {"num_leaves": 10 + number}), max_train_rows=rows)
    return Experiment(
        number, plan, "done", plan.recipe, Score("roc_auc", score, 100), oof="x", train_rows=rows or 9_000
    )


def test_the_best_third_of_each_rung_go_on_and_each_but_once():
    steps = Fidelity((100, 400), whole=True)
    seen = [finished(1, 0.7, 100), finished(2, 0.9, 100)]
    assert climb(steps, [e.plan for e in seen], Seen(tuple(seen), {})) is None
    seen.append(finished(3, 0.8, 100))
    plan = climb(steps, [e.plan for e in seen], Seen(tuple(seen), {}))
    assert (plan.parent, plan.max_train_rows, plan.recipe) == ("02-model-2", 400, seen[1].recipe)
    assert climb(steps, [*(e.plan for e in seen), plan], Seen(tuple(seen), {})) is None
    # Three on the second rung: the best of them gets all rows, before anything else goes on from below.
    seen += [replace(finished(n, s, 400), plan=replace(plan, name=f"b{n}")) for n, s in ((4, 0.6), (5, 0.7), (6, 0.5))]
    best = climb(steps, [e.plan for e in seen[:3]], Seen(tuple(seen), {}))
    assert (best.parent, best.max_train_rows) == ("05-b5", None)
    assert climb(Fidelity(), [], Seen(tuple(seen), {})) is None


def test_of_one_recipe_only_the_fit_on_the_most_rows_counts():
    few, many = finished(1, 0.9, 100), replace(finished(1, 0.8, 400), number=2)
    assert list(topmost({1: few, 2: many, 3: finished(3, 0.7, 100)})) == [2, 3]
    assert list(topmost({1: few, 2: replace(many, truncated=True)})) == [1]


# ── a whole run ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """A run on 4,000 rows that takes them for many: kept are 3,000, compared is on 250 and 1,000, fitted on 1,500."""
    importlib.import_module("catboost")  # here two threads share one process: neither may meet it half imported
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("sampled")
    patch.setattr(fidelities, "ladder", lambda *a, **k: Fidelity((250, 1_000), whole=False, most=1_500))
    patch.setattr(preparation, "most_rows", lambda *a, **k: 3_000)
    patch.setattr(closing, "all_analyses", dict)  # they have tests of their own
    patch.setattr(run, "workers", lambda request, folder: Inline(folder / "artefacts"))
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=4_000), rng.choice(["north", "south", "west"], 4_000)
    signal = x + 0.8 * (c == "north") + rng.normal(0, 0.6, 4_000)
    frame = pd.DataFrame({"x": x, "c": c, "left": np.where(signal > 1.2, "yes", "no")})
    asked = Request("Who left?", "<frame>", target="left", max_experiments=7, time_budget=600.0)
    try:
        summary = run.start(asked, folder / "run", source=frame)
    finally:
        patch.undo()
    store = Folder(folder / "run", readonly=True)
    try:
        return summary, list(store.events()), folder / "run"
    finally:
        store.close()


def test_a_run_compares_on_samples_climbs_and_says_on_how_many_rows_it_fitted(sampled):
    summary, events, folder = sampled
    done = list(fold(iter(events)).experiments.values())
    assert {e.plan.max_train_rows for e in done} == {250, 1_000}
    assert all(abs(e.train_rows - e.plan.max_train_rows) <= 2 for e in done if e.status == "done")
    climbed = [e for e in done if e.plan.by == "climb"]
    assert len({e.recipe.digest for e in climbed}) == len(climbed) > 0
    assert summary["rows"] == 4_000
    assert any("Of 4,000 labelled rows 3,000 were used, drawn at random" in w for w in summary["warnings"])
    report = (folder / "report.md").read_text("utf-8")
    assert "fitted on 1,500 of the" in report.replace("\xa0", " ")
    assert summary["holdout"]["score"] > 0.8


def test_samples_belong_to_a_steps_identity(sampled):
    _, events, _ = sampled
    fits = [e.body["key"] for e in events if e.kind == "step" and e.body["stage"] == "fit"]
    assert len(set(fits)) == len(fits)


def test_each_member_and_the_baseline_are_fitted_once_more_and_never_on_the_sealed_rows(sampled):
    _, events, _ = sampled
    members = next(e.body["choice"]["weights"] for e in events if e.kind == "ensemble_chosen")
    stages = [e.body["stage"] for e in events if e.kind == "step"]
    assert stages.count("refit") == len(members) + 1
    assert "refit on all rows" not in stages
