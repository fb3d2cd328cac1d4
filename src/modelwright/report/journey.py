"""The journey: what was tried and why, what was learnt from it, and who decided what."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from itertools import pairwise

from modelwright.decision import Decision, calibration
from modelwright.plan import Experiment
from modelwright.report import Story, search
from modelwright.report.numbers import clean, counted, duration, number, percent, score, sentence
from modelwright.report.tree import (
    Block,
    Bullets,
    Details,
    From,
    Heading,
    Name,
    Paragraph,
    Section,
    Table,
    Words,
)
from modelwright.report.wording import metric_of

_SHOWN = 20  # variations in the table


def journey(story: Story) -> Section:
    """All experiments, with what was learnt from those that varied another one."""
    made = search.experiments(story)
    head, tail = made.blocks[:3], made.blocks[3:]
    return Section("The journey", made.anchor, (*head, *learnt(story), *tail), "stopped")


# ── what was learnt ──────────────────────────────────────────────────────────


def _before(story: Story, experiment: Experiment, parent: Experiment) -> Experiment:
    """What a variation is compared with: the experiment it varies; for features that were carried to another family,
    that family without them."""
    if experiment.plan.by != "carried":
        return parent
    action = experiment.plan.estimator.action
    plain = (e for e in story.experiments if e.plan.estimator.action == action and not e.plan.question)
    return next((e for e in plain if e.status == "done"), parent)


def learnt(story: Story) -> list[Block]:
    """Every variation of an earlier experiment, with the question behind it and what came out."""
    named = {e.plan.name: e for e in story.experiments} | {e.slug: e for e in story.experiments}
    tried = [(e, _before(story, e, named[e.plan.parent])) for e in story.experiments if e.plan.parent in named]
    told = [(e, before) for e, before in tried if e.score and before.score and e.status == "done"]
    if not told:
        return []
    higher = metric_of(story).greater_is_better
    told.sort(key=lambda pair: -abs(gain(*pair, higher=higher)))
    rows = tuple(_variation(story, e, before, higher) for e, before in told[:_SHOWN])
    table = Table(
        ("Question", "Experiment", "Varies", "Better by", "Answer"), rows, "wllrl", "Variations and what they brought",
        sources=tuple(f"experiment:{e.number}" for e, _ in told[:_SHOWN]),
    )  # fmt: skip
    note = (
        "“Yes” and “no” need a difference of more than twice its standard error over the folds, compared fold by fold; "
        "folds share rows, so take them as strong hints."
    )
    more = f" The {_SHOWN} largest of {len(told):,} differences are shown." if len(told) > _SHOWN else ""
    return [Heading("What was learnt"), table, Paragraph(note + more, "note")]


def gain(after: Experiment, before: Experiment, *, higher: bool) -> float:
    """By how much an experiment is better than the one it varies."""
    if after.score is None or before.score is None:
        return 0.0
    found = after.score.value - before.score.value
    return (found if higher else -found) if math.isfinite(found) else 0.0


def _variation(story: Story, after: Experiment, before: Experiment, higher: bool) -> tuple[Words, ...]:
    plan = after.plan
    asked = sentence(plan.hypothesis.text if plan.hypothesis else plan.reason) or "–"
    sure = f" ({percent(plan.hypothesis.confidence)} sure)" if plan.hypothesis else ""
    return (
        asked + sure, f"{after.number}. {clean(plan.name)}", f"{before.number}. {clean(before.plan.name)}",
        number(gain(after, before, higher=higher), 3), verdict(after, before, higher=higher),
    )  # fmt: skip


def verdict(after: Experiment, before: Experiment, *, higher: bool) -> str:
    """Whether a variation helped, compared part by part: ``yes``, ``no`` or ``can't tell``."""
    if len(after.by_part) != len(before.by_part) or len(after.by_part) < 3:
        return "can't tell"
    sign = 1 if higher else -1
    steps = [sign * (a - b) for a, b in zip(after.by_part, before.by_part, strict=True)]
    if not all(map(math.isfinite, steps)):
        return "can't tell"
    error = statistics.stdev(steps) / math.sqrt(len(steps))
    mean = statistics.fmean(steps)
    if mean > 2 * error:
        return "yes"
    return "no" if mean < -2 * error else "can't tell"


# ── who decided ──────────────────────────────────────────────────────────────


def decided(story: Story) -> Section | None:
    """Who proposed and decided what, and what that was worth; ``None`` when there is nothing to tell."""
    blocks = [*_proposals(story), *_decisions(story)]
    if not blocks:
        return None
    return Section("Who decided what, and what it was worth", "decisions", tuple(blocks), "stopped")


