"""Has the data checked, decides what is done about findings, and measures what that does to the score."""

from __future__ import annotations

import io
import shlex
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelwright.bar import Bar
from modelwright.engine import Engine
from modelwright.errors import StepError
from modelwright.evaluation import Evaluation, Evaluator
from modelwright.finding import Effect, Finding
from modelwright.hashing import plain, restore
from modelwright.problem import Known, Problem
from modelwright.protocol import Score, Signal, Validation
from modelwright.recipe import Recipe, Use
from modelwright.step import Limits, Outcome, Step
from modelwright.stores import Store
from modelwright.table import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCREEN_VERSION = 2
SHARE = 0.05
"""Of the time budget, what checking may take at most."""

EFFECTS_SHARE = 0.2
"""Of the time budget, after how long measuring effects beside the search is given up; it mostly takes far less."""

SHORTEST = 6.0
"""Seconds that measuring effects gets at least."""

LONGEST = 30.0
EFFECT_PRIORITY = 3
"""Before all experiments but the first ones: otherwise there is always an experiment that goes first."""

MOST_EFFECTS = 6


@dataclass(frozen=True)
class Screened:
    """What the checks said.

    Args:
        findings: the surest first; nothing has been done about them yet.
        warnings: checks that were left out, in a sentence.
        signal: what a quick model could tell of the target without the columns that are clearly leaks; ``None``
            where it wasn't measured.
    """

    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    signal: Signal | None = None


def begin(
    engine: Engine,
    store: Store,
    problem: Problem,
    features: Schema,
    *,
    development: str,
    division: dict[str, np.ndarray],
    unlabelled: int,
    budget: float,
    measured: bool = False,
) -> Future[Outcome]:
    """Begin to have the development rows checked in a worker process; :func:`screened` tells what came of it.

    Args:
        engine: performs the step.
        store: takes the rows' division.
        problem: what was asked.
        features: the columns that models may use.
        development: digest of the development rows.
        division: see :func:`divided`.
        unlabelled: rows that had no target.
        budget: seconds of the whole run.
        measured: whether to measure what a quick model can tell of the target.
    """
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **division)
    step = Step(
        "modelwright.screening:screen",
        SCREEN_VERSION,
        {"problem": plain(problem), "schema": plain(features), "unlabelled": unlabelled, "measured": measured},
        {"rows": development, "division": store.put(buffer.getvalue())},
        problem.seed,
    )
    seconds = min(SHARE * budget, LONGEST)
    return engine.submit(step, Limits(seconds=2 * seconds + 5.0, soft_seconds=seconds), stage="checks")


def screened(outcome: Outcome) -> Screened:
    """What the checks said; that they failed, or had no time, is a warning."""
    if not outcome.ok:
        why = outcome.failure.message if outcome.failure else "they were stopped"
        return Screened(warnings=(f"The data could not be checked for leakage: {why}",))
    left_out: list[str] = outcome.value["left_out"]
    warnings = (f"There was no time for all checks of the data; left out: {', '.join(left_out)}.",) if left_out else ()
    findings = tuple(restore(Finding, f) for f in outcome.value["findings"])
    signal = outcome.value["signal"]
    return Screened(findings, warnings, None if signal is None else restore(Signal, signal))


def divided(
    frame: pd.DataFrame, names: Sequence[str], problem: Problem, development: np.ndarray, holdout: np.ndarray
) -> dict[str, np.ndarray]:
    """What checks need to know of how the rows were divided, without the sealed rows themselves.

    Args:
        frame: all labelled rows.
        names: the columns that models may use.
        problem: names the time and the group column.
        development: positions of the development rows.
        holdout: positions of the sealed rows.

    Returns:
        ``hashes``, ``sealed`` and ``groups`` (empty without a group column) of all rows, development rows first;
        ``times`` and ``own_groups`` of the development rows (empty without such a column).
    """
    import numpy as np
    import pandas as pd

    rows = np.concatenate([development, holdout])
    hashes = pd.util.hash_pandas_object(frame[list(names)], index=False).to_numpy()[rows]
    group, moment = problem.group_column.value, problem.time_column.value
    groups = pd.factorize(frame[group])[0][rows].astype(np.int64) if group is not None else np.zeros(0, np.int64)
    times = frame[moment].iloc[development].rank().to_numpy() if moment is not None else np.zeros(0)
    return {
        "hashes": hashes,
        "sealed": np.arange(len(rows)) >= len(development),
        "groups": groups,
        "times": times,
        "own_groups": groups[: len(development)],
    }


