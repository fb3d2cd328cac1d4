from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from modelwright.hashing import canonical_json, restore
from modelwright.judgement import Judgement
from modelwright.judging import choose_threshold, judge, verdict
from modelwright.problem import Known, Problem
from modelwright.protocol import Holdout, Score, Validation
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import find_metric


def problem(task: str, metric: str, time: str | None = None, positive: str | None = None) -> Problem:
    def known(value: Any) -> Known[Any]:
        return Known(value, "inferred", "")

    roles = (known(time), known(None), known(()), known(()))
    said = None if positive is None else known(positive)
    return Problem("", known("y"), known(task), known(metric), *roles, positive=said)


def labelled(n: int, apart: float = 1.5, share: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(np.int64)
    p = 1 / (1 + np.exp(-apart * (rng.normal(size=n) + apart * y - apart / 2) - np.log(share / (1 - share))))
    return y, np.column_stack([1 - p, p])


def judged(task: str, metric: str, y: np.ndarray, p: np.ndarray, validation: float, **more: Any) -> Judgement:
    if task == "regression":
        classes: tuple[str, ...] = ()
        base: np.ndarray = np.full(len(y), y.mean())
    else:
        classes = ("no", "yes") if task == "binary" else tuple("abcdefgh"[: p.shape[1]])
        base = np.tile(np.bincount(y, minlength=len(classes)) / len(y), (len(y), 1))
    score: Score[Validation] = Score(metric, validation, 1000)
    arguments = {"baseline_name": "prior", "validation": score, "threshold": None, "seed": 0} | more
    base = arguments.pop("baseline", base)
    asked = problem(task, metric, arguments.pop("time", None), arguments.pop("positive", None))
    return judge(asked, classes, y, p, base, **arguments)


def test_a_binary_model_is_judged_whole() -> None:
    y, p = labelled(500)
    auc = find_metric("roc_auc").score(y, p)
    found = judged("binary", "roc_auc", y, p, auc, threshold=0.4)
    assert found.verdict == "ready"
    assert found.score.value == auc
    assert found.score.low is not None and found.score.high is not None
    assert found.score.low < auc < found.score.high
    assert found.baseline.value == 0.5
    assert found.better == 1.0
    assert set(found.metrics) == set(all_tasks()["binary"].secondary)
    assert found.threshold == 0.4
    table = np.array(found.confusion)
    assert table.sum() == 500
    assert table[1, 1] == ((p[:, 1] >= 0.4) & (y == 1)).sum()
    assert found.metrics["recall"].value == pytest.approx(table[1, 1] / table[1].sum())
    assert found.roc is not None and found.precision_recall is not None and found.calibration is not None
    assert (found.roc.x[0], found.roc.y[0], found.roc.x[-1], found.roc.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(found.roc.y, found.roc.x) == pytest.approx(auc, abs=0.01)
    assert len(found.roc.x) <= 200 and len(found.precision_recall.x) <= 200
    assert len(found.calibration.x) == 10
    assert np.mean(np.abs(np.subtract(found.calibration.x, found.calibration.y))) < 0.1
    assert found.scatter is None and found.residuals == ()


def test_judgements_are_reproducible_facts() -> None:
    y, p = labelled(200)
    first, second = (judged("binary", "log_loss", y, p, 0.5) for _ in range(2))
    assert first == second
    assert restore(Judgement, json.loads(canonical_json(first))) == first


def test_the_positive_class_may_be_the_first() -> None:
    y, p = labelled(300)
    last = judged("binary", "f1", y, p, 0.5, positive="yes")
    first = judged("binary", "f1", 1 - y, p[:, ::-1], 0.5, positive="no")
    assert first.score.value == last.score.value
    assert first.roc == last.roc


def test_several_classes_are_judged() -> None:
    rng = np.random.default_rng(0)
    y = rng.choice(4, 400, p=[0.5, 0.3, 0.15, 0.05])
    p = rng.dirichlet(np.ones(4), 400) + 0.5 * np.eye(4)[y]
    p /= p.sum(axis=1, keepdims=True)
    found = judged("multiclass", "log_loss", y, p, find_metric("log_loss").score(y, p))
    assert found.verdict == "ready"
    assert found.threshold is None and found.roc is None
    assert np.array(found.confusion).shape == (4, 4)
    assert found.calibration is not None


def test_values_are_judged() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=1500) * 5
    p = y + rng.normal(size=1500)
    found = judged("regression", "rmse", y, p, 1.0)
    assert found.verdict == "ready"
    assert found.scatter is not None and len(found.scatter.x) == 1000
    assert len(found.residuals) == 101
    assert found.residuals[50] == pytest.approx(np.median(y - p))
    assert found.confusion == () and found.classes == ()


def test_guessing_is_not_usable() -> None:
    y, _ = labelled(300)
    noise = np.random.default_rng(7).random(300)
    found = judged("binary", "roc_auc", y, np.column_stack([1 - noise, noise]), 0.5)
    assert found.verdict == "not usable"
    assert "same for every row" in found.verdict_reason


def test_the_prior_itself_is_not_usable() -> None:
    y = np.random.default_rng(0).normal(size=200)
    found = judged("regression", "rmse", y, np.full(200, y.mean()), 1.0)
    assert found.better == 0
    assert found.verdict == "not usable"


def test_a_holdout_of_one_class_says_nothing() -> None:
    p = np.random.default_rng(0).random(150)
    found = judged("binary", "roc_auc", np.zeros(150, dtype=np.int64), np.column_stack([1 - p, p]), 0.8)
    assert found.verdict == "not usable"
    assert "class is missing" in found.verdict_reason
    assert found.roc is None
    assert (found.score.low, found.score.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("n", "validation", "more", "words"),
    [
        (60, 0.86, {}, "only 60 rows"),
        (400, 0.99, {}, "than on the sealed ones"),
        (400, 0.99, {"time": "when"}, "may be ageing"),
    ],
)
def test_reasons_for_care(n: int, validation: float, more: dict[str, Any], words: str) -> None:
    y, p = labelled(n, apart=1.5, share=0.4)
    found = judged("binary", "roc_auc", y, p, validation, **more)
    assert found.verdict == "usable with care"
    assert words in found.verdict_reason.lower()
    assert found.verdict_reason.endswith(".")


def test_a_baseline_that_has_learnt_must_be_beaten_for_ready() -> None:
    y, p = labelled(400)
    found = judged("binary", "roc_auc", y, p, 0.85, baseline=p)
    assert found.verdict == "usable with care"
    assert "beats the baseline in only 0%" in found.verdict_reason


def test_near_perfection_is_suspicious() -> None:
    y = np.arange(400) % 2
    found = judged("binary", "roc_auc", y, np.eye(2)[y] * 0.8 + 0.1, 1.0)
    assert found.verdict == "usable with care"
    assert "give the answer away" in found.verdict_reason


def test_an_uncertain_gain_needs_care() -> None:
    metric = find_metric("roc_auc")
    score: Score[Holdout] = Score("roc_auc", 0.6, 500, 0.45, 0.72)
    base: Score[Holdout] = Score("roc_auc", 0.5, 500, 0.5, 0.5)
    known: Score[Validation] = Score("roc_auc", 0.62, 2000)
    word, reason = verdict(metric, score, base, 0.97, -0.02, known, prior=True, undefined=False, rarest=40, timed=False)
    assert word == "usable with care"
    assert "no better than the baseline" in reason


def test_rows_in_time_and_in_groups_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    error = np.repeat(rng.normal(size=60), 10)  # mistakes that last
    y = rng.normal(size=600) * 4
    plain, timed = (judged("regression", "rmse", y, y + error, 1.0, **more) for more in ({}, {"time": "when"}))
    assert plain.score.low is not None and plain.score.high is not None
    assert timed.score.low is not None and timed.score.high is not None
    assert timed.score.high - timed.score.low > 1.5 * (plain.score.high - plain.score.low)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "accuracy", "matthews_corrcoef", "f1_macro"])
def test_the_threshold_is_nearly_as_good_as_the_best(name: str) -> None:
    metric = find_metric(name, "binary")
    y, p = labelled(3000, share=0.1)
    chosen = choose_threshold(y, p[:, 1], metric)
    best = max(metric.score(y, p, threshold=t) for t in np.linspace(0.01, 0.99, 99))
    assert metric.score(y, p, threshold=chosen) >= best - 0.02
    assert metric.score(y, p, threshold=chosen) >= metric.score(y, p) - 0.005
    assert choose_threshold(y, p, metric) == chosen


def test_thresholds_are_not_guessed() -> None:
    y, p = labelled(3000, share=0.1)
    assert choose_threshold(y, p, find_metric("roc_auc")) == 0.5
    few = np.r_[np.ones(5, dtype=int), np.zeros(100, dtype=int)]
    assert choose_threshold(few, np.linspace(1, 0, 105), find_metric("f1")) == 0.5
    assert choose_threshold(y, p, find_metric("recall")) == choose_threshold(y, p, find_metric("f1"))
    constant = choose_threshold(y, np.full(3000, 0.1), find_metric("f1"))
    assert 0 <= constant <= 0.1
