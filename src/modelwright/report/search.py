"""The experiments, what went wrong among them, and the model that came out."""

from __future__ import annotations

import difflib
import math

from modelwright.plan import Experiment
from modelwright.recipe import Recipe, Use
from modelwright.report import Story, diagram, pictures
from modelwright.report.numbers import clean, counted, duration, number, percent, score, sentence
from modelwright.report.tree import (
    Block,
    Bullets,
    Code,
    Details,
    Facts,
    Figure,
    From,
    Heading,
    Name,
    Paragraph,
    Section,
    Strong,
    Table,
    Words,
    parts,
)
from modelwright.report.wording import capital, metric_of
from modelwright.step import Failure

_SHOWN = 25  # experiments in the table; the rest is in the leaderboard


def ranked(story: Story) -> tuple[Experiment, ...]:
    """Experiments, best first: finished ones by score, then those stopped early by score, then the rest by number."""
    sign = -1 if metric_of(story).greater_is_better else 1
    order = {"done": 0, "pruned": 1, "failed": 2, "skipped": 3}

    def key(e: Experiment) -> tuple[int, float, int]:
        known = e.score is not None and math.isfinite(e.score.value)
        return order[e.status], sign * e.score.value if e.score and known else math.inf, e.number

    return tuple(sorted(story.experiments, key=key))


def best(story: Story) -> Experiment | None:
    """The finished experiment with the best validation score, if there is one."""
    finished = [e for e in ranked(story) if e.status == "done" and e.score]
    return finished[0] if finished else None


def estimator_of(experiment: Experiment) -> str:
    """The estimator that was trained, or was to be."""
    return (experiment.recipe.estimator if experiment.recipe else experiment.plan.estimator).action


def experiments(story: Story) -> Section:
    """What was tried: over time, in comparison, as a table, and one by one."""
    tried = ranked(story)
    done = sum(e.status == "done" for e in tried)
    title, anchor = "The experiments", "experiments"
    if not tried:
        return Section(title, anchor, (Paragraph("No experiment was run."),))
    stopped = f" {sentence(story.stopped)}" if story.stopped else ""
    intro = f"{counted(len(tried), 'experiment')}, {done:,} of them finished.{stopped}"
    blocks: list[Block] = [Paragraph(intro)]
    blocks += _progress(story)
    blocks += _comparison(story)
    rows = tuple(_row(e) for e in tried[:_SHOWN])
    titles = ("No.", "Experiment", "Estimator", "Ended", "Score", "Spread", "Core time")
    how = f"Out-of-fold {metric_of(story).title}, best first; the spread is one standard deviation over the folds."
    blocks += [Heading("All of them"), Paragraph(how, "note")]
    of = tuple(f"experiment:{e.number}" for e in tried[:_SHOWN])
    blocks.append(Table(titles, rows, "rlllrrr", "Experiments, best first", strong=0, sources=of, sortable=True))
    if len(tried) > _SHOWN:
        blocks.append(Paragraph(f"{len(tried) - _SHOWN:,} more are in leaderboard.csv and below.", "note"))
    blocks.append(Paragraph("Each with its reason, its recipe and its program:", "note"))
    blocks += [_details(story, e) for e in sorted(tried, key=lambda e: e.number)]
    return Section(title, anchor, tuple(blocks))


def _progress(story: Story) -> list[Block]:
    moments = [m for m in story.progress if math.isfinite(m.score) and math.isfinite(m.best)]
    if len(moments) < 2:
        return []
    svg, outside = pictures.progress(story)
    last = next(m for m in moments if m.best == moments[-1].best)
    first, end = moments[0], moments[-1]
    if first.best == end.best:
        said = f"The first experiment, after {duration(first.seconds)}, was never beaten ({score(first.best)})."
    else:
        said = (
            f"From {score(first.best)} after {duration(first.seconds)} to {score(end.best)}; the last improvement "
            f"came after {duration(last.seconds)}, the last experiment after {duration(end.seconds)}."
        )
    away = f" {counted(outside, 'triangle marks an experiment', 'triangles mark experiments')} outside the picture."
    reading = "The line is the best score so far, every dot an experiment." + (away if outside else "")
    return [Figure("Score over time", svg, said, reading, f"Line chart of the best score over time. {said}")]


