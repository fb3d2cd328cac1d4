"""Which models are delivered, mixed in which shares, with which threshold: chosen on out-of-fold predictions."""

from __future__ import annotations

import io
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from modelwright.constraining import (
    disparity,
    estimators_of,
    has_operating_point,
    measured,
    operating_point,
)
from modelwright.ensemble import mixture, row_losses
from modelwright.evaluation import Evaluator
from modelwright.mixing import best_mixture
from modelwright.plan import Experiment
from modelwright.policy.permitted import allowed
from modelwright.pooling import Mean
from modelwright.problem import Constraints
from modelwright.protocol import Score, Validation
from modelwright.recipe import Member, Recipe, Use
from modelwright.step import Limits, Outcome, Step
from modelwright.stores import Store
from modelwright.tasks.metrics import PROPER, Metric, find_metric, gain, to_labels

if TYPE_CHECKING:
    import numpy as np

RARE = 0.3
"""Share of the positive class below which the threshold is chosen for F1 instead of staying at one half."""
FEW_TO_LEVEL = 100
"""Validated rows below which no second level is tried."""
BEYOND_CHANCE = 1.0
"""Standard errors by which it has to be better."""
SECOND_VERSION = 1
CLOSE = 0.02
"""Share of the distance from a perfect score that may be given up for a fairer model."""


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
        second: digest of a second level that puts the members' predictions together, if it helped.
        crossed: digest of its predictions for each fold's validated rows, fitted on those of the others.
        mean: which mean of its members' predictions the mixture is.
    """

    weights: Mapping[int, float]
    validation: Score[Validation]
    threshold: float | None = None
    calibration: Use | None = None
    blend: str = ""
    truth: str = ""
    second: str = ""
    crossed: str = ""
    mean: Mean = "arithmetic"


def recipe_of(usable: Mapping[int, Experiment], choice: Choice) -> Recipe:
    """What a choice is made of, as one recipe."""
    members = [(usable[n], w) for n, w in choice.weights.items()]
    if len(members) == 1 and choice.calibration is None and not choice.second:
        only = members[0][0].recipe
        assert only is not None
        return replace(only, threshold=choice.threshold)
    return Recipe(
        Use("stack") if choice.second else Use("blend", {"mean": choice.mean} if choice.mean != "arithmetic" else {}),
        calibration=choice.calibration,
        threshold=choice.threshold,
        members=tuple(Member(e.recipe, w, e.slug) for e, w in members if e.recipe is not None),
    )


def correction_inputs(choice: Choice) -> dict[str, str]:
    """What a step needs to put a choice's members together: the second level, or what a calibration is fitted on."""
    if choice.second:
        return {"second": choice.second}
    return {"blend": choice.blend, "blend_truth": choice.truth} if choice.calibration is not None else {}


