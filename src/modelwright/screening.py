"""Runs the checks of the data in a worker process, on the development rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.checks import Division, Sample, Stretch, all_checks
from modelwright.executors import Done, Workplace
from modelwright.finding import SEVERITIES, Finding
from modelwright.fitting import rows_of
from modelwright.hashing import plain, restore
from modelwright.problem import Problem
from modelwright.table import Schema

MOST_ROWS = 50_000
"""Rows that are looked at: what a check is to find shows on fewer, and the clock counts."""

STRETCH = 20_000
"""Consecutive rows that are looked at where time matters."""


def screen(
    place: Workplace, *, problem: dict[str, Any], schema: dict[str, Any], unlabelled: int, measured: bool = False
) -> Done:
    """Run every check, one after the other, until the time is over.

    Inputs are ``rows`` (development rows) and ``division`` (``.npz``: ``hashes``, ``sealed``, ``groups`` of all rows,
    and ``times`` and ``own_groups`` of the development rows; see :class:`~modelwright.checks.Sample`).

    Args:
        place: the workplace.
        problem: what was asked.
        schema: the columns that models may use.
        unlabelled: rows of the data without a target.
        measured: whether to measure what a quick model can tell of the target, if there is time.

    Returns:
        The value holds ``findings``, the surest first, ``left_out``, names of checks that there was no time for, and
        ``signal``, a :class:`~modelwright.protocol.Signal` or ``None``.
    """
    asked, columns = restore(Problem, problem), restore(Schema, schema)
    frame, y = rows_of(place.inputs["rows"], asked.target.value, len(asked.classes))
    with np.load(place.inputs["division"], allow_pickle=False) as arrays:
        division = {name: arrays[name] for name in arrays.files}
    picked = _picked(len(y), place.seed)
    sample = Sample(
        frame=frame.iloc[picked].reset_index(drop=True),
        schema=columns,
        y=y[picked],
        problem=asked,
        rows=len(y),
        unlabelled=unlabelled,
        stretch=_stretch(frame, y, division),
        division=Division(division["hashes"], division["sealed"], division["groups"]),
        seed=place.seed,
        stop_at=place.stop_at,
    )
    findings, left_out = run_checks(sample)
    signal = sample.signal() if measured and not sample.late() else None
    value = {"findings": plain(findings), "left_out": left_out, "signal": plain(signal)}
    return Done(value, {}, truncated=bool(left_out))


def run_checks(sample: Sample) -> tuple[list[Finding], list[str]]:
    """Findings of all checks, the surest first, and the names of checks that there was no time for.

    A column that a check is sure of isn't named again by a check that only suspects it.
    """
    findings: list[Finding] = []
    left_out: list[str] = []
    for name, check in all_checks().items():
        if sample.late():
            left_out.append(name)
            continue
        for finding in check.findings(sample):
            if finding.severity == "suspicious" and finding.columns and set(finding.columns) <= _named(findings):
                continue
            findings.append(finding)
            if finding.severity == "clear":
                sample.blamed.update(finding.columns)
        if sample.late():
            left_out.append(name)  # it may have stopped half way
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return findings, left_out


def _named(findings: list[Finding]) -> set[str]:
    return {column for f in findings if f.severity in ("clear", "suspicious") for column in f.columns}


def _picked(n: int, seed: int) -> np.ndarray:
    """Rows that are looked at, in the order of the data."""
    if n <= MOST_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, 20]).choice(n, MOST_ROWS, replace=False))


def _stretch(frame: pd.DataFrame, y: np.ndarray, division: dict[str, np.ndarray]) -> Stretch | None:
    """Consecutive rows in the order of time, group by group; ``None`` where the problem has no time."""
    times = division.get("times")
    if times is None or not len(times):
        return None
    groups = division.get("own_groups")
    groups = np.zeros(len(y), dtype=np.int64) if groups is None or not len(groups) else groups
    order = np.lexsort((times, groups))[:STRETCH]
    return Stretch(frame.iloc[order].reset_index(drop=True), y[order], groups[order])
