"""The closing of a run: ensemble, refit, the sealed holdout opened once, the deliverable model."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from modelwright.analyses import Case, all_analyses
from modelwright.balance import weigh
from modelwright.clock import Clock
from modelwright.ensemble import greedy, mixture
from modelwright.errors import NoModelError
from modelwright.evaluation import Evaluator
from modelwright.hashing import plain, restore
from modelwright.journal import Journal
from modelwright.judgement import Judgement
from modelwright.plan import Experiment
from modelwright.preparation import Prepared, personal_columns
from modelwright.protocol import Score, Validation
from modelwright.recipe import Member, Recipe, Use
from modelwright.step import Limits, Outcome, Step
from modelwright.tasks.metrics import find_metric, gain

if TYPE_CHECKING:
    import numpy as np

CLOSING_VERSION = 1
PROBABILITY_METRICS = ("log_loss", "brier_score")
RARE = 0.3
"""Share of the positive class below which the threshold is chosen for F1 instead of staying at one half."""


@dataclass(frozen=True)
class Choice:
    """What will be delivered, before it is refitted.

    Args:
        weights: share of each experiment, by number.
        validation: out-of-fold score of the mixture.
        threshold: for binary classification, from which probability a row is called positive.
        calibration: how the mixture's probabilities are corrected, if that helped.
        blend: digest of the mixture's out-of-fold predictions, for the calibration.
        truth: digest of the matching targets.
    """

    weights: Mapping[int, float]
    validation: Score[Validation]
    threshold: float | None = None
    calibration: Use | None = None
    blend: str = ""
    truth: str = ""


@dataclass(frozen=True)
class Delivery:
    """What the closing made.

    Args:
        recipe: of the delivered model.
        model: digest of the fitted pipeline.
        judgement: what the sealed holdout said.
        choice: what was chosen.
        note: what exactly was fitted on which rows.
        opened: seconds since the epoch at which the sealed rows were opened.
        golden: rows with predictions, for checking a loaded model.
        latency: milliseconds for one row and for a thousand rows.
        truncated: whether the clock decided anything.
        analyses: results by the analysis' name, as plain JSON; see :mod:`modelwright.analyses`.
        files: digests of what else belongs into the bundle, by name: ``references``, ``difficulty``.
    """

    recipe: Recipe
    model: str
    judgement: Judgement
    choice: Choice
    note: str
    opened: float
    golden: Mapping[str, Any]
    latency: Mapping[str, float]
    truncated: bool = False
    analyses: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Closing:
    """Closes a run.

    Args:
        prepared: what the run stands on.
        evaluator: evaluates recipes; its engine performs the steps.
        journal: the run's log.
        clock: the deadline.
        judged: told of the judgement as soon as it is there.
    """

    prepared: Prepared
    evaluator: Evaluator
    journal: Journal
    clock: Clock
    judged: Callable[[Choice, Judgement], object] = lambda choice, judgement: None

    def run(self, experiments: list[Experiment]) -> Delivery:
        """Choose, refit, judge, deliver.

        Raises:
            NoModelError: when no experiment made a model, or none can be fitted on all development rows.
        """
        usable = {e.number: e for e in experiments if e.status == "done" and e.recipe is not None and e.oof}
        if not usable:
            raise NoModelError(_why_none(experiments))
        choice = self._choose(usable)
        self.journal.append("ensemble_chosen", {"choice": choice})
        balance = weigh(self.evaluator, usable, choice.weights)
        if balance is not None:
            self.journal.append("balance", {"balance": balance})
        choice, fitted = self._refit_members(usable, choice)
        baseline_name, baseline = self._baseline(usable, fitted)
        opened = time.time()
        self.journal.append("holdout_opened", {"sealed": self.prepared.protocol.sealed, "time": opened})
        judgement = self._judge(choice, fitted, baseline_name, baseline)
        self.journal.append("judged", {"judgement": judgement})
        self.judged(choice, judgement)
        asked = self._ask(usable, choice, fitted, baseline, judgement)
        models, note, whole = self._refit_on_all(usable, choice, fitted)
        delivered = self._assemble(choice, models)
        recipe = self._recipe(usable, choice)
        answers, files = self._answers(asked)
        files |= {name: digest for name, digest in delivered.artefacts.items() if name != "model"}
        delivery = Delivery(
            recipe,
            delivered.artefacts["model"],
            judgement,
            choice,
            note,
            opened,
            delivered.value["golden"],
            delivered.value["latency"],
            truncated=not whole,
            analyses=answers,
            files=files,
        )
        self.journal.append("delivered", {"delivery": delivery})
        return delivery

    def _choose(self, usable: Mapping[int, Experiment]) -> Choice:
        import numpy as np

        metric, situation = self.evaluator.metric, self.evaluator.situation
        informed = {n: e for n, e in usable.items() if e.informed} or usable
        predictions = {n: self.evaluator.oof(e.oof) for n, e in informed.items()}
        weights = greedy(
            predictions,
            lambda p, rows: self.evaluator.score(metric, p, rows),
            metric,
            seed=situation.seed,
            kinds={n: e.plan.estimator.action for n, e in informed.items()},
        )
        weights = self._affordable(usable, weights)
        mixed = mixture(predictions, weights)
        seen = np.isfinite(mixed).reshape(len(mixed), -1).all(axis=1)
        rows = np.flatnonzero(seen)
        mixed, truth = mixed[rows], self.evaluator.truth[rows]
        calibration, blend, truth_digest = self._calibration(mixed, truth)
        threshold = None
        if situation.n_classes == 2:
            from modelwright.judging import choose_threshold

            threshold = 0.5
            if metric.needs == "label":
                threshold = float(choose_threshold(truth, mixed[:, 1], metric))
            elif min(truth.mean(), 1 - truth.mean()) < RARE:
                threshold = float(choose_threshold(truth, mixed[:, 1], find_metric("f1")))
        score: Score[Validation] = Score(metric.name, self.evaluator.score(metric, mixed, rows), len(rows))
        return Choice(weights, score, threshold, calibration, blend, truth_digest)

    def _affordable(self, usable: Mapping[int, Experiment], weights: Mapping[int, float]) -> dict[int, float]:
        """The members that can be refitted in time, largest weights first; the best single model when none can."""
        room = max(1.0, self.clock.left() - self._finishing())
        slots = self.evaluator.engine.slots
        kept: dict[int, float] = {}
        spent = 0.0
        for number, weight in sorted(weights.items(), key=lambda item: -item[1]):
            seconds = 1.15 * self._one_fit(usable[number])
            if seconds <= room and (spent + seconds) / slots <= room:
                kept[number] = weight
                spent += seconds
        if sum(kept.values()) < 0.5:
            # What is left is not the mixture that was chosen: one good model that can be fitted serves better.
            best = next(iter(self._by_score(usable, room)), None)
            kept = {best.number: 1.0} if best is not None else kept or {max(weights, key=lambda n: weights[n]): 1.0}
        total = sum(kept.values())
        return {n: w / total for n, w in kept.items()}

    def _one_fit(self, experiment: Experiment) -> float:
        """Seconds of fitting once on all development rows."""
        return experiment.fit_seconds * self.prepared.protocol.n_development / self.evaluator.training_rows()

    def _by_score(self, usable: Mapping[int, Experiment], room: float) -> list[Experiment]:
        """Experiments whose model can be fitted in this many seconds: best score first, constants last."""
        fits = [e for e in usable.values() if e.score is not None and 1.15 * self._one_fit(e) <= room]
        metric = self.evaluator.metric

        def order(e: Experiment) -> tuple[bool, float, int]:
            return not e.informed, -gain(metric, e.score.value, 0.0) if e.score else 0.0, e.number

        return sorted(fits, key=order)

    def _calibration(self, mixed: np.ndarray, truth: np.ndarray) -> tuple[Use | None, str, str]:
        """One temperature for the mixture's probabilities, where the metric cares and it helps."""
        from modelwright.actions import build_part

        metric = self.evaluator.metric
        if metric.name not in PROBABILITY_METRICS:
            return None, "", ""
        use = Use("temperature")
        half = len(truth) // 2
        first, second = slice(0, half), slice(half, None)
        gained = 0.0
        for learn, check in ((first, second), (second, first)):
            part: Any = build_part(use, self.evaluator.situation.setting)
            corrected = part.fit(mixed[learn], truth[learn]).transform(mixed[check])
            gained += gain(metric, _score(metric, truth[check], corrected), _score(metric, truth[check], mixed[check]))
        if gained <= 0:
            return None, "", ""
        return use, self._array(mixed), self._array(truth)

    def _refit_members(self, usable: Mapping[int, Experiment], choice: Choice) -> tuple[Choice, dict[int, str]]:
        """Every member fitted on all development rows; members that fail are left out and said so."""
        limit = max(2.0, self.clock.left() - 0.6 * self._finishing())
        futures = {n: self._refit(usable[n], sealed=False, seconds=limit) for n in choice.weights}
        fitted = {}
        for number, future in futures.items():
            outcome = future.result()
            if outcome.ok:
                fitted[number] = outcome.artefacts["model"]
            else:
                self._lost(usable[number], outcome)
        if fitted:
            total = sum(choice.weights[n] for n in fitted)
            return replace(choice, weights={n: choice.weights[n] / total for n in fitted}), fitted
        # Whatever was chosen can't be fitted in time: the best model that surely can is taken.
        room = max(1.0, self.clock.left() - 0.6 * self._finishing())
        rest = self._by_score(usable, room) + sorted(usable.values(), key=lambda e: (e.fit_seconds, e.number))
        for experiment in rest:
            if experiment.number in choice.weights or experiment.score is None:
                continue
            outcome = self._refit(experiment, sealed=False, seconds=max(5.0, self.clock.left())).result()
            if outcome.ok:
                self.journal.append("fallback", {"experiment": experiment.slug})
                alone = Choice({experiment.number: 1.0}, experiment.score, choice.threshold)
                return alone, {experiment.number: outcome.artefacts["model"]}
        raise NoModelError("no model could be fitted on all development rows; try a longer --time-budget")

    def _baseline(self, usable: Mapping[int, Experiment], fitted: Mapping[int, str]) -> tuple[str, str]:
        """The first baseline that could be fitted: its name and its model."""
        baselines = [e for e in usable.values() if e.plan.by == "baselines"]
        for experiment in sorted(baselines, key=lambda e: e.number):
            if experiment.number in fitted:
                return experiment.plan.name, fitted[experiment.number]
            outcome = self._refit(experiment, sealed=False, seconds=max(5.0, self.clock.left() - 2.0)).result()
            if outcome.ok:
                return experiment.plan.name, outcome.artefacts["model"]
        number = next(iter(fitted))
        return usable[number].plan.name, fitted[number]

    def _judge(self, choice: Choice, fitted: Mapping[int, str], baseline_name: str, baseline: str) -> Judgement:
        situation = self.evaluator.situation
        members = {f"member_{i}": fitted[n] for i, n in enumerate(choice.weights)}
        left = self.clock.left()
        step = Step(
            "modelwright.fitting:open_holdout",
            CLOSING_VERSION,
            {
                "problem": plain(self.prepared.problem),
                "target": situation.target,
                "n_classes": situation.n_classes,
                "weights": list(choice.weights.values()),
                "calibration": plain(choice.calibration),
                "baseline_name": baseline_name,
                "validation": plain(choice.validation),
                "threshold": choice.threshold,
                "personal": list(personal_columns(self.prepared.features)),
                "importance_seconds": round(max(0.5, min(30.0, 0.12 * self.clock.budget, 0.25 * left)), 2),
            },
            {**members, **self._blend(choice), "baseline": baseline, "holdout": self.prepared.protocol.sealed}
            | {"units": self.prepared.units},
            situation.seed,
        )
        limits = Limits(seconds=max(20.0, left), memory=self.evaluator.memory)
        outcome = self.evaluator.engine.perform(step, limits, stage="judge")
        if not outcome.ok:
            raise NoModelError(f"the model could not be judged: {outcome.failure.message if outcome.failure else ''}")
        return restore(Judgement, outcome.value["judgement"])

    def _ask(
        self,
        usable: Mapping[int, Experiment],
        choice: Choice,
        fitted: Mapping[int, str],
        baseline: str,
        judgement: Judgement,
    ) -> dict[str, Future[Outcome]]:
        """Start the analyses of the judged model, the most important first, as far as there is time for them."""
        case = self._case(usable, choice, judgement)
        members = {f"member_{i}": fitted[n] for i, n in enumerate(choice.weights)}
        inputs = {
            **members,
            **self._blend(choice),
            "rows": self.prepared.development,
            "holdout": self.prepared.protocol.sealed,
            "assignment": self.prepared.protocol.assignment,
            "units": self.prepared.units,
            "baseline": baseline,
            "oof": self._array(mixture({n: self.evaluator.oof(usable[n].oof) for n in choice.weights}, choice.weights)),
            "truth": self._array(self.evaluator.truth),
        }
        asked = {}
        slots = self.evaluator.engine.slots
        spare = slots * (self.clock.left() - self._finishing())
        for analysis in all_analyses().values():
            seconds = round(min(analysis.share * self.clock.budget, 0.5 * spare), 1)
            if not analysis.applies(case):
                continue
            if seconds < analysis.least:
                self.journal.append("analysis_left_out", {"analysis": analysis.name})
                continue
            spare -= seconds
            step = Step(
                analysis.tool,
                analysis.version,
                {"case": plain(case)},
                inputs,
                self.evaluator.situation.seed,
            )
            limits = Limits(seconds=2 * seconds + 2.0, soft_seconds=seconds, memory=self.evaluator.memory)
            asked[analysis.name] = self.evaluator.engine.submit(step, limits, stage=analysis.name, priority=1)
        return asked

    def _answers(self, asked: Mapping[str, Future[Outcome]]) -> tuple[dict[str, Any], dict[str, str]]:
        """What the analyses found, and the artefacts they made; those that are late are stopped."""
        answers: dict[str, Any] = {}
        files: dict[str, str] = {}
        until = self.clock.end - 0.6 * self._finishing()
        for name, future in asked.items():
            wait([future], max(0.0, until - time.monotonic()))
            if not future.done():
                future.cancel()
            outcome = future.result()
            if outcome.ok:
                answers[name] = outcome.value
                files |= outcome.artefacts
            else:
                why = outcome.failure.kind if outcome.failure else "cancelled"
                self.journal.append("analysis_left_out", {"analysis": name, "reason": why})
        return {name: answer for name, answer in answers.items() if answer is not None}, files

    def _case(self, usable: Mapping[int, Experiment], choice: Choice, judgement: Judgement) -> Case:
        members = [usable[n] for n in choice.weights]
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
            sum(self._one_fit(e) for e in members),
        )

    def _refit_on_all(
        self, usable: Mapping[int, Experiment], choice: Choice, fitted: Mapping[int, str]
    ) -> tuple[dict[int, str], str, bool]:
        """Every member fitted once more on all rows, the sealed ones too, where there is time for it.

        The figures stay those of the judged model, which knew fewer rows.
        """
        protocol = self.prepared.protocol
        rows = protocol.n_development + protocol.n_holdout
        judged = f"The judged model was fitted on the {protocol.n_development:,} development rows."
        spare = self.clock.left() - self._finishing()
        fits = [usable[n].fit_seconds * rows / self.evaluator.training_rows() for n in choice.weights]
        slots = self.evaluator.engine.slots
        needed = 1.3 * max([sum(fits) / slots, *fits])
        if needed > spare:
            return dict(fitted), judged + " It is delivered as it was judged: there was no time to refit it.", False
        futures = {n: self._refit(usable[n], sealed=True, seconds=max(1.0, spare)) for n in choice.weights}
        models = dict(fitted)
        for number, future in futures.items():
            outcome = future.result()
            if outcome.ok and not outcome.truncated:
                models[number] = outcome.artefacts["model"]
            else:
                self._lost(usable[number], outcome)
        again = sum(models[n] != fitted[n] for n in choice.weights)
        if not again:
            return models, judged + " It is delivered as it was judged: refitting it took too long.", False
        note = (
            f"{judged} The delivered model has the same recipe, fitted once more on all {rows:,} rows, the judged ones "
            "included; the figures are those of the judged model."
        )
        if again < len(models):
            note += f" {len(models) - again} of its {len(models)} members could not be refitted in time."
        return models, note, again == len(models)

    def _finishing(self) -> float:
        """Seconds for assembling, bundle and report."""
        return min(5.0 + 0.01 * self.clock.budget, 0.15 * self.clock.budget)

    def _assemble(self, choice: Choice, models: Mapping[int, str]) -> Outcome:
        situation = self.evaluator.situation
        members = {f"member_{i}": models[n] for i, n in enumerate(choice.weights)}
        step = Step(
            "modelwright.fitting:assemble",
            CLOSING_VERSION,
            {
                "weights": list(choice.weights.values()),
                "n_classes": situation.n_classes,
                "calibration": plain(choice.calibration),
                "target": situation.target,
                "personal": list(personal_columns(self.prepared.features)),
                "floor": self.prepared.profile.floor,
            },
            {**members, **self._blend(choice), "rows": self.prepared.development},
            situation.seed,
        )
        outcome = self.evaluator.engine.perform(step, Limits(seconds=600.0), stage="assemble")
        if not outcome.ok:
            raise NoModelError(f"the model could not be put together: {outcome.failure}")
        return outcome

    def _refit(self, experiment: Experiment, *, sealed: bool, seconds: float) -> Future[Outcome]:
        situation = self.evaluator.situation
        inputs = {"rows": self.prepared.development}
        if sealed:
            inputs["holdout"] = self.prepared.protocol.sealed
        step = Step(
            "modelwright.fitting:refit",
            CLOSING_VERSION,
            {
                "recipe": plain(experiment.recipe),
                "situation": situation.compile_args,
                "target": situation.target,
                "sealed": sealed,
            },
            inputs,
            situation.seed,
        )
        limits = Limits(seconds=seconds, soft_seconds=0.9 * seconds, memory=self.evaluator.memory)
        return self.evaluator.engine.submit(step, limits, stage="refit on all rows" if sealed else "refit")

    def _recipe(self, usable: Mapping[int, Experiment], choice: Choice) -> Recipe:
        members = [(usable[n], w) for n, w in choice.weights.items()]
        if len(members) == 1 and choice.calibration is None:
            only = members[0][0].recipe
            assert only is not None
            return replace(only, threshold=choice.threshold)
        return Recipe(
            Use("blend"),
            calibration=choice.calibration,
            threshold=choice.threshold,
            members=tuple(Member(e.recipe, w, e.slug) for e, w in members if e.recipe is not None),
        )

    def _blend(self, choice: Choice) -> dict[str, str]:
        return {"blend": choice.blend, "blend_truth": choice.truth} if choice.calibration is not None else {}

    def _array(self, array: np.ndarray) -> str:
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return self.journal.put(buffer.getvalue())

    def _lost(self, experiment: Experiment, outcome: Outcome) -> None:
        why = outcome.failure.message if outcome.failure else "it was cut short by the clock"
        self.journal.append("member_lost", {"experiment": experiment.slug, "reason": why})


def _score(metric: Any, truth: np.ndarray, prediction: np.ndarray) -> float:
    return float(metric.score(truth, prediction))


def _why_none(experiments: list[Experiment]) -> str:
    reasons = [e.failures[-1].message for e in experiments if e.failures]
    if not reasons:
        return "no experiment came to an end; try a longer --time-budget"
    return f"no experiment made a model; the last failure was: {reasons[-1]}"
