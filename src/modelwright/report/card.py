"""The model card that travels with a model.

It follows the headings of Mitchell et al., *Model Cards for Model Reporting* (2019), with the front matter that
Hugging Face reads, and says only what the run's records hold.
"""

from __future__ import annotations

import json

from modelwright.report import Story, advice, background, certainty, findings, markdown, performance, search
from modelwright.report.numbers import clean, counted, interval, moment, number, percent, score, sentence
from modelwright.report.tree import (
    Block,
    Bullets,
    Details,
    Facts,
    Name,
    Paragraph,
    Strong,
    Table,
    Words,
    listed,
    parts,
)
from modelwright.report.wording import (
    answer,
    capital,
    class_counts,
    comparison,
    expectation,
    in_words,
    metric_of,
    positive,
    title_words,
)


def model_card(story: Story) -> str:
    """The model card as Markdown."""
    sections: tuple[tuple[str, tuple[Block, ...]], ...] = (
        ("Model details", _details(story)),
        ("Intended use", _use(story)),
        ("Factors", _factors(story)),
        ("Metrics", _metrics(story)),
        ("Evaluation data", _evaluation(story)),
        ("Training data", _training(story)),
        ("Quantitative analyses", _analyses(story)),
        ("Ethical considerations", _ethics(story)),
        ("Caveats and recommendations", _caveats(story)),
    )
    head = [_front(story), f"# Model card: {markdown.inline(title_words(story))}"]
    head += [markdown.inline(words) for words in answer(story)]
    body = [f"## {title}\n\n{markdown.blocks(blocks)}" for title, blocks in sections]
    return "\n\n".join([*head, *body]) + "\n"


def _front(story: Story) -> str:
    kind = "tabular-regression" if story.problem.task.value == "regression" else "tabular-classification"
    lines = ["---", "library_name: modelwright", f"pipeline_tag: {kind}", "metrics:"]
    lines += [f"- {json.dumps(story.judgement.score.metric)}", "---"]
    return "\n".join(lines)


def _details(story: Story) -> tuple[Block, ...]:
    facts: list[tuple[str, Words]] = [
        ("Made by", f"modelwright {story.versions.get('modelwright', '')}".strip() + f", run {story.run_id}"),
        ("Made on", moment(story.started)),
        ("Task", story.problem.task.value),
        ("Predicts", Name(story.problem.target.value)),
    ]
    if story.judgement.classes:
        facts.append(("Classes", listed(story.judgement.classes, 30)))
    facts.append(("Digest of the recipe", story.delivered.digest))
    versions = ", ".join(f"{name} {version}" for name, version in story.versions.items())
    facts += [("Versions", versions)] if versions else []
    return (Facts(tuple(facts)), *search.delivered(story).blocks)


def _use(story: Story) -> tuple[Block, ...]:
    judged = story.judgement
    asked, reason = clean(story.problem.statement), sentence(judged.verdict_reason)
    blocks: list[Block] = [Paragraph("It was made to answer:"), Paragraph(asked, "quote")] if asked else []
    blocks.append(Paragraph((Strong(f"Verdict: {judged.verdict}"), f": {reason}" if reason else ".")))
    blocks.append(
        Paragraph(
            "It is meant for rows of the same columns that come about in the same way as those it was trained on."
        )
    )
    blocks += [
        Paragraph("Out of scope:"),
        Bullets((
            "rows from another source, or from a time or place that the training data doesn't cover;",
            "conclusions about causes: the model says what goes with what, not what would happen if something were "
            "changed;",
            "decisions about single people without somebody who answers for them.",
        )),
    ]  # fmt: skip
    if story.problem.constraints.notes:
        blocks.append(Paragraph("Asked for besides, and not checked by any rule:"))
        blocks.append(Bullets(tuple(clean(n) for n in story.problem.constraints.notes if clean(n))))
    return tuple(blocks)


def _factors(story: Story) -> tuple[Block, ...]:
    found = [i for i in story.judgement.importances if i.low > 0][:10]
    blocks: list[Block] = []
    if found:
        items = tuple((Name(i.column), f": {sentence(i.direction)}" if i.direction else "") for i in found)
        blocks += [
            Paragraph("Columns that clearly matter to the predictions, the most important first:"),
            Bullets(items),
        ]
    else:
        blocks.append(Paragraph("No column was found that clearly matters by itself."))
    counts = class_counts(story)
    if len(counts) > 2:
        rows = tuple(
            (Name(name), f"{counts[name]:,}", percent(story.judgement.confusion[i][i] / counts[name]))
            for i, name in enumerate(story.judgement.classes[:50])
            if counts.get(name)
        )
        blocks.append(Table(("Class", "Holdout rows", "Share recognised"), rows, "lrr", "Results by class"))
    if not any(d.name == "fairness" for d in story.judgement.demands):
        blocks.append(Paragraph("Results were not broken down by groups of people."))
    return tuple(blocks)


