"""How sure the score is, and where it doesn't hold: what the analyses of the judged model found."""

from __future__ import annotations

import math

from modelwright.diagnostics import Calibration, ChanceTest, LearningCurve, Robustness, SimpleRule, Slice, Slices
from modelwright.explanation import Coverage, Uncertainty
from modelwright.judgement import Comparison
from modelwright.report import Story, curves
from modelwright.report.answer import command
from modelwright.report.numbers import clean, counted, interval, number, percent, score, sentence
from modelwright.report.tree import (
    Block,
    Code,
    Figure,
    From,
    Heading,
    Name,
    Paragraph,
    Section,
    Table,
    Words,
    listed,
)
from modelwright.report.wording import capital, metric_of


def certainty(story: Story) -> Section | None:
    """Comparisons, optimism, chance, the simple rule, more rows, less perfect data; ``None`` when none was measured."""
    blocks = [
        *_comparisons(story), *_optimism(story), *_chance(story), *_rule(story), *_learning(story),
        *_robustness(story), *_left_out(story),
    ]  # fmt: skip
    return Section("How sure that is", "certainty", tuple(blocks), "judgement") if blocks else None


def _comparisons(story: Story) -> list[Block]:
    found = story.judgement.comparisons
    if not found:
        return []
    rows = tuple(_compared(c) for c in found)
    titles = ("Compared with", "Model", "The other", "Ahead by", "95 % interval", "Can be told apart")
    note = (
        "Both were measured on the same rows, pair by pair. “No” means that the interval holds zero: on these rows "
        "nobody can say which one is better."
    )
    return [Heading("Compared with others"), Table(titles, rows, "wrrrrl", "Comparisons"), Paragraph(note, "note")]


def _compared(found: Comparison) -> tuple[Words, ...]:
    roles = {"baseline": "the baseline", "runner-up": "the runner-up", "rule": "a simple rule"}
    return (
        (f"{roles[found.role]} ", Name(found.other), f", {counted(found.n_rows, f'{found.rows} row')}"),
        score(found.score), score(found.other_score), number(found.gain, 3),
        f"{number(found.low, 3)} – {number(found.high, 3)}", "yes" if found.distinguishable else "no",
    )  # fmt: skip


def _optimism(story: Story) -> list[Block]:
    found = story.judgement.optimism
    if found is None or not math.isfinite(found.gap):
        return []
    ends = interval(found.low, found.high)
    around = f" (95 % interval {ends})" if ends else ""
    side = "better" if found.gap > 0 else "worse"
    said = (
        f"In development the model scored {score(story.validation.value)}, on the sealed rows "
        f"{score(story.judgement.score.value)}: it seemed {side} by {score(abs(found.gap))} than it proved{around}. "
    )
    return [Heading("Did development flatter it?"), Paragraph(said + sentence(found.reason))]


def _chance(story: Story) -> list[Block]:
    result = story.result(ChanceTest)
    if not result:
        return []
    source, found = result
    how = (
        f"A quick model was trained {counted(found.permutations, 'time')} on shuffled targets: it reached "
        f"{score(found.shuffled)} in the middle and {score(found.shuffled_best)} in the best twentieth, against "
        f"{score(found.score)} with the true ones (p = {number(found.p_value, 2)})."
    )
    text = (Paragraph(sentence(found.sentence)), Paragraph(how, "note"))
    return [Heading("Is there any signal at all?"), From(source, text)]


def _rule(story: Story) -> list[Block]:
    result = story.result(SimpleRule)
    if not result:
        return []
    source, found = result
    text = (Paragraph(sentence(found.sentence)), Code("\n".join(clean(line) for line in found.rule)))
    return [Heading("Would a simple rule do?"), From(source, text)]


def _learning(story: Story) -> list[Block]:
    result = story.result(LearningCurve)
    if not result or len(result[1].points) < 2:
        return []
    source, found = result
    title = metric_of(story, found.metric).title
    rows = tuple((f"{p.rows:,}", score(p.score), f"{score(p.low)} – {score(p.high)}") for p in found.points)
    table = Table(("Rows", capital(title), "95 % interval"), rows, "rrr", "Learning curve")
    reading = (
        "Each dot is the model learnt from fewer rows and judged on the sealed ones; the band is the 95 % interval."
    )
    reading += " The diamond is what twice the rows should bring." if found.doubled is not None else ""
    figure = Figure("More rows?", curves.learning(found, title), sentence(found.sentence), reading,
                    f"Learning curve. {sentence(found.sentence)}", table)  # fmt: skip
    return [Heading("Would more rows help?"), From(source, (figure,))]


def _robustness(story: Story) -> list[Block]:
    result = story.result(Robustness)
    if not result or not result[1].perturbations:
        return []
    source, found = result
    title = metric_of(story, found.metric).title
    kinds = {"missing": "absent", "noise": "inexact", "shift": "another mix"}
    rows = tuple(
        (kinds[p.kind], sentence(p.what).rstrip("."), score(p.score), number(p.loss, 3),
         f"{number(p.low, 3)} – {number(p.high, 3)}")
        for p in found.perturbations
    )  # fmt: skip
    hurt = [p for p in found.perturbations if p.low > 0]
    said = (
        f"On the sealed rows as they are, the {title} is {score(found.score)}. Of {len(rows):,} ways to make them less "
        f"perfect, {len(hurt):,} clearly made it worse."
    )
    said += "" if found.complete else " Not everything that was planned could be tried: time was short."
    table = Table(("Change", "What", capital(title), "Worse by", "95 % interval"), rows, "lwrrr", "Less perfect data")
    return [Heading("With less perfect data"), From(source, (Paragraph(said), table))]


