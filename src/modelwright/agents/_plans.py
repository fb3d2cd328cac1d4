"""What several agents answer with: uses of registered actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from modelwright.action import Category
from modelwright.agents import Answer
from modelwright.recipe import Use


class Chosen(Answer):
    """A registered action with the parameters that differ from its defaults."""

    action: str = Field(max_length=80, description="name of a registered action")
    params: dict[str, Any] = Field(default_factory=dict, description="parameters that differ from the defaults")

    def use(self) -> Use:
        """As a part of a plan, still to be checked against the registry."""
        return Use(self.action, dict(self.params))


class Estimator(Chosen):
    """A registered estimator."""


class Transform(Chosen):
    """A registered feature, preprocessing or selection action."""


class TargetTransform(Chosen):
    """A registered transform of a regression's target."""


class Resampling(Chosen):
    """A registered resampling of the rows that are fitted on."""


class Weighting(Chosen):
    """A registered weighting of the rows that are fitted on."""


PLACES: Mapping[str, tuple[Category, ...]] = {
    "Estimator": ("estimator",),
    "Transform": ("feature", "preprocessing", "selection"),
    "TargetTransform": ("target",),
    "Resampling": ("resampling",),
    "Weighting": ("weighting",),
}
"""Which categories of actions each kind of choice takes."""
