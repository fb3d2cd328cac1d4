"""A language model's side of the search: results become analyses, hypotheses, designs and programs while others train.

One thread thinks; experiments go on meanwhile. Each iteration reads what has come in, designs several plans, tries them
on a sample of the rows, and hands the best over as programs.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from modelwright.agents import Agent, Answer
from modelwright.agents._ladder import Decided
from modelwright.agents.analyst import Analysis, Analyst, AnalystFacts, Look
from modelwright.agents.designer import Design, Designer, DesignerFacts, Sketch
from modelwright.agents.hypothesizer import Hypotheses, Hypothesizer, HypothesizerFacts
from modelwright.agents.playbook import notes
from modelwright.agents.retriever import Retrieved, Retriever, RetrieverFacts, by_traits, known_text
from modelwright.decision import Promise, Worth
from modelwright.evaluation import Evaluator
from modelwright.journal import Journal
from modelwright.memory import in_words as in_memory
from modelwright.memory import similar
from modelwright.mind import Mind
from modelwright.plan import Experiment, Plan
from modelwright.policy.ground import Ground
from modelwright.programming import Programming
from modelwright.showing import Shown
from modelwright.sketching import plan_of, problems_of
from modelwright.step import Limits, Step
from modelwright.tasks.metrics import gain
from modelwright.traits import traits
from modelwright.trialling import best_score, percent, promising
from modelwright.workbench import EXPLORE_VERSION

F = TypeVar("F")
A = TypeVar("A", bound=Answer)

WANTED = 4
"""Plans that a design should have; the best of them are run."""
RUN = 3
"""Plans of a design that are run at most."""
EXPLORATION = (100, 60, 30)
"""Share of plans that should be something new, in percent, by iteration: first look round, then build on it."""
PILOT_SECONDS = 8.0
PILOT_VERSION = 1
LOOK_CHARACTERS = 2_500
"""Of the answers to an analyst's looks."""
FRUITLESS = 2
"""Designs in a row without a plan after which no more are asked for."""
RETRIEVER_PATIENCE = 10.0
"""Seconds that the first design waits for what the retriever finds; then the policy's choice of notes must do."""
BARREN, LOOK_ROUND = 2, 3
"""Designs in a row without a gain after which no more are asked for, and how many there are in any case: ideas cost
money, and those that come late in a run bring less."""


@dataclass
class _Iteration:
    """What one round of thinking has cost and promised so far."""

    number: int
    question: str
    plans: dict[str, Plan] = field(default_factory=dict)
    outcomes: dict[str, Experiment] = field(default_factory=dict)
    decided: list[Decided[Any]] = field(default_factory=list)


