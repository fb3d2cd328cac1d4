"""Actions: what exists to be asked for, each with parameters that are declared once.

A declared parameter validates a value, words the error, renders itself for a reader, gives a search space, and
yields good and bad values for tests. (The idea of one declaration for all of these: scikit-learn's
``utils/_param_validation``.)
"""

from __future__ import annotations

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from modelwright.errors import ProgramError

if TYPE_CHECKING:
    import numpy as np

Category = Literal[
    "estimator", "feature", "preprocessing", "selection", "view", "resampling", "weighting", "target",
    "calibration", "threshold", "ensemble", "tool",
]  # fmt: skip


@dataclass(frozen=True)
class Space:
    """A search space: a range of numbers, or a few values.

    Args:
        low: the smallest number.
        high: the largest number.
        log: whether numbers are spread evenly by their logarithms.
        whole: whether they are whole numbers.
        values: the values, where it isn't a range.
    """

    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    values: tuple[Any, ...] = ()

    def draw(self, rng: np.random.Generator) -> Any:
        """A value at random: uniform, log-uniform, or one of the values."""
        if self.values:
            return self.values[int(rng.integers(len(self.values)))]
        if self.whole and not self.log:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = float(rng.uniform(low, high))
        return self.rounded(math.exp(value) if self.log else value)

    def rounded(self, value: float) -> float | int:
        """A number as it is written in plans: whole, or with four significant digits."""
        return round(value) if self.whole else float(f"{value:.4g}")


@dataclass(frozen=True)
class Param(ABC):
    """One declared parameter.

    Args:
        name: as it is written in programs.
        doc: what it does, with its unit, in one sentence.
        default: the value used when none is given.
        optional: whether ``None`` is accepted, too.
    """

    name: str
    doc: str
    default: Any = None
    optional: bool = False
    kind: ClassVar[str] = "value"

    @abstractmethod
    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None`` when it is fine."""

    @abstractmethod
    def allowed(self) -> str:
        """The accepted values in words."""

    def good(self) -> list[Any]:
        """Values that must be accepted, for tests: the bounds and the default."""
        return [self.default]

    def bad(self) -> list[Any]:
        """Values that must be refused, for tests."""
        return [object()]

    @property
    def space(self) -> Space | None:
        """What tuning draws values from; ``None`` where the parameter isn't tuned."""
        return None

    def sample(self, rng: np.random.Generator) -> Any:
        """Draw a value from the search space; the default where the parameter has none."""
        return self.default if self.space is None else self.space.draw(rng)

    @property
    def searched(self) -> bool:
        """Whether the parameter has a search space."""
        return self.space is not None

    def check(self, value: Any, owner: str) -> Any:
        """Return the accepted value.

        Raises:
            ProgramError: with what was expected, what was got, and what is allowed.
        """
        if value is None and (self.optional or self.default is None):
            return None
        wrong = self.problem(value)
        if wrong:
            raise ProgramError(
                f"{owner}: {wrong}",
                expected=f"{self.name} as {self.kind}",
                got=_short(value),
                allowed=self.allowed(),
            )
        return self.coerce(value)

    def coerce(self, value: Any) -> Any:
        """The canonical form of an accepted value."""
        return value

    def render(self) -> str:
        """One line for a reader: name, range, default, meaning."""
        none = " or None" if self.optional or self.default is None else ""
        return f"{self.name}: {self.allowed()}{none} = {self.default!r} — {self.doc}"


@dataclass(frozen=True)
class Integer(Param):
    """A whole number in ``[low, high]``; ``search`` is the narrower range that tuning draws from."""

    low: int = 0
    high: int = 1_000_000
    search: tuple[int, int] | None = None
    log: bool = False
    kind: ClassVar[str] = "a whole number"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
            return f"{self.name} must be a whole number"
        return None if self.low <= value <= self.high else f"{self.name} is out of range"

    def coerce(self, value: Any) -> int:
        """As an ``int``."""
        return int(value)

    def allowed(self) -> str:
        """The range in words."""
        return f"whole number from {self.low} to {self.high}"

    def good(self) -> list[Any]:
        """The bounds and the default."""
        return [self.low, self.high, *([] if self.default is None else [self.default])]

    def bad(self) -> list[Any]:
        """Beyond the bounds, and of the wrong type."""
        return [self.low - 1, self.high + 1, 0.5, "many", True]

    @property
    def space(self) -> Space | None:
        """The searched range."""
        return None if self.search is None else Space(*self.search, log=self.log, whole=True)


