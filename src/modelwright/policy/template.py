"""A plan becomes a program, rendered from a template."""

from __future__ import annotations

import textwrap
from typing import Any

from modelwright.hashing import plain
from modelwright.plan import Plan
from modelwright.recipe import Use


def render(plan: Plan) -> str:
    """The program of a plan: it prepares the data, makes a model, evaluates it and returns the result.

    Inputs of the program are ``data``, ``target_column``, ``time_column`` and ``experiment_name``.
    """
    lines = [*_comment(f"{plan.name}: {plan.reason}" if plan.reason else plan.name)]
    lines.append("features = data")
    lines += [
        _call("features", "transform_dataset", ["features", _text(use.action), _params(use)]) for use in plan.transforms
    ]
    if plan.view is not None:
        lines.append(_call("features", "prepare_dataset", ["features", _text(plan.view.action), _params(plan.view)]))
    if plan.resampling is not None:
        config = {"strategy": plan.resampling.action} | dict(plan.resampling.params)
        lines.append(_call("features", "resample_dataset", ["features", "target_column", _literal(config)]))
    arguments = ["features", "target_column", _text(plan.estimator.action), _params(plan.estimator)]
    if plan.weighting is not None:
        arguments.append(f"weighting={_text(plan.weighting.action)}")
    if plan.target is not None:
        arguments.append(f"target_transform={_target(plan.target)}")
    lines.append(_call("model", "train_model", arguments))
    lines.append("result = evaluate_model(model, features, target_column)")
    lines.append('{"experiment_name": experiment_name} | result')
    return "\n".join(lines) + "\n"


def _call(name: str, tool: str, arguments: list[str]) -> str:
    one = f"{name} = {tool}({', '.join(arguments)})"
    if len(one) <= 110:
        return one
    inside = ",\n".join(textwrap.indent(a, "    ") for a in arguments)
    return f"{name} = {tool}(\n{inside},\n)"


def _target(use: Use) -> str:
    return _literal({"name": use.action} | dict(use.params)) if use.params else _text(use.action)


def _params(use: Use) -> str:
    return _literal(dict(use.params))


def _literal(value: Any) -> str:
    return repr(plain(value))


def _text(value: str) -> str:
    return repr(value)


def _comment(text: str) -> list[str]:
    # A column's name may hold line breaks; a comment must stay one.
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return [f"# {line}" for line in textwrap.wrap(flat, 100)]
