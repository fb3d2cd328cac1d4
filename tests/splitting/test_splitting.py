from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import DataError
from modelwright.problem import Known, Problem
from modelwright.protocol import Signal
from modelwright.splitting import Split, divide, fold_rows, seal
from modelwright.table import Field, Schema
from modelwright.units import come_back, deal

SCHEMA = Schema(
    (
        Field("a", "numeric"),
        Field("b", "category"),
        Field("when", "datetime"),
        Field("who", "category"),
        Field("answer", "category"),
    )
)


def problem(
    task: str = "binary",
    classes: tuple[str, ...] = ("no", "yes"),
    time: str | None = None,
    group: str | None = None,
    excluded: tuple[str, ...] = ("when", "who"),
) -> Problem:
    def known(value: Any) -> Known[Any]:
        return Known(value, "inferred", "")

    metric = "rmse" if task == "regression" else "log_loss"
    roles = (known(time), known(group), known(()), known(excluded))
    return Problem("", known("answer"), known(task), known(metric), *roles, () if task == "regression" else classes)


def split_of(
    frame: pd.DataFrame, schema: Schema, asked: Problem, y: np.ndarray, *, seed: int, test_rows=None, **how: Any
) -> Split:
    return divide(seal(frame, schema, asked, y, seed=seed, test_rows=test_rows), asked, seed=seed, **how)


def data(n: int, seed: int = 0, copies: float = 0.0, groups: int = 10, moments: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": pd.Categorical(rng.choice(["x", "y", None], n)),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, moments, n), "D"),
            "who": pd.Categorical(rng.integers(0, groups, n).astype(str)),
        }
    )
    repeated = rng.random(n) < copies
    source = rng.integers(0, n, n)
    frame.loc[repeated, ["a", "b"]] = frame.loc[source[repeated], ["a", "b"]].to_numpy()
    frame["a"] = frame["a"].astype(float)
    return frame


