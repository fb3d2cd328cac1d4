"""The technical appendix: how to reproduce the run, its versions, its time, and the events behind its figures."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from modelwright.hashing import digest
from modelwright.report import Story
from modelwright.report.answer import total_seconds
from modelwright.report.numbers import clean, counted, duration, moment
from modelwright.report.tree import (
    Block,
    Code,
    Details,
    Facts,
    From,
    Heading,
    Log,
    Paragraph,
    Section,
    Table,
    Words,
)

_EVENTS = 400  # listed; a longer log is in trace.jsonl


def appendix(story: Story, quoted: tuple[str, ...]) -> Section:
    """The appendix; ``quoted`` are the keys of all facts that the report took figures from."""
    identity: tuple[tuple[str, Words], ...] = (
        ("Run", story.run_id),
        ("Started", moment(story.started)),
        ("Seed", str(story.problem.seed)),
        ("Delivered recipe", digest(story.delivered)[:16]),
        ("Digest of the folds", story.protocol.assignment[:16] or "–"),
        ("Digest of the sealed rows", story.protocol.sealed[:16] or "–"),
    )
    phases = tuple((name.replace("_", " "), duration(seconds)) for name, seconds in story.seconds.items() if seconds)
    total = (("together", duration(total_seconds(story))),)
    time = Table(("Phase", "Time"), (*phases, *total), "lr", "Where the time went", strong=len(phases))
    blocks: list[Block] = [Facts(identity), *_again(story), Heading("Where the time went"), time]
    if story.versions:
        blocks.append(Details("Versions", (Facts(tuple(story.versions.items())),)))
    return Section("Technical appendix", "appendix", (*blocks, *_events(story, quoted)))


def _again(story: Story) -> list[Block]:
    run = shlex.quote(clean(story.run_id)) if story.run_id else "RUN"
    lines = (
        f"modelwright replay {run}                # the same run from its records",
        f"modelwright report {run} --pdf report.pdf   # this report again, as PDF",
        f"modelwright trace {run}                 # its log, one JSON object a line",
    )
    same = (
        "The same data, seed, number of workers and limit of experiments give the same experiments."
        if not story.time_limited
        else "The clock decided how much was tried, so another run may try more or fewer experiments."
    )
    return [Heading("How to reproduce it"), Paragraph(same), Code("\n".join(lines), "sh")]


def _events(story: Story, quoted: tuple[str, ...]) -> list[Block]:
    if not story.events:
        return []
    needed = {story.sources[key].event for key in quoted if key in story.sources}
    shown = [e for e in story.events if e.seq in needed]
    room = _EVENTS - len(shown)
    others = [e for e in story.events if e.seq not in needed][: max(room, 0)]
    rows = tuple(
        (e.seq, datetime.fromtimestamp(e.time, UTC).strftime("%H:%M:%S"), e.about)
        for e in sorted((*shown, *others), key=lambda e: e.seq)
    )
    hidden = len(story.events) - len(rows)
    more = f" {counted(hidden, 'further event')} and" if hidden else " In between"
    note = (
        "Every figure of this report was taken from one of these events of run.db, which trace.jsonl repeats line by "
        f"line.{more} {counted(story.steps, 'step')} (fits, predictions, measurements) are in the log, too."
    )
    return [Heading("Events of the log"), Paragraph(note), From("", (Log(rows),))]
