"""Encodings of categories, added to the frame or put in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from modelwright.errors import NotApplicable
from modelwright.transforms._base import FrameTransformer
from modelwright.transforms._blocks import Block, Codes, Frequencies, Indicators, Means, training_goals
from modelwright.transforms._frames import add_columns, categorical, choose, replace_columns
from modelwright.transforms._levels import Levels


class BlockAdder(FrameTransformer):
    """Adds the columns of blocks to the frame, and drops the originals unless they are kept."""

    keep: bool
    n_classes: int = 0
    seed: int = 0

    def _blocks(self, X: pd.DataFrame) -> list[Block]:
        raise NotImplementedError

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self._fit(X, y, cross_fit=False)

    def _learn_apply(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        return self._join(X, self._fit(X, y, cross_fit=True))

    def _fit(self, X: pd.DataFrame, y: Any, cross_fit: bool) -> list[Any]:
        goals, fold = training_goals(y, self.n_classes, self.seed)
        self.blocks_ = self._blocks(X)
        return [b.learn_apply(X, goals, fold if cross_fit else None) for b in self.blocks_]

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return self._join(X, [b.apply(X) for b in self.blocks_])

    def _join(self, X: pd.DataFrame, parts: list[Any]) -> pd.DataFrame:
        made: dict[str, Any] = {}
        for block, part in zip(self.blocks_, parts, strict=True):
            values = part.toarray() if sparse.issparse(part) else part
            for j, name in enumerate(block.names):
                made[name if name not in made else f"{name}_{j}"] = values[:, j]
        return add_columns(X if self.keep else X.drop(columns=self.uses_), made)


class OneHotEncoder(BlockAdder):
    """See :class:`EncodeOnehot` for the parameters."""

    def __init__(self, columns: Any, max_levels: int, min_count: int, keep: bool) -> None:
        self.columns, self.max_levels, self.min_count, self.keep = columns, max_levels, min_count, keep

    def _blocks(self, X: pd.DataFrame) -> list[Block]:
        self.uses_ = choose(X, self.columns, ("category",), "encode_onehot")
        levels = [Levels.learn(X[name]) for name in self.uses_]
        return [Indicators(self.uses_, levels, self.max_levels, self.min_count)]


class OrdinalEncoder(FrameTransformer):
    """See :class:`EncodeOrdinal` for the parameters."""

    def __init__(self, columns: Any, order: str) -> None:
        self.columns, self.order = columns, order

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("category",), "encode_ordinal")
        self.codes_ = [Codes(name, Levels.learn(X[name]), self.order == "natural") for name in self.uses_]
        for block in self.codes_:
            block.learn(X, None)

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        return replace_columns(X, {block.column: block.apply(X)[:, 0] for block in self.codes_})


class TargetEncoder(BlockAdder):
    """See :class:`EncodeTarget` for the parameters."""

    def __init__(self, columns: Any, smoothing: float, keep: bool, n_classes: int, seed: int) -> None:
        self.columns, self.smoothing, self.keep = columns, smoothing, keep
        self.n_classes, self.seed = n_classes, seed

    def _blocks(self, X: pd.DataFrame) -> list[Block]:
        self.uses_ = choose(X, self.columns, ("category",), "encode_target")
        return [Means(name, Levels.learn(X[name]), self.smoothing) for name in self.uses_]

    def _fit(self, X: pd.DataFrame, y: Any, cross_fit: bool) -> list[Any]:
        if y is None or len(X) < 10:
            raise NotApplicable("encode_target: there are too few rows with a target to learn from")
        return super()._fit(X, y, cross_fit)


class CountEncoder(BlockAdder):
    """See :class:`EncodeCounts` for the parameters."""

    def __init__(self, columns: Any, keep: bool) -> None:
        self.columns, self.keep = columns, keep

    def _blocks(self, X: pd.DataFrame) -> list[Block]:
        self.uses_ = choose(X, self.columns, ("category",), "encode_counts")
        return [Frequencies(name, Levels.learn(X[name])) for name in self.uses_]


class Pooler(FrameTransformer):
    """See :class:`RareLevels` for the parameters."""

    def __init__(self, columns: Any, min_share: float, min_count: int, label: str) -> None:
        self.columns, self.min_share, self.min_count, self.label = columns, min_share, min_count, label

    def _learn(self, X: pd.DataFrame, y: Any) -> None:
        self.uses_ = choose(X, self.columns, ("category",), "rare_levels")
        least = max(self.min_count, int(np.ceil(self.min_share * len(X))))
        learnt = {name: Levels.learn(X[name]) for name in self.uses_}
        self.kept_ = {name: levels.most_frequent(len(levels), least) for name, levels in learnt.items()}

    def _apply(self, X: pd.DataFrame) -> pd.DataFrame:
        made = {}
        for name, kept in self.kept_.items():
            labels = [t for t in kept.texts if t != self.label] + [self.label]
            place = {text: i for i, text in enumerate(labels)}
            table = np.array([*(place[t] for t in kept.texts), -1, len(labels) - 1])  # then MISSING, UNSEEN
            made[name] = categorical(table[kept.codes(X[name])], labels)
        return replace_columns(X, made)
