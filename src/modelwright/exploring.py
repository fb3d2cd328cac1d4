"""Answers explorations of the data with aggregates, in a worker process.

Levels held by fewer rows than the privacy floor are pooled, and columns of personal data are left out, so that an
answer may go wherever a profile may go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from modelwright.aggregates import numbers_of, quantiles_of
from modelwright.executors import Done, Workplace
from modelwright.fitting import rows_of

MAX_LEVELS = 30
MAX_BUCKETS = 60
FREQUENCIES = {"h": "h", "d": "D", "w": "W", "m": "MS", "q": "QS", "y": "YS", "a": "YS", "min": "min"}


def explore(
    place: Workplace,
    *,
    requests: Mapping[str, Any],
    target: str,
    n_classes: int,
    personal: Sequence[str],
    floor: int,
) -> Done:
    """Answer requests on the input ``rows``; see the tool ``explore_dataset`` for what can be asked.

    Args:
        place: the workplace.
        requests: what is asked.
        target: name of the target column.
        n_classes: 0 for regression.
        personal: columns that aren't summarised.
        floor: rows that a level or a bucket must have to be told.
    """
    frame, y = rows_of(place.inputs["rows"], target, n_classes)
    frame = frame.drop(columns=[c for c in personal if c in frame.columns])
    # Codes of two classes average to a rate; more classes have no order to average over.
    value = pd.Series(y.astype(float), name=target)
    answers: dict[str, Any] = {}
    for name, asked in requests.items():
        if name == "class_distributions":
            answers[name] = {c: _levels(frame[c], floor) for c in _known(asked, frame)}
        elif name == "correlation_matrix" and asked:
            answers[name] = _correlations(frame)
        elif name == "outlier_summary":
            answers[name] = {c: _outliers(frame[c], floor) for c in _known(asked, frame) if _numeric(frame[c])}
        elif name == "temporal_trend":
            answers[name] = _trend(frame, value, asked, floor)
        elif name == "group_stats":
            answers[name] = _groups(frame, value, asked, floor)
        elif name == "errors" and "oof" in place.inputs:
            answers[name] = _errors(frame, y, np.load(place.inputs["oof"], allow_pickle=False), asked, n_classes, floor)
        elif name == "feature_target_corr_by_group":
            answers[name] = _by_group(frame, value, asked, floor)
    return Done(answers, {})


def _errors(
    frame: pd.DataFrame, y: np.ndarray, oof: np.ndarray, asked: Any, n_classes: int, floor: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Where out-of-fold errors concentrate: the mean loss of a part of the rows over that of all.

    The loss is the log loss for classes and the absolute error for numbers. Numbers are cut at their quartiles.
    """
    seen = np.isfinite(oof).reshape(len(oof), -1).all(axis=1)
    rows = np.arange(len(y))
    loss = -np.log(np.clip(oof[rows, y], 1e-15, 1.0)) if n_classes else np.abs(oof - y)
    errors = pd.Series(np.where(seen, loss, np.nan))
    whole = float(errors.mean()) or 1.0
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in _known(asked, frame):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            parts = column.astype(object).where(column.notna(), "(missing)")
        elif _numeric(column):
            parts = _quarters(column, floor)
        else:
            continue
        grouped = errors.groupby(parts.astype(str).to_numpy())
        counts, means = grouped.count(), grouped.mean()
        shown = counts[counts >= floor].sort_values(ascending=False).head(MAX_LEVELS).index
        found[name] = {
            str(part): {"rows": int(counts[part]), "relative_loss": round(float(means[part]) / whole, 3)}
            for part in shown
        }
    return found


