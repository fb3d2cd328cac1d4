"""Finds the columns with a role of their own: time, group, identifiers, and those that no model may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelwright.errors import RequestError
from modelwright.policy._statement import Statement
from modelwright.policy._target import named_column
from modelwright.policy._words import name_tokens, stem
from modelwright.problem import Known
from modelwright.profiling import printable
from modelwright.table import Field, Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_BIRTHS = frozenset(
    {"birth", "birthday", "birthdate", "dob", "born", "expiry", "expiration", "expires", "due", "death"}
)
_ATTRIBUTES = _BIRTHS | frozenset(
    {
        "signup", "sign", "joined", "join", "registered", "registration", "enrolled", "hired", "hire", "opened",
        "opening", "built", "manufactured", "manufacture", "founded", "since", "member", "updated", "update", "status",
        "released", "release", "completed", "closed", "returned", "purchase", "install", "installed", "last", "end",
    }
)  # fmt: skip
_ENTITIES = frozenset(
    {
        "machine", "pump", "engine", "turbine", "unit", "device", "sensor", "station", "vehicle", "equipment", "asset",
        "patient", "subject", "person", "participant", "customer", "client", "user", "member", "account", "household",
        "student", "employee", "worker", "player", "driver", "passenger", "speaker", "author", "writer", "donor",
        "store", "shop", "site", "plant", "facility", "hospital", "school", "building", "meter", "battery", "cell",
        "well", "robot", "truck", "train", "aircraft", "session", "trial", "animal", "specimen", "series", "group",
        "case", "encounter", "borrower", "applicant", "policyholder", "merchant", "seller", "card", "cardholder",
    }
)  # fmt: skip
_KEYS = frozenset({"id", "ids", "uuid", "guid", "key", "number", "code", "nr", "no", "index", "name"})
_IDENTIFIERS = frozenset({"id", "ids", "uuid", "guid", "key"})
_ROW_KEYS = frozenset({"id", "uuid", "guid", "rowid", "index", "rownumber", "udi", "unnamed"})

MEETINGS, THINGS, ONCE, OFTEN = 10, 100, 0.9, 2
"""When rows are meetings of two kinds: how many rows each group has on average, how many things of the other kind there
are, the share of rows that are a pair's only one, and how many groups each thing meets on average."""


def find_time(
    schema: Schema, frame: pd.DataFrame, statement: Statement, user: str | None, barred: frozenset[str]
) -> Known[str | None]:
    """The column that orders rows in time, when time matters for judging.

    It matters when the problem speaks of the future, or when the rows stand in the order of the column: of the whole
    table, or within what looks like the same machine, person or station read again and again.

    Raises:
        RequestError: when the user's column isn't there or can't be ordered.
    """
    if user is not None:
        name = named_column(user, schema, "time column")
        if name in barred:
            raise RequestError(f"{printable(name)!r} is the target, so it can't be the time column as well")
        if schema[name].kind not in ("datetime", "numeric"):
            raise RequestError(
                f"The time column {printable(name)!r} holds neither dates nor numbers, so rows can't be put in order "
                "by it; name another one, or convert it to dates"
            )
        return Known(name, "user", "you named it")

    options: list[tuple[tuple[bool, bool, int], str, str]] = []
    rejected: list[str] = []
    entities = list(_entities(schema, frame, barred, rows_per_group=3))
    for place, name in enumerate(schema.of_kind("datetime")):
        if name in barred or schema[name].personal:
            continue
        reason = _orders(frame, name, entities, statement)
        if not reason:
            rejected.append(name)
            continue
        tokens = set(name_tokens(name))
        options.append(((not reason.startswith("the rows"), bool(tokens & _ATTRIBUTES), place), name, reason))
    if options:
        options.sort()
        _, name, reason = options[0]
        return Known(name, "inferred", reason, tuple(o[1] for o in options[1:]) + tuple(rejected))
    if rejected:
        which = printable(rejected[0])
        return Known(
            None,
            "inferred",
            f"the rows aren't in the order of {which!r} and the problem doesn't speak of the future; name it as the "
            "time column if the model is meant for later rows",
            tuple(rejected),
        )
    if statement.ahead:
        return Known(
            None,
            "inferred",
            f"the problem speaks of the future ({printable(statement.ahead)!r}), but no column holds dates; scores on "
            "rows picked at random may flatter",
        )
    return Known(None, "inferred", "no column holds dates that order the rows")


