"""What was asked and understood, the data, and how models were judged."""

from __future__ import annotations

from typing import Any

from modelwright.problem import Known
from modelwright.profile import Column
from modelwright.report import Story
from modelwright.report.numbers import clean, counted, duration, moment, number, percent, score, sentence
from modelwright.report.tree import (
    Block,
    Bullets,
    Details,
    Facts,
    From,
    Heading,
    Name,
    Paragraph,
    Part,
    Section,
    Strong,
    Table,
    Words,
    listed,
    parts,
)
from modelwright.report.wording import capital, metric_of
from modelwright.table import Field

_COLUMNS = 200  # rows of the table of columns; more is for the profile
_PROBLEMS = 10  # shown at once; the rest is folded away
_SOURCES = {"user": "decided by you; ", "model": "decided by the language model; ", "inferred": ""}


def asked(story: Story) -> Section:
    """The user's words and what was made of them."""
    problem, metric = story.problem, metric_of(story)
    facts = [
        _decision("Column to predict", problem.target, Name(problem.target.value)),
        _decision("Kind of task", problem.task, problem.task.value),
        _decision("Judged by", problem.metric, metric.title),
        _decision("Time", problem.time_column, _named(problem.time_column.value)),
        _decision("Groups", problem.group_column, _named(problem.group_column.value)),
        _decision("Identifiers", problem.id_columns, listed(problem.id_columns.value) or "none"),
        _decision("Left out", problem.excluded, listed(problem.excluded.value) or "none"),
    ]
    if problem.positive and problem.classes:
        facts.insert(2, _decision("Looked for", problem.positive, Name(problem.positive.value)))
    blocks: list[Block] = [Paragraph(clean(problem.statement) or "(nothing was said)", "quote")]
    blocks.append(Facts((*facts, *_demands(story))))
    if problem.constraints.notes:
        blocks.append(Paragraph("You also asked for the following, which no rule could check:"))
        blocks.append(Bullets(tuple(clean(n) for n in problem.constraints.notes if clean(n))))
    return Section("What was asked and understood", "problem", tuple(blocks), "prepared")


def _named(name: str | None) -> Words:
    return "none" if name is None else Name(name)


def _decision(what: str, known: Known[Any], value: Words) -> tuple[str, Words]:
    said: list[Part] = [Strong(value) if isinstance(value, str) else p for p in parts(value)]
    reason = f"{_SOURCES[known.source]}{sentence(known.reason)}".strip()
    said.append(f": {reason}" if reason else ".")
    if known.alternatives:
        said += [" Other readings: ", *listed(known.alternatives, 4, "or"), "."]
    return what, tuple(said)


def _demands(story: Story) -> list[tuple[str, Words]]:
    given, budget = story.problem.constraints, story.budget
    facts: list[tuple[str, Words]] = [("Time budget", duration(budget.seconds))]
    if budget.max_experiments is not None:
        facts.append(("At most", counted(budget.max_experiments, "experiment")))
    if budget.max_iterations is not None:
        facts.append(("At most", counted(budget.max_iterations, "round")))
    facts += [("Preferred", listed(given.prefer))] if given.prefer else []
    facts += [("Avoided", listed(given.avoid))] if given.avoid else []
    facts += [("Columns not to be used", listed(given.exclude_columns))] if given.exclude_columns else []
    facts += [("Stop after", f"{counted(given.patience, 'experiment')} without improvement")] if given.patience else []
    facts += [("Stop at a score of", score(given.target_score))] if given.target_score is not None else []
    facts += [("Models", "only those that a person can read")] if given.interpretable else []
    return facts


# ── the data ─────────────────────────────────────────────────────────────────


def data(story: Story) -> Section:
    """What was read, what is odd about it, and what was decided about every column."""
    profile, schema = story.profile, story.schema
    kinds = {kind: len(schema.of_kind(kind)) for kind in dict.fromkeys(f.kind for f in schema.fields)}
    facts: list[tuple[str, Words]] = [
        ("Read from", clean(story.origin)),
        ("Size", f"{counted(story.rows, 'row')}, {counted(len(schema.fields), 'column')}"),
        ("Columns", ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())),
    ]
    if profile.duplicates:
        facts.append(("Duplicates", f"{counted(profile.duplicates, 'row repeats', 'rows repeat')} an earlier one"))
    facts += _target(story)
    blocks: list[Block] = [Facts(tuple(facts))]
    blocks += [Heading("Problems of the data"), *_problems(story)]
    if story.notes:
        blocks += [Heading("What reading had to repair"), Bullets(tuple(sentence(n) for n in story.notes if clean(n)))]
    blocks += _left_out(story)
    return Section("The data and its problems", "data", (*blocks, *_columns(story)), "prepared")


def _target(story: Story) -> list[tuple[str, Words]]:
    profile = story.profile
    if profile.target_levels:
        total = sum(n for _, n in profile.target_levels)
        words: list[Part] = []
        for level, count in profile.target_levels[:8]:
            words += [", "] if words else []
            words += [Name(level), f" {percent(count / max(profile.rows, total))}"]
        more = len(profile.target_levels) - 8
        words += [f" and {more:,} more"] if more > 0 else []
        return [("Target", tuple(words))]
    numbers = profile.target_numbers
    if numbers:
        named = (("mean", "mean"), ("standard deviation", "std"), ("middle value", "q50"))
        said = [f"{title} {number(numbers[key])}" for title, key in named if key in numbers]
        if "q05" in numbers and "q95" in numbers:
            said.append(f"nine of ten between {number(numbers['q05'])} and {number(numbers['q95'])}")
        return [("Target", ", ".join(said))]
    return []