def _quarters(column: pd.Series, floor: int) -> pd.Series:
    """Which quarter of a column's values each row is in, named by bounds that aren't any row's own value."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    known = quantiles_of(np.sort(values[np.isfinite(values)]), floor)
    cuts = sorted({cut for cut in known[2:5] if cut == cut})
    names = [f"up to {b:g}" if a is None else f"above {a:g}" if b is None else f"{a:g} to {b:g}"
             for a, b in zip((None, *cuts), (*cuts, None), strict=True)] if cuts else ["(all)"]  # fmt: skip
    parts = np.array(names, dtype=object)[np.digitize(values, cuts, right=True)]
    return pd.Series(np.where(np.isnan(values), "(missing)", parts), index=column.index)


def _known(asked: Any, frame: pd.DataFrame) -> list[str]:
    return [c for c in asked if isinstance(c, str) and c in frame.columns] if isinstance(asked, list | tuple) else []


def _numeric(column: pd.Series) -> bool:
    return column.dtype.kind in "fiu"


def _column(asked: Any, key: str, frame: pd.DataFrame) -> str | None:
    name = asked.get(key) if isinstance(asked, Mapping) else None
    return name if isinstance(name, str) and name in frame.columns else None


def _levels(column: pd.Series, floor: int) -> dict[str, int]:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return {}
    counts = column.value_counts()
    shown = counts[counts >= floor].head(MAX_LEVELS)
    told = {str(k): int(v) for k, v in shown.items()}
    rest = int(counts.sum()) - int(shown.sum())
    return told | ({"(other)": rest} if rest >= floor else {})


def _correlations(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    numeric = frame[[c for c in frame.columns if _numeric(frame[c])][:50]]
    sample = numeric if len(numeric) <= 20_000 else numeric.sample(20_000, random_state=0)
    table = sample.corr("spearman").round(3)
    return {str(a): {str(b): float(v) for b, v in row.dropna().items()} for a, row in table.iterrows()}


def _outliers(column: pd.Series, floor: int) -> dict[str, float | None]:
    values = column.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if len(values) < 100:
        return {}
    ordered = np.sort(values)
    numbers, _ = numbers_of(ordered, floor)
    quantiles = quantiles_of(ordered, floor) or (None,)
    figures = {
        "p1": quantiles[0],
        "p99": quantiles[-1],
        "outlier_frac_3std": numbers.get("outliers"),
        "mean": numbers.get("mean"),
        "std": numbers.get("std"),
    }
    return {k: None if v is None or v != v else v for k, v in figures.items()}


def _trend(frame: pd.DataFrame, value: pd.Series, asked: Any, floor: int) -> dict[str, float]:
    time = _column(asked, "time_column", frame)
    if time is None or frame[time].dtype.kind != "M":
        return {}
    wish = str(asked.get("freq", "D")).lower().rstrip("se")
    bucket = pd.Grouper(key="time", freq=FREQUENCIES.get(wish, "D"))
    groups = pd.DataFrame({"time": frame[time], "value": value}).dropna().groupby(bucket)["value"].agg(["mean", "size"])
    told = groups[groups["size"] >= floor].tail(MAX_BUCKETS)
    return {str(k): float(f"{m:.4g}") for k, m in told["mean"].items()}


def _groups(frame: pd.DataFrame, value: pd.Series, asked: Any, floor: int) -> dict[str, dict[str, float]]:
    group = _column(asked, "group_column", frame)
    if group is None or not isinstance(frame[group].dtype, pd.CategoricalDtype):
        return {}
    table = value.groupby(frame[group].to_numpy()).agg(["mean", "std", "size"])
    told = table[table["size"] >= floor].sort_values("size", ascending=False).head(MAX_LEVELS)
    return {
        str(k): {"mean": float(f"{r['mean']:.4g}"), "std": float(f"{r['std']:.4g}"), "count": int(r["size"])}
        for k, r in told.iterrows()
    }


def _by_group(frame: pd.DataFrame, value: pd.Series, asked: Any, floor: int) -> dict[str, dict[str, float]]:
    group = _column(asked, "group_column", frame)
    if group is None or not isinstance(frame[group].dtype, pd.CategoricalDtype):
        return {}
    wanted = _known(asked.get("feature_columns"), frame) or list(frame.columns)
    features = [c for c in wanted if _numeric(frame[c])][:20]
    told: dict[str, dict[str, float]] = {}
    for level, rows in frame[features].groupby(frame[group].to_numpy()):
        if len(rows) >= max(floor, 30) and len(told) < MAX_LEVELS:
            rho = rows.corrwith(value.loc[rows.index], method="spearman").dropna().round(3)
            told[str(level)] = {str(k): float(v) for k, v in rho.items()}
    return told
