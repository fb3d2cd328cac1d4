from __future__ import annotations

import numpy as np
import pytest

from modelwright.comparing import compare, confidence, optimism
from modelwright.concluding import conclude
from modelwright.diagnostics import ChanceTest, LearningCurve, SimpleRule
from modelwright.hashing import plain
from modelwright.intervals import Resamples
from modelwright.judgement import Comparison, Judgement, Verified
from modelwright.protocol import Holdout, Score, Validation
from modelwright.tasks.metrics import find_metric


def test_paired_gains_are_as_sure_as_a_textbook_says() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=800)
    hard = rng.exponential(size=800)  # what is hard for one model is hard for the other
    ours, theirs = y + hard, y + hard + 0.1
    metric = find_metric("mae")
    found = compare(metric, y, ours, theirs, name="b", role="runner-up", resamples=Resamples(800, 0))
    assert found.gain == pytest.approx(0.1) and found.low == pytest.approx(0.1) and found.distinguishable
    assert found.better == 1.0 and found.n_rows == 800
    back = compare(metric, y, theirs, ours, name="a", role="runner-up", resamples=Resamples(800, 0))
    assert back.gain == pytest.approx(-0.1) and back.distinguishable and back.high < 0


def test_the_confidence_interval_covers_the_truth() -> None:
    rng, hits = np.random.default_rng(1), 0
    metric = find_metric("accuracy")
    for _ in range(150):
        y = rng.integers(0, 2, 120)
        a, b = (np.where(rng.random(120) < share, y, 1 - y) for share in (0.75, 0.65))
        raws = [np.column_stack([1.0 - p, p]).astype(float) for p in (a, b)]
        found = compare(metric, y, *raws, name="b", role="baseline", resamples=Resamples(120, 0, most=200))
        hits += found.low <= 0.1 <= found.high
    assert hits / 150 > 0.9


def test_too_few_resamples_say_nothing() -> None:
    assert confidence(0.5, np.full(10, 0.5), 10) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("validation", "more", "cause"),
    [
        (0.81, {}, "chance"),
        (0.95, {}, "selection"),
        (0.95, {"timed": True}, "time"),
        (0.95, {"unseen_groups": True}, "groups"),
        (0.6, {}, "luck"),
    ],
)
def test_the_gap_is_explained(validation: float, more: dict[str, bool], cause: str) -> None:
    held: Score[Holdout] = Score("roc_auc", 0.8, 500, 0.74, 0.85)
    known: Score[Validation] = Score("roc_auc", validation, 2000)
    found = optimism(find_metric("roc_auc"), held, known, **more)
    assert found.gap == pytest.approx(validation - 0.8)
    assert found.cause == cause and found.reason.endswith(".") and found.low < found.gap < found.high
    loss: Score[Holdout] = Score("rmse", 0.2, 500, 0.15, 0.26)
    lower: Score[Validation] = Score("rmse", 1 - validation, 2000)
    assert optimism(find_metric("rmse"), loss, lower, **more).gap == pytest.approx(validation - 0.8)


def judgement(verdict: str = "ready", rows: int = 500, demands: tuple[Verified, ...] = ()) -> Judgement:
    held: Score[Holdout] = Score("roc_auc", 0.8, rows, 0.75, 0.85)
    base: Score[Holdout] = Score("roc_auc", 0.5, rows, 0.5, 0.5)
    return Judgement(held, base, "prior", 1.0, verdict=verdict, verdict_reason="Because.", demands=demands)  # type: ignore[arg-type]


def rule(enough: bool) -> SimpleRule:
    beside = Comparison("a simple rule", "rule", 0.8, 0.8, 0.0, -0.01, 0.01, 0.5, False)
    return SimpleRule(
        ("if 'x' > 1: 'yes'", "if 'x' ≤ 1: 'no'"), 1, ("x",), "roc_auc", 0.8, beside, 1.0, enough, "You don't."
    )


def test_without_anything_new_the_verdict_stands() -> None:
    assert conclude(judgement(), {}, 1000) == judgement()
    assert conclude(judgement(), {"simple_rule": plain(rule(False)), "other": None}, 1000) == judgement()


def test_a_rule_that_does_as_well_takes_the_need_away() -> None:
    found = conclude(judgement(), {"simple_rule": plain(rule(True))}, 1000)
    assert found.verdict == "usable with care" and found.verdict_reason == "You don't. Because."
    assert "'x' > 1" in found.remedies[0]


@pytest.mark.parametrize(
    ("signal", "rows", "words"),
    [
        (False, 5000, "More rows of these columns won't help"),
        (False, 100, "only a strong signal"),
        (True, 900, "too weak"),
    ],
)
def test_what_would_change_a_useless_model_is_said(signal: bool, rows: int, words: str) -> None:
    test = ChanceTest("roc_auc", 0.5, 0.5, 0.55, 0.4, 499, signal, "It was tested.")
    found = conclude(judgement("not usable"), {"chance_test": plain(test), "simple_rule": plain(rule(True))}, rows)
    assert found.verdict == "not usable" and found.verdict_reason == "Because. It was tested."
    assert words in found.remedies[0] and len(found.remedies) == 1
    untested = conclude(judgement("not usable"), {}, rows)
    assert untested.remedies


def test_a_missed_demand_is_told_before_everything_but_uselessness() -> None:
    missed = Verified("latency_ms", "one row within 1 ms", 5.0, "5 ms", False, "by a clock")
    unknown = Verified("note", "be kind")
    found = conclude(judgement(demands=(missed, unknown)), {}, 1000)
    assert found.verdict == "usable with care"
    assert found.verdict_reason == "A demand isn't met: one row within 1 ms (5 ms). Because."
    useless = conclude(judgement("not usable", demands=(missed,)), {}, 1000)
    assert useless.verdict == "not usable" and useless.verdict_reason.startswith("Because.")
    assert conclude(judgement(demands=(unknown,)), {}, 1000).verdict == "ready"


def test_more_rows_are_recommended_where_the_curve_rises() -> None:
    rising = LearningCurve("roc_auc", "m", (), "rising", 0.9, 0.1, 0.05, 0.15, "Twice the rows would bring much.")
    assert conclude(judgement(), {"learning_curve": plain(rising)}, 1000).remedies == (rising.sentence,)
    small = conclude(judgement("usable with care", rows=60), {}, 1000)
    assert "--test" in small.remedies[0]