def _problems(story: Story) -> list[Block]:
    """Cautions about the whole, then about columns; what is the same of several columns is said once."""
    whole = [sentence(t) for t in (*story.profile.cautions, *story.warnings) if clean(t)]
    by_text: dict[str, dict[str, None]] = {}
    told = [(c.name, t) for c in story.profile.columns for t in c.cautions]
    for name, text in (*told, *((f.name, t) for f in story.schema.fields for t in f.warnings)):
        by_text.setdefault(sentence(text), {})[name] = None
    found: list[Words] = [*dict.fromkeys(whole), *((*listed([*names]), f": {t}") for t, names in by_text.items() if t)]
    if not found:
        return [Paragraph("Nothing out of the ordinary was found.")]
    blocks: list[Block] = [Bullets(tuple(found[:_PROBLEMS]))]
    if len(found) > _PROBLEMS:
        more = found[_PROBLEMS : _PROBLEMS + _COLUMNS]
        blocks.append(Details(f"{len(found) - _PROBLEMS:,} more", (Bullets(tuple(more)),)))
    return blocks


def _left_out(story: Story) -> list[Block]:
    problem = story.problem
    rows: list[tuple[Words, ...]] = [
        (Name(name), role, sentence(known.reason))
        for role, known in (("identifier", problem.id_columns), ("left out", problem.excluded))
        for name in known.value[:50]
    ]
    if not rows:
        return []
    table = Table(("Column", "As", "Why"), tuple(rows), "llw", "Columns that models don't use")
    return [Heading("Columns that models don't use"), table]


def _columns(story: Story) -> list[Block]:
    known = {c.name: c for c in story.profile.columns}
    fields = sorted(story.schema.fields, key=lambda f: not f.warnings)
    rows = tuple(_column(f, known.get(f.name)) for f in fields[:_COLUMNS])
    titles = ("Column", "Read as", "Missing", "Different", "Relation", "Why", "Warnings")
    hidden = len(fields) - len(rows)
    tail = "Columns with warnings stand first. "
    if hidden:
        tail += f"{counted(hidden, 'further column')} can be seen with: modelwright profile. "
    tail += (
        "A column that was read wrongly can be overridden in another run with --kind COLUMN=KIND. "
        f"Shares are of the {counted(story.profile.rows, 'development row')}; the strength of the relation with the "
        "target goes from 0 to 1."
    )
    table = Table(titles, rows, "llrrrww", "What was decided about every column", sortable=True)
    summary = f"Every column: what it was read as, and why ({len(story.schema.fields):,})"
    return [Details(summary, (table, Paragraph(tail, "note")))]


def _column(field: Field, column: Column | None) -> tuple[Words, ...]:
    kind = f"{field.kind} ({field.personal})" if field.personal else field.kind
    reason = sentence(field.reason) + (" Decided by you." if field.source == "user" else "")
    if field.source_name and field.source_name != field.name:
        reason += f" In the file: “{clean(field.source_name)[:80]}”."
    told = " ".join(sentence(w) for w in field.warnings) or "–"
    if column is None:
        return Name(field.name), kind, "–", "–", "–", reason.strip() or "–", told
    strength = "–" if column.association is None else number(column.association, 2)
    why = reason.strip() or "–"
    return Name(field.name), kind, percent(column.missing), f"{column.distinct:,}", strength, why, told


# ── how it was judged ────────────────────────────────────────────────────────

_HOLDOUT = {
    "random": "drawn at random", "stratified": "drawn at random with the classes' shares kept",
    "time": "the latest rows", "group": "whole groups", "given": "the file that you gave for it",
}  # fmt: skip
_FOLDS = {
    "random": "at random", "stratified": "at random with the classes' shares kept", "time": "in the order of time",
    "group": "by whole groups", "given": "as given",
}  # fmt: skip


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(number, f"{number}th")


def judging(story: Story) -> Section:
    """The protocol, and when the sealed rows were opened."""
    protocol, metric = story.protocol, metric_of(story)
    folds = counted(protocol.folds, "fold") + (f", {protocol.repeats} times" if protocol.repeats > 1 else "")
    if protocol.forward and protocol.folds == 1:
        folds = "one division into training and validation"
    facts: list[tuple[str, Words]] = [
        ("Sealed holdout", f"{counted(protocol.n_holdout, 'row')}, {_HOLDOUT[protocol.holdout]}"),
        ("Development", f"{counted(protocol.n_development, 'row')}; {folds}, {_FOLDS[protocol.folds_by]}"),
        ("Metric", f"{capital(metric.title)}: {metric.description}"),
    ]
    how = "once, after the search had ended"
    if story.looks > 1:
        how = f"for the {_ordinal(story.looks)} model: this one was chosen after the scores of others were known"
    opened: tuple[str, Words] = ("Holdout opened", f"{moment(story.opened)}, {how}")
    if protocol.forward and protocol.folds > 1:
        facts.append(("Order", "every fold is validated by models that were trained on earlier rows only"))
    blocks: list[Block] = [
        Paragraph(
            "Before anything was learnt, part of the rows was sealed in a file of its own. Experiments were compared "
            "on rows that each had not been trained on; the sealed rows were read "
            f"{'once, at the very end' if story.looks == 1 else 'at the very end'}, and the headline score comes from "
            "them alone."
        ),
        Facts(tuple(facts)),
        From("opened", (Facts((opened,)),)),
    ]
    if protocol.reason:
        blocks.append(Paragraph(sentence(protocol.reason)))
    if protocol.warnings:
        blocks.append(Bullets(tuple(sentence(w) for w in protocol.warnings if clean(w))))
    return Section("How it was judged", "protocol", tuple(blocks), "prepared")
