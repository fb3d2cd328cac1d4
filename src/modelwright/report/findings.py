"""What the checks found, and whether the user's demands hold."""

from __future__ import annotations

import math

from modelwright.finding import SEVERITIES, Finding
from modelwright.judgement import Verified
from modelwright.report import Story
from modelwright.report.numbers import clean, counted, interval, number, of_hundred, score, sentence
from modelwright.report.tree import (
    Block,
    Callout,
    Details,
    Heading,
    Name,
    Paragraph,
    Section,
    Strong,
    Table,
    Tone,
    Words,
    listed,
    parts,
)
from modelwright.report.wording import metric_of

_TONES: dict[str, Tone] = {"clear": "bad", "suspicious": "care", "note": "plain"}
_LEADS = {"clear": "Clear", "suspicious": "Suspicious", "note": "Note"}
_SHOWN = 12  # of one severity; the rest is folded away


def findings(story: Story) -> Section | None:
    """Every finding with its evidence, its effect, what was done and how to overrule it; ``None`` without any."""
    if not story.findings:
        return None
    groups = {s: [f for f in story.findings if f.severity == s] for s in SEVERITIES}
    count = ", ".join(f"{len(found):,} {_LEADS[s].lower()}" for s, found in groups.items() if found)
    blocks: list[Block] = [
        Paragraph(
            f"Before and after training, data and model were checked for what makes a score a fiction: {count}. Clear "
            "ones were acted upon; suspicious ones are for somebody who knows the data to decide."
        )
    ]
    blocks += _effects(story)
    for severity in ("clear", "suspicious"):
        callouts = tuple(_callout(story, f) for f in groups[severity])
        blocks += callouts[:_SHOWN]
        if len(callouts) > _SHOWN:
            blocks.append(Details(f"{len(callouts) - _SHOWN:,} more that are {severity}", callouts[_SHOWN:]))
    if groups["note"]:
        notes = tuple(_callout(story, f) for f in groups["note"])
        blocks.append(Details(f"{counted(len(notes), 'note')}: good to know, nothing wrong with the score", notes))
    return Section("What the checks found", "findings", tuple(blocks), "prepared")


def _places(story: Story, found: Finding) -> tuple[str, str]:
    """What a finding and its effect were taken from; one of an analysis came with what was delivered."""
    place = next(i for i, f in enumerate(story.findings) if f is found)
    own = f"finding:{place}" if f"finding:{place}" in story.sources else "delivery"
    return own, f"effect:{place}" if f"effect:{place}" in story.sources else own


def _callout(story: Story, found: Finding) -> Callout:
    own, effect = _places(story, found)
    lines: list[Words] = [(*listed(found.columns, 8), ": ", sentence(found.evidence))] if found.columns else []
    lines = lines or [sentence(found.evidence)]
    if found.effect:
        lines.append((Strong("Effect:"), f" {_effect_words(found)}"))
    for title, text in (
        ("May be all right:", found.legitimate),
        ("Done:", found.done),
        ("Overrule:", found.overrule),
    ):
        if clean(text):
            lines.append((Strong(title), f" {sentence(text)}"))
    of = tuple(effect if found.effect and i == 1 else own for i in range(len(lines)))
    title = clean(found.title) or found.check.replace("_", " ")
    return Callout(f"{_LEADS[found.severity]}: {title}", tuple(lines), _TONES[found.severity], of)


def _effect_words(found: Finding) -> str:
    effect = found.effect
    assert effect is not None
    ends = f" (difference {_signed(effect.difference)}, 95 % interval {_signed(effect.low)} to {_signed(effect.high)})"
    return (
        f"{clean(effect.model)} scores {score(effect.kept.value)} with and {score(effect.left_out.value)} "
        f"without{ends if math.isfinite(effect.difference) else ''}."
    )


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value, 3)


def _effects(story: Story) -> list[Block]:
    found = [f for f in story.findings if f.effect is not None and f.severity != "note"]
    if not found:
        return []
    rows: list[tuple[Words, ...]] = []
    for finding in found:
        effect = finding.effect
        assert effect is not None
        row = (listed(finding.columns, 3) or "–", clean(finding.title), score(effect.kept.value),
               score(effect.left_out.value), _signed(effect.difference))  # fmt: skip
        rows.append(row)
    title = metric_of(story).title
    titles = ("Columns", "What it is", "Score with", "Score without", "Difference")
    note = f"Out-of-fold {title} of one quick model on the run's own folds, with these columns and without them."
    return [Heading("The score with and without"), Table(titles, tuple(rows), "lwrrr", "Scores with and without",
                  sources=tuple(_places(story, f)[1] for f in found)),
            Paragraph(note, "note")]  # fmt: skip


# ── demands ──────────────────────────────────────────────────────────────────


def demands(story: Story) -> Section | None:
    """What was demanded with what was measured on the delivered model; ``None`` when nothing was demanded."""
    verified = story.judgement.demands
    if not verified:
        return None
    failed = sum(d.passed is False for d in verified)
    open_ = sum(d.passed is None for d in verified)
    said = f"{counted(len(verified), 'demand')}: {len(verified) - failed - open_:,} met, {failed:,} not met"
    said += f", {open_:,} that no rule could check." if open_ else "."
    rows = tuple(_demand(d) for d in verified)
    table = Table(("Demand", "Result", "Measured", "How"), rows, "wlww", "Demands and whether they hold")
    blocks: list[Block] = [Paragraph(said), table]
    blocks += [Details(f"More figures: {clean(d.demand)}", (_details(d),)) for d in verified if d.details]
    return Section("Your demands, and whether they hold", "demands", tuple(blocks), "judgement")


def _demand(demand: Verified) -> tuple[Words, ...]:
    results: dict[bool | None, Words] = {True: Strong("met"), False: Strong("NOT met"), None: "not checked"}
    result = results[demand.passed]
    ends = interval(demand.low, demand.high, " – ")
    found = clean(demand.found) or (
        f"{number(demand.figure)} {demand.unit}".strip() if demand.figure is not None else "–"
    )
    if ends and demand.unit == "share" and demand.low is not None and demand.high is not None:
        ends = f"{of_hundred(demand.low)} % – {of_hundred(demand.high)} %"
    said = f"{found} ({ends})" if ends and not clean(demand.found) else found
    return clean(demand.demand), result, said, sentence(demand.how) or "–"


def _details(demand: Verified) -> Table:
    rows = tuple((Name(name), number(value)) for name, value in list(demand.details.items())[:50])
    return Table(("Group" if demand.name == "fairness" else "Of", "Figure"), rows, "lr", "More figures")


def finding_words(found: Finding) -> Words:
    """A finding as one line, for the model card."""
    where = (*listed(found.columns, 5), ": ") if found.columns else ()
    done = f" {sentence(found.done)}" if clean(found.done) else ""
    return (f"{clean(found.title)}. ", *where, *parts(sentence(found.evidence)), done)
