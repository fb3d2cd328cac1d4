"""Changing the rows that a classifier is fitted on, so that rare classes count for more.

All of these act on training rows only; predictions are made for the rows as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modelwright.action import Integer, Param, Real
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.transforms import Resampling, filled

CLASSIFICATION = ("binary", "multiclass")
RATIO = Real(
    "target_ratio", "size of the rarer classes afterwards, in relation to the commonest", 0.2, low=0.0, high=1.0,
    open_low=True, search=(0.1, 1.0),
)  # fmt: skip
NEIGHBOURS = Integer("k_neighbors", "neighbours that new rows are made between", 5, low=1, high=50)


class ClassResampling(Resampling):
    """What the members of this module share."""

    tasks: ClassVar[tuple[str, ...]] = CLASSIFICATION
    params: ClassVar[tuple[Param, ...]] = (RATIO, NEIGHBOURS)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """See :class:`~modelwright.transforms.Resampling`.

        Raises:
            NotApplicable: for regression.
        """
        from modelwright.transforms._resampler import Resampler

        if not setting.classification:
            raise NotApplicable(f"{self.name} changes the sizes of classes, and a regression has none")
        given = {"k_neighbors": 5} | filled(self, params)
        return Resampler(self.name, **given, seed=setting.seed)


class Oversample(ClassResampling):
    """Rows of rare classes, repeated."""

    name: ClassVar[str] = "oversample"
    description: ClassVar[str] = "Repeats rows of rarer classes."
    params: ClassVar[tuple[Param, ...]] = (RATIO,)


class Undersample(ClassResampling):
    """Rows of common classes, left out."""

    name: ClassVar[str] = "undersample"
    description: ClassVar[str] = "Leaves out rows of commoner classes: quicker fits on large, very unbalanced data."
    params: ClassVar[tuple[Param, ...]] = (RATIO,)


class Smote(ClassResampling):
    """New rows of rare classes between neighbours."""

    name: ClassVar[str] = "smote"
    description: ClassVar[str] = (
        "Makes new rows of rarer classes between neighbours of the same class (Chawla et al., 2002)."
    )


class BorderlineSmote(ClassResampling):
    """New rows where classes meet."""

    name: ClassVar[str] = "borderline_smote"
    description: ClassVar[str] = "SMOTE with new rows only where classes meet (Han et al., 2005)."


class Adasyn(ClassResampling):
    """New rows where a class is hard."""

    name: ClassVar[str] = "adasyn"
    description: ClassVar[str] = "Like SMOTE, with more new rows where other classes are near (He et al., 2008)."


class SmoteTomek(ClassResampling):
    """SMOTE, then pairs of opposite neighbours removed."""

    name: ClassVar[str] = "smote_tomek"
    description: ClassVar[str] = "SMOTE, then rows left out that are nearest to one of another class."
