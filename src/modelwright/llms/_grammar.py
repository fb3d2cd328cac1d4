"""JSON schemas as grammars in llama.cpp's notation (GBNF): whatever follows the grammar follows the schema.

llama.cpp has a translation of its own; it lets control characters into strings, doesn't keep ranges of numbers, and
some patterns end its process. Ours refuses what it doesn't know.

Strings are made of printable ASCII and of escapes for other characters, because a model whose tokens are bytes can
otherwise be led into text that isn't UTF-8. They neither begin nor end with space. Where the schema sets no limits,
arrays and strings end at some length nevertheless, so that a model which can't stop doesn't fill its context.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.llms import _pattern
from modelwright.llms._numbers import number_rule
from modelwright.llms._pattern import Alternatives, Class, Part, Repeat, Unsupported
from modelwright.llms._random import height, heights
from modelwright.llms._schema import (
    Anything,
    Array,
    Choice,
    Constant,
    Node,
    Number,
    Object,
    Reference,
    Text,
    parse_schema,
)

MOST_CHARACTERS, MOST_ITEMS = 1_000, 24
"""Of strings and arrays without a limit of their own."""

_BLOCK = 100

_SHARED = {
    "char": r'[ !#-\[\]-~] | "\\" (["\\/nt] | "u" code)',
    # Neither control characters nor halves of surrogate pairs.
    "code": '"00" [a-f] [0-9a-f] | "0" [1-9a-f] [0-9a-f]{2} | [1-9abc] [0-9a-f]{3} | "d" [0-7] [0-9a-f]{2}',
    "ink": r'[!#-\[\]-~] | "\\" (["\\] | "u" ink-code)',
    "ink-code": '"00" [b-f] [0-9a-f] | "0" [1-9a-f] [0-9a-f]{2} | [4-9abc] [0-9a-f]{3} | "d" [0-7] [0-9a-f]{2}',
    "key": r'"\"" [A-Za-z_] [A-Za-z0-9_.-]{0,39} "\""',
    "anything": r'"null" | "true" | "false" | "-"? [0-9] | [1-9] [0-9]{1,8} | "\"" char{0,60} "\""',
}


def grammar(schema: Mapping[str, Any]) -> str:
    """The grammar of a schema.

    Raises:
        Unsupported: when the schema demands something that isn't known here: a reply must never be taken for
            guaranteed when it isn't.
    """
    parsed = parse_schema(schema)
    known = heights(parsed)
    if any(math.isinf(h) for h in (height(parsed.root, known), *known.values())):
        raise Unsupported("a value that would have to hold itself")
    names = {name: f"def-{n}" for n, name in enumerate(parsed.definitions)}
    writer = _Writer(names)
    rules = {"root": writer.value(parsed.root)}
    rules |= {names[name]: writer.value(node) for name, node in parsed.definitions.items()}
    return "".join(f"{name} ::= {body}\n" for name, body in {**rules, **writer.rules, **_SHARED}.items())


class _Writer:
    """Writes right-hand sides; what is needed beside them becomes rules."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names, self.rules = names, dict[str, str]()

    def value(self, node: Node) -> str:
        match node:
            case Reference():
                return self.names[node.name]
            case Constant():
                return _literal(_spaced(node.json))
            case Choice():
                return _either([self.value(o) for o in node.options])
            case Text():
                return self._text(node)
            case Number():
                return f"({number_rule(node)})"
            case Array():
                return self._array(node)
            case Object():
                return self._object(node)
            case Anything():
                return "anything"

    def _text(self, node: Text) -> str:
        if node.pattern is not None:
            return f'"\\"" {_part(node.pattern)} "\\""'
        low, high = node.low, max(node.low, MOST_CHARACTERS) if node.high is None else node.high
        if low > high:
            raise Unsupported("a text of an impossible length")
        return _string(low, high)

    def _array(self, node: Array) -> str:
        if node.unique:
            raise Unsupported("items that all differ")
        low = node.low
        high = max(low, MOST_ITEMS, len(node.prefix)) if node.high is None else node.high
        fixed = [self.value(n) for n in node.prefix[:high]]
        if low > high or (node.item is None and low > len(fixed)):
            raise Unsupported("as many items as are demanded")
        item = None if node.item is None else self._named(self.value(node.item))
        more = max(0, high - len(fixed)) if item is not None else 0
        body = f'(", " {item}){{{max(0, low - len(fixed))},{more}}}' if more else ""
        if fixed:
            return f'"[" {self._row(fixed)} {body} "]"'
        if more == 0:
            return '"[]"'
        rest = f'(", " {item}){{{max(0, low - 1)},{more - 1}}}' if more > 1 else ""
        return f'"[" {item} {rest} "]"' if low else f'"[" ({item} {rest})? "]"'

    def _row(self, values: Sequence[str]) -> str:
        return ' ", " '.join(values)

    def _object(self, node: Object) -> str:
        needed = sum(required for _, _, required in node.fields)
        if node.fields:
            if node.low > needed or (node.high is not None and node.high < len(node.fields)):
                raise Unsupported("a count of fields")
            pairs = [
                (f"{_literal(json.dumps(name) + ': ')} {self.value(value)}", required)
                for name, value, required in node.fields
            ]
            return f'"{{" {self._fields(pairs)} "}}"'
        high = max(node.low, 8) if node.high is None else node.high
        if node.other is None or high == 0:
            return '"{}"'
        if node.low > 1 or node.low > high:
            raise Unsupported("a count of fields")  # the same name twice would be one field
        pair = self._named(f'key ": " {self.value(node.other)}')
        rest = f'(", " {pair}){{0,{high - 1}}}'
        return f'"{{" {pair} {rest} "}}"' if node.low else f'"{{" ({pair} {rest})? "}}"'

    def _fields(self, pairs: Sequence[tuple[str, bool]]) -> str:
        """Fields in their order, so that what a model is to consider first comes first; optional ones may be left out.

        From the end: what follows when something came before, and what follows when nothing did.
        """
        after, alone = '""', '""'
        for pair, required in reversed(pairs):
            name = self._named(pair)
            first = f"{name} {after}"
            after_here = f'", " {name} {after}' if required else f'(", " {name})? {after}'
            alone = first if required else self._named(f"{first} | {alone}")
            after = self._named(after_here)
        return alone

    def _named(self, body: str) -> str:
        """A rule of its own, shared where the same is needed again."""
        for name, known in self.rules.items():
            if known == body:
                return name
        name = f"r-{len(self.rules)}"
        self.rules[name] = body
        return name