@dataclass(frozen=True)
class Real(Param):
    """A number in ``[low, high]``, or above ``low`` only when ``open_low`` is set."""

    low: float = 0.0
    high: float = 1e12
    open_low: bool = False
    search: tuple[float, float] | None = None
    log: bool = False
    kind: ClassVar[str] = "a number"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"{self.name} must be a finite number"
        above = value > self.low if self.open_low else value >= self.low
        return None if above and value <= self.high else f"{self.name} is out of range"

    def coerce(self, value: Any) -> float:
        """As a ``float``."""
        return float(value)

    def allowed(self) -> str:
        """The range in words."""
        return f"number {'above' if self.open_low else 'from'} {self.low:g} to {self.high:g}"

    def good(self) -> list[Any]:
        """The bounds and the default."""
        low = self.low + (self.high - self.low) * 1e-6 if self.open_low else self.low
        return [low, self.high, *([] if self.default is None else [self.default])]

    def bad(self) -> list[Any]:
        """Beyond the bounds, not finite, and of the wrong type."""
        span = max(1.0, abs(self.high))
        return [
            self.low - 1.0,
            self.high + span,
            math.nan,
            math.inf,
            "much",
            *([self.low] if self.open_low else []),
        ]

    @property
    def space(self) -> Space | None:
        """The searched range."""
        return None if self.search is None else Space(*self.search, log=self.log)


@dataclass(frozen=True)
class Choice(Param):
    """One of a few values; ``search`` restricts what tuning draws from."""

    values: tuple[Any, ...] = ()
    search: tuple[Any, ...] | None = None
    kind: ClassVar[str] = "one of a few values"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, with the nearest accepted one, or ``None``."""
        if any(type(value) is type(v) and value == v for v in self.values):
            return None
        return f"{self.name} can't be {_short(value)}{did_you_mean(str(value), map(str, self.values))}"

    def allowed(self) -> str:
        """The values in words."""
        return "one of " + ", ".join(repr(v) for v in self.values)

    def good(self) -> list[Any]:
        """All values."""
        return list(self.values)

    def bad(self) -> list[Any]:
        """A value that isn't among them."""
        return ["no such value", -987.5]

    @property
    def space(self) -> Space | None:
        """The searched values."""
        return Space(values=tuple(self.search)) if self.search else None


@dataclass(frozen=True)
class Flag(Param):
    """Yes or no."""

    search: bool = False
    kind: ClassVar[str] = "True or False"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        return None if isinstance(value, bool) else f"{self.name} must be True or False"

    def allowed(self) -> str:
        """The values in words."""
        return "True or False"

    def good(self) -> list[Any]:
        """Both values."""
        return [True, False]

    def bad(self) -> list[Any]:
        """Things that only look like yes or no."""
        return ["yes", 1, 0.0]

    @property
    def space(self) -> Space | None:
        """Both, when it is tuned."""
        return Space(values=(False, True)) if self.search else None


