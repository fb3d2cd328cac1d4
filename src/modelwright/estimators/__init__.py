"""Estimators: one class each, with its parameters declared.

To add one, write a class that derives from :class:`Estimator` in a module of this folder (or of a package that names
the module in the entry-point group ``modelwright.estimators``); the registry finds it. That module is a declaration
and imports nothing heavy: the model, in a private module beside it, and its library are imported in ``build``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

from modelwright.action import Action, Param
from modelwright.errors import NotApplicable
from modelwright.recipe import Setting
from modelwright.registry import classes

Family = Literal[
    "boosting", "forest", "tree", "linear", "neighbours", "neural", "kernel", "bayes", "discriminant", "baseline"
]  # fmt: skip
CLASSIFICATION = ("binary", "multiclass")
REGRESSION = ("regression",)
TABULAR = (*CLASSIFICATION, *REGRESSION)

BYTES_PER_CELL = 48
"""Bytes of memory that a fit takes at its peak for each cell of the training rows: the rows, their view, the matrix of
the estimator, a copy without the rows that early stopping holds out, and the library's own form of it."""


class Estimator(ABC):
    """The contract of an estimator: what it is, what it takes, how it is built.

    Class attributes:
        name: as it is written in programs; one name serves classification and regression where both exist.
        family: the kind of model; ensembles want several, fallback goes from one to another.
        description: what it is good for, in a sentence or two.
        tasks: the task types it can serve.
        params: declared parameters; those with a search space are tuned.
        view: name of the view that suits it: ``trees`` (one number a column, missing kept), ``native`` (a frame with
            categorical dtypes), ``linear`` (scaled, one-hot, nothing missing, possibly sparse), ``dense`` (the same
            but dense and few columns) or ``positive`` (dense, all values in [0, 1]).
        interpretable: whether a person can read the fitted model.
        monotone: whether it keeps to the directions that :func:`directions` reads off its columns.
        varies: whether chance has such a part in a fit that the mean of several, with other seeds, errs less.
        max_rows: training rows beyond which it declines because it would take hours; ``None`` for no limit.
        max_classes: classes beyond which it declines; ``None`` for no limit.
        library: the module that it needs besides the package's own dependencies; empty for none.
        extra: the extra that installs it.
    """

    name: ClassVar[str] = ""
    family: ClassVar[Family]
    description: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = TABULAR
    params: ClassVar[tuple[Param, ...]] = ()
    view: ClassVar[str] = "trees"
    interpretable: ClassVar[bool] = False
    monotone: ClassVar[bool] = False
    varies: ClassVar[bool] = False
    max_rows: ClassVar[int | None] = None
    max_classes: ClassVar[int | None] = None
    library: ClassVar[str] = ""
    extra: ClassVar[str] = ""

    @property
    def installed(self) -> bool:
        """Whether what it needs is installed; where it isn't, no plan names it by itself."""
        return not self.library or find_spec(self.library) is not None

    @abstractmethod
    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make an unfitted scikit-learn estimator.

        Args:
            params: all declared parameters, defaults filled in.
            setting: task, classes, seed, threads, and the moment after which fitting should stop.

        Returns:
            An object with ``fit(X, y, sample_weight=None)`` — where the library takes no weights, without them —
            and ``predict_proba`` (classification) or ``predict`` (regression), clonable and picklable.
        """

    @abstractmethod
    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Predict the seconds that one core needs for one fit; right within a factor of three is good enough."""

    def lighter(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """A configuration that takes about half the time for a little of the quality; ``None`` when there is none.

        A model that is planned smaller is worth more than a larger one that the clock cuts short.

        Args:
            params: all declared parameters, defaults filled in.

        Returns:
            The parameters that change.
        """
        return None

    def bytes_needed(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> int:
        """Predict the bytes of memory that one fit takes at its peak, with the data; a factor of two is good enough."""
        return BYTES_PER_CELL * rows * max(1, columns)

    def check(self, rows: int, setting: Setting) -> None:
        """Decline what would not finish or can't be served.

        Raises:
            NotApplicable: with the reason.
        """
        if setting.task not in self.tasks:
            raise NotApplicable(f"{self.name} doesn't do {setting.task}")
        if self.max_rows is not None and rows > self.max_rows:
            raise NotApplicable(f"{self.name} isn't fitted on more than {self.max_rows:,} rows, here are {rows:,}")
        if self.max_classes is not None and setting.n_classes > self.max_classes:
            raise NotApplicable(f"{self.name} serves at most {self.max_classes} classes, here are {setting.n_classes}")

    def action(self) -> Action:
        """The entry in the action registry."""
        return Action(self.name, "estimator", self.description, self.params, self.tasks)


def family_of(name: str) -> Family | None:
    """The family of an estimator; ``None`` for what isn't one."""
    member = all_estimators().get(name)
    return None if member is None else member.family


@cache
def all_estimators() -> dict[str, Estimator]:
    """Every estimator, by name."""
    return {name: member() for name, member in classes(__name__, Estimator).items()}  # type: ignore[type-abstract]  # looked up by, never made
