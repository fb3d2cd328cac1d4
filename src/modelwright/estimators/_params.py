"""Kinds of declared parameters that only estimators need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from modelwright.action import Choice, Numbers, Param, Real, Space


@dataclass(frozen=True)
class Share(Real):
    """A share of the columns, or one of scikit-learn's words for it (``words``)."""

    words: tuple[str, ...] = ("sqrt", "log2")
    kind: ClassVar[str] = "a share or a word"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        return None if isinstance(value, str) and value in self.words else super().problem(value)

    def coerce(self, value: Any) -> Any:
        """Words stay, numbers become ``float``."""
        return value if isinstance(value, str) else float(value)

    def allowed(self) -> str:
        """The values in words."""
        return f"{super().allowed()}, or one of {', '.join(map(repr, self.words))}"

    def good(self) -> list[Any]:
        """The bounds, the default and the words."""
        return [*super().good(), *self.words]


@dataclass(frozen=True)
class Layers(Numbers):
    """Sizes of hidden layers; ``search`` lists what tuning draws from."""

    search: tuple[tuple[int, ...], ...] = ()
    kind: ClassVar[str] = "a list of layer sizes"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        wrong = super().problem(value)
        return wrong or (None if len(value) else f"{self.name} must name at least one layer")

    def bad(self) -> list[Any]:
        """Out of range, empty, and not lists."""
        return [*super().bad(), []]

    @property
    def space(self) -> Space | None:
        """The searched shapes."""
        return Space(values=self.search) if self.search else None


def class_weight(*more: str) -> Param:
    """The declared parameter ``class_weight``; it has no meaning in regression and is ignored there."""
    doc = "weights classes by how rare they are; without effect in regression"
    return Choice("class_weight", doc, None, optional=True, values=("balanced", *more))
