"""What the agents of one run are shown: the texts of its briefing, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from modelwright.briefing import actions_text, experiments_text, problem_text, profile_text, tools_text
from modelwright.catalogue import PLANNED, action_lines, offered
from modelwright.discretion import Discretion
from modelwright.plan import Experiment, Plan
from modelwright.policy.ground import Ground
from modelwright.policy.permitted import permitted
from modelwright.recipe import Recipe, Use
from modelwright.step import Failure

BRIEF_CHARACTERS = 1_200
COLUMNS_CHARACTERS = 2_500
"""Of the columns as they are shown to agents that needn't know everything about each."""


@dataclass
class Shown:
    """Texts for agents.

    Args:
        ground: the run.
        discretion: how names, levels and errors are shown.
        personal: columns that explorations leave out.
        forecast: core seconds of a whole evaluation of a recipe.
        notes: what the playbook says about such problems, as text; may change while the run goes on.
        used: names of these notes.
    """

    ground: Ground
    discretion: Discretion
    personal: tuple[str, ...]
    forecast: Callable[[Recipe], float]
    notes: str = ""
    used: tuple[str, ...] = ()

    @cached_property
    def problem(self) -> str:
        """What is asked and how it is judged."""
        return problem_text(self.ground.problem, self.ground.protocol, self.discretion)

    @cached_property
    def profile(self) -> str:
        """The data, with all that may be known of it."""
        return profile_text(self.ground.profile, self.discretion)

    @cached_property
    def columns(self) -> str:
        """The data, more briefly."""
        return profile_text(self.ground.profile, self.discretion, budget_chars=COLUMNS_CHARACTERS)

    @cached_property
    def actions(self) -> str:
        """What may be used, and what it will cost here."""
        names = self.names.get("estimator", ())
        seconds = {name: round(self.forecast(Recipe(Use(name))), 1) for name in names}
        ground = self.ground
        return actions_text(ground.task, ground.profile, problem=ground.problem, groups=PLANNED, seconds=seconds)

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the actions that may be used, by category."""
        found: dict[str, tuple[str, ...]] = {}
        for action in offered(self.ground.task, self.ground.profile, self.ground.problem).values():
            estimator = action.category == "estimator"
            if not estimator or permitted(self.ground, Plan(action.name, Use(action.name))):
                found[action.category] = (*found.get(action.category, ()), action.name)
        return found

    @cached_property
    def tools(self) -> str:
        """What a program may call."""
        return tools_text()

    @cached_property
    def brief(self) -> str:
        """The columns in a few lines, for whoever needn't know them well."""
        return profile_text(self.ground.profile, self.discretion, budget_chars=BRIEF_CHARACTERS)

    def details(self, names: Iterable[str]) -> str:
        """Some actions with all their parameters."""
        return action_lines(names)

    def experiments(self, experiments: Sequence[Experiment]) -> str:
        """What was tried and how it went; nothing before the first."""
        return experiments_text(experiments, self.discretion) if experiments else ""

    def failure(self, failure: Failure, program: str = "") -> str:
        """A failure without anything that might come from the data; words of the program that failed are known."""
        what = f"{failure.kind}: {failure.error_type} {failure.message}\n{failure.detail[-1_500:]}"
        return self.discretion.error(what.strip(), program)

    def data(self, text: str) -> str:
        """A text that holds names or levels, marked as data."""
        return f"<data>\n{self.discretion.outgoing(text).replace('</data', '‹/data')}\n</data>"
