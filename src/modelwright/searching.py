"""The search: experiments are designed one after the other and run several at a time, until something ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from modelwright.bar import Bar
from modelwright.clock import LONGEST_CLOSING, Clock
from modelwright.ensemble import mixture
from modelwright.evaluation import Evaluator
from modelwright.experiment import run_experiment
from modelwright.journal import Journal
from modelwright.memory import Remembered
from modelwright.mixing import best_mixture
from modelwright.plan import Experiment, Plan
from modelwright.policy.climbing import climb, topmost
from modelwright.policy.ground import Ground
from modelwright.policy.made import Seen
from modelwright.policy.pacing import pace, room
from modelwright.policy.search import design
from modelwright.policy.stopping import why_stop
from modelwright.preparation import Prepared, personal_columns
from modelwright.problem import Budget
from modelwright.profiling import as_dict
from modelwright.reasoning import Reasoning
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import gain
from modelwright.workbench import Workbench

PER_ITERATION = 3
"""Experiments that make one iteration."""

BESIDE = 3
"""Experiments of the policies in an iteration of a language model, where the places are fixed."""

SLICE = 0.4
"""Share of the remaining search time after which the fits of one experiment should end with what they have."""

SURELY = 20.0
"""Seconds that the first baseline gets in any case; it needs a fraction of one, unless the machine is choking."""

REFITS = 0.15
"""Share of the budget that is kept for refits on more rows, where models are compared on samples."""

WORTH_GOING_ON = 0.5
"""Seconds below which no further experiment is begun."""

CROWDED = ("portfolio", "carried", "search")
"""Whose experiments must add something to the ensemble: they come in numbers, and each is one of many alike."""

ASKED_ROWS = 2_000
"""Rows that a model predicts while it is put together and explained, besides the sealed ones."""

MIXTURES = 4
"""Sets of experiments whose ensemble is remembered: that of all, and those that designs know."""

PATIENCE_FOR_PLANS = 25
"""Plans in a row that don't fit into the time left, after which the search ends."""


class UnderWay(NamedTuple):
    """An experiment that is running.

    Args:
        plan: its plan.
        fit_seconds: core seconds that one ordinary fit is expected to take.
        began: ``time.monotonic()`` when it began.
    """

    plan: Plan
    fit_seconds: float
    began: float


