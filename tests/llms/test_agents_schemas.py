from __future__ import annotations

import random
from typing import Any

import pytest
from gbnf import sample

from modelwright.agents import Agent, all_agents
from modelwright.llms import Ask, Message
from modelwright.llms._grammar import grammar
from modelwright.llms.doubles import RandomlyValid


@pytest.mark.parametrize("agent", all_agents().values(), ids=lambda a: a.name)
def test_every_agent_can_be_answered_by_a_local_model_and_by_chance(agent: type[Agent[Any, Any]]) -> None:
    schema = agent.answer.model_json_schema()
    rules = grammar(schema)
    for n in range(15):
        agent.answer.model_validate_json(sample(rules, random.Random(n)))
        said = RandomlyValid(n).complete(Ask(agent.name, (Message("user", "hello"),), schema), 5.0)
        agent.answer.model_validate_json(said.text)