class Reasoning:
    """Thinks beside the search.

    Args:
        mind: decides.
        ground: what experiments are designed from.
        evaluator: performs trials and explorations.
        journal: the run's log.
        briefing: what agents are shown.
        until: ``time.monotonic()`` by which thinking is of no use any more.
        left: share of the budget that is left, in percent.
        given: names of the plans that a resumed run had handed over before.
        patient: whether the first design waits for what the retriever finds, however long it takes.
    """

    def __init__(
        self,
        mind: Mind,
        ground: Ground,
        evaluator: Evaluator,
        journal: Journal,
        briefing: Shown,
        until: Callable[[], float],
        left: Callable[[], int],
        given: frozenset[str] = frozenset(),
        patient: bool = False,
    ) -> None:
        self._mind = mind
        self._ground = ground
        self._evaluator = evaluator
        self._journal = journal
        self._briefing = briefing
        self._until = until
        self._left = left
        self.programming = Programming(mind, ground, briefing, until)
        self._given = given
        self._patience = None if patient else RETRIEVER_PATIENCE
        self._early: dict[str, Experiment] = {}
        self._all: dict[int, Experiment] = {}
        self._begun: SimpleQueue[tuple[int, tuple[Experiment, ...]] | None] = SimpleQueue()
        self._changed = threading.Condition()
        self._ready: deque[Plan] = deque()
        self._thinking = False
        self._ended = False
        self._current: _Iteration | None = None
        self._names: set[str] = set()
        self._earlier: list[str] = []
        self._promised = ""
        self._fruitless = 0
        self._barren = 0
        self._lasted = 0.0
        self._thread = threading.Thread(target=self._think, name="reasoning", daemon=True)
        self._thread.start()

    # ── what the search asks ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def ended(self) -> bool:
        """Whether no further plan will come."""
        with self._changed:
            return self._ended and not self._ready

    def begin(self, experiments: Sequence[Experiment]) -> None:
        """Start the next iteration, on what is known now; nothing happens when one is going on or all are done."""
        with self._changed:
            current = self._current
            number = 1 if current is None else current.number + 1
            if number > LOOK_ROUND and self._barren >= BARREN and not self._ended:
                self._ended = True
                self._journal.append(
                    "reasoning_stopped", {"reason": f"{self._barren} designs in a row brought nothing."}
                )
                self._changed.notify_all()
            if number > 1 and self._patience is not None and self._until() - time.monotonic() < self._lasted:
                # What would be designed now could not be run any more; asking for it would only cost money.
                self._ended = True
                self._changed.notify_all()
            if self._ended or self._thinking or self._ready or (current and len(current.outcomes) < len(current.plans)):
                return
            self._thinking = True
        self._begun.put((number, tuple(experiments)))

    def take(self, wait: bool = False) -> Plan | None:
        """The next plan, if there is one.

        Args:
            wait: whether to wait for the iteration that is being thought about.
        """
        with self._changed:
            while wait and not self._ready and self._thinking and time.monotonic() < self._until():
                self._changed.wait(min(1.0, max(0.01, self._until() - time.monotonic())))
            return self._ready.popleft() if self._ready else None

    def told(self, experiment: Experiment) -> bool:
        """Take the result of an experiment in; says whether it was the last of the iteration."""
        with self._changed:
            self._all[experiment.number] = experiment
            current = self._current
            if experiment.plan.by != "designer" or current is None or experiment.plan.name not in current.plans:
                # A resumed run's results may be known before the thoughts that led to them were thought again.
                self._early[experiment.plan.name] = experiment
                return False
            current.outcomes[experiment.plan.name] = experiment
            if len(current.outcomes) < len(current.plans):
                return False
        self._weigh(current)
        return True

    def close(self) -> None:
        """End thinking; what is being thought is of no use any more."""
        with self._changed:
            self._ended = True
            self._ready.clear()
            self._changed.notify_all()
        self._begun.put(None)

    def wait(self) -> None:
        """Wait until what is being thought has come to its end, after :meth:`close`."""
        self._thread.join()

    # ── the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _think(self) -> None:
        retrieved = self._mind.later(self._retrieved)
        wait([retrieved], self._patience if self._patience is not None else self._seconds())
        if not retrieved.done():
            self._note(by_traits(self._traits(), self._words()))
            retrieved.add_done_callback(lambda late: self._note(late.result()) if late.exception() is None else None)
        while (task := self._begun.get()) is not None:
            number, experiments = task
            began = time.monotonic()
            try:
                plans = self._iterate(number, experiments)
            except Exception as error:
                # Thinking is a help, never a condition: whatever goes wrong in it, the search goes on without it.
                self._journal.append("reasoning_failed", {"error": f"{type(error).__name__}: {error}"[:500]})
                plans = None
            with self._changed:
                self._thinking = False
                self._lasted = time.monotonic() - began
                if plans is None:
                    self._ended = True
                elif not self._ended:
                    self._ready.extend(plans)
                    found = self._current is not None and bool(self._current.plans)
                    self._fruitless = 0 if found else self._fruitless + 1
                    self._ended = self._fruitless >= FRUITLESS
                self._changed.notify_all()

    def _retrieved(self) -> Retrieved:
        """What is known about problems such as this one."""
        known = self._traits()
        past = similar(known, self._ground.task)
        facts = RetrieverFacts(
            self._briefing.problem, self._briefing.columns, known, notes(), tuple(in_memory(run) for run in past)
        )
        answer = self._ask(Retriever(), facts, lambda: by_traits(known, self._words()), "1").answer
        self._note(answer)
        return answer

    def _note(self, found: Retrieved) -> None:
        """Show what was found to whoever is asked from now on."""
        self._briefing.notes = self._briefing.data(known_text(found))
        self._briefing.used = tuple(pick.note for pick in found.picks)

    def _traits(self) -> Mapping[str, float]:
        return traits(self._ground.problem, self._ground.profile)

    def _words(self) -> set[str]:
        """Words of the request and of the columns' names."""
        said = " ".join((self._ground.problem.statement, *self._ground.schema.names)).lower()
        return set(re.findall(r"[a-z]{3,}", said))

    def _iterate(self, number: int, experiments: tuple[Experiment, ...]) -> list[Plan] | None:
        """The plans of one iteration, or ``None`` when the analyst wants no more."""
        current = _Iteration(number, f"designer:{number}")
        findings = ""
        if number > 1:
            analysis = self._analysed(current, experiments)
            if not analysis.go_on:
                self._journal.append("reasoning_stopped", {"reason": analysis.reason or analysis.summary})
                return None
            hypotheses = self._supposed(current, experiments, analysis)
            findings = _findings(analysis, hypotheses)
        if self._patience is not None:
            # Without fixed places a design may know what has come in since the round began.
            with self._changed:
                experiments = tuple(e for _, e in sorted(self._all.items()))
        sketches, plans = self._designed(current, experiments, findings)
        chosen, trials = promising(self._evaluator, plans, RUN)
        if trials:
            told = {"question": current.question, "trials": trials, "exploration": _exploration(number)}
            self._journal.append("simulated", told)
        # A plan that is transforms and an estimator is a program already; only what is more needs to be written.
        written = {
            p.name: self._mind.later(partial(self.programming.written, p, sketches[p.name], f"{number}.{p.name}"))
            for p in chosen
            if sketches[p.name].beyond
        }
        ready = []
        for plan in chosen:
            if plan.name in written:
                plan, decided = written[plan.name].result()
                current.decided.append(decided)
            ready.append(plan)
        with self._changed:
            current.plans = {p.name: p for p in ready}
            current.outcomes = {n: self._early.pop(n) for n in current.plans if n in self._early}
            self._current = current
        if ready and len(current.outcomes) == len(current.plans):
            self._weigh(current)
        return [p for p in ready if p.name not in self._given]

    def _analysed(self, current: _Iteration, experiments: tuple[Experiment, ...]) -> Analysis:
        facts = AnalystFacts(
            self._briefing.problem,
            self._briefing.columns,
            self._briefing.experiments(experiments),
            self._promised,
            "",
            self._left(),
            frozenset(self._ground.schema.names),
        )
        analyst = Analyst()
        policy = partial(Analysis, summary="The results speak for themselves.", go_on=True)
        first = self._decide(current, analyst, facts, policy, f"{current.number}")
        if not first.looks:
            return first
        answers = self._looked(current, first.looks, experiments)
        again = replace(facts, answers=f"(You said: {first.summary})\n{answers}")
        return self._decide(
            current, analyst, again, lambda: first.model_copy(update={"looks": []}), f"{current.number}.2"
        )

    def _looked(self, current: _Iteration, looks: Sequence[Look], experiments: tuple[Experiment, ...]) -> str:
        """The answers to an analyst's looks, as text."""
        situation = self._evaluator.situation
        time_column = situation.time_column or ""
        requests: dict[str, Any] = {}
        for look in looks:
            requests |= _request(look, situation.target, time_column)
        best = max(
            (e for e in experiments if e.status == "done" and e.oof and e.score is not None),
            key=lambda e: gain(self._evaluator.metric, e.score.value, 0.0) if e.score else 0.0,
            default=None,
        )
        inputs = {"rows": situation.rows} | ({"oof": self._evaluator.whole(best.oof)} if best is not None else {})
        step = Step(
            "modelwright.exploring:explore",
            EXPLORE_VERSION,
            {
                "requests": requests,
                "target": situation.target,
                "n_classes": situation.n_classes,
                "personal": list(self._briefing.personal),
                "floor": self._ground.profile.floor,
            },
            inputs,
        )
        limits = Limits(seconds=max(1.0, min(30.0, self._seconds())), memory=self._evaluator.memory)
        outcome = self._evaluator.engine.perform(step, limits, stage="explore", priority=-1)
        if not outcome.ok:
            return "(the looks could not be answered in time)"
        return self._briefing.data(json.dumps(outcome.value, ensure_ascii=False)[:LOOK_CHARACTERS])

    def _supposed(
        self, current: _Iteration, experiments: tuple[Experiment, ...], analysis: Analysis
    ) -> Hypotheses | None:
        facts = HypothesizerFacts(
            self._briefing.problem,
            self._briefing.columns,
            self._briefing.experiments(experiments),
            _findings(analysis, None),
            "\n".join(self._earlier[-6:]),
            self._briefing.notes,
        )
        nothing = Hypotheses.model_validate(
            {"hypotheses": [{"text": "Other settings of the best model may serve better.", "confidence": 0.25}]}
        )
        found = self._decide(current, Hypothesizer(), facts, lambda: nothing, f"{current.number}")
        self._journal.append("hypotheses", {"iteration": current.number, "hypotheses": found.model_dump(mode="json")})
        return found

    def _designed(
        self, current: _Iteration, experiments: tuple[Experiment, ...], findings: str
    ) -> tuple[dict[str, Sketch], list[Plan]]:
        """The sketches by their plan's name, and the plans."""
        tried = {e.plan.recipe.digest: e for e in experiments}
        facts = DesignerFacts(
            self._briefing.problem,
            self._briefing.profile,
            self._briefing.actions,
            self._briefing.experiments(experiments),
            self._briefing.notes,
            findings,
            WANTED,
            _exploration(current.number),
            max(5, int(0.3 * self._seconds() * self._evaluator.engine.slots)),
            self._briefing.names,
            lambda sketch: problems_of(sketch, self._ground, tried),
        )
        # The built-in policies design all the while; without an answer there is simply nothing to add to them.
        design = self._decide(
            current,
            Designer(),
            facts,
            lambda: Design.model_construct(plans=[]),
            f"{current.number}",
            self._briefing.used,
        )
        plans: list[Plan] = []
        sketches: dict[str, Sketch] = {}
        for sketch in design.plans:
            plan = plan_of(sketch, self._ground, current.question, (*self._names, *sketches))
            plans.append(plan)
            sketches[plan.name] = sketch
        self._names |= set(sketches)
        return sketches, plans

    # ── the balance ──────────────────────────────────────────────────────────────────────────────────────────────

    def _weigh(self, current: _Iteration) -> None:
        """Say what an iteration was worth, now that its experiments are in."""
        first = min(e.number for e in current.outcomes.values())
        with self._changed:
            known = [e for e in self._all.values() if e.number < first]
        before = best_score(self._evaluator.metric, known)
        after = best_score(self._evaluator.metric, [*known, *current.outcomes.values()])
        promises = []
        for name, experiment in sorted(current.outcomes.items(), key=lambda item: item[1].number):
            guess = current.plans[name].hypothesis
            # A pruned experiment was clearly worse; its score is of one part only.
            done = experiment.score if experiment.status == "done" else None
            got = percent(self._evaluator.metric, before, done.value) if done is not None else None
            kept = None if experiment.score is None else got is not None and got > 0
            confidence = guess.confidence if guess else 0.5
            promises.append(Promise(experiment.number, confidence, guess.expected_gain if guess else None, kept, got))
        replies = [r for decided in current.decided for r in decided.replies]
        worth = Worth(
            current.question,
            tuple(promises),
            before,
            after,
            max(0.0, percent(self._evaluator.metric, before, after) or 0.0) if after is not None else 0.0,
            round(sum(e.seconds for e in current.outcomes.values()), 2),
            sum(r.input_tokens + r.output_tokens for r in replies),
            round(sum(r.cost_usd or 0.0 for r in replies), 6),
        )
        self._journal.append("worth", {"worth": worth})
        self._barren = 0 if worth.gain > 0 else self._barren + 1
        lines = []
        for promise in promises:
            plan = current.outcomes[next(n for n, e in current.outcomes.items() if e.number == promise.experiment)].plan
            came = "made no model" if promise.gain is None else f"gain {promise.gain:+.1f} % over the best before"
            hoped = "" if promise.expected_gain is None else f", expected {promise.expected_gain:+.1f} %"
            lines.append(f"{plan.name}: confidence {promise.confidence:.2f}{hoped}; {came}")
            if plan.hypothesis is not None:
                self._earlier.append(f"- {plan.hypothesis.text} → {came}")
        self._promised = self._briefing.data("\n".join(lines))

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _seconds(self) -> float:
        return max(1.0, self._until() - time.monotonic())

    def _ask(
        self, agent: Agent[F, A], facts: F, policy: Callable[[], A], number: str, notes: Sequence[str] = ()
    ) -> Decided[A]:
        return self._mind.decide(agent, facts, policy, number=number, seconds=self._seconds(), notes=notes)

    def _decide(
        self,
        current: _Iteration,
        agent: Agent[F, A],
        facts: F,
        policy: Callable[[], A],
        number: str,
        notes: Sequence[str] = (),
    ) -> A:
        decided = self._ask(agent, facts, policy, number, notes)
        current.decided.append(decided)
        return decided.answer


