"""Data for runs that are killed and broken, and how many of them there are."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pandas as pd

from modelwright.testing.provider_server import Asked, Said

MANY = int(os.environ.get("MODELWRIGHT_DRILLS", "0"))
"""How many random cases are tried besides the few that are tried always; ``make drills`` sets it."""


def customers(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Clean columns, two classes that can be told apart fairly well."""
    rng = np.random.default_rng(seed)
    x, c = rng.normal(size=n), rng.choice(["north", "south", "west"], n)
    signal = x + 0.8 * (c == "north") + rng.normal(0, 0.6, n)
    return pd.DataFrame({"x": x, "c": c, "z": rng.normal(size=n), "left": np.where(signal > 0.5, "yes", "no")})


ANSWERS: dict[str, Any] = {
    "You design machine-learning experiments": {
        "plans": [
            {
                "name": "without-noise", "idea": "One column is noise.", "mode": "explore",
                "transforms": [{"action": "keep_columns", "params": {"columns": ["x", "c"]}}],
                "estimator": {"action": "logistic_regression"}, "hypothesis": "z says nothing.", "confidence": 0.7,
                "expected_gain": 1,
            },
        ]
    },
    "You decide whether": {"verdict": "accept", "reason": "The target is there and the columns are about it."},
    "You are the librarian": {"picks": [{"note": "domain_formulas", "reason": "known indices"}]},
    "You read the results": {"summary": "Noise matters.", "trend": "flat", "go_on": True, "reason": "more to find"},
    "You tell what came out": {"paragraphs": ["The model tells who leaves.", "It looks at x.", "Use it with care."]},
    "You make hypotheses": {"hypotheses": [{"text": "x shifts the border.", "confidence": 0.3}]},
}  # fmt: skip


def thoughts(request: Asked) -> Said:
    """What a language model answers to the agents of a run on :func:`customers`."""
    messages = request.body.get("messages", [])
    first = str(messages[0]["content"]) if messages else ""
    answer = next((a for start, a in ANSWERS.items() if first.startswith(start)), {})
    if not request.functions:
        return Said("OK")  # the check of the provider
    return Said(None, ((next(iter(request.functions)), json.dumps(answer)),))
