"""Grounds of every kind, made up: the facts that experiments are designed from, without any data."""

from __future__ import annotations

from hypothesis import strategies as st

from modelwright.estimators import all_estimators
from modelwright.plan import Experiment, Plan
from modelwright.policy.ground import Ground
from modelwright.problem import Constraints, Known, Problem
from modelwright.profile import Column, Profile
from modelwright.protocol import Protocol, Score
from modelwright.recipe import Recipe
from modelwright.table import Field, Schema
from modelwright.tasks import all_tasks

QUANTILES = (0.0, 1.0, 5.0, 10.0, 20.0, 90.0)
MODELS = sorted({e.family for e in all_estimators().values()} | set(all_estimators()))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def known(value):
    return Known(value, "user", "said so")


def ground(
    task: str = "binary",
    rows: int = 1_000,
    kinds: tuple[tuple[str, str, int], ...] = (("x", "numeric", 400), ("y", "numeric", 300), ("c", "category", 4)),
    time: str | None = None,
    skew: float = 0.0,
    seed: int = 0,
    constraints: Constraints | None = None,
) -> Ground:
    """A ground; ``kinds`` are (name, kind, distinct values), and numeric columns with up to 200 values are whole."""
    fields = tuple(Field(n, k, whole=k == "numeric" and d <= 200) for n, k, d in kinds)  # type: ignore[arg-type]
    columns = tuple(
        Column(n, k, distinct=d, quantiles=(*QUANTILES, 100.0 * d) if k == "numeric" else ())  # type: ignore[arg-type]
        for n, k, d in kinds
    )
    labels = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    target = Column("target", "numeric" if task == "regression" else "category", distinct=rows // 2)
    numbers = {"skew": skew, "q01": 1.0} if task == "regression" else {}
    problem = Problem(
        "Predict it.", known("target"), known(task), known(all_tasks()[task].default_metric), known(time), known(None),
        known(()), known(()), labels, constraints=constraints or Constraints(), seed=seed,
    )  # fmt: skip
    protocol = Protocol(
        "random", "random", 5, 1, False, problem.metric.value, rows, rows // 4, "assignment", "sealed", "because",
    )  # fmt: skip
    profile = Profile(rows, (*columns, target), "target", target_numbers=numbers)
    return Ground(problem, Schema(fields), profile, protocol)


@st.composite
def grounds(draw) -> Ground:
    """Any ground: every task, few and many rows, columns of all kinds with any names, any constraints."""
    names = draw(st.lists(NAMES.filter(lambda n: n != "target"), min_size=1, max_size=8, unique=True))
    kinds = [
        (n, draw(st.sampled_from(["numeric", "boolean", "category", "datetime", "text"])), draw(st.integers(2, 5_000)))
        for n in names
    ]
    some = st.lists(st.sampled_from(MODELS), max_size=3, unique=True).map(tuple)
    times = [n for n, kind, _ in kinds if kind == "datetime"]
    return ground(
        draw(st.sampled_from(["binary", "multiclass", "regression"])),
        draw(st.integers(20, 200_000)),
        tuple(kinds),
        draw(st.sampled_from([None, *times])),
        draw(st.floats(0, 5)),
        draw(st.integers(0, 2**31 - 1)),
        Constraints(prefer=draw(some), avoid=draw(some), interpretable=draw(st.booleans())),
    )


def finished(number: int, plan: Plan, score: float | None = 0.8, status: str = "done", metric: str = "roc_auc"):
    """An experiment that has ended."""
    value = None if score is None else Score(metric, score, 100)
    return Experiment(number, plan, status, recipe_of(plan), value, seconds=1.0, oof="oof", by_part=(score or 0.0,))


def recipe_of(plan: Plan) -> Recipe:
    """What a plan's program builds."""
    return Recipe(plan.estimator, plan.transforms, plan.view, plan.resampling, plan.weighting, plan.target)
