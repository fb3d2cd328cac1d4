"""Words that several checks use."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share in words; only all is 100 %."""
    if share >= 1:
        return "100 %"
    figure = min(100 * share, 99.99)
    return f"{figure:.2f} %" if figure >= 99 else f"{figure:.1f} %" if figure >= 1 else f"{figure:.2g} %"


def plural(count: int, noun: str) -> str:
    """A count with its noun: ``1 row``, ``1,200 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
