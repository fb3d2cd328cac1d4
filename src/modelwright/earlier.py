"""Earlier runs: what a run may take over from one, and what has changed since the same question was asked before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modelwright.errors import ModelwrightError, RequestError
from modelwright.given import Given, differences
from modelwright.places import find
from modelwright.preparation import Prepared
from modelwright.request import Request
from modelwright.state import State, fold
from modelwright.step import Record
from modelwright.stores import Store
from modelwright.stores.folder import Folder

LOOKED_AT = 20
"""Runs beside a new one that are looked at for the same question, the latest first."""


def store_of(run: str, versions: Mapping[str, str]) -> Store:
    """The store of a run whose finished steps another run takes over.

    Args:
        run: the earlier run's folder, or its URL.
        versions: of the libraries now.

    Raises:
        RequestError: when it is no run, or its steps were performed by other versions.
    """
    place = find(run)
    if not place.holds_run():
        raise RequestError(f"--reuse: {place} holds no run; name a run folder, or the URL of a run")
    store = place.open(readonly=True)
    try:
        first = _first(store)
        if first is None:
            raise RequestError(f"--reuse: {place} holds no run")
        found: Mapping[str, str] = first.body.get("versions", {})
        other = [f"{n} {v}" for n, v in found.items() if versions.get(n) not in (None, v)]
        if not found or other:
            with_what = f"with {', '.join(other)}" if other else "with versions of the libraries that it didn't record"
            raise RequestError(f"--reuse: {place} was run {with_what}; its steps can't be taken over, leave it out")
    except BaseException:
        store.close()
        raise
    return store


def since_before(folder: Path, request: Request, prepared: Prepared, given: tuple[Given, ...]) -> str | None:
    """What has changed in the data since the same question was asked the last time, in one sentence.

    Args:
        folder: of the new run; runs beside it are looked at.
        request: what is asked.
        prepared: what the new run stands on.
        given: the files that it read.

    Returns:
        ``None`` when it wasn't asked before, or nothing has changed.
    """
    before = _asked_before(folder, request)
    if before is None:
        return None
    place, state = before
    was = {file.role: file for file in state.given}
    changed = [file.name for file in given if file.role in was and was[file.role].digest != file.digest]
    if not changed or state.prepared is None:
        return None
    details = difference(state.prepared, prepared)
    told = f" ({'; '.join(details)})" if details else ""
    hint = f" Steps that don't depend on it can be taken over with --reuse {place}." if not request.reuse else ""
    return f"{' and '.join(changed)} changed since the same was asked in {place}{told}.{hint}"


def difference(before: Prepared, now: Prepared) -> list[str]:
    """How two readings of the same data differ, one clause each."""
    found = []
    if before.rows != now.rows:
        found.append(f"{before.rows:,} rows before, {now.rows:,} now")
    names = before.schema.names, now.schema.names
    for word, these, those in (("new", names[1], names[0]), ("gone", names[0], names[1])):
        others = [name for name in these if name not in those]
        if others:
            found.append(f"{word} columns: {', '.join(others[:8])}{' …' if len(others) > 8 else ''}")
    kinds = [
        f"{f.name} is {now.schema[f.name].kind}, was {f.kind}"
        for f in before.schema.fields
        if f.name in now.schema and now.schema[f.name].kind != f.kind
    ]
    found += kinds[:8]
    if before.development == now.development:
        found.append("the rows for learning are the same")
    return found


def on_resuming(state: State, versions: Mapping[str, str]) -> list[str]:
    """What the reader should know of a run that goes on: files or libraries that have changed since it began."""
    found = []
    changed = differences(state.given)
    if changed:
        found.append(
            f"{' and '.join(changed)} since the run read it; the run goes on with the rows that it had read. "
            "For the changed data start a new run."
        )
    other = [f"{n} {v} → {versions[n]}" for n, v in state.versions.items() if versions.get(n) not in (None, v)]
    if other:
        found.append(f"The run was resumed with other versions of the libraries: {', '.join(other)}.")
    return found


def _asked_before(folder: Path, request: Request) -> tuple[Path, State] | None:
    """The latest run beside a folder in which the same was asked of the same file."""
    files = [file for file in folder.parent.glob("*/run.db") if file.parent.resolve() != folder.resolve()]
    for file in sorted(files, key=lambda f: -f.stat().st_mtime)[:LOOKED_AT]:
        try:
            store = Folder(file.parent, readonly=True)
        except ModelwrightError:
            continue
        try:
            first = _first(store)
            asked = first.body["request"] if first is not None else {}
            if all(asked.get(name) == getattr(request, name) for name in ("data", "statement", "target", "test")):
                return file.parent, fold(store.events())
        except ModelwrightError:
            continue
        finally:
            store.close()
    return None


def _first(store: Store) -> Record | None:
    """The event that a run began with."""
    record = next(iter(store.events()), None)
    return record if record is not None and record.kind == "run_started" else None