def _left_out(story: Story) -> list[Block]:
    if not story.left_out:
        return []
    names = [name.replace("_", " ") for name in dict.fromkeys(story.left_out)]
    said = ("There was no time for: ", *listed(names, 12), ". A longer --time-budget includes them.")
    return [Paragraph(said, "note")]


# ── slices ───────────────────────────────────────────────────────────────────


def slices(story: Story) -> Section | None:
    """Rows on which the model is clearly worse, or better; ``None`` when that wasn't measured."""
    result = story.result(Slices)
    if not result:
        return None
    source, found = result
    title = metric_of(story, found.metric).title
    rows_ = "the sealed rows" if found.source == "holdout" else "the sealed rows and out-of-fold predictions"
    care = (
        f"{counted(found.tested, 'part')} of the data were compared with the rest, on {rows_} ({found.rows:,}), with "
        "care for how many comparisons were made: at most one in twenty of those named should be chance."
    )
    blocks: list[Block] = [Paragraph(care)]
    if not found.worse:
        blocks.append(Paragraph("No part was found in which the model is clearly worse."))
    for heading, many in (("Clearly worse", found.worse), ("Clearly better", found.better)):
        if many:
            blocks += [Heading(heading), _slice_table(many, title, found.loss_name, heading)]
    if found.worse:
        blocks.append(
            Paragraph(
                f"The {title} over all of these rows is {score(found.overall)}. The effect is the difference of the "
                f"mean {clean(found.loss_name)} in standard deviations: 0.2 is small, 0.5 medium, 0.8 large.",
                "note",
            )
        )
    return Section("Where it is worse", "slices", tuple(blocks), source)


def _slice_table(many: tuple[Slice, ...], title: str, loss: str, caption: str) -> Table:
    bias = any(s.bias is not None for s in many)
    titles: tuple[str, ...] = ("Where", "Rows", capital(title), f"Mean {clean(loss)}", "Elsewhere", "Effect")
    titles += ("Predicts too",) if bias else ()
    rows: list[tuple[Words, ...]] = []
    for s in many:
        row: tuple[Words, ...] = (
            clean(s.rows_where), f"{s.rows:,}", score(s.score), number(s.loss, 3), number(s.rest, 3),
            number(s.effect, 2),
        )  # fmt: skip
        if bias:
            row += ("–" if s.bias is None else f"{'high' if s.bias > 0 else 'low'} by {number(abs(s.bias), 2)}",)
        rows.append(row)
    return Table(titles, tuple(rows), "wrrrrr" + ("l" if bias else ""), caption)


# ── probabilities and ranges ─────────────────────────────────────────────────


def calibration(story: Story) -> list[Block]:
    """Whether probabilities mean what they say, in words."""
    result = story.result(Calibration)
    if not result:
        return []
    source, found = result
    said = (
        f"{sentence(found.sentence)} The expected calibration error is {score(found.error)} (95 % interval "
        f"{score(found.low)} to {score(found.high)}); a perfect model would stay below {score(found.chance)}."
    )
    if found.offered and found.repaired is not None:
        said += f" With the correction “{clean(found.offered)}” it would be {score(found.repaired)}."
    return [From(source, (Paragraph(said),))]


def uncertainty(story: Story) -> Section | None:
    """What the ranges (or sets) around single predictions promise, and whether the sealed rows bear it out."""
    result = story.result(Uncertainty)
    if not result:
        return None
    source, found = result
    thing, things = ("range", "ranges") if found.kind == "interval" else ("set of classes", "sets of classes")
    blocks: list[Block] = [
        Paragraph(f"With each prediction the model can give a {thing} that should hold the truth with a stated "
                  f"probability. {sentence(found.reason)}")
    ]  # fmt: skip
    if found.coverage:
        width = "Mean width" if found.kind == "interval" else "Mean classes"
        rows = tuple(_promise(c) for c in found.coverage)
        titles = ("Promised", "Observed", "95 % interval", width, "Holds")
        blocks.append(Table(titles, rows, "rrrrl", "Promised and observed shares"))
        n = counted(found.coverage[0].rows, "sealed row")
        blocks.append(Paragraph(f"Observed on {n}, which had no part in making the {things}.", "note"))
    blocks.append(From("", (Code(f"{command(story)} --intervals 0.9", "sh"),)))
    return Section("How sure each prediction is", "uncertainty", tuple(blocks), source)


def _promise(found: Coverage) -> tuple[Words, ...]:
    ends = f"{percent(found.low)} – {percent(found.high)}"
    holds = "yes" if found.holds else "NO"
    return percent(found.level), percent(found.observed), ends, number(found.width, 3), holds
