"""What a column's name says."""

from __future__ import annotations

import re

IDENTIFIER = {"id", "ids", "uuid", "guid", "uid", "udi", "pk", "identifier", "key", "oid"}
CODE = {*IDENTIFIER, "code", "codes", "zip", "zipcode", "postcode", "postal", "plz", "isbn", "ean", "sku", "iban"}
NUMBERING = {
    *CODE,
    "number",
    "no",
    "nr",
    "num",
    "index",
    "idx",
    "row",
    "rownum",
    "record",
    "serial",
    "reference",
    "ref",
}
TIME = {
    "time",
    "date",
    "datetime",
    "timestamp",
    "ts",
    "created",
    "updated",
    "modified",
    "epoch",
    "day",
    "datum",
    "zeit",
}
CALENDAR = {*TIME, "t", "hour", "week", "month", "quarter", "year", "period", "step", "tick", "second", "seconds"}


def words(name: str) -> list[str]:
    """The words of a name in lower case: split at everything but letters and digits, and at ``camelCase``."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name[:300])
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    return re.findall(r"[^\W_]+", spaced.lower())


def says(name: str, vocabulary: set[str]) -> bool:
    """Whether one of the name's words is in the vocabulary."""
    return any(word in vocabulary for word in words(name))


def ends_with(name: str, vocabulary: set[str]) -> bool:
    """Whether the name's last word is in the vocabulary: ``store_id``, ``zipCode``, not ``id_check``."""
    found = words(name)
    while len(found) > 1 and found[-1].isdigit():
        found.pop()
    return bool(found) and (found[-1] in vocabulary or (len(found) > 1 and found[-2] + found[-1] in vocabulary))
