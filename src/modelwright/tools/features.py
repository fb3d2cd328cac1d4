"""Tools that make, choose and resample features. Everything they ask for is learnt inside each training fold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelwright.action import Action, Choice, Columns, Flag, Integer, Numbers, Real, Text
from modelwright.errors import ProgramError
from modelwright.recipe import Use
from modelwright.tools import Bench, tool
from modelwright.tools.data import check_target

ENGINEER = Action(
    "engineer_features",
    "tool",
    "Features of each group's own past, then filling, scaling and dropping.",
    (
        Text("group_column", "the column whose groups have a past of their own; empty for none", ""),
        Text("time_column", "the column that orders rows; empty for the order of the rows", ""),
        Columns("rolling_columns", "columns to summarise over windows", ()),
        Numbers("windows", "window lengths in rows", (6, 24), low=2, high=100_000, whole=True),
        Columns("lag_columns", "columns to look back on", ()),
        Numbers("lags", "how many rows to look back", (1,), low=1, high=100_000, whole=True),
        Flag("normalize", "scale numeric columns to mean 0 and standard deviation 1", False),
        Text("target_column", "the column to predict; never touched", ""),
        Columns("drop_columns", "columns to leave out", ()),
        Choice("fillna_method", "how missing values are filled", None, True, values=("forward", "zero", "drop")),
    ),
)
SELECT = Action(
    "select_features",
    "tool",
    "Keep the columns that matter.",
    (
        Choice(
            "method",
            "how columns are chosen",
            "mutual_info",
            values=("mutual_info", "variance_threshold", "correlation_filter", "model"),
        ),
        Integer("k", "how many columns mutual_info or model keeps", 20, low=1, high=10_000),
        Real("threshold", "variance below which, or correlation above which, a column goes", None, True, low=0.0),
        Columns("keep_columns", "columns that stay in any case", ()),
    ),
)
RESAMPLE = Action(
    "resample_dataset",
    "tool",
    "Change how often the classes occur in the rows that models are fitted on; never in rows they are judged on.",
    (
        Choice("strategy", "how", "smote", values=("oversample", "undersample", "smote")),
        Real("target_ratio", "rarer over commoner class afterwards", 0.2, low=0.0, high=1.0, open_low=True),
        Integer("k_neighbors", "neighbours that smote interpolates between", 5, low=1, high=100),
        Integer("random_state", "accepted for compatibility; the run's seed decides", 42, low=0, high=2**31 - 1),
    ),
)
FRAME = ("feature", "preprocessing", "selection")


@tool
def transform_dataset(bench: Bench, data: str, action: str, params: dict[str, Any] | None = None) -> str:
    """Apply any registered feature, preprocessing or selection action.

    Args:
        bench: the workbench.
        data: the data.
        action: its name, as ``modelwright actions`` lists it.
        params: its parameters.

    Returns:
        A data handle.
    """
    return bench.keep(bench.data(data).then(bench.checked(_use(action, params), *FRAME)))


@tool
def prepare_dataset(bench: Bench, data: str, view: str, params: dict[str, Any] | None = None) -> str:
    """Choose how the data is presented to the estimator, instead of what suits the estimator by default.

    Args:
        bench: the workbench.
        data: the data.
        view: ``"trees"``, ``"native"``, ``"linear"``, ``"dense"`` or ``"positive"``.
        params: its parameters.

    Returns:
        A data handle.
    """
    return bench.keep(replace(bench.data(data), view=bench.checked(_use(view, params), "view")))


@tool
def engineer_features(bench: Bench, data: str, config: dict[str, Any]) -> str:
    """Make rolling and lag features from each group's past, then fill, scale and drop, in this order.

    New columns are called ``{col}_mean_{w}``, ``{col}_std_{w}``, ``{col}_min_{w}``, ``{col}_max_{w}`` and
    ``{col}_lag_{n}``.

    Args:
        bench: the workbench.
        data: the data.
        config: group_column, time_column, rolling_columns, windows, lag_columns, lags, normalize, target_column,
            drop_columns, fillna_method (``"forward"``, ``"zero"`` or ``"drop"``; rows are never dropped, models that
            can't take missing values fill them).

    Returns:
        A data handle.
    """
    given = ENGINEER.resolved(ENGINEER.validate(config))
    for name in (given["group_column"], given["time_column"], *given["rolling_columns"], *given["lag_columns"]):
        _known(bench, data, name)
    order = {k: given[k] for k in ("group_column", "time_column") if given[k]}
    uses = []
    if given["rolling_columns"] and given["windows"]:
        uses.append(
            Use("rolling", {"columns": given["rolling_columns"], "windows": given["windows"], **order}),
        )
    if given["lag_columns"] and given["lags"]:
        uses.append(Use("lags", {"columns": given["lag_columns"], "lags": given["lags"], **order}))
    if given["fillna_method"] in ("forward", "zero"):
        uses.append(Use("fill_missing", {"method": given["fillna_method"]}))
    if given["normalize"]:
        uses.append(Use("scale", {"method": "standard"}))
    dropped = tuple(c for c in given["drop_columns"] if c != bench.target)
    if dropped:
        uses.append(Use("drop_columns", {"columns": dropped}))
    return bench.keep(bench.data(data).then(*(bench.checked(u, *FRAME) for u in uses)))


@tool
def select_features(bench: Bench, data: str, target_column: str, config: dict[str, Any] | None = None) -> str:
    """Keep the columns that matter, chosen inside each training fold.

    Args:
        bench: the workbench.
        data: the data.
        target_column: the column to predict.
        config: method (``"mutual_info"`` with k, ``"variance_threshold"`` or ``"correlation_filter"`` with threshold,
            ``"model"`` with k) and keep_columns.

    Returns:
        A data handle.
    """
    check_target(bench, target_column)
    given = SELECT.resolved(SELECT.validate(config))
    keep = {"keep_columns": given["keep_columns"]} if given["keep_columns"] else {}
    level = {} if given["threshold"] is None else {"threshold": given["threshold"]}
    use = {
        "mutual_info": Use("select_k_best", {"k": given["k"], "method": "mutual_info", **keep}),
        "model": Use("select_by_model", {"k": given["k"], **keep}),
        "variance_threshold": Use("variance_threshold", {**level, **keep}),
        "correlation_filter": Use("correlation_filter", {**level, **keep}),
    }[given["method"]]
    return bench.keep(bench.data(data).then(bench.checked(use, *FRAME)))


@tool
def resample_dataset(bench: Bench, data: str, target_column: str, config: dict[str, Any] | None = None) -> str:
    """Resample the classes of the rows that models are fitted on. Rows that models are judged on stay as they are.

    Args:
        bench: the workbench.
        data: the data.
        target_column: the column to predict.
        config: strategy (``"oversample"``, ``"undersample"``, ``"smote"``), target_ratio (default 0.2, at most 1),
            k_neighbors (default 5).

    Returns:
        A data handle.
    """
    check_target(bench, target_column)
    given = RESAMPLE.resolved(RESAMPLE.validate(config))
    params = {"target_ratio": given["target_ratio"]}
    if given["strategy"] == "smote":
        params["k_neighbors"] = given["k_neighbors"]
    use = bench.checked(Use(given["strategy"], params), "resampling")
    return bench.keep(replace(bench.data(data), resampling=use))


def _use(action: Any, params: Any) -> Use:
    if params is not None and not isinstance(params, dict):
        raise ProgramError(f"{str(action)[:80]}: params must be a dictionary", got=repr(params)[:80])
    return Use(str(action), params or {})


def _known(bench: Bench, data: str, name: str) -> None:
    """Refuse a column that neither the data nor an earlier transform has; only plain data can be judged here."""
    if name and not bench.data(data).transforms and name not in bench.schema:
        from modelwright.action import did_you_mean

        raise ProgramError(
            f"there is no column {name[:80]!r}{did_you_mean(name, bench.schema.names)}",
            allowed=", ".join(bench.schema.names[:50]),
        )
