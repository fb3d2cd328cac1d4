"""Choosing columns of a frame and changing what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import categorical, choose, column, replace_columns, sort_of, texts
from modelwright.transforms._keys import number_text


class Dropper(FrameTransformer):
    """See :class:`DropColumns`."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = list(dict.fromkeys(column(X, name, "drop_columns") for name in self.columns or ()))
        if not self.uses_:
            raise NotApplicable("drop_columns: no columns were named")
        if len(self.uses_) == X.shape[1]:
            raise NotApplicable("drop_columns: that would leave no column")

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The frame without the columns; it is fine when they are missing already."""
        return X.drop(columns=self.uses_, errors="ignore")

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return self.transform(X)


class Keeper(FrameTransformer):
    """See :class:`KeepColumns`."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        wanted = {column(X, name, "keep_columns") for name in self.columns or ()}
        if not wanted:
            raise NotApplicable("keep_columns: no columns were named")
        self.uses_ = [str(name) for name in X.columns if name in wanted]

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return X[self.uses_]


class Categoriser(FrameTransformer):
    """See :class:`AsCategory`."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        if self.columns is None:
            raise NotApplicable("as_category: name the columns that hold codes, not quantities")
        self.uses_ = choose(X, self.columns, ("numeric", "text", "datetime", "category"), "as_category")

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return replace_columns(X, {name: _as_category(X[name]) for name in self.uses_})


def _as_category(series: pd.Series[Any]) -> pd.Categorical:
    sort = sort_of(series)
    if sort == "category":
        return pd.Categorical(series)
    if sort == "text":
        values = texts(series)
        labels = sorted({v for v in values if v})
        return pd.Categorical([v or None for v in values], categories=labels)
    codes, found = pd.factorize(series, sort=True)
    read = str if sort == "datetime" else number_text
    return categorical(codes, [read(v) for v in found])


class Numberer(FrameTransformer):
    """See :class:`AsNumeric`."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        names = choose(X, self.columns, ("category", "text"), "as_numeric")
        self.uses_ = [name for name in names if _readable(X[name]) > 0.5]
        if not self.uses_:
            raise NotApplicable("as_numeric: in none of the columns half of the values can be read as numbers")

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return replace_columns(X, {name: _parsed(X[name]) for name in self.uses_})


def _parsed(series: pd.Series[Any]) -> Any:
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = _finite(pd.Series([str(level) for level in series.cat.categories], dtype="str"))
        return np.append(levels, np.nan)[series.cat.codes.to_numpy()]
    return _finite(series)


def _finite(series: pd.Series[Any]) -> Any:
    values = pd.to_numeric(series.astype("str").str.strip(), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isinf(values), np.nan, values)


def _readable(series: pd.Series[Any]) -> float:
    """Share of the known values that read as numbers."""
    known = int(series.notna().sum())
    return float((~np.isnan(_parsed(series))).sum()) / known if known else 0.0
