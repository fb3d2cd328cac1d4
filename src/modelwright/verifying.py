"""What workers measure to see whether a model fulfils the user's demands: speed, size, directions, rates, fairness."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelwright.comparing import confidence
from modelwright.constraining import disparity, measured
from modelwright.executors import Done, Workplace
from modelwright.fitting import assembled, rows_of
from modelwright.hashing import plain, restore
from modelwright.intervals import Resamples, stretches
from modelwright.judgement import Verified
from modelwright.persistence import load_model
from modelwright.pipeline import raw_predictions
from modelwright.pooling import Mean
from modelwright.problem import Constraints, Problem
from modelwright.readers import conform
from modelwright.table import Schema
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import to_labels

WARM = 40
"""Predictions of one row that a median is taken of."""
COLD = 3
"""Predictions before them, which load and compile what the first ones need."""
GRID = 15
"""Values that a column is moved through to see whether the prediction keeps its direction."""
SWEPT = 200
"""Rows that are moved."""
SLACK = 1e-9
"""Step against the direction, as a share of the predictions' range, that is rounding."""


def weigh_members(
    place: Workplace, *, schema: dict[str, Any], target: str, n_classes: int, monotone: Mapping[str, int], count: int
) -> Done:
    """What each fitted member costs in use (inputs ``member_0`` … and ``rows``).

    The value holds ``overhead_ms`` (reading one row) and for each member ``one_row_ms``, ``bytes`` and ``bends``, the
    share of steps in which it goes against a demanded direction.
    """
    columns = restore(Schema, schema)
    frame, _ = rows_of(place.inputs["rows"], target, n_classes)
    one = frame.iloc[:1].reset_index(drop=True)
    members = []
    for i in range(count):
        path = place.inputs[f"member_{i}"]
        model = load_model(path)
        _, median, _ = _timed(lambda model=model: raw_predictions(model, one, bool(n_classes)))
        bends = [_sweep(model, frame, name, sign, n_classes, place.seed)[0] for name, sign in monotone.items()]
        members.append({"one_row_ms": median, "bytes": path.stat().st_size, "bends": max(bends, default=0.0)})
    overhead = _timed(lambda: conform(one, columns))[1]
    return Done({"overhead_ms": overhead, "members": members}, {})


def verify(
    place: Workplace,
    *,
    problem: dict[str, Any],
    schema: dict[str, Any],
    weights: Sequence[float],
    calibration: dict[str, Any] | None,
    threshold: float | None,
    estimators: Sequence[str],
    interpretable: bool,
    allowed: bool,
    fit_seconds: float,
    other_bytes: int,
    mean: Mean = "arithmetic",
) -> Done:
    """Measure the delivered model (input ``model``) against every demand.

    Speed, size and directions are those of the delivered model; rates and differences between groups are those of the
    judged one (inputs ``member_0`` …) on the sealed rows (``holdout``, ``units``), which the delivered one may know.

    Args:
        place: the workplace.
        problem: what was asked.
        schema: the columns that the model takes.
        weights: shares of the judged members.
        calibration: how their mixture is corrected.
        threshold: for two classes, from which probability a row is called positive.
        estimators: names of the estimators that the delivered model is made of.
        interpretable: whether a person can read it.
        allowed: whether the demands allow each of its estimators.
        fit_seconds: of fitting all its members once.
        other_bytes: size of the bundle's files besides the model.
        mean: which mean of the judged members' predictions their mixture is.

    Returns:
        The value is a list of :class:`~modelwright.judgement.Verified`, as plain JSON.
    """
    asked, columns = restore(Problem, problem), restore(Schema, schema)
    demands, n_classes = asked.constraints, len(asked.classes)
    frame, y = rows_of(place.inputs["holdout"], asked.target.value, n_classes)
    found = _of_model(place, asked, columns, frame, other_bytes, fit_seconds)
    found += _of_kind(demands, estimators, interpretable, allowed, columns)
    if demands.fairness or n_classes == 2:
        judged = assembled(place, weights, n_classes, calibration, mean=mean)
        raw = raw_predictions(judged, frame, bool(n_classes))
        with np.load(place.inputs["units"], allow_pickle=False) as stored:
            units = {name: stored[name] for name in stored.files}
        timed = asked.time_column.value is not None
        drawn = stretches(len(y), units.get("groups"), units.get("times")) if timed else units.get("groups")
        resamples = Resamples(len(y), place.seed, drawn)
        called = to_labels(raw, threshold) if n_classes else raw
        found += _rates(demands, y, called, resamples) if n_classes == 2 else []
        found += _groups(demands, y, called, units, n_classes, resamples)
    if n_classes != 2:
        found += _needs_two_classes(demands)
    found += [
        Verified("note", note, how="This demand can't be checked by the machine; check it yourself.")
        for note in demands.notes
    ]
    return Done(plain(found), {})