def _comparison(story: Story, most: int = 10) -> list[Block]:
    scored = [e for e in ranked(story) if e.status == "done" and e.score and math.isfinite(e.score.value)]
    if not scored or not math.isfinite(story.validation.value):
        return []
    shown = scored if len(scored) <= most else [*scored[: most - 1], scored[-1]]
    rows = [("Delivered model", story.validation.value, story.validation.spread)]
    rows += [(f"{e.number}  {e.plan.name}", e.score.value, e.score.spread) for e in shown if e.score]
    top = scored[0]
    found = top.score.value if top.score else math.nan
    said: Words = (
        "The best single experiment was ", Name(top.plan.name), f" with {score(found)}; what was delivered reaches "
        f"{score(story.validation.value)} on the same rows.",
    )  # fmt: skip
    part = f" Shown are the {most - 1} best and the last of {len(scored)}." if len(scored) > most else ""
    svg, away = pictures.models(story, rows)
    part += f" {counted(away, 'triangle marks a score', 'triangles mark scores')} far outside." if away else ""
    reading = f"Dots are out-of-fold scores, bars one standard deviation over the folds.{part}"
    alt = f"Dot chart of {counted(len(rows), 'score')}."
    return [Figure("Models compared", svg, said, reading, alt)]


def _row(experiment: Experiment) -> tuple[Words, ...]:
    found = experiment.score
    ended = {"done": "done", "pruned": "stopped early", "failed": "failed", "skipped": "skipped"}[experiment.status]
    return (
        str(experiment.number),
        experiment.plan.name,
        Name(estimator_of(experiment)),
        ended,
        score(found.value) if found else "–",
        f"± {number(found.spread, 2)}" if found and found.spread is not None else "–",
        duration(experiment.seconds),
    )


def _details(story: Story, experiment: Experiment) -> Details:
    plan, found = experiment.plan, experiment.score
    facts: list[tuple[str, Words]] = [("Why", sentence(plan.reason) or "not given"), ("Proposed by", plan.by)]
    if plan.hypothesis:
        sure = f" ({percent(plan.hypothesis.confidence)} sure)"
        facts.append(("Hypothesis", f"{sentence(plan.hypothesis.text)}{sure}"))
    if plan.parent:
        facts.append(("Varies", Name(plan.parent)))
    if plan.max_train_rows is not None and experiment.train_rows:
        facts.append(("Fitted on", f"a sample of {counted(experiment.train_rows, 'training row')}"))
    if experiment.metrics:
        others = (f"{_title(story, name)} {score(value)}" for name, value in experiment.metrics.items())
        facts.append(("Also measured", ", ".join(others)))
    blocks: list[Block] = [Facts(tuple(facts))]
    if experiment.recipe:
        blocks += recipe_blocks(experiment.recipe)
    blocks += [Paragraph(failure_words(f)) for f in experiment.failures]
    source = story.programs.get(experiment.slug, "")
    if source.strip():
        blocks.append(Code(source, "python"))
    result = score(found.value) if found else experiment.status
    inside = From(f"experiment:{experiment.number}", tuple(blocks))
    return Details(f"{experiment.number}. {plan.name}: {result}", (inside,))


def _title(story: Story, name: str) -> str:
    from modelwright.errors import RequestError

    try:
        return metric_of(story, name).title
    except RequestError:  # experiments may carry figures that aren't metrics
        return name.replace("_", " ")


def failure_words(failure: Failure) -> Words:
    """A failure as a sentence: what happened, the cause, what was done."""
    kinds = {"error": "an error", "timeout": "out of time", "memory": "out of memory", "crash": "a crash",
             "cancelled": "cancelled", "program": "a mistake in the program"}  # fmt: skip
    where = f" in {clean(failure.stage)}" if failure.stage else ""
    said = [sentence(failure.message)]
    same = difflib.SequenceMatcher(None, failure.message.lower(), failure.diagnosis.lower()).ratio() > 0.8
    said += [f"Cause: {sentence(failure.diagnosis)}"] if failure.diagnosis and not same else []
    said += [f"Done about it: {sentence(failure.remedy)}"] if failure.remedy else []
    return Strong(f"{capital(kinds[failure.kind])}{where}:"), " " + " ".join(said)


