"""Plain skops files, read without skops, whose import takes longer than everything else a prediction needs.

A file is plain when it holds nothing but values, lists, tuples, dictionaries, bytes, arrays, decision trees, and
objects of types that the caller trusts. What isn't plain is left to skops. As there, everything is audited before
anything is constructed, and only what was audited is constructed.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zipfile import ZipFile

PROTOCOL = 2
"""Version of the skops format that is read here."""

_SIMPLE = {
    "JsonNode": None,
    "TypeNode": {"builtins.str", "builtins.int", "builtins.float", "builtins.bool"},
    "DictNode": {"builtins.dict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "BytesNode": {"builtins.bytes"},
    "TreeNode": {"sklearn.tree._tree.Tree"},
}
"""Which types the nodes of each kind may name; ``None`` where the name means nothing."""


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """The nodes of a skops schema, each before those below it."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def audited(schema: Any, trusted: Callable[[str], bool]) -> dict[tuple[str, str], Any] | None:
    """The types that a plain file names, by kind of node and name; ``None`` when the file isn't plain.

    Args:
        schema: the file's schema; nothing of it is taken for granted.
        trusted: whether an object may be of the type with this name.
    """
    if not isinstance(schema, dict) or type(schema.get("protocol")) is not int or schema["protocol"] != PROTOCOL:
        return None
    types: dict[tuple[str, str], Any] = {}
    for node in nodes(schema):
        kind, name = node["__loader__"], f"{node.get('__module__')}.{node.get('__class__')}"
        if not isinstance(kind, str):
            return None
        if kind in _SIMPLE:
            allowed = _SIMPLE[kind]
            if allowed is not None and name not in allowed:
                return None
        elif (kind, name) not in types:
            # A type that may be an array's isn't one that an object may be of, nor the other way round.
            if kind == "NdArrayNode":
                found = _scalar(name)
            else:
                found = _named(name) if kind == "ObjectNode" and (trusted(name) or _estimator(name)) else None
            if found is None:
                return None
            types[kind, name] = found
    return types


def _scalar(name: str) -> Any:
    """numpy's arrays or one of its types of numbers."""
    import numpy as np

    found = getattr(np, name.removeprefix("numpy."), None) if name.startswith("numpy.") else None
    plain = isinstance(found, type) and (found is np.ndarray or issubclass(found, np.number | np.bool_ | np.str_))
    return found if plain else None


def _estimator(name: str) -> bool:
    """Whether this is a public estimator of scikit-learn, as skops trusts them."""
    module, _, member = name.rpartition(".")
    if not module.startswith("sklearn.") or ".tests" in module or member.startswith("_"):
        return False
    from sklearn.base import BaseEstimator

    try:
        found = getattr(importlib.import_module(module), member, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator) and found.__module__ == module


def _named(name: str) -> Any:
    module, _, member = name.rpartition(".")
    return getattr(importlib.import_module(module), member)


class Construction:
    """Puts an audited file together; what the file holds once becomes one object.

    Args:
        archive: the open file.
        types: what :func:`audited` found; no other type is constructed.
    """

    def __init__(self, archive: ZipFile, types: Mapping[tuple[str, str], Any]) -> None:
        self.archive, self.types = archive, types
        self._known: dict[int, Any] = {}

    def make(self, node: dict[str, Any]) -> Any:
        """The object that a node stands for."""
        kind, place = node["__loader__"], node.get("__id__")
        if kind == "JsonNode":
            return json.loads(node["content"])
        if kind == "TypeNode":
            return {"str": str, "int": int, "float": float, "bool": bool}[node["__class__"]]
        if not isinstance(place, int):
            return self._made(kind, node)
        if place not in self._known:
            self._known[place] = self._made(kind, node)
        return self._known[place]

    def _made(self, kind: str, node: dict[str, Any]) -> Any:
        match kind:
            case "DictNode":
                keys = self.make(node["key_types"])
                pairs = zip(keys, node["content"].items(), strict=True)
                return {read(key): self.make(value) for read, (key, value) in pairs}
            case "ListNode":
                return [self.make(value) for value in node["content"]]
            case "TupleNode":
                return tuple(self.make(value) for value in node["content"])
            case "BytesNode":
                return self.archive.read(node["file"])
            case "NdArrayNode":
                return self._array(node)
            case "TreeNode":
                from sklearn.tree._tree import Tree

                tree = Tree(*self.make(node["__reduce__"]["args"]))
                tree.__setstate__(self.make(node["content"]))
                return tree
        return self._object(node)

    def _array(self, node: dict[str, Any]) -> Any:
        import numpy as np

        if node["type"] == "json":
            items, shape = [self.make(value) for value in node["content"]], self.make(node["shape"])
            if len(shape) != 1:
                return np.array(items, dtype="O")
            objects = np.ndarray(shape=len(items), dtype="O")
            for i, value in enumerate(items):
                objects[i] = value
            return objects
        if node["type"] != "numpy":
            raise ValueError(f"unknown type of array {node['type']!r}")
        found = np.load(io.BytesIO(self.archive.read(node["file"])), allow_pickle=False)
        kind = self.types[node["__loader__"], f"{node['__module__']}.{node['__class__']}"]
        return found if kind is np.ndarray else kind(found)

    def _object(self, node: dict[str, Any]) -> Any:
        kind = self.types[node["__loader__"], f"{node['__module__']}.{node['__class__']}"]
        made = kind.__new__(kind)
        state = None if node.get("content") is None else self.make(node["content"])
        if state is not None and hasattr(made, "__setstate__"):
            made.__setstate__(state)
        elif state is not None:
            made.__dict__.update(state)
        return made
