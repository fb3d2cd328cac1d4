"""The prompts of the loop's agents, in full: all that is needed, and nothing from a row."""

from __future__ import annotations

import re

import pytest
from asking_cases import GOLDEN, customers
from loop_cases import CELL, openings, prompts

TOKENS = {
    "designer": 5_000,
    "programmer": 2_800,
    "analyst": 1_800,
    "hypothesizer": 3_000,
    "recovery": 3_800,
    "retriever": 2_400,
}
"""At most, on the small table, at 3.5 characters a token; three iterations must stay below 60,000."""


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    return prompts()


@pytest.mark.parametrize("agent", TOKENS)
def test_prompts_are_as_recorded(agent: str, shown: dict[str, str]) -> None:
    """Run ``python tests/agents/loop_cases.py`` to record them after a change that is meant."""
    assert shown[agent] == (GOLDEN / f"{agent}.md").read_text("utf-8")


@pytest.mark.parametrize("agent", TOKENS)
def test_prompts_keep_to_their_size(agent: str, shown: dict[str, str]) -> None:
    assert len(shown[agent]) / 3.5 < TOKENS[agent]


@pytest.mark.parametrize("agent", TOKENS)
def test_nothing_of_a_row_is_in_them(agent: str, shown: dict[str, str]) -> None:
    """Aggregates only: no id, no date of a single row, no word of an error that may come from a cell."""
    frame = customers().frame
    text = shown[agent]
    assert not re.search(r"\bC0\d{3}\b", text)
    assert CELL not in text and "he leaves" not in text
    assert not [day for day in frame["joined"].dt.strftime("%Y-%m-%d") if day in text][2:]
    precise = [f"{value:.2f}" for value in frame["refund_paid"] if value >= 10]
    assert sum(value in text for value in precise) < 5


def test_the_system_message_never_depends_on_the_data() -> None:
    for agent, (system, _) in openings().items():
        assert "churned" not in system.text, agent
        assert "tenure" not in system.text, agent