def _orders(frame: pd.DataFrame, name: str, entities: Sequence[str], statement: Statement) -> str:
    """Why a column of dates should order the rows, or an empty text."""
    import numpy as np

    tokens = set(name_tokens(name))
    values = frame[name].to_numpy("datetime64[us]")
    known = ~np.isnat(values)
    if tokens & _BIRTHS or known.mean() < 0.95:
        return ""
    values = values[known]
    distinct = 1 + int(np.count_nonzero(np.diff(np.sort(values))))
    if distinct < 10:
        return ""
    ahead = np.diff(values) >= np.timedelta64(0)
    back = np.diff(values) <= np.timedelta64(0)
    if max(ahead.mean(), back.mean()) >= 0.99:
        return "the rows stand in the order of its times"
    for entity in entities:
        codes = _codes(frame[entity])[known]
        same = codes[1:] == codes[:-1]
        if same.mean() >= 0.5 and ahead[same].mean() >= 0.99:
            return f"the rows of each {printable(entity)!r} stand in the order of its times"
        groups = int(np.count_nonzero(np.bincount(codes[codes >= 0])))
        if distinct < values.size / 2 and distinct * groups <= 2 * values.size and values.size / groups >= 10:
            return f"it holds the same moments for each {printable(entity)!r}, as repeated readings do"
    if statement.ahead and not tokens & _ATTRIBUTES:
        return f"the problem speaks of the future ({printable(statement.ahead)!r})"
    return ""


def find_group(
    schema: Schema,
    frame: pd.DataFrame,
    statement: Statement,
    user: str | None,
    time: str | None,
    barred: frozenset[str],
) -> Known[str | None]:
    """The column whose groups must not be split between training and judging: the same patient, machine, customer.

    Raises:
        RequestError: when the user's column isn't there or doesn't form groups.
    """
    if user is not None:
        name = named_column(user, schema, "group column")
        if name in barred:
            raise RequestError(f"{printable(name)!r} is the target, so it can't be the group column as well")
        if frame[name].nunique() < 2:
            raise RequestError(f"The group column {printable(name)!r} has fewer than two groups; name another one")
        return Known(name, "user", "you named it")
    found = _entities(schema, frame, barred, rows_per_group=3 if time else 5)
    asked = {stem(word) for word, weight in statement.content if weight > 0}
    ranked = sorted(found, key=lambda name: (not asked & {stem(t) for t in name_tokens(name)}, -found[name]))
    if not ranked:
        return Known(None, "inferred", "no column names a machine, person or the like that several rows share")
    name = ranked[0]
    groups = found[name]
    crossing = _crossing(schema, frame, name, groups, barred)
    if crossing is not None:
        reason = (
            f"rows are meetings of {printable(name)!r} and {printable(crossing)!r}, each seen again and again with "
            "others: new rows will be new meetings of known ones"
        )
        return Known(None, "inferred", reason, tuple(ranked))
    reason = f"its name is that of something that is seen again and again: {groups:,} of them in {len(frame):,} rows"
    return Known(name, "inferred", reason, tuple(ranked[1:]))


def _entities(schema: Schema, frame: pd.DataFrame, barred: frozenset[str], rows_per_group: int) -> dict[str, int]:
    """Columns that name things which several rows share, with the number of groups."""
    import numpy as np

    found = {}
    for item in schema.fields:
        if item.name in barred or not _may_name(item):
            continue
        tokens = [t for t in name_tokens(item.name) if not t.isdigit()]
        things = [t for t in tokens if t not in _KEYS]
        keyed = bool(set(tokens) & _KEYS) or (len(tokens) == 1 and tokens[0].endswith("id"))
        if keyed and len(tokens) == 1 and tokens[0] not in _KEYS:
            things = [tokens[0][:-2]]
        if not things or stem(things[-1]) not in {stem(e) for e in _ENTITIES} or len(things) > (3 if keyed else 1):
            continue
        if item.kind == "numeric" and not keyed and stem(things[-1]) not in {"subject", "patient", "unit", "engin"}:
            continue
        codes = _codes(frame[item.name])
        known = codes >= 0
        if known.mean() < 0.95:
            continue
        groups = int(np.count_nonzero(np.bincount(codes[known])))
        if groups >= 5 and known.sum() / groups >= rows_per_group:
            found[item.name] = groups
    return found


def _may_name(item: Field) -> bool:
    """Whether a column's values may be names of things."""
    return item.kind in ("category", "id") or (item.kind == "numeric" and item.whole)


