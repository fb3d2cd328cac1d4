"""Tools that look at the data."""

from __future__ import annotations

from typing import Any

from modelwright.action import Action, Choice, Real, Text
from modelwright.errors import ProgramError
from modelwright.tools import Bench, tool

SPLIT = Action(
    "split_dataset",
    "tool",
    "Name a part of the data.",
    (
        Real("test_size", "share of the rows in the test part", 0.2, low=0.0, high=0.9, open_low=True),
        Text("time_column", "split in time by this column; empty for a random split", ""),
        Choice("split_type", "the part to name", "train", values=("train", "test")),
    ),
)


@tool
def profile_dataset(bench: Bench, data: str, target_column: str) -> dict[str, Any]:
    """Aggregates of the data: shape, types, missing shares, quantiles, class balance, relation to the target.

    Args:
        bench: the workbench.
        data: the data.
        target_column: the column to predict.

    Returns:
        shape, columns, dtypes, numeric_columns, categorical_columns, target_distribution, class_balance, missing_pct,
        numeric_stats, feature_target_corr, n_classes, is_imbalanced, and sample, which is always empty: rows never
        leave the store.
    """
    bench.data(data)
    check_target(bench, target_column)
    return bench.profile()


@tool
def split_dataset(
    bench: Bench,
    data: str,
    target_column: str,
    test_size: float = 0.2,
    time_column: str = "",
    split_type: str = "train",
) -> str:
    """Name the training or the test part of the data. Call it once for each part.

    The run judges every model by its own sealed protocol, whatever is split here: a model trained on any part is
    refitted inside each training fold, and its figures are measured on the rows of the validation folds.

    Args:
        bench: the workbench.
        data: the data.
        target_column: the column to predict.
        test_size: share of the rows in the test part.
        time_column: split in time by this column; empty for a random split.
        split_type: ``"train"`` or ``"test"``.

    Returns:
        A data handle.
    """
    from dataclasses import replace

    check_target(bench, target_column)
    given = SPLIT.validate({"test_size": test_size, "time_column": time_column, "split_type": split_type})
    if time_column and time_column not in bench.schema:
        raise ProgramError(f"there is no column {time_column!r}", allowed=", ".join(bench.schema.names[:50]))
    return bench.keep(replace(bench.data(data), part=given["split_type"]))


@tool
def explore_dataset(bench: Bench, data: str, config: dict[str, Any]) -> dict[str, Any]:
    """Answer questions about the data with aggregates. Columns that aren't there are skipped.

    Args:
        bench: the workbench.
        data: the data.
        config: one key a request: class_distributions (list of columns), correlation_matrix (True), temporal_trend
            ({"time_column", "target_column", "freq"}), group_stats ({"group_column", "target_column"}),
            outlier_summary (list of columns), feature_target_corr_by_group ({"group_column", "target_column",
            "feature_columns"}).

    Returns:
        One key for every request.
    """
    bench.data(data)
    known = {
        "class_distributions", "target_column", "correlation_matrix", "temporal_trend", "group_stats",
        "outlier_summary", "feature_target_corr_by_group",
    }  # fmt: skip
    if not isinstance(config, dict):
        raise ProgramError("explore_dataset: config must be a dictionary", allowed=", ".join(sorted(known)))
    unknown = sorted(set(config) - known)
    if unknown:
        raise ProgramError(
            f"explore_dataset can't answer {unknown[0]!r}", got=", ".join(unknown), allowed=", ".join(sorted(known))
        )
    return bench.explore(config)


def check_target(bench: Bench, target_column: str) -> None:
    """Refuse any target but the run's.

    Raises:
        ProgramError: when it is another.
    """
    if target_column != bench.target:
        raise ProgramError(
            "target_column must be the run's target",
            expected=repr(bench.target),
            got=repr(target_column)[:80],
            allowed=repr(bench.target),
        )