def _exploration(iteration: int) -> int:
    """The share of an iteration's plans that should be something new, in percent."""
    return EXPLORATION[min(iteration, len(EXPLORATION)) - 1]


def _findings(analysis: Analysis, hypotheses: Hypotheses | None) -> str:
    lines = [analysis.summary, *(f"- {text}" for text in analysis.observations)]
    if hypotheses is not None:
        lines.append("Hypotheses, the most promising first:")
        lines += [f"{i}. ({h.confidence:.2f}) {h.text} {h.test}" for i, h in enumerate(hypotheses.hypotheses, 1)]
    return "\n".join(lines)


def _request(look: Look, target: str, time_column: str) -> Mapping[str, Any]:
    """A look as a request of :mod:`modelwright.exploring`."""
    group = look.group or next(iter(look.columns), "")
    requests: dict[str, Mapping[str, Any]] = {
        "class_distributions": {"class_distributions": look.columns},
        "correlations": {"correlation_matrix": True},
        "temporal_trend": {"temporal_trend": {"time_column": time_column, "target_column": target}},
        "group_statistics": {"group_stats": {"group_column": group, "target_column": target}},
        "outliers": {"outlier_summary": look.columns},
        "errors": {"errors": [*look.columns, *([look.group] if look.group else [])]},
    }
    return requests[look.kind]
