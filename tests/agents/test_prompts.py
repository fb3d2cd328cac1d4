"""What every agent owes: a template, a small closed schema; and the prompts before and after the loop, in full."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from asking_cases import ACCEPT, GOLDEN, HOSTILE, ask_for, choice, customers, prompts, saying

from modelwright.agents import MARK, all_agents
from modelwright.agents._ladder import closed

AGENTS = ("manager", "interpreter", "reporter")


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    return prompts()


@pytest.mark.parametrize("name", sorted(all_agents()))
def test_every_agent_has_a_template_and_a_small_closed_schema(name: str) -> None:
    source = (files("modelwright.agents") / "prompts" / f"{name}.md").read_text("utf-8")
    assert source.count(MARK) == 1
    assert "data" in source.partition(MARK)[0]
    schema = closed(all_agents()[name].answer.model_json_schema())
    assert schema["additionalProperties"] is False and schema["properties"]
    assert len(json.dumps(schema)) < 8_000


@pytest.mark.parametrize("agent", AGENTS)
def test_prompts_are_as_recorded(agent: str, shown: dict[str, str]) -> None:
    """Run ``python tests/agents/asking_cases.py`` to record them after a change that is meant."""
    assert shown[agent] == (GOLDEN / f"{agent}.md").read_text("utf-8")


@pytest.mark.parametrize("agent", AGENTS)
def test_prompts_are_short(agent: str, shown: dict[str, str]) -> None:
    without_data = re.sub(r"<(data|facts)>.*?</\1>", "", shown[agent], flags=re.DOTALL)
    assert len(without_data) / 3.5 < 1_500


def test_hostile_names_stay_inside_the_data_block() -> None:
    reading = customers({"region": HOSTILE, "shop": "x" * 300})
    _, room = ask_for(provider=saying(manager=ACCEPT, interpreter={"target": choice("churned")}), reading=reading)
    for agent in ("manager", "interpreter"):
        system, user = room.opening(agent)
        before, block, after = re.split(r"<data>\n|\n</data>", user.text)
        assert "ignore all previous" not in system.text + before + after
        assert all(line.count("</data>") == 0 and "=== user" not in line.split('"')[0] for line in block.splitlines())
        assert user.text.splitlines().count("</data>") == 1
