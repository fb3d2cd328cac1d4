"""Computes a profile: aggregates of a data set in which no single row can be recognised.

How rows are kept out of it: a level is named only when at least ``floor`` rows have it; a quantile is the mean of the
``floor`` rows around it (microaggregation, Domingo-Ferrer and Mateo-Sanz 2002) and is held back when fewer than
``floor`` rows lie beyond it; there are no smallest and largest values; mean and spread that one or two rows dominate
(the dominance rule of statistical disclosure control, Hundepool et al. 2012) are taken with those rows pulled in; dates
are as coarse as it takes for ``floor`` rows to share them; of text only lengths are measured; and of columns that
look like personal data nothing but the share of missing values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelwright.action import did_you_mean
from modelwright.aggregates import (
    SHARES,
    edge,
    finite_of,
    keys_of,
    lengths_of,
    levels_of,
    mixed,
    numbers_of,
    quantiles_of,
    run_lengths,
    shapes_of,
)
from modelwright.association import Relation, nearest_anchors, strongest_pairs
from modelwright.errors import RequestError
from modelwright.profile import NAMING, Column, Profile
from modelwright.table import Field, Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SAMPLE = 20_000
FEW_VALUES = 20
LEVELLED = ("boolean", "category", "constant")


def printable(text: str, limit: int = 60) -> str:
    """A foreign text made harmless for a terminal and for messages.

    Control characters, line breaks, invisible characters and those that change the writing direction become ``�``;
    what is longer than ``limit`` characters is shortened in the middle.
    """
    clean = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else c for c in text)
    if len(clean) <= limit:
        return clean
    tail = limit // 3
    return f"{clean[: limit - tail - 1]}…{clean[len(clean) - tail :]}"


def profile(frame: pd.DataFrame, schema: Schema, target: str | None = None, floor: int = 10) -> Profile:
    """Compute the aggregates of a data set that may leave the machine.

    Associations and the lengths of texts are measured on a fixed random sample of at most 20,000 rows (fewer when
    there are more than 1,000 columns), everything else on all rows.

    Args:
        frame: columns with the types described in :mod:`modelwright.table`.
        schema: what each column is.
        target: the column to predict, if it is known.
        floor: rows that must share a figure for it to be shown; 10 is a customary threshold for published tables.

    Raises:
        RequestError: when the target isn't a column or the floor is below 1.
    """
    import numpy as np

    if floor < 1:
        raise RequestError("The privacy floor must be at least 1 row.")
    if target is not None and target not in schema:
        near = did_you_mean(target, schema.names)
        raise RequestError(f"There is no column {printable(target)!r}{near}.")
    rows = len(frame)
    rng = np.random.default_rng(0)
    size = min(rows, SAMPLE, max(2_000, SAMPLE * 1_000 // max(1, len(schema.fields))))
    sample = np.sort(rng.choice(rows, size=size, replace=False)) if size < rows else np.arange(rows)

    relation = Relation(frame, schema, target, sample, floor)
    hashes = np.zeros(rows, dtype=np.uint64)
    columns: list[Column] = []
    for field in schema.fields:
        series = frame[field.name]
        if field.kind in (*LEVELLED, "id") and not hasattr(series, "cat"):
            series = series.astype("category")
        keys = keys_of(series, field)
        hashes = mixed(hashes, keys)
        columns.append(_column(series, keys, field, sample, floor, relation))
    ordered = np.sort(hashes)
    duplicates = int(np.count_nonzero(ordered[1:] == ordered[:-1])) if columns else 0

    target_levels, target_numbers, missing_target = _target(frame, target, columns, floor)
    return Profile(
        rows=rows,
        columns=tuple(columns),
        target=target or "",
        target_levels=target_levels,
        target_numbers=target_numbers,
        duplicates=duplicates,
        pairs=strongest_pairs(frame, schema, target, sample, floor),
        anchors=nearest_anchors(frame, schema, target, sample, floor),
        floor=floor,
        sampled=int(sample.size),
        cautions=tuple(_table_cautions(rows, columns, duplicates, target_levels, target_numbers, missing_target)),
    )


def as_dict(profile: Profile) -> dict[str, Any]:
    """The profile under the keys of the tool ``profile_dataset``.

    By privacy, ``sample`` is always an empty list; ``min`` and ``max`` in ``numeric_stats`` are the 1 % and 99 %
    quantiles (the outermost that may be shown, ``None`` where none may); ``target_distribution`` leaves out classes
    with fewer rows than the floor; ``feature_target_corr`` holds strengths from 0 to 1 without a sign, strongest first.
    """
    dtypes = {"numeric": "float64", "datetime": "datetime64[us]", "text": "str"}
    labelled = sum(count for _, count in profile.target_levels)
    balance = {name: round(100 * count / labelled, 2) for name, count in profile.target_levels}
    classes = profile[profile.target].distinct if profile.target and profile.target_levels else 0
    strengths = {c.name: c.association for c in profile.columns if c.association is not None}
    return {
        "shape": [profile.rows, len(profile.columns)],
        "columns": [c.name for c in profile.columns],
        "dtypes": {c.name: dtypes.get(c.kind, "category") for c in profile.columns},
        "numeric_columns": [c.name for c in profile.columns if c.kind == "numeric"],
        "categorical_columns": [c.name for c in profile.columns if c.kind in ("category", "boolean")],
        "target_distribution": dict(profile.target_levels),
        "class_balance": balance,
        "missing_pct": {c.name: round(100 * c.missing, 2) for c in profile.columns},
        "numeric_stats": {c.name: _stats(c) for c in profile.columns if c.numbers},
        "feature_target_corr": dict(sorted(strengths.items(), key=lambda item: -item[1])),
        "n_classes": classes,
        "is_imbalanced": bool(balance) and (min(balance.values()) < 20 or len(balance) < classes),
        "sample": [],
    }


def _stats(column: Column) -> dict[str, float | None]:
    shown = [q for q in column.quantiles if q == q]
    return {
        "mean": column.numbers.get("mean"),
        "std": column.numbers.get("std"),
        "min": shown[0] if shown else None,
        "max": shown[-1] if shown else None,
        "median": column.quantiles[3] if column.quantiles and column.quantiles[3] == column.quantiles[3] else None,
    }


# ── one column ──


def _column(
    series: pd.Series, keys: np.ndarray, field: Field, sample: np.ndarray, floor: int, relation: Relation
) -> Column:
    import numpy as np

    present = len(series) - int(series.isna().sum())
    missing = 1 - present / len(series) if len(series) else 0.0
    if field.personal:
        caution = f"looks like personal data ({field.personal}); nothing is shown of its values"
        return Column(field.name, field.kind, missing, personal=field.personal, cautions=(caution,))
    association = relation.strength(series, field)
    if field.kind in LEVELLED or field.kind == "id":
        codes = keys.view(np.int64)
        counts = np.bincount(codes[codes >= 0])
        distinct = int(np.count_nonzero(counts))
        levels, hidden = levels_of(series, counts, floor) if field.kind in LEVELLED else ((), 0)
        top = counts.max(initial=0) / present if present else 0.0
        cautions = _cautions(field, missing, present, distinct, top, association)
        return Column(
            field.name, field.kind, missing, distinct, levels=levels, hidden_levels=hidden, association=association,
            cautions=tuple(cautions),
        )  # fmt: skip
    if field.kind == "text":
        lengths = lengths_of(series.iloc[sample], floor)
        distinct = int(keys.view(np.int64).max(initial=-1)) + 1
        cautions = _cautions(field, missing, present, distinct, 0.0, None)
        shapes = shapes_of(series.iloc[sample], floor)
        return Column(
            field.name, field.kind, missing, distinct, lengths=lengths, shapes=shapes, cautions=tuple(cautions)
        )

    if field.kind == "datetime":
        values = series.to_numpy("datetime64[us]")
        ordered = np.sort(values[~np.isnat(values)])
        steps = np.diff(values[~np.isnat(values)])
        distinct, top = run_lengths(ordered)
        cautions = _cautions(field, missing, present, distinct, top, association)
        back = float((steps < np.timedelta64(0)).mean()) if steps.size else 0.0
        if 0 < back < 0.1:
            cautions.append("here and there the rows step back in time, as where several series follow each other")
        span = (edge(ordered, floor, last=False), edge(ordered, floor, last=True))
        return Column(
            field.name, field.kind, missing, distinct, span=span if all(span) else (), association=association,
            cautions=tuple(cautions),
        )  # fmt: skip

    ordered = finite_of(series)
    distinct, top = run_lengths(ordered)
    numbers, dominated = numbers_of(ordered, floor)
    cautions = _cautions(field, missing, present, distinct, top, association)
    naming = relation.naming(series, field)
    if naming is not None and naming >= NAMING:
        cautions.append("its values say more of the target as names than as a quantity")
    if dominated:
        cautions.append("one or two extreme values dominate; mean and spread are taken with them pulled in")
    elif numbers and distinct > FEW_VALUES and (abs(numbers["skew"]) > 3 or numbers["outliers"] > 0.02):
        cautions.append("heavy tails: a few values lie far from the rest")
    return Column(
        field.name, field.kind, missing, distinct, numbers=numbers, quantiles=quantiles_of(ordered, floor),
        association=association, naming=naming, cautions=tuple(cautions),
    )  # fmt: skip


# ── target and cautions ──


def _target(
    frame: pd.DataFrame, target: str | None, columns: Sequence[Column], floor: int
) -> tuple[tuple[tuple[str, int], ...], Mapping[str, float], float]:
    """The target's classes, its figures, and the share of rows without it."""
    import numpy as np

    if target is None:
        return (), {}, 0.0
    column = next(c for c in columns if c.name == target)
    if column.kind != "numeric" or column.personal:
        return column.levels, {}, column.missing
    labels = [f"q{round(100 * share):02d}" for share in SHARES]
    shown = {label: q for label, q in zip(labels, column.quantiles, strict=False) if q == q}
    levels: tuple[tuple[str, int], ...] = ()
    if 0 < column.distinct <= FEW_VALUES:
        values, counts = np.unique(finite_of(frame[target]), return_counts=True)
        if bool((values == np.round(values)).all()):
            common = [(f"{v:.0f}", int(c)) for v, c in zip(values, counts, strict=True) if c >= floor]
            levels = tuple(sorted(common, key=lambda level: (-level[1], level[0])))
    return levels, {**column.numbers, **shown}, column.missing