@dataclass(frozen=True)
class Columns(Param):
    """A list of column names; ``None`` means all columns that the action applies to."""

    kind: ClassVar[str] = "a list of column names"
    max_columns: int = 5_000

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``. Whether the columns exist is known only with the data."""
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            return f"{self.name} must be a list of column names"
        return None if len(value) <= self.max_columns else f"{self.name} names more than {self.max_columns} columns"

    def coerce(self, value: Any) -> tuple[str, ...]:
        """As a tuple."""
        return tuple(value)

    def allowed(self) -> str:
        """The values in words."""
        return "list of column names"

    def good(self) -> list[Any]:
        """Empty and short lists."""
        return [[], ["a"], ["a", "b"]]

    def bad(self) -> list[Any]:
        """Not lists of names."""
        return ["a", 3, [1]]


@dataclass(frozen=True)
class Numbers(Param):
    """A list of numbers, each in ``[low, high]``; whole numbers when ``whole`` is set."""

    low: float = 0.0
    high: float = 1e9
    whole: bool = False
    max_items: int = 50
    kind: ClassVar[str] = "a list of numbers"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        if not isinstance(value, list | tuple) or len(value) > self.max_items:
            return f"{self.name} must be a list of at most {self.max_items} numbers"
        for item in value:
            if isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
                return f"{self.name} must hold finite numbers only"
            if self.whole and item != int(item):
                return f"{self.name} must hold whole numbers only"
            if not self.low <= item <= self.high:
                return f"{self.name} holds {item:g}, which is out of range"
        return None

    def coerce(self, value: Any) -> tuple[float, ...] | tuple[int, ...]:
        """As a tuple."""
        return tuple(int(v) for v in value) if self.whole else tuple(float(v) for v in value)

    def allowed(self) -> str:
        """The values in words."""
        return f"list of {'whole ' if self.whole else ''}numbers from {self.low:g} to {self.high:g}"

    def good(self) -> list[Any]:
        """Lists of the bounds."""
        return [[self.low], [self.low, self.high]]

    def bad(self) -> list[Any]:
        """Out of range, and not lists."""
        return [[self.low - 1], 3, ["x"], [math.nan]]


@dataclass(frozen=True)
class Text(Param):
    """A short text, such as the name of one column or a SQL expression."""

    max_length: int = 2_000
    kind: ClassVar[str] = "a text"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        if not isinstance(value, str):
            return f"{self.name} must be a text"
        return None if len(value) <= self.max_length else f"{self.name} is longer than {self.max_length} characters"

    def allowed(self) -> str:
        """The values in words."""
        return f"text of at most {self.max_length} characters"

    def good(self) -> list[Any]:
        """Any short text."""
        return ["a", "a b"]

    def bad(self) -> list[Any]:
        """Not texts, or too long."""
        return [3, ["a"], "x" * (self.max_length + 1)]


@dataclass(frozen=True)
class Texts(Param):
    """A mapping from new names to texts, such as column names to SQL expressions."""

    max_items: int = 100
    kind: ClassVar[str] = "a dictionary of texts"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, or ``None``."""
        fine = isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())
        if not fine or not 0 < len(value) <= self.max_items:
            return f"{self.name} must be a dictionary of one to {self.max_items} texts"
        return None

    def coerce(self, value: Any) -> dict[str, str]:
        """As a plain dictionary."""
        return dict(value)

    def allowed(self) -> str:
        """The values in words."""
        return "dictionary from new names to texts"

    def good(self) -> list[Any]:
        """A small dictionary."""
        return [{"a": "b"}]

    def bad(self) -> list[Any]:
        """Not dictionaries of texts."""
        return [{}, {"a": 1}, "a"]


@dataclass(frozen=True)
class Action:
    """One entry of the action registry.

    Args:
        name: as it is written in programs.
        category: which part of a recipe it fills.
        description: what it does and when it helps, in a sentence or two.
        params: the declared parameters.
        tasks: the task types it applies to; empty for all.
    """

    name: str
    category: Category
    description: str
    params: tuple[Param, ...] = ()
    tasks: tuple[str, ...] = ()
    _by_name: dict[str, Param] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({p.name: p for p in self.params})

    def applies_to(self, task: str) -> bool:
        """Whether it can be used in a task of this type."""
        return not self.tasks or task in self.tasks

    def validate(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        """Check given parameters and return the canonical form of those that were given.

        Defaults are not filled in, so that a recipe says what was asked for and nothing else.

        Raises:
            ProgramError: for an unknown parameter (with the nearest name) or a value out of range.
        """
        if params is None:
            return {}
        if not isinstance(params, Mapping):
            raise ProgramError(f"{self.name}: parameters must be a dictionary", got=_short(params))
        checked = {}
        for name, value in params.items():
            param = self._by_name.get(name)
            if param is None:
                known = ", ".join(self._by_name) or "no parameters"
                raise ProgramError(
                    f"{self.name} has no parameter {_short(name)}{did_you_mean(str(name), self._by_name)}",
                    allowed=known,
                )
            checked[name] = param.check(value, self.name)
        return checked

    def resolved(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The given parameters over the defaults."""
        return {p.name: p.default for p in self.params} | dict(params)

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw one point of the search space: the parameters that are tuned, and only those."""
        return {p.name: p.sample(rng) for p in self.params if p.searched}

    def render(self) -> str:
        """The entry as a few lines for a reader."""
        head = f"{self.name} ({self.category}{'; ' + ', '.join(self.tasks) if self.tasks else ''}): {self.description}"
        return "\n".join([head, *(f"    {p.render()}" for p in self.params)])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The ending of an error message that names the nearest known name, or nothing."""
    near = difflib.get_close_matches(name[:200], list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
