"""What several agents answer with: uses of registered actions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelwright.agents import Answer
from modelwright.recipe import Use


class Chosen(Answer):
    """A registered action with the parameters that differ from its defaults."""

    action: str = Field(max_length=80, description="name of a registered action")
    params: dict[str, Any] = Field(default_factory=dict, description="parameters that differ from the defaults")

    def use(self) -> Use:
        """As a part of a plan, still to be checked against the registry."""
        return Use(self.action, dict(self.params))
