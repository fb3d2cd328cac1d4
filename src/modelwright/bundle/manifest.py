"""``model.json``: what a bundle says of itself, and how it is written and read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NaiveDatetime, ValidationError

from modelwright.bundle import FORMAT
from modelwright.errors import DataError
from modelwright.hashing import digest_file, plain
from modelwright.problem import Problem
from modelwright.table import Schema

MANIFEST = "model.json"
MODEL = "model.skops"
CARD = "MODEL_CARD.md"
GOLDEN = "golden.json"
REFERENCES = "references.json"
UNCERTAINTY = "uncertainty.json"
DIFFICULTY = "difficulty.skops"
NEEDED = (MODEL, GOLDEN)
OPTIONAL = (REFERENCES, UNCERTAINTY, DIFFICULTY)
"""Files that a bundle may do without; those that the manifest lists must be there and unchanged, others aren't read."""
LIMIT = 64 * 2**20
"""Bytes beyond which a manifest or golden file isn't read."""


class Output(BaseModel):
    """What a prediction looks like."""

    model_config = ConfigDict(extra="forbid")
    task: Literal["binary", "multiclass", "regression"]
    target: str
    classes: tuple[str, ...] = ()
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    columns: tuple[str, ...]


class Figure(BaseModel):
    """A score with its interval."""

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0


class Manifest(BaseModel):
    """What a bundle says of itself. Everything in it is checked before it is used."""

    format: int
    created: str
    run_id: str
    problem: Problem
    input: Schema
    output: Output
    holdout: Figure
    baseline: Figure
    validation: Figure
    verdict: str
    note: str
    recipe: dict[str, Any]
    important: tuple[str, ...] = ()
    latency: dict[str, float] = {}
    versions: dict[str, str]
    digests: dict[str, str]


class Usual(BaseModel):
    """The values that one column may plausibly take; see :func:`modelwright.references.reference_values`."""

    model_config = ConfigDict(extra="forbid")
    numbers: tuple[FiniteFloat, ...] = Field(default=(), max_length=1_000)
    dates: tuple[NaiveDatetime, ...] = Field(default=(), max_length=1_000)
    levels: tuple[str, ...] = Field(default=(), max_length=1_000)


class References(BaseModel):
    """``references.json``: rows that nobody has, and the usual values of each column."""

    model_config = ConfigDict(extra="forbid")
    rows: tuple[dict[str, str | float | None], ...] = Field(max_length=1_000)
    values: dict[str, Usual] = {}


def write_manifest(folder: Path, values: dict[str, Any]) -> None:
    """Write ``model.json`` over the other files of a bundle.

    Args:
        folder: holds the other files already.
        values: the fields of :class:`Manifest` but ``format`` and ``digests``.
    """
    names = (MODEL, CARD, GOLDEN, *(name for name in OPTIONAL if (folder / name).is_file()))
    digests = {name: digest_file(folder / name) for name in names}
    manifest = plain({"format": FORMAT, **values, "digests": digests})
    text = json.dumps(_finite(manifest), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``model.json``.

    Raises:
        DataError: when it isn't there, isn't ours, is newer than this version, or a file isn't what it was.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"{folder} is not a model bundle: it has no {MANIFEST}")
    found = read_json(path)
    version = found.get("format") if isinstance(found, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise DataError(f"{folder} has bundle format {version}, this version reads up to {FORMAT}; upgrade modelwright")
    try:
        manifest = Manifest.model_validate(upgraded(found))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} isn't a manifest that modelwright wrote: {where}: {first['msg']}") from error
    for name in (*NEEDED, *(name for name in OPTIONAL if name in manifest.digests)):
        if not (folder / name).is_file():
            raise DataError(f"{folder} is incomplete: {name} is missing; take the whole folder")
        if manifest.digests.get(name) != digest_file(folder / name):
            raise DataError(f"{folder / name} was changed or damaged after it was written; get the bundle again")
    return manifest


def upgraded(found: Any) -> Any:
    """A manifest of an older format in the words of the present one."""
    while isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] in _UPGRADES:
        found = _UPGRADES[found["format"]](found)
    return found


def _with_important(found: Mapping[str, Any]) -> dict[str, Any]:
    """Format 1 didn't say which columns matter: they are taken in their own order."""
    return {**found, "format": 2, "important": []}


_UPGRADES: dict[Any, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _with_important}


def read_json(path: Path) -> Any:
    """A JSON file of a bounded size.

    Raises:
        DataError: when it is too large or isn't JSON.
    """
    if path.stat().st_size > LIMIT:
        raise DataError(f"{path} is larger than any file of this kind should be; get the bundle again")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} isn't JSON: {error}; get the bundle again") from error


def _finite(value: Any) -> Any:
    """Numbers that JSON has no name for become null: a manifest is read by other programs."""
    if isinstance(value, dict):
        return None if set(value) == {"$float"} else {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