def decide(
    findings: Sequence[Finding], problem: Problem, features: Sequence[str], keep: Sequence[str]
) -> tuple[Problem, tuple[Finding, ...]]:
    """Leave out what is clearly a leak, unless the user keeps it or nothing would be left, and say so.

    Args:
        findings: what the checks said.
        problem: what was asked.
        features: the columns that models may use.
        keep: columns that the user wants kept.

    Returns:
        The problem with further columns excluded, and the findings with what was done about each.
    """
    clear = {c for f in findings if f.severity == "clear" for c in f.columns}
    out = clear - set(keep)
    alone = bool(out) and not set(features) - out
    out = set() if alone else out
    decided = tuple(_decided(finding, out, set(keep), alone) for finding in findings)
    if not out:
        return problem, decided
    names = tuple(name for name in features if name in out)
    many = len(names) > 1
    reason = (
        f"{problem.excluded.reason}; clearly {'leaks' if many else 'a leak'} of the target (see the findings): "
        f"{len(names)} {'columns' if many else 'column'}"
    )
    excluded = Known((*problem.excluded.value, *names), problem.excluded.source, reason, problem.excluded.alternatives)
    return replace(problem, excluded=excluded), decided


def _decided(finding: Finding, out: set[str], keep: set[str], alone: bool) -> Finding:
    if finding.severity == "note" or not finding.columns:
        return finding if finding.done else replace(finding, done="Nothing was changed.")
    kept = [c for c in finding.columns if c not in out]
    if finding.severity == "suspicious":
        wanted = set(finding.columns) <= keep
        done = "Kept, as you asked." if wanted else "Kept, and flagged here: only somebody who knows the data can tell."
        overrule = finding.overrule or "If it isn't known in time, forbid it in the constraints file and run again."
        return replace(finding, done=done, overrule=overrule)
    if not kept:
        options = " ".join(f"--keep-column {_argument(c)}" for c in finding.columns)
        return replace(finding, done="Left out of all models.", overrule=f"Keep it with: {options}")
    if alone:
        done = "Kept: without it no column would be left. The score is not to be trusted."
        return replace(finding, done=done, overrule="Bring columns that are known before the target is.")
    if len(kept) == len(finding.columns):
        return replace(finding, done="Kept, as you asked with --keep-column.", overrule="Leave out the option.")
    done = f"Left out of all models, but for {len(kept)} kept as you asked."
    return replace(finding, done=done, overrule="Add --keep-column for the others to keep them.")


def _argument(name: str) -> str:
    """A column's name as it is written on a command line; a stand-in for one that can't be shown there."""
    return shlex.quote(name) if name.isprintable() and len(name) <= 80 else "NAME"


def measurable(finding: Finding) -> bool:
    """Whether leaving the finding's columns out or in does something to the score."""
    return finding.severity in ("clear", "suspicious") and bool(finding.columns)


def with_effect(finding: Finding, effect: Effect | None) -> Finding:
    """The finding with its measured effect, or with the word that there was none."""
    if effect is not None or not measurable(finding):
        return replace(finding, effect=effect)
    done = f"{finding.done} There was no time to measure what that does to the score."
    return replace(finding, done=done.strip())


