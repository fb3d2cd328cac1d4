from __future__ import annotations

import json
import random
import re
from typing import Annotated, Any, Literal

import pytest
from gbnf import sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, create_model

from modelwright.llms._grammar import grammar
from modelwright.llms._pattern import Unsupported, parse_pattern
from modelwright.llms._random import random_value


class Leaf(BaseModel):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,11}$")
    share: float = Field(gt=0, le=1)
    note: str | None = Field(None, max_length=1_500)


class Tree(BaseModel):
    kind: Literal["a", 'quote " and \\', "größe"]
    count: int = Field(ge=-7, le=12_345)
    children: list[Tree] = Field([], max_length=2)
    leaves: list[Leaf] = Field(min_length=1, max_length=3)
    either: Leaf | int | None = None
    pair: tuple[int, bool]
    named: dict[str, float] = {}
    anything: Any = None
    day: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])-[0-3]\d$")
    even: int = Field(multiple_of=2, ge=0, le=20)


def _texts() -> st.SearchStrategy[Any]:
    bounds = st.tuples(st.integers(0, 8), st.integers(0, 700)).map(lambda b: (b[0], b[0] + b[1]))
    patterns = [r"^[a-z]+$", r"\w{2,5}-\d?", r"^(?:ab|cd*){1,3}$", r'^["\\\]]+x$', r"^[^a-y]{2}$"]
    return bounds.map(lambda b: Annotated[str, Field(min_length=b[0], max_length=b[1])]) | st.sampled_from(
        patterns
    ).map(lambda p: Annotated[str, Field(pattern=p)])


def _numbers() -> st.SearchStrategy[Any]:
    whole = st.tuples(st.integers(-30_000, 30_000), st.integers(1, 40_000), st.booleans(), st.booleans())
    parts = st.tuples(
        st.floats(-1e5, 1e5, allow_nan=False).map(lambda v: round(v, 3)),
        st.sampled_from([0.001, 0.37, 1.0, 9.99, 10.0, 250.5, 1e6]),
        st.booleans(),
        st.booleans(),
    )

    def limited(kind: type, b: tuple[Any, Any, bool, bool]) -> Any:
        low, high = b[0], b[0] + b[1] + (2 if kind is int else 0)
        return Annotated[kind, Field(**{"gt" if b[2] else "ge": low, "lt" if b[3] else "le": high})]

    bare: list[Any] = [int, float, Annotated[int, Field(ge=3)], Annotated[float, Field(lt=-2.5)]]
    return whole.map(lambda b: limited(int, b)) | parts.map(lambda b: limited(float, b)) | st.sampled_from(bare)


def _types() -> st.SearchStrategy[Any]:
    simple: list[Any] = [bool, None, Literal["x", 3, None], Literal["only"]]
    leaves = _texts() | _numbers() | st.sampled_from(simple)
    names = st.sampled_from(["a", "b_1", 'we"ird', "naïve", "back\\slash", "line\nbreak"])

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        lists = st.tuples(inner, st.integers(0, 2), st.integers(0, 3)).map(
            lambda t: Annotated[list[t[0]], Field(min_length=t[1], max_length=t[1] + t[2])]  # type: ignore[name-defined]
        )
        models = st.dictionaries(names, st.tuples(inner, st.booleans()), min_size=1, max_size=4).map(_model)
        unions = st.tuples(inner, inner).map(lambda t: t[0] | t[1] if t[0] != t[1] else t[0])
        return lists | models | unions | inner.map(lambda t: dict[str, t]) | inner.map(lambda t: tuple[t, int])  # type: ignore[valid-type]

    return st.recursive(leaves, grown, max_leaves=6)


def _model(fields: dict[str, tuple[Any, bool]]) -> Any:
    given_fields: dict[str, Any] = {
        f"field_{n}": (kind, Field(alias=name) if required else Field(None, alias=name))
        for n, (name, (kind, required)) in enumerate(fields.items())
    }
    return create_model("Made", **given_fields)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_types(), st.integers(0, 2**32))
def test_what_a_grammar_or_chance_makes_is_valid(kind: Any, seed: int) -> None:
    adapter, rng = TypeAdapter(kind), random.Random(seed)
    schema = adapter.json_schema()
    rules = grammar(schema)
    for _ in range(4):
        adapter.validate_json(sample(rules, rng))
        adapter.validate_json(json.dumps(random_value(schema, rng, ["word", "x", "abcdefgh"])))


@pytest.mark.parametrize("seed", range(25))
def test_recursive_and_nested(seed: int) -> None:
    rng = random.Random(seed)
    Tree.model_validate_json(sample(grammar(Tree.model_json_schema()), rng))
    Tree.model_validate(random_value(Tree.model_json_schema(), rng))


def test_fields_keep_their_order() -> None:
    """Reasons are asked for before what follows from them."""

    class Verdict(BaseModel):
        reason: str = ""
        verdict: Literal["yes", "no"]

    rules = grammar(Verdict.model_json_schema())
    texts = {sample(rules, random.Random(n)) for n in range(40)}
    assert '{"verdict": "no"}' in texts, "what is optional may be left out"
    assert all(list(json.loads(t)) in (["reason", "verdict"], ["verdict"]) for t in texts)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "string", "pattern": r"(a)\1"},
        {"type": "string", "pattern": "[a"},
        {"type": "string", "pattern": "a{2"},
        {"type": "string", "pattern": "^a{9}$", "maxLength": 3},
        {"type": "string", "format": "email"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "number", "exclusiveMinimum": 1, "maximum": 1},
        {"type": "integer", "multipleOf": 0.5},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"type": "array", "uniqueItems": True},
        {"type": "object", "minProperties": 3, "additionalProperties": {"type": "null"}},
        {"type": "object", "patternProperties": {"^a": {}}},
        {"type": "object", "required": ["a"]},
        {"$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}, "minItems": 1}}, "$ref": "#/$defs/A"},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "https://example.org/schema"},
        {"allOf": [{"type": "string"}, {"minLength": 3}]},
        {"not": {"type": "string"}},
        {"enum": []},
        {"type": "spirit"},
        {"anyOf": [{"type": "string"}], "minLength": 3},
    ],
)
def test_what_is_not_known_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        grammar(schema)


def test_a_schema_that_nests_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    with pytest.raises(Unsupported, match="deep"):
        grammar(schema)


@pytest.mark.parametrize("pattern", [r"^[A-Z]\d{2,4}(_[a-z]+)*$", r"a|b+c?", r"^[\w.-]+@[^\s@]{1,5}$", r"^\.\*\+\$$"])
@pytest.mark.parametrize("seed", range(5))
def test_texts_of_patterns_match(pattern: str, seed: int) -> None:
    assert re.search(pattern, parse_pattern(pattern).text(random.Random(seed)))


def test_lengths_narrow_patterns() -> None:
    schema = {"type": "string", "pattern": "^[a-z]+$", "minLength": 3, "maxLength": 5}
    lengths = {len(json.loads(sample(grammar(schema), random.Random(n)))) for n in range(60)}
    lengths |= {len(random_value(schema, random.Random(n))) for n in range(60)}
    assert lengths == {3, 4, 5}


def test_names_of_the_request_come_up() -> None:
    schema = {"type": "object", "properties": {"column": {"type": "string"}}, "required": ["column"]}
    said = {random_value(schema, random.Random(n), ["tenure", "churn"])["column"] for n in range(20)}
    assert {"tenure", "churn"} < said
