from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.errors import DataError
from modelwright.problem import Known, Problem
from modelwright.table import Field, Schema
from modelwright.tasks import Task, all_tasks

TASKS = all_tasks()


def categories(*labels: str | None) -> pd.Series:
    return pd.Series(pd.Categorical(list(labels)), name="answer")


def problem(task: str) -> Problem:
    known = Known("answer", "inferred", "")
    nothing: Known[str | None] = Known(None, "inferred", "")
    none: Known[tuple[str, ...]] = Known((), "inferred", "")
    metric = Known(TASKS[task].default_metric, "inferred", "")
    return Problem("", known, Known(task, "inferred", ""), metric, nothing, nothing, none, none)


def test_there_are_three() -> None:
    assert set(TASKS) == {"binary", "multiclass", "regression"}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_baselines_are_registered_and_valid(task: Task) -> None:
    from modelwright.estimators import all_estimators

    plans = task.baselines(problem(task.name), Schema((Field("a", "numeric"), Field("answer", "category"))), 100)
    assert plans[0].estimator.action == "baseline_prior"
    assert len({p.name for p in plans}) == len(plans) == 3
    for plan in plans:
        member = all_estimators()[plan.estimator.action]
        assert task.name in member.tasks
        member.action().validate(plan.estimator.params)
        assert plan.reason.endswith(".")


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (("yes", "no", "yes"), ("no", "yes")),
        (("True", "False"), ("False", "True")),
        (("Y", "N"), ("N", "Y")),
        (("10", "9", "2"), ("2", "9", "10")),
        (("class 10", "class 9"), ("class 9", "class 10")),
        (("b", "a", None, "b"), ("a", "b")),
    ],
)
def test_classes_are_in_natural_order(labels: tuple[str | None, ...], order: tuple[str, ...]) -> None:
    assert TASKS["multiclass"].classes(categories(*labels)) == order


def test_levels_without_rows_are_no_classes() -> None:
    target = pd.Series(pd.Categorical(["a", "b"], categories=["a", "b", "c"]))
    assert TASKS["binary"].classes(target) == ("a", "b")


def test_numbers_are_labels_without_a_point() -> None:
    target = pd.Series([3.0, 1.0, 10.0, 1.5, np.nan])
    task = TASKS["multiclass"]
    assert task.classes(target) == ("1", "1.5", "3", "10")
    assert task.encode(target.dropna(), task.classes(target)).tolist() == [2, 0, 3, 1]


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30))
def test_codes_give_the_labels_back(labels: list[str]) -> None:
    task = TASKS["multiclass"]
    target = pd.Series(pd.Categorical(labels))
    classes = task.classes(target)
    codes = task.encode(target, classes)
    assert codes.dtype == np.int64
    assert [classes[c] for c in codes] == labels
    assert len(set(classes)) == len(classes)


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(DataError, match=r"'maybe' in row 2"):
        TASKS["binary"].encode(categories("no", "maybe"), ("no", "yes"))


def test_labels_are_predicted_by_threshold_or_likelihood() -> None:
    raw = np.array([[0.8, 0.2], [0.6, 0.4], [0.5, 0.5]])
    frame = TASKS["binary"].predictions(raw, ("no", "yes"), None)
    assert frame["prediction"].tolist() == ["no", "no", "yes"]
    assert TASKS["binary"].predictions(raw, ("no", "yes"), 0.3)["prediction"].tolist() == ["no", "yes", "yes"]
    assert list(frame) == ["prediction", "probability_no", "probability_yes"]
    several = TASKS["multiclass"].predictions(np.array([[0.2, 0.5, 0.3]]), ("1", "2", "3"), None)
    assert several["prediction"].tolist() == ["2"]
    assert several["probability_3"].tolist() == [0.3]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_no_rows_give_no_predictions(task: Task) -> None:
    classes = () if task.name == "regression" else ("a", "b")
    raw = np.empty(0) if task.name == "regression" else np.empty((0, 2))
    frame = task.predictions(raw, classes, None)
    assert len(frame) == 0
    assert frame.columns[0] == "prediction"


def test_regression_takes_finite_numbers_only() -> None:
    task = TASKS["regression"]
    assert task.encode(pd.Series([1.0, 2.5]), ()).tolist() == [1.0, 2.5]
    with pytest.raises(DataError, match="row 2"):
        task.encode(pd.Series([1.0, np.inf], name="price"), ())
    with pytest.raises(DataError, match="isn't numeric"):
        task.encode(categories("a", "b"), ())
