"""Task, metric, classes, time, group, identifiers and exclusions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelwright.errors import DataError, RequestError
from modelwright.hashing import canonical_json
from modelwright.policy.understand import understand
from modelwright.problem import Constraints, Problem
from modelwright.readers import read
from modelwright.table import Field, Kind, Schema

N = 600


def known(target: Any, kind: Kind, *, whole: bool = False, say: str = "", **more: Any) -> Problem:
    """Understand a table with one feature and this target."""
    frame = pd.DataFrame({"x": np.arange(len(target), dtype=float), "answer": target})
    schema = Schema((Field("x", "numeric"), Field("answer", kind, whole=whole)))
    return understand(say, schema, frame, target="answer", **more)


def levels(*names: str, n: int = N) -> pd.Categorical:
    return pd.Categorical([names[i % len(names)] for i in range(n)])


# ── task ──


@pytest.mark.parametrize(
    ("target", "kind", "whole", "say", "task"),
    [
        (levels("a", "b"), "category", False, "", "binary"),
        (levels("a", "b", "c"), "category", False, "", "multiclass"),
        (np.arange(N) % 2.0, "numeric", True, "", "binary"),
        (np.linspace(0, 1, N), "numeric", False, "", "regression"),
        (np.arange(N) % 7.0, "numeric", True, "", "regression"),
        (np.arange(N) % 7.0, "numeric", True, "Tell which score the panel gives", "multiclass"),
        (np.arange(N) % 7.0, "numeric", True, "How many rooms are there?", "regression"),
        (np.arange(N) % 90.0, "numeric", True, "Tell which score the panel gives", "regression"),
    ],
)
def test_task_from_the_target(target: Any, kind: Kind, whole: bool, say: str, task: str) -> None:
    assert known(target, kind, whole=whole, say=say).task.value == task


def test_a_grade_is_a_class_by_its_name() -> None:
    frame = pd.DataFrame({"x": np.arange(N, dtype=float), "quality": np.arange(N) % 5.0, "rooms": np.arange(N) % 5.0})
    schema = Schema(
        (Field("x", "numeric"), Field("quality", "numeric", whole=True), Field("rooms", "numeric", whole=True))
    )
    assert understand("", schema, frame, target="quality").task.value == "multiclass"
    rooms = understand("", schema, frame, target="rooms").task
    assert (rooms.value, rooms.alternatives) == ("regression", ("multiclass",))


def test_the_users_task_and_metric_decide() -> None:
    grades = np.arange(N) % 5.0
    assert known(grades, "numeric", whole=True, task="classification").task.value == "multiclass"
    assert known(np.arange(N) % 2.0, "numeric", whole=True, task="classification").task.value == "binary"
    assert known(np.arange(N) % 2.0, "numeric", whole=True, task="regression").task.value == "regression"
    assert known(grades, "numeric", whole=True, metric="log_loss").task.value == "multiclass"
    assert known(grades, "numeric", whole=True, say="which score?", metric="rmse").task.value == "regression"
    for task, said in [("binry", "did you mean 'binary'"), ("binary", "has 5 different values"), ("?", "Known are")]:
        with pytest.raises(RequestError, match=said):
            known(grades, "numeric", whole=True, task=task)
    with pytest.raises(RequestError, match="isn't numeric"):
        known(levels("a", "b"), "category", task="regression")


@pytest.mark.parametrize(
    ("target", "kind", "said"),
    [
        (pd.Series(["free words"] * N, dtype="str"), "text", "free text"),
        (pd.date_range("2020", periods=N, unit="us"), "datetime", "dates"),
        (np.full(N, np.nan), "numeric", "nothing at all"),
        (np.ones(N), "numeric", "same value"),
        (levels("only"), "category", "same value"),
        (pd.Categorical([f"l{i}" for i in range(N)]), "category", "600 different values"),
        (pd.Categorical([f"l{i // 3}" for i in range(3 * 501)]), "category", "501 different values"),
    ],
)
def test_targets_that_cannot_be_learnt(target: Any, kind: Kind, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        known(target, kind)
    assert "\n" not in str(caught.value)


def test_too_many_numbers_for_classes() -> None:
    with pytest.raises(DataError, match="ask for regression"):
        known(np.linspace(0, 1, N), "numeric", task="classification")


# ── classes ──


@pytest.mark.parametrize(
    ("labels", "shares", "say", "positive"),
    [
        (("no", "yes"), 0.9, "", "yes"),
        (("True", "False"), 0.1, "", "True"),
        (("ham", "spam"), 0.7, "", "spam"),
        (("churn", "no churn"), 0.3, "", "churn"),
        (("good", "bad"), 0.2, "", "bad"),
        (("day", "night"), 0.8, "", "day"),
        (("day", "night"), 0.2, "", "night"),
        (("day", "night"), 0.8, "Will it happen at night?", "night"),
        (("legit", "fraud"), 0.9, "", "fraud"),
        (("died", "lived"), 0.9, "", "died"),
    ],
)
def test_positive_class(labels: tuple[str, str], shares: float, say: str, positive: str) -> None:
    target = pd.Categorical(np.where(np.arange(N) / N < shares, labels[1], labels[0]))
    problem = known(target, "category", say=say)
    assert problem.positive is not None
    assert problem.positive.value == positive
    assert problem.classes[-1] == positive and set(problem.classes) == set(labels)


def test_positive_class_of_zero_and_one_is_one_even_when_common() -> None:
    problem = known((np.arange(N) % 10 > 0).astype(float), "numeric", whole=True)
    assert problem.classes == ("0", "1") and problem.positive is not None and problem.positive.value == "1"
    assert known(np.linspace(0, 1, N), "numeric").classes == ()
    assert known(levels("10", "9", "8"), "category").positive is None


# ── metric ──


@pytest.mark.parametrize(
    ("say", "metric"),
    [
        ("", "roc_auc"),
        ("Find them; optimise F1", "f1"),
        ("I care about log loss", "log_loss"),
        ("maximise recall", "recall"),
        ("predict with great precision whether it fails", "roc_auc"),
        ("measured by area under the precision recall curve", "average_precision"),
        ("minimise the RMSE", "roc_auc"),
    ],
)
def test_metric_from_the_statement(say: str, metric: str) -> None:
    assert known(levels("a", "b"), "category", say=say).metric.value == metric


def test_metric_from_flags_and_constraints() -> None:
    two = levels("a", "b")
    flagged = known(two, "category", metric="AUC", constraints=Constraints(metric="f1")).metric
    assert (flagged.value, flagged.source) == ("roc_auc", "user")
    demanded = known(two, "category", say="optimise recall", constraints=Constraints(metric="f1")).metric
    assert (demanded.value, demanded.source) == ("f1", "user")
    assert known(levels("a", "b", "c"), "category", metric="f1").metric.value == "f1_macro"
    assert known(np.linspace(0, 1, N), "numeric", say="best mean absolute error").metric.value == "mae"
    assert known(np.linspace(0, 1, N), "numeric").metric.value == "rmse"
    with pytest.raises(RequestError):
        known(two, "category", metric="rmse")
    with pytest.raises(RequestError):
        known(two, "category", metric="nonsense")


# ── time and group ──


def readings(
    machines: int = 8, hours: int = 60, *, name: str = "machine_id", when: str = "timestamp"
) -> tuple[pd.DataFrame, Schema]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            name: pd.Categorical(np.repeat([f"M{i}" for i in range(machines)], hours)),
            when: np.tile(pd.date_range("2023", periods=hours, freq="h", unit="us"), machines),
            "heat": rng.normal(size=machines * hours),
            "failure": rng.integers(0, 2, machines * hours).astype(float),
        }
    )
    fields = (
        Field(name, "category"),
        Field(when, "datetime"),
        Field("heat", "numeric"),
        Field("failure", "numeric", whole=True),
    )
    return frame, Schema(fields)


SHUFFLED = np.random.default_rng(1).permutation(8 * 60)


def test_repeated_readings_are_ordered_in_time_also_when_shuffled_or_interleaved() -> None:
    frame, schema = readings()
    for rows in (frame, frame.iloc[SHUFFLED], frame.sort_values("timestamp", kind="stable")):
        problem = understand("Predict the failure", schema, rows.reset_index(drop=True))
        assert problem.time_column.value == "timestamp"
        assert problem.group_column.value == "machine_id"
        assert problem.id_columns.value == () and "heat" in problem.features(schema.names)


@pytest.mark.parametrize(
    ("when", "say", "shuffled", "expected"),
    [
        ("date", "Will it break?", False, True),
        ("date", "Will it break?", True, False),
        ("date", "Will it break in the next week?", True, True),
        ("signup_date", "Which customers will leave next month?", True, False),
        ("date_of_birth", "Will they leave?", False, False),
    ],
)
def test_time_matters_by_words_or_order(when: str, say: str, shuffled: bool, expected: bool) -> None:
    frame, schema = readings(1, 480, name="colour", when=when)
    frame["failure"] = frame["failure"].to_numpy()
    rows = frame.iloc[SHUFFLED].reset_index(drop=True) if shuffled else frame
    found = understand(say, schema, rows, target="failure").time_column
    assert (found.value == when) == expected and found.source == "inferred"
    if not expected and when != "date_of_birth":
        assert when in found.alternatives


def test_groups_without_time_need_an_entity_and_few_of_them() -> None:
    rng = np.random.default_rng(0)
    data, fields = {"y": rng.normal(size=N)}, [Field("y", "numeric")]
    for name, groups in [
        ("patient", 40), ("patient_visit", 40), ("store_type", 8), ("Neighborhood", 25), ("customer_id", 400),
        ("brand_id", 30), ("city", 30),
    ]:  # fmt: skip
        data[name] = pd.Categorical([f"{name}{i}" for i in rng.integers(0, groups, N)])
        fields.append(Field(name, "category"))
    frame = pd.DataFrame(data)
    assert understand("", Schema(tuple(fields)), frame, target="y").group_column.value == "patient"
    without = tuple(f for f in fields if f.name != "patient")
    assert understand("", Schema(without), frame, target="y").group_column.value is None


def test_the_users_roles() -> None:
    frame, schema = readings(name="colour")
    problem = understand("Predict failure", schema, frame, group_column="Colour", id_columns=("heat",))
    assert (problem.group_column.value, problem.group_column.source) == ("colour", "user")
    assert (problem.id_columns.value, problem.id_columns.source) == (("heat",), "user")
    assert understand("x", schema, frame, target="failure", time_column="heat").time_column.value == "heat"
    for roles, said in [
        ({"time_column": "colour"}, "neither dates nor numbers"),
        ({"time_column": "failure"}, "it can't be the time column"),
        ({"group_column": "color"}, "did you mean 'colour'"),
        ({"id_columns": ("failure",)}, "another role"),
    ]:
        with pytest.raises(RequestError, match=said):
            understand("x", schema, frame, target="failure", **roles)  # type: ignore[arg-type]


# ── identifiers and exclusions ──


def test_identifiers_constants_and_empty_columns_are_left_out_with_reasons() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "order_id": np.arange(N) * 7.0 + 3,
            "code": pd.Categorical([f"A{i}" for i in range(N)]),
            "size": np.arange(N) * 1.0,
            "same": pd.Categorical(["x"] * N),
            "empty": np.full(N, np.nan),
            "flat": np.ones(N),
            "flag": np.where(rng.random(N) < 0.5, 1.0, np.nan),
            "y": rng.normal(size=N),
        }
    )
    schema = Schema(
        (
            Field("order_id", "numeric", whole=True), Field("code", "id"), Field("size", "numeric", whole=True),
            Field("same", "constant"), Field("empty", "numeric"), Field("flat", "numeric"), Field("flag", "numeric"),
            Field("y", "numeric"),
        )
    )  # fmt: skip
    problem = understand("", schema, frame, target="y", constraints=Constraints(exclude_columns=("Size",)))
    assert problem.id_columns.value == ("order_id", "code")
    assert problem.excluded.value == ("size", "same", "empty", "flat")
    assert problem.features(schema.names) == ("flag",)
    for said in ("you excluded: 'size'", "nothing in it: 'empty'", "only one value: 'same', 'flat'"):
        assert said in problem.excluded.reason
    with pytest.raises(RequestError, match="can't be excluded"):
        understand("", schema, frame, target="y", constraints=Constraints(exclude_columns=("y",)))
    with pytest.raises(DataError, match="Nothing is left"):
        understand("", schema, frame, target="y", constraints=Constraints(exclude_columns=("size", "flag")))


def test_a_problem_is_a_fact() -> None:
    frame, schema = readings()
    first, second = (understand("Predict the failure", schema, frame.copy(), seed=3) for _ in range(2))
    assert canonical_json(first) == canonical_json(second) and first.seed == 3


@pytest.mark.parametrize(
    ("what", "things", "grouped"),
    [("movieId", 400, False), ("movieId", 20, True), ("visitId", 6_000, True), ("diagnosis_code", 400, True)],
)
def test_rows_that_are_meetings_of_known_ones_form_no_groups(what: str, things: int, grouped: bool) -> None:
    rng = np.random.default_rng(0)
    n = 6_000
    other = rng.permutation(n) if things == n else rng.integers(0, things, n)
    frame = pd.DataFrame({"userId": rng.integers(0, 200, n), what: other, "rating": rng.integers(1, 6, n)})
    reading = read(frame)
    problem = understand("How many stars a person gives", reading.schema, reading.frame, target="rating")
    assert problem.group_column.value == ("userId" if grouped else None)
    assert grouped or "meetings" in problem.group_column.reason
