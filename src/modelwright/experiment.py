"""Runs one experiment: program, check, sandbox, evaluation; and recovers from failures, a bounded number of times."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from modelwright.drills import misnamed
from modelwright.errors import ModelwrightError, NotApplicable, ProgramError, StepError
from modelwright.evaluation import Evaluation
from modelwright.plan import Experiment, Plan
from modelwright.policy.recovery import Remedy, recover
from modelwright.policy.template import render
from modelwright.program import check
from modelwright.sandbox import SandboxLimits, run
from modelwright.step import Failure
from modelwright.tools import Data, all_tools
from modelwright.workbench import Workbench

CORRECTIONS = 2
"""How often a failing experiment is corrected before it counts as failed."""

REWRITES = 3
"""How often a program that somebody wrote may be written again, besides; then the plan's template runs."""

Mend = Callable[[Plan, str, Failure, frozenset[str], tuple[Failure, ...]], Remedy | None]
"""Corrects a failed plan: (plan, source that ran, failure, estimators that failed, earlier failures) → remedy."""

INPUTS = ("data", "target_column", "time_column", "experiment_name")


def run_program(source: str, name: str, bench: Workbench, time_column: str | None) -> tuple[Any, Evaluation | None]:
    """Check a program and run it in the sandbox.

    Args:
        source: the program.
        name: the experiment's name, an input of the program.
        bench: what its tools work with.
        time_column: an input of the program.

    Returns:
        The program's value, and the evaluation that it stands for: the best of those it made.

    Raises:
        ProgramError: when it misuses the language or a tool.
        StepError: when a step of it failed.
    """
    tools = all_tools()
    inputs = {
        "data": bench.keep(Data()),
        "target_column": bench.target,
        "time_column": time_column or "",
        "experiment_name": name,
    }
    check(source, {n: t.signature for n, t in tools.items()}, INPUTS)
    result = run(
        source,
        inputs=inputs,
        tools={n: t.bound(bench) for n, t in tools.items()},
        limits=SandboxLimits(),
    )
    return result.value, best_of(bench)


def best_of(bench: Workbench) -> Evaluation | None:
    """The best finished evaluation that a program made, or the best of the pruned ones when there is no other."""
    from modelwright.tasks.metrics import gain

    evaluations = list(bench.evaluations.values())
    finished = [e for e in evaluations if e.status == "done"] or evaluations
    if not finished:
        return None
    return max(finished, key=lambda e: gain(bench.evaluator.metric, e.score.value, 0.0))


def run_experiment(
    number: int,
    plan: Plan,
    bench_for: Callable[[], Workbench],
    time_column: str | None,
    *,
    tell: Callable[[str, Mapping[str, Any]], Any],
    mend: Mend | None = None,
    drill: str | None = None,
) -> tuple[Experiment, str]:
    """Run a plan to its end, correcting it when it fails.

    Args:
        number: the experiment's number.
        plan: what to run.
        bench_for: makes a fresh workbench for each attempt.
        time_column: an input of the program.
        tell: appends an event to the log.
        mend: corrects a failed plan; the built-in patterns and chain, by default.
        drill: how the first attempt is made to fail, to watch recovery; see :mod:`modelwright.drills`.

    Returns:
        The experiment, and the source of the program that was run last.
    """
    failures: list[Failure] = []
    tried: set[str] = set()
    attempt = misnamed(plan) if drill == "invalid-estimator" else plan
    seconds = 0.0
    source = ""
    corrections = CORRECTIONS + (REWRITES + 1 if plan.program else 0)
    for correction in range(corrections + 1):
        source = attempt.program or render(attempt)
        bench = bench_for()
        bench.drill = drill if correction == 0 and drill != "invalid-estimator" else None
        try:
            _, evaluation = run_program(source, plan.name, bench, time_column)
            if evaluation is None:
                raise ProgramError("the program evaluated no model", expected="a call of evaluate_model")
        except (ProgramError, StepError, NotApplicable) as error:
            seconds += sum(e.seconds for e in bench.evaluations.values())
            failure = failure_of(error)
            tried.add(attempt.estimator.action)
            out_of_time = failure.kind in ("timeout", "cancelled") and bench.time_left() < 1.0
            if out_of_time:
                late = replace(failure, diagnosis="The time for this experiment was over.", remedy="Left it out.")
                return Experiment(number, attempt, "skipped", seconds=seconds, failures=(*failures, late)), source
            remedy = None
            if correction < corrections and mend is not None:
                remedy = mend(attempt, source, failure, frozenset(tried), tuple(failures))
            elif correction < corrections:
                remedy = recover(attempt, failure, bench.task, tried)
            if remedy is None:
                cause, what = "No remedy is known for this.", "Went on with the next experiment."
                failures.append(replace(failure, diagnosis=cause, remedy=what))
                break
            failures.append(replace(failure, diagnosis=remedy.diagnosis, remedy=remedy.remedy))
            tell("recovered", {"number": number, "failure": failures[-1], "plan": remedy.plan})
            attempt = remedy.plan
            continue
        seconds += sum(e.seconds for e in bench.evaluations.values())
        done = Experiment(
            number,
            attempt,
            evaluation.status,
            evaluation.recipe,
            evaluation.score,
            dict(evaluation.metrics),
            seconds,
            tuple(failures),
            evaluation.predictions,
            evaluation.by_part,
            evaluation.fit_seconds,
            evaluation.predict_seconds,
            evaluation.truncated,
            evaluation.rounds,
            evaluation.train_rows,
            evaluation.model,
        )
        return done, source
    return Experiment(number, attempt, "failed", seconds=seconds, failures=tuple(failures)), source


def failure_of(error: ModelwrightError) -> Failure:
    """An exception as a failure for the log."""
    if isinstance(error, StepError):
        return Failure(error.kind, error.message, error.error_type, "fit", error.detail)
    if isinstance(error, ProgramError):
        return Failure("program", str(error), "ProgramError", "program")
    detail = "".join(traceback.format_exception(error))[-2000:]
    return Failure("error", str(error), type(error).__name__, "fit", detail)
