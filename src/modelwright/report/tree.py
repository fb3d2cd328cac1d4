"""The tree that a report is built as, once, before it becomes Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Tone = Literal["good", "care", "bad", "plain"]


@dataclass(frozen=True)
class Name:
    """A name that comes from the data (a column, a label): set as code, shortened when it is long."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Emphasised words."""

    text: str


@dataclass(frozen=True)
class Link:
    """Words that lead to another section of the report."""

    text: str
    anchor: str


Part = str | Name | Strong | Link
Words = Part | tuple[Part, ...]
"""A run of text. Plain strings are text, never markup."""


def parts(words: Words) -> tuple[Part, ...]:
    """The parts of a run of text."""
    return words if isinstance(words, tuple) else (words,)


def listed(names: tuple[str, ...] | list[str], most: int = 6, last: str = "and") -> tuple[Part, ...]:
    """Names as an enumeration: ``a, b and 3 more``."""
    shown: list[Part] = [Name(n) for n in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    out: list[Part] = []
    for i, name in enumerate(shown):
        out += [f" {last} " if i == len(shown) - 1 else ", "] if i else []
        out.append(name)
    return tuple(out)


@dataclass(frozen=True)
class Block:
    """Anything that stands in a section. ``kind`` names the way it is rendered."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True)
class Paragraph(Block):
    """A paragraph; ``note`` for small print, ``quote`` for somebody's own words."""

    words: Words
    style: Literal["plain", "note", "quote"] = "plain"
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Heading(Block):
    """A heading inside a section."""

    title: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Bullets(Block):
    """A list; ``ordered`` numbers it."""

    items: tuple[Words, ...]
    ordered: bool = False
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Facts(Block):
    """Labels with values."""

    rows: tuple[tuple[str, Words], ...]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Callout(Block):
    """What must not be overlooked; ``sources`` name line by line what figures were taken from, as in a table."""

    title: str
    lines: tuple[Words, ...]
    tone: Tone = "plain"
    sources: tuple[str, ...] = ()
    kind: ClassVar[str] = "callout"


@dataclass(frozen=True)
class Card:
    """One key figure."""

    label: str
    value: str
    note: str = ""
    source: str = ""


@dataclass(frozen=True)
class Cards(Block):
    """Key figures side by side."""

    cards: tuple[Card, ...]
    kind: ClassVar[str] = "cards"


@dataclass(frozen=True)
class Table(Block):
    """A table.

    Args:
        columns: the titles.
        rows: the cells, row by row.
        align: one letter a column: ``l`` text, ``r`` numbers, ``w`` text that may run over several lines.
        caption: what it shows, for people who can't see the context.
        strong: index of the row to be emphasised.
        sources: row by row, the fact that its figures were taken from; empty where the section's own holds.
        sortable: whether a reader may want another order.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]
    align: str
    caption: str = ""
    strong: int | None = None
    sources: tuple[str, ...] = ()
    sortable: bool = False
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Code(Block):
    """Source text, word for word."""

    text: str
    language: str = ""
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Figure(Block):
    """A picture with what is to be seen in it.

    Args:
        title: what it shows.
        svg: the picture, safe to be put into a page; empty where pictures aren't drawn.
        finding: what is to be seen, in words and figures; stands in the Markdown, too.
        reading: how to read the picture.
        alt: the picture in words, for people who can't see it.
        table: the same as figures, for the Markdown.
    """

    title: str
    svg: str
    finding: Words
    reading: str
    alt: str
    table: Table | None = None
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Pictures(Block):
    """Figures that stand side by side where there is room."""

    figures: tuple[Figure, ...]
    kind: ClassVar[str] = "pictures"


@dataclass(frozen=True)
class Details(Block):
    """What is folded away."""

    summary: Words
    blocks: tuple[Block, ...]
    kind: ClassVar[str] = "details"


@dataclass(frozen=True)
class From(Block):
    """Blocks whose figures were taken from one fact; ``source`` is its key in the story's sources, empty for none."""

    source: str
    blocks: tuple[Block, ...]
    kind: ClassVar[str] = "from"


@dataclass(frozen=True)
class Log(Block):
    """Events of the log that figures were taken from: number, time of day and what happened; links lead here."""

    rows: tuple[tuple[int, str, str], ...]
    kind: ClassVar[str] = "log"


@dataclass(frozen=True)
class Section:
    """A section with its anchor.

    Args:
        title: its heading.
        anchor: its name in links.
        blocks: what stands in it.
        source: the fact that its figures were taken from, unless a block says otherwise; empty for none.
    """

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    source: str = ""

    def sources(self) -> tuple[str, ...]:
        """The keys of all facts that figures in this section were taken from, in the order of mention."""
        return tuple(dict.fromkeys(filter(None, (self.source, *_sources(self.blocks)))))


def _sources(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, From):
            yield block.source
        if isinstance(block, Table | Callout):
            yield from block.sources
        if isinstance(block, Cards):
            yield from (card.source for card in block.cards)
        if isinstance(block, From | Details):
            yield from _sources(block.blocks)


@dataclass(frozen=True)
class Document:
    """A whole report.

    Args:
        title: the heading, with names from the data marked as such.
        kicker: the line above it.
        verdict: what may be done with the model, as a badge.
        tone: of the badge.
        intro: what stands before the first section.
        sections: the rest.
        footer: the last line.
        events: the event of each fact that figures were taken from, with the event in words, by the fact's key.
    """

    title: Words
    kicker: str
    verdict: str
    tone: Tone
    intro: tuple[Block, ...]
    sections: tuple[Section, ...]
    footer: str
    events: Mapping[str, tuple[int, str]] = field(default_factory=dict)
