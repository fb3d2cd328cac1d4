"""Brings demands together: of the statement, of a file, of single sentences; and finds the columns they speak of."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

from modelwright.errors import RequestError
from modelwright.policy._demands import demands_of, joined
from modelwright.policy._target import named_column
from modelwright.policy._words import fold, name_tokens
from modelwright.policy.constraints import INTERPRETABLE, UNLESS
from modelwright.problem import Constraints
from modelwright.profiling import printable
from modelwright.table import Schema

_FORBIDS = re.compile(
    r"(?:never use|(?:do not|don't|must not|mustn't) use|exclude|ignore|leave out)\s+(?:the )?(.+)$", re.IGNORECASE
)
_SAME = ({"gender", "sex"}, {"race", "ethnicity", "ethnic"}, {"age", "birthday"}, {"nationality", "country"})


def stated_demands(statement: str) -> Constraints:
    """The demands that a problem's statement makes besides saying what is to be predicted.

    Only what can hardly mean anything else is taken: speed, size, recall, costs, directions, fairness, and that a
    person must be able to read the model. What isn't understood stays part of the statement.
    """
    found: dict[str, Any] = {}
    for sentence in re.split(r"(?<=[.!?;])\s+|\n+", statement):
        try:
            found = joined(found, demands_of(sentence))
        except RequestError:
            continue  # a sentence about the world, not a demand; a constraint would be refused
        low = fold(sentence)
        if re.search(rf"\b(?:must|should|needs? to|has to) be {INTERPRETABLE.pattern}", low) and not UNLESS.search(low):
            found["interpretable"] = True
    return Constraints(**found)


def merged(first: Constraints, second: Constraints) -> Constraints:
    """Both constraints together; where both set one value, the second's."""
    free = Constraints()
    found: dict[str, Any] = {}
    for part in fields(Constraints):
        a, b = getattr(first, part.name), getattr(second, part.name)
        if isinstance(a, tuple):
            found[part.name] = tuple(dict.fromkeys((*a, *b)))
        elif part.name == "monotone":
            found[part.name] = {**a, **b}
        else:
            found[part.name] = a if b == getattr(free, part.name) else b
    return Constraints(**found)


def resolved(constraints: Constraints, schema: Schema, *, stated: Constraints | None = None) -> Constraints:
    """Constraints whose columns are those of the data, with what the statement demands besides.

    A note that forbids exactly one known column becomes a demand. Columns of the statement that don't exist are left
    out: a sentence there may speak of the world.

    Args:
        constraints: what was demanded explicitly.
        schema: the columns of the data.
        stated: demands found in the statement.

    Raises:
        RequestError: when a column that was demanded doesn't exist, or can't have a direction.
    """
    if stated is not None:
        known = replace(
            stated,
            monotone={n: s for n, s in stated.monotone.items() if _known(n, schema) and _rises(n, schema)},
            fairness=tuple(f for f in stated.fairness if _known(f.column, schema)),
        )
        constraints = merged(known, constraints)
    notes, forbidden = [], list(constraints.exclude_columns)
    for note in constraints.notes:
        match = _FORBIDS.match(note.strip())
        name = _known(match.group(1).strip(" .`'\""), schema) if match else None
        if name is None:
            notes.append(note)
        else:
            forbidden.append(name)
    directions: dict[str, int] = {}
    for name, sign in constraints.monotone.items():
        column = _known(name, schema) or named_column(name, schema, "column with a direction")
        if not _rises(column, schema):
            raise RequestError(
                f"The prediction can't rise or fall with {printable(column)!r}, whose values are not numbers; "
                "demand a direction of a numeric column"
            )
        directions[column] = sign
    fairness = tuple(
        replace(f, column=_known(f.column, schema) or named_column(f.column, schema, "column of groups"))
        for f in constraints.fairness
    )
    return replace(
        constraints, exclude_columns=tuple(forbidden), notes=tuple(notes), monotone=directions, fairness=fairness
    )


def _known(name: str, schema: Schema) -> str | None:
    """The column that a word means, also by its singular, another word for it, or as part of one name only."""
    words = name_tokens(name)
    variants = [name, name.removesuffix("s")]
    variants += [w for same in _SAME if words and words[-1].removesuffix("s") in same for w in sorted(same)]
    for variant in variants:
        try:
            return named_column(variant, schema, "")
        except RequestError:
            continue
    inside = [c for c in schema.names if words and set(words) <= set(name_tokens(c))]
    return inside[0] if len(inside) == 1 else None


def _rises(name: str, schema: Schema) -> bool:
    column = _known(name, schema)
    return column is not None and schema[column].kind == "numeric"
