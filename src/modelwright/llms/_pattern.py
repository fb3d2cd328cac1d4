"""Regular expressions of schemas as a small tree: literals, classes, repetitions, groups, alternatives.

What isn't known here (look-around, back references, flags) is refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

PRINTABLE = frozenset(map(chr, range(0x20, 0x7F)))
"""Printable ASCII: what texts are made of. It is a subset of what a schema allows, and safe in any transport."""

_DIGITS = frozenset("0123456789")
_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") | _DIGITS
_CLASSES = {
    "d": _DIGITS,
    "D": PRINTABLE - _DIGITS,
    "w": _WORD,
    "W": PRINTABLE - _WORD,
    "s": frozenset(" "),
    "S": PRINTABLE - {" "},
}
_MOST = 60
"""Repetitions of something that may be repeated for ever."""


class Unsupported(ValueError):
    """A schema or pattern that can't be honoured."""


@dataclass(frozen=True)
class Class:
    """One of several characters."""

    characters: frozenset[str]

    @property
    def lengths(self) -> tuple[int, int]:
        """Fewest and most characters."""
        return 1, 1

    def text(self, rng: random.Random) -> str:
        """A text that it matches."""
        return rng.choice(sorted(self.characters))

    def limited(self, low: int, high: int | None) -> Part:
        """Narrowed to texts of a length."""
        return _within(self, low, high)


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    parts: tuple[Part, ...]

    @property
    def lengths(self) -> tuple[int, int]:
        """Fewest and most characters."""
        return _total(p.lengths for p in self.parts)

    def text(self, rng: random.Random) -> str:
        """A text that it matches."""
        return "".join(p.text(rng) for p in self.parts)

    def limited(self, low: int, high: int | None) -> Part:
        """Narrowed to texts of a length; only where a single part has one that varies."""
        loose = [i for i, p in enumerate(self.parts) if p.lengths[0] != p.lengths[1]]
        if len(loose) != 1:
            return _within(self, low, high)
        fixed = sum(p.lengths[0] for i, p in enumerate(self.parts) if i != loose[0])
        narrowed = self.parts[loose[0]].limited(max(0, low - fixed), None if high is None else high - fixed)
        return Sequence((*self.parts[: loose[0]], narrowed, *self.parts[loose[0] + 1 :]))


@dataclass(frozen=True)
class Alternatives:
    """One or the other."""

    options: tuple[Part, ...]

    @property
    def lengths(self) -> tuple[int, int]:
        """Fewest and most characters."""
        return min(p.lengths[0] for p in self.options), max(p.lengths[1] for p in self.options)

    def text(self, rng: random.Random) -> str:
        """A text that it matches."""
        return rng.choice(self.options).text(rng)

    def limited(self, low: int, high: int | None) -> Part:
        """Narrowed to texts of a length: those alternatives that can be."""
        kept = []
        for option in self.options:
            try:
                kept.append(option.limited(low, high))
            except Unsupported:
                continue
        if not kept:
            raise Unsupported("a pattern that no text of the allowed length matches")
        return Alternatives(tuple(kept))


