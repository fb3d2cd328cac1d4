"""The interpreter: names exist, roles go together, demands stand in the person's words."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.agents import Unacceptable
from modelwright.agents.interpreter import Interpretation, Interpreter, InterpreterFacts

SPOKEN = "Which customers leave within 3 months? Catch 80 % of them, in 5 ms, by a linear model."


def facts(*problems: str) -> InterpreterFacts:
    columns = ("id", "age", "income", "region", "churned")
    return InterpreterFacts(
        "", (), "", "", columns, SPOKEN, "", ("linear", "boosting"), "", lambda answer: list(problems)
    )


def review(*problems: str, **said: Any) -> Interpretation:
    return Interpreter().review(Interpretation.model_validate({"target": "churned", **said}), facts(*problems))


def demand(kind: str, words: str = "catch 80 % of them", **more: Any) -> dict[str, Any]:
    return {"demands": [{"kind": kind, "words": words, **more}]}


def test_a_good_reading_is_taken_with_its_names_as_they_are_written() -> None:
    answer = review(
        target={"value": "CHURNED", "confidence": 0.9, "reason": "It says so."},
        time_column=None,
        id_columns=["Id", "id"],
        excluded=None,
        horizon="within 3 months",
        **demand("min_recall", number=0.8),
    )
    assert answer.target is not None and (answer.target.value, answer.target.confidence) == ("churned", 0.9)
    assert [c.value for c in answer.id_columns] == ["id"]
    assert answer.horizon == "within 3 months"
    assert answer.demands[0].number == 0.8


def test_a_horizon_that_nobody_named_is_dropped() -> None:
    assert review(horizon="a year").horizon == ""


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"target": "churn"}, "target: there is no column 'churn'; did you mean 'churned'"),
        ({"target": "sales"}, "the columns are listed"),
        ({"excluded": ["incomes"]}, "excluded: there is no column 'incomes'; did you mean 'income'"),
        ({"group_column": "churned"}, "group_column: 'churned' is the target"),
        ({"excluded": ["churned", "age"]}, "excluded: 'churned' is the target"),
        ({"id_columns": ["churned"]}, "id_columns: 'churned' is the target"),
        (demand("min_recall", "we need 90 %", number=0.9), "its words aren't the user's"),
        (demand("min_recall", number=80), "a share above 0 and at most 1"),
        (demand("min_precision"), "a share above 0"),
        (demand("latency_ms", "in 5 ms", number=-5), "above 0"),
        (demand("rises_with", name="incom"), "did you mean 'income'"),
        (demand("only_model", "by a linear model", name="lineal"), "there is no model 'lineal'; did you mean 'linear'"),
    ],
)
def test_what_does_not_hold_goes_back(said: dict[str, Any], problem: str) -> None:
    with pytest.raises(Unacceptable, match=problem):
        review(**said)


def test_what_the_rules_say_of_it_goes_back() -> None:
    with pytest.raises(Unacceptable, match="the target is constant"):
        review("- the target is constant")
