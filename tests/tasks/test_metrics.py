from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from modelwright.errors import RequestError
from modelwright.tasks import all_tasks, metrics_of
from modelwright.tasks.metrics import METRICS, Metric, better, find_metric, gain

CASES = [(m, task) for m in METRICS for task in m.tasks]
IDS = [f"{m.name}-{task}" for m, task in CASES]


def sample(task: str, n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth and predictions with ties, as a middling model makes them."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        y = rng.gamma(2.0, 3.0, n)
        return y, y * rng.lognormal(0, 0.3, n)
    k = 2 if task == "binary" else 4
    y = rng.choice(k, n, p=[0.7, 0.3] if k == 2 else [0.5, 0.3, 0.15, 0.05])
    y[:k] = np.arange(k)
    p = np.round(rng.dirichlet(np.ones(k), n) + 0.4 * np.eye(k)[y], 2)
    return y, p / p.sum(axis=1, keepdims=True)


def perfect(task: str, y: np.ndarray) -> np.ndarray:
    return y.astype(float) if task == "regression" else np.eye(int(y.max()) + 1)[y]


def sklearn_value(name: str, task: str, y: np.ndarray, p: np.ndarray) -> float | None:
    if task == "regression":
        functions: dict[str, Any] = {
            "rmse": sk.root_mean_squared_error,
            "mae": sk.mean_absolute_error,
            "r2": sk.r2_score,
            "median_absolute_error": sk.median_absolute_error,
            "rmsle": sk.root_mean_squared_log_error,
            "mean_squared_log_error": sk.mean_squared_log_error,
            "mean_squared_error": sk.mean_squared_error,
            "mape": sk.mean_absolute_percentage_error,
            "max_error": sk.max_error,
            "explained_variance": sk.explained_variance_score,
            "mean_poisson_deviance": sk.mean_poisson_deviance,
        }
        return functions[name](y, p) if name in functions else None
    binary = task == "binary"
    labels = (p[:, 1] >= 0.5).astype(int) if binary else p.argmax(axis=1)
    every = np.eye(p.shape[1])[y]
    known: dict[str, Any] = {
        "log_loss": lambda: sk.log_loss(y, p),
        "brier_score": lambda: sk.brier_score_loss(y, p[:, 1]) if binary else np.sum((p - every) ** 2, axis=1).mean(),
        "roc_auc": lambda: sk.roc_auc_score(y, p[:, 1]),
        "average_precision": lambda: sk.average_precision_score(y, p[:, 1]),
        "average_precision_macro": lambda: sk.average_precision_score(every, p, average="macro"),
        "roc_auc_ovr": lambda: sk.roc_auc_score(y, p, multi_class="ovr"),
        "roc_auc_ovr_weighted": lambda: sk.roc_auc_score(y, p, multi_class="ovr", average="weighted"),
        "roc_auc_ovo": lambda: sk.roc_auc_score(y, p, multi_class="ovo"),
        "accuracy": lambda: sk.accuracy_score(y, labels),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, labels),
        "f2": lambda: sk.fbeta_score(y, labels, beta=2),
        "specificity": lambda: sk.recall_score(y, labels, pos_label=0),
        "matthews_corrcoef": lambda: sk.matthews_corrcoef(y, labels),
        "cohen_kappa": lambda: sk.cohen_kappa_score(y, labels),
        "linear_kappa": lambda: sk.cohen_kappa_score(y, labels, weights="linear"),
        "quadratic_kappa": lambda: sk.cohen_kappa_score(y, labels, weights="quadratic"),
    }
    scores = {
        "f1": sk.f1_score,
        "precision": sk.precision_score,
        "recall": sk.recall_score,
        "jaccard": sk.jaccard_score,
    }
    base, _, average = name.partition("_")
    if base in scores and average in ("", "macro", "weighted"):
        return float(scores[base](y, labels, average=average or "binary"))
    return float(known[name]()) if name in known else None


@pytest.mark.parametrize(("metric", "task"), CASES, ids=IDS)
def test_agrees_with_scikit_learn(metric: Metric, task: str) -> None:
    y, p = sample(task)
    expected = sklearn_value(metric.name, task, y, p)
    if expected is None:
        assert metric.name in {"gini", "smape", "wape"}, "a metric that scikit-learn has must be compared with it"
        expected = {
            "gini": 2 * sk.roc_auc_score(y, p[:, 1]) - 1 if task == "binary" else 0,
            "smape": np.mean(2 * abs(y - p) / (abs(y) + abs(p))) if task == "regression" else 0,
            "wape": np.sum(abs(y - p)) / np.sum(abs(y)) if task == "regression" else 0,
        }[metric.name]
    assert metric.score(y, p) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("metric", "task"), CASES, ids=IDS)
def test_weights_count_as_repeated_rows(metric: Metric, task: str) -> None:
    y, p = sample(task, 80)
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 4, (5, len(y))).astype(float)
    weights[:, :4] = 1
    batch = metric.batch(y, p, weights)
    for row, found in zip(weights, batch, strict=True):
        rows = np.repeat(np.arange(len(y)), row.astype(int))
        assert found == pytest.approx(metric.score(y[rows], p[rows]), rel=1e-9)
        assert metric.score(y, p, weights=row) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize(("metric", "task"), CASES, ids=IDS)
def test_perfect_predictions_are_best_and_nothing_warns(metric: Metric, task: str) -> None:
    y, p = sample(task)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric.score(y, perfect(task, y)) == pytest.approx(metric.best, abs=1e-6)
        assert not better(metric, metric.score(y, p), metric.score(y, perfect(task, y)))


