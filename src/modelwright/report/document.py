"""The report as a tree, from the story."""

from __future__ import annotations

from collections.abc import Mapping

from modelwright.report import (
    Story,
    advice,
    answer,
    background,
    certainty,
    explaining,
    findings,
    journey,
    performance,
    search,
    technical,
)
from modelwright.report.numbers import moment
from modelwright.report.tree import Document
from modelwright.report.wording import title_words, tone


def build(story: Story) -> Document:
    """The whole report."""
    told = [
        answer.section(story),
        background.asked(story),
        findings.demands(story),
        findings.findings(story),
        performance.how_good(story),
        certainty.certainty(story),
        certainty.slices(story),
        explaining.drivers(story),
        certainty.uncertainty(story),
        background.data(story),
        journey.journey(story),
        journey.decided(story),
        search.troubles(story),
        background.judging(story),
        search.delivered(story),
        advice.improvements(story),
        advice.limits(story),
    ]
    sections = [s for s in told if s]
    intro = (answer.cards(story),)
    quoted = dict.fromkeys(key for s in sections for key in s.sources())
    sections.append(technical.appendix(story, tuple(quoted)))
    return Document(
        title=title_words(story),
        kicker=f"modelwright report · {moment(story.started)}",
        verdict=story.judgement.verdict,
        tone=tone(story),
        intro=intro,
        sections=tuple(sections),
        footer=f"Run {story.run_id}, made with modelwright {story.versions.get('modelwright', '')}".rstrip() + ".",
        events=_events(story),
    )


def _events(story: Story) -> Mapping[str, tuple[int, str]]:
    """The event of each fact, as far as the report lists it."""
    listed = {e.seq: e.about for e in story.events}
    return {key: (s.event, listed[s.event]) for key, s in story.sources.items() if s.event in listed}
