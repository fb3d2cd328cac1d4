"""Do the columns say anything about the target at all?"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis, Case
from modelwright.analyses._judged import shown
from modelwright.diagnostics import ChanceTest
from modelwright.executors import Done, Workplace
from modelwright.fitting import rows_of
from modelwright.hashing import plain, restore
from modelwright.splitting import fold_rows
from modelwright.tasks.metrics import find_metric, gain

MOST_ROWS = 2_500
MOST = 499
LEAST = 99
"""Shuffles below which no p-value reaches 0.01."""
SURE = 0.01
"""p-value up to which a signal is believed: the question is asked of models that have just failed to show one."""
LEVELS = 30
TREES = 60
DEPTH = 5
PENALTY = 1.0
"""Of the ridge regression, on kernels whose diagonal is one on average: as much noise as signal is expected."""


def chance_test(place: Workplace, *, case: dict[str, Any]) -> Done:
    """A permutation test of a quick model's cross-validated score (Ojala and Garriga 2010).

    The model is a ridge regression of the target (of classes, of their indicators) on a sum of two kernels: of the
    columns as they are, and of the leaves of trees that are split at random, without looking at the target, so that
    interactions count, too (Geurts, Ernst and Wehenkel 2006). Since nothing but the last step depends on the target,
    every shuffle is a matrix product.

    Targets are shuffled over the rows; where rows are ordered in time they are turned round in a circle instead, which
    leaves alone that neighbours resemble each other. The value is a :class:`~modelwright.diagnostics.ChanceTest`, or
    ``None`` when there was time for fewer than 99 shuffles.
    """
    asked = restore(Case, case)
    frame, y = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    # With a gap the second row belongs to the first; elsewhere further rows are repeats.
    assignment = np.load(place.inputs["assignment"], allow_pickle=False)[: 2 if asked.protocol.gap else 1]
    rng = np.random.default_rng([place.seed, 53])
    if len(y) > MOST_ROWS:
        kept = np.sort(rng.choice(len(y), MOST_ROWS, replace=False))
        frame, y, assignment = frame.iloc[kept].reset_index(drop=True), y[kept], assignment[:, kept]
    timed = asked.problem.time_column.value
    order = _in_time(frame, timed)
    metric = find_metric(asked.problem.metric.value, asked.problem.task.value)
    hats = _hats(frame, assignment, asked, place.seed)
    if not hats:
        return Done(None, {})
    real = _score(asked, y, hats)
    others: list[float] = []
    while len(others) < MOST and (place.stop_at is None or time.monotonic() < place.stop_at):
        if timed is not None:
            mixed = y.copy()
            turned = int(rng.integers(max(1, len(y) // 10), max(2, 9 * len(y) // 10)))
            mixed[order] = np.roll(y[order], turned)
        else:
            mixed = y[rng.permutation(len(y))]
        others.append(_score(asked, mixed, hats))
    if len(others) < LEAST:
        return Done(None, {}, truncated=True)
    as_good = sum(gain(metric, other, real) >= 0 for other in others)
    p = (1 + as_good) / (1 + len(others))
    best = float(np.quantile(others, 0.95 if metric.greater_is_better else 0.05))
    median, signal = float(np.median(others)), p <= SURE
    told = (
        f"A quick model reaches {metric.name} {shown(metric, real)}; with shuffled targets it reaches "
        f"{shown(metric, median)} (p = {p:.2g} from {len(others)} shuffles)"
    )
    if signal:
        sentence = f"{told}: the columns do say something."
    else:
        hint = "There is at most a hint of a signal" if p <= 0.05 else "No signal was found"
        sentence = f"{hint} in these columns. {told}."
    result = ChanceTest(metric.name, real, median, best, p, len(others), signal, sentence)
    return Done(plain(result), {}, truncated=len(others) < MOST)


Hat = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Training rows, validation rows, and what training targets are multiplied with to predict validation rows."""


def _hats(frame: pd.DataFrame, assignment: np.ndarray, case: Case, seed: int) -> list[Hat]:
    """The ridge regression of every fold of the first repeat, as matrices."""
    values = _values(frame)
    kernel = _kernel(values, seed)
    found = []
    for fold in [fold for repeat, fold in case.protocol.parts() if repeat == 0][:5]:
        train, valid = fold_rows(assignment, 0, fold, case.protocol.forward)
        if len(train) < 2 or not len(valid):
            continue
        inner = kernel[np.ix_(train, train)] + PENALTY * np.eye(len(train))
        found.append((train, valid, np.linalg.solve(inner, kernel[np.ix_(train, valid)]).T))
    return found


def _kernel(values: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomTreesEmbedding

    leaves = RandomTreesEmbedding(TREES, max_depth=DEPTH, random_state=seed, sparse_output=False).fit_transform(values)
    together = np.zeros((len(values), len(values)))
    for part in (values, leaves):
        product = part @ part.T
        together += 0.5 * product / max(float(np.diag(product).mean()), 1e-12)
    return together


def _values(frame: pd.DataFrame) -> np.ndarray:
    """Columns as numbers, without looking at the target: ranks, indicators of levels and gaps, hashed words."""
    from sklearn.feature_extraction.text import HashingVectorizer

    made: list[np.ndarray] = [np.zeros(len(frame))]
    for name in frame.columns:
        column = frame[name]
        gaps = column.isna().to_numpy()
        if gaps.any():
            made.append(gaps.astype(np.float64))
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels = column.value_counts()
            made += [(column == level).fillna(False).to_numpy(dtype=np.float64) for level in levels.index[:LEVELS]]
        elif pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            made.append(column.rank(pct=True).fillna(0.5).to_numpy(dtype=np.float64))
        else:
            words = HashingVectorizer(n_features=64, alternate_sign=False).transform(column.fillna("").astype(str))
            made += list(words.toarray().T)
    values = np.column_stack(made)
    spread = values.std(axis=0)
    centred: np.ndarray = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return centred


def _score(case: Case, y: np.ndarray, hats: list[Hat]) -> float:
    """The score of out-of-fold predictions, pooled over the folds."""
    k = case.n_classes
    goals = np.eye(k)[y.astype(np.int64)] if k else y[:, None]
    truths, predictions = [], []
    for train, valid, hat in hats:
        middle = goals[train].mean(axis=0)
        truths.append(y[valid])
        predictions.append(middle + hat @ (goals[train] - middle))
    metric = find_metric(case.problem.metric.value, case.problem.task.value)
    raw = np.concatenate(predictions)
    if not k:
        return metric.score(np.concatenate(truths), raw[:, 0])
    raw = np.clip(raw, 0.01, 1.0)
    raw = raw / raw.sum(axis=1, keepdims=True)
    # Labels by the share of the positive class, since one half may call nobody.
    rule: dict[str, Any] = {"positive": 1, "threshold": float(np.mean(y))} if k == 2 else {}
    return metric.score(np.concatenate(truths), raw, **rule)


def _in_time(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    if column is None or column not in frame.columns:
        return np.arange(len(frame))
    return np.argsort(frame[column].to_numpy(), kind="stable")


CHANCE_TEST = Analysis(
    name="chance_test",
    tool="modelwright.analyses.chance_test:chance_test",
    result=ChanceTest,
    rank=1,
    share=0.15,
    least=1.0,
    applies=lambda case: case.judgement.verdict == "not usable" or case.judgement.better < 0.95,
)