@dataclass
class Chooser:
    """Chooses on out-of-fold predictions, within the user's demands.

    Args:
        evaluator: knows predictions and truth.
        store: takes arrays.
        usable: finished experiments that made a model, by number.
        constraints: the demands.
        groups: groups of the development rows with their names, for each demand of fairness.
        judged_rows: sealed rows, which confirm an operating point.
    """

    evaluator: Evaluator
    store: Store
    usable: Mapping[int, Experiment]
    constraints: Constraints
    groups: tuple[tuple[np.ndarray, tuple[str, ...]], ...] = ()
    judged_rows: int = 0
    _known: dict[int, np.ndarray] = field(default_factory=dict)

    def eligible(self) -> dict[int, Experiment]:
        """Experiments with a model that looks at the columns and that the demands allow; all when there is none."""
        informed = {n: e for n, e in self.usable.items() if e.informed} or dict(self.usable)
        return {n: e for n, e in informed.items() if self.allows(e.recipe)} or informed

    def allows(self, recipe: Recipe | None) -> bool:
        """Whether the demands allow every estimator of a recipe."""
        task = self.evaluator.situation.task
        return recipe is not None and all(allowed(self.constraints, name, task) for name in estimators_of(recipe))

    def weights(self) -> dict[int, float]:
        """The best mixture of eligible models; a single one where a person must be able to read it."""
        eligible = self.eligible()
        ranked = self.by_score(eligible)
        if self.constraints.interpretable and ranked:
            chosen = {ranked[0].number: 1.0}
        else:
            metric = self.evaluator.metric
            chosen = self._mixture(eligible)
            if metric is not self.evaluator.mixing_metric:
                alone = {ranked[0].number: 1.0}
                if gain(metric, self.score(chosen), self.score(alone)) < 0:
                    chosen = self._mixture(eligible, metric)
        return self._fairest(chosen, ranked) if self.groups else chosen

    def _mixture(self, eligible: Mapping[int, Experiment], metric: Metric | None = None) -> dict[int, float]:
        known = {n: self.prediction(n) for n in eligible}
        return best_mixture(self.evaluator, eligible, metric, known, bagged=metric is None)

    def by_score(self, experiments: Mapping[int, Experiment]) -> list[Experiment]:
        """Experiments with a score: best first, constants last."""
        metric = self.evaluator.metric

        def order(e: Experiment) -> tuple[bool, float, int]:
            return not e.informed, -gain(metric, e.score.value, 0.0) if e.score else 0.0, e.number

        return sorted((e for e in experiments.values() if e.score is not None), key=order)

    def settle(self, weights: Mapping[int, float]) -> Choice:
        """A choice from shares: the mixture's score, its calibration and its threshold."""
        rows, mixed = self.mixed(weights)
        truth, metric = self.evaluator.truth[rows], self.evaluator.metric
        calibration, blend, goals = self._calibration(mixed, truth)
        used = mixed
        if calibration is not None:
            # The threshold must fit the probabilities as they will be delivered.
            used = self._part(calibration).fit(mixed, truth).transform(mixed)
        score: Score[Validation] = Score(metric.name, self.evaluator.score(metric, mixed, rows), len(rows))
        return Choice(weights, score, self._threshold(truth, used), calibration, blend, goals, mean=self.evaluator.mean)

    def improved(self, choice: Choice, wider: Mapping[int, float], seconds: float, surely: bool = False) -> Choice:
        """A choice with a second level over its members, or over more, where that is better than their mixture.

        Better is: by more than a standard error of the log loss or the squared error on rows that it wasn't
        fitted on, and no worse by the run's metric; over more members, better than over its own in the same way. Where
        a person must be able to read the model, or demands limit what it may do, the mixture stays; and where members
        are fitted on far more rows than they were compared on.

        Args:
            choice: what was settled.
            wider: shares of its members and of others that could be fitted, too.
            seconds: that it may take.
            surely: whether it is settled that there is one.
        """
        demands = self.constraints
        if demands.interpretable or demands.monotone or self.groups or self.evaluator.fidelity.sampled:
            return choice
        rows, mixed = self.mixed(choice.weights)
        if len(rows) < FEW_TO_LEVEL:
            return choice
        truth, folds = self.evaluator.truth[rows], self._folds(rows)
        options = [choice.weights, *([wider] if len(wider) > len(choice.weights) else [])]
        asked = [self._second(weights, rows, truth, folds, seconds) for weights in options]
        best = self._corrected(choice.calibration, mixed, truth, folds)
        for weights, future in zip(options, asked, strict=True):
            outcome = future.result()
            found = self.evaluator.validated_oof(outcome.artefacts["crossed"]) if outcome.ok else None
            if found is None or not (surely or self._surely_better(found, best, truth, rows)):
                continue
            best, metric = found, self.evaluator.metric
            score: Score[Validation] = Score(metric.name, self.evaluator.score(metric, found, rows), len(rows))
            threshold, made = self._threshold(truth, found), outcome.artefacts
            choice = Choice(weights, score, threshold, second=made["second"], crossed=made["crossed"])
        return choice

    def _second(
        self, weights: Mapping[int, float], rows: np.ndarray, truth: np.ndarray, folds: np.ndarray, seconds: float
    ) -> Future[Outcome]:
        """Begin to fit a second level."""
        import numpy as np

        spots = np.searchsorted(self.evaluator.validated, rows)
        known = io.BytesIO()
        predictions = np.stack([self.prediction(n)[spots] for n in weights])
        np.savez(known, allow_pickle=False, predictions=predictions, truth=truth, folds=folds)
        situation = self.evaluator.situation
        step = Step(
            "modelwright.fitting:second_level",
            SECOND_VERSION,
            {"weights": list(weights.values()), "n_classes": situation.n_classes},
            {"known": self.store.put(known.getvalue())},
            situation.seed,
        )
        limits = Limits(seconds=seconds, memory=self.evaluator.memory)
        return self.evaluator.engine.submit(step, limits, stage="second level")

    def _surely_better(self, new: np.ndarray, old: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> bool:
        """Whether predictions are better than others by more than chance, and no worse by the run's metric."""
        import numpy as np

        gains = row_losses(old, truth) - row_losses(new, truth)
        metric, score = self.evaluator.metric, self.evaluator.score
        if not np.isfinite(gains).all() or gains.mean() <= BEYOND_CHANCE * gains.std() / np.sqrt(len(gains)):
            return False
        return gain(metric, score(metric, new, rows), score(metric, old, rows)) >= 0

    def oof(self, choice: Choice) -> np.ndarray:
        """A choice's out-of-fold predictions for all development rows, NaN where a row was never validated."""
        import numpy as np

        if not choice.crossed:
            return self.whole(choice.weights)
        rows, mixed = self.mixed(choice.weights)
        known = np.full((len(self.evaluator.truth), *mixed.shape[1:]), np.nan)
        known[rows] = self.evaluator.validated_oof(choice.crossed)
        return known

    def _folds(self, rows: np.ndarray) -> np.ndarray:
        """Folds for the second level, of validated rows: the protocol's, or five where it has one; blocks of time."""
        import numpy as np

        folds = np.asarray(self.evaluator.assignment[0][rows])
        if len(np.unique(folds)) > 1:
            return folds
        place = np.arange(len(rows))
        if self.evaluator.situation.protocol.folds_by != "time":
            place = np.random.default_rng(self.evaluator.situation.seed).permutation(place)
        return place * 5 // len(rows)

    def _corrected(self, use: Use | None, mixed: np.ndarray, truth: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """A mixture with its calibration, for each fold's rows fitted on those of the others."""
        import numpy as np

        from modelwright.stacking import fold_by_fold

        if use is None:
            return mixed

        def answer(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
            return np.asarray(self._part(use).fit(mixed[known], truth[known]).transform(mixed[asked]))

        return fold_by_fold(answer, mixed, folds)

    def score(self, weights: Mapping[int, float]) -> float:
        """The out-of-fold score of a mixture."""
        rows, mixed = self.mixed(weights)
        return self.evaluator.score(self.evaluator.metric, mixed, rows)

    def mixed(self, weights: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
        """The rows that were validated, and the mixture's out-of-fold predictions for them."""
        import numpy as np

        found = mixture({n: self.prediction(n) for n in weights}, weights, self.evaluator.mean)
        rows = np.flatnonzero(np.isfinite(found).reshape(len(found), -1).all(axis=1))
        return self.evaluator.validated[rows], found[rows]

    def whole(self, weights: Mapping[int, float]) -> np.ndarray:
        """The mixture's out-of-fold predictions for all development rows, NaN where a row was never validated."""
        return self.evaluator.spread(mixture({n: self.prediction(n) for n in weights}, weights, self.evaluator.mean))

    def prediction(self, number: int) -> np.ndarray:
        """An experiment's out-of-fold predictions for the validated rows."""
        if number not in self._known:
            self._known[number] = self.evaluator.validated_oof(self.usable[number].oof)
        return self._known[number]

    def array(self, array: np.ndarray) -> str:
        """Store an array; its digest."""
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return self.store.put(buffer.getvalue())

    def _threshold(self, truth: np.ndarray, mixed: np.ndarray) -> float | None:
        from modelwright.judging import choose_threshold

        metric = self.evaluator.metric
        if self.evaluator.situation.n_classes != 2:
            return None
        if has_operating_point(self.constraints):
            demanded = operating_point(truth, mixed[:, 1], self.constraints, self.judged_rows)
            if demanded is not None:
                return demanded
        if metric.needs == "label":
            return float(choose_threshold(truth, mixed[:, 1], metric))
        if min(truth.mean(), 1 - truth.mean()) < RARE:
            return float(choose_threshold(truth, mixed[:, 1], find_metric("f1")))
        return 0.5

    def _fairest(self, chosen: dict[int, float], ranked: list[Experiment]) -> dict[int, float]:
        """The chosen mixture, or a model about as good that treats groups more alike where the mixture doesn't."""
        metric = self.evaluator.metric
        least = self.score(chosen)
        slack = CLOSE * metric.loss(least)
        apart = self._apart(chosen)
        if apart <= 1:
            return chosen
        for experiment in ranked[:10]:
            alone = {experiment.number: 1.0}
            if gain(metric, least, self.score(alone)) <= slack and self._apart(alone) < 0.9 * apart:
                chosen, apart = alone, self._apart(alone)
        return chosen

    def _apart(self, weights: Mapping[int, float]) -> float:
        """The largest difference between groups, in tolerances, on out-of-fold rows."""
        rows, mixed = self.mixed(weights)
        truth, n_classes = self.evaluator.truth[rows], self.evaluator.situation.n_classes
        called = to_labels(mixed, self._threshold(truth, mixed)) if n_classes else mixed
        found = []
        for fair, (codes, names) in zip(self.constraints.fairness, self.groups, strict=True):
            measure = measured(fair, n_classes)
            if (measure == "error") != (n_classes == 0) or (n_classes > 2 and measure != "accuracy"):
                continue
            gap = disparity(measure, truth, called, codes[rows], names)[0]
            found.append((gap or 0.0) / max(fair.tolerance, 1e-9))
        return max(found, default=0.0)

    def _calibration(self, mixed: np.ndarray, truth: np.ndarray) -> tuple[Use | None, str, str]:
        """One temperature for the mixture's probabilities, where the metric cares and it helps."""
        metric = self.evaluator.metric
        if metric.name not in PROPER:
            return None, "", ""
        use = Use("temperature")
        half = len(truth) // 2
        first, second = slice(0, half), slice(half, None)
        gained = 0.0
        for learn, check in ((first, second), (second, first)):
            corrected = self._part(use).fit(mixed[learn], truth[learn]).transform(mixed[check])
            before, after = (float(metric.score(truth[check], p)) for p in (mixed[check], corrected))
            gained += gain(metric, after, before)
        return (use, self.array(mixed), self.array(truth)) if gained > 0 else (None, "", "")

    def _part(self, use: Use) -> Any:
        from modelwright.actions import build_part

        return build_part(use, self.evaluator.situation.setting)
