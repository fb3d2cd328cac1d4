"""The report as a tree, from the story."""

from __future__ import annotations

from modelwright.hashing import digest
from modelwright.report import Story, advice, background, performance, search
from modelwright.report.numbers import counted, duration, interval, moment, score, sentence
from modelwright.report.tree import (
    Block,
    Callout,
    Card,
    Cards,
    Details,
    Document,
    Facts,
    Section,
    Table,
    Words,
)
from modelwright.report.wording import answer, capital, metric_of, title_words, tone


def total_seconds(story: Story) -> float:
    """Wall-clock seconds of the whole command so far."""
    return float(sum(story.seconds.values()))


def build(story: Story) -> Document:
    """The whole report."""
    sections = [
        _answer(story),
        background.asked(story),
        performance.how_good(story),
        performance.drivers(story),
        background.data(story),
        search.experiments(story),
        background.judging(story),
        search.delivered(story),
        search.troubles(story),
        advice.improvements(story),
        advice.limits(story),
        _appendix(story),
    ]
    return Document(
        title=title_words(story),
        kicker=f"modelwright report · {moment(story.started)}",
        verdict=story.judgement.verdict,
        tone=tone(story),
        intro=(_cards(story),),
        sections=tuple(s for s in sections if s),
        footer=f"Run {story.run_id}, made with modelwright {story.versions.get('modelwright', '')}".rstrip() + ".",
    )


def _cards(story: Story) -> Cards:
    judged, metric = story.judgement, metric_of(story)
    ends = interval(judged.score.low, judged.score.high, " – ")
    better = "higher is better" if metric.greater_is_better else "lower is better"
    done = sum(e.status == "done" for e in story.experiments)
    return Cards(
        (
            Card(capital(metric.title), score(judged.score.value), f"{ends} (95 %)" if ends else better),
            Card("Baseline", score(judged.baseline.value), f"{judged.baseline_name}, {better}"),
            Card("Rows", f"{story.rows:,}", f"{counted(story.protocol.n_holdout, 'row')} sealed for the end"),
            Card("Time", duration(total_seconds(story)), f"{counted(done, 'experiment')} finished"),
        )
    )


def _answer(story: Story) -> Section:
    lines: list[Words] = list(answer(story))
    blocks: list[Block] = [Callout("", tuple(lines), tone(story))]
    if story.warnings:
        blocks.append(Callout("To keep in mind", tuple(sentence(w) for w in story.warnings[:5]), "care"))
    return Section("The answer", "answer", tuple(blocks))


def _appendix(story: Story) -> Section:
    phases = tuple((name.replace("_", " "), duration(seconds)) for name, seconds in story.seconds.items() if seconds)
    total = (("together", duration(total_seconds(story))),)
    identity: tuple[tuple[str, Words], ...] = (
        ("Run", story.run_id),
        ("Started", moment(story.started)),
        ("Seed", str(story.problem.seed)),
        ("Delivered recipe", digest(story.delivered)[:16]),
        ("Digest of the folds", story.protocol.assignment[:16] or "–"),
        ("Digest of the sealed rows", story.protocol.sealed[:16] or "–"),
    )
    versions: tuple[tuple[str, Words], ...] = tuple(story.versions.items())
    blocks: list[Block] = [
        Facts(identity),
        Table(("Phase", "Time"), (*phases, *total), "lr", "Where the time went", strong=len(phases)),
    ]
    if versions:
        blocks.append(Details("Versions", (Facts(versions),)))
    return Section("Appendix", "appendix", tuple(blocks))
