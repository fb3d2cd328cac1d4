"""Imported once by the process that workers are forked from: whatever a step needs is there when it starts."""

from __future__ import annotations

from modelwright import exploring, fitting, screening
from modelwright.checks import all_checks
from modelwright.estimators import all_estimators
from modelwright.hashing import restore
from modelwright.recipe import Recipe, Use
from modelwright.tasks import all_tasks
from modelwright.transforms import all_transforms

__all__ = ["exploring", "fitting", "screening"]

# Looking the families up imports their members; parsing builds pydantic's validator, which takes a while once.
all_estimators()
all_transforms()
all_tasks()
all_checks()
restore(Recipe, {"estimator": {"action": Use("").action}})
