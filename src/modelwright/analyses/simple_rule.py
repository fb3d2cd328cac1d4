"""Would a rule of one or two conditions do as well?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.analyses import Analysis
from modelwright.analyses._judged import Judged, judged, shown
from modelwright.comparing import compare
from modelwright.diagnostics import SimpleRule, figure
from modelwright.executors import Done, Workplace
from modelwright.fitting import rows_of
from modelwright.hashing import plain
from modelwright.tasks.metrics import gain

ENOUGH = 0.98
"""Share of the model's gain over a constant from which a rule is said to do as well."""
MOST_ROWS = 50_000
MOST_LEVELS = 30

Condition = tuple[str, str, Any]
"""A column and what is asked of it: its ``value`` (with the median, for gaps, and whether there are any), a ``level``,
or ``missing``."""


def simple_rule(place: Workplace, *, case: dict[str, Any]) -> Done:
    """The best tree with one and with two conditions on the original columns, beside the model (Holte 1993).

    Fitted on the development rows, scored on the sealed ones. Conditions name levels only where enough rows have them,
    and never values of personal columns. The value is a :class:`~modelwright.diagnostics.SimpleRule` or ``None`` when
    no column can be split.
    """
    found = judged(place, case)
    asked = found.case
    rows, truth = rows_of(place.inputs["rows"], asked.target, asked.n_classes)
    if len(truth) > MOST_ROWS:
        kept = np.sort(np.random.default_rng([place.seed, 59]).choice(len(truth), MOST_ROWS, replace=False))
        rows, truth = rows.iloc[kept], truth[kept]
    columns = [name for name in rows.columns if name not in asked.personal]
    conditions = _conditions(rows[columns], asked.floor)
    if not conditions:
        return Done(None, {})
    learn, check = (_matrix(part, conditions) for part in (rows, found.frame))
    best = None
    for leaves in (2, 3):
        tree, raw = _fitted(learn, truth, check, leaves, asked.n_classes, asked.floor)
        if best is None or gain(found.metric, found.score(raw), found.score(best[1])) > 0:
            best = (tree, raw)
    assert best is not None
    return Done(plain(_beside(found, truth, *best, conditions)), {})


