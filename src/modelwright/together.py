"""What several models compute from the same rows, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

WORK: ContextVar[dict[Any, Any] | None] = ContextVar("WORK", default=None)
"""What was computed, by what it was computed from; ``None`` where nobody asked for it to be kept."""


@contextmanager
def together() -> Iterator[None]:
    """Within the block, what is costly and the same for several models is computed once, and given to all of them.

    Nobody may write to what is shared: n-grams of texts, numbers of frames.
    """
    token = WORK.set({})
    try:
        yield
    finally:
        WORK.reset(token)
