"""How much of a table models read: what their fits take is forecast from it."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.profile import Profile
from modelwright.table import Schema

TEXT_COLUMNS = 28
"""Numbers that views make of a text column, besides what it says of each class: counts and topics."""
MAX_RESPONSES = 12
"""Target columns (one a class) up to which columns are encoded by the target; beyond, the table would explode."""
USUAL_WORDS = 20.0
"""Words of a text where they weren't counted."""


@dataclass(frozen=True)
class Extent:
    """What there is of a row.

    Args:
        columns: numbers and categories that models see.
        words: words of text that have to be read for them.
        scores: of how many classes, at least one, each text is made to tell how much it speaks for them.
    """

    columns: int
    words: float = 0.0
    scores: int = 1


def extent(schema: Schema, profile: Profile, n_classes: int) -> Extent:
    """The extent of these columns for a target of so many classes (0 for regression)."""
    texts = schema.of_kind("text")
    scores = 1 if n_classes <= 2 else n_classes if n_classes <= MAX_RESPONSES else 0
    lengths = (profile[name].lengths for name in texts)
    words = sum(mean[0] if mean else USUAL_WORDS for mean in lengths)
    return Extent(len(schema.fields) + len(texts) * (TEXT_COLUMNS + scores - 1), words, max(1, scores))
