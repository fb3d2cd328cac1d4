"""What drives the predictions."""

from __future__ import annotations

import math

from modelwright.explanation import Condition, Contribution, Contributions, Dependence, Dependences, Rule, Surrogate
from modelwright.judgement import Importance
from modelwright.report import Story, curves, pictures
from modelwright.report.numbers import clean, counted, number, percent, score, sentence, shorten
from modelwright.report.tree import (
    Block,
    Figure,
    From,
    Heading,
    Name,
    Paragraph,
    Part,
    Pictures,
    Section,
    Table,
    Words,
)
from modelwright.report.wording import metric_of

_CURVES = 8  # of single columns; more would not be looked at
_PAIRS = 8


def drivers(story: Story) -> Section:
    """Importance, contributions, dependence, interactions and a readable surrogate, as far as they were measured."""
    blocks = (*_importance(story), *_contributions(story), *_dependences(story), *_surrogate(story))
    return Section("What drives the predictions", "drivers", blocks, "judgement")


def _importance(story: Story) -> list[Block]:
    found = [i for i in story.judgement.importances if math.isfinite(i.loss)]
    if not found:
        return [Paragraph("The importance of columns was not measured in this run.")]
    title_of = metric_of(story).title
    lead: list[Words] = [
        f"Importance is what the model loses when one column is shuffled over the holdout rows, in {title_of}. "
        "Columns that say the same share their importance, and importance is not cause."
    ]
    useful = [i for i in found if i.low > 0]
    blocks: list[Block] = [Paragraph(lead[0])]
    top = found[0]
    once = all(i.low == i.high for i in found)
    if useful:
        helps = "helps" if len(useful) == 2 else "help"
        how = f"that seem{'s' if len(useful) == 2 else ''} to help" if once else f"that clearly {helps}"
        rest = f", then {counted(len(useful) - 1, 'more column')} {how}" if len(useful) > 1 else ""
        said: Words = (Name(top.column), f" matters most (a loss of {number(top.loss, 3)}){rest}.")
    else:
        said = "No single column clearly helps: shuffling any one of them changes little."
    alt = f"Bar chart of the importance of {counted(len(found), 'column')}."
    reading = "The bar is the mean loss, the thin line its spread over repeated shuffles."
    if once:
        reading = "Each column was shuffled only once, so small differences mean nothing."
    blocks.append(Figure("Importance of columns", pictures.importances(story), said, reading, alt))
    rows = tuple(_row(i) for i in found[:25])
    blocks.append(Table(("Column", "Loss", "Spread", "Direction"), rows, "lrlw", "Importance and direction"))
    if len(found) > 25:
        blocks.append(Paragraph(f"{counted(len(found) - 25, 'further column')} matter less than these.", "note"))
    return blocks


def _row(found: Importance) -> tuple[Words, ...]:
    spread = (
        f"{number(found.low, 3)} – {number(found.high, 3)}"
        if math.isfinite(found.high - found.low) and found.low < found.high
        else "–"
    )
    return Name(found.column), number(found.loss, 3), spread, found.direction or "–"


# ── Shapley values ───────────────────────────────────────────────────────────


def _contributions(story: Story) -> list[Block]:
    result = story.result(Contributions)
    if not result or not result[1].columns:
        return []
    source, found = result
    shown = [c for c in found.columns if math.isfinite(c.mean)][:12]
    if not shown:
        return []
    top = shown[0]
    said: tuple[Part, ...] = (
        Name(top.column), f" moves the {clean(found.outcome)} most: by {number(top.mean, 3)} on average, around a mean "
        f"of {number(found.base, 3)}.",
    )  # fmt: skip
    reading = (
        f"Mean size of each column's Shapley value over {counted(found.rows, 'row')}: how far it moves single "
        "predictions away from the average one. The thin line is the 95 % interval."
    )
    reading += " Fewer rows were explained than planned: time was short." if found.truncated else ""
    bars = pictures.bars(
        "contributions", [(_column(c), c.mean, c.low, c.high) for c in shown], "mean contribution to a prediction"
    )
    table = Table(("Column", "Mean size", "95 % interval", "What it does"), tuple(map(_moved, found.columns[:25])),
                  "lrrw", "Contributions of columns")  # fmt: skip
    alt = f"Bar chart of the contributions of {counted(len(shown), 'column')}."
    figure = Figure("How far columns move a prediction", bars, said, reading, alt, table)
    return [Heading("How far each column moves a prediction"), From(source, (figure,))]


def _column(found: Contribution) -> str:
    return shorten(found.column, 36)


