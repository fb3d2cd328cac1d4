"""Missing values of a frame: filling them, and telling where they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.errors import NotApplicable
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._frames import Array, add_columns, choose, numbers, replace_columns, sort_of
from modelwright.transforms._levels import Levels


class Imputer(FrameTransformer):
    """Fills numbers and categories; see :class:`Impute` for the parameters."""

    def __init__(self, strategy: str, columns: Any, fill_value: float, fill_text: str, indicator: bool) -> None:
        self.strategy, self.columns = strategy, columns
        self.fill_value, self.fill_text, self.indicator = fill_value, fill_text, indicator

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("numeric", "category"), "impute")
        self.numbers_: dict[str, float] = {}
        self.texts_: dict[str, str] = {}
        self.marked_: list[str] = []
        for name in self.uses_:
            if sort_of(X[name]) == "numeric":
                values = numbers(X, [name])[:, 0]
                self.numbers_[name] = self._number(values[~np.isnan(values)])
                lost = bool(np.isnan(values).any())
            else:
                levels = Levels.learn(X[name])
                self.texts_[name] = levels.texts[0] if len(levels) and self.strategy != "constant" else self.fill_text
                lost = int(levels.counts.sum()) < len(X)
            if lost and self.indicator:
                self.marked_.append(name)

    def _number(self, known: Array) -> float:
        if self.strategy == "constant" or not known.size:
            return float(self.fill_value)
        if self.strategy == "most_frequent":
            values, counts = np.unique(known, return_counts=True)
            return float(values[counts.argmax()])
        return float(np.median(known) if self.strategy == "median" else np.mean(known))

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        values = numbers(X, list(self.numbers_))
        full = np.where(np.isnan(values), np.array(list(self.numbers_.values())), values)
        made: dict[str, Any] = {name: full[:, j] for j, name in enumerate(self.numbers_)}
        for name, text in self.texts_.items():
            made[name] = _fill_text(X[name], text)
        marks = {f"{name}_missing": X[name].isna().to_numpy(dtype=np.float64) for name in self.marked_}
        return add_columns(replace_columns(X, made), marks)


def _fill_text(series: pd.Series[Any], text: str) -> pd.Series[Any]:
    if not isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype("category")
    if text not in series.cat.categories:
        series = series.cat.add_categories([text])
    return series.fillna(text)


class Marker(FrameTransformer):
    """Adds indicators of missing values; see :class:`MissingIndicators`."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        names = choose(X, self.columns, ("numeric", "category", "datetime", "text"), "missing_indicators")
        share = X[names].isna().to_numpy()
        self.uses_ = [name for j, name in enumerate(names) if share[:, j].any() and not share[:, j].all()]
        if not self.uses_:
            raise NotApplicable("missing_indicators: no column has missing values in some rows only")

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return add_columns(X, {f"{name}_missing": X[name].isna().to_numpy(dtype=np.float64) for name in self.uses_})
