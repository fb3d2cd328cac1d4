"""What may be asked for, as a language model is shown it: the action registry and the tools, as far as they apply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from modelwright.action import Action, Columns
from modelwright.actions import of_task, registry
from modelwright.estimators import all_estimators
from modelwright.problem import Problem
from modelwright.profile import Profile
from modelwright.tools import Tool, all_tools

GROUPS = ("feature", "preprocessing", "selection", "view", "resampling", "weighting", "target", "calibration",
          "threshold", "ensemble")  # fmt: skip
ROLES = ("columns", "time_column", "group_column", "keep_columns")
"""Parameters that many actions share; they are explained once."""
MOST_PARAMETERS = 4
SHARED = """\
what else there is, with defaults (features, preprocessing and selection take columns=[names] besides; those of the \
past also time_column and group_column, which default to the problem's):"""
KIND_WORDS = {"numbers": "numeric", "categories": "category", "dates": "datetime", "texts": "text"}
"""What parameters that name columns say of the columns they apply to, and the kind it means."""


PLANNED = ("feature", "preprocessing", "selection", "resampling", "weighting", "target")
"""What a plan is made of, besides its estimator."""


def actions_text(
    task: str,
    profile: Profile,
    *,
    detail: Iterable[str] = (),
    problem: Problem | None = None,
    groups: Iterable[str] = GROUPS,
    seconds: Mapping[str, float] | None = None,
) -> str:
    """The action registry, as far as it applies to a task, its columns and its number of rows.

    Estimators are listed by family with their names, everything else with what it does and its parameters' names.

    Args:
        task: the task type.
        profile: the columns there are.
        detail: names of actions whose parameters are shown in full, with ranges, defaults and meaning.
        problem: leaves out features of the past where rows have no order and no groups, and estimators that a person
            couldn't read where that is demanded; what isn't installed is always left out.
        groups: which categories to show besides estimators.
        seconds: what a whole evaluation of each estimator takes; those that aren't named aren't shown.
    """
    wanted = set(detail)
    actions = offered(task, profile, problem)
    families: dict[str, list[str]] = {}
    for name, estimator in all_estimators().items():
        if name in actions and (seconds is None or name in seconds):
            families.setdefault(estimator.family, []).append(name if seconds is None else f"{name} {seconds[name]:g}")
    about = "" if seconds is None else ", each with the core seconds that a whole cross-validation takes about here"
    lines = [f"estimators by family{about}:", *(f"{family}: {', '.join(names)}" for family, names in families.items())]
    lines.append(SHARED)
    for group in groups:
        members = [a for a in actions.values() if a.category == group]
        lines += [f"{group}:", *(_action_line(a) for a in members)] if members else []
    lines += [actions[name].render() for name in actions if name in wanted]
    return "\n".join(("<actions>", *lines, "</actions>"))


def offered(task: str, profile: Profile, problem: Problem | None = None) -> dict[str, Action]:
    """The actions that have anything to do here, by name; see :func:`actions_text`."""
    return {a.name: a for a in of_task(task) if _fits(a, profile, problem)}


def action_lines(names: Iterable[str]) -> str:
    """Some actions, each with what it does and its parameters, on a line of its own."""
    known = registry()
    return "\n".join(
        _action_line(known[name], len(known[name].params)) for name in dict.fromkeys(names) if name in known
    )


def _action_line(action: Action, most: int = MOST_PARAMETERS) -> str:
    own = [p for p in action.params if p.name not in ROLES]
    shown = [f"{p.name}={p.default!r}" if len(repr(p.default)) < 14 else p.name for p in own[:most]]
    more = ["…"] if len(own) > most else []
    return f"- {action.name}({', '.join((*shown, *more))}): {_first_clause(action.description)}"


def _first_clause(text: str, limit: int = 95) -> str:
    """The first sentence, cut where a clause of it ends when it is long."""
    sentence = re.split(r"(?<=[.?!])\s", " ".join(text.split()), maxsplit=1)[0].rstrip(".")
    if len(sentence) <= limit:
        return sentence
    ends = [m.start() for m in re.finditer(r"[,:;] | \(", sentence[:limit])]
    whole = [end for end in ends if end > 30 and sentence.count("(", 0, end) == sentence.count(")", 0, end)]
    return sentence[: whole[-1]] if whole else f"{sentence[: sentence.rfind(' ', 0, limit)]} …"


def _fits(action: Action, profile: Profile, problem: Problem | None) -> bool:
    """Whether an action has anything to do here."""
    if action.category == "estimator":
        member = all_estimators()[action.name]
        readable = problem is None or not problem.constraints.interpretable or member.interpretable
        served = member.installed and profile.rows <= (member.max_rows or profile.rows)
        return member.family != "baseline" and readable and served
    kinds = {"category" if c.kind == "boolean" else c.kind for c in profile.columns if c.name != profile.target}
    order = "datetime" in kinds if problem is None else problem.time_column.value or problem.group_column.value
    if any(p.name == "time_column" for p in action.params) and not order:
        return False
    for param in action.params:
        meant = {KIND_WORDS[word] for word in re.findall(r"\b\w+\b", param.doc) if word in KIND_WORDS}
        if isinstance(param, Columns) and meant and not meant & kinds:
            return False
    return True


def tools_text(names: Iterable[str] | None = None) -> str:
    """What a program may call: signatures, each with the first sentence of what it does and what dictionaries hold.

    Args:
        names: only these tools; all by default.
    """
    wanted = None if names is None else set(names)
    lines = [_tool_line(tool) for name, tool in sorted(all_tools().items()) if wanted is None or name in wanted]
    return "\n".join(("<tools>", *lines, "</tools>"))


def _tool_line(tool: Tool) -> str:
    text = f"{tool.name}{_signature(str(tool.signature))}: {_first_clause(tool.doc, 160)}"
    # What a dictionary holds isn't in the signature.
    for title in ("config: ", "Returns:\n"):
        found = re.search(rf"^ *{title}(.*?)(?=\n *\w+: |\n\n|\Z)", tool.doc, re.DOTALL | re.MULTILINE)
        if found and ("config" in title or text.find("-> dict") > 0):
            text += f". {title.strip()} {' '.join(found.group(1).split()).replace('``', '').rstrip('.')}"
    return text


def _signature(text: str) -> str:
    """A signature as it is written, without quotes around types and with short names of common ones."""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    return re.sub(r"dict\[str, Any\]", "dict", text)
