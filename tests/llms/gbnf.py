"""An independent reading of llama.cpp's grammar notation, to make up texts that a grammar allows."""

from __future__ import annotations

import random
import re
from typing import Any

_TOKENS = re.compile(
    r"""\s*(?:(?P<literal>"(?:\\.|[^"\\])*")|(?P<class>\[(?:\\.|[^\]\\])*\])|(?P<name>[a-zA-Z][a-zA-Z0-9-]*)"""
    r"""|(?P<count>\{\d+(?:,\d*)?\})|(?P<sign>[()|?*+]))"""
)


def sample(grammar: str, rng: random.Random) -> str:
    """A text that the grammar allows, from its rule ``root``."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines())
    parsed = {name: _alternatives(_tokens(body)) for name, body in rules.items()}
    return _text(("name", "root"), parsed, rng, 0)


def _tokens(body: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while body[place:].strip():
        match = _TOKENS.match(body, place)
        assert match, f"what is {body[place : place + 40]!r}?"
        found.append((str(match.lastgroup), match.group().strip()))
        place = match.end()
    return found


def _alternatives(tokens: list[tuple[str, str]]) -> Any:
    options: list[list[Any]] = [[]]
    while tokens and tokens[0][1] != ")":
        kind, text = tokens.pop(0)
        if (kind, text) == ("sign", "|"):
            options.append([])
        elif (kind, text) == ("sign", "("):
            inner = _alternatives(tokens)
            assert tokens.pop(0)[1] == ")"
            options[-1].append(inner)
        elif kind == "count" or text in ("?", "*", "+"):
            low, _, high = text.strip("{}").partition(",")
            bounds = {"?": (0, 1), "*": (0, 5), "+": (1, 5)}.get(text) or (int(low), int(high or low))
            options[-1].append(("repeat", options[-1].pop(), *bounds))
        else:
            options[-1].append((kind, text))
    return ("either", options)


def _text(node: Any, rules: dict[str, Any], rng: random.Random, depth: int) -> str:
    assert depth < 400, "the grammar may go on for ever"
    kind, what = node[0], node[1]
    if kind == "either":
        # Deep down, the shortest alternative: whether a grammar can end is the grammar's affair, when to is chance.
        options = sorted(what, key=lambda o: len(str(o)))[:1] if depth > 60 else what
        return "".join(_text(part, rules, rng, depth + 1) for part in rng.choice(options))
    if kind == "repeat":
        low, high = node[2], node[3]
        most = low if depth > 60 else high if rng.random() < 0.1 else min(high, low + 3)
        return "".join(_text(what, rules, rng, depth + 1) for _ in range(rng.randint(low, most)))
    if kind == "name":
        return _text(rules[what], rules, rng, depth + 1)
    if kind == "literal":
        return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), what[1:-1])
    return rng.choice([c for c in map(chr, range(0x20, 0x7F)) if re.fullmatch(what, c)])
