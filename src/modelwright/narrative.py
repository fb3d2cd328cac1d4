"""The run told in words by a language model, from facts made of the records; without one there is no narrative.

The facts are sentences that may leave the machine: figures of the models, columns as they may be called, and of the
data nothing but what the profile shows. What the text claims is held against them sentence by sentence
(:mod:`modelwright.agents.reporter`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelwright.agents.reporter import Narrative, Reporter, ReporterFacts
from modelwright.decision import Decision
from modelwright.diagnostics import LearningCurve
from modelwright.discretion import Discretion
from modelwright.judgement import Importance, Judgement, Verified
from modelwright.mind import Mind
from modelwright.plan import Experiment
from modelwright.preparation import Prepared
from modelwright.protocol import Score, Validation
from modelwright.tasks.metrics import find_metric

if TYPE_CHECKING:
    from modelwright.tasks.metrics import Metric

MOST_COLUMNS = 6
MOST_FIGURES = 4
MOST_MEMBERS = 5
MOST_LEARNT = 8
LONGEST_LEARNT = 240
QUESTION = "reporter:1"


def narrate(mind: Mind, facts: ReporterFacts, seconds: float) -> tuple[str, ...]:
    """The run in three to five paragraphs of checked sentences; none without a language model, or when it fails.

    Args:
        mind: has it told.
        facts: what may be told.
        seconds: after which nobody waits for it.
    """
    if not mind.present or seconds <= 0:
        return ()
    decided = mind.decide(Reporter(), facts, lambda: Narrative(paragraphs=[]), seconds=seconds)
    return tuple(decided.answer.paragraphs)


def narrated(decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    """The narrative among a run's decisions, if there is one."""
    decision = decisions.get(QUESTION)
    if decision is None or decision.tier == "policy":
        return ()
    return tuple(Narrative.model_validate(decision.output).paragraphs)