def row_keys(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    return np.array([repr(row) for row in frame[columns].itertuples(index=False)])


def target(frame: pd.DataFrame, classes: int, seed: int = 0) -> np.ndarray:
    """A class for each row, the same for copies, every class at least twice."""
    rng = np.random.default_rng(seed)
    keys = pd.factorize(row_keys(frame, ["a", "b"]))[0]
    y = rng.choice(classes, keys.max() + 1, p=np.arange(classes, 0, -1) / sum(range(classes + 1)))
    y[: 2 * classes] = np.arange(2 * classes) % classes
    return y[keys]


@pytest.mark.parametrize(
    ("n", "classes", "folds"), [(1_000, 2, 5), (30_000, 2, 3), (8_000, 10, 3), (5_000, 7, 5), (1_500, 60, 3)]
)
def test_where_time_is_short_and_fits_are_long_there_are_fewer_folds(n, classes, folds):
    frame, y = data(n), np.arange(n) % classes
    asked = problem("binary" if classes == 2 else "multiclass", tuple(f"c{i:02}" for i in range(classes)))
    assert split_of(frame, SCHEMA, asked, y, seed=0, seconds=60).protocol.folds == folds


@pytest.mark.parametrize(
    ("seconds", "signal", "single"),
    [
        (60, Signal(0.8, 4.0), True),
        (60, Signal(0.3, 3.0), True),
        (600, Signal(0.8, 4.0), False),  # there is time for folds
        (60, None, False),  # nobody knows
        (60, Signal(0.05, 3.0), False),  # hardly anything to tell models apart by
        (60, Signal(0.99, 60.0), False),  # a few rows make most of the error
        (60, Signal(-0.1, 3.0), False),
    ],
)
def test_where_folds_leave_too_little_time_one_part_does_if_it_tells_models_apart(seconds, signal, single):
    frame = data(12_000)
    split = split_of(frame, SCHEMA, problem(), np.arange(len(frame)) % 2, seed=0, seconds=seconds, signal=signal)
    assert split.protocol.single_split == single
    assert single == ("which tells models apart" in split.protocol.reason)
    if single:
        assert len(fold_rows(split.assignment, 0, 1, True)[1]) == pytest.approx(0.2 * len(split.development), rel=0.02)


def check(split: Split, frame: pd.DataFrame, y: np.ndarray, asked: Problem) -> None:
    """What must hold of every division that isn't given by the user."""
    rows = np.arange(len(frame))
    assert sorted([*split.development, *split.holdout]) == rows.tolist()
    assert (np.diff(split.development) > 0).all()
    assert (np.diff(split.holdout) > 0).all()
    assert len(split.holdout)
    protocol = split.protocol
    assert split.assignment.dtype == np.int16
    assert split.assignment.shape == (protocol.repeats, len(split.development))
    assert (protocol.n_development, protocol.n_holdout) == (len(split.development), len(split.holdout))
    columns = ["a", "b", *(c for c in (asked.time_column.value, asked.group_column.value) if c)]
    keys = row_keys(frame, columns)
    together = [keys]
    if protocol.folds_by == "group":
        together.append(frame[asked.group_column.value].astype(str).to_numpy())
    for units in together:
        assert not set(units[split.holdout]) & set(units[split.development])
    validated = np.zeros((protocol.repeats, len(split.development)), dtype=int)
    for repeat, fold in protocol.parts():
        train, valid = fold_rows(split.assignment, repeat, fold, protocol.forward)
        assert len(train)
        assert len(valid)
        assert not set(train) & set(valid)
        validated[repeat, valid] += 1
        for units in together:
            kept = units[split.development]
            assert not set(kept[train]) & set(kept[valid])
        if protocol.folds_by == "time":
            times = frame[asked.time_column.value].to_numpy()[split.development]
            assert times[train].max() < times[valid].min()
    assert (validated <= 1).all()
    if not protocol.forward:
        assert (validated == 1).all()
    if protocol.holdout == "time":
        times = frame[asked.time_column.value].to_numpy()
        assert times[split.development].max() < times[split.holdout].min()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(20, 400),
    seed=st.integers(0, 1000),
    copies=st.sampled_from([0.0, 0.1, 0.6]),
    kind=st.sampled_from(["plain", "group", "time", "both"]),
    classes=st.integers(0, 5).filter(lambda k: k != 1),
)
def test_rows_that_belong_together_stay_together(n: int, seed: int, copies: float, kind: str, classes: int) -> None:
    frame = data(n, seed, copies)
    time = "when" if kind in ("time", "both") else None
    group = "who" if kind in ("group", "both") else None
    task = {0: "regression", 2: "binary"}.get(classes, "multiclass")
    asked = problem(task, tuple("abcde"[:classes]), time, group)
    y = target(frame, classes, seed) if classes else frame["a"].to_numpy() * 2
    split = split_of(frame, SCHEMA, asked, y, seed=seed)
    check(split, frame, y, asked)
    again = split_of(frame.copy(), SCHEMA, asked, y.copy(), seed=seed)
    assert again.protocol == split.protocol
    assert (again.assignment == split.assignment).all()
    assert (again.holdout == split.holdout).all()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(30, 500), seed=st.integers(0, 1000), classes=st.integers(2, 12))
def test_every_class_is_learnt_from_and_spread_evenly(n: int, seed: int, classes: int) -> None:
    frame = data(n, seed)
    y = np.random.default_rng(seed).choice(classes, n, p=np.arange(classes, 0, -1) / sum(range(classes + 1)))
    y[: 3 * min(classes, n // 3)] = np.arange(3 * min(classes, n // 3)) % classes
    task = "binary" if classes == 2 else "multiclass"
    split = split_of(frame, SCHEMA, problem(task, tuple("abcdefghijkl"[:classes])), y, seed=seed)
    kept = y[split.development]
    for code in range(classes):
        total = (y == code).sum()
        if total >= 3:
            assert (kept == code).sum() >= 2
            assert (y[split.holdout] == code).sum() >= 1
    learnable = set(np.flatnonzero(np.bincount(kept) > 1))
    for repeat, fold in split.protocol.parts():
        train, valid = fold_rows(split.assignment, repeat, fold, False)
        assert learnable <= set(kept[train])
        for code in range(classes):
            share = (kept == code).sum() / split.protocol.folds
            assert abs((kept[valid] == code).sum() - share) <= 1.5
    sizes = np.bincount(split.assignment[0])
    assert sizes.max() - sizes.min() <= max(3, 0.2 * sizes.mean())


def test_the_sizes_follow_the_rows() -> None:
    expected = {
        100: (30, 5, 3, False),
        1_000: (200, 8, 1, False),
        10_000: (2_000, 5, 1, False),
        100_000: (10_000, 3, 1, False),
        300_000: (20_000, 1, 1, True),
    }
    for n, (held, folds, repeats, forward) in expected.items():
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=n)})
        schema = Schema((Field("a", "numeric"), Field("answer", "category")))
        split = split_of(frame, schema, problem(), (rng.random(n) < 0.4).astype(int), seed=0)
        protocol = split.protocol
        assert protocol.n_holdout == pytest.approx(held, abs=2)
        assert (protocol.folds, protocol.repeats, protocol.forward) == (folds, repeats, forward)
        if forward:
            assert len(fold_rows(split.assignment, 0, 1, True)[1]) == pytest.approx(50_000, abs=2)


