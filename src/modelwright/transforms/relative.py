"""Regression targets in relation to a column of the same row: yesterday's value, a list price, an estimate.

Trees and neighbours predict means of targets that they have seen: what lies beyond, as where a series drifts, they
can't reach, and what lies between they cut into steps. What is left when a column is taken off the target often needs
neither (differencing: Box and Jenkins, Time series analysis, 1970).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Text
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import RelativeTarget


class Relative(RelativeTarget):
    """What the members of this module share."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    params = (Text("column", "the numeric column of the data that the target is related to; it must be named", ""),)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.RelativeTarget`.

        Raises:
            NotApplicable: for classification, and without a column.
        """
        from modelwright.transforms._relative import Related

        if setting.classification:
            raise NotApplicable(f"{self.name} relates numbers, and this target is a class")
        if not self.column(params):
            raise NotApplicable(f"{self.name} needs the name of a column")
        return Related(self.name, self.column(params))


class Difference(Relative):
    """The target less a column."""

    name: ClassVar[str] = "difference"
    description: ClassVar[str] = (
        "The target less a numeric column, which is added again: for targets that stay near one, such as yesterday's "
        "value."
    )


class LogRatio(Relative):
    """The logarithm of the target over a column."""

    name: ClassVar[str] = "log_ratio"
    description: ClassVar[str] = (
        "The logarithm of the target over a numeric column, both above 0: for targets in proportion to one, such as a "
        "list price."
    )
