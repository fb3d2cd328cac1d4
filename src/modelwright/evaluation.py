"""Evaluates recipes by the run's protocol: every recipe is refitted inside each training fold, as durable steps."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

from modelwright.actions import checked_recipe, predicted_bytes
from modelwright.bar import Bar
from modelwright.engine import Engine
from modelwright.errors import StepError
from modelwright.executors import SHARED
from modelwright.extent import Extent
from modelwright.fidelity import EVERY_ROW, Fidelity
from modelwright.forecasting import Forecasts
from modelwright.hashing import plain
from modelwright.pooling import Mean
from modelwright.protocol import Protocol, Score, Validation
from modelwright.recipe import Recipe, Setting
from modelwright.step import Failure, Limits, Outcome, Step
from modelwright.tasks.metrics import Metric, find_metric

if TYPE_CHECKING:
    import numpy as np

Parts = tuple[tuple[int, int], ...]
"""Parts of the protocol, each a repeat and a fold, that one step fits."""

FIT_VERSION = 7
OOF_BYTES = 64 << 20
"""Bytes of out-of-fold predictions that are kept in memory."""
LOOK = 1.0
"""Seconds after which an evaluation asks whether its time is needed for something else."""
NEARLY = 0.1
"""Share of the time it has taken within which an evaluation must end to be waited for when that time is needed."""


def nearly_done(now: float, began: float, begun: Sequence[float | None], took: Sequence[float]) -> bool:
    """Whether so little of an evaluation is missing that all that was done is worth waiting for.

    What takes longer than the others did is waited for as long again, no longer.

    Args:
        now: ``time.monotonic()``.
        began: when its steps were handed over.
        begun: when each step that is missing was first seen running; ``None`` for one that wasn't.
        took: seconds of those that ended.
    """
    if not took:
        return False
    grace, mean = NEARLY * (now - began), sum(took) / len(took)
    return all(start is not None and abs(start + mean - now) <= grace for start in begun)


@dataclass(frozen=True)
class Evaluation:
    """What the protocol says of a recipe.

    Args:
        recipe: what was evaluated.
        status: ``pruned`` when it was stopped after the first part because it was clearly worse than the best, or worse
            without adding anything to the present ensemble.
        score: out-of-fold score in the run's metric.
        metrics: further out-of-fold figures.
        by_part: the score on each part, in the protocol's order.
        predictions: digest of the out-of-fold predictions: ``.npy``, (validated rows, classes) or (validated rows,),
            with NaN where a row's part was not reached; see :attr:`Evaluator.validated`.
        fit_seconds: mean seconds of one fit, after the first, which also finds the number of boosting rounds.
        predict_seconds: mean seconds of predicting one part.
        seconds: seconds of all steps, as if one core had performed them.
        truncated: whether any fit stopped early for lack of time.
        rounds: rounds of boosting that the first fit found, and the rows it found them on; ``None`` elsewhere.
        train_rows: rows of the largest fit.
        model: digest of the fitted model, where models are kept; see :attr:`Evaluator.keeps`.
    """

    recipe: Recipe
    status: Literal["done", "pruned"]
    score: Score[Validation]
    metrics: Mapping[str, float]
    by_part: tuple[float, ...]
    predictions: str
    fit_seconds: float
    predict_seconds: float
    seconds: float
    truncated: bool = False
    rounds: tuple[int, int] | None = None
    train_rows: int = 0
    model: str = ""


@dataclass(frozen=True)
class Situation:
    """What evaluation needs to know of the run, fixed when the run starts.

    Args:
        task: the task type.
        classes: labels, in the order of their codes; empty for regression.
        target: name of the target column in the stored rows.
        protocol: how models are judged.
        rows: digest of the development rows.
        seed: the run's seed.
        extent: what models may use of a row.
        time_column: the column that orders rows in time, if there is one.
        group_column: the column that names each row's group, if there is one.
        secondary: metrics reported besides the run's.
        monotone: columns with which the prediction must not fall (+1) or must not rise (−1).
    """

    task: str
    classes: tuple[str, ...]
    target: str
    protocol: Protocol
    rows: str
    seed: int
    extent: Extent
    time_column: str | None = None
    group_column: str | None = None
    secondary: tuple[str, ...] = ()
    monotone: tuple[tuple[str, int], ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for regression."""
        return len(self.classes)

    @property
    def compile_args(self) -> dict[str, Any]:
        """What :class:`~modelwright.recipe.Setting` needs besides seed, threads and clock."""
        return {
            "task": self.task,
            "n_classes": self.n_classes,
            "time_column": self.time_column,
            "group_column": self.group_column,
        } | ({"monotone": [list(m) for m in self.monotone]} if self.monotone else {})

    @property
    def setting(self) -> Setting:
        """The setting, for checks and forecasts on this side."""
        return Setting(**self.compile_args, seed=self.seed)


