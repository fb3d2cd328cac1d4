"""What experiments are designed from: the problem, the columns, what is known of them, and what past runs showed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from modelwright.actions import predicted_seconds
from modelwright.dated import date_parts
from modelwright.extent import TEXT_COLUMNS, Extent, extent
from modelwright.memory import Remembered
from modelwright.plan import Plan
from modelwright.problem import Problem
from modelwright.profile import NAMING, Column, Profile
from modelwright.protocol import Protocol
from modelwright.recipe import Setting, Use
from modelwright.table import Schema
from modelwright.traits import traits

SKEWED = 1.0
"""Skewness of a positive regression target beyond which its logarithm is tried."""

NEARLY_ALL = 0.8
"""Share of the columns that must be of a kind for the table to count as one of that kind."""

CLOUDS = 60
"""Columns up to which the covariance of each class is tried."""

FEW_ROWS = 20
"""Rows of a level on average below which a category nearly names its rows."""

AMONG = 0.1
"""Share of the columns that trees see which such categories and texts must make up."""

NEAR = 0.3
"""Share of a target's variance that may be left when a column is taken off it, for the difference to be tried."""


@dataclass(frozen=True)
class Ground:
    """What experiments are designed from.

    Args:
        problem: what is asked.
        schema: the columns that models may use.
        profile: aggregates of the development rows.
        protocol: how models are judged.
        memory: past runs on this machine that may be learnt from.
    """

    problem: Problem
    schema: Schema
    profile: Profile
    protocol: Protocol
    memory: tuple[Remembered, ...] = ()

    @property
    def task(self) -> str:
        """The task type."""
        return self.problem.task.value

    @property
    def classification(self) -> bool:
        """Whether the target is a class."""
        return bool(self.problem.classes)

    @property
    def rows(self) -> int:
        """Development rows."""
        return self.protocol.n_development

    @property
    def traits(self) -> dict[str, float]:
        """What the problem is like, in numbers."""
        return traits(self.problem, self.profile)

    def price(self, plan: Plan) -> float:
        """Predicted seconds of one core for a plan's whole evaluation."""
        setting = Setting(self.task, len(self.problem.classes))
        return predicted_seconds(plan.recipe, self.rows, self._extent, setting) * len(self.protocol.parts())

    @cached_property
    def _extent(self) -> Extent:
        return extent(self.schema, self.profile, len(self.problem.classes))

    @property
    def temporal(self) -> bool:
        """Whether rows have a past that features can be made of."""
        return self.problem.time_column.value is not None and bool(self.schema.of_kind("numeric"))

    @property
    def skewed_target(self) -> bool:
        """Whether the logarithm of a regression target may be easier to predict."""
        numbers = self.profile.target_numbers
        low = numbers.get("q01", numbers.get("q05", -1.0))
        return not self.classification and low >= 0 and numbers.get("skew", 0.0) > SKEWED

    @property
    def near(self) -> Use | None:
        """What relates the target to the column that it stays nearest to, where little of it is left then."""
        anchors = () if self.classification else self.profile.anchors
        known = [a for a in anchors if a.left <= NEAR and a.column in self.schema]
        return Use(known[0].method, {"column": known[0].column}) if known else None

    @property
    def codes(self) -> tuple[str, ...]:
        """Whole-number columns with many values that repeat like names do, or say more of the target as names: possibly
        categories written as numbers.
        """
        rows = self.profile.rows
        return tuple(
            c.name
            for c in self._whole
            if (c.naming or 0.0) >= NAMING
            or (c.distinct > 50 and c.quantiles and c.quantiles[-1] > 4 * c.distinct and rows > 4 * c.distinct)
        )

    @property
    def grades(self) -> tuple[str, ...]:
        """Whole-number columns with few values: grades, counts, or categories written as numbers."""
        return tuple(c.name for c in self._whole if 3 <= c.distinct <= 20)

    @property
    def measured(self) -> bool:
        """Whether there are classes, and nearly all columns are quantities, few enough for a covariance of each."""
        many_valued = sum(self.profile[name].distinct > 20 for name in self.schema.of_kind("numeric"))
        few = self.classification and len(self.schema.fields) <= CLOUDS
        return few and many_valued >= NEARLY_ALL * len(self.schema.fields)

    @property
    def combinable(self) -> bool:
        """Whether pairs of categories may say more than each alone; few levels combine inside of trees."""
        named = (*self.schema.of_kind("category"), *self.codes)
        return sum(self.profile[name].distinct > 5 for name in named) >= 2

    @property
    def nominal(self) -> bool:
        """Whether there is hardly anything but categories that may combine: the signal is in their pairs then."""
        named = {*self.schema.of_kind("category"), *self.codes}
        return self.combinable and len(named) >= NEARLY_ALL * len(self.schema.fields)

    @property
    def parted(self) -> tuple[str, ...]:
        """Columns that hold a date in parts, year, month and day, where none holds one whole."""
        if self.problem.time_column.value is not None or self.schema.of_kind("datetime"):
            return ()
        columns = date_parts((*self.schema.of_kind("numeric"), *self.schema.of_kind("category")))
        if not columns:
            return ()
        months, days = (self.profile[name].distinct for name in columns[-2:])
        return columns if 2 <= months <= 12 and 8 <= days <= 31 else ()

    @property
    def names(self) -> tuple[str, ...]:
        """Texts, and categories whose levels have a few rows each, where numbers are left beside them, and where they
        are enough of what trees see for it to make a difference."""
        texts = self.schema.of_kind("text")
        rare = [n for n in self.schema.of_kind("category") if self.profile.rows < FEW_ROWS * self.profile[n].distinct]
        seen, theirs = len(self.schema.fields), len(texts) + len(rare)
        many = theirs + TEXT_COLUMNS * len(texts) >= AMONG * (seen + TEXT_COLUMNS * len(texts))
        return (*texts, *rare) if many and len(self.schema.of_kind("numeric")) >= 2 else ()

    @property
    def every_level(self) -> Use | None:
        """The view for CatBoost where categories have more levels than other libraries take; ``None`` elsewhere."""
        named = (*self.schema.of_kind("category"), *self.codes)
        many = any(self.profile[name].distinct > 250 for name in named)
        return Use("native", {"max_levels": 100_000}) if many else None

    @property
    def ranks(self) -> Use | None:
        """The view of levels as ranks, for boosting that would else split on them; ``None`` where that is the same."""
        return self._by_rank(2)

    @property
    def plain_levels(self) -> Use | None:
        """The view of levels as ranks without target means, where categories have many; ``None`` elsewhere."""
        return self._by_rank(50, target_levels=100_000)

    @property
    def plain_levels_without_names(self) -> Use | None:
        """The same where all :attr:`names` are left out."""
        return self._by_rank(50, self.names, target_levels=100_000)

    def _by_rank(self, few: int, without: tuple[str, ...] = (), **params: int) -> Use | None:
        """The view for trees where a category has more than so many levels; ``None`` also where directions are
        demanded, which only the view of levels as they are tells."""
        named = [name for name in self.schema.of_kind("category") if name not in without]
        many = any(self.profile[name].distinct > few for name in named)
        return Use("trees", params) if many and not self.problem.constraints.monotone else None

    @property
    def _whole(self) -> tuple[Column, ...]:
        return tuple(self.profile[f.name] for f in self.schema.fields if f.kind == "numeric" and f.whole)
