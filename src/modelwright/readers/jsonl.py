"""JSON: one object a line, or a list of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from modelwright.errors import DataError
from modelwright.readers import Raw
from modelwright.readers._files import Recognising, contents, label, utf8
from modelwright.readers._header import unique_names


class JsonLines(Recognising):
    """JSON lines, and JSON files that hold one list of objects."""

    name: ClassVar[str] = "json"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """By a beginning that is an object, or a list of objects."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return re.match(rb'(\[\s*)?\{\s*("(\\.|[^"\\])*"\s*:|\})', start) is not None

    def read(self, path: Path) -> Raw:
        """Read a file; values keep their types, nested ones become JSON text."""
        data, encoding, notes = utf8(contents(path), label(path))
        text = data.decode()
        listed = text.lstrip().startswith("[")
        objects = list(_listed(text, path) if listed else _lines(text, path))
        if not objects:
            raise DataError(f"{label(path)} is empty; give one JSON object for each row")
        keys = list(dict.fromkeys(key for row in objects for key in row))
        if not keys:
            raise DataError(f"the objects in {label(path)} have no keys; give a key for each column")
        columns = {key: [_flat(row.get(key)) for row in objects] for key in keys}
        frame = pd.DataFrame({i: pd.Series(columns[key], dtype=object) for i, key in enumerate(keys)})
        names = tuple(key.encode("utf-8", "replace").decode() for key in keys)
        frame.columns, renamed = unique_names(names)
        return Raw(frame, names, f"{'JSON' if listed else 'JSON lines'}, {encoding}", (*notes, *renamed))


def _flat(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=True)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**300:
        return "inf" if value > 0 else "-inf"
    return value


def _listed(text: str, path: Path) -> Iterator[dict[str, Any]]:
    rows = _parsed(text, label(path))
    for position, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(f"item {position:,} of the list in {label(path)} isn't an object; give one for each row")
        yield row


def _lines(text: str, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = _parsed(line, f"line {number:,} of {label(path)}")
        if not isinstance(row, dict):
            raise DataError(f"line {number:,} of {label(path)} isn't a JSON object; give one object a line")
        yield row


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        cause = error.msg if isinstance(error, json.JSONDecodeError) else "too deep or too long a number"
        raise DataError(f"{where} isn't JSON ({cause}); give one object a line, or a list of objects") from error
