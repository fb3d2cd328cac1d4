"""Transforms: preprocessing, features, selection, views, resampling, weighting, target transforms, calibration.

To add one, write a class that derives from one of the contracts below in a module of this folder (or of a package
that names the module in the entry-point group ``modelwright.transforms``); the registry finds it. That module is a
declaration and imports nothing heavy: what it builds, in a private module beside it, is imported in ``build``.

Whatever is built here is fitted inside each training fold and nowhere else, so a transform may learn from the target.
Fitted objects are stored by skops: they keep their state in plain attributes (numbers, texts, lists, dictionaries with
text keys, numpy arrays, scikit-learn objects), never in pandas objects, lambdas or closures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from modelwright.action import Action, Category, Param
from modelwright.recipe import Setting
from modelwright.registry import classes


class Part(ABC):
    """What every member of the family declares.

    Class attributes:
        name: as it is written in programs.
        category: which part of a recipe it fills.
        description: what it does and when it helps, in a sentence or two.
        params: declared parameters.
        tasks: the task types it applies to; empty for all.
    """

    name: ClassVar[str] = ""
    category: ClassVar[Category]
    description: ClassVar[str]
    params: ClassVar[tuple[Param, ...]] = ()
    tasks: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted object that does the work; see the derived contracts for what it must offer."""

    def action(self) -> Action:
        """The entry in the action registry."""
        return Action(self.name, self.category, self.description, self.params, self.tasks)


def filled(part: Part, params: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters over the declared defaults."""
    return {p.name: p.default for p in part.params} | dict(params)


class Transform(Part):
    """Feature making, preprocessing and selection: a frame in, a frame with the same rows out.

    The built object is a scikit-learn transformer over the frames described in :mod:`modelwright.table` (numeric
    ``float64``, categories as ``Categorical``, datetimes as ``datetime64``, text as ``str``). It leaves alone the
    columns that it doesn't apply to, never changes its input, accepts levels it hasn't seen and frames without rows,
    and raises :class:`~modelwright.errors.NotApplicable` in ``fit`` when there is nothing for it to do.
    """

    def adds(self, params: Mapping[str, Any], columns: int) -> int:
        """How many columns it adds to so many at most, or 0 where that hardly matters; what a fit takes is forecast
        with it."""
        return 0


class View(Part):
    """How the frame is presented to an estimator: a frame in, a matrix (or frame with categories) out.

    The built object is a scikit-learn transformer that accepts every kind of column in any mixture.
    """

    category: ClassVar[Category] = "view"


class Resampling(Part):
    """Changes the rows that are fitted on. The built object has imbalanced-learn's ``fit_resample(X, y)``."""

    category: ClassVar[Category] = "resampling"


class Weighting(Part):
    """Weights the rows that are fitted on. The built object has ``weights(y) -> array``."""

    category: ClassVar[Category] = "weighting"


class TargetTransform(Part):
    """Transforms a regression target. The built object is a scikit-learn transformer with an inverse, over (n, 1)."""

    category: ClassVar[Category] = "target"


class RelativeTarget(Part):
    """Relates a regression target to a column of the same row, so that what is learnt is only what is left.

    The built object is a scikit-learn estimator with ``fit(rows, y)``, ``transform(rows, y)`` and
    ``inverse_transform(rows, z)``: ``rows`` is the frame as it comes in, before any other transform, ``y`` and ``z``
    are numbers of shape (n,). Rows in which the column is missing are related to a constant.
    """

    category: ClassVar[Category] = "target"

    def column(self, params: Mapping[str, Any]) -> str:
        """The column that the target is related to."""
        return str(params.get("column", ""))


class Calibration(Part):
    """Corrects predicted probabilities.

    The built object has ``fit(probabilities, y)`` and ``transform(probabilities)``, over (n, k).
    """

    category: ClassVar[Category] = "calibration"


@cache
def all_transforms() -> dict[str, Part]:
    """Every member of the family, by name."""
    return {name: member() for name, member in classes(__name__, Part).items()}  # type: ignore[type-abstract]  # looked up by, never made