# ── the delivered model ──────────────────────────────────────────────────────────────────────────────────────────


def _of_model(
    place: Workplace, asked: Problem, schema: Schema, frame: pd.DataFrame, other_bytes: int, fit_seconds: float
) -> list[Verified]:
    demands, n_classes = asked.constraints, len(asked.classes)
    path, found = Path(place.inputs["model"]), []
    model = load_model(path)
    if demands.latency_ms is not None:
        task = all_tasks()[asked.task.value]
        one = frame.iloc[:1].reset_index(drop=True)
        many = frame.iloc[np.resize(np.arange(len(frame)), 1_000)].reset_index(drop=True)

        def predict(rows: pd.DataFrame) -> None:
            raw = raw_predictions(model, conform(rows, schema).frame, bool(n_classes))
            task.predictions(raw, asked.classes, None)

        cold, median, late = _timed(lambda: predict(one))
        started = time.perf_counter()
        predict(many)
        each = time.perf_counter() - started
        found.append(
            Verified(
                "latency_ms", f"one row predicted within {demands.latency_ms:g} ms", median,
                f"{median:.3g} ms (median of {WARM} single rows; 95 % within {late:.3g} ms; the first after loading "
                f"took {cold:.3g} ms; in batches of a thousand {each:.3g} ms a row)",
                median <= demands.latency_ms,
                "The delivered model was loaded from disk and given one row at a time, reading of the row included.",
                limit=demands.latency_ms, unit="ms", details={"cold": cold, "p95": late, "in_batches": each},
            )
        )  # fmt: skip
    if demands.model_bytes is not None:
        size = path.stat().st_size + other_bytes
        found.append(
            Verified(
                "model_bytes", f"a bundle of at most {_size(demands.model_bytes)}", float(size), _size(size),
                size <= demands.model_bytes,
                "Size of the bundle's files on disk; card and manifest are estimated, rather too large than too small.",
                limit=float(demands.model_bytes), unit="bytes",
            )
        )  # fmt: skip
    if demands.training_seconds is not None:
        found.append(
            Verified(
                "training_seconds", f"fitted within {demands.training_seconds:g} s", fit_seconds,
                f"{fit_seconds:.3g} s", fit_seconds <= demands.training_seconds,
                "Seconds of fitting all members of the delivered model once, one after the other, on one core here.",
                limit=demands.training_seconds, unit="s",
            )
        )  # fmt: skip
    for name, sign in demands.monotone.items():
        found.append(_direction(model, frame, name, sign, n_classes, place.seed))
    return found


def _timed(call: Any) -> tuple[float, float, float]:
    """Milliseconds of the first call, and of later ones the median and the 95 % quantile."""
    spent = []
    for _ in range(COLD + WARM):
        started = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - started))
    return spent[0], float(np.median(spent[COLD:])), float(np.quantile(spent[COLD:], 0.95))


def _direction(model: Any, frame: pd.DataFrame, name: str, sign: int, n_classes: int, seed: int) -> Verified:
    word = "rise" if sign > 0 else "fall"
    told = Verified("monotone", f"the prediction may only {word} with {name!r}", unit="share", limit=0.0)
    if n_classes > 2:
        return replace(told, how="With several classes no direction of the prediction is defined.")
    if name not in frame.columns:
        return replace(told, passed=True, found="the model doesn't use the column", how="The column is left out.")
    if not pd.api.types.is_numeric_dtype(frame[name]):
        return replace(told, how="The column's values are not numbers, so that they have no direction.")
    share, worst, moved = _sweep(model, frame, name, sign, n_classes, seed)
    against = (
        f"{share:.2%} of the steps go against it, by up to {worst:.4g}" if share > 0 else "no step goes against it"
    )
    return replace(
        told, figure=share, found=f"{against} ({moved:,} steps)", passed=share == 0,
        how=f"Up to {SWEPT} sealed rows were moved through {GRID} values of the column, all else unchanged.",
        details={"worst": worst},
    )  # fmt: skip