@dataclass
class Effects:
    """Measures what findings do to the score, beside the search: a quick model with the columns and without them.

    Args:
        evaluator: of the run.
        rows: digest of the development rows with all columns that the checks looked at.
        screened: those columns.
        features: the columns that models use.
        findings: what was found, and decided.
        budget: seconds of the whole run.
        tell: told each effect: the finding's place among the findings, and the effect.
    """

    evaluator: Evaluator
    rows: str
    screened: tuple[str, ...]
    features: tuple[str, ...]
    findings: tuple[Finding, ...]
    budget: float
    tell: Callable[[int, Effect], Any]

    def start(self) -> Future[None]:
        """Begin in a thread of its own; the future ends when all is measured or the time is over."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="effects")
        future = pool.submit(self.measure)
        pool.shutdown(wait=False)
        return future

    def measure(self) -> None:
        """Measure one finding after the other, those that were acted on first, until the time is over."""
        situation = replace(self.evaluator.situation, rows=self.rows)
        bench = Evaluator(
            self.evaluator.engine, situation, self.evaluator.truth, self.evaluator.assignment, self.evaluator.memory
        )
        stop_at = time.monotonic() + max(SHORTEST, EFFECTS_SHARE * self.budget)
        known: dict[frozenset[str], Evaluation] = {}
        for place, finding in self._worth():
            with_them = frozenset(self.features) | set(finding.columns)
            without = frozenset(self.features) - set(finding.columns)
            if not without:
                continue
            for columns in (with_them, without):
                if columns in known:
                    continue
                recipe = self._recipe(columns)
                few = self.evaluator.fidelity.first
                seconds = bench.forecasts.forecast(recipe, few) / bench.engine.slots
                bar = Bar() if time.monotonic() + 3 * seconds < stop_at else FirstPart()
                try:
                    known[columns] = bench.evaluate(
                        recipe, stop_at=stop_at, bar=bar, priority=EFFECT_PRIORITY, max_train_rows=few
                    )
                except StepError:
                    return  # the log tells why; the findings that are left go without an effect, and say so
            self.tell(place, _effect(bench, known[with_them], known[without]))

    def _worth(self) -> list[tuple[int, Finding]]:
        ranked = [(i, f) for i, f in enumerate(self.findings) if measurable(f) and set(f.columns) <= set(self.screened)]
        return sorted(ranked, key=lambda item: (item[1].severity != "clear", item[0]))[:MOST_EFFECTS]

    def _recipe(self, columns: frozenset[str]) -> Recipe:
        kept = [name for name in self.screened if name in columns]
        transforms = (Use("keep_columns", {"columns": kept}),) if len(kept) < len(self.screened) else ()
        return Recipe(Use("lightgbm", {"n_estimators": 60, "learning_rate": 0.1}), transforms)


class FirstPart(Bar):
    """Ends an evaluation after the protocol's first part, for lack of time."""

    def worth(self, *asked: Any) -> bool:
        """Never."""
        return False


def _effect(bench: Evaluator, kept: Evaluation, left_out: Evaluation) -> Effect:
    """The difference of two evaluations, with an interval from paired bootstrap resamples of the rows."""
    import numpy as np

    first, second = bench.oof(kept.predictions), bench.oof(left_out.predictions)
    seen = np.isfinite(first).reshape(len(first), -1).all(axis=1) & np.isfinite(second).reshape(len(first), -1).all(
        axis=1
    )
    rows = np.flatnonzero(seen)
    most = 5_000
    rng = np.random.default_rng([bench.situation.seed, 31])
    sampled = np.sort(rng.choice(rows, most, replace=False)) if len(rows) > most else rows
    truth, classes = bench.truth[sampled], bench.situation.classes
    weights = rng.multinomial(len(sampled), np.full(len(sampled), 1 / len(sampled)), size=200).astype(np.float64)
    positive = classes[1] if len(classes) == 2 else None

    def scores(prediction: np.ndarray) -> np.ndarray:
        return bench.metric.batch(truth, prediction[sampled], weights, classes=classes or None, positive=positive)

    differences = scores(second) - scores(first)
    differences = differences[np.isfinite(differences)]
    before, after = (bench.score(bench.metric, p[rows], rows) for p in (first, second))
    difference = after - before
    # Resamples of a part of the rows scatter more than all rows do, by the square root of their numbers' ratio.
    reach = (differences - differences.mean()) * np.sqrt(len(sampled) / len(rows)) if len(differences) else np.zeros(1)
    low, high = (float(difference + end) for end in np.quantile(reach, [0.025, 0.975]))
    scores_of: list[Score[Validation]] = [Score(bench.metric.name, value, len(rows)) for value in (before, after)]
    return Effect(scores_of[0], scores_of[1], float(difference), low, high, "LightGBM, 60 trees")
