"""Views: how a frame of mixed columns is presented to an estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Choice, Flag, Integer, Param, Real
from modelwright.recipe import Setting
from modelwright.transforms import View, filled

SMOOTHING = Real("smoothing", "weight of the overall mean in target encoding, in rows", 10.0, low=0.0, high=1e4)
COMPONENTS = Integer("n_components", "main components kept of each text column's TF-IDF", 20, low=1, high=300)
TEXT_FEATURES = Integer("max_text_features", "n-grams kept of each text column", 20_000, low=10, high=500_000)


class Trees(View):
    """One number a column, missing kept."""

    name: ClassVar[str] = "trees"
    description: ClassVar[str] = (
        "One number a column with missing values kept: numbers as they are, categories as ranks (with many levels "
        "also as target means and counts), dates as parts, text as components. For tree models."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice(
            "order", "how levels are ranked; in natural order neighbours are more often alike (codes, 1st to 3rd)",
            "natural", values=("natural", "frequency"), search=("natural", "frequency"),
        ),
        Integer("max_levels_onehot", "up to how many levels a category gets indicators instead", 0, low=0, high=100),
        Integer("target_levels", "beyond how many levels target means and counts are added", 10, low=1, high=100_000),
        SMOOTHING, COMPONENTS, TEXT_FEATURES,
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.View`; the result is a ``float64`` array."""
        from modelwright.transforms._views import TreeView

        return TreeView(
            **filled(self, params), n_classes=setting.n_classes, seed=setting.seed, time_column=setting.time_column
        )


class Native(View):
    """A frame of numbers and categories."""

    name: ClassVar[str] = "native"
    description: ClassVar[str] = (
        "A frame of numbers and of categories with the levels of training, rare ones pooled. For estimators that "
        "split on categories themselves. Columns are called f0, f1, …, since libraries refuse many real names; an "
        "arrow after it says that the prediction must rise or fall with the column."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Integer(
            "max_levels", "levels kept of a category; beyond, target means and counts are added. 250 is what every "
            "estimator with categories takes; CatBoost does better with all levels", 250, low=2, high=1_000_000,
        ),
        Integer("min_count", "training rows that a level needs to be kept", 2, low=1, high=1_000, search=(1, 10)),
        SMOOTHING, COMPONENTS, TEXT_FEATURES,
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.View`; the result is a frame, unseen levels are missing."""
        from modelwright.transforms._views import NativeView

        return NativeView(
            **filled(self, params), n_classes=setting.n_classes, seed=setting.seed, monotone=dict(setting.monotone),
            time_column=setting.time_column,
        )  # fmt: skip


TAME = Flag("tame_skew", "whether very skewed columns go through asinh before scaling", True)
CLIP = Real("clip", "beyond how many units of scale values are clipped", 6.0, low=1.0, high=1e6)
MAX_COLUMNS = Integer("max_columns", "beyond how many columns their main directions are taken", 300, low=2, high=5_000)


class Linear(View):
    """Scaled and one-hot encoded."""

    name: ClassVar[str] = "linear"
    description: ClassVar[str] = (
        "Scaled numbers with nothing missing, indicators for levels (rare ones pooled), cyclic dates, TF-IDF of "
        "text; sparse when wide. For linear models."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice(
            "scaling", "how numbers are scaled", "standard",
            values=("standard", "robust", "quantile"), search=("standard", "quantile"),
        ),
        CLIP, TAME,
        Integer("min_count", "training rows that a level needs for its own indicator", 3, low=1, high=1_000,
                search=(1, 20), log=True),
        Integer("max_levels", "indicators for one column at most", 5_000, low=2, high=100_000),
        Integer("target_levels", "beyond how many levels target means and counts are added", 50, low=1, high=100_000),
        SMOOTHING, TEXT_FEATURES,
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.View`; the result is an array or, when wide, a CSR matrix."""
        from modelwright.transforms._views import ScaledView

        return ScaledView(
            **filled(self, params), n_components=1, max_columns=0, compact=False, unit=False,
            n_classes=setting.n_classes, seed=setting.seed, time_column=setting.time_column,
        )  # fmt: skip


class Dense(View):
    """Scaled, dense and narrow."""

    name: ClassVar[str] = "dense"
    description: ClassVar[str] = (
        "Scaled numbers with nothing missing in a dense matrix of few columns: indicators for small categories, "
        "target means for large ones, components for text. For neural nets, kernels and neighbours."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice(
            "scaling", "how numbers are scaled", "quantile",
            values=("standard", "robust", "quantile"), search=("standard", "quantile"),
        ),
        CLIP, TAME,
        Integer("min_count", "training rows that a level needs for its own indicator", 5, low=1, high=1_000),
        Integer("target_levels", "beyond how many levels target means and counts replace indicators", 30, low=1,
                high=1_000),
        SMOOTHING, COMPONENTS, TEXT_FEATURES, MAX_COLUMNS,
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.View`; the result is a ``float64`` array."""
        from modelwright.transforms._views import ScaledView

        return ScaledView(
            **filled(self, params), max_levels=1_000, compact=True, unit=False,
            n_classes=setting.n_classes, seed=setting.seed, time_column=setting.time_column,
        )  # fmt: skip


class Positive(View):
    """Dense, all values from 0 to 1."""

    name: ClassVar[str] = "positive"
    description: ClassVar[str] = (
        "A dense matrix with all values from 0 to 1: numbers as ranks, indicators, target means. For estimators that "
        "count, such as naive Bayes."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Integer("min_count", "training rows that a level needs for its own indicator", 5, low=1, high=1_000),
        Integer("target_levels", "beyond how many levels target means and counts replace indicators", 30, low=1,
                high=1_000),
        SMOOTHING, COMPONENTS, TEXT_FEATURES, MAX_COLUMNS,
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.View`; the result is a ``float64`` array."""
        from modelwright.transforms._views import ScaledView

        return ScaledView(
            **filled(self, params), scaling="uniform", clip=6.0, tame_skew=False, max_levels=1_000, compact=True,
            unit=True, n_classes=setting.n_classes, seed=setting.seed,
            time_column=setting.time_column,
        )  # fmt: skip
