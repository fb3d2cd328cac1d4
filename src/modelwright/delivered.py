"""What a closing makes, and what may be settled before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelwright.choosing import Choice
from modelwright.judgement import Judgement
from modelwright.recipe import Recipe


@dataclass(frozen=True)
class Delivery:
    """What the closing made.

    Args:
        recipe: of the delivered model.
        model: digest of the fitted pipeline.
        judgement: what the sealed holdout said.
        choice: what was chosen.
        note: what exactly was fitted on which rows.
        opened: seconds since the epoch at which the sealed rows were opened.
        golden: rows with predictions, for checking a loaded model.
        latency: milliseconds for one row and for a thousand rows.
        truncated: whether the clock decided anything.
        analyses: results by the analysis' name, as plain JSON; see :mod:`modelwright.analyses`.
        files: digests of what else belongs into the bundle, by name: ``references``, ``difficulty``.
        predictions: digest of the judged model's predictions for the sealed rows (``.npy``), in their order.
        looks: how many models the sealed rows had been opened for, this one included; its score is what it seems only
            when it was the first.
        refits: how many models each member of the delivered model is the mean of, all fitted on all rows; 0 where it
            is delivered as it was judged.
    """

    recipe: Recipe
    model: str
    judgement: Judgement
    choice: Choice
    note: str
    opened: float
    golden: Mapping[str, Any]
    latency: Mapping[str, float]
    truncated: bool = False
    analyses: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    predictions: str = ""
    looks: int = 1
    refits: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Settled:
    """What is delivered, where that is no longer to be chosen.

    Args:
        weights: share of each experiment, by number.
        refits: how many times each member is fitted once more on all rows; as time allows, by default.
        looks: how many models the sealed rows will have been opened for.
        note: why it is settled, in a sentence for the reader; empty for none.
        second: whether a second level puts the members together, where that is settled, too.
    """

    weights: Mapping[int, float]
    refits: Mapping[int, int] | None = None
    looks: int = 1
    note: str = ""
    second: bool | None = None
