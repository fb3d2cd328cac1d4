"""Features from comparing a row with others like it: bins, counts, statistics of its group, distances to clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Category, Choice, Columns, Flag, Integer, Param
from modelwright.recipe import Setting
from modelwright.transforms import Transform, filled


class Binning(Transform):
    """Numbers as categories."""

    name: ClassVar[str] = "binning"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds numeric columns cut into bins, as categories. Lets linear models follow bends; trees don't need it."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Choice("strategy", "bins with equal rows, of equal width, or around clusters", "quantile",
               values=("quantile", "uniform", "kmeans"), search=("quantile", "kmeans")),
        Integer("bins", "number of bins", 8, low=2, high=100, search=(4, 20)),
        Columns("columns", "which columns; None for all numbers"),
    )  # fmt: skip

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._groups import Binner

        return Binner(**filled(self, params), seed=setting.seed)


class Counts(Transform):
    """How often a combination occurs."""

    name: ClassVar[str] = "counts"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds how many training rows share the row's level, or its combination of levels over several columns: "
        "rare combinations are often telling."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("columns", "which columns; None for all categories"),
        Flag("together", "whether to count the combination of all these columns instead of each", False),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._groups import Counter

        return Counter(**filled(self, params))


class GroupStatistics(Transform):
    """Numbers compared with their group's."""

    name: ClassVar[str] = "group_statistics"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds mean and standard deviation of numeric columns over the training rows of the same level, and the "
        "row's difference from that mean: dear for its district, hot for this machine."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Columns("by", "categories that form the groups; None for up to three with many levels"),
        Columns("columns", "numbers to compare; None for those most related to the target"),
        Flag("difference", "whether to add the difference from the group's mean", True),
        Integer("max_columns", "how many numbers are taken when none are named", 5, low=1, high=100),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._groups import GroupStatistician

        return GroupStatistician(**filled(self, params), n_classes=setting.n_classes, seed=setting.seed)


class ClusterDistances(Transform):
    """Distances to typical rows."""

    name: ClassVar[str] = "cluster_distances"
    category: ClassVar[Category] = "feature"
    description: ClassVar[str] = (
        "Adds the distances to the centres of clusters (k-means on scaled numbers), for places and profiles."
    )
    params: ClassVar[tuple[Param, ...]] = (
        Integer("clusters", "how many", 8, low=2, high=200, search=(4, 40), log=True),
        Columns("columns", "which columns; None for all numbers"),
    )

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Transform`."""
        from modelwright.transforms._groups import ClusterMeter

        return ClusterMeter(**filled(self, params), seed=setting.seed)
