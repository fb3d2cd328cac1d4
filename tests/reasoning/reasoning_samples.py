"""A table whose target is easy for somebody who knows the domain, and somebody who does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from modelwright import searching
from modelwright.llms import Ask
from modelwright.plan import Plan
from modelwright.policy.ground import Ground
from modelwright.policy.made import Seen

PROBLEM = "Predict the body fat class (fat) of a person."
FIRST = {
    "name": "body-mass-index",
    "idea": "Body fat follows weight over height squared, which trees can only approximate in steps.",
    "transforms": [{"action": "sql_features", "params": {"expressions": {"bmi": '"weight" / ("height" * "height")'}}}],
    "estimator": {"action": "logistic_regression"},
    "mode": "explore",
    "beyond": "Compare it with and without the index.",
    "hypothesis": "The body mass index tells nearly all.",
    "confidence": 0.9,
    "expected_gain": 20,
}
SECOND = {
    "name": "ratio-of-waist",
    "idea": "The waist in relation to the height is the other well-known index.",
    "transforms": [{"action": "sql_features", "params": {"expressions": {"whtr": '"waist" / "height"'}}}],
    "estimator": {"action": "lightgbm"},
    "mode": "explore",
    "hypothesis": "The waist adds something.",
    "confidence": 0.4,
    "expected_gain": 2,
}

THIRD = {
    **SECOND,
    "name": "age-groups",
    "transforms": [{"action": "binning", "params": {"columns": ["age"]}}],
    "hypothesis": "Age groups shift the border.",
}


TAKE_LONG = {"lightgbm", "xgboost", "catboost", "extra_trees", "random_forest", "mlp"}


def thrifty(ground: Ground, number: int, plans: Sequence[Plan], seen: Seen, design=searching.design) -> Plan | None:
    """Stands in for the policies where only the model's part in a run matters: their plans that are quickly fitted."""
    left_out: list[Plan] = []
    while (plan := design(ground, number, [*plans, *left_out], seen)) and plan.estimator.action in TAKE_LONG:
        left_out.append(plan)
    return plan


def bodies(n: int = 400, seed: int = 5) -> pd.DataFrame:
    """People: the class depends on weight over height squared."""
    rng = np.random.default_rng(seed)
    height, weight = rng.uniform(1.4, 2.1, n), rng.uniform(45, 130, n)
    waist, age = rng.uniform(60, 130, n), rng.integers(18, 80, n)
    fat = (weight / height**2 + rng.normal(0, 1.2, n) > 27).astype(int)
    return pd.DataFrame({"height": height, "weight": weight, "waist": waist, "age": age, "fat": fat})


def thought(purpose: str, text: str) -> Mapping[str, Any] | str:
    """What somebody who knows about bodies answers to an agent's question."""
    if purpose == "designer":
        return {"plans": [THIRD] if "body-mass-index" in text else [FIRST, SECOND]}
    if purpose == "programmer":
        # The template, with a line that shows whose it is.
        program = text.split("```")[1].strip("\n").replace("features = data", "features = data\n# by hand")
        return {"program": program}
    answers: dict[str, Mapping[str, Any]] = {
        "manager": {"verdict": "accept", "reason": "The target is there and the columns are about it."},
        "interpreter": {},
        "retriever": {"picks": [{"note": "domain_formulas", "reason": "known indices"}]},
        "analyst": {"summary": "The index helps.", "trend": "improving", "go_on": True, "reason": "more to find"},
        "hypothesizer": {"hypotheses": [{"text": "Age shifts the border.", "confidence": 0.3}]},
        "recovery": {"cause": "It is unknown.", "recoverable": False},
    }
    return answers.get(purpose, "OK")


def knows(ask: Ask) -> Mapping[str, Any] | str:
    """:func:`thought` as a script."""
    return thought(ask.purpose, ask.messages[-1].text)


def text_of(asks: list[Ask]) -> str:
    """Everything that was sent, as one text."""
    return "\n".join(json.dumps([m.text for m in a.messages], ensure_ascii=False) for a in asks)