@dataclass(frozen=True)
class Repeat:
    """The same several times."""

    part: Part
    low: int
    high: int

    @property
    def lengths(self) -> tuple[int, int]:
        """Fewest and most characters."""
        return self.part.lengths[0] * self.low, self.part.lengths[1] * self.high

    def text(self, rng: random.Random) -> str:
        """A text that it matches."""
        times = rng.randint(self.low, min(self.high, self.low + 12))
        return "".join(self.part.text(rng) for _ in range(times))

    def limited(self, low: int, high: int | None) -> Part:
        """Narrowed to texts of a length; only where each repetition has the same."""
        shortest, longest = self.part.lengths
        if shortest != longest or shortest == 0:
            return _within(self, low, high)
        fewest = max(self.low, -(-low // shortest))
        most = self.high if high is None else min(self.high, high // shortest)
        if fewest > most:
            raise Unsupported("a pattern that no text of the allowed length matches")
        return Repeat(self.part, fewest, most)


Part: TypeAlias = Class | Sequence | Alternatives | Repeat


def _total(lengths: Iterable[tuple[int, int]]) -> tuple[int, int]:
    low = high = 0
    for shortest, longest in lengths:
        low, high = low + shortest, high + longest
    return low, high


def _within(part: Part, low: int, high: int | None) -> Part:
    shortest, longest = part.lengths
    if shortest < low or (high is not None and longest > high):
        raise Unsupported("a pattern together with a limit of length")
    return part


def parse_pattern(pattern: str) -> Part:
    """A regular expression as a tree; a text that it makes matches from its beginning to its end.

    Raises:
        Unsupported: when it uses something that isn't known here.
    """
    reader = _Reader(pattern.removeprefix("^"))
    part = reader.alternatives()
    if reader.place < len(reader.text):
        raise Unsupported(f"the pattern {pattern!r}")
    return part


class _Reader:
    """Reads a regular expression from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def alternatives(self) -> Part:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Alternatives(tuple(options))

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self.place < len(self.text) and self._next not in "|)":
            if self._next == "$" and self.place == len(self.text) - 1:
                self.place += 1
                break
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Part:
        if self._take("("):
            if self._take("?") and not self._take(":"):
                raise Unsupported(f"the pattern {self.text!r}")
            part = self.alternatives()
            self._demand(")")
            return part
        if self._take("["):
            return Class(self._class())
        if self._take("."):
            return Class(PRINTABLE)
        if self._take("\\"):
            return Class(self._escaped())
        if self._next in "*+?{}^$":
            raise Unsupported(f"the pattern {self.text!r}")
        return Class(frozenset(self._character()))

    def _repeated(self, part: Part) -> Part:
        for sign, low, high in (("*", 0, _MOST), ("+", 1, _MOST), ("?", 0, 1)):
            if self._take(sign):
                self._take("?")  # lazy or not is the same when nothing is searched
                return Repeat(part, low, high)
        if not self._take("{"):
            return part
        bounds, closed, rest = self.text[self.place :].partition("}")
        fewest, comma, most = bounds.partition(",")
        if not closed or not fewest.isdigit() or (most and not most.isdigit()):
            raise Unsupported(f"the pattern {self.text!r}")
        self.place = len(self.text) - len(rest)
        self._take("?")
        return Repeat(part, int(fewest), int(most) if most else int(fewest) + (_MOST if comma else 0))

    def _class(self) -> frozenset[str]:
        negated = self._take("^")
        found: set[str] = set()
        while True:
            if self.place >= len(self.text):
                raise Unsupported(f"the pattern {self.text!r}")
            if self._take("]"):
                break
            first = self._escaped() if self._take("\\") else frozenset(self._character())
            if len(first) == 1 and self.text[self.place : self.place + 1] == "-" and self._after != "]":
                self.place += 1
                last = self._escaped() if self._take("\\") else frozenset(self._character())
                first = frozenset(map(chr, range(ord(min(first)), ord(max(last)) + 1)))
            found |= first
        kept = PRINTABLE - found if negated else frozenset(found) & PRINTABLE
        if not kept:
            raise Unsupported("a class without printable ASCII characters")
        return frozenset(kept)

    def _escaped(self) -> frozenset[str]:
        sign = self._character()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign.isalnum():
            raise Unsupported(f"\\{sign} in a pattern")
        return frozenset(sign)

    @property
    def _next(self) -> str:
        return self.text[self.place]

    @property
    def _after(self) -> str:
        return self.text[self.place + 1 : self.place + 2]

    def _take(self, sign: str) -> bool:
        if self.text[self.place : self.place + 1] != sign:
            return False
        self.place += 1
        return True

    def _demand(self, sign: str) -> None:
        if not self._take(sign):
            raise Unsupported(f"the pattern {self.text!r}")

    def _character(self) -> str:
        if self.place >= len(self.text):
            raise Unsupported(f"the pattern {self.text!r}")
        self.place += 1
        return self.text[self.place - 1]
