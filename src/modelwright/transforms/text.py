"""Texts from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd

from modelwright.action import Category, Columns, Flag, Integer, Param
from modelwright.recipe import Setting
from modelwright.transforms import Transform
from modelwright.transforms._base import filled
from modelwright.transforms._blocks import Block, TextNumbers
from modelwright.transforms._frames import choose
from modelwright.transforms.encoding import BlockAdder


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


class TextFeatures(Transform):
    """Texts as numbers."""

    name: ClassVar[str] = "text_features"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds length, words, digits and capitals of texts, the main components of their TF-IDF, and what a linear "
        "model predicts from the n-grams (cross-fitted). The views do so by themselves with fewer components."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("columns", "which columns; None for all texts"),
        Integer("n_components", "components kept", 50, low=1, high=500, search=(10, 100), log=True),
        Integer("max_features", "n-grams kept", 20_000, low=10, high=500_000),
        Flag("score", "whether to add the linear model's prediction", True),
        Flag("keep", "whether the original columns stay", False),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> TextEncoder:
        """See :class:`~modelwright.transforms.Transform`."""
        return TextEncoder(**filled(self, params), n_classes=setting.n_classes, seed=setting.seed)
