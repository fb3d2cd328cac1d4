from __future__ import annotations

import pytest

from modelwright.llms import Ask, Busy, Message, NotUnderstood, Reply, all_providers
from modelwright.llms.doubles import RandomlyValid, Scripted

ASK = Ask("tester", (Message("user", "Which of tenure and churn?"),), {"type": "object", "additionalProperties": {}})


def test_a_script_is_followed_line_by_line() -> None:
    provider = Scripted([{"a": 1}, "text", Reply("ready", "x:y"), Busy("slow", 3.0)], prices=(1.0, 2.0))
    assert provider.complete(ASK, 1.0).text == '{"a": 1}'
    assert provider.complete(ASK, 1.0).text == "text"
    assert provider.complete(ASK, 1.0) == Reply("ready", "x:y")
    with pytest.raises(Busy):
        provider.complete(ASK, 1.0)
    with pytest.raises(NotUnderstood, match="no more replies"):
        provider.complete(ASK, 1.0)
    assert provider.asks == [ASK] * 5
    assert provider.price(1_000_000, 1_000_000) == 3.0


def test_chance_depends_on_seed_and_request_only() -> None:
    said = {RandomlyValid(1).complete(ASK, 1.0).text for _ in range(3)}
    assert len(said) == 1
    assert len({RandomlyValid(n).complete(ASK, 1.0).text for n in range(20)}) > 5


def test_what_chance_cannot_follow_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="keep to this schema"):
        RandomlyValid().complete(Ask("x", ASK.messages, {"not": {}}), 1.0)


def test_doubles_have_no_name_on_the_command_line() -> None:
    assert not {"", "scripted", "random", "replaying"} & set(all_providers())
