"""Words that several checks use."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share in words; only all is 100 %."""
    if share >= 1:
        return "100 %"
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{min(100 * share, 99.99):.{2 if share >= 0.99 else 1}f} %"


def plural(count: int, noun: str) -> str:
    """A count with its noun: ``1 row``, ``1,200 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
