"""What several models compute from the same rows, computed once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_WORK: ContextVar[dict[Any, list[tuple[Any, Any, Any]]] | None] = ContextVar("_WORK", default=None)
"""What was computed, by what it was computed from; ``None`` where nobody asked for it to be kept."""


@contextmanager
def together() -> Iterator[None]:
    """Within the block, what is costly and the same for several models is computed once, and given to all of them.

    Nobody may write to what is shared: codes of levels, n-grams of texts, numbers of frames.
    """
    token = _WORK.set({})
    try:
        yield
    finally:
        _WORK.reset(token)


def once(what: Callable[[], tuple[str, Any]], given: Any, compute: Callable[[], T], keep: Any = None) -> T:
    """What is computed, or what was computed in the same block for the same key from equal input.

    Args:
        what: tells the kind of work, and what else tells one work from another; called where results are kept.
        given: what it is computed from.
        compute: does the work.
        keep: kept as long as the result; an object whose ``id`` is part of the key, so that no other gets it.
    """
    work = _WORK.get()
    if work is None:
        return compute()
    known = work.setdefault(what(), [])
    for same, _, result in known:
        if same == given:
            found: T = result
            return found
    made = compute()
    known.append((given, keep, made))
    return made


def widened(frame: T, before: T, changed: Collection[str]) -> T:
    """A frame of the same rows as one before, whose columns it has, but for those that were added or changed."""
    work = _WORK.get()
    if work is not None:
        work["frame", id(frame)] = [(None, before, (frame, set(changed)))]
    return frame


def once_of(what: str, frame: Any, columns: Collection[str], by: Any, compute: Callable[[Any], T]) -> T:
    """What is computed from some columns of a frame, or what was computed from the same ones in the same block.

    Args:
        what: the kind of work.
        frame: the rows; where another frame had these columns first, it is the one that is read.
        columns: what is read of them.
        by: the object that does the work, if another would do it otherwise.
        compute: does the work, given the frame.
    """
    frame = _origin(frame, columns)
    return once(lambda: (what, (id(by), id(frame))), columns, lambda: compute(frame), keep=(by, frame))


def _origin(frame: Any, columns: Collection[str]) -> Any:
    """The first frame that had these columns as they are in this one."""
    work = _WORK.get()
    while work is not None and (known := work.get(("frame", id(frame)))):
        _, before, (_, changed) = known[0]
        if not changed.isdisjoint(columns):
            break
        frame = before
    return frame