class Evaluator:
    """Evaluates recipes.

    Args:
        engine: performs the steps.
        situation: the run.
        truth: encoded target of the development rows, (n,).
        assignment: see :class:`~modelwright.protocol.Protocol`, (repeats, n).
        memory: bytes that one step may use, the libraries that it shares with others included; 0 for no limit.
        fidelity: on how many rows models are compared and fitted; on all, by default.
    """

    def __init__(
        self,
        engine: Engine,
        situation: Situation,
        truth: np.ndarray,
        assignment: np.ndarray,
        memory: int = 0,
        fidelity: Fidelity = EVERY_ROW,
    ) -> None:
        self.engine = engine
        self.situation = situation
        self.truth = truth
        self.assignment = assignment
        self.memory = memory
        self.fidelity = fidelity
        self.metric = find_metric(situation.protocol.metric)
        self.forecasts = Forecasts(situation, assignment)
        each = 8 * max(1, len(truth)) * max(1, situation.n_classes)
        # The ensemble is chosen anew for every design, from all experiments so far.
        self._oofs = lru_cache(max(8, OOF_BYTES // each))(self._read_oof)

    @property
    def keeps(self) -> bool:
        """Whether the fitted models of evaluations are kept.

        A single split leaves one model of each recipe, fitted on most of the rows. Fitting it again on a few more, only
        to be judged, would take the time in which it can be fitted on all.
        """
        return self.situation.protocol.single_split and not self.fidelity.sampled

    @property
    def mixing_metric(self) -> Metric:
        """What mixtures are chosen by: the run's metric, or the log loss in place of the area under the ROC curve.

        Areas are flat and jump; the log loss of the same predictions tells members apart better, and chose mixtures of
        a larger area on rows that weren't chosen on, the fewer rows there were the larger.
        """
        if self.metric.name == "roc_auc":
            return find_metric("log_loss")
        return self.metric

    @property
    def mean(self) -> Mean:
        """Which mean of their predictions mixtures are: the geometric one where the log loss of several classes counts.

        It scored better than the arithmetic one on six of nine such tables, by up to a sixth, and on the others much
        the same; for two classes there is nothing between them.
        """
        several = self.situation.n_classes > 2 and self.mixing_metric.name == "log_loss"
        return "geometric" if several else "arithmetic"

    def evaluate(
        self,
        recipe: Recipe,
        *,
        stop_at: float,
        bar: Bar | None = None,
        priority: int = 0,
        parent: int = 0,
        slice_seconds: float = 0.0,
        drill: str | None = None,
        max_train_rows: int | None = None,
        recalled: Callable[[], bool] = lambda: False,
    ) -> Evaluation:
        """Refit a recipe inside each training fold and score its out-of-fold predictions.

        Args:
            recipe: what to evaluate.
            stop_at: ``time.monotonic()`` by which it must have ended.
            bar: what it must come near to after its first part.
            priority: lower goes first.
            parent: the event that led to it.
            slice_seconds: after which one ordinary fit should stop by itself with what it has; 0 for no wish.
            drill: how its fits are made to fail on purpose; see :mod:`modelwright.drills`.
            max_train_rows: each fit learns from a sample of at most about so many rows (of each class its share, or
                the latest ones where rows are in time); ``None`` for all. Validation rows stay the same.
            recalled: says, asked now and then, whether the time is needed for something else.

        Raises:
            ProgramError: when the recipe isn't made of registered actions with valid parameters.
            StepError: when a fit failed; the other parts' steps are stopped.
        """
        recipe = checked_recipe(recipe, self.situation.task)
        self._admit(recipe, max_train_rows)
        chunks = self._chunks(recipe, max_train_rows)
        run = partial(
            self._run,
            recipe,
            stop_at=stop_at,
            priority=priority,
            parent=parent,
            slice_seconds=slice_seconds,
            drill=drill,
            max_train_rows=max_train_rows,
            recalled=recalled,
        )
        # The first part goes alone: most of what is clearly worse shows there, for a fraction of the price.
        outcomes = run(chunks[:1])
        rounds = outcomes[0][1].value["rounds"]
        self.forecasts.note(recipe, _fit_seconds(outcomes), self.forecasts.first(recipe, max_train_rows), rounds)
        collected = self._load(outcomes)
        if chunks[1:] and (bar is None or self._goes_on(bar, chunks[0][0], collected)):
            further = run(chunks[1:], rounds=rounds)
            predicted = (len(self.situation.protocol.parts()) - 1) * self.forecasts.further(recipe, max_train_rows)
            self.forecasts.note(recipe, _fit_seconds(further), predicted, rounds)
            outcomes += further
            collected |= self._load(further)
        return self._result(recipe, collected, outcomes)

    def _admit(self, recipe: Recipe, max_train_rows: int | None) -> None:
        """Refuse to start what by forecast needs more memory than a step may use.

        Raises:
            StepError: of the kind ``memory``, and the type ``NotStarted``.
        """
        rows, situation = self.forecasts.training_rows(max_train_rows), self.situation
        needed, may = predicted_bytes(recipe, rows, situation.extent.columns, situation.setting), self.memory - SHARED
        if self.memory and needed > may:
            raise StepError(
                "memory",
                f"{recipe.estimator.action} wasn't started: on {rows:,} rows it needs about {needed >> 20:,} MiB of "
                f"memory, and a step may use {max(0, may) >> 20:,} MiB",
                "NotStarted",
            )

    @cached_property
    def validated(self) -> np.ndarray:
        """Positions of the development rows that some part validates, ascending: on large data a small share."""
        import numpy as np

        seen = np.zeros(len(self.truth), dtype=bool)
        for repeat, fold in self.situation.protocol.parts():
            seen |= self.assignment[repeat] == fold
        return np.flatnonzero(seen)

    def validated_oof(self, digest: str) -> np.ndarray:
        """Out-of-fold predictions for the validated rows by digest, read-only, NaN where a part was not reached."""
        return self._oofs(digest)

    def _read_oof(self, digest: str) -> np.ndarray:
        import numpy as np

        found = np.asarray(np.load(io.BytesIO(self.engine.store.get(digest)), allow_pickle=False))
        found.flags.writeable = False
        return found

    def oof(self, digest: str) -> np.ndarray:
        """Out-of-fold predictions for all development rows by digest, NaN where a row was never validated."""
        return self.spread(self.validated_oof(digest))

    def spread(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions for the validated rows as predictions for all development rows, NaN elsewhere."""
        import numpy as np

        if len(self.validated) == len(self.truth):
            return predictions
        whole = np.full((len(self.truth), *predictions.shape[1:]), np.nan)
        whole[self.validated] = predictions
        return whole

    def whole(self, digest: str) -> str:
        """Digest of the same out-of-fold predictions for all development rows, for steps that look at the rows."""
        import numpy as np

        if len(self.validated) == len(self.truth):
            return digest
        buffer = io.BytesIO()
        np.save(buffer, self.oof(digest), allow_pickle=False)
        return self.engine.store.put(buffer.getvalue())

    def score(self, metric: Metric, prediction: np.ndarray, rows: np.ndarray | None = None) -> float:
        """A metric of predictions for development rows (all, or those of a mask)."""
        truth = self.truth if rows is None else self.truth[rows]
        classes = self.situation.classes
        positive = classes[1] if len(classes) == 2 else None
        return float(metric.score(truth, prediction, classes=classes or None, positive=positive))

    def _chunks(self, recipe: Recipe, max_train_rows: int | None) -> list[Parts]:
        """Parts that are fitted in one step: one each when a fit takes a while, several when it takes a moment."""
        parts = self.situation.protocol.parts()
        one = self.forecasts.further(recipe, max_train_rows)
        size = max(1, min(len(parts), int(0.5 / max(one, 1e-3))))
        rest = parts[1:]
        # At least as many chunks as cores, so that nobody waits; two is the least that any machine has.
        size = min(size, max(1, -(-len(rest) // 2)))
        return [parts[:1], *(rest[i : i + size] for i in range(0, len(rest), size))]

    def _run(
        self,
        recipe: Recipe,
        chunks: Sequence[Parts],
        *,
        stop_at: float,
        priority: int,
        parent: int,
        slice_seconds: float,
        drill: str | None,
        max_train_rows: int | None,
        recalled: Callable[[], bool],
        rounds: list[int] | None = None,
    ) -> list[tuple[Parts, Outcome]]:
        waiting: dict[Future[Outcome], Parts] = {}
        for parts in chunks:
            left = stop_at - time.monotonic()
            step = Step(
                "modelwright.fitting:fit_folds",
                FIT_VERSION,
                {
                    "recipe": plain(recipe),
                    "situation": self.situation.compile_args,
                    "target": self.situation.target,
                    "parts": [list(p) for p in parts],
                    "forward": self.situation.protocol.forward,
                }
                | ({"rounds": rounds} if rounds else {})
                | ({"drill": drill} if drill else {})
                | ({"keep": True} if self.keeps else {})
                | ({"max_train_rows": max_train_rows} if max_train_rows is not None else {}),
                {"rows": self.situation.rows, "assignment": self.situation.protocol.assignment},
                self.situation.seed,
            )
            first = self.forecasts.first(recipe, max_train_rows) / self.forecasts.further(recipe, max_train_rows)
            fits = len(parts) if rounds or parts != chunks[0] else first
            soft = min(slice_seconds * fits, 0.8 * left) if slice_seconds else 0.0
            limits = Limits(seconds=max(1.0, left), soft_seconds=max(0.0, soft), memory=self.memory)
            waiting[self.engine.submit(step, limits, stage="fit", priority=priority, parent=parent)] = parts
        ended: list[tuple[Parts, Outcome]] = []
        pending = set(waiting)
        began, begun = time.monotonic(), dict[Future[Outcome], float]()
        while pending:
            # Steps wait in a queue before their own limit begins to count, so the deadline is watched here, too.
            left = stop_at - time.monotonic()
            done, pending = wait(pending, max(0.0, min(left, LOOK)), return_when=FIRST_COMPLETED)
            outcomes, now = [(future, future.result()) for future in done], time.monotonic()
            begun |= {future: now for future in pending if future not in begun and future.running()}
            soon = nearly_done(now, began, [begun.get(f) for f in pending], [o.seconds for _, o in ended])
            if not done and left > LOOK and (not recalled() or soon):
                continue
            failed = next((o for _, o in outcomes if not o.ok), None)
            if failed is not None or not done:
                for other in pending:
                    other.cancel()
                wait(pending)
                raise step_error(failed) if failed else StepError("timeout", "the time for the experiment was over")
            ended += [(waiting[future], outcome) for future, outcome in outcomes]
        return sorted(ended, key=lambda e: e[0])

    def _load(self, outcomes: Sequence[tuple[Parts, Outcome]]) -> dict[tuple[int, int], np.ndarray]:
        """What was predicted for the parts of some steps."""
        import numpy as np

        found: dict[tuple[int, int], np.ndarray] = {}
        for parts, outcome in outcomes:
            data = io.BytesIO(self.engine.store.get(outcome.artefacts["predictions"]))
            with np.load(data, allow_pickle=False) as arrays:
                found |= {(r, f): arrays[f"{r}_{f}"] for r, f in parts}
        return found

    def _part_score(self, collected: Mapping[tuple[int, int], np.ndarray], part: tuple[int, int]) -> float:
        rows = self.assignment[part[0]] == part[1]
        return self.score(self.metric, collected[part], rows)

    def _goes_on(self, bar: Bar, part: tuple[int, int], collected: Mapping[tuple[int, int], np.ndarray]) -> bool:
        """Whether what the first part says is worth evaluating the others."""
        prediction, score, mixing = collected[part], self._part_score(collected, part), self.mixing_metric
        rows = self.assignment[part[0]] == part[1]
        return bar.worth(
            self.metric, score, mixing, prediction, lambda mixed: self.score(mixing, mixed, rows), self.mean
        )

    def _result(
        self,
        recipe: Recipe,
        collected: Mapping[tuple[int, int], np.ndarray],
        outcomes: Sequence[tuple[Parts, Outcome]],
    ) -> Evaluation:
        import numpy as np

        shape = (len(self.truth), self.situation.n_classes) if self.situation.n_classes else (len(self.truth),)
        total, count = np.zeros(shape), np.zeros(len(self.truth))
        for (repeat, fold), prediction in collected.items():
            rows = self.assignment[repeat] == fold
            total[rows] += prediction
            count[rows] += 1
        seen = count > 0
        oof = np.full(shape, np.nan)
        oof[seen] = total[seen] / (count[seen][:, None] if len(shape) == 2 else count[seen])
        if not np.isfinite(oof[seen]).all():
            raise StepError("error", "the model predicted values that are not finite", "NotFinite")
        buffer = io.BytesIO()
        np.save(buffer, oof[self.validated], allow_pickle=False)
        by_part = tuple(self._part_score(collected, p) for p in sorted(collected))
        score: Score[Validation] = Score(
            self.metric.name,
            self.score(self.metric, oof[seen], seen),
            int(seen.sum()),
            spread=float(np.std(by_part)) if len(by_part) > 1 else None,
        )
        extra = {name: self.score(find_metric(name), oof[seen], seen) for name in self.situation.secondary}
        # The first fit also finds the number of boosting rounds; what a further one takes says what a refit will.
        fits = [s for _, o in outcomes[min(1, len(outcomes) - 1) :] for s in o.value["fit_seconds"]]
        predicts = [s for _, o in outcomes for s in o.value["predict_seconds"]]
        complete = len(collected) == len(self.situation.protocol.parts())
        return Evaluation(
            recipe,
            "done" if complete else "pruned",
            score,
            extra,
            by_part,
            self.engine.store.put(buffer.getvalue()),
            float(np.mean(fits)),
            float(np.mean(predicts)),
            sum(o.seconds for _, o in outcomes),
            any(o.truncated for _, o in outcomes),
            None if (rounds := outcomes[0][1].value["rounds"]) is None else (int(rounds[0]), int(rounds[1])),
            max(n for _, o in outcomes for n in o.value["train_rows"]),
            outcomes[0][1].artefacts.get("model", ""),
        )


def _fit_seconds(outcomes: Sequence[tuple[Parts, Outcome]]) -> list[float]:
    """What each fit of these steps took with the views that were there, of those that were performed now."""
    done = [o.value for _, o in outcomes if o.status == "done"]
    return [s - saved for v in done for s, saved in zip(v["fit_seconds"], v["saved_seconds"], strict=True)]


def step_error(outcome: Outcome) -> StepError:
    """The failed outcome of a step, as an exception."""
    failure = outcome.failure or Failure("error", "the step ended without a result")
    kind = "error" if failure.kind == "program" else failure.kind
    return StepError(kind, failure.message, failure.error_type, failure.detail)
