from __future__ import annotations

import numpy as np
import pytest

from modelwright.intervals import Resamples, interval, stretches, with_tails
from modelwright.tasks.metrics import find_metric


def labelled(rng: np.random.Generator, n: int, apart: float = 1.5, share: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    y = (rng.random(n) < share).astype(np.int64)
    y[:2] = [0, 1]
    p = 1 / (1 + np.exp(-apart * (rng.normal(size=n) + apart * y - apart / 2)))
    return y, np.column_stack([1 - p, p])


def valued(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=n) * 3
    return x + rng.standard_t(5, size=n), x


@pytest.mark.parametrize(
    ("name", "sample", "n"),
    [("roc_auc", labelled, 130), ("log_loss", labelled, 300), ("accuracy", labelled, 130), ("rmse", valued, 200)],
)
def test_fresh_samples_fall_inside_as_often_as_promised(name: str, sample: object, n: int) -> None:
    metric = find_metric(name)
    rng = np.random.default_rng(0)
    inside = []
    for seed in range(60):
        y, p = sample(rng, n)  # type: ignore[operator]
        weights = next(iter(Resamples(n, seed, most=300)))
        tailed = (
            np.array([metric.score(*pair) for pair in with_tails(y, p, weights[:100], seed)]) if p.ndim == 1 else None
        )
        rare = int(np.bincount(y).min()) if p.ndim == 2 else n
        low, high = interval(metric, metric.score(y, p), metric.batch(y, p, weights), n, rare, tailed)
        fresh = [metric.score(*sample(rng, n)) for _ in range(5)]  # type: ignore[operator]
        inside += [low <= f <= high for f in fresh]
    assert 0.90 <= np.mean(inside) <= 0.995


def test_the_ends_stay_in_range_and_around_the_score() -> None:
    rng = np.random.default_rng(1)
    y, p = labelled(rng, 60, apart=4)
    weights = next(iter(Resamples(60, 0)))
    for name in ("roc_auc", "accuracy", "f1", "matthews_corrcoef", "log_loss", "average_precision"):
        metric = find_metric(name)
        score = metric.score(y, p)
        low, high = interval(metric, score, metric.batch(y, p, weights), 60, int(np.bincount(y).min()))
        assert min(metric.best, metric.worst) <= low <= score <= high <= max(metric.best, metric.worst)
        assert low < high


def test_a_perfect_score_is_not_taken_for_certain() -> None:
    metric = find_metric("accuracy")
    low, high = interval(metric, 1.0, np.ones(300), 130, 50)
    assert high == 1
    assert low == pytest.approx(1 - 5 / 130)


def test_nothing_is_known_from_undefined_resamples() -> None:
    metric = find_metric("roc_auc")
    assert interval(metric, 0.5, np.full(300, np.nan), 30, 1) == (0.0, 1.0)


def test_resamples_are_reproducible_and_draw_whole_units() -> None:
    units = np.repeat(np.arange(20), 5)
    first, second = (np.concatenate(list(Resamples(100, 3, units))) for _ in range(2))
    assert (first == second).all()
    assert (first.reshape(len(first), 20, 5).min(axis=2) == first.reshape(len(first), 20, 5).max(axis=2)).all()
    assert (first[:, ::5].sum(axis=1) == 20).all()
    plain = np.concatenate(list(Resamples(100, 3, np.zeros(100))))
    assert (plain.sum(axis=1) == 100).all()


def test_rows_of_a_group_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(25), 20)
    y = rng.normal(size=500)
    p = y + np.repeat(rng.normal(size=25), 20)
    metric = find_metric("mae")
    widths = []
    for units in (None, groups):
        weights = next(iter(Resamples(500, 0, units)))
        low, high = interval(metric, metric.score(y, p), metric.batch(y, p, weights), 500, 25)
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


def test_stretches_are_neighbours_in_time_within_groups() -> None:
    groups = np.tile(["a", "b"], 50)
    times = np.repeat(np.arange(50), 2)[::-1]
    units = stretches(100, groups, times)
    for unit in np.unique(units):
        rows = units == unit
        assert len(set(groups[rows])) == 1
        assert np.ptp(times[rows]) == rows.sum() - 1
    assert len(np.unique(units)) == 2 * 7


def test_tails_keep_signs_and_small_errors() -> None:
    rng = np.random.default_rng(0)
    y, p = valued(rng, 300)
    truth, predicted = next(iter(with_tails(y, p, np.ones((1, 300)), 0)))
    assert (truth == y).all()
    errors, redrawn = p - y, predicted - truth
    assert (np.sign(errors) == np.sign(redrawn)).all()
    large = np.abs(errors) > np.sort(np.abs(errors))[-16]
    assert np.allclose(errors[~large], redrawn[~large])
    assert np.abs(redrawn).max() <= 2 * np.abs(errors).max() + 1e-9
    assert list(with_tails(y, y, np.ones((1, 300)), 0)) == []
