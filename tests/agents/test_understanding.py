"""Manager, interpreter, rules and options together: who decides what a request means."""

from __future__ import annotations

from typing import Any

import pytest
from asking_cases import ACCEPT, ask_for, choice, customers, saying

from modelwright.errors import AmbiguousError, RequestError
from modelwright.hashing import plain, restore
from modelwright.llms import NotAuthorised
from modelwright.llms.doubles import RandomlyValid, Scripted
from modelwright.policy.sense import sense
from modelwright.problem import Problem

CHURNED = {"target": choice("churned")}
REFUSAL = {
    "verdict": "refuse",
    "reason": "The table says nothing about rain.",
    "words": "Will it rain",
    "possible": "Add a column that says whether it rained.",
}


def reads(**said: Any) -> Scripted:
    return saying(manager=ACCEPT, interpreter={**CHURNED, **said})


# ── rules alone ──


def test_without_a_language_model_the_rules_decide_and_nothing_is_recorded() -> None:
    found, room = ask_for()
    assert (found.problem.target.value, found.problem.target.source) == ("churned", "inferred")
    assert found.warnings == () and room.log == []


@pytest.mark.parametrize("statement", ["Write a poem", "Count all the rows", "How many records are there?", "?!", "42"])
def test_what_is_no_prediction_is_refused_with_a_way_on(statement: str) -> None:
    with pytest.raises(RequestError, match="--target"):
        ask_for(statement)
    assert ask_for(statement, target="churned")[0].problem.target.source == "user"


@pytest.mark.parametrize(
    "statement",
    ["Which customers will leave?", "Estimate the average house price", "List customers who will leave",
     "How many bikes will be rented?", "什么客户会离开", "Find the fraud", "Wer kündigt?"],
)  # fmt: skip
def test_what_may_be_a_prediction_is_not_refused(statement: str) -> None:
    assert sense(statement, target_is_clear=False).verdict == "accept"
    assert sense(statement, target_is_clear=True).caution == ""


def test_who_asks_why_gets_a_model_and_is_told_what_it_can_not_say() -> None:
    found, _ = ask_for("Why do customers leave?", target="churned")
    assert "neither shows what would happen" in found.warnings[0]


# ── what a language model reads ──


def test_its_reading_becomes_the_problem_and_is_marked_as_its_doing() -> None:
    found, room = ask_for(
        "Which customers leave within 3 months? Catch 80 % of them; a miss costs 5 times a false alarm.",
        reads(
            positive=choice("NO"),
            group_column=choice("shop"),
            time_column=choice("joined"),
            id_columns=["customer_id"],
            excluded=[choice("refund_paid", 0.9, "Paid after they left."), choice("region", 0.6, "May be set later.")],
            horizon="within 3 months",
            demands=[
                {"kind": "min_recall", "number": 0.8, "words": "Catch 80 % of them"},
                {"kind": "cost_miss", "number": 5, "words": "a miss costs 5 times"},
                {"kind": "cost_false_alarm", "number": 1, "words": "a false alarm"},
            ],
        ),
    )
    problem = found.problem
    assert (problem.target.value, problem.target.source, problem.target.reason) == ("churned", "model", "It says so.")
    assert problem.positive is not None and (problem.positive.value, problem.classes) == ("no", ("yes", "no"))
    assert (problem.group_column.value, problem.time_column.value) == ("shop", "joined")
    assert problem.excluded.source == "model" and "Paid after they left" in problem.excluded.reason
    assert set(problem.excluded.value) == {"refund_paid", "plan"}
    assert problem.horizon is not None and problem.horizon.value == "within 3 months"
    demands = problem.constraints
    assert (demands.min_recall, demands.cost_miss, demands.cost_false_alarm) == (0.8, 5, 1)
    assert [("'region'" in w, "'refund_paid'" in w) for w in found.warnings] == [(False, True), (True, False)]
    assert "--keep-column" in found.warnings[0]
    assert restore(Problem, plain(problem)) == problem
    assert sorted(body["decision"].tier for kind, body in room.log if kind == "decided") == ["native", "native"]


