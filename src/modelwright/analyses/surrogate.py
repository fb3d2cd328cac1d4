"""Can the model be said in a few rules? A shallow tree that imitates it, and how well it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis
from modelwright.analyses._ground import Ground, ground
from modelwright.diagnostics import figure
from modelwright.executors import Done, Workplace
from modelwright.explanation import Condition, Rule, Surrogate
from modelwright.hashing import plain
from modelwright.references import named_levels
from modelwright.tasks.metrics import find_metric

DEEPEST = 4
ROWS = 4_000
HELD = 5_000
LEVELS = 20
SLACK = 0.02
"""Fidelity that a level less may cost."""


@dataclass(frozen=True)
class _Feature:
    """A column of numbers that the tree may split: a number, a date in days, or whether a level is there."""

    column: str
    kind: str
    level: str = ""

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        column = frame[self.column]
        if self.kind == "level":
            return (column.astype(object) == self.level).to_numpy(dtype=np.float64)
        if self.kind == "date":
            moments = column.to_numpy(dtype="datetime64[us]")
            return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 86_400e6)
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)


@dataclass(frozen=True)
class _Node:
    """A node: a leaf has no feature. Rows with a value up to the threshold go left."""

    rows: np.ndarray
    feature: _Feature | None = None
    threshold: float = 0.0
    missing_left: bool = False
    has_missing: bool = False
    left: _Node | None = None
    right: _Node | None = None


def surrogate(place: Workplace, *, case: dict[str, Any]) -> Done:
    """A tree of at most four levels over the original columns, fitted to the model's own predictions.

    It learns from predictions for development rows, is as shallow as costs little, and is compared with the model on
    the sealed rows, which neither has seen. The value is a :class:`~modelwright.explanation.Surrogate` or ``None``.
    """
    here = ground(place, case)
    frame = here.rows.iloc[here.sample(here.rows, ROWS)].reset_index(drop=True)
    features = _features(here, frame)
    if not features or len(frame) < 5 * here.case.floor or not len(here.held):
        return Done(None, {})
    raw = here.raw(frame)
    watched = raw[:, None] if raw.ndim == 1 else raw[:, 1:] if raw.shape[1] == 2 else raw
    if np.ptp(watched, axis=0).max() <= 0:
        return Done(None, {})
    matrix = np.column_stack([f.values(frame) for f in features])
    least = max(here.case.floor, len(frame) // 100, 1)
    kept = np.random.default_rng([here.seed, 43]).permutation(len(frame))
    learn, check = np.sort(kept[len(kept) // 3 :]), np.sort(kept[: len(kept) // 3])
    by_depth = {}
    for depth in range(1, DEEPEST + 1):
        tree = _grown(features, matrix[learn], watched[learn], depth, least)
        told = _predicted(tree, frame.iloc[check], raw[learn])
        by_depth[depth] = _fidelity(told, raw[check])
    depth = min(d for d, f in by_depth.items() if f >= max(by_depth.values()) - SLACK)
    tree = _grown(features, matrix, watched, depth, least)
    held, held_truth = here.held.head(HELD), here.held_truth[:HELD]
    told = _predicted(tree, held, raw)
    metric = find_metric(here.case.problem.metric.value)
    score = metric.score(
        held_truth, told, positive=1 if here.case.n_classes == 2 else None, threshold=here.case.threshold
    )
    several = here.case.n_classes > 2
    outcome = "the most likely class" if several else here.outcome()
    classes = here.case.problem.classes if several else ()
    rules = tuple(_rules(tree, raw, classes, len(frame), ()))
    found = Surrogate(
        rules,
        "\n".join(_lines(tree, raw, classes, 0)),
        _fidelity(told, here.raw(held)),
        "agreement" if several else "R²",
        depth,
        len(held),
        float(score) if np.isfinite(score) else None,
        outcome,
    )
    return Done(plain(found), {})


def _features(here: Ground, frame: pd.DataFrame) -> list[_Feature]:
    """What rules may be about: no texts, no personal columns, no levels below the floor."""
    found: list[_Feature] = []
    for name in frame.columns:
        column = frame[name]
        if name in here.case.personal:
            continue
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels = [level for level, _ in named_levels(column, max(1, here.case.floor))][:LEVELS]
            # Of two levels one tells everything, unless rows may have neither.
            levels = levels[:1] if len(levels) == 2 and len(column.cat.categories) == 2 else levels
            found += [_Feature(name, "level", level) for level in levels]
        elif column.dtype.kind in "fM":
            found.append(_Feature(name, "date" if column.dtype.kind == "M" else "number"))
    return found


def _grown(features: list[_Feature], matrix: np.ndarray, y: np.ndarray, depth: int, least: int) -> _Node:
    """A scikit-learn tree with thresholds that a person would write; rows are dealt out anew by them."""
    from sklearn.tree import DecisionTreeRegressor

    fitted = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=least, random_state=0).fit(matrix, y)
    tree = fitted.tree_

    def node(at: int, rows: np.ndarray) -> _Node:
        if tree.children_left[at] < 0:
            return _Node(rows)
        j = int(tree.feature[at])
        values = matrix[rows, j]
        threshold = _rounded(float(tree.threshold[at]), matrix[:, j], features[j])
        missing = bool(tree.missing_go_to_left[at])
        goes_left = np.where(np.isnan(values), missing, values <= threshold)
        if goes_left.sum() < least or (~goes_left).sum() < least:
            return _Node(rows)
        left, right = (
            node(int(tree.children_left[at]), rows[goes_left]),
            node(int(tree.children_right[at]), rows[~goes_left]),
        )
        gaps = bool(np.isnan(matrix[:, j]).any())
        return replace(
            _Node(rows, has_missing=gaps),
            feature=features[j],
            threshold=threshold,
            missing_left=missing,
            left=left,
            right=right,
        )

    return node(0, np.arange(len(matrix)))


def _rounded(threshold: float, values: np.ndarray, feature: _Feature) -> float:
    """To about a hundredth of the middle half's width; whole where values are whole; days for dates."""
    if feature.kind == "level":
        return 0.5
    known = values[~np.isnan(values)]
    if feature.kind == "date" or (known == np.floor(known)).all():
        return float(np.floor(threshold))
    spread = float(np.subtract(*np.quantile(known, (0.75, 0.25)))) or float(np.ptp(known))
    return float(np.round(threshold, int(np.clip(2 - np.floor(np.log10(max(spread, 1e-300))), -300, 300))))


