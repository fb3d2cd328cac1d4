"""What is found in planted data, what isn't in sound data, and what is done about it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from modelwright import stages
from modelwright.checking import Effects, decide
from modelwright.checks import Division, Stretch, all_checks
from modelwright.checks._examples import clean, labels, sample_of
from modelwright.engine import Engine
from modelwright.errors import RequestError
from modelwright.evaluation import Evaluator
from modelwright.executors.inline import Inline
from modelwright.finding import Effect, Finding
from modelwright.hashing import plain, restore
from modelwright.journal import Journal
from modelwright.preparation import Prepared, prepare
from modelwright.request import Request
from modelwright.screening import run_checks
from modelwright.stores.memory import Memory


def severity_of(name, frame, y, classes, **details):
    findings, left_out = run_checks(sample_of(frame, y, classes=classes, **details))
    assert not left_out
    return next((f.severity for f in findings if name in f.columns), None)


def sound(seed=0, classes=2, n=1000):
    rng = np.random.default_rng(seed)
    return *clean(rng, n, classes), rng


# ── the target under other names ──


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_copies_of_the_target_are_found_up_to_a_tenth_of_noise(noise, classes):
    frame, y, rng = sound(classes=classes)
    if classes:
        drawn = np.where(rng.random(len(y)) < noise, rng.permutation(y), y)
        frame["copy"] = labels(drawn, [f"k{i}" for i in range(classes)])
    else:
        frame["copy"] = -5 * y + rng.normal(0, 5 * noise * y.std(), len(y))
    found = severity_of("copy", frame, y, classes)
    assert found == ("clear" if noise == 0 else found)
    assert found in ("clear", "suspicious")


@pytest.mark.parametrize("disguise", ["curve", "bins", "text", "date", "rounded"])
def test_a_numeric_target_is_recognised_in_disguise(disguise):
    frame, y, rng = sound(classes=0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(10 * (y - y.min())), unit="h")
    tenths = np.searchsorted(np.quantile(y, np.arange(1, 10) / 10), y)
    frame["copy"] = {
        "curve": np.sinh((y - y.mean()) / y.std()),
        "bins": labels(tenths, list(rng.permutation([f"b{i}" for i in range(10)]))),
        "text": pd.array([f"about {v:.3f} in all" for v in y], dtype="str"),
        "date": pd.DatetimeIndex(days).as_unit("us"),
        "rounded": np.round(y),
    }[disguise]
    assert severity_of("copy", frame, y, 0) == "clear"


def test_a_class_named_in_a_text_is_found():
    frame, y, _ = sound()
    names = np.array(["retained", "churned"])
    frame["copy"] = pd.array([f"note {i}: was {names[c]} then" for i, c in enumerate(y)], dtype="str")
    sample = sample_of(frame, y)
    sample.problem = replace(sample.problem, classes=("retained", "churned"))
    findings, _ = run_checks(sample)
    assert [(f.columns, f.severity) for f in findings if f.severity != "note"] == [(("copy",), "clear")]


def test_a_persistent_series_makes_its_present_value_no_copy():
    rng = np.random.default_rng(3)
    walk = 500 + np.cumsum(rng.normal(size=1201))
    frame = pd.DataFrame({"present": walk[:-1], "other": rng.normal(size=1200)})
    assert severity_of("present", frame, walk[1:], 0) is None


def test_two_good_columns_are_no_leaks_and_neither_is_a_strong_one():
    frame, _, rng = sound(n=2000)
    frame["x"] = rng.normal(size=2000)
    y = (frame["a"] + frame["x"] + 0.3 * rng.normal(size=2000) > 0).to_numpy().astype(np.int64)
    findings, _ = run_checks(sample_of(frame, y))
    assert findings == []


# ── after the event, over the future, in order ──


def test_what_is_recorded_only_after_the_event_is_found():
    frame, _, rng = sound(n=2000)
    event = (rng.random(2000) < 0.05).astype(np.int64)
    later = np.where((event == 1) & (rng.random(2000) < 0.9), rng.gamma(2, 50, 2000), 0.0)
    assert severity_of("later", frame.assign(later=later), event, 2) == "suspicious"
    empty = np.where(event == 1, rng.normal(size=2000), np.nan)
    assert severity_of("later", frame.assign(later=empty), event, 2) == "clear"


@pytest.mark.parametrize(("kind", "expected"), [("ahead", "clear"), ("centred", "clear"), ("behind", None)])
def test_averages_over_the_future_are_found_and_those_of_the_past_are_not(kind, expected):
    frame, y, _ = sound(classes=0, n=1500)
    groups = np.repeat(np.arange(3), 500)
    series = pd.Series(y).groupby(groups)
    rolled = {
        "ahead": series.transform(lambda s: s[::-1].rolling(5).mean()[::-1].shift(-1)),
        "centred": series.transform(lambda s: s.rolling(7, center=True).mean()),
        "behind": series.transform(lambda s: s.rolling(7).mean().shift(1)),
    }[kind]
    frame["rolled"] = rolled.to_numpy()
    assert severity_of("rolled", frame, y, 0, stretch=Stretch(frame, y, groups)) == expected


def test_a_mean_over_the_rows_of_a_level_is_told_from_one_over_other_rows():
    frame, y, rng = sound(classes=0, n=2000)
    area = rng.integers(0, 200, 2000)
    names = [f"area {i}" for i in range(200)]
    effect = rng.normal(0, 10, 200)
    y = y + effect[area]
    own = pd.Series(y).groupby(area).transform("mean").to_numpy()
    others = (100 + effect + rng.normal(0, y.std() / np.sqrt(10), 200))[area]
    frame = frame.assign(area=labels(area, names))
    assert severity_of("mean", frame.assign(mean=own), y, 0) == "clear"
    assert severity_of("mean", frame.assign(mean=others), y, 0) is None


def test_dates_in_parts_are_put_together_and_plans_may_lie_ahead():
    frame, y, rng = sound()
    arrival = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, len(y)), unit="D")
    shift = np.where(y == 1, -rng.integers(1, 60, len(y)), rng.integers(1, 9, len(y)))
    months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
              "November", "December"]  # fmt: skip
    frame["arrival_year"] = arrival.year.astype(float)
    frame["arrival_month"] = labels(arrival.month.to_numpy() - 1, months)
    frame["arrival_day_of_month"] = arrival.day.astype(float)
    frame["status"] = pd.DatetimeIndex(arrival + pd.to_timedelta(shift, unit="D")).as_unit("us")
    assert severity_of("status", frame, y, 2) == "clear"
    ordered = pd.DatetimeIndex(np.sort(arrival)).as_unit("us")
    dated = clean(rng, len(y))[0].assign(
        ordered=ordered, due=(ordered + pd.to_timedelta(rng.integers(3, 30, len(y)), unit="D")).as_unit("us")
    )
    sample = sample_of(dated, y)
    time = replace(sample.problem.time_column, value="ordered")
    assert severity_of("due", dated, y, 2, problem={"time_column": time}) == "note"


@pytest.mark.parametrize("classes", [0, 2])
def test_a_numbering_in_the_order_of_the_target_is_found_and_any_other_is_not(classes):
    frame, y, rng = sound(classes=classes)
    number = np.empty(len(y))
    number[np.lexsort((rng.random(len(y)), y))] = np.arange(len(y))
    assert severity_of("number", frame.assign(number=number), y, classes) == "clear"
    assert severity_of("number", frame.assign(number=rng.permutation(len(y)) + 1.0), y, classes) is None


# ── rows ──


def test_copies_on_both_sides_of_the_split_are_counted():
    frame, y, _ = sound()
    hashes = np.arange(1000, dtype=np.uint64)
    hashes[900:950] = hashes[:50]
    division = Division(hashes, np.arange(1000) >= 800, np.zeros(0, np.int64))
    findings, _ = run_checks(sample_of(frame, y, division=division))
    assert [(f.check, f.severity) for f in findings] == [("duplicates", "suspicious")]
    assert "50 of the 200 sealed rows" in findings[0].evidence
    apart = Division(hashes, np.isin(np.arange(1000), np.r_[:50, 900:950]), np.zeros(0, np.int64))
    findings, _ = run_checks(sample_of(frame, y, division=apart))
    assert [(f.check, f.severity, bool(f.done)) for f in findings] == [("duplicates", "note", True)]


def test_a_quantity_that_goes_with_the_target_is_no_group():
    rng = np.random.default_rng(5)
    whole = rng.integers(0, 300, 3000).astype(float)
    frame = clean(rng, 3000)[0].assign(whole=whole)
    assert severity_of("whole", frame, whole + rng.normal(0, 30, 3000), 0) is None


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda x: 1000 * x, True),
        (lambda x: 2.54 * x, True),
        (lambda x: 1.8 * x + 32, True),
        (lambda x: 1.5 * x, False),
    ],
)
def test_changes_of_unit_are_told_from_changes(change, found):
    frame, y, rng = sound()
    level = rng.normal(20, 2, len(y))
    frame["level"] = np.where(np.arange(len(y)) < 400, level, change(level))
    assert (severity_of("level", frame, y, 2) == "suspicious") == found


# ── what is done ──


def finding(severity, *columns):
    return Finding("target_copy", "Copy", columns, severity, "It is one.", "It may be right.")


def test_clear_leaks_are_left_out_suspicious_columns_stay():
    problem = sample_of(*clean(np.random.default_rng(0))).problem
    decided, findings = decide(
        [finding("clear", "a b"), finding("suspicious", "c")], problem, ["a b", "c", "d"], keep=[]
    )
    assert decided.features(("a b", "c", "d")) == ("c", "d")
    assert "leak" in decided.excluded.reason
    assert findings[0].done == "Left out of all models."
    assert findings[0].overrule == "Keep it with: --keep-column 'a b'"
    assert findings[1].done.startswith("Kept")


def test_columns_the_user_keeps_stay_and_so_does_the_last_one():
    problem = sample_of(*clean(np.random.default_rng(0))).problem
    decided, findings = decide([finding("clear", "a", "b")], problem, ["a", "b", "c"], keep=["a", "b"])
    assert decided == problem
    assert "--keep-column" in findings[0].done
    decided, findings = decide([finding("clear", "a", "b")], problem, ["a", "b", "c"], keep=["a"])
    assert decided.features(("a", "b", "c")) == ("a", "c")
    decided, findings = decide([finding("clear", "a")], problem, ["a"], keep=[])
    assert decided == problem
    assert "no column would be left" in findings[0].done


def test_names_that_a_terminal_must_not_show_are_not_quoted():
    problem = sample_of(*clean(np.random.default_rng(0))).problem
    _, findings = decide([finding("clear", "x\x1b[31m\n")], problem, ["x\x1b[31m\n", "c"], keep=[])
    assert findings[0].overrule == "Keep it with: --keep-column NAME"


def leaky(n=400):
    frame, y = clean(np.random.default_rng(0), n)
    return frame.assign(outcome=np.where(y == 1, "goes", "stays"), left=np.where(y == 1, "yes", "no"))


@pytest.fixture
def ground(tmp_path):
    def make(data, **options):
        journal = Journal(Memory(), "checks", tmp_path / "trace.jsonl")
        engine = Engine(journal, Inline(journal._store.folder))
        request = Request("<frame>", "Who will leave?", target="left", **options)
        prepared = prepare(request, data, journal, engine, tmp_path, lambda *_: None, lambda _: None)
        return prepared, engine, journal

    return make


def test_a_run_leaves_a_clear_leak_out_and_measures_what_that_does(ground):
    prepared, engine, journal = ground(leaky())
    assert "outcome" in prepared.problem.excluded.value
    assert "outcome" not in prepared.features
    assert prepared.findings == restore(Prepared, plain(prepared)).findings
    truth, assignment = stages.targets(prepared, journal)
    told = {}
    Effects(
        Evaluator(engine, prepared.situation, truth, assignment), prepared.screened, prepared.screened_columns,
        prepared.features.names, prepared.findings, 600.0, told.__setitem__,
    ).start().result()  # fmt: skip
    assert list(told) == [0]
    effect = told[0]
    assert isinstance(effect, Effect)
    assert effect.kept.value > 0.99
    assert effect.left_out.value < 0.95
    assert effect.low <= effect.difference <= effect.high < 0
    assert effect == restore(Effect, plain(effect))


def test_a_run_keeps_the_column_that_the_user_wants(ground):
    prepared, _, _ = ground(leaky(), keep_columns=("outcome",))
    assert "outcome" in prepared.features
    assert prepared.findings[0].severity == "clear"


def test_a_column_to_keep_has_to_be_there_and_not_be_forbidden(ground):
    with pytest.raises(RequestError, match=r"no column 'outcom'.*outcome"):
        ground(leaky(), keep_columns=("outcom",))
    with pytest.raises(RequestError, match="predicted"):
        ground(leaky(), keep_columns=("left",))


def test_checks_that_there_is_no_time_for_are_named():
    frame, y, _ = sound()
    findings, left_out = run_checks(sample_of(frame, y, stop_at=0.0))
    assert findings == []
    assert left_out == list(all_checks())


def test_checks_that_fail_are_told_and_cost_no_run(ground, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of order")

    monkeypatch.setattr("modelwright.screening.screen", broken)
    prepared, _, _ = ground(leaky())
    assert prepared.findings == ()
    assert any("could not be checked for leakage: out of order" in w for w in prepared.warnings)
