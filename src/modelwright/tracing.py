"""Why something is as it is: from a name back to the decision, the words and the costs that led to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelwright.action import did_you_mean
from modelwright.decision import Decision
from modelwright.discretion import clean
from modelwright.errors import RequestError
from modelwright.hashing import canonical_json
from modelwright.plan import Experiment
from modelwright.state import State

MOST = 8
"""Experiments that are told of for one name."""
LONGEST = 400


@dataclass(frozen=True)
class Reason:
    """Why an experiment was made, and what came of it, as lines for people.

    Args:
        title: the experiment.
        lines: label and text.
        prompts: the conversations that led to it, as they were sent, by question.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    prompts: dict[str, str]


def why(state: State, name: str) -> tuple[Reason, ...]:
    """The reasons behind a name: an experiment, an estimator, a feature, a column or a question (``designer:2``).

    Args:
        state: the run.
        name: what is asked for.

    Raises:
        RequestError: when nothing in the run goes by this name.
    """
    wanted = name.strip().lower()
    found = [e for _, e in sorted(state.experiments.items()) if _concerns(state, e, wanted)]
    asked = [state.decisions[q] for q in state.decisions if q.lower() == wanted]
    if not found and not asked:
        known = [e.slug for e in state.experiments.values()] + list(state.decisions)
        raise RequestError(
            f"nothing in this run goes by {name[:80]!r}{did_you_mean(name, known)}; name an experiment, an estimator, "
            "a feature, a column, or a question such as designer:1"
        )
    exact = [e for e in found if wanted in (e.slug.lower(), e.plan.name.lower())]
    told = [_of_decision(state, d) for d in asked]
    return (*told, *(_of_experiment(state, e) for e in (exact or found)[:MOST]))


def _concerns(state: State, experiment: Experiment, wanted: str) -> bool:
    plan = experiment.plan
    if wanted in (experiment.slug.lower(), plan.name.lower(), str(experiment.number), plan.question.lower()):
        return True
    recipe = experiment.recipe or plan.recipe
    if any(wanted == use.action.lower() for _, use in recipe.uses()):
        return True
    made = canonical_json([use.params for _, use in recipe.uses()]).lower()
    return len(wanted) > 2 and (wanted in made or wanted in state.programs.get(experiment.number, "").lower())


def _of_experiment(state: State, experiment: Experiment) -> Reason:
    plan = experiment.plan
    decisions = [d for d in state.decisions.values() if d.question == plan.question or _program_of(d, plan.name)]
    lines = [*_about(state, experiment), *(line for d in decisions for line in _about_decision(d))]
    worth = state.worth.get(plan.question)
    if worth is not None:
        for promise in worth.promises:
            if promise.experiment == experiment.number:
                expected = "" if promise.expected_gain is None else f", {promise.expected_gain:g} % less loss expected"
                came = "no model" if promise.gain is None else f"{promise.gain:+.1f} % of the loss gained"
                lines.append(("promised", f"confidence {promise.confidence:.2f}{expected}; came to: {came}"))
        cost = f"${worth.cost_usd:.4f}" if worth.cost_usd else "no known price"
        lines.append(
            ("the design cost", f"{worth.tokens:,} tokens, {cost}; its experiments {worth.seconds:.1f} core s")
        )
    return Reason(experiment.slug, tuple(lines), {d.question: _prompt(state, d.question) for d in decisions})


def _of_decision(state: State, decision: Decision) -> Reason:
    lines = [*_about_decision(decision), ("answered", clean(canonical_json(decision.output))[:LONGEST])]
    led = [e.slug for _, e in sorted(state.experiments.items()) if e.plan.question == decision.question]
    if led:
        lines.append(("led to", ", ".join(led)))
    return Reason(decision.question, tuple(lines), {decision.question: _prompt(state, decision.question)})


def _about(state: State, experiment: Experiment) -> Iterator[tuple[str, str]]:
    plan = experiment.plan
    score = experiment.score
    came = f"{experiment.status}" + (f", {score.metric} {score.value:.5g}" if score is not None else "")
    weights = state.delivery.choice.weights if state.delivery is not None else {}
    share = f", {weights[experiment.number]:.0%} of the delivered mixture" if experiment.number in weights else ""
    yield "came to", came + share
    yield "proposed by", plan.by + (f" ({plan.question})" if plan.question else "")
    if plan.reason:
        yield "because", clean(plan.reason)[:LONGEST]
    if plan.hypothesis is not None and plan.hypothesis.text != plan.reason:
        yield "to see whether", clean(plan.hypothesis.text)[:LONGEST]
    if plan.parent:
        yield "built on", plan.parent
    recipe = experiment.recipe or plan.recipe
    yield "recipe", clean(" → ".join(use.describe() for _, use in recipe.uses()))[: 2 * LONGEST]
    before = [e for n, e in sorted(state.experiments.items()) if n < experiment.number]
    if before:
        said = (f"{e.plan.name} {e.score.value:.4g}" if e.score is not None else f"{e.plan.name} –" for e in before)
        yield "tried before", clean(", ".join(said))[: 2 * LONGEST]
    for failure in experiment.failures:
        yield "went wrong", clean(f"{failure.message} {failure.diagnosis} {failure.remedy}")[:LONGEST]
    yield "took", f"{experiment.seconds:.1f} core s"


def _about_decision(decision: Decision) -> Iterator[tuple[str, str]]:
    who = decision.model or "the built-in policy"
    cost = f", ${decision.cost_usd:.4f}" if decision.cost_usd else ""
    tokens = f"; {decision.input_tokens:,} + {decision.output_tokens:,} tokens{cost}" if decision.model else ""
    yield decision.question, f"{who} ({decision.tier}{tokens}), {decision.seconds:.1f} s"
    for step in decision.descents:
        yield f"not {step.tier}", clean(step.reason)[:LONGEST]
    if decision.notes:
        yield "notes read", ", ".join(decision.notes)


def _program_of(decision: Decision, plan: str) -> bool:
    agent, _, number = decision.question.partition(":")
    return agent == "programmer" and number.partition(".")[2] == plan


def _prompt(state: State, question: str) -> str:
    return "\n\n".join(f"[{m['role']}]\n{clean(m['text'])}" for m in state.asked.get(question, ()))
