"""What the agents that read a request are shown, and how what they say of columns and words is checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from modelwright.action import did_you_mean
from modelwright.agents import Unacceptable

LONGEST_NAME = 400


def clean(text: str, most: int) -> str:
    """A text of a model on one line, without invisible characters, at most so many characters long."""
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


def _cleaned(value: object, most: int) -> object:
    return clean(value, most) if isinstance(value, str) else "" if value is None else value


def _named(value: object) -> object:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int) else "" if value is None else value


# What is a little too long is cut: asking again for the sake of a few words would cost more than they are worth.
Line = Annotated[str, BeforeValidator(partial(_cleaned, most=300)), Field(max_length=300)]
"""One or two sentences."""
Phrase = Annotated[str, BeforeValidator(partial(_cleaned, most=160)), Field(max_length=160)]
"""A few words."""
Name = Annotated[str, BeforeValidator(_named), Field(max_length=LONGEST_NAME)]
"""A name or a level; levels that are numbers are taken as texts."""


@dataclass(frozen=True)
class Asked:
    """A request, as it is shown to an agent.

    Args:
        statement: the problem in the user's words, as a JSON string.
        fixed: what the user has settled by options, one line each.
        wishes: demands that the user wrote down besides, as a JSON string; empty without any.
        profile: the data, as text.
        columns: the names that may be given.
        spoken: the user's own words, which quotations are compared with.
    """

    statement: str
    fixed: tuple[str, ...]
    wishes: str
    profile: str
    columns: tuple[str, ...]
    spoken: str

    def column(self, name: str, part: str) -> str:
        """The column that a model means; its spelling is forgiven where only one column fits.

        Raises:
            Unacceptable: when there is none.
        """
        if name in self.columns:
            return name
        same = [c for c in self.columns if _plain(c) == _plain(name)]
        if len(same) == 1:
            return same[0]
        near = did_you_mean(name, self.columns) or "; the columns are listed in the data block"
        raise Unacceptable(f"- {part}: there is no column {clean(name, 80)!r}{near}")

    def quotes(self, words: str) -> bool:
        """Whether these are words of the user's."""
        wanted = _plain(words.strip(" .,;:!?…\"'“”‘’`«»"))
        return len(wanted) >= 2 and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", _plain(self.spoken)) is not None


def _plain(text: str) -> str:
    """Letters in their usual form and case, blanks as one, quotation marks as typewriters have them."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub("[“”„«»]", '"', re.sub("[‘’‚`´]", "'", folded)).split())


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names for a message: quoted, the first few."""
    names = list(names)
    return ", ".join(repr(clean(n, 80)) for n in names[:most]) + (" …" if len(names) > most else "")
