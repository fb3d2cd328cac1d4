"""Which models are delivered, mixed in which shares, with which threshold: chosen on out-of-fold predictions."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from modelwright.constraining import (
    disparity,
    estimators_of,
    has_operating_point,
    measured,
    operating_point,
)
from modelwright.ensemble import mixture
from modelwright.evaluation import Evaluator
from modelwright.mixing import best_mixture
from modelwright.plan import Experiment
from modelwright.policy.portfolio import allowed
from modelwright.problem import Constraints
from modelwright.protocol import Score, Validation
from modelwright.recipe import Member, Recipe, Use
from modelwright.stores import Store
from modelwright.tasks.metrics import PROPER, Metric, find_metric, gain, to_labels

if TYPE_CHECKING:
    import numpy as np

RARE = 0.3
"""Share of the positive class below which the threshold is chosen for F1 instead of staying at one half."""
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
    """

    weights: Mapping[int, float]
    validation: Score[Validation]
    threshold: float | None = None
    calibration: Use | None = None
    blend: str = ""
    truth: str = ""


def recipe_of(usable: Mapping[int, Experiment], choice: Choice) -> Recipe:
    """What a choice is made of, as one recipe."""
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


def correction_inputs(choice: Choice) -> dict[str, str]:
    """What a step needs to fit the correction of a choice's probabilities."""
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
        return best_mixture(self.evaluator, eligible, metric, {n: self.prediction(n) for n in eligible})

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
        return Choice(weights, score, self._threshold(truth, used), calibration, blend, goals)

    def score(self, weights: Mapping[int, float]) -> float:
        """The out-of-fold score of a mixture."""
        rows, mixed = self.mixed(weights)
        return self.evaluator.score(self.evaluator.metric, mixed, rows)

    def mixed(self, weights: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
        """The rows that were validated, and the mixture's out-of-fold predictions for them."""
        import numpy as np

        found = mixture({n: self.prediction(n) for n in weights}, weights)
        rows = np.flatnonzero(np.isfinite(found).reshape(len(found), -1).all(axis=1))
        return self.evaluator.validated[rows], found[rows]

    def whole(self, weights: Mapping[int, float]) -> np.ndarray:
        """The mixture's out-of-fold predictions for all development rows, NaN where a row was never validated."""
        return self.evaluator.spread(mixture({n: self.prediction(n) for n in weights}, weights))

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
