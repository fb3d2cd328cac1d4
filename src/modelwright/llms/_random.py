"""Values that a schema allows, made up at random."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.llms._pattern import PRINTABLE, Unsupported
from modelwright.llms._schema import (
    Anything,
    Array,
    Choice,
    Constant,
    Node,
    Number,
    Object,
    Reference,
    Schema,
    Text,
    parse_schema,
)

_DEEP = 6
"""Levels from which on the shortest way out is taken."""


def random_value(schema: Mapping[str, Any], rng: random.Random, words: Sequence[str] = ()) -> Any:
    """A value that a schema allows.

    Args:
        schema: a JSON schema.
        rng: where chance comes from.
        words: half of the free texts are made of one of these, so that names may hit something that exists.

    Raises:
        Unsupported: when the schema demands something that isn't known here, or allows no finite value.
    """
    parsed = parse_schema(schema)
    return _Maker(parsed, rng, words).value(parsed.root, 0)


def heights(schema: Schema) -> dict[str, float]:
    """Levels that a value of each definition has at least; infinite where it would have to hold itself."""
    found = dict.fromkeys(schema.definitions, math.inf)
    for _ in found:
        found.update({name: height(node, found) for name, node in schema.definitions.items()})
    return found


def height(node: Node, known: Mapping[str, float]) -> float:
    """Levels that a value has at least."""
    match node:
        case Reference():
            return known[node.name]
        case Choice():
            return min(height(o, known) for o in node.options)
        case Array():
            needed = node.prefix[: node.low] if node.item is None else node.prefix
            more = [node.item] if node.item is not None and node.low > len(node.prefix) else []
            return 1 + max((height(n, known) for n in (*needed, *more)), default=0.0)
        case Object():
            needed_fields = [height(value, known) for _, value, required in node.fields if required]
            short = node.low > len(node.fields) and node.other is not None
            return 1 + max([0.0, *needed_fields, *([height(node.other, known)] if short and node.other else [])])
    return 0.0


class _Maker:
    def __init__(self, schema: Schema, rng: random.Random, words: Sequence[str]) -> None:
        self.schema, self.rng, self.words = schema, rng, [w for w in words if w]
        self.heights = heights(schema)
        if math.isinf(height(schema.root, self.heights)):
            raise Unsupported("a value that would have to hold itself")

    def value(self, node: Node, depth: int) -> Any:
        match node:
            case Reference():
                return self.value(self.schema.definitions[node.name], depth)
            case Constant():
                return json.loads(node.json)
            case Choice():
                return self.value(self._option(node, depth), depth)
            case Text():
                return self._text(node)
            case Number():
                return self._number(node)
            case Array():
                return self._array(node, depth + 1)
            case Object():
                return self._object(node, depth + 1)
            case Anything():
                return self.rng.choice([None, True, 0, -1.5, "", "anything", [], {}])

    def _option(self, node: Choice, depth: int) -> Node:
        ranked = [(height(o, self.heights), o) for o in node.options]
        limit = min(h for h, _ in ranked) if depth >= _DEEP else math.inf
        return self.rng.choice([o for h, o in ranked if h <= limit and not math.isinf(h)])

    def _text(self, node: Text) -> str:
        if node.pattern is not None:
            return node.pattern.text(self.rng)
        high = node.low + 40 if node.high is None else node.high
        if self.words and self.rng.random() < 0.5:
            word = self.rng.choice(self.words)[:high]
            if len(word) >= node.low:
                return word
        length = self.rng.randint(node.low, min(high, node.low + 40))
        text = "".join(self.rng.choices(sorted(PRINTABLE), k=length))
        # What reads it may strip it first, and count then.
        return text if text == text.strip() else f"x{text[1:-1]}x"[:length]

    def _number(self, node: Number) -> float | int:
        low, high = node.low, node.high
        if low is None:
            low = -1000 if high is None else high - 1000
        if high is None:
            high = low + 2000
        step = node.multiple or (1 if node.whole else None)
        if step is None:
            if node.low == node.high:
                return low
            found = self.rng.uniform(low, high)
            middle = low + (high - low) / 2
            return middle if (node.above and found <= low) or (node.below and found >= high) else found
        first = math.floor(low / step) + 1 if node.above else math.ceil(low / step)
        last = math.ceil(high / step) - 1 if node.below else math.floor(high / step)
        if first > last:
            raise Unsupported("a number in an empty range")
        found = self.rng.randint(first, last) * step
        return int(found) if node.whole else found

    def _array(self, node: Array, depth: int) -> list[Any]:
        most = node.low if depth >= _DEEP else node.low + 4
        most = most if node.high is None else min(most, node.high)
        size = self.rng.randint(node.low, max(node.low, most))
        kinds = list(node.prefix[:size]) if node.item is None or size < len(node.prefix) else list(node.prefix)
        kinds += [node.item] * (size - len(kinds)) if node.item is not None else []
        made: list[Any] = []
        for kind in kinds:
            if math.isinf(height(kind, self.heights)):
                continue
            for _ in range(50):
                value = self.value(kind, depth)
                if not node.unique or value not in made:
                    made.append(value)
                    break
        if len(made) < node.low:
            raise Unsupported("as many different items as are demanded")
        return made

    def _object(self, node: Object, depth: int) -> dict[str, Any]:
        made = {}
        for name, kind, required in node.fields:
            wanted = required or (depth < _DEEP and self.rng.random() < 0.7)
            if wanted and not math.isinf(height(kind, self.heights)):
                made[name] = self.value(kind, depth)
        if node.other is not None:
            most = node.low if depth >= _DEEP else max(node.low, 3)
            most = most if node.high is None else min(most, node.high)
            while len(made) < self.rng.randint(node.low, max(node.low, most)):
                names = self.words or ["a", "b", "c", "d", "e", "f"]
                made[f"{self.rng.choice(names)}{'' if self.words else len(made)}"] = self.value(node.other, depth)
                if len(made) < node.low and self.words:
                    made[f"more_{len(made)}"] = self.value(node.other, depth)
        return made
