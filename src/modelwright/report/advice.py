"""What would improve the result, and what wasn't checked: rules over the story."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from modelwright.report import Story
from modelwright.report.numbers import clean, counted, duration, number, of_hundred, percent, score, sentence
from modelwright.report.search import estimator_of, ranked
from modelwright.report.tree import Block, Bullets, Name, Paragraph, Section, Strong, Words, listed
from modelwright.report.wording import class_counts, gain, metric_of

Advice = Iterator[Words]


def improvements(story: Story) -> Section:
    """What would improve the model, or the knowledge of how good it is; the most promising first."""
    found = [words for rule in _RULES for words in rule(story)]
    blocks: tuple[Block, ...] = (Bullets(tuple(found)),) if found else (
        Paragraph("Nothing stands out: the score is steady, the interval narrow and the data in order. Columns with "
                  "new information about the target are what could still help."),
    )  # fmt: skip
    return Section("What would improve it", "improve", blocks)


def _suspicious(story: Story) -> Advice:
    judged, metric = story.judgement, metric_of(story)
    span = metric.loss(judged.baseline.value)
    if len(judged.importances) > 1 and span and math.isfinite(span):
        top, second = judged.importances[0], judged.importances[1]
        if metric.loss(judged.score.value) < 0.02 * span:
            yield (
                Strong("Ask whether it is too good to be true."), " The score is nearly perfect, which is rare. Make "
                "sure that ", *listed([top.column, second.column]), " are known before what is predicted happens.",
            )  # fmt: skip
        elif top.loss > 0.6 * span and top.loss > 5 * max(second.loss, 0):
            yield (
                Strong("Make sure that the leading column is known in time."), " Nearly everything rests on ",
                Name(top.column), ". If its values are only known after what is predicted has happened, leave the "
                "column out and run again: the score would not hold in use.",
            )  # fmt: skip


def _optimism(story: Story) -> Advice:
    sign = 1 if metric_of(story).greater_is_better else -1
    judged = story.judgement.score
    gap = sign * (story.validation.value - judged.value)
    if judged.low is None or judged.high is None or not math.isfinite(gap):
        return
    if gap > (judged.high - judged.low) / 2:
        yield (
            Strong("Find out why the holdout is harder."), f" The estimate before it was opened was "
            f"{score(story.validation.value)}, the holdout gave {score(judged.value)}, which is more than chance "
            "explains. Rows that change over time or belong together are the usual cause: name the time or group "
            "column if there is one.",
        )  # fmt: skip


def _weak(story: Story) -> Advice:
    judged = story.judgement
    if gain(story) <= 0 or judged.better < 0.9:
        yield (
            Strong("Bring other columns."), " The model is hardly better than the baseline, so the columns at hand say "
            "little about ", Name(story.problem.target.value), ". Think of what a person would want to know to answer "
            "the question, and add it.",
        )  # fmt: skip


def _time(story: Story) -> Advice:
    moments = [m for m in story.progress if math.isfinite(m.best)]
    if len(moments) < 3:
        if story.time_limited:
            yield Strong("Give it more time."), f" {duration(story.budget.seconds)} allowed for few experiments."
        return
    last = next(m for m in moments if m.best == moments[-1].best)
    then = moments[0].seconds + 0.6 * (moments[-1].seconds - moments[0].seconds)
    before = [m.best for m in moments if m.seconds <= then][-1]
    worth = 0.1 * story.validation.spread if story.validation.spread else 0.0
    late = abs(moments[-1].best - before) > worth
    if story.time_limited and late:
        yield (
            Strong("Give it more time."), f" The score was still improving when the {duration(story.budget.seconds)} "
            f"ran out (last after {duration(last.seconds)}); three to five times as much is worth a try.",
        )  # fmt: skip
    elif story.time_limited:
        yield (
            Strong("More time would hardly help."), f" The clock ended the search, yet after {duration(then)} "
            "nothing came that was worth speaking of.",
        )  # fmt: skip


def _rows(story: Story) -> Advice:
    judged, rows = story.judgement.score, story.protocol.n_development
    counts = class_counts(story)
    wide = judged.low is not None and judged.high is not None and (judged.high - judged.low) > 0.5 * abs(gain(story))
    if rows < 2000:
        more = f"{rows:,} rows to learn from are few"
        yield Strong("Collect more rows."), f" {more}; a few times as many usually help more than any other model."
    if judged.n_rows < 200 or (wide and judged.n_rows < 5000):
        yield (
            Strong("Judge on more rows."), f" With {counted(judged.n_rows, 'holdout row')} the score is only known to "
            f"lie between {score(judged.low)} and {score(judged.high)}." if judged.low is not None else
            f" {counted(judged.n_rows, 'holdout row')} are too few for an interval.",
        )  # fmt: skip
    total = sum(counts.values())
    rare = [(n, c) for c, n in counts.items() if total and n / total < min(0.1, 0.5 / len(counts))]
    if rare:
        few, name = min(rare)
        yield (
            Strong("Collect more of the rare cases."), " ", Name(name), f" makes {percent(few / total)} of the rows "
            f"({few:,} in the holdout); each further one teaches more than many of the others.",
        )  # fmt: skip


def _mixed(story: Story) -> Advice:
    judged = story.judgement
    if len(judged.classes) < 3:
        return
    sizes = [sum(row) for row in judged.confusion]
    poor = [(judged.confusion[i][i] / n, judged.classes[i]) for i, n in enumerate(sizes) if n >= 10]
    if poor and min(poor)[0] < 0.6:
        share, name = min(poor)
        yield (
            Strong("Look at the class that is recognised least."), " Of 100 rows of ", Name(name), f" only "
            f"{of_hundred(share)} are recognised; a column that sets it apart, or merging it with the class that it "
            "is mistaken for, would help.",
        )  # fmt: skip


def _missing(story: Story) -> Advice:
    important = {i.column for i in story.judgement.importances[:10] if i.loss > 0}
    holes = [(c.missing, c.name) for c in story.profile.columns if c.missing > 0.2 and c.name in important]
    if holes:
        holes.sort(reverse=True)
        names = listed([name for _, name in holes], 4)
        yield (
            Strong("Fill the gaps."), " ", *names, f" {'matters' if len(holes) == 1 else 'matter'} to the model but "
            f"{'is' if len(holes) == 1 else 'are'} missing in up to {percent(holes[0][0])} of the rows.",
        )  # fmt: skip


def _unsteady(story: Story) -> Advice:
    spread = story.validation.spread
    if spread is not None and gain(story) > 0 and spread > 0.2 * gain(story):
        yield (
            Strong("Expect the score to vary."), f" Between folds it varies by ± {number(spread, 2)}; more rows, or "
            "naming the column that groups rows belonging together, would show whether that is chance.",
        )  # fmt: skip


def _exhausted(story: Story) -> Advice:
    scored = [e for e in ranked(story) if e.status == "done" and e.score and e.score.spread][:5]
    kinds = {estimator_of(e) for e in scored}
    if len(scored) < 4 or len(kinds) < 3:
        return
    values = [e.score.value for e in scored if e.score]
    spread = max(e.score.spread or 0.0 for e in scored if e.score)
    if max(values) - min(values) < spread / 2:
        yield (
            Strong("Better data rather than other models."), f" {capital_count(len(kinds))} different estimators come "
            f"out within {number(max(values) - min(values), 2)} of each other, less than the scores vary between "
            "folds: models of this kind seem to have found what is in these columns.",
        )  # fmt: skip


def capital_count(count: int) -> str:
    """Small counts as words at the start of a sentence."""
    return {3: "Three", 4: "Four", 5: "Five"}.get(count, f"{count:,}")


def _repairs(story: Story) -> Advice:
    names = [f.name for f in story.schema.fields if f.warnings]
    if names:
        yield (
            Strong("Check the columns that read oddly."), " Look at ", *listed(names, 5), " in the list of columns; "
            "what was read wrongly can be set right with --kind.",
        )  # fmt: skip


_RULES: tuple[Callable[[Story], Advice], ...] = (
    _suspicious, _weak, _optimism, _rows, _mixed, _missing, _exhausted, _unsteady, _time, _repairs,
)  # fmt: skip


# ── limits ───────────────────────────────────────────────────────────────────


def limits(story: Story) -> Section:
    """What the figures don't say."""
    return Section("Limits", "limits", (Bullets(tuple(limit_words(story))),))