def test_a_rare_class_gets_a_larger_holdout() -> None:
    frame = data(3_000)
    y = np.zeros(3_000, dtype=int)
    y[:40] = 1
    split = split_of(frame, SCHEMA, problem(), y, seed=0)
    assert y[split.holdout].sum() >= 10


def test_low_and_high_targets_are_spread() -> None:
    frame = data(600)
    y = np.exp(2 * frame["a"].to_numpy())
    split = split_of(frame, SCHEMA, problem("regression"), y, seed=3)
    top = y >= np.quantile(y, 0.9)
    assert top[split.holdout].mean() == pytest.approx(0.1, abs=0.02)


def test_observations_that_look_alike_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    frame = data(1_000)
    frame["a"], frame["b"] = rng.integers(0, 2, 1_000).astype(float), pd.Categorical(rng.choice(["x", "y"], 1_000))
    y = rng.integers(0, 2, 1_000)
    split = split_of(frame, SCHEMA, problem(), y, seed=0)
    assert split.protocol.n_holdout == pytest.approx(200, abs=2)
    assert any("only 4 different combinations" in w for w in split.protocol.warnings)


def test_a_whole_file_that_was_copied_is_kept_together() -> None:
    frame = pd.concat([data(60)] * 10, ignore_index=True)
    y = np.tile(np.arange(60) % 2, 10)
    asked = problem()
    split = split_of(frame, SCHEMA, asked, y, seed=0)
    check(split, frame, y, asked)
    assert any("540 rows repeat" in w for w in split.protocol.warnings)


def test_rows_that_come_back_by_nature_do_so_between_folds_but_not_across_the_seal() -> None:
    rng = np.random.default_rng(0)
    once = pd.DataFrame({"a": rng.normal(size=1_700), "b": pd.Categorical(rng.choice(["x", "y"], 1_700))})
    frame = pd.concat([once, once.sample(300, random_state=0)], ignore_index=True)
    y = np.tile([0, 1], 1_000)
    y[1_700:] = y[:1_700][once.sample(300, random_state=0).index]
    split = split_of(frame, SCHEMA, problem(), y, seed=0)
    keys = row_keys(frame, ["a", "b"])
    assert not set(keys[split.holdout]) & set(keys[split.development])
    kept, (train, valid) = keys[split.development], fold_rows(split.assignment, 0, 0, False)
    assert set(kept[train]) & set(kept[valid])
    assert any("come back" in w for w in split.protocol.warnings)


def test_a_class_that_was_copied_to_weigh_more_is_kept_together() -> None:
    frame = data(1_600, copies=0.0)
    rare = np.arange(0, 1_600, 16)
    frame = pd.concat([frame, *[frame.iloc[rare]] * 4], ignore_index=True)
    y = np.zeros(len(frame), dtype=int)
    y[rare], y[1_600:] = 1, 1
    split = split_of(frame, SCHEMA, problem(), y, seed=0)
    check(split, frame, y, problem())


def test_rows_without_a_time_are_only_learnt_from() -> None:
    frame = data(300)
    frame.loc[::7, "when"] = pd.NaT
    y = target(frame, 2)
    split = split_of(frame, SCHEMA, problem(time="when"), y, seed=0)
    unknown = np.flatnonzero(frame["when"].isna())
    assert not set(unknown) & set(split.holdout)
    assert (split.assignment[0][np.isin(split.development, unknown)] == 0).all()
    assert any("no time" in w for w in split.protocol.warnings)


def test_rows_without_a_group_stand_for_themselves() -> None:
    frame = data(300)
    frame["who"] = frame["who"].where(np.arange(300) % 3 > 0)
    split = split_of(frame, SCHEMA, problem(group="who"), target(frame, 2), seed=0)
    unknown = frame["who"].isna().to_numpy()
    assert 0 < unknown[split.holdout].sum() < unknown.sum()


def test_a_late_class_moves_the_holdout_back() -> None:
    frame = data(1_000, moments=500).sort_values("when", ignore_index=True)
    y = np.zeros(1_000, dtype=int)
    y[:760:10] = 1
    split = split_of(frame, SCHEMA, problem(time="when"), y, seed=0)
    assert 0.2 < len(split.holdout) / 1_000 < 0.36
    assert y[split.holdout].any()


