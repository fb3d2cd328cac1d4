"""How the number of boosting rounds is found, how many to expect, and how to need fewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.recipe import Setting

CROSS_BELOW = 4_000
REFIT_BELOW = 20_000
LARGEST_STEP = 0.2
"""Learning rate up to which it is raised to save time; beyond, boosting loses more than it saves."""


def cross_below(n_classes: int) -> int:
    """Rows below which the number of rounds is found by cross-validation; fewer with many classes."""
    return CROSS_BELOW * 3 // max(3, n_classes)


def refit_below(n_classes: int) -> int:
    """Rows below which all rows are fitted again; fewer with many classes, where a fit takes so much longer."""
    return REFIT_BELOW * 3 // max(3, n_classes)


def expected_rounds(rows: int, params: Mapping[str, Any], setting: Setting) -> tuple[float, float]:
    """How many rounds a fit takes by experience, and how often they are paid for, early stopping included."""
    rate = params.get("learning_rate") or 0.05
    given = params.get("n_estimators") or setting.rounds
    found = float(given) if given else min(2_000.0, 7.0 * rows**0.4 * (0.05 / rate) + 30)
    if given or setting.rounds is not None:
        return found, 1.0
    crossed, again = rows < cross_below(setting.n_classes), rows < refit_below(setting.n_classes)
    return found, 5.0 if crossed else 2.0 if again else 1.0


def larger_steps(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """A higher learning rate, which needs fewer rounds; ``None`` when it is high already or the rounds are given."""
    rate = params.get("learning_rate")
    if rate is None or rate >= LARGEST_STEP or params.get("n_estimators") is not None:
        return None
    return {"learning_rate": round(min(LARGEST_STEP, 1.8 * rate), 4)}