@dataclass
class Search:
    """Runs experiments until something ends it.

    An experiment is designed knowing all earlier ones but the few that may still be running; which those are depends
    on the number of workers only, so that the same data, seed and limit of experiments give the same experiments,
    however fast the machine is.

    Args:
        prepared: what experiments stand on.
        evaluator: evaluates recipes.
        journal: the run's log.
        clock: the deadline.
        budget: limits besides the clock.
        recorded: plans of a run that is resumed, by number.
        drill: how the first experiment after the baselines is made to fail; see :mod:`modelwright.drills`.
        reasoning: a language model that proposes experiments besides the built-in policies.
        memory: past runs that the policies may learn from.

    With a language model the policies' experiments go on while it thinks, and its own are run as soon as they are
    there. Only where the number of experiments or of iterations is limited have its experiments fixed places, so that
    the same replies give the same run: an iteration is then :data:`BESIDE` of the policies' experiments and what the
    model designed in the meantime.
    """

    prepared: Prepared
    evaluator: Evaluator
    journal: Journal
    clock: Clock
    budget: Budget
    recorded: Mapping[int, Plan] = field(default_factory=dict)
    floor: int = 10
    drill: str | None = None
    reasoning: Reasoning | None = None
    memory: tuple[Remembered, ...] = ()
    experiments: dict[int, Experiment] = field(default_factory=dict)
    time_limited: bool = False
    _weights: dict[tuple[int, ...], dict[int, float]] = field(default_factory=dict)
    _under_way: dict[int, UnderWay] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _running: dict[int, Future[None]] = field(default_factory=dict)
    _turns: int = 0
    _beside: int = 0

    def run(self) -> str:
        """Run experiments; returns why the search ended, as a sentence."""
        plans: list[Plan] = []
        self._facts = as_dict(self.prepared.profile)
        with ThreadPoolExecutor(self._in_flight, thread_name_prefix="experiment") as pool:
            try:
                reason = None
                while reason is None:
                    number = len(plans) + 1
                    plan, reason = self._next(number, plans)
                    if plan is None:
                        break
                    plans.append(plan)
                    self._running[number] = self._begun(pool, number, plan)
                self._wait_for(len(plans))
            except BaseException:
                # Whatever ends the search early must not wait for fits that nobody will use.
                self._stopping.set()
                self.evaluator.engine.executor.close()
                raise
        return reason or "The search ended."

    @cached_property
    def ground(self) -> Ground:
        """What experiments are designed from."""
        prepared = self.prepared
        return Ground(prepared.problem, prepared.features, prepared.profile, prepared.protocol, self.memory)

    @property
    def in_turns(self) -> bool:
        """Whether the experiments of a language model have fixed places."""
        return self.budget.max_experiments is not None or self.budget.max_iterations is not None

    @property
    def _in_flight(self) -> int:
        """Experiments that may be under way at a time."""
        return self.evaluator.engine.slots + 1

    def _wait_for(self, upto: int) -> None:
        """Wait until the experiments up to a number are finished."""
        for number in [n for n in self._running if n <= upto]:
            self._running.pop(number).result()

    @property
    def done(self) -> list[Experiment]:
        """Finished experiments, in the order of design."""
        return [experiment for _, experiment in sorted(self.experiments.copy().items())]

    def weights(self, upto: int) -> dict[int, float]:
        """Shares of the present ensemble of the experiments up to a number, chosen on a sample of the rows."""
        known = {e.number: e for e in self.done if e.number <= upto and e.informed}
        if self.evaluator.fidelity.sampled:
            known = topmost(known)
        kept = self._weights.get(tuple(known))  # experiments ask, too, each in a thread of its own
        if kept is None:
            kept = best_mixture(self.evaluator, known, candidates=12, rounds=20, max_rows=4_000)
            self._weights = {**dict([*self._weights.items()][1 - MIXTURES :]), tuple(known): kept}
        return kept

    def refits(self, members: Iterable[int]) -> tuple[float, ...]:
        """Core seconds of fitting each of these experiments, or what is running now, on the development rows."""
        if self.evaluator.fidelity.sampled:  # they take as many rows as there is time for
            return (REFITS * self.clock.budget,)
        growth = self.prepared.protocol.n_development / self.evaluator.forecasts.training_rows()
        fits = [self.experiments[n].fit_seconds * growth for n in members]
        # Most of what is running will not be a member; what turns out to be one too many is left out.
        coming = [0.5 * running.fit_seconds * growth for running in self._under_way.copy().values()]
        return tuple(fits) if sum(fits) >= max(coming, default=0.0) else (max(coming),)

    def _next(self, number: int, plans: Sequence[Plan]) -> tuple[Plan | None, str | None]:
        """The plan of the experiment with this number, or why there is none."""
        baselines = self._baselines()
        if number <= min(len(baselines), self.budget.max_experiments or number):
            self._wait_for(number - self._in_flight)
            return self._on_first_rung(baselines[number - 1]), None
        proposed, over = self._proposed(number)
        if over:
            return None, over
        upto = number - self._in_flight
        self._wait_for(upto)
        visible = tuple(e for e in self.done if e.number <= upto)
        # With a language model an iteration is a round of its thinking, counted where that is.
        budget = self.budget if self.reasoning is None else replace(self.budget, max_iterations=None)
        reason = why_stop(visible, len(plans), budget, self.prepared.problem.constraints, PER_ITERATION)
        if reason:
            return None, reason
        weights = self.weights(upto)
        search_end = self._search_end(upto)
        if number in self.recorded:
            return self.recorded[number], None
        if proposed is not None:
            proposed = self._on_first_rung(proposed)
            return replace(proposed, cost=round(self._forecast(proposed), 3)), None
        plan, reason = self._designed(number, plans, Seen(visible, weights), search_end)
        if plan is None and self.reasoning is not None and time.monotonic() < search_end:
            late = self.reasoning.take(wait=True)
            if late is not None:
                late = self._on_first_rung(late)
                return replace(late, cost=round(self._forecast(late), 3)), None
        return plan, reason

    def _designed(
        self, number: int, plans: Sequence[Plan], seen: Seen, search_end: float
    ) -> tuple[Plan | None, str | None]:
        """The built-in policies' next plan that fits into the time left, or why there is none."""
        skipped: list[Plan] = []
        for _ in range(PATIENCE_FOR_PLANS):
            if time.monotonic() >= search_end:
                # Lighter members than were foreseen leave more time than was kept for them.
                self._wait_for(number - 1)
                search_end = self._search_end(number - 1)
            if time.monotonic() + WORTH_GOING_ON >= search_end:
                self.time_limited = True
                return None, "The time budget for the search was used up."
            plan = climb(self.evaluator.fidelity, [*plans, *skipped], seen) or design(
                self.ground, number, [*plans, *skipped], seen
            )
            if plan is None:
                return None, "Nothing new was left to try."
            plan = self._on_first_rung(plan)
            slots = self.evaluator.engine.slots
            paced = pace(plan, self._expected, self._room(search_end))
            self.time_limited = self.time_limited or paced != plan
            if paced is not None:
                return replace(paced, cost=round(self._forecast(paced), 3)), None
            skipped.append(plan)
            seconds = self._expected(plan) / slots
            self.journal.append("plan_skipped", {"plan": plan, "forecast_seconds": round(seconds, 1)})
        self.time_limited = True
        return None, "The time left was too short for any experiment that had not been tried."

    def _room(self, search_end: float) -> float:
        now = time.monotonic()
        running = [(self._expected(e.plan), now - e.began) for e in self._under_way.copy().values()]
        return room(search_end - now, self.evaluator.engine.slots, running)

    def _proposed(self, number: int) -> tuple[Plan | None, str | None]:
        """A language model's next plan, if there is one and it is its turn; or why the search is over."""
        reasoning = self.reasoning
        if reasoning is None:
            return None, None
        if not self.in_turns:
            reasoning.begin(self.done)
            # Which of a resumed run's experiments were the model's stands in the record.
            return (None if number in self.recorded else reasoning.take()), None
        if self._beside > 0:
            self._beside -= 1
            return None, None
        if self._turns:
            recorded = self.recorded.get(number)
            if recorded is not None and recorded.by == "designer":
                return recorded, None
            plan = None if recorded is not None else reasoning.take(wait=True)
            if plan is not None:
                return plan, None
            if self._turns == self.budget.max_iterations:
                return None, f"The limit of {self._turns} iterations was reached."
        self._turns += 1
        self._beside = BESIDE - 1
        if not reasoning.ended:
            self._wait_for(number - 1)
            reasoning.begin(self.done)
        return None, None

    def end(self) -> float:
        """``time.monotonic()`` by which the search will have to end, as far as can be told now."""
        return self._search_end(max(self.experiments.copy(), default=0))

    def _search_end(self, upto: int) -> float:
        """When the search must end so that refits, judgement and report end in time."""
        evaluator, members = self.evaluator, self.weights(upto)
        rows = self.prepared.protocol.n_holdout + ASKED_ROWS
        using = rows / evaluator.forecasts.part_rows * sum(self.experiments[n].predict_seconds for n in members)
        return self.clock.search_end(
            self.refits(members), evaluator.engine.slots, evaluator.forecasts.slowness, evaluator.keeps, using
        )

    def _late(self) -> bool:
        """Whether what is under way holds up the end: members that came meanwhile may take long to be fitted again."""
        if self.clock.left() > LONGEST_CLOSING * self.clock.budget:  # no need to reckon: no closing takes that long
            return False
        return time.monotonic() > self.end()

    def _baselines(self) -> tuple[Plan, ...]:
        problem = self.prepared.problem
        task = all_tasks()[problem.task.value]
        return task.baselines(problem, self.prepared.features, self.prepared.protocol.n_development)

    def _forecast(self, plan: Plan) -> float:
        return self.evaluator.forecasts.forecast(plan.recipe, plan.max_train_rows)

    def _on_first_rung(self, plan: Plan) -> Plan:
        """A plan on the first sample of the training rows, where there are samples, unless it says otherwise."""
        first = self.evaluator.fidelity.first
        return plan if first is None or plan.by == "climb" else replace(plan, max_train_rows=first)

    def _expected(self, plan: Plan) -> float:
        return self.evaluator.forecasts.expected(plan.recipe, plan.max_train_rows)

    def _begun(self, pool: ThreadPoolExecutor, number: int, plan: Plan) -> Future[None]:
        """An experiment on its way; one that was finished before the run was interrupted is only told of."""
        if number in self.experiments:
            return pool.submit(self._tell, self.experiments[number])
        # Said here and not in its thread: the log has experiments in the order of their design.
        designed = self.journal.append("experiment_designed", {"number": number, "plan": plan}).seq
        return pool.submit(self._experiment, number, plan, designed)

    def _experiment(self, number: int, plan: Plan, designed: int) -> None:
        upto = number - self.evaluator.engine.slots - 1
        bar = self._bar(upto, plan)
        fits = self.evaluator.forecasts.fits(plan.recipe, plan.max_train_rows)
        one, now = self._expected(plan) / fits, time.monotonic()
        # Whatever else fails for lack of time, the first baseline makes a model.
        stop_at = max(self._search_end(upto), now + (SURELY if number == 1 else 2.0))
        # A slice for each fit: the experiment's share of what is left, of the cores that it has to itself on average.
        window = SLICE * (stop_at - now) if plan.by != "search" else 0.8 * (stop_at - now)
        slice_seconds = max(0.5, window * self.evaluator.engine.slots / (fits + 1))
        self._under_way[number] = UnderWay(plan, min(one, slice_seconds), now)

        first = len(self._baselines()) + 1

        def bench() -> Workbench:
            return Workbench(
                self.evaluator,
                self.prepared.features,
                self._facts,
                personal_columns(self.prepared.features),
                self.floor,
                stop_at,
                bar,
                number,
                designed,
                slice_seconds,
                max_train_rows=plan.max_train_rows,
                recalled=lambda: number >= first and self._late(),
            )

        experiment, source = run_experiment(
            number,
            plan,
            bench,
            self.prepared.problem.time_column.value,
            tell=lambda kind, body: self.journal.append(kind, body, designed),
            mend=self.reasoning.programming.mend if self.reasoning is not None else None,
            drill=self.drill if number == first else None,
        )
        self._under_way.pop(number, None)
        if self._stopping.is_set():
            return
        if experiment.truncated or any(f.kind in ("timeout", "cancelled") for f in experiment.failures):
            self.time_limited = True
        self.experiments[number] = experiment
        self.journal.append("experiment_finished", {"experiment": experiment, "program": source}, designed)
        self._tell(experiment)

    def _tell(self, experiment: Experiment) -> None:
        """Let a language model know of a result; without turns it goes on thinking at once."""
        reasoning = self.reasoning
        if reasoning is None:
            return
        last = reasoning.told(experiment)
        if last and not self.in_turns:
            reasoning.begin(self.done)

    def _bar(self, upto: int, plan: Plan) -> Bar:
        """What an experiment must come near to on the protocol's first part, from no more training rows: the best one
        up to a number, or what it adds to their ensemble.

        What a language model designed is compared with the best only, since more is learnt from it than a score.
        """
        rows = plan.max_train_rows
        known = [e for e in self.done if e.number <= upto and e.status == "done" and e.by_part]
        if rows is not None:
            known = [e for e in known if e.plan.max_train_rows is not None and e.plan.max_train_rows <= rows]
        if not known:
            return Bar()
        metric = self.evaluator.metric
        best = max(known, key=lambda e: gain(metric, e.score.value, 0.0) if e.score else -np.inf)
        ensemble = self.weights(upto) if plan.by in CROWDED and rows is None else {}
        return Bar(best.by_part[0], self._on_first_part(ensemble))

    def _on_first_part(self, weights: Mapping[int, float]) -> np.ndarray | None:
        """What a mixture predicts for the rows of the protocol's first part; ``None`` for none."""
        if not weights:
            return None
        evaluator = self.evaluator
        repeat, fold = self.prepared.protocol.parts()[0]
        rows = (evaluator.assignment[repeat] == fold)[evaluator.validated]
        return mixture(
            {n: evaluator.validated_oof(self.experiments[n].oof)[rows] for n in weights}, weights, evaluator.mean
        )