def limit_words(story: Story) -> list[Words]:
    """What the figures don't say, one item each."""
    judged, problem = story.judgement, story.problem
    out: list[Words] = []
    if story.protocol.holdout == "time":
        out.append("The holdout is the latest part of the data. The further the future moves from it, the less the "
                   "score says; check again from time to time.")  # fmt: skip
    else:
        out.append("The score holds for rows that come about in the same way as these. Whether the world changes over "
                   "time was not tested.")  # fmt: skip
    if judged.score.low is not None:
        out.append("The interval covers the chance of which rows ended up in the holdout, not changes of the data.")
    out.append("Importance and direction describe the model. They don't say what would happen if somebody changed a "
               "column's value.")  # fmt: skip
    out.append("Whether every column is known at the moment of prediction can't be seen in the data alone; only you "
               "can say.")  # fmt: skip
    personal = [f.name for f in story.schema.fields if f.personal]
    if not any(d.name == "fairness" for d in judged.demands):
        out.append("Whether the model treats groups of people alike was not measured.")
    if personal:
        used = [n for n in personal if n in problem.features(story.schema.names)]
        verb = "looks" if len(personal) == 1 else "look"
        kept = "may be used by the model" if used else "aren't used by the model"
        out.append((*listed(personal), f" {verb} like personal data; such columns {kept}."))
    if judged.classes and judged.calibration is None:
        out.append("Whether the probabilities can be taken at their word was not measured.")
    if not judged.importances:
        out.append("Which columns drive the predictions was not measured.")
    if problem.constraints.notes:
        asked = "; ".join(sentence(clean(n)).rstrip(".") for n in problem.constraints.notes)
        out.append(f"These wishes were not checked by any rule: {asked}.")
    if story.time_limited:
        out.append("The clock decided how much was tried, so another run may come out a little differently.")
    return out