def test_given_test_rows_are_the_holdout_and_their_copies_are_not_learnt_from() -> None:
    frame = data(200)
    frame.loc[5, ["a", "b"]] = frame.loc[180, ["a", "b"]].to_numpy()
    frame["a"] = frame["a"].astype(float)
    y = target(frame, 2)
    split = split_of(frame, SCHEMA, problem(), y, seed=0, test_rows=np.arange(150, 200))
    assert split.holdout.tolist() == list(range(150, 200))
    assert split.development.tolist() == [i for i in range(150) if i != 5]
    assert split.protocol.holdout == "given"
    assert any(w.startswith("1 rows were left out") for w in split.protocol.warnings)


def test_missing_classes_are_told() -> None:
    frame = data(100)
    y = np.zeros(100, dtype=int)
    y[::2] = 1
    y[3] = 2
    split = split_of(frame, SCHEMA, problem("multiclass", ("a", "b", "rare")), y, seed=0)
    assert 3 in split.development
    text = " ".join(split.protocol.warnings)
    assert "single row to learn from: 'rare'" in text
    assert "says nothing about them: 'rare'" in text


@pytest.mark.parametrize("kind", [{}, {"group": "who"}, {"time": "when"}, {"time": "when", "group": "who"}])
def test_twenty_rows_are_enough(kind: dict[str, str]) -> None:
    frame = data(20, moments=18)
    y = np.arange(20) % 2
    asked = problem(**kind)
    check(split_of(frame, SCHEMA, asked, y, seed=0), frame, y, asked)


def _same(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    return frame.assign(**{k: pd.Categorical([v] * len(frame)) if k in "bwho" else v for k, v in values.items()})


@pytest.mark.parametrize(
    ("frame", "y", "asked", "words"),
    [
        (data(9), np.arange(9) % 2, problem(), "Only 9 rows"),
        (data(50), np.ones(50, dtype=int), problem(), "same value in every row"),
        (_same(data(50), a=1.0, b="x"), np.arange(50) % 2, problem(), "All rows are the same"),
        (data(50, groups=1), np.arange(50) % 2, problem(group="who"), "only 1 different values"),
        (data(50, groups=2), np.arange(50) % 2, problem(group="who"), "only 2 different values"),
        (data(50, moments=2), np.arange(50) % 2, problem(time="when"), "only 2 different values"),
        (
            data(50).sort_values("when", ignore_index=True),
            np.r_[np.zeros(49, dtype=int), 1],
            problem(time="when"),
            "the others all have the same value",
        ),
    ],
)
def test_what_cannot_be_divided_is_said(frame: pd.DataFrame, y: np.ndarray, asked: Problem, words: str) -> None:
    with pytest.raises(DataError, match=words):
        split_of(frame, SCHEMA, asked, y, seed=0)


def test_hostile_columns_are_only_data() -> None:
    frame = data(60).rename(columns={"a": "a\n'; DROP TABLE x; --", "who": "🦊{}%s"})
    schema = Schema((Field("a\n'; DROP TABLE x; --", "numeric"), Field("b", "category"), Field("🦊{}%s", "category")))
    asked = problem(group="🦊{}%s", excluded=())
    split = split_of(frame, schema, asked, np.arange(60) % 2, seed=0)
    assert split.protocol.holdout == "group"


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=3, max_size=120),
    k=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_dealing_keeps_units_whole_and_parts_balanced(sizes: list[int], k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(len(sizes)), sizes)
    strata = rng.integers(0, 3, len(units))
    k = min(k, len(sizes))
    part = deal(strata, units, np.full(k, 1 / k), rng)
    assert all(len(set(part[units == u])) == 1 for u in range(len(sizes)))
    filled = np.bincount(part, minlength=k)
    assert (filled > 0).all()
    assert filled.max() <= len(units) / k + 2 * max(sizes) + 3


def test_repeats_by_nature_are_told_from_copied_files() -> None:
    rng = np.random.default_rng(0)
    natural = np.concatenate([np.arange(1_000), rng.choice(500, 1_500)])
    assert 0.5 < 1 - len(np.unique(natural)) / len(natural) < 0.75
    assert come_back(natural, natural % 2, True)
    assert not come_back(np.tile(np.arange(1_000), 3), np.tile(np.arange(1_000) % 2, 3), True)