def _either(options: Sequence[str]) -> str:
    return f"({' | '.join(options)})"


def _string(low: int, high: int) -> str:
    """A string of so many characters, without space at its ends: what reads it may strip it first, and count then."""
    if high == 0:
        return '"\\"\\""'
    one = '"" | ink' if low == 0 else "ink"
    if high == 1:
        return f'"\\"" ({one}) "\\""'
    more = f"ink {_characters(max(0, low - 2), high - 2)} ink"
    return f'"\\"" ({more}) "\\""' if low > 1 else f'"\\"" ({one} | {more}) "\\""'


def _characters(low: int, high: int) -> str:
    """So many characters; in blocks where they are many, since a repetition of n is n rules to the server."""
    if high <= 4 * _BLOCK:
        return f"char{{{low},{high}}}"
    start = "" if low == 0 else f"char{{{low}}} "
    blocks, rest = divmod(high - low, _BLOCK)
    return f"{start}(char{{{_BLOCK}}}){{0,{blocks - 1}}} char{{0,{_BLOCK + rest}}}"


def _part(part: Part) -> str:
    match part:
        case Class():
            return _class(part.characters)
        case _pattern.Sequence():
            return f"({' '.join(_part(p) for p in part.parts)})" if part.parts else '""'
        case Alternatives():
            return _either([_part(p) for p in part.options])
        case Repeat():
            return f"{_part(part.part)}{{{part.low},{part.high}}}"


def _class(characters: frozenset[str]) -> str:
    """One of several characters, as they stand in a JSON string."""
    plain = sorted(characters - {'"', "\\"})
    options = [_literal(json.dumps(c)[1:-1]) for c in sorted(characters & {'"', "\\"})]
    if any(not c.isascii() for c in plain):
        options += [_literal(json.dumps(c)[1:-1]) for c in plain if not c.isascii()]
        plain = [c for c in plain if c.isascii()]
    if plain:
        options.insert(0, f"[{''.join(_in_class(c) for c in plain)}]")
    return options[0] if len(options) == 1 else _either(options)


def _in_class(character: str) -> str:
    return f"\\x{ord(character):02X}" if character in "[]^-\\" else character


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _spaced(value: str) -> str:
    return json.dumps(json.loads(value))
