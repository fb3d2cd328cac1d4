"""The manager: stopping a request takes a reason, the person's own words, and a way on."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.agents import Unacceptable
from modelwright.agents._asking import Asked
from modelwright.agents.manager import Manager, Ruling

FACTS = Asked(
    '"Which customers leave?"', (), "", "<data></data>", ("Customer ID", "churned", "left"), "Which customers leave?"
)
REFUSAL = {
    "verdict": "refuse",
    "reason": "No column says who left, so nothing can be learnt.",
    "words": "customers leave",
    "possible": "Add a column that says who left in the past.",
}
QUESTION = {
    "verdict": "ask",
    "reason": "Both columns speak of customers who left.",
    "words": "leave",
    "question": "Which of the two columns do you mean?",
    "candidates": ["left", "CHURNED", "left"],
}


def review(**said: Any) -> Ruling:
    return Manager().review(Ruling.model_validate(said), FACTS)


def test_names_are_brought_to_their_spelling() -> None:
    assert review(verdict="accept", target="customer  id").target == "Customer ID"
    assert review(**QUESTION).candidates == ["left", "churned"]
    assert review(verdict="accept", target="", candidates=["nonsense"]).candidates == []


def test_a_refusal_with_all_it_takes_is_let_through() -> None:
    assert review(**REFUSAL).verdict == "refuse"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (REFUSAL | {"reason": "no"}, "reason: say why"),
        (REFUSAL | {"words": "predict the weather"}, "words: copy the words"),
        (REFUSAL | {"words": ""}, "words: copy the words"),
        (REFUSAL | {"words": "eave"}, "words: copy the words"),
        (REFUSAL | {"possible": ""}, "possible: say what"),
        (QUESTION | {"question": "?"}, "question: ask"),
        (QUESTION | {"candidates": ["left"]}, "candidates: name two"),
        (QUESTION | {"candidates": ["left", "churn"]}, "no column 'churn'; did you mean 'churned'"),
        ({"verdict": "accept", "target": "churns"}, "did you mean 'churned'"),
    ],
)
def test_what_stops_a_request_without_grounds_goes_back(said: dict[str, Any], problem: str) -> None:
    with pytest.raises(Unacceptable, match=problem):
        review(**said)


def test_quotations_forgive_case_quotes_and_blanks() -> None:
    asked = Asked("", (), "", "", (), "We’d like to know:  Which\ncustomers LEAVE?")
    assert asked.quotes("“which customers leave?”") and asked.quotes("we'd like")
    assert not asked.quotes("customers left") and not asked.quotes("?")


def test_long_texts_are_cut_and_made_harmless() -> None:
    ruling = Ruling.model_validate(
        {"verdict": "accept", "caution": "\x1b[31mred\u202e " + "word " * 200, "reason": None}
    )
    assert len(ruling.caution) == 300 and ruling.caution.startswith("[31mred word") and ruling.reason == ""
