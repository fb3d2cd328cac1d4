"""Imported once by the process that workers are forked from: whatever a step needs is there when it starts."""

from __future__ import annotations

from contextlib import suppress

from modelwright import exploring, fitting, screening
from modelwright.checks import all_checks
from modelwright.errors import ModelwrightError
from modelwright.estimators import Estimator, all_estimators
from modelwright.hashing import restore
from modelwright.recipe import Recipe, Setting, Use
from modelwright.tasks import all_tasks
from modelwright.transforms import Part, all_transforms

__all__ = ["exploring", "fitting", "screening"]

# Looking the families up imports their members; parsing builds pydantic's validator, which takes a while once.
all_tasks()
all_checks()
restore(Recipe, {"estimator": {"action": Use("").action}})
# What declares a model imports it when it builds one: one of each is built.
members: list[Estimator | Part] = [*all_estimators().values(), *all_transforms().values()]
for member in members:
    action = member.action()
    task = action.tasks[0] if action.tasks else "binary"
    with suppress(ModelwrightError):  # what isn't installed, or can't be built without a column's name
        member.build(action.resolved({}), Setting(task, 0 if task == "regression" else 2))