def _sweep(
    model: Any, frame: pd.DataFrame, name: str, sign: int, n_classes: int, seed: int
) -> tuple[float, float, int]:
    """Move rows through a column's values: share of steps against a direction, the largest of them, steps."""
    if name not in frame.columns or not pd.api.types.is_numeric_dtype(frame[name]) or n_classes > 2:
        return 0.0, 0.0, 0
    known = frame[name].to_numpy(dtype=np.float64)
    values = np.unique(np.quantile(known[np.isfinite(known)], np.linspace(0, 1, GRID))) if len(known) else known
    if len(values) < 2:
        return 0.0, 0.0, 0
    picked = np.random.default_rng([seed, 23]).permutation(len(frame))[:SWEPT]
    rows = frame.iloc[np.repeat(np.sort(picked), len(values))].reset_index(drop=True)
    rows[name] = np.tile(values, len(picked))
    raw = raw_predictions(model, rows, bool(n_classes))
    raw = (raw[:, 1] if n_classes else raw).reshape(len(picked), len(values))
    steps = sign * np.diff(raw, axis=1)
    against = steps < -SLACK * max(float(np.ptp(raw)), 1e-300)
    return float(against.mean()), float(-steps.min(initial=0.0)), int(steps.size)


def _of_kind(
    demands: Constraints, estimators: Sequence[str], interpretable: bool, allowed: bool, schema: Schema
) -> list[Verified]:
    """What can be said without measuring: kinds of models and columns."""
    used, found = ", ".join(dict.fromkeys(estimators)), []
    if demands.interpretable:
        alone = interpretable and len(estimators) == 1
        said = "a model that a person can read"
        how = "One model of a kind that a person can read; several mixed are not."
        found.append(Verified("interpretable", said, found=used, passed=alone, how=how))
    if demands.allow or demands.avoid:
        words = [f"only {_listed(demands.allow)}"] if demands.allow else []
        words += [f"no {_listed(demands.avoid)}"] if demands.avoid else []
        how = "The estimators that the delivered model is made of."
        found.append(Verified("estimators", "; ".join(words), found=used, passed=allowed, how=how))
    if demands.exclude_columns:
        kept = [name for name in demands.exclude_columns if name in schema]
        said = f"without {_listed(demands.exclude_columns)}"
        shown = f"it uses {_listed(kept)}" if kept else "it takes none of them"
        how = "The columns that the delivered model takes."
        found.append(Verified("exclude_columns", said, found=shown, passed=not kept, how=how))
    return found