def test_options_always_hold() -> None:
    found, room = ask_for(
        "Predict something",
        saying(
            manager={**ACCEPT, "target": "region"},
            interpreter={
                "target": choice("region"),
                "task": choice("multiclass"),
                "metric": choice("f1_macro"),
                "positive": choice("north"),
                "time_column": choice("joined"),
                "group_column": choice("shop"),
                "excluded": [choice("monthly_fee")],
            },
        ),
        target="monthly_fee",
        metric="mae",
        group_column="region",
    )
    problem = found.problem
    assert (problem.target.value, problem.target.source) == ("monthly_fee", "user")
    assert (problem.task.value, problem.metric.value, problem.metric.source) == ("regression", "mae", "user")
    assert (problem.group_column.value, problem.group_column.source) == ("region", "user")
    assert "monthly_fee" not in problem.excluded.value
    assert 'target: "monthly_fee"' in room.opening("interpreter")[1].text


def test_what_the_user_keeps_is_not_left_out() -> None:
    provider = reads(excluded=[choice("refund_paid")], id_columns=["region"])
    found, _ = ask_for(provider=provider, keep_columns=("refund_paid", "region"))
    assert found.problem.excluded.value == ("plan",) and "region" not in found.problem.id_columns.value
    assert found.warnings == ()


def test_what_it_is_not_sure_of_is_left_to_the_rules() -> None:
    found, _ = ask_for(provider=reads(group_column=choice("shop", 0.3), metric=choice("accuracy", 0.4)))
    plainly, _ = ask_for()
    assert found.problem.group_column == plainly.problem.group_column
    assert found.problem.metric == plainly.problem.metric


@pytest.mark.parametrize(
    ("absurd", "said"),
    [
        ({"target": choice("plan")}, "same value in every row"),
        ({"target": choice("customer_id")}, "too many for classes"),
        ({"target": choice("joined")}, "dates"),
        ({"metric": choice("rmse")}, "no metric 'rmse' for binary"),
        ({"task": choice("regression")}, "isn't numeric"),
        ({"positive": choice("maybe")}, "no class 'maybe'"),
        ({"group_column": choice("customer_id")}, "several rows in each"),
        ({"group_column": choice("region")}, "has 3 groups"),
        ({"time_column": choice("monthly_fee")}, "don't look like times"),
        ({"time_column": choice("region")}, "neither dates nor numbers"),
        (
            {"excluded": [choice(c) for c in ("tenure_months", "monthly_fee", "region", "refund_paid", "shop")]},
            "would be",
        ),
        ({"demands": [{"kind": "rises_with", "name": "region", "words": "leave"}]}, "isn't a numeric column"),
        ({"demands": [{"kind": "equal_between", "name": "shop", "words": "leave"}]}, "2 to 20 groups"),
    ],
)
def test_absurd_readings_go_back_with_the_reason_and_then_to_the_rules(absurd: dict[str, Any], said: str) -> None:
    _, room = ask_for(provider=reads(**absurd))
    decision = next(b["decision"] for k, b in room.log if k == "decided" and b["decision"].agent == "interpreter")
    assert decision.tier == "policy" and len(decision.descents) == 1
    assert said in decision.descents[0].reason
    found, _ = ask_for(provider=saying(manager=ACCEPT, interpreter=[{**CHURNED, **absurd}, CHURNED]))
    assert (found.problem.target.value, found.problem.target.source) == ("churned", "model")


def test_a_column_that_the_problem_names_in_quotes_is_the_target() -> None:
    statement = "Predict `monthly_fee` from the rest"
    wrong = saying(manager={**ACCEPT, "target": "tenure_months"}, interpreter={"target": choice("tenure_months")})
    assert ask_for(statement, wrong)[0].problem.target.value == "monthly_fee"


def test_a_number_of_the_row_is_no_target() -> None:
    reading = customers({"tenure_months": "row_id"})
    reading.frame["row_id"] = range(len(reading.frame))
    found, _ = ask_for(provider=reads(target=choice("row_id")), reading=reading)
    assert found.problem.target.value == "churned"


# ── where they disagree ──


