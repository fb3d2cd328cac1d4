"""For rivals that are bare estimators: what a careful person does to columns before calling ``fit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

Levels = Mapping[str, pd.Index]


def levels_of(frame: pd.DataFrame) -> Levels:
    """The levels of each column that holds neither numbers nor dates."""
    return {name: pd.Index(frame[name].dropna().astype(str).unique()) for name in frame if _named(frame[name])}


def tidy(frame: pd.DataFrame, levels: Levels) -> pd.DataFrame:
    """Names as categories with the training rows' levels, dates and booleans as numbers, columns by position.

    Some libraries refuse column names with brackets or quotes, so columns are called ``f0``, ``f1`` and so on.
    """
    columns = {}
    for place, name in enumerate(frame.columns):
        column = frame[name]
        if name in levels:
            text = column.astype(str).where(column.notna())
            columns[f"f{place}"] = pd.Series(pd.Categorical(text, categories=levels[name]), index=frame.index)
        elif pd.api.types.is_datetime64_any_dtype(column):
            columns[f"f{place}"] = column.astype("int64").astype("float64").where(column.notna())
        else:
            columns[f"f{place}"] = column.astype("float64")
    return pd.DataFrame(columns)


def answers(estimator: Any, X: pd.DataFrame, classification: bool) -> Any:
    """An estimator's values (n,), or its probabilities (n, k) in columns named by class."""
    if not classification:
        return estimator.predict(X)
    return pd.DataFrame(estimator.predict_proba(X), columns=estimator.classes_)


def _named(column: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    return isinstance(column.dtype, pd.CategoricalDtype) or not numeric
