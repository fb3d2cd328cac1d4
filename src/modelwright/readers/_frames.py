"""Frames in memory: pandas, Arrow, and whatever speaks Arrow's C interface (polars, DuckDB, …)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from modelwright.errors import DataError, RequestError
from modelwright.readers import Raw
from modelwright.readers._header import unique_names


def from_frame(source: Any) -> Raw:
    """A frame of any library as what a reader finds.

    Raises:
        RequestError: when it isn't a frame.
        DataError: when it has no columns.
    """
    if isinstance(source, pd.Series):
        source = source.to_frame(source.name if source.name is not None else "column_1")
    if isinstance(source, pd.DataFrame):
        return _named(source.reset_index(drop=True), list(source.columns), "pandas frame")
    if isinstance(source, pa.Table | pa.RecordBatch):
        table = pa.table(source) if isinstance(source, pa.RecordBatch) else source
        return from_arrow(table, "Arrow table")
    library = type(source).__module__.partition(".")[0]
    if library == "polars" and hasattr(source, "collect"):
        source = source.collect()
    if hasattr(source, "__arrow_c_stream__") and hasattr(source, "columns"):
        return from_arrow(pa.table(source), f"{library} frame")
    raise RequestError(
        f"data can't be read from a {type(source).__name__}; give a path, a pandas or polars frame or an Arrow table"
    )


def from_arrow(table: pa.Table, origin: str) -> Raw:
    """An Arrow table as what a reader finds; every column keeps its Arrow type."""
    columns = [_series(table.column(i)) for i in range(table.num_columns)]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(table.num_rows))
    names, columns_before = list(table.column_names), (table.schema.pandas_metadata or {}).get("index_columns", [])
    index = [n for n in columns_before if isinstance(n, str) and n.startswith("__index_level_") and n in names]
    if index:
        keep = [i for i, n in enumerate(names) if n not in index]
        frame, names = frame[keep], [names[i] for i in keep]
    return _named(frame, names, origin)


def _series(column: pa.ChunkedArray) -> pd.Series[Any]:
    return pd.Series(pd.arrays.ArrowExtensionArray(column))


def _named(frame: pd.DataFrame, labels: Sequence[Any], origin: str) -> Raw:
    if not len(labels):
        raise DataError(f"the {origin} has no columns; give one with a column for each property")
    names = tuple(_text(label) for label in labels)
    frame = frame.copy(deep=False)
    frame.columns, notes = unique_names(names)
    return Raw(frame, names, origin, tuple(notes))


def _text(label: Any) -> str:
    """A column label as text; the levels of a multi-level label are joined by an underscore."""
    parts = label if isinstance(label, tuple) else (label,)
    text = "_".join(str(part) for part in parts if not (isinstance(part, str) and not part and len(parts) > 1))
    return text.encode("utf-8", "replace").decode()