def lessons(decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    """What the analyst noted on the way, the latest first, each once."""
    noted = [
        str(text)
        for decision in reversed(list(decisions.values()))
        if decision.agent == "analyst" and decision.tier != "policy"
        for text in decision.output.get("observations", ())
    ]
    return tuple(dict.fromkeys(noted))[:MOST_LEARNT]


def facts_for(
    prepared: Prepared,
    experiments: Sequence[Experiment],
    weights: Mapping[int, float],
    validation: Score[Validation],
    judgement: Judgement,
    discretion: Discretion,
    *,
    analyses: Mapping[str, Any] | None = None,
    learnt: Sequence[str] = (),
) -> ReporterFacts:
    """What the reporter may tell.

    Args:
        prepared: what the run stands on.
        experiments: what was tried.
        weights: share of each delivered experiment, by number.
        validation: out-of-fold score of the delivered mixture.
        judgement: what the sealed rows said.
        discretion: how names are shown.
        analyses: results of analyses, as facts, as far as they are there.
        learnt: what agents noted on the way, one sentence each, the most telling first.
    """
    problem = prepared.problem
    metric = find_metric(problem.metric.value, problem.task.value)
    lines = [
        *_asked(prepared, discretion),
        *_scored(metric, judgement, validation),
        *_driven([i for i in judgement.importances if i.loss > 0], metric, discretion),
        *_tried(experiments, weights, metric, discretion),
        *_left_out(prepared, discretion),
        *(_demand(verified) for verified in judgement.demands),
        *_outlook(analyses or {}, metric),
        *(f"Noted on the way: {discretion.text(text, LONGEST_LEARNT)}" for text in learnt[:MOST_LEARNT]),
    ]
    columns = prepared.schema.names
    models = (name for e in experiments for name in (e.plan.estimator.action, e.plan.name))
    names = tuple(dict.fromkeys((*columns, *map(discretion.name, columns), *models)))
    return ReporterFacts(discretion.statement(), tuple(lines), names, judgement.verdict)


# ── facts, one sentence each ──


def _asked(prepared: Prepared, discretion: Discretion) -> Iterator[str]:
    problem, protocol = prepared.problem, prepared.protocol
    yield f"The column to predict is {discretion.column(problem.target.value)} (task: {problem.task.value})."
    if problem.positive is not None:
        yield f"What is looked for is {discretion.level(problem.target.value, problem.positive.value)}."
    if len(problem.classes) > 2:
        yield f"There are {len(problem.classes)} classes."
    yield (
        f"The data has {prepared.rows:,} rows; the model uses {len(prepared.features.fields):,} columns. It was "
        f"developed on {protocol.n_development:,} rows; {protocol.n_holdout:,} others were sealed and looked at once, "
        "to judge it."
    )
    ways = {
        "time": "The sealed rows are the latest ones.",
        "group": "The sealed rows belong to groups that the model never saw.",
        "given": "The sealed rows are a file of labelled rows that the user gave.",
    }
    if protocol.holdout in ways:
        yield ways[protocol.holdout]


def _scored(metric: Metric, judgement: Judgement, validation: Score[Validation]) -> Iterator[str]:
    score, base = judgement.score, judgement.baseline
    ends = ""
    if score.low is not None and score.high is not None:
        ends = f" (95 % interval: {_figure(score.low)} to {_figure(score.high)})"
    better = f"{'higher' if metric.greater_is_better else 'lower'} is better"
    if math.isfinite(metric.best):
        better += f", {metric.best:g} is perfect"
    reason = _without_quotes(judgement.verdict_reason).rstrip(".")
    yield f"Verdict on the model: {judgement.verdict}{f' ({reason})' if reason else ''}."
    yield (
        f"On the {score.n_rows:,} sealed rows its {metric.title} is {_figure(score.value)}{ends}; "
        f"{metric.description}; {better}."
    )
    yield (
        f"The baseline {judgement.baseline_name} has {_figure(base.value)} on the same rows; the model is ahead in "
        f"{_share(judgement.better)} of the resamplings of these rows."
    )
    lead = (score.value - base.value) * (1 if metric.greater_is_better else -1)
    if lead > 0 and math.isfinite(lead):
        part = (
            f", which is {_share(lead / abs(base.value))} of it" if not metric.greater_is_better and base.value else ""
        )
        yield f"That is {_figure(lead)} better than the baseline{part}."
    yield f"During development, on rows left out of fitting, its {metric.title} was {_figure(validation.value)}."
    others = [
        f"{find_metric(name).title} {_figure(other.value)}"
        for name, other in judgement.metrics.items()
        if name != metric.name and math.isfinite(other.value)
    ][:MOST_FIGURES]
    if others:
        yield f"Further figures on the sealed rows: {', '.join(others)}."
    for comparison in judgement.comparisons:
        if comparison.role == "runner-up" and not comparison.distinguishable:
            yield f"It can't be told apart from the runner-up {comparison.other} on the same rows."


def _driven(importances: Sequence[Importance], metric: Metric, discretion: Discretion) -> Iterator[str]:
    if not importances:
        return
    named = [
        f"{discretion.column(i.column)} ({_figure(i.loss)}{_direction(i, discretion)})"
        for i in importances[:MOST_COLUMNS]
    ]
    yield (
        "Columns that matter most, each with how much worse the score becomes when its values are shuffled: "
        f"{', '.join(named)}."
    )


def _direction(importance: Importance, discretion: Discretion) -> str:
    """What larger values do, where that can be said without naming values."""
    said = discretion.error(importance.direction) if importance.direction else ""
    return f", {said}" if said and "…" not in said and "#" not in said else ""


def _tried(
    experiments: Sequence[Experiment], weights: Mapping[int, float], metric: Metric, discretion: Discretion
) -> Iterator[str]:
    done = [e for e in experiments if e.status == "done" and e.score is not None]
    failed = sum(e.status == "failed" for e in experiments)
    yield (
        f"{len(experiments):,} experiments were made: {len(done):,} finished"
        + (f", {failed:,} failed" if failed else "")
        + "."
    )
    thought = [e for e in done if e.plan.question]
    if thought:
        yield f"{len(thought):,} of the finished ones came from a language model, the others from built-in policies."
    informed = [e for e in done if e.informed and e.score is not None]
    if informed:
        best = min(informed, key=lambda e: _loss(metric, e))
        assert best.score is not None
        idea = f", made because of this idea: {discretion.text(best.plan.reason, LONGEST_LEARNT)}"
        yield (
            f"The best single model is {best.plan.estimator.action} with a {metric.title} of "
            f"{_figure(best.score.value)} during development{idea if best.plan.question and best.plan.reason else ''}."
        )
    by_number = {e.number: e for e in experiments}
    members = sorted(weights.items(), key=lambda item: -item[1])
    named = [f"{by_number[n].plan.estimator.action} {_share(w)}" for n, w in members[:MOST_MEMBERS] if n in by_number]
    if len(weights) == 1 and named:
        yield f"Delivered is a single model: {by_number[members[0][0]].plan.estimator.action}."
    elif named:
        more = f", and {len(members) - len(named)} more" if len(members) > len(named) else ""
        yield f"Delivered is a mixture of {len(members)} models: {', '.join(named)}{more}."


def _left_out(prepared: Prepared, discretion: Discretion) -> Iterator[str]:
    if prepared.problem.excluded.value:
        names = [discretion.column(c) for c in prepared.problem.excluded.value[:8]]
        yield f"Left out of all models: {', '.join(names)}."
    for finding in prepared.findings[:5]:
        about = f": {', '.join(discretion.column(c) for c in finding.columns[:4])}" if finding.columns else ""
        yield f"The checks of the data found ({finding.severity}): {finding.title}{about}."


def _demand(verified: Verified) -> str:
    outcome = {True: "met", False: "not met", None: "could not be checked"}[verified.passed]
    name = verified.name.replace("_", " ")
    if verified.figure is None or verified.limit is None:
        return f"The demand on {name} is {outcome}."
    return (
        f"The demand on {name} ({_figure(verified.limit)} {verified.unit}) is {outcome}: measured were "
        f"{_figure(verified.figure)} {verified.unit}."
    )


def _outlook(analyses: Mapping[str, Any], metric: Metric) -> Iterator[str]:
    for result in analyses.values():
        if isinstance(result, LearningCurve):
            if result.outlook == "rising" and result.doubled is not None:
                figure = _figure(result.doubled)
                yield f"With twice (2 times) as many rows its {metric.title} would probably be about {figure}."
            elif result.outlook == "flat":
                yield "More rows of the same kind would hardly help."


# ── figures ──


def _loss(metric: Metric, experiment: Experiment) -> float:
    value = experiment.score.value if experiment.score is not None else math.nan
    return -value if metric.greater_is_better else value


def _figure(value: float) -> str:
    """Four significant digits, thousands separated; more just below one, where the last ones tell models apart."""
    if not math.isfinite(value):
        return "not defined"
    if 0.9995 < value < 1:
        return f"{value:.6g}"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %" if math.isfinite(value) else "an unknown share"


def _without_quotes(text: str) -> str:
    """A sentence of ours without what it quotes from the data."""
    return re.sub(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|`[^`]*`", "…", text)
