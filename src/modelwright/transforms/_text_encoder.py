"""Texts as numbers, added to the frame."""

from __future__ import annotations

from typing import Any

import pandas as pd

from modelwright.transforms._blocks import Block, TextNumbers
from modelwright.transforms._encoders import BlockAdder
from modelwright.transforms._frames import choose


class TextEncoder(BlockAdder):
    """See :class:`TextFeatures` for the parameters."""

    def __init__(
        self, columns: Any, n_components: int, max_features: int, score: bool, keep: bool, n_classes: int, seed: int
    ) -> None:
        self.columns, self.n_components, self.max_features = columns, n_components, max_features
        self.score, self.keep, self.n_classes, self.seed = score, keep, n_classes, seed

    def _blocks(self, X: pd.DataFrame) -> list[Block]:
        self.uses_ = choose(X, self.columns, ("text",), "text_features")
        return [TextNumbers(name, self.n_components, self.max_features, self.seed) for name in self.uses_]

    def _fit(self, X: pd.DataFrame, y: Any, cross_fit: bool) -> list[Any]:
        return super()._fit(X, y if self.score else None, cross_fit)