def _cautions(
    field: Field, missing: float, present: int, distinct: int, top: float, association: float | None
) -> list[str]:
    found = []
    if present == 0:
        return ["holds nothing at all"]
    if missing > 0.5:
        found.append(f"mostly missing ({missing:.0%})")
    if field.kind != "constant" and top >= 0.99 and distinct > 1:
        found.append(f"nearly constant: {min(top, 0.9999):.2%} of the known values are the same")
    if association is not None and association >= 0.98:
        found.append("almost equal to the target: is it really known when a prediction is needed?")
    if field.kind == "category" and distinct > 100:
        found.append(f"many levels ({distinct:,})")
    return found


def _table_cautions(
    rows: int,
    columns: Sequence[Column],
    duplicates: int,
    classes: tuple[tuple[str, int], ...],
    numbers: Mapping[str, float],
    missing_target: float,
) -> list[str]:
    found = []
    if rows < 500:
        found.append(f"there are only {rows:,} rows, so every figure about a model will be uncertain")
    if len(columns) > max(1, rows):
        found.append(f"there are more columns ({len(columns):,}) than rows ({rows:,})")
    if duplicates:
        found.append(f"{duplicates:,} rows ({duplicates / rows:.1%}) repeat an earlier row")
    if missing_target > 0:
        found.append(f"the target is missing in {missing_target:.1%} of the rows")
    if len(classes) > 1:
        rarest, total = min(count for _, count in classes), sum(count for _, count in classes)
        if rarest / total < 0.4 / len(classes):
            found.append(f"the classes are unbalanced: the rarest named one has {rarest / total:.1%} of the rows")
    elif numbers and abs(numbers.get("skew", 0.0)) > 3:
        found.append("the target has heavy tails: a few values lie far from the rest")
    empty = [c for c in columns if c.missing > 0.5]
    if empty:
        found.append(f"{len(empty)} of {len(columns)} columns {'is' if len(empty) == 1 else 'are'} mostly missing")
    personal = [c for c in columns if c.personal]
    if personal:
        verb = "column looks" if len(personal) == 1 else "columns look"
        found.append(f"{len(personal)} {verb} like personal data and nothing is shown of the values")
    return found
