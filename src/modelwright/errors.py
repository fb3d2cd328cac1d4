"""What can go wrong, by who has to act on it.

    ModelwrightError
    ├── UserError            the request or the data is at fault: one sentence, exit code 2
    │   ├── DataError        the data can't be used as it is
    │   ├── RequestError     an option, a file name or a combination of them can't be honoured
    │   │   ├── AmbiguousError   several readings are possible and there is nobody to ask
    │   │   └── StorageError     where a run is kept can't be read or written now; a run that is on record can go on
    │   └── MissingExtra     an optional library isn't installed
    ├── ProgramError         an experiment's program misused the language or a tool; recovery reads it
    ├── NotApplicable        "this isn't for me": a transform or estimator declines the data it was given
    ├── StepError            a durable step ended without a result; recovery reads it
    ├── NoModelError         the request was sound, yet no model could be delivered: exit code 3
    └── Interrupted          the person stopped the run; it can be resumed: exit code 130

Anything else that reaches the command line is a defect in modelwright: exit code 1.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from typing import Literal

FailureKind = Literal["error", "timeout", "memory", "crash", "cancelled"]


class ModelwrightError(Exception):
    """The root of everything that modelwright raises on purpose."""


class UserError(ModelwrightError):
    """The request or the data is at fault. The message is one sentence that says what to do."""


class DataError(UserError):
    """The data can't be used as it is."""


class RequestError(UserError):
    """An option, a name or a combination of them can't be honoured."""


class AmbiguousError(RequestError):
    """Several readings of the request are possible and there is nobody to ask.

    Args:
        message: the sentence for the user.
        candidates: the possible readings, best first.
    """

    def __init__(self, message: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class StorageError(RequestError):
    """Where a run is kept can't be read or written now: the disk is full, the storage can't be reached.

    What is on record stays; a run that meets this is interrupted and can be resumed once the cause is gone.
    """


class MissingExtra(UserError):
    """An optional library isn't installed.

    Args:
        what: what the library is needed for, as the start of a sentence.
        extra: the name of the extra that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional library; install it with: pip install 'modelwright[{extra}]'")
        self.extra = extra


class ProgramError(ModelwrightError):
    """An experiment's program misused the language or a tool.

    Args:
        message: what is wrong.
        line: the line of the program, counted from 1; ``None`` when it isn't about a line.
        expected: what was expected there.
        got: what was found instead.
        allowed: what would be accepted.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        expected: str = "",
        got: str = "",
        allowed: str = "",
    ) -> None:
        self.message, self.line, self.expected, self.got, self.allowed = message, line, expected, got, allowed
        parts = [f"line {line}: {message}" if line else message]
        parts += [f"expected {expected}"] if expected else []
        parts += [f"got {got}"] if got else []
        parts += [f"allowed: {allowed}"] if allowed else []
        super().__init__("; ".join(parts))


class NotApplicable(ModelwrightError):
    """A transform or an estimator declines the data it was given, with the reason."""


class StepError(ModelwrightError):
    """A durable step ended without a result.

    Args:
        kind: how it ended.
        message: one sentence.
        error_type: the class of the original exception, where there was one.
        detail: a trimmed traceback or the tail of the worker's log.
    """

    def __init__(self, kind: FailureKind, message: str, error_type: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.error_type, self.detail = kind, message, error_type, detail


class NoModelError(ModelwrightError):
    """The request was sound, yet no model could be delivered."""


class Interrupted(ModelwrightError):
    """The person stopped the run; it can be resumed."""


DISK_FULL = "DiskFull"
"""The ``error_type`` of a step that failed for want of room on the disk: not by itself, so it is performed again."""
_NO_ROOM = re.compile(r"no space left on device|disk quota exceeded|(database or )?disk is full", re.IGNORECASE)


def disk_is_full(error: BaseException) -> bool:
    """Whether an exception, or the one that led to it, says that there is no room on a disk."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if _NO_ROOM.search(_text_of(found)):
            return True
        found = found.__cause__
    return False


def _text_of(error: BaseException) -> str:
    """What an exception says; nothing when it can't be shown, as a library's own may not be."""
    try:
        return str(error)
    except Exception:
        return ""
