"""JSON schemas as a small tree of what a value may be, for writing grammars and for making values up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from modelwright.llms._pattern import Part, Unsupported, parse_pattern

_FORMATS = {
    "date": r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$",
    "time": r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
    "date-time": r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
    "uuid": r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
}
_ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "discriminator"}
_ANNOTATIONS |= {"$defs", "definitions", "$schema", "$id", "$comment"}
_DEEPEST = 60


@dataclass(frozen=True)
class Text:
    """A string: of so many characters, or of a pattern."""

    low: int = 0
    high: int | None = None
    pattern: Part | None = None


@dataclass(frozen=True)
class Number:
    """A number: at least and at most, with or without the bounds themselves."""

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False
    whole: bool = False
    multiple: float | None = None


@dataclass(frozen=True)
class Constant:
    """One JSON value."""

    json: str


@dataclass(frozen=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Array:
    """So many items of a kind, after those that have their own."""

    prefix: tuple[Node, ...]
    item: Node | None
    low: int
    high: int | None
    unique: bool


@dataclass(frozen=True)
class Object:
    """Named fields (name, value, whether it is required), and values of others (``None`` for no others)."""

    fields: tuple[tuple[str, Node, bool], ...]
    other: Node | None
    low: int
    high: int | None


@dataclass(frozen=True)
class Reference:
    """A definition by its name."""

    name: str


@dataclass(frozen=True)
class Anything:
    """Any JSON value."""


Node: TypeAlias = Text | Number | Constant | Choice | Array | Object | Reference | Anything


@dataclass(frozen=True)
class Schema:
    """A parsed schema."""

    root: Node
    definitions: Mapping[str, Node] = field(default_factory=dict)


def parse_schema(schema: Mapping[str, Any]) -> Schema:
    """A JSON schema (as pydantic writes them) as a tree.

    Raises:
        Unsupported: when it demands something that isn't known here: better none than a wrong one.
    """
    definitions = {f"#/{place}/{name}": d for place in ("$defs", "definitions") for name, d in _named(schema, place)}
    nodes = {name: _node(definition, 0) for name, definition in definitions.items()}
    root = _node(schema, 0)
    parsed = Schema(root, nodes)
    _check_references(parsed)
    return parsed


def _named(schema: Mapping[str, Any], place: str) -> list[tuple[str, Any]]:
    found = schema.get(place, {})
    return list(found.items()) if isinstance(found, Mapping) else []


def _node(schema: Any, depth: int) -> Node:
    if schema is True or schema == {}:
        return Anything()
    if not isinstance(schema, Mapping):
        raise Unsupported(f"{json.dumps(schema)[:40]} is no schema of a value")
    if depth > _DEEPEST:
        raise Unsupported("the schema is nested too deeply")
    said = {k: v for k, v in schema.items() if k not in _ANNOTATIONS}
    if not said:
        return Anything()
    for word, read in (("$ref", _reference), ("const", _constant), ("enum", _enumeration)):
        if word in said:
            _only(said, word, "type")
            return read(said[word])
    for word in ("anyOf", "oneOf"):
        if word in said:
            _only(said, word, "type")
            return _choice([_node(option, depth + 1) for option in said[word]])
    if "allOf" in said:
        _only(said, "allOf")
        if len(said["allOf"]) != 1:
            raise Unsupported("allOf of several schemas")
        return _node(said["allOf"][0], depth + 1)
    kind = said.get("type")
    if isinstance(kind, list):
        return _choice([_node({**said, "type": k}, depth + 1) for k in kind])
    readers: dict[Any, Callable[[Mapping[str, Any], int], Node]] = {
        "string": _text,
        "integer": _number,
        "number": _number,
        "array": _array,
        "object": _object,
        "boolean": lambda said, depth: Choice((Constant("true"), Constant("false"))),
        "null": lambda said, depth: Constant("null"),
    }
    if kind not in readers:
        raise Unsupported(f"a value of type {kind!r}")
    return readers[kind](said, depth)


def _only(said: Mapping[str, Any], *words: str) -> None:
    more = sorted(set(said) - set(words))
    if more:
        raise Unsupported(f"{more[0]} beside {words[0]}")


def _reference(name: str) -> Node:
    return Reference(name)


def _constant(value: Any) -> Node:
    return Constant(json.dumps(value))


def _enumeration(values: list[Any]) -> Node:
    return _choice([Constant(json.dumps(v)) for v in values])


def _choice(options: list[Node]) -> Node:
    if not options:
        raise Unsupported("a choice of nothing")
    return options[0] if len(options) == 1 else Choice(tuple(options))


def _text(said: Mapping[str, Any], depth: int) -> Node:
    _only(said, "type", "minLength", "maxLength", "pattern", "format")
    low, high = said.get("minLength", 0), said.get("maxLength")
    pattern = said.get("pattern")
    if "format" in said:
        if said["format"] not in _FORMATS or pattern is not None:
            raise Unsupported(f"a text of the format {said['format']!r}")
        pattern = _FORMATS[said["format"]]
    if pattern is None:
        return Text(low, high)
    part = parse_pattern(pattern)
    shortest, longest = part.lengths
    if shortest < low or (high is not None and longest > high):
        part = part.limited(low, high)
    return Text(low, high, part)


def _number(said: Mapping[str, Any], depth: int) -> Node:
    _only(said, "type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    lows = [(v, strict) for word, strict in (("minimum", False), ("exclusiveMinimum", True)) for v in _of(said, word)]
    highs = [(v, strict) for word, strict in (("maximum", False), ("exclusiveMaximum", True)) for v in _of(said, word)]
    low, above = max(lows) if lows else (None, False)
    high, below = min(highs, key=lambda b: (b[0], not b[1])) if highs else (None, False)
    return Number(low, high, above, below, said["type"] == "integer", said.get("multipleOf"))


def _of(said: Mapping[str, Any], word: str) -> list[Any]:
    return [said[word]] if word in said else []


def _array(said: Mapping[str, Any], depth: int) -> Node:
    _only(said, "type", "items", "prefixItems", "minItems", "maxItems", "uniqueItems")
    prefix = tuple(_node(s, depth + 1) for s in said.get("prefixItems", ()))
    items = said.get("items", True)
    low, high = said.get("minItems", 0), said.get("maxItems")
    if items is False:
        high = min(len(prefix), len(prefix) if high is None else high)
    item = None if items is False else _node(items, depth + 1)
    return Array(prefix, item, low, high, bool(said.get("uniqueItems", False)))


def _object(said: Mapping[str, Any], depth: int) -> Node:
    _only(said, "type", "properties", "required", "additionalProperties", "minProperties", "maxProperties")
    properties, required = said.get("properties", {}), set(said.get("required", ()))
    if required - set(properties):
        raise Unsupported("a required field that isn't described")
    fields = tuple((name, _node(s, depth + 1), name in required) for name, s in properties.items())
    more = said.get("additionalProperties", not fields)
    # Fields that a schema with named fields neither describes nor forbids aren't made up.
    closed = more is False or (more is True and fields)
    other = None if closed else _node(more, depth + 1)
    return Object(fields, other, said.get("minProperties", 0), said.get("maxProperties"))


def _check_references(schema: Schema) -> None:
    waiting: list[Node] = [schema.root, *schema.definitions.values()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Reference) and node.name not in schema.definitions:
            raise Unsupported(f"a reference to {node.name}, which isn't defined")
        waiting += children(node)


def children(node: Node) -> list[Node]:
    """The nodes right below a node."""
    match node:
        case Choice():
            return list(node.options)
        case Array():
            return [*node.prefix, *([node.item] if node.item else [])]
        case Object():
            return [*(value for _, value, _ in node.fields), *([node.other] if node.other else [])]
    return []
