"""Choosing among columns. Protected columns always stay, and so do texts, which no single number stands for."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Integer, Param, Real
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


class SelectionTransform(Transform):
    """What the transforms of this module share; ``builds`` names the selector, ``module:class``."""

    category: ClassVar[Category] = "selection"
    builds: ClassVar[str]

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        protected = tuple(name for name in (setting.time_column, setting.group_column) if name is not None)
        selector = resolve_name(self.builds)
        return selector(filled(self, params), protected, setting.n_classes, setting.seed, setting.threads)


KEEP = Columns("keep_columns", "columns that stay in any case")


class SelectKBest(SelectionTransform):
    """The columns most related to the target."""

    name: ClassVar[str] = "select_k_best"
    description: ClassVar[str] = (
        "Keeps the k columns most related to the target one by one, by mutual information or an F-test."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Integer("k", "how many columns stay", 20, low=1, high=10_000, search=(5, 60), log=True),
        Choice("method", "how the relation is measured", "mutual_info", values=("mutual_info", "f_test")),
        KEEP,
    )
    builds = "modelwright.transforms._selectors:BestSelector"


class VarianceThreshold(SelectionTransform):
    """Columns that vary."""

    name: ClassVar[str] = "variance_threshold"
    description: ClassVar[str] = (
        "Leaves out numeric columns whose variance is not above a threshold (in squares of their own unit), and "
        "categories with a single level."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Real("threshold", "largest variance that is left out", 0.01, low=0.0, high=1e12),
        KEEP,
    )
    builds = "modelwright.transforms._selectors:VarianceSelector"


class CorrelationFilter(SelectionTransform):
    """One of each set of twins."""

    name: ClassVar[str] = "correlation_filter"
    description: ClassVar[str] = (
        "Of numeric columns that rank rows nearly alike, keeps the one most related to the target."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Real("threshold", "absolute rank correlation beyond which columns count as twins", 0.95, low=0.1, high=1.0,
             search=(0.8, 0.99)),
        KEEP,
    )  # fmt: skip
    builds = "modelwright.transforms._selectors:CorrelationSelector"


class SelectByModel(SelectionTransform):
    """Columns that a quick model finds useful."""

    name: ClassVar[str] = "select_by_model"
    description: ClassVar[str] = (
        "Keeps the columns that a quick tree model finds more important than columns of pure chance, or the k best."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Integer("k", "how many columns stay; None for all that beat chance", None, low=1, high=10_000, optional=True),
        Choice("model", "which model", "lightgbm", values=("lightgbm", "extra_trees")),
        KEEP,
    )
    builds = "modelwright.transforms._selectors:ModelSelector"