def _metrics(story: Story) -> tuple[Block, ...]:
    metric, judged = metric_of(story), story.judgement
    better = "higher is better" if metric.greater_is_better else "lower is better"
    text = f"{capital(metric.title)} ({better}): {metric.description}. Intervals are 95 % and come from resampling."
    blocks: list[Block] = [Paragraph(text)]
    if judged.threshold is not None and positive(story):
        chosen = f" from a probability of {number(judged.threshold, 3)} on."
        blocks.append(Paragraph(("Rows are called ", Name(positive(story)), chosen)))
    blocks += certainty.calibration(story)
    sure = certainty.uncertainty(story)
    return (*blocks, *(b for b in sure.blocks if isinstance(b, Paragraph | Table))) if sure else tuple(blocks)


def _evaluation(story: Story) -> tuple[Block, ...]:
    return tuple(b for b in background.judging(story).blocks)


def _training(story: Story) -> tuple[Block, ...]:
    used = story.problem.features(story.schema.names)
    kinds = {f.name: f.kind for f in story.schema.fields}
    rows = tuple((Name(name), kinds[name]) for name in used[:200])
    blocks: list[Block] = [
        Facts((
            ("Read from", clean(story.origin)),
            ("Rows", f"{story.rows:,}, of which {story.protocol.n_development:,} for development"),
            ("Columns used", f"{len(used):,}"),
        )),
        Table(("Column", "Kind"), rows, "ll", "Columns that the model uses"),
    ]  # fmt: skip
    if len(used) > len(rows):
        blocks.append(Paragraph(f"{counted(len(used) - len(rows), 'further column')} stand in model.json."))
    return tuple(blocks)


def _analyses(story: Story) -> tuple[Block, ...]:
    judged = story.judgement
    rows: list[tuple[Words, ...]] = [
        (capital(metric_of(story, name).title), score(found.value), interval(found.low, found.high, " – ") or "–")
        for name, found in ({judged.score.metric: judged.score} | dict(judged.metrics)).items()
    ]
    return (
        performance.headline_facts(story),
        Paragraph(in_words(story)),
        Paragraph(expectation(story)),
        Paragraph(comparison(story)),
        Table(("Metric", "Holdout", "95 % interval"), tuple(rows), "lrl", "Metrics on the holdout"),
        *_by_part(story),
        *_demanded(story),
    )


def _by_part(story: Story) -> tuple[Block, ...]:
    """Results on parts of the data, which Mitchell et al. ask for beside the whole."""
    found = certainty.slices(story)
    return (Paragraph((Strong("On parts of the data."),)), *found.blocks) if found else ()


def _demanded(story: Story) -> tuple[Block, ...]:
    found = findings.demands(story)
    return (Paragraph((Strong("Demands."),)), *(b for b in found.blocks if not isinstance(b, Details))) if found else ()


def _ethics(story: Story) -> tuple[Block, ...]:
    fair = tuple(
        f"{sentence(d.demand).rstrip('.')}: {sentence(d.found) or 'not measured'}"
        for d in story.judgement.demands
        if d.name == "fairness"
    )
    said: tuple[Block, ...] = (Paragraph("Groups of people were compared:"), Bullets(fair)) if fair else ()
    return (*said, *_personal(story))


def _personal(story: Story) -> tuple[Block, ...]:
    personal = [f for f in story.schema.fields if f.personal]
    used = set(story.problem.features(story.schema.names))
    if not personal:
        return (Paragraph("No column looks like personal data to the rules that were applied; they can miss some."),)
    items = tuple(
        (Name(f.name), f" looks like: {clean(f.personal)}", "" if f.name in used else "; not used by the model")
        for f in personal
    )
    return (Paragraph("These columns look like personal data:"), Bullets(items))


def _caveats(story: Story) -> tuple[Block, ...]:
    found = [parts(findings.finding_words(f)) for f in story.findings if f.severity != "note"]
    warned = [parts(sentence(w)) for w in story.warnings if clean(w)]
    return (Bullets((*found[:20], *warned, *(parts(w) for w in advice.limit_words(story)))),)
