"""The retriever: what is known about problems such as this one, from the playbook and from past runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._asking import Phrase
from modelwright.agents.playbook import Note, fitting, notes, notes_text

MOST_NOTES = 3
"""Notes that are taken at most: some 700 tokens for everybody who is shown them."""


class Pick(Answer):
    """One note that is worth reading for this problem."""

    note: str = Field(max_length=80, description="its name, as listed")
    reason: Phrase = Field(default="", description="why it matters here, in a few words")


class Retrieved(Answer):
    """What is worth knowing before experiments are designed."""

    picks: list[Pick] = Field(max_length=8, description="the notes that matter most, the most useful first")
    knowledge: list[Phrase] = Field(
        default_factory=list,
        max_length=5,
        description="facts of this domain that no note has: formulas, thresholds, units, what drives the target",
    )


@dataclass(frozen=True)
class RetrieverFacts:
    """What the retriever is shown.

    Args:
        problem: what is asked, as text.
        columns: the data, as short text.
        traits: what the problem is like.
        offered: the notes there are.
        similar: what past runs on similar data came to, one line each.
    """

    problem: str
    columns: str
    traits: Mapping[str, float]
    offered: tuple[Note, ...] = ()
    similar: tuple[str, ...] = ()

    @property
    def index(self) -> list[str]:
        """The notes, one line each."""
        return [f"{note.name}: {note.title} ({', '.join(note.tags)})" for note in self.offered]

    @property
    def nature(self) -> str:
        """The traits as text."""
        return ", ".join(name if value == 1 else f"{name} {value:g}" for name, value in self.traits.items())


class Retriever(Agent[RetrieverFacts, Retrieved]):
    """Finds what is known."""

    name = "retriever"
    answer = Retrieved
    max_tokens = 700
    search = True

    def review(self, answer: Retrieved, facts: RetrieverFacts) -> Retrieved:
        """Notes must exist; nearly right names are put right, repeated ones dropped, the first five kept."""
        known = {note.name: note for note in facts.offered}
        picks: dict[str, Pick] = {}
        unknown = []
        for pick in answer.picks:
            asked = pick.note.strip().strip("[]`").removesuffix(".md").lower().replace("-", "_").replace(" ", "_")
            near = [asked] if asked in known else difflib.get_close_matches(asked, known, n=1, cutoff=0.75)
            if near:
                picks.setdefault(near[0], pick.model_copy(update={"note": near[0]}))
            else:
                unknown.append(pick.note[:80])
        if not picks and unknown:
            raise Unacceptable(f"- picks: there is no note {unknown[0]!r}; there are: {', '.join(known)}")
        return answer.model_copy(update={"picks": list(picks.values())[:MOST_NOTES]})


def by_traits(traits: Mapping[str, float], words: Iterable[str] = ()) -> Retrieved:
    """The built-in policy: the notes whose conditions hold, the most promising first.

    Args:
        traits: what the problem is like.
        words: words of the request and of column names, in lower case.
    """
    chosen = fitting(notes(), traits, words)[:MOST_NOTES]
    return Retrieved(picks=[Pick(note=note.name, reason=f"applies when {note.applies_when}"[:160]) for note in chosen])


def picked(answer: Retrieved) -> tuple[Note, ...]:
    """The notes that were picked, in order."""
    known = {note.name: note for note in notes()}
    return tuple(known[pick.note] for pick in answer.picks if pick.note in known)


def known_text(answer: Retrieved) -> str:
    """What was found, as other agents are shown it."""
    said = "\n".join(f"- {line}" for line in answer.knowledge)
    return "\n\n".join(part for part in (notes_text(picked(answer)), said) if part)