def _predicted(tree: _Node, frame: pd.DataFrame, raw: np.ndarray) -> np.ndarray:
    """The mean raw prediction of each row's leaf."""
    found = np.empty((len(frame), *raw.shape[1:]))

    def deal(node: _Node, places: np.ndarray) -> None:
        if node.feature is None or node.left is None or node.right is None:
            found[places] = raw[node.rows].mean(axis=0)
            return
        values = node.feature.values(frame.iloc[places])
        goes_left = np.where(np.isnan(values), node.missing_left, values <= node.threshold)
        deal(node.left, places[goes_left])
        deal(node.right, places[~goes_left])

    deal(tree, np.arange(len(frame)))
    return found


def _fidelity(told: np.ndarray, raw: np.ndarray) -> float:
    if raw.ndim == 2 and raw.shape[1] > 2:
        return float((told.argmax(axis=1) == raw.argmax(axis=1)).mean())
    told, raw = (told, raw) if raw.ndim == 1 else (told[:, 1], raw[:, 1])
    spread = float(((raw - raw.mean()) ** 2).sum())
    return 1 - float(((raw - told) ** 2).sum()) / spread if spread > 0 else 0.0


def _conditions(node: _Node) -> tuple[Condition, Condition]:
    """What leads to the left and what to the right."""
    feature = node.feature
    assert feature is not None
    if feature.kind == "level":
        return Condition(feature.column, "is not", feature.level, True), Condition(feature.column, "is", feature.level)
    left, right = node.has_missing and node.missing_left, node.has_missing and not node.missing_left
    if feature.kind == "date":
        # Whole days: up to the threshold means before the day after it.
        day = str(np.datetime64(int(node.threshold) + 1, "D"))
        return Condition(feature.column, "before", day, left), Condition(feature.column, "from", day, right)
    value = f"{node.threshold:.10g}"
    return Condition(feature.column, "≤", value, left), Condition(feature.column, ">", value, right)


def _said(raw: np.ndarray, classes: tuple[str, ...]) -> tuple[float, str]:
    mean = raw.mean(axis=0)
    if raw.ndim == 1:
        return float(mean), ""
    if not classes:
        return float(mean[1]), ""
    return float(mean.max()), classes[int(mean.argmax())]


def _rules(
    node: _Node, raw: np.ndarray, classes: tuple[str, ...], total: int, conditions: tuple[Condition, ...]
) -> list[Rule]:
    if node.left is None or node.right is None:
        value, label = _said(raw[node.rows], classes)
        return [Rule(conditions, value, len(node.rows) / total, label)]
    left, right = _conditions(node)
    return [
        *_rules(node.left, raw, classes, total, (*conditions, left)),
        *_rules(node.right, raw, classes, total, (*conditions, right)),
    ]


def _lines(node: _Node, raw: np.ndarray, classes: tuple[str, ...], depth: int) -> list[str]:
    indent = "    " * depth
    if node.left is None or node.right is None:
        value, label = _said(raw[node.rows], classes)
        return [f"{indent}{label or 'predict'} ({value:.3g})" if label else f"{indent}{figure(value)}"]
    lines = []
    for condition, child in zip(_conditions(node), (node.left, node.right), strict=True):
        level = condition.relation in ("is", "is not")
        missing = " or missing" if condition.missing and not level else ""
        shown = repr(condition.value) if level else condition.value
        lines.append(f"{indent}{' '.join(condition.column.split())} {condition.relation} {shown}{missing}:")
        lines += _lines(child, raw, classes, depth + 1)
    return lines


SURROGATE = Analysis(
    name="surrogate",
    tool="modelwright.analyses.surrogate:surrogate",
    result=Surrogate,
    rank=20,
    share=0.04,
    least=0.5,
)
