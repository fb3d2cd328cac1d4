"""The playbook: what is known about kinds of problems, as short notes with their sources.

A note is a Markdown file of this folder with TOML between two lines of ``+++`` before the text: ``title``, ``tags``,
``applies_when`` (conditions over :func:`modelwright.traits.traits`, such as ``text and rows < 2000 or wide``; the word
``words`` asks for one of the note's own ``words`` in the request or in a column's name), ``priority`` (1 to 3: how much
it usually brings), ``source`` and ``version``, which is raised when the advice changes. Actions stand in backquotes.
To add a note, write a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FENCE = "+++"


@dataclass(frozen=True)
class Note:
    """One note.

    Args:
        name: the file's name, by which decisions refer to it.
        title: what it is about.
        tags: the same in keywords.
        applies_when: conditions over traits; see the package.
        words: words of a request or of column names that suggest it.
        priority: 1 to 3; how much it usually brings.
        source: where the knowledge comes from.
        version: raised when the advice changes.
        text: the advice, in Markdown.
    """

    name: str
    title: str
    tags: tuple[str, ...]
    applies_when: str
    words: tuple[str, ...]
    priority: int
    source: str
    version: int
    text: str

    def applies(self, traits: Mapping[str, float], words: Iterable[str] = ()) -> bool:
        """Whether its conditions hold.

        Args:
            traits: what the problem is like.
            words: words of the request and of column names, in lower case.
        """
        known = dict(traits) | {"words": float(self.hits(words) > 0)}
        return any(
            all(_holds(term.strip(), known) for term in alternative.split(" and "))
            for alternative in self.applies_when.split(" or ")
        )

    def hits(self, words: Iterable[str]) -> int:
        """How many of its words occur."""
        return len(set(self.words) & set(words))


_TERM = re.compile(r"(?P<name>[a-z_]+)(?:\s*(?P<sign><=|>=|<|>)\s*(?P<number>[\d.]+))?")


def _holds(term: str, traits: Mapping[str, float]) -> bool:
    match = _TERM.fullmatch(term)
    if match is None:
        raise ValueError(f"{term!r} isn't a condition; write a trait, or for instance: rows < 2000")
    value, number = traits.get(match["name"], 0.0), float(match["number"] or 0.0)
    outcome = {"<": value < number, ">": value > number, "<=": value <= number, ">=": value >= number}
    return outcome[match["sign"]] if match["sign"] else value > 0


@cache
def notes() -> tuple[Note, ...]:
    """All notes, by name."""
    folder = files(__name__)
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".md"))
    return tuple(_read(e.name[:-3], e.read_text("utf-8")) for e in sorted(found, key=lambda e: e.name))


def _read(name: str, text: str) -> Note:
    _, head, body = text.split(f"{FENCE}\n", 2)
    given = tomllib.loads(head)
    return Note(
        name,
        given["title"],
        tuple(given["tags"]),
        given["applies_when"],
        tuple(given["words"]),
        given["priority"],
        given["source"],
        given["version"],
        body.strip(),
    )


def fitting(known: Sequence[Note], traits: Mapping[str, float], words: Iterable[str] = ()) -> tuple[Note, ...]:
    """The notes that apply, the most promising first: by priority, words that occur, and how special they are.

    Args:
        known: the notes to choose from.
        traits: what the problem is like.
        words: words of the request and of column names, in lower case.
    """
    said = frozenset(words)

    def rank(note: Note) -> tuple[float, str]:
        special = note.applies_when.count(" and ") + note.applies_when.count(" < ")
        return -(note.priority + min(2, note.hits(said)) + 0.1 * special), note.name

    return tuple(sorted((n for n in known if n.applies(traits, said)), key=rank))


def notes_text(chosen: Iterable[Note]) -> str:
    """Notes as they are shown to a language model, each with its name, so that a decision can say what it used."""
    return "\n\n".join(f"[{note.name}] {note.title}\n{' '.join(note.text.split())}" for note in chosen)