def _beside(found: Judged, truth: np.ndarray, tree: Any, raw: np.ndarray, conditions: list[Condition]) -> SimpleRule:
    """The rule beside the model."""
    metric, k = found.metric, found.classes
    constant = np.tile(np.bincount(truth.astype(np.int64), minlength=k) / len(truth), (len(found.y), 1)) if k else (
        np.full(len(found.y), truth.mean())
    )  # fmt: skip
    none, score, model = (found.score(p) for p in (constant, raw, found.raw))
    gained = gain(metric, model, none)
    share = gain(metric, score, none) / gained if gained > 0 else 0.0
    lines, used = _words(tree, conditions, found)
    comparison = compare(
        metric, found.y, found.raw, raw, name="a simple rule", role="rule", resamples=found.resamples, **found.rule
    )
    worse = comparison.distinguishable and comparison.gain > 0
    enough = bool(share >= ENOUGH and not worse)
    splits = int(tree.tree_.node_count // 2)
    if enough:
        sentence = (
            f"You don't need a model: a rule with {splits} condition{'s' if splits > 1 else ''} reaches {metric.name} "
            f"{shown(metric, score)}, the model {shown(metric, model)}."
        )
    else:
        sentence = (
            f"The best rule with one or two conditions reaches {metric.name} {shown(metric, score)}, the model "
            f"{shown(metric, model)}."
        )
    return SimpleRule(tuple(lines), splits, tuple(used), metric.name, score, comparison, share, enough, sentence)


def _conditions(rows: pd.DataFrame, floor: int) -> list[Condition]:
    """What a rule may ask of these rows."""
    found: list[Condition] = []
    for name in rows.columns:
        column = rows[name]
        missing = int(column.isna().sum())
        if floor <= missing <= len(column) - floor:
            found.append((name, "missing", None))
        if isinstance(column.dtype, pd.CategoricalDtype):
            counts = column.value_counts()
            found += [(name, "level", level) for level in counts.index[counts >= floor][:MOST_LEVELS]]
        elif pd.api.types.is_numeric_dtype(column) and column.notna().any():
            found.append((name, "value", (float(column.median()), missing > 0)))
    return found


def _matrix(rows: pd.DataFrame, conditions: list[Condition]) -> np.ndarray:
    made = np.empty((len(rows), len(conditions)))
    for j, (name, kind, value) in enumerate(conditions):
        column = rows[name]
        if kind == "missing":
            made[:, j] = column.isna().to_numpy()
        elif kind == "level":
            made[:, j] = (column == value).fillna(False).to_numpy(dtype=bool)
        else:
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            made[:, j] = np.clip(np.where(np.isfinite(values), values, value[0]), -1e30, 1e30)
    return made


def _fitted(
    learn: np.ndarray, truth: np.ndarray, check: np.ndarray, leaves: int, k: int, floor: int
) -> tuple[Any, np.ndarray]:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    least = max(floor, len(truth) // 200)
    kind = DecisionTreeClassifier if k else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=leaves, min_samples_leaf=least, random_state=0).fit(learn, truth)
    if not k:
        return tree, np.asarray(tree.predict(check))
    raw = np.zeros((len(check), k))
    raw[:, np.asarray(tree.classes_, dtype=np.int64)] = tree.predict_proba(check)
    # A leaf without a row of some class isn't certain; as if each class had been seen once more in a hundred rows.
    return tree, 0.99 * raw + 0.01 / k


def _words(tree: Any, conditions: list[Condition], found: Judged) -> tuple[list[str], list[str]]:
    """The rule in words, one line a leaf, and the columns it looks at."""
    inner = tree.tree_
    lines: list[str] = []
    used: list[str] = []
    classes = found.case.problem.classes

    def outcome(node: int) -> str:
        value = inner.value[node][0]
        if not classes:
            return figure(value[0])
        shares = value / value.sum()
        if len(classes) == 2:
            place = list(tree.classes_).index(1) if 1 in tree.classes_ else None
            return f"{classes[1]!r} in {0.0 if place is None else shares[place]:.0%} of the cases"
        top = int(shares.argmax())
        return f"{classes[int(tree.classes_[top])]!r} in {shares[top]:.0%} of the cases"

    def walk(node: int, asked: list[str]) -> None:
        if inner.children_left[node] < 0:
            lines.append(f"if {' and '.join(asked)}: {outcome(node)}" if asked else f"always: {outcome(node)}")
            return
        name, kind, value = conditions[inner.feature[node]]
        if name not in used:
            used.append(name)
        yes, no = _asked(name, kind, value, float(inner.threshold[node]))
        walk(int(inner.children_right[node]), [*asked, yes])
        walk(int(inner.children_left[node]), [*asked, no])

    walk(0, [])
    return lines, used


def _asked(name: str, kind: str, value: Any, limit: float) -> tuple[str, str]:
    """A condition and its opposite in words."""
    if kind == "missing":
        return f"{name!r} is missing", f"{name!r} is there"
    if kind == "level":
        return f"{name!r} is {str(value)!r}", f"{name!r} is not {str(value)!r}"
    at_gaps = " or missing" if value[1] else ""
    above, below = (at_gaps, "") if value[0] > limit else ("", at_gaps)
    return f"{name!r} > {figure(limit)}{above}", f"{name!r} ≤ {figure(limit)}{below}"


SIMPLE_RULE = Analysis(
    name="simple_rule",
    tool="modelwright.analyses.simple_rule:simple_rule",
    result=SimpleRule,
    rank=4,
    share=0.03,
    least=0.3,
)