def _listed(names: Sequence[str]) -> str:
    shown = [repr(name) for name in names[:8]]
    return ", ".join(shown) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _size(size: float) -> str:
    """Bytes for people, in powers of a thousand as disks are sold."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.3g} {unit}"
    return f"{size:.0f} bytes"


# ── rates on the sealed rows ─────────────────────────────────────────────────────────────────────────────────────


def _rates(demands: Constraints, y: np.ndarray, called: np.ndarray, resamples: Resamples) -> list[Verified]:
    """Recall, precision and costs of the calls."""
    found = []
    wishes = (
        ("min_recall", "recall", demands.min_recall, y == 1, "of the positive sealed rows are caught"),
        ("min_precision", "precision", demands.min_precision, called == 1, "of the sealed rows called positive are"),
    )
    for name, title, limit, among, words in wishes:
        if limit is None:
            continue
        told = Verified(name, f"{title} of at least {limit:.4g}", limit=limit, unit="share")
        if not among.any():
            found.append(replace(told, how="There is no such row among the sealed ones."))
            continue
        right = ((y == called) & among).astype(np.float64)
        rate = float(right.sum() / among.sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            again = np.concatenate([(w @ right) / (w @ among.astype(np.float64)) for w in resamples])
        low, high = confidence(rate, again, int(among.sum()))
        found.append(
            replace(
                told, figure=rate, low=max(0.0, low), high=min(1.0, high), passed=rate >= limit,
                found=f"{rate:.1%} {words} (95 % interval {max(0.0, low):.1%} to {min(1.0, high):.1%})",
                how="Judged model, sealed rows, with the threshold chosen on out-of-fold predictions.",
                details={"rows": float(among.sum())},
            )
        )  # fmt: skip
    if demands.cost_miss is not None and demands.cost_false_alarm is not None:
        found.append(_cost(demands.cost_miss, demands.cost_false_alarm, y, called, resamples))
    elif demands.cost_miss is not None or demands.cost_false_alarm is not None:
        how = "Only one of the two costs is known; a threshold follows from both."
        found.append(Verified("cost", "the costs of mistakes", how=how))
    return found


def _cost(miss: float, alarm: float, y: np.ndarray, called: np.ndarray, resamples: Resamples) -> Verified:
    each = np.where((y == 1) & (called == 0), miss, np.where((y == 0) & (called == 1), alarm, 0.0))
    cost = float(each.mean())
    again = np.concatenate([(w @ each) / w.sum(axis=1) for w in resamples])
    low, high = confidence(cost, again, resamples.n_units)
    never, always = miss * float((y == 1).mean()), alarm * float((y == 0).mean())
    limit = min(never, always)
    return Verified(
        "cost", f"a miss costs {miss:g} and a false alarm {alarm:g}: cheaper than any rule without a model", cost,
        f"{cost:.4g} a row (95 % interval {max(0.0, low):.4g} to {high:.4g}); calling no row positive would cost "
        f"{never:.4g}, calling every row positive {always:.4g}",
        cost <= limit, "Judged model, sealed rows, with the threshold chosen on out-of-fold predictions.",
        max(0.0, low), high, limit, "cost a row", {"never": never, "always": always},
    )  # fmt: skip


def _groups(
    demands: Constraints,
    y: np.ndarray,
    called: np.ndarray,
    units: Mapping[str, np.ndarray],
    n_classes: int,
    resamples: Resamples,
) -> list[Verified]:
    found = []
    for i, fair in enumerate(demands.fairness):
        measure = measured(fair, n_classes)
        title = {"error": "mean absolute error, as a share of the overall one,"}.get(measure, measure.replace("_", " "))
        told = Verified(
            "fairness", f"{title} alike between groups of {fair.column!r}, within {fair.tolerance:g}",
            limit=fair.tolerance, unit="share", how="Judged model, sealed rows.",
        )  # fmt: skip
        if (measure == "error") != (n_classes == 0) or (n_classes > 2 and measure not in ("accuracy",)):
            found.append(
                replace(told, how=f"This measure isn't defined for {'numbers' if not n_classes else 'classes'}.")
            )
            continue
        if f"fair_{i}" not in units:
            found.append(replace(told, how="The sealed rows don't have the column."))
            continue
        names = [str(name) for name in units[f"fair_{i}_names"]]
        gap, low, high, rates = disparity(measure, y, called, units[f"fair_{i}"], names, resamples)
        if gap is None:
            found.append(replace(told, how="Fewer than two groups have enough sealed rows.", details=rates))
            continue
        ordered = sorted(rates.items(), key=lambda item: -item[1])
        found.append(
            replace(
                told, figure=gap, low=low, high=high, passed=gap <= fair.tolerance, details=rates,
                found=f"they differ by up to {gap:.3g} (95 % interval {low:.3g} to {high:.3g}): {ordered[0][0]!r} "
                f"{ordered[0][1]:.3g}, {ordered[-1][0]!r} {ordered[-1][1]:.3g}",
            )
        )  # fmt: skip
    return found


def _needs_two_classes(demands: Constraints) -> list[Verified]:
    wishes = (
        ("min_recall", "recall", demands.min_recall), ("min_precision", "precision", demands.min_precision),
        ("cost", "the costs of mistakes", demands.cost_miss or demands.cost_false_alarm),
    )  # fmt: skip
    how = "It speaks of misses and false alarms, which only a choice between two classes has."
    return [Verified(name, title, how=how, limit=value) for name, title, value in wishes if value is not None]