def _proposals(story: Story) -> list[Block]:
    """Experiments by who proposed them: how many, how far they got, and how much of the delivered model is theirs."""
    authors = list(dict.fromkeys(e.plan.by for e in story.experiments))
    if len(authors) < 2:
        return []
    worth = improvements(story)
    share = {e.slug: e.plan.by for e in story.experiments}
    rows: list[tuple[Words, ...]] = []
    for by in authors:
        own = [e for e in story.experiments if e.plan.by == by]
        scores = [e.score.value for e in own if e.status == "done" and e.score and math.isfinite(e.score.value)]
        best = (max if metric_of(story).greater_is_better else min)(scores) if scores else None
        weight = sum(m.weight for m in story.delivered.members if share.get(m.experiment) == by)
        part = percent(weight) if story.delivered.members else "–"
        gained = number(worth.get(by, 0.0), 3) if by in worth else "–"
        rows.append((clean(by), f"{len(own):,}", score(best), gained, part))
    titles = ("Proposed by", "Experiments", "Best score", "Brought the best score forward by", "Share of the model")
    note = "An improvement is counted for whoever proposed the experiment that brought it, in the order of results."
    table = Table(titles, tuple(rows), "lrrrr", "What proposals were worth")
    return [table, Paragraph(note, "note")]


def improvements(story: Story) -> dict[str, float]:
    """By how much each author's experiments brought the best score forward, from the second result on."""
    by = {e.number: e.plan.by for e in story.experiments}
    gained: dict[str, float] = {}
    moments = [m for m in story.progress if math.isfinite(m.best)]
    for before, after in pairwise(moments):
        step = abs(after.best - before.best)
        if step > 0 and after.experiment in by:
            gained[by[after.experiment]] = gained.get(by[after.experiment], 0.0) + step
    return gained


def _decisions(story: Story) -> list[Block]:
    if not story.decisions:
        text = "All decisions were made by built-in policies; no language model was asked."
        return [Paragraph(text), *_remarks(story)]
    agents = dict.fromkeys(d.agent for d in story.decisions)
    rows = tuple(_agent(agent, [d for d in story.decisions if d.agent == agent]) for agent in agents)
    titles = ("Decision", "By a model", "By a policy", "Requests", "Tokens", "Cost", "Time")
    asked, use = sum(d.tier != "policy" for d in story.decisions), story.usage
    said = (
        f"{counted(len(story.decisions), 'decision')}: {asked:,} by a language model, "
        f"{len(story.decisions) - asked:,} by the built-in policy of the same step; "
        f"{counted(use.calls, 'answered request')}{f' for {number(use.cost_usd, 3)} USD' if use.cost_usd else ''}."
    )
    blocks: list[Block] = [*_balance(story), Paragraph(said), Table(titles, rows, "lrrrrrr", "Decisions")]
    fell: list[Words] = [
        (Name(d.question), f", asked for {step.tier}: {sentence(step.reason)}")
        for d in story.decisions
        for step in d.descents
    ]
    blocks += [*_worth(story), *_remarks(story)]
    if fell:
        title = f"Where a reply wasn't good enough and the next way was taken ({len(fell):,})"
        blocks.append(Details(title, (Bullets(tuple(fell[:50])),)))
    return blocks


def _remarks(story: Story) -> list[Block]:
    told = tuple(sentence(r) for r in story.remarks if clean(r))
    return [Bullets(told)] if told else []


def _balance(story: Story) -> list[Block]:
    """What the language model brought over the policies alone."""
    found = story.balance
    if found is None:
        return []
    said = f"The chosen mixture scores {score(found.together)} in validation; "
    if found.alone is None:
        said += "the policies alone made no model to compare it with. "
    else:
        said += f"without the language model's experiments it would be {score(found.alone)}. "
    if found.gain is not None and math.isfinite(found.gain):
        verb = "brought the loss down by" if found.gain > 0 else "didn't bring the loss down:"
        said += f"The language model {verb} {number(found.gain, 3)} %. "
    said += f"Its experiments, and those built on them, make {percent(found.share)} of the model. "
    brier, checked = calibration(story.worth)
    if brier is not None:
        said += (
            f"Its {counted(checked, 'prediction')} of what would help had a Brier score of {number(brier, 3)}; "
            "saying one half to everything gets 0.25."
        )
    return [From("balance", (Paragraph(said.strip()),))]


def _worth(story: Story) -> list[Block]:
    """Decision by decision, what its experiments brought."""
    if not story.worth:
        return []
    rows: list[tuple[Words, ...]] = []
    for found in story.worth:
        kept = sum(p.kept is True for p in found.promises)
        row = (Name(found.question), f"{kept:,} of {len(found.promises):,}", score(found.before), score(found.after),
               f"{number(found.gain, 3)} %", duration(found.seconds), f"{found.tokens:,}")  # fmt: skip
        rows.append(row)
    titles = ("Decision", "Promises kept", "Best before", "Best after", "Loss down by", "Core time", "Tokens")
    of = tuple(f"worth:{w.question}" for w in story.worth)
    table = Table(titles, tuple(rows), "lrrrrrr", "What decisions were worth", sources=of)
    return [Heading("What each decision was worth"), table]


def _agent(agent: str, own: Iterable[Decision]) -> tuple[Words, ...]:
    own = list(own)
    by_model = [d for d in own if d.tier != "policy"]
    tokens = sum(d.input_tokens + d.output_tokens for d in own)
    cost = sum(d.cost_usd for d in own)
    return (
        clean(agent.replace("_", " ")), f"{len(by_model):,}", f"{len(own) - len(by_model):,}",
        f"{sum(d.calls for d in own):,}", f"{tokens:,}", f"{number(cost, 3)} USD" if cost else "–",
        duration(sum(d.seconds for d in own)),
    )  # fmt: skip