@pytest.mark.parametrize(("metric", "task"), CASES, ids=IDS)
def test_odd_inputs_give_finite_scores_in_range(metric: Metric, task: str) -> None:
    y, p = sample(task)
    low, high = sorted((metric.best, metric.worst))
    one_class = np.zeros_like(y)
    constant = np.full_like(p, p.mean()) if task == "regression" else np.full_like(p, 1 / p.shape[1])
    absent = np.column_stack([p, np.zeros(len(p))]) if task == "multiclass" else p
    for truth, predicted in ((one_class, p), (y, constant), (one_class, constant), (y[:1], p[:1]), (y, absent)):
        score = metric.score(truth, predicted)
        assert math.isfinite(score)
        assert low - 1e-9 <= score <= high + 1e-9


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_bad_predictions_are_refused(metric: Metric) -> None:
    y, p = sample(metric.tasks[0])
    broken = p.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        metric.score(y, broken)
    with pytest.raises(ValueError, match="as many"):
        metric.score(y, p[:-1])
    with pytest.raises(ValueError, match="as many"):
        metric.score(y[:0], p[:0])


def test_positive_class_and_threshold() -> None:
    y, p = sample("binary")
    f1 = find_metric("f1")
    assert f1.score(y, p, classes=("no", "yes"), positive="no") == pytest.approx(sk.f1_score(1 - y, p[:, 0] >= 0.5))
    assert f1.score(y, p, positive=0) == f1.score(1 - y, p[:, ::-1])
    assert f1.score(y, p, threshold=0.3) == pytest.approx(sk.f1_score(y, p[:, 1] >= 0.3))
    auc = find_metric("roc_auc")
    assert auc.score(y, p, positive=0) == pytest.approx(auc.score(y, p))
    assert auc.score(y, p[:, 1]) == auc.score(y, p)


def test_auc_of_any_scores() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    scores = np.round(rng.normal(size=300) + y, 1)  # negative ones, too
    assert find_metric("roc_auc").score(y, scores) == pytest.approx(sk.roc_auc_score(y, scores))
    assert find_metric("roc_auc").score(y, np.where(scores > 0, 0.0, -0.0)) == 0.5


def test_log_loss_bounds_a_sure_mistake() -> None:
    score = find_metric("log_loss").score(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert score == pytest.approx(-math.log(1e-7) / 2, rel=1e-3)


def test_resamples_without_a_class_are_undefined_until_asked_for_a_score() -> None:
    y, p = np.array([0, 0, 1]), np.array([0.1, 0.2, 0.9])
    auc = find_metric("auc")
    weights = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    assert np.isnan(auc.batch(y, p, weights)[0])
    assert auc.batch(y, p, weights)[1] == 1.0
    assert auc.score(y, p, weights=weights[0]) == 0.5


def test_rmsle_and_mape_of_values_they_are_not_made_for() -> None:
    y, p = np.array([-1.0, 0.0, 3.0]), np.array([-5.0, 0.0, 3.0])
    assert find_metric("rmsle").score(y, p) == 0
    assert find_metric("mape").score(np.array([0.0, 2.0]), np.array([9.0, 3.0])) == pytest.approx(0.5)
    assert find_metric("r2").score(np.full(5, 0.1), np.full(5, 0.2)) == 0


@pytest.mark.parametrize(
    ("said", "task", "name"),
    [
        ("neg_root_mean_squared_error", None, "rmse"),
        ("ROC AUC", None, "roc_auc"),
        ("area under the curve", "multiclass", "roc_auc_ovr"),
        ("F1", "multiclass", "f1_macro"),
        ("f1", "binary", "f1"),
        ("Mean Absolute Error", None, "mae"),
        ("neg-log-loss", "multiclass", "log_loss"),
        ("negative log likelihood", None, "log_loss"),
        ("MSE", None, "mean_squared_error"),
        ("R²", None, "r2"),
        ("quadratic weighted kappa", None, "quadratic_kappa"),
    ],
)
def test_names_are_found(said: str, task: str | None, name: str) -> None:
    assert find_metric(said, task).name == name


def test_every_name_is_its_own() -> None:
    assert len({m.name for m in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert find_metric(metric.name) is metric
        assert all(find_metric(metric.name, task) is metric for task in metric.tasks)
        assert find_metric(f"neg_{metric.name.upper()}") is metric


def test_unknown_names_get_one_clear_sentence() -> None:
    with pytest.raises(RequestError, match="did you mean 'accuracy'"):
        find_metric("acuracy")
    with pytest.raises(RequestError, match="for regression") as error:
        find_metric("roc_auc", "regression")
    assert "rmse" in str(error.value)
    with pytest.raises(RequestError) as error:
        find_metric("x" * 10_000)
    assert len(str(error.value)) < 2_000


def test_gain_has_a_direction() -> None:
    auc, rmse = find_metric("auc"), find_metric("rmse")
    assert gain(auc, 0.9, 0.8) == pytest.approx(0.1)
    assert gain(rmse, 0.9, 0.8) == pytest.approx(-0.1)
    assert gain(rmse, 1.0, 1.0) == 0
    assert better(auc, 0.5, float("nan"))
    assert not better(rmse, float("nan"), 3.0)
    assert not better(rmse, float("nan"), float("nan"))


def test_tasks_name_metrics_that_they_have() -> None:
    for name, task in all_tasks().items():
        assert {task.default_metric, *task.secondary} <= set(metrics_of(name))