# ── recipes ──────────────────────────────────────────────────────────────────

_PARTS = {
    "view": "presented as", "resampling": "rows resampled by (training only)", "weighting": "rows weighted by",
    "target": "target transformed by", "estimator": "estimator", "calibration": "probabilities corrected by",
}  # fmt: skip


def recipe_blocks(recipe: Recipe) -> list[Block]:
    """A recipe as a list, in the order in which data flows; its members first when it combines several."""
    steps = [_step(part, use) for part, use in recipe.uses() if not (recipe.members and part == "estimator")]
    if recipe.members:
        steps.insert(0, f"combines {counted(len(recipe.members), 'model')} by {recipe.estimator.describe()}")
    if recipe.threshold is not None:
        steps.append(f"called positive from a probability of {number(recipe.threshold, 3)}")
    return [Bullets(tuple(steps), ordered=True)]


def _step(part: str, use: Use) -> Words:
    name = "apply" if part.startswith("transform") else _PARTS[part]
    params = use.describe()[len(use.action) :].strip("()")
    return (f"{name} ", Strong(use.action), f" with {params}" if params else "")


SECOND_LEVEL = (
    "A second level, a small linear model over what was predicted, has the last word: on rows that it had not learnt "
    "from it was better than the weighted mean. The weights are where it starts from."
)

GEOMETRIC = (
    "Their probabilities are averaged geometrically: a model that is sure of a class counts for more than one that is "
    "torn."
)


def delivered(story: Story) -> Section:
    """What was delivered: members with weights, and how each is made."""
    recipe = story.delivered
    blocks: list[Block] = [Paragraph(sentence(story.delivered_note))] if story.delivered_note else []
    blocks.append(_drawn(story))
    if not recipe.members:
        return Section("The delivered model", "model", (*blocks, *recipe_blocks(recipe)), "delivery")
    members = sorted(recipe.members, key=lambda m: -m.weight)
    if not story.delivered_note:
        blocks.append(Paragraph(f"It combines {counted(len(members), 'model')}."))
    if recipe.estimator.action == "stack":
        blocks.append(Paragraph(SECOND_LEVEL))
    elif recipe.estimator.params.get("mean") == "geometric":
        blocks.append(Paragraph(GEOMETRIC))
    rows = tuple((percent(m.weight), Name(m.recipe.estimator.action), m.experiment or "–") for m in members)
    blocks.append(Table(("Weight", "Estimator", "Experiment"), rows, "rll", "Members of the delivered model"))
    for member in members:
        named = f" from experiment {member.experiment}" if member.experiment else ""
        title = f"{percent(member.weight)} {member.recipe.estimator.action}{named}"
        blocks.append(Details(title, tuple(recipe_blocks(member.recipe))))
    if recipe.calibration:
        blocks.append(Paragraph(("Its ", *parts(_step("calibration", recipe.calibration)), ".")))
    if recipe.threshold is not None:
        blocks.append(Paragraph(f"Rows are called positive from a probability of {number(recipe.threshold, 3)}."))
    return Section("The delivered model", "model", tuple(blocks), "delivery")


def _drawn(story: Story) -> Figure:
    recipe, used = story.delivered, len(story.problem.features(story.schema.names))
    count = len(recipe.members)
    said = f"{counted(count, 'model')} vote by their weights." if count else "One model, no vote."
    if recipe.estimator.action == "stack":
        said = f"A second level makes the prediction out of what {counted(count, 'model')} said."
    svg = diagram.draw(recipe, used)
    alt = f"Diagram of the recipe: {counted(used, 'column')}, then {said}"
    return Figure("How a prediction comes about", svg, said, "Read it from top to bottom.", alt)


def troubles(story: Story) -> Section | None:
    """What went wrong on the way, and what was done about it."""
    items: list[Words] = [sentence(f) for f in story.failures if clean(f)]
    for experiment in story.experiments:
        for failure in experiment.failures:
            said = parts(failure_words(failure))
            items.append((f"Experiment {experiment.number}, ", Name(experiment.plan.name), ": ", *said))
    if not items:
        return None
    return Section("What went wrong, and what was done", "failures", (Bullets(tuple(items)),))
