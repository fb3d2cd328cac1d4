"""Column formats: Parquet, and Arrow IPC (Feather) as file or stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from modelwright.errors import DataError
from modelwright.readers import Raw
from modelwright.readers._files import Recognising, contents, label
from modelwright.readers._frames import from_arrow


class Parquet(Recognising):
    """Apache Parquet."""

    name: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq", ".parq")

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """By the magic bytes."""
        return head.startswith(b"PAR1")

    def read(self, path: Path) -> Raw:
        """Read a file; the columns keep their types."""
        from pyarrow import parquet

        try:
            with path.open("rb") as stream:
                plain = stream.read(4) == b"PAR1"
            # A file that isn't packed is read column by column, without its bytes being held besides.
            table = parquet.ParquetFile(path if plain else pa.BufferReader(contents(path))).read()
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, "Parquet", error) from error
        return from_arrow(table, "Parquet")


class Arrow(Recognising):
    """Arrow IPC: Feather files, Arrow files and streams."""

    name: ClassVar[str] = "arrow"
    suffixes: ClassVar[tuple[str, ...]] = (".feather", ".arrow", ".ipc", ".arrows", ".ftr")

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """By the magic bytes, or the mark that a stream begins with."""
        return head.startswith((b"ARROW1", b"FEA1")) or (head.startswith(b"\xff\xff\xff\xff") and len(head) > 16)

    def read(self, path: Path) -> Raw:
        """Read a file; the columns keep their types."""
        from pyarrow import feather, ipc

        data = contents(path)
        source: Any = pa.BufferReader(data)
        try:
            if data.startswith(b"\xff\xff\xff\xff"):
                return from_arrow(ipc.open_stream(source).read_all(), "Arrow stream")
            return from_arrow(feather.read_table(source, memory_map=False), "Arrow file")
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, "Arrow", error) from error


def _damaged(path: Path, kind: str, error: Exception) -> DataError:
    first = (str(error).splitlines() or ["unreadable"])[0][:200]
    return DataError(f"{label(path)} can't be read as {kind} ({first}); it may be damaged, fetch it again")
