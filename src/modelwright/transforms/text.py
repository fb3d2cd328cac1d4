"""Texts from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Columns, Flag, Integer, Param
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


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

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._text_encoder import TextEncoder

        return TextEncoder(**filled(self, params), n_classes=setting.n_classes, seed=setting.seed)