def _crossing(schema: Schema, frame: pd.DataFrame, group: str, groups: int, barred: frozenset[str]) -> str | None:
    """A key of other things that the groups meet, each pair about once, as people rate films; ``None`` without one.

    Then neither is the unit that rows belong to: whoever leaves whole groups out also leaves out what is known of them.
    """
    import numpy as np

    whose = _codes(frame[group])
    if (whose >= 0).sum() < MEETINGS * groups:
        return None
    for item in schema.fields:
        tokens = set(name_tokens(item.name))
        if item.name in barred or item.name == group or not _may_name(item):
            continue
        if len(tokens) < 2 or not tokens & _IDENTIFIERS:
            continue
        codes = _codes(frame[item.name])
        known = (codes >= 0) & (whose >= 0)
        levels = int(np.count_nonzero(np.bincount(codes[known])))
        if levels < THINGS:
            continue
        pairs = len(np.unique(codes[known] * (whose.max() + 1) + whose[known]))
        if pairs >= max(ONCE * known.sum(), OFTEN * levels):
            return item.name
    return None


def _codes(series: pd.Series) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if hasattr(series, "cat"):
        codes: np.ndarray = series.cat.codes.to_numpy().astype(np.int64)
        return codes
    return pd.factorize(series)[0].astype(np.int64)


def find_ids(
    schema: Schema, frame: pd.DataFrame, user: Sequence[str], barred: frozenset[str]
) -> Known[tuple[str, ...]]:
    """Columns that identify rows and carry no information.

    Raises:
        RequestError: when one of the user's columns isn't there or has another role.
    """
    named = [named_column(name, schema, "id column") for name in user]
    for name in named:
        if name in barred:
            raise RequestError(f"{printable(name)!r} has another role, so it can't be an id column as well")
    found = [
        f.name for f in schema.fields if f.name not in barred and (f.name in named or is_id(f.name, schema, frame))
    ]
    if not found:
        return Known((), "inferred", "no column has a different value in every row and a name like an identifier")
    inferred = [name for name in found if name not in named]
    reasons = ["you named them"] if named else []
    reasons += ["they have a value of their own in nearly every row and tell nothing of new rows"] if inferred else []
    return Known(tuple(found), "user" if named else "inferred", "; ".join(reasons))


def is_id(name: str, schema: Schema, frame: pd.DataFrame) -> bool:
    """Whether a column has a value of its own in every row and a name like an identifier."""
    item = schema[name]
    if item.kind == "id":
        return True
    if item.source == "user" or item.kind not in ("category", "numeric") or (item.kind == "numeric" and not item.whole):
        return False
    tokens = name_tokens(name)
    if not tokens or not (tokens[-1] in _ROW_KEYS or "".join(tokens) in _ROW_KEYS or tokens[0] == "unnamed"):
        return False
    present = frame[name].dropna()
    return len(present) >= 20 and bool(present.is_unique)


def find_excluded(
    schema: Schema,
    frame: pd.DataFrame,
    forbidden: Sequence[str],
    roles: Sequence[str],
    target: str,
) -> Known[tuple[str, ...]]:
    """Columns left out of every model: forbidden by the user, empty, or with a single value.

    Raises:
        RequestError: when a forbidden column isn't there or is the target.
    """
    named = [named_column(name, schema, "excluded column") for name in forbidden]
    if target in named:
        raise RequestError(f"{printable(target)!r} is to be predicted, so it can't be excluded")
    parts: list[tuple[str, list[str]]] = [("you excluded", named), ("nothing in it", []), ("only one value", [])]
    for item in schema.fields:
        if item.name == target or item.name in roles or item.name in named:
            continue
        series = frame[item.name]
        present = series.notna()
        if not present.any():
            parts[1][1].append(item.name)
        elif item.kind == "constant" or (present.all() and _single(series)):
            parts[2][1].append(item.name)
    left_out = {name for _, names in parts for name in names}
    reason = "; ".join(f"{why}: {_some(names)}" for why, names in parts if names) or "every other column may help"
    chosen = tuple(n for n in schema.names if n in left_out)
    return Known(chosen, "user" if named else "inferred", reason)


def _single(series: pd.Series) -> bool:
    if hasattr(series, "cat"):
        codes = series.cat.codes.to_numpy()
        return bool(codes.min() == codes.max())
    return bool((series == series.iloc[0]).all())


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(printable(n, 40)) for n in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
