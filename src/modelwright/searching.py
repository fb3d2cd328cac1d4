"""The search: experiments are designed one after the other and run several at a time, until something ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from modelwright.clock import Clock
from modelwright.ensemble import greedy
from modelwright.evaluation import Bar, Evaluator
from modelwright.experiment import run_experiment
from modelwright.journal import Journal
from modelwright.plan import Experiment, Plan
from modelwright.policy.portfolio import Ground, adapts
from modelwright.policy.search import Seen, design
from modelwright.policy.stopping import why_stop
from modelwright.preparation import Prepared, personal_columns
from modelwright.problem import Budget
from modelwright.profiling import as_dict
from modelwright.recipe import Recipe
from modelwright.tasks import all_tasks
from modelwright.tasks.metrics import gain
from modelwright.workbench import Workbench

PER_ITERATION = 3
"""Experiments that make one iteration."""

SHARE = 0.4
"""Share of the remaining search time that one experiment of the portfolio may take."""

PATIENCE_FOR_PLANS = 25
"""Plans in a row that don't fit into the time left, after which the search ends."""


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
    """

    prepared: Prepared
    evaluator: Evaluator
    journal: Journal
    clock: Clock
    budget: Budget
    recorded: Mapping[int, Plan] = field(default_factory=dict)
    floor: int = 10
    drill: str | None = None
    experiments: dict[int, Experiment] = field(default_factory=dict)
    time_limited: bool = False
    _weights: tuple[int, dict[int, float]] = (-1, {})
    _coming: dict[int, float] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> str:
        """Run experiments; returns why the search ended, as a sentence."""
        plans: list[Plan] = []
        running: dict[int, Future[None]] = {}
        self._ground = Ground(
            self.prepared.problem, self.prepared.features, self.prepared.profile, self.prepared.protocol
        )
        self._facts = as_dict(self.prepared.profile)
        in_flight = self.evaluator.engine.slots + 1
        with ThreadPoolExecutor(in_flight, thread_name_prefix="experiment") as pool:
            try:
                reason = None
                while reason is None:
                    number = len(plans) + 1
                    for earlier in [n for n in running if n <= number - in_flight]:
                        running.pop(earlier).result()
                    plan, reason = self._next(number, plans, number - in_flight)
                    if plan is None:
                        break
                    plans.append(plan)
                    running[number] = pool.submit(self._experiment, number, plan)
                for future in running.values():
                    future.result()
            except BaseException:
                # Whatever ends the search early must not wait for fits that nobody will use.
                self._stopping.set()
                self.evaluator.engine.executor.close()
                raise
        return reason or "The search ended."

    @property
    def done(self) -> list[Experiment]:
        """Finished experiments, in the order of design."""
        return [experiment for _, experiment in sorted(self.experiments.copy().items())]

    def weights(self, upto: int) -> dict[int, float]:
        """Shares of the present ensemble of the experiments up to a number, chosen on a sample of the rows."""
        known = {e.number: e for e in self.done if e.number <= upto and e.informed}
        if self._weights[0] != len(known):
            chosen = {}
            if known:
                chosen = greedy(
                    {n: self.evaluator.oof(e.oof) for n, e in known.items()},
                    lambda p, rows: self.evaluator.score(self.evaluator.metric, p, rows),
                    self.evaluator.metric,
                    seed=self.prepared.problem.seed,
                    candidates=12,
                    kinds={n: e.plan.estimator.action for n, e in known.items()},
                    rounds=20,
                    max_rows=4_000,
                )
            self._weights = (len(known), chosen)
        return self._weights[1]

    def refit_seconds(self, upto: int) -> float:
        """What fitting an ensemble once on all development rows would take: the present one, or what is running now."""
        growth = self.prepared.protocol.n_development / self.evaluator.training_rows()
        slots = self.evaluator.engine.slots
        fits = [self.experiments[n].fit_seconds * growth for n in self.weights(upto)]
        coming = [seconds * growth for seconds in self._coming.copy().values()]
        return max([sum(fits) / slots, *fits, *coming], default=0.0)

    def _next(self, number: int, plans: Sequence[Plan], upto: int) -> tuple[Plan | None, str | None]:
        """The plan of the experiment with this number, or why there is none."""
        visible = tuple(e for e in self.done if e.number <= upto)
        baselines = self._baselines()
        if number <= min(len(baselines), self.budget.max_experiments or number):
            return baselines[number - 1], None
        reason = why_stop(visible, len(plans), self.budget, self.prepared.problem.constraints, PER_ITERATION)
        if reason:
            return None, reason
        weights = self.weights(upto)
        search_end = self._search_end(upto)
        if number in self.recorded:
            return self.recorded[number], None
        skipped: list[Plan] = []
        for _ in range(PATIENCE_FOR_PLANS):
            if time.monotonic() >= search_end:
                self.time_limited = True
                return None, "The time budget for the search was used up."
            plan = design(self._ground, number, [*plans, *skipped], Seen(visible, weights))
            if plan is None:
                return None, "Nothing new was left to try."
            cost = self._forecast(plan)
            plan = replace(plan, cost=round(cost, 3))
            seconds = cost * self.evaluator.slowness / self.evaluator.engine.slots
            # What fits itself into its slice may start with a slice that is too small by half, others may not.
            patience = 2.0 if adapts(plan.estimator.action) else 1.0
            if seconds <= patience * SHARE * (search_end - time.monotonic()) + 1.0:
                return plan, None
            self.time_limited = True
            skipped.append(plan)
            self.journal.append("plan_skipped", {"plan": plan, "forecast_seconds": round(seconds, 1)})
        self.time_limited = True
        return None, "The time left was too short for any experiment that had not been tried."

    def _search_end(self, upto: int) -> float:
        """When the search must end so that refits, judgement and report end in time."""
        return self.clock.search_end(self.refit_seconds(upto), self.evaluator.slowness)

    def _baselines(self) -> tuple[Plan, ...]:
        problem = self.prepared.problem
        task = all_tasks()[problem.task.value]
        return task.baselines(problem, self.prepared.features, self.prepared.protocol.n_development)

    def _forecast(self, plan: Plan) -> float:
        recipe = Recipe(plan.estimator, plan.transforms, plan.view, plan.resampling, plan.weighting, plan.target)
        return self.evaluator.forecast(recipe)

    def _experiment(self, number: int, plan: Plan) -> None:
        if number in self.experiments:  # finished before the run was interrupted
            return
        upto = number - self.evaluator.engine.slots - 1
        bar = self._bar(upto)
        designed = self.journal.append("experiment_designed", {"number": number, "plan": plan})
        parts = len(self.prepared.protocol.parts())
        one = plan.cost * self.evaluator.slowness / parts
        now = time.monotonic()
        stop_at = max(self._search_end(upto), now + 2.0)
        # A slice for each fit: the experiment's share of what is left, of the cores that it has to itself on average.
        window = SHARE * (stop_at - now) if plan.by != "search" else 0.8 * (stop_at - now)
        slice_seconds = max(0.5, window * self.evaluator.engine.slots / (parts + 1))
        self._coming[number] = min(one, slice_seconds)

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
                designed.seq,
                slice_seconds,
            )

        first = len(self._baselines()) + 1
        experiment, source = run_experiment(
            number,
            plan,
            bench,
            self.prepared.problem.time_column.value,
            tell=lambda kind, body: self.journal.append(kind, body, designed.seq),
            drill=self.drill if number == first else None,
        )
        if self._stopping.is_set():
            return
        self._coming.pop(number, None)
        if experiment.truncated or any(f.kind in ("timeout", "cancelled") for f in experiment.failures):
            self.time_limited = True
        self.experiments[number] = experiment
        self.journal.append("experiment_finished", {"experiment": experiment, "program": source}, designed.seq)

    def _bar(self, upto: int) -> Bar:
        """What the best experiment up to a number got on the protocol's first part."""
        known = [e for e in self.done if e.number <= upto and e.status == "done" and e.by_part]
        if not known:
            return Bar()
        metric = self.evaluator.metric
        best = max(known, key=lambda e: gain(metric, e.score.value, 0.0) if e.score else -np.inf)
        return Bar(best.by_part[0])
