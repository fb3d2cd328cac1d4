"""The closing of a run: ensemble, refit, the sealed holdout opened once, the deliverable model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from typing import Any

from modelwright.again import Again, Refitted, on_all_rows
from modelwright.analyses import Case, all_analyses
from modelwright.balance import weigh
from modelwright.choosing import Choice, Chooser, correction_inputs, recipe_of
from modelwright.clock import Clock
from modelwright.concluding import conclude
from modelwright.constraining import demanded, estimators_of, unmeasured
from modelwright.delivered import Delivery, Settled
from modelwright.errors import NoModelError
from modelwright.estimators import all_estimators
from modelwright.evaluation import Evaluator
from modelwright.hashing import canonical_json, plain, restore
from modelwright.journal import Journal
from modelwright.judgement import Judgement, Verified
from modelwright.plan import Experiment
from modelwright.policy.climbing import topmost
from modelwright.preparation import Prepared, personal_columns
from modelwright.refitting import Refitter, finishing
from modelwright.step import Limits, Outcome, Step

__all__ = ["Choice", "Closing", "Delivery"]

CLOSING_VERSION = 5
RESERVED = 0.4
"""Share of the time that an analysis may take which is kept from the others."""
SECOND = 0.25
"""Share of the time that is left which a second level may take; it needs a fraction of that."""
CARD_BYTES = 24_000
"""What a bundle's card takes on disk, about."""