def _moved(found: Contribution) -> tuple[Words, ...]:
    ends = f"{number(found.low, 3)} – {number(found.high, 3)}"
    name: Words = clean(found.column) if found.count > 1 else Name(found.column)
    return name, number(found.mean, 3), ends, sentence(found.words) or "–"


# ── partial dependence ───────────────────────────────────────────────────────


def _dependences(story: Story) -> list[Block]:
    result = story.result(Dependences)
    if not result:
        return []
    source, found = result
    figures = [_dependence(d, i) for i, d in enumerate(found.columns[:_CURVES]) if _drawable(d)]
    blocks: list[Block] = []
    if figures:
        lead = (
            f"The mean prediction over {counted(found.rows, 'row')} when one column is set to each value and all "
            "others stay as they are. Where few rows are, the curve is a guess."
        )
        lead += " Some columns were left out: time was short." if found.truncated else ""
        blocks += [Heading("How predictions depend on single columns"), Paragraph(lead), Pictures(tuple(figures))]
    pairs = [p for p in found.interactions if math.isfinite(p.size) and p.size > 0][:_PAIRS]
    if pairs:
        rows = tuple((Name(p.first), Name(p.second), number(p.size, 3), percent(p.strength)) for p in pairs)
        note = (
            "What two columns do together beyond the sum of what each does alone: its size in units of the prediction, "
            "and Friedman's H, the root of its share of their joint effect."
        )
        table = Table(("Column", "With", "Size", "H"), rows, "llrr", "Interactions")
        blocks += [Heading("Columns that work together"), table, Paragraph(note, "note")]
    return [From(source, tuple(blocks))] if blocks else []


def _drawable(found: Dependence) -> bool:
    series = (found.x, found.y, found.low, found.high, found.density)
    same = len({len(s) for s in series}) == 1 and len(found.y) > 1
    return same and all(math.isfinite(v) for s in series for v in s)


def _dependence(found: Dependence, index: int) -> Figure:
    low, high = min(found.y), max(found.y)
    at_low, at_high = found.y.index(low), found.y.index(high)
    said: tuple[Part, ...] = (
        f"From {number(low, 3)} at ", Name(curves.point(found, at_low)), f" to {number(high, 3)} at ",
        Name(curves.point(found, at_high)), ".",
    )  # fmt: skip
    level = found.kind == "level"
    reading = (
        "Dots are mean predictions, bars the middle 80 % of rows; the dashed line is the mean over all."
        if level
        else "The line is the mean prediction, the band the middle 80 % of rows, the bars below the share of rows."
    )
    rows = tuple(
        (Name(curves.point(found, i)), number(found.y[i], 3), percent(found.density[i])) for i in range(len(found.y))
    )
    table = Table(("Value", "Mean prediction", "Share of rows"), rows[:30], "lrr", "Dependence on one column")
    name = shorten(found.column, 40)
    alt = f"Dependence of the prediction on {name}: from {number(low, 3)} to {number(high, 3)}."
    return Figure(name, curves.dependence(found, index), said, reading, alt, table)


# ── a readable stand-in ──────────────────────────────────────────────────────


def _surrogate(story: Story) -> list[Block]:
    result = story.result(Surrogate)
    if not result or not result[1].rules:
        return []
    source, found = result
    share = percent(found.fidelity)
    how = f"explains {share} of how its predictions vary" if found.measure == "R²" else f"agrees with it in {share}"
    said = (
        f"A tree of {counted(found.depth, 'level')} that imitates the model {how}, on {counted(found.rows, 'row')} "
        "that neither had seen. It is a sketch of the model, not the model."
    )
    if found.score is not None:
        said += f" Alone it would score {score(found.score)}."
    rules = sorted(found.rules, key=lambda r: -r.share)
    rows = tuple((_conditions(r), _predicted(r, found), percent(r.share)) for r in rules)
    table = Table(("Where", clean(found.outcome) or "Prediction", "Rows"), rows, "wrr", "Rules that imitate the model")
    blocks: list[Block] = [Paragraph(said), table]
    return [Heading("The model as a few rules"), From(source, tuple(blocks))]


def _conditions(rule: Rule) -> Words:
    out: list[Part] = []
    for i, condition in enumerate(rule.conditions):
        out += [" and "] if i else []
        out += _condition(condition)
    return tuple(out) or "all rows"


def _condition(found: Condition) -> list[Part]:
    missing = " (or missing)" if found.missing else ""
    if found.relation in ("is", "is not"):
        return [Name(found.column), f" {found.relation} ", Name(found.value), missing]
    return [Name(found.column), f" {found.relation} {clean(found.value)}{missing}"]


def _predicted(rule: Rule, found: Surrogate) -> Words:
    value = number(rule.prediction, 3)
    return (Name(rule.label), f" ({percent(rule.prediction)})") if rule.label else value
