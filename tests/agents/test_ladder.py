"""The ladder: structured output, JSON in words, the policy; and why each step down was taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import Field

from modelwright.agents import Agent, Answer, Unacceptable
from modelwright.agents._ladder import CORRECTIONS, LONGEST, Decided, closed, decide, parsed
from modelwright.llms import Ask, Message, NotAuthorised, NotUnderstood, ProviderError, Reply


class Bid(Answer):
    card: Literal["ace", "king"]
    stake: float = Field(ge=0, le=10, allow_inf_nan=False)
    why: list[str] = Field(default_factory=list, max_length=3)


@dataclass(frozen=True)
class Table:
    limit: float


class Player(Agent[Table, Bid]):
    name = "player"
    answer = Bid

    def messages(self, facts: Table) -> tuple[Message, ...]:
        return Message("system", "You play."), Message("user", f"Stake at most {facts.limit:g}.")

    def review(self, answer: Bid, facts: Table) -> Bid:
        if answer.stake > facts.limit:
            raise Unacceptable(f"- stake: at most {facts.limit:g}")
        return answer


GOOD = '{"card": "ace", "stake": 2}'
POLICY = Bid(card="king", stake=0)


def play(*said: str | Reply | Exception, native: bool = True) -> tuple[Decided[Bid], list[Ask]]:
    """What is decided when these are the replies, and what was asked for it."""
    asked: list[Ask] = []
    left = list(said)

    def ask(request: Ask) -> Reply:
        asked.append(request)
        reply = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Reply) else Reply(reply, "test:one")

    return decide(Player(), Table(5), lambda: POLICY, ask, native=native), asked


def test_a_good_answer_is_taken_at_once() -> None:
    decided, asked = play(GOOD)
    assert (decided.answer, decided.tier, decided.descents) == (Bid(card="ace", stake=2), "native", ())
    assert len(asked) == 1
    assert asked[0].schema is not None and asked[0].purpose == "player"


@pytest.mark.parametrize(
    "text",
    [
        "Sure! Here it is:\n```json\n" + GOOD + "\n```\nGood luck.",
        "```\n" + GOOD + "\n```",
        "I say " + GOOD + " and that is final.",
        '{"card": "ace", "stake": 2,}',
        "{'card': 'ace', 'stake': 2}",
        '{card: "ace", /* high */ "stake": 2}',
        '{"card": "ace", "stake": "2", "mood": "bold"}',
        '{"card": "ace", "stake": 2.0, "why": []}',
    ],
)
def test_small_slips_are_mended(text: str) -> None:
    assert parsed(Reply(text, "m"), Bid) == Bid(card="ace", stake=2)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("", "m"), "empty"),
        (Reply("I would rather not bet.", "m"), "no JSON object"),
        (Reply("I think {target} is good", "m"), "no JSON object"),
        (Reply('{"card": "ace", "stake": 2, "why": ["it is', "m", finish="length"), "in the middle; it was cut off"),
        (Reply('{"card": "ace", "stake": 2, "why": ["it is"', "m"), "ends in the middle"),
        (Reply('{"card": "joker", "stake": 2}', "m"), "card: Input should be 'ace' or 'king'"),
        (Reply('{"card": "ace", "stake": "plenty"}', "m"), "stake: Input should be a valid number"),
        (Reply('{"card": "ace", "stake": NaN}', "m"), "stake: Input should"),
        (Reply('{"card": "ace"}', "m"), "stake: Field required"),
        (Reply('[{"card": "ace", "stake": 2}, {"card": "king", "stake": 1}]', "m"), "no JSON object"),
        (Reply('{"card": "\\ud800", "stake": 2}', "m"), "card"),
        (Reply('{"card": ' * 50_000, "m"), "longer than"),
        (Reply('{"why": ' + "[" * 90_000 + "]" * 90_000 + "}", "m"), "no JSON object"),
        (Reply(GOOD + " " * LONGEST, "m"), "longer than"),
        (Reply(GOOD, "m", finish="refusal"), "refused"),
    ],
)
def test_what_can_not_be_used_is_said(reply: Reply, reason: str) -> None:
    with pytest.raises(Unacceptable, match=reason):
        parsed(reply, Bid)


def test_what_is_wrong_goes_back_and_a_corrected_answer_is_taken() -> None:
    decided, asked = play('{"card": "ace", "stake": 9}', "no idea", GOOD)
    assert (decided.tier, decided.answer.stake, len(asked)) == ("native", 2, 3)
    *_, again, wrong, problem = asked[-1].messages
    assert "at most 5" in again.text
    assert (wrong.role, wrong.text) == ("assistant", "no idea")
    assert problem.role == "user" and "no JSON object" in problem.text


def test_words_follow_structure_and_the_policy_follows_words() -> None:
    decided, asked = play("prose and nothing else")
    assert decided.answer is POLICY and decided.tier == "policy"
    assert [d.tier for d in decided.descents] == ["native", "prompted"]
    assert all("no JSON object" in d.reason and "\n" not in d.reason for d in decided.descents)
    assert len(asked) == len(decided.replies) == 2 * (CORRECTIONS + 1)
    schemas = [request.schema is not None for request in asked]
    assert schemas == [True] * (CORRECTIONS + 1) + [False] * (CORRECTIONS + 1)
    assert '"enum":["ace","king"]' in asked[-1].messages[1].text


def test_what_is_wrong_about_the_content_is_not_asked_for_in_another_form() -> None:
    decided, asked = play('{"card": "ace", "stake": 9}')
    assert decided.answer is POLICY
    assert [d.tier for d in decided.descents] == ["native"]
    assert len(asked) == CORRECTIONS + 1


def test_a_provider_without_structured_output_is_asked_in_words() -> None:
    decided, asked = play(NotUnderstood("it knows no tools"), GOOD)
    assert decided.tier == "prompted" and decided.answer.card == "ace"
    assert [(d.tier, d.reason) for d in decided.descents] == [("native", "it knows no tools")]
    assert [request.schema is None for request in asked] == [False, True]
    decided, asked = play(GOOD, native=False)
    assert (decided.tier, len(asked), asked[0].schema) == ("prompted", 1, None)


@pytest.mark.parametrize("error", [ProviderError("it broke"), NotAuthorised("no key")])
def test_nobody_to_ask_means_the_policy_at_once(error: ProviderError) -> None:
    decided, asked = play(error)
    assert decided.tier == "policy" and len(asked) == 1
    assert [(d.tier, d.reason) for d in decided.descents] == [("native", str(error))]


def test_a_provider_that_breaks_in_words_as_well() -> None:
    decided, _ = play(NotUnderstood("no tools"), ProviderError("it broke"))
    assert decided.tier == "policy"
    assert [(d.tier, d.reason) for d in decided.descents] == [("native", "no tools"), ("prompted", "it broke")]


def test_an_endless_answer_is_not_sent_back_whole() -> None:
    _, asked = play("x" * 150_000, GOOD)
    assert sum(len(m.text) for m in asked[-1].messages) < 6_000


def test_schemas_are_closed_at_every_depth() -> None:
    class Part(Answer):
        title: str

    class Whole(Answer):
        parts: list[Part]
        free: dict[str, Any]

    def objects(schema: Any) -> Sequence[Any]:
        inner = list(schema.values()) if isinstance(schema, dict) else schema if isinstance(schema, list) else []
        own = [schema] if isinstance(schema, dict) and isinstance(schema.get("properties"), dict) else []
        return own + [o for part in inner for o in objects(part)]

    found = objects(closed(Whole.model_json_schema()))
    assert len(found) == 2 and all(o["additionalProperties"] is False for o in found)
    assert set(found[-1]["properties"]) <= {"title", "parts", "free"}


def test_the_policy_is_not_asked_when_it_is_not_needed() -> None:
    def refuse() -> Bid:
        raise AssertionError("nobody needed the policy")

    ask: Callable[[Ask], Reply] = lambda request: Reply(GOOD, "m")  # noqa: E731
    assert decide(Player(), Table(5), refuse, ask).answer.card == "ace"