def test_the_rules_give_way_only_where_both_answers_of_the_model_agree() -> None:
    both = saying(manager={**ACCEPT, "target": "region"}, interpreter={"target": choice("region")})
    found, _ = ask_for(provider=both)
    assert (found.problem.target.value, found.problem.target.source) == ("region", "model")
    assert "'churned'" in found.warnings[0] and "--target" in found.warnings[0]
    one = saying(manager=ACCEPT, interpreter={"target": choice("region"), "excluded": [choice("monthly_fee")]})
    found, _ = ask_for(provider=one)
    assert (found.problem.target.value, found.problem.target.source) == ("churned", "inferred")
    assert "monthly_fee" not in found.problem.excluded.value and "'region'" in found.warnings[0]


def test_a_person_settles_the_disagreement() -> None:
    asked: list[tuple[str, ...]] = []

    def person(question: str, candidates: tuple[str, ...]) -> str:
        asked.append(candidates)
        return candidates[1]

    one = saying(manager=ACCEPT, interpreter={"target": choice("region")})
    found, _ = ask_for(provider=one, ask=person)
    assert asked == [("churned", "region")] and found.problem.target.value == "region"


# ── refusing and asking ──


def test_a_refusal_ends_the_request_in_the_models_words() -> None:
    with pytest.raises(RequestError, match=r"language model.*nothing about rain.*it rained.*--llm none") as caught:
        ask_for("Will it rain?", saying(manager=REFUSAL, interpreter={"target": None}))
    assert not isinstance(caught.value, AmbiguousError) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_a_refusal_is_a_warning_where_the_user_or_a_sure_reading_says_otherwise() -> None:
    found, _ = ask_for("Will it rain?", saying(manager=REFUSAL, interpreter={"target": None}), target="churned")
    assert "nothing about rain" in found.warnings[0] and found.problem.target.value == "churned"
    statement = "Which customers will leave? Will it rain?"
    found, _ = ask_for(statement, saying(manager=REFUSAL, interpreter=CHURNED))
    assert "nothing about rain" in found.warnings[0]


def test_a_question_goes_to_the_person_or_ends_the_request_with_the_candidates() -> None:
    question = {
        "verdict": "ask",
        "reason": "Both columns could be what is meant.",
        "words": "it go",
        "question": "Do you mean the fee or the tenure?",
        "candidates": ["monthly_fee", "tenure_months"],
    }
    provider = saying(manager=question, interpreter={"target": None})
    with pytest.raises(AmbiguousError, match="Do you mean the fee") as caught:
        ask_for("How will it go?", provider)
    assert caught.value.candidates == ("monthly_fee", "tenure_months")
    found, _ = ask_for("How will it go?", provider, ask=lambda question, candidates: candidates[0])
    assert (found.problem.target.value, found.problem.target.source) == ("monthly_fee", "user")
    found, _ = ask_for("How will it go?", provider, target="churned")
    assert found.problem.target.value == "churned"
    statement = "Which customers will leave, how will it go?"
    found, _ = ask_for(statement, saying(manager=question, interpreter=CHURNED))
    assert "Do you mean the fee" in found.warnings[0]


def test_what_nobody_can_make_out_is_asked_with_the_models_guess_first() -> None:
    with pytest.raises(AmbiguousError) as caught:
        ask_for("Look into this", saying(manager={"verdict": "accept"}, interpreter={"target": choice("region", 0.4)}))
    assert caught.value.candidates[0] == "region"


# ── bad days ──


@pytest.mark.parametrize(
    "provider", [Scripted([NotAuthorised("no key")] * 9), Scripted(lambda ask: "prose"), Scripted([])]
)
def test_a_provider_that_fails_changes_nothing(provider: Scripted) -> None:
    found, room = ask_for(provider=provider)
    assert found == ask_for()[0]
    assert {b["decision"].tier for k, b in room.log if k == "decided"} == {"policy"}


@pytest.mark.parametrize("seed", range(12))
def test_random_but_valid_replies_never_end_a_request(seed: int) -> None:
    found, _ = ask_for(provider=RandomlyValid(seed))
    assert found.problem.target.value in customers().schema
    assert found.problem.features(customers().schema.names)


def test_an_option_that_can_not_be_honoured_is_not_asked_about() -> None:
    provider = reads()
    with pytest.raises(RequestError, match="no column 'shops'"):
        ask_for(provider=provider, group_column="shops")
    assert provider.asks == []
