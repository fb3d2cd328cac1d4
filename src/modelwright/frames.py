"""Frames on disk: Arrow IPC files that worker processes map into memory instead of copying."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame with the column types of :mod:`modelwright.table` as one uncompressed record batch."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    arrays = []
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes = pa.array(column.cat.codes.to_numpy(dtype=np.int32), mask=column.isna().to_numpy())
            levels = pa.array([str(v) for v in column.cat.categories], type=pa.string())
            arrays.append(pa.DictionaryArray.from_arrays(codes, levels))
        elif column.dtype.kind == "f":
            # NaN stays NaN: a null mask would force a copy on reading.
            arrays.append(pa.array(column.to_numpy(dtype=np.float64), from_pandas=False))
        elif column.dtype.kind == "M":
            arrays.append(pa.array(column.to_numpy(dtype="datetime64[us]"), type=pa.timestamp("us")))
        else:
            arrays.append(pa.array(column, type=pa.large_string(), from_pandas=True))
    table = pa.Table.from_arrays(arrays, names=[str(c) for c in frame.columns])
    # A file without columns forgets how many rows it has; readers take the row count from elsewhere then.
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Map a file written by :func:`write_frame`; number columns share its memory and can't be written to."""
    import pandas as pd
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    if columns is not None:
        table = table.select(list(columns))
    if table.num_columns == 0:
        return pd.DataFrame(index=pd.RangeIndex(table.num_rows))
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, strings_to_categorical=False)
    return frame


def stack_rows(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Both frames' rows, with categories united by level."""
    import pandas as pd

    columns = {}
    for name in first.columns:
        a, b = first[name], second[name]
        if isinstance(a.dtype, pd.CategoricalDtype):
            from pandas.api.types import union_categoricals

            columns[name] = pd.Series(union_categoricals([a, b]))
        else:
            columns[name] = pd.concat([a, b], ignore_index=True)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(first) + len(second)))