@dataclass
class Closing:
    """Closes a run.

    Args:
        prepared: what the run stands on.
        evaluator: evaluates recipes; its engine performs the steps.
        journal: the run's log.
        clock: the deadline.
        judged: told of the judgement as soon as it is there.
        settled: what is delivered, where it is settled already: nothing else is tried in its place.
    """

    prepared: Prepared
    evaluator: Evaluator
    journal: Journal
    clock: Clock
    judged: Callable[[Choice, Judgement], object] = lambda choice, judgement: None
    settled: Settled | None = None
    _predictions: str = ""

    def run(self, experiments: list[Experiment]) -> Delivery:
        """Choose, refit, judge, deliver.

        Where a model can't be refitted, judged or put together, the closing goes on with what is left: the mixture's
        members one by one, then the next best models.

        Raises:
            NoModelError: when no experiment made a model, or none can be fitted, judged and put together; or what is
                settled can't be.
        """
        usable = {e.number: e for e in experiments if e.status == "done" and e.recipe is not None and e.oof}
        if not usable:
            raise NoModelError(_why_none(experiments))
        if self.evaluator.fidelity.sampled and self.settled is None:
            usable = topmost(usable)
        chooser = Chooser(
            self.evaluator, self.journal, usable, self.prepared.problem.constraints, self._groups(),
            self.prepared.protocol.n_holdout,
        )  # fmt: skip
        refitter = Refitter(self.prepared, self.evaluator, self.journal, self.clock, chooser)
        choice = self._chosen(refitter) if self.settled is None else self._as_settled(refitter, self.settled)
        opened, again = 0.0, None
        if self.settled is None and not refitter.limited:
            # What is delivered is settled, whatever the sealed rows say, so it can be fitted on them meanwhile.
            opened, again = self._opened(), on_all_rows(refitter, choice)
        fitted = refitter.within_limits(refitter.members(choice)) if self.settled is None else choice
        baseline_name, baseline = self._baseline(refitter, fitted)
        opened = opened or self._opened()
        why = ""
        for attempt in self._attempts(refitter, fitted):
            judging = self._judging(refitter, attempt, baseline_name, baseline)
            if again is None or attempt is not choice:
                if again is not None:
                    again.cancel()
                again = on_all_rows(refitter, attempt, None if self.settled is None else self.settled.refits)
            again.begin()
            judgement, why = self._judged(refitter, attempt, judging)
            if judgement is None:
                again.cancel()
                continue
            self.journal.append("judged", {"judgement": judgement})
            self.judged(attempt, judgement)
            delivery, why = self._delivered(refitter, attempt, judgement, baseline, opened, again)
            if delivery is not None:
                self.journal.append("delivered", {"delivery": delivery})
                return delivery
        raise NoModelError(f"none of the models could be judged and put together; the last one failed: {why}")

    def _chosen(self, refitter: Refitter) -> Choice:
        """The best choice by out-of-fold predictions, its members on their way of being fitted."""
        choice = refitter.chooser.settle(refitter.affordable(refitter.chooser.weights()))
        self._fitted_baseline(refitter)  # a moment's work, which would wait for a worker later
        choice = refitter.chooser.improved(choice, refitter.wider(choice.weights), SECOND * self.clock.left())
        refitter.begin(choice)
        self.journal.append("ensemble_chosen", {"choice": choice})
        balance = weigh(self.evaluator, refitter.usable, choice.weights)
        if balance is not None:
            self.journal.append("balance", {"balance": balance})
        return choice

    def _as_settled(self, refitter: Refitter, settled: Settled) -> Choice:
        """What is settled, its members fitted.

        Raises:
            NoModelError: when one of them can't be.
        """
        choice = refitter.chooser.settle(settled.weights)
        if settled.second is not False:
            seconds, surely = SECOND * self.clock.left(), settled.second is True
            choice = refitter.chooser.improved(choice, choice.weights, seconds, surely)
        self.journal.append("ensemble_chosen", {"choice": choice})
        lost = [refitter.usable[n].slug for n in choice.weights if not refitter.fit(n)]
        if lost:
            raise NoModelError(f"{', '.join(lost)} could not be fitted again in the time there is; give more of it")
        return choice

    def _groups(self) -> tuple[tuple[Any, tuple[str, ...]], ...]:
        """The development rows' groups that must be treated alike, with their names."""
        import numpy as np

        fairness = self.prepared.problem.constraints.fairness
        if not fairness:
            return ()
        with np.load(self.journal.path(self.prepared.units), allow_pickle=False) as units:
            return tuple(
                (units[f"fair_{i}_development"], tuple(str(n) for n in units[f"fair_{i}_names"]))
                for i in range(len(fairness))
            )

    def _opened(self) -> float:
        """When the sealed rows were opened for this delivery: before a run was interrupted, or now."""
        opened = 0.0
        for record in self.journal.events():
            if record.kind == "holdout_opened":
                opened = float(record.body["time"])
            elif record.kind == "delivered":
                opened = 0.0
        if not opened:
            opened = time.time()
            self.journal.append("holdout_opened", {"sealed": self.prepared.protocol.sealed, "time": opened})
        return opened

    def _attempts(self, refitter: Refitter, choice: Choice) -> Iterator[Choice]:
        """The choice, then its members one by one, then other models, best first."""
        yield choice
        if self.settled is not None:
            return
        members = sorted(choice.weights, key=lambda n: (-choice.weights[n], n))
        tried = list(members)
        for number in members if len(members) > 1 else ():
            yield refitter.chooser.settle({number: 1.0})
        while self.clock.left() > finishing(self.clock):
            other = refitter.another(tuple(tried))
            if other is None:
                return
            tried += list(other.weights)
            yield other

    def _baseline(self, refitter: Refitter, choice: Choice) -> tuple[str, str]:
        """The first baseline that could be fitted, or else a member of the choice: its name and its model."""
        number = self._fitted_baseline(refitter) or next(iter(choice.weights))
        return refitter.usable[number].plan.name, refitter.model(number)

    def _fitted_baseline(self, refitter: Refitter) -> int | None:
        """The number of the first baseline that can be fitted."""
        baselines = sorted(e.number for e in refitter.usable.values() if e.plan.by == "baselines")
        return next((number for number in baselines if refitter.fit(number, spare=2.0)), None)

    def _judging(self, refitter: Refitter, choice: Choice, baseline_name: str, baseline: str) -> Future[Outcome]:
        """Ask the sealed rows about a choice."""
        situation, protocol, left = self.evaluator.situation, self.prepared.protocol, self.clock.left()
        step = Step(
            "modelwright.fitting:open_holdout",
            CLOSING_VERSION,
            {
                "problem": plain(self.prepared.problem),
                "target": situation.target,
                "n_classes": situation.n_classes,
                "weights": list(choice.weights.values()),
                "calibration": plain(choice.calibration),
                "mean": choice.mean,
                "baseline_name": baseline_name,
                "validation": plain(choice.validation),
                "threshold": choice.threshold,
                "personal": list(personal_columns(self.prepared.features)),
                "unseen_groups": protocol.holdout == "group",
                "tried": len(refitter.usable),
            },
            {**self._members(refitter, choice), "baseline": baseline, "holdout": protocol.sealed}
            | {"units": self.prepared.units}
            | ({"rows": self.prepared.development, "assignment": protocol.assignment} if protocol.gap else {}),
            situation.seed,
        )
        # The time for importances isn't part of the step: a run that goes on must find it, however late it is.
        soft = max(0.5, min(30.0, 0.06 * self.clock.budget, 0.2 * left))
        limits = Limits(seconds=max(20.0, left), soft_seconds=soft, memory=self.evaluator.memory)
        return self.evaluator.engine.submit(step, limits, stage="judge")

    def _judged(self, refitter: Refitter, choice: Choice, judging: Future[Outcome]) -> tuple[Judgement | None, str]:
        """What the sealed rows say of a choice, or why they can't be asked."""
        outcome = judging.result()
        if outcome.ok:
            self._predictions = outcome.artefacts["predictions"]
            return restore(Judgement, outcome.value["judgement"]), ""
        return None, self._failed(refitter, choice, "judged", outcome)

    def _delivered(
        self, refitter: Refitter, choice: Choice, judgement: Judgement, baseline: str, opened: float, again: Again
    ) -> tuple[Delivery | None, str]:
        """The model put together, with the analyses and what was demanded of it; or why it can't be."""
        spared = finishing(self.clock, refitter.model_bytes(choice))
        asked = self._ask(refitter, choice, baseline, judgement, self.clock.left() - spared)
        settled = self.settled or Settled(choice.weights)
        made = again.wait(self.clock.end - spared if self.settled is None else None)
        assembled = self._assemble(choice, made.models)
        judged = {n: (refitter.fitted[n],) for n in choice.weights}
        if not assembled.ok and made.models != judged:
            self._failed(refitter, choice, "put together from its refits", assembled)
            note = "The delivered model is the judged one: refitted on all rows, it could not be put together."
            made = Refitted(judged, {}, note, whole=False)
            assembled = self._assemble(choice, made.models)
        if not assembled.ok:
            for future in asked.values():
                future.cancel()
            return None, self._failed(refitter, choice, "put together", assembled)
        files = {name: digest for name, digest in assembled.artefacts.items() if name != "model"}
        answers, more = self._answers(asked, self.clock.end - 0.6 * spared)
        # After the analyses: speed is measured when nothing else is running, and size with all that is delivered.
        demands = self._verified(refitter, choice, made.models, assembled, files | more)
        recipe = recipe_of(refitter.usable, choice)
        delivery = Delivery(
            recipe,
            assembled.artefacts["model"],
            conclude(replace(judgement, demands=demands), answers, self.prepared.protocol.n_development, settled.looks),
            choice,
            f"{made.note} {settled.note}".strip(),
            opened,
            assembled.value["golden"],
            assembled.value["latency"],
            truncated=not made.whole,
            refits=made.refits,
            analyses=answers,
            files=files | more,
            predictions=self._predictions,
            looks=settled.looks,
        )
        return delivery, ""

    def _ask(
        self, refitter: Refitter, choice: Choice, baseline: str, judgement: Judgement, left: float
    ) -> dict[str, Future[Outcome]]:
        """Start the analyses of the judged model, the most important first, as far as the seconds left allow."""
        chooser = refitter.chooser
        rival = next((e for e in chooser.by_score(chooser.eligible()) if e.number not in choice.weights), None)
        case = self._case(refitter, choice, judgement, rival)
        oof = {"oof": chooser.oof(choice)}
        if rival is not None:
            oof["rival"] = chooser.whole({rival.number: 1.0})
        inputs = {
            **self._members(refitter, choice),
            "rows": self.prepared.development,
            "holdout": self.prepared.protocol.sealed,
            "assignment": self.prepared.protocol.assignment,
            "units": self.prepared.units,
            "baseline": baseline,
            "judged": self._predictions,
            **{name: chooser.array(array) for name, array in oof.items()},
            "truth": chooser.array(self.evaluator.truth),
        }
        asked = {}
        slots = self.evaluator.engine.slots
        spare = slots * left
        for analysis in all_analyses().values():
            seconds = round(min(analysis.share * self.clock.budget, 0.5 * spare), 1)
            if not analysis.applies(case):
                continue
            if seconds < analysis.least:
                self.journal.append("analysis_left_out", {"analysis": analysis.name})
                continue
            # Hardly any takes all the time it may; those that come late are stopped.
            spare -= RESERVED * seconds
            step = Step(
                analysis.tool,
                analysis.version,
                {"case": plain(case)},
                inputs,
                self.evaluator.situation.seed,
            )
            limits = Limits(seconds=2 * seconds + 2.0, soft_seconds=seconds, memory=self.evaluator.memory)
            asked[analysis.name] = self.evaluator.engine.submit(step, limits, stage=analysis.name, priority=2)
        return asked

    def _answers(self, asked: Mapping[str, Future[Outcome]], until: float) -> tuple[dict[str, Any], dict[str, str]]:
        """What the analyses found, and the artefacts they made; those that are late are stopped."""
        answers: dict[str, Any] = {}
        files: dict[str, str] = {}
        for name, future in asked.items():
            wait([future], max(0.0, until - time.monotonic()))
            if not future.done():
                future.cancel()
            outcome = future.result()
            if outcome.ok and not (outcome.value is None and outcome.truncated):
                answers[name] = outcome.value
                files |= outcome.artefacts
            else:
                why = outcome.failure.kind if outcome.failure else "timeout" if outcome.ok else "cancelled"
                self.journal.append("analysis_left_out", {"analysis": name, "reason": why})
        return {name: answer for name, answer in answers.items() if answer is not None}, files

    def _case(self, refitter: Refitter, choice: Choice, judgement: Judgement, rival: Experiment | None) -> Case:
        members = [refitter.usable[n] for n in choice.weights]
        return Case(
            self.prepared.problem,
            self.prepared.features,
            self.prepared.protocol,
            tuple(e.recipe for e in members if e.recipe is not None),
            tuple(choice.weights.values()),
            choice.calibration,
            choice.threshold,
            choice.validation,
            judgement,
            self.evaluator.situation.compile_args,
            personal_columns(self.prepared.features),
            self.prepared.profile.floor,
            sum(refitter.one_fit(e) for e in members),
            tuple(e.plan.name for e in members),
            rival.plan.name if rival is not None else "",
            tuple(refitter.one_fit(e) for e in members),
            refitter.fewest(choice),
            mean=choice.mean,
        )

    def _assemble(self, choice: Choice, models: Mapping[int, Sequence[Outcome]]) -> Outcome:
        situation = self.evaluator.situation
        parts = [(fit, weight / len(models[n])) for n, weight in choice.weights.items() for fit in models[n]]
        step = Step(
            "modelwright.fitting:assemble",
            CLOSING_VERSION,
            {
                "weights": [weight for _, weight in parts],
                "n_classes": situation.n_classes,
                "calibration": plain(choice.calibration),
                "mean": choice.mean,
                "target": situation.target,
                "personal": list(personal_columns(self.prepared.features)),
                "floor": self.prepared.profile.floor,
            }
            | ({"copies": [len(models[n]) for n in choice.weights]} if choice.second else {}),
            {f"member_{i}": fit.artefacts["model"] for i, (fit, _) in enumerate(parts)}
            | correction_inputs(choice)
            | {"rows": self.prepared.development},
            situation.seed,
        )
        return self.evaluator.engine.perform(step, Limits(seconds=600.0), stage="assemble")

    def _verified(
        self,
        refitter: Refitter,
        choice: Choice,
        models: Mapping[int, Sequence[Outcome]],
        assembled: Outcome,
        files: Mapping[str, str],
    ) -> tuple[Verified, ...]:
        """The demands with what was measured on the model that is delivered."""
        constraints = self.prepared.problem.constraints
        if not demanded(constraints) and not constraints.notes:
            return ()
        recipe = recipe_of(refitter.usable, choice)
        names = estimators_of(recipe)
        facts = (assembled.value["golden"], recipe, self.prepared.features, self.prepared.problem)
        sizes = [len(canonical_json(fact).encode()) for fact in facts]
        sizes += [self.journal.path(digest).stat().st_size for digest in files.values()]
        known = [all_estimators().get(name) for name in names]
        step = Step(
            "modelwright.verifying:verify",
            CLOSING_VERSION,
            {
                "problem": plain(self.prepared.problem),
                "schema": plain(self.prepared.features),
                "weights": list(choice.weights.values()),
                "calibration": plain(choice.calibration),
                "mean": choice.mean,
                "threshold": choice.threshold,
                "estimators": list(names),
                "interpretable": all(e is not None and e.interpretable for e in known),
                "allowed": refitter.chooser.allows(recipe),
                "fit_seconds": sum(float(fit.value["fit_seconds"]) for fits in models.values() for fit in fits),
                "other_bytes": sum(sizes) + CARD_BYTES,
            },
            {**self._members(refitter, choice), "model": assembled.artefacts["model"]}
            | {"holdout": self.prepared.protocol.sealed, "units": self.prepared.units},
            self.evaluator.situation.seed,
        )
        # What was demanded is measured even when that takes a little longer than there is time.
        limits = Limits(seconds=max(15.0, self.clock.left()), memory=self.evaluator.memory)
        outcome = self.evaluator.engine.perform(step, limits, stage="verify demands")
        if not outcome.ok:
            why = outcome.failure.message if outcome.failure else "it was stopped"
            return unmeasured(constraints, f"It could not be measured: {why}.")
        return tuple(restore(Verified, found) for found in outcome.value)

    def _members(self, refitter: Refitter, choice: Choice) -> dict[str, str]:
        return {f"member_{i}": refitter.model(n) for i, n in enumerate(choice.weights)} | correction_inputs(choice)

    def _failed(self, refitter: Refitter, choice: Choice, what: str, outcome: Outcome) -> str:
        """Tell the log that a choice could not be used, and why."""
        why = outcome.failure.message if outcome.failure else "it was stopped"
        members = [refitter.usable[n].slug for n in choice.weights]
        self.journal.append("choice_failed", {"members": members, "what": what, "reason": why})
        return why


def _why_none(experiments: list[Experiment]) -> str:
    reasons = [e.failures[-1].message for e in experiments if e.failures]
    if not reasons:
        return "no experiment came to an end; try a longer --time-budget"
    return f"no experiment made a model; the last failure was: {reasons[-1]}"
