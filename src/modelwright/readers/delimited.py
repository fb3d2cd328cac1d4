"""Text tables: CSV, TSV and their kin, of any delimiter and common encoding."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from modelwright.errors import DataError
from modelwright.readers import Raw, Reader
from modelwright.readers._files import HEAD, NO_TEXT, contents, label, utf8, what_binary
from modelwright.readers._header import is_data, unique_names

SAMPLE_BYTES = 1 << 18
SAMPLE_ROWS = 300
COMMON = ("\t", ";", "|", ",")
RARE = (":", "^", "~", "\x01", "\x1f", "¦", "§")
NO_DELIMITER = "\x1f"
CHUNK = 50_000
WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "\x01": "control-A", " ": "blanks"}


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Args:
        delimiter: between cells.
        quoted: whether quotation marks protect cells.
        names: the column names as they stand there; empty when the first row is data.
        width: number of columns.
        start: bytes before the first row of data.
        line: number of the line on which data begins, counted from 1.
        notes: what was noticed.
    """

    delimiter: str
    quoted: bool
    names: tuple[str, ...]
    width: int
    start: int
    line: int
    notes: tuple[str, ...] = ()


class Delimited(Reader):
    """CSV, TSV and other text tables; delimiter, encoding and header are found out."""

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat", ".data")

    def read(self, path: Path) -> Raw:
        """Read a file; every cell stays text."""
        packed = contents(path)
        binary = what_binary(packed[:HEAD])
        if binary:
            what = "holds no text" if binary == NO_TEXT else f"is {binary}"
            raise DataError(f"{label(path)} {what}; give a table (CSV, Parquet, Excel, JSON lines)")
        data, encoding, notes = utf8(packed, label(path))
        if not data.strip():
            raise DataError(f"{label(path)} is empty; give a file with a row of names and rows of data")
        if re.match(rb"\s*<(!doctype html|html|\?xml)", data[:200], re.IGNORECASE):
            raise DataError(f"{label(path)} is a web page or XML, not a table; export the data as CSV")
        data, blanks = _from_blanks(data)
        dialect = sniff(_sample(data))
        table, dialect, found = parse(data, dialect, label(path))
        frame = table.to_pandas()
        names = dialect.names or tuple(f"column_{i}" for i in range(1, dialect.width + 1))
        frame.columns, renamed = unique_names(names)
        kind = " " if blanks else dialect.delimiter
        origin = f"text table, {WORDS.get(kind, repr(kind))}-separated" if dialect.width > 1 else "text, one column"
        return Raw(frame, names, f"{origin}, {encoding}", (*notes, *dialect.notes, *found, *renamed))


def _sample(data: bytes) -> str:
    text = data[:SAMPLE_BYTES].decode("utf-8", "ignore")
    if len(data) > SAMPLE_BYTES:
        cut = text.rfind("\n")
        text = text[: cut + 1] if cut > 0 else text
    return text


def _from_blanks(data: bytes) -> tuple[bytes, bool]:
    """Turn a table of numbers separated by runs of blanks into a tab-separated one; leave everything else alone."""
    lines = [line.split() for line in data[:SAMPLE_BYTES].splitlines()[:50] if line.strip()]
    body = lines[1:]
    if len(body) < 3 or len(lines[0]) < 2 or len({len(line) for line in lines[:-1]}) != 1:
        return data, False
    if any(mark in data[:SAMPLE_BYTES] for mark in (b",", b";", b"|", b"\t", b'"')):
        return data, False
    cells = [cell for line in body for cell in line]
    if sum(bool(re.fullmatch(rb"[-+]?[\d.]+([eE][-+]?\d+)?", cell)) for cell in cells) < 0.5 * len(cells):
        return data, False
    return re.sub(rb" +", b"\t", re.sub(rb"(?m)^ +| +(?=\r?$)", b"", data)), True


@contextmanager
def _any_length() -> Iterator[None]:
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _Counted:
    """Lines of a text, counting the characters that were handed out."""

    def __init__(self, text: str) -> None:
        self.stream, self.used = io.StringIO(text, newline=""), 0

    def __iter__(self) -> Iterator[str]:
        for line in self.stream:
            self.used += len(line)
            yield line


def _rows(lines: Any, delimiter: str, quoted: bool) -> Any:
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)


def sniff(text: str) -> Dialect:
    """Find the delimiter, the row of names and the number of columns from the beginning of a file."""
    notes: list[str] = []
    declared = re.match(r'"?sep=(.)"?\r?\n', text)
    skipped = declared.end() if declared else 0
    with _any_length():
        delimiter = declared[1] if declared else _delimiter(text)
        quoted = delimiter != NO_DELIMITER
        lines = _Counted(text[skipped:])
        rows, ends, numbers = list[list[str]](), list[int](), list[int]()
        reader = _rows(iter(lines), delimiter, quoted)
        for row in reader:
            if row:
                rows.append(row)
                ends.append(skipped + lines.used)
                numbers.append(reader.line_num + (1 if declared else 0))
            if len(rows) > SAMPLE_ROWS:
                break
    top = _titles(rows)
    if top:
        notes.append(f"{top} line{'s' if top > 1 else ''} above the names {'were' if top > 1 else 'was'} left out.")
    first, body = rows[top], rows[top + 1 :]
    modal = Counter(map(len, body)).most_common(1)[0][0] if body else len(first)
    if is_data(first, body):
        notes.append("The first row holds data, not names: columns were named by position.")
        start, line = (ends[top - 1], numbers[top - 1] + 1) if top else (skipped, 2 if declared else 1)
        return Dialect(delimiter, quoted, (), len(first), _bytes(text, start), line, tuple(notes))
    names = list(first)
    while len(names) > max(modal, 1) and not names[-1].strip():
        names.pop()
    if body and modal == len(names) + 1:
        extra = [row[-1] for row in body if len(row) == modal]
        names = [*names, ""] if not any(cell.strip() for cell in extra) else ["", *names]
    start, line = _bytes(text, ends[top]), numbers[top] + 1
    return Dialect(delimiter, quoted, tuple(names), len(names), start, line, tuple(notes))


def _bytes(text: str, characters: int) -> int:
    return len(text[:characters].encode())


def _delimiter(text: str) -> str:
    """The mark that splits most rows into the same number of cells as the row of names."""
    for marks in (COMMON, RARE):
        best, chosen = (0.0, 0), ""
        for mark in marks:
            if mark not in text:
                continue
            rows = []
            for row in _rows(io.StringIO(text, newline=""), mark, quoted=True):
                if row:
                    rows.append(row)
                if len(rows) >= SAMPLE_ROWS:
                    break
            rows = rows[_titles(rows) :]
            counts = Counter(map(len, rows[1:] or rows))
            width, agreeing = max(counts.items(), key=lambda item: (item[1], item[0]))
            named = len(rows[0])
            close = named in (width, width - 1) or (named > width and not any(c.strip() for c in rows[0][width:]))
            if named < 2 or not close:
                # a long row of names above rows that are all too short is still the best reading of it
                if named < 3 or width < 2:
                    continue
                agreeing = agreeing // 2
            score = (round(agreeing / max(1, len(rows[1:] or rows)), 2), max(width, named))
            if score[0] >= 0.1 and (score[0] > best[0] + 0.005 or (abs(score[0] - best[0]) <= 0.005 and not chosen)):
                best, chosen = score, mark
        if chosen and (marks is COMMON or best[0] > 0.9):
            return chosen
    rows = [row for row in _rows(io.StringIO(text, newline=""), ",", quoted=True) if row][:SAMPLE_ROWS]
    return "," if all(len(row) == 1 for row in rows) or '"' in text else NO_DELIMITER


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top have one cell only, above a table of three columns or more."""
    lengths = Counter(len(row) for row in rows[:50])
    if not lengths or max(lengths, key=lambda n: (lengths[n], n)) < 3 or len(rows) < 4:
        return 0
    top = 0
    while top < min(10, len(rows) - 3) and sum(bool(cell.strip()) for cell in rows[top]) == 1:
        top += 1
    return top if len(rows[top]) >= 3 else 0


def parse(data: bytes, dialect: Dialect, name: str) -> tuple[pa.Table, Dialect, list[str]]:
    """Read all rows as text; the quick way where every row has the same number of cells, else row by row.

    Raises:
        DataError: when more than half of the rows don't have the number of cells that the names promise.
    """
    table, notes = _table(data, dialect, name)
    if dialect.quoted and data.count(b'"') % 2 and _swallowed(table):
        dialect = replace(dialect, quoted=False)
        table, notes = _table(data, dialect, name)
        notes = ["A quotation mark is never closed: quotation marks were read as text.", *notes]
    return table, dialect, notes


def _table(data: bytes, dialect: Dialect, name: str) -> tuple[pa.Table, list[str]]:
    table = _quick(data, dialect)
    return (table, []) if table is not None else _patient(data, dialect, name)


def _swallowed(table: pa.Table) -> bool:
    last = table.slice(max(0, table.num_rows - 1)).to_pylist()
    return any("\n" in (cell or "") for row in last for cell in row.values())


def _quick(data: bytes, dialect: Dialect) -> pa.Table | None:
    """Read by Arrow; ``None`` where rows differ in width or Arrow declines."""
    from pyarrow import csv as arrow_csv

    columns = [str(i) for i in range(dialect.width)]
    if not re.compile(rb"[^\r\n]").search(data, dialect.start):
        return pa.table({c: pa.array([], pa.large_string()) for c in columns})
    if len(dialect.delimiter.encode()) > 1:
        return None
    body, odd = pa.py_buffer(data).slice(dialect.start), 0

    def refuse(_: Any) -> str:
        nonlocal odd
        odd += 1
        return "error"

    for block in (1 << 20, 1 << 26, min(len(data), 2**31 - 2)):
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(body),
                read_options=arrow_csv.ReadOptions(column_names=columns, block_size=max(block, 1 << 20)),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char='"' if dialect.quoted else False,
                    newlines_in_values=dialect.quoted and data.find(b'"', dialect.start) >= 0,
                    invalid_row_handler=refuse,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={c: pa.large_string() for c in columns},
                    strings_can_be_null=True,
                    null_values=[""],
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:  # a row of another width, or one that is longer than the block
            if odd:
                return None
    return None


def _patient(data: bytes, dialect: Dialect, name: str) -> tuple[pa.Table, list[str]]:
    """Read row by row: short rows are filled, long ones cut, and counted."""
    stream = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    stream.seek(dialect.start)
    width, total, odd = dialect.width, 0, Counter[int]()
    first: dict[int, int] = {}
    rows: list[list[str]] = []
    tables: list[pa.Table] = []

    def flush() -> None:
        columns = zip(*rows, strict=True) if rows else [()] * width
        tables.append(
            pa.table({str(i): pa.array([c or None for c in col], pa.large_string()) for i, col in enumerate(columns)})
        )
        rows.clear()

    with _any_length():
        reader = _rows(stream, dialect.delimiter, dialect.quoted)
        try:
            for row in reader:
                if not row or (len(row) == 1 < width and not row[0].strip()):
                    continue
                total += 1
                if len(row) != width:
                    if len(row) < width or any(cell.strip() for cell in row[width:]):
                        odd[len(row)] += 1
                        first.setdefault(len(row), dialect.line + reader.line_num - 1)
                    row = (row + [""] * (width - len(row)))[:width]
                rows.append(row)
                if len(rows) >= CHUNK:
                    flush()
        except csv.Error as error:
            line = dialect.line + reader.line_num - 1
            raise DataError(f"{name} can't be read at line {line:,}: {error}; correct that line") from error
    flush()
    if odd.total() * 2 > total:
        width_word = f"{odd.most_common(1)[0][0]} fields in most rows"
        raise DataError(
            f"{name} isn't a regular table: there are {width} columns but {width_word} "
            f"({odd.total():,} of {total:,} rows differ, first: line {min(first.values()):,}); "
            "check delimiter and quotation marks"
        )
    notes = [
        f"{count:,} row{'s' if count > 1 else ''} had {fields} field{'s' if fields > 1 else ''} instead of {width} "
        f"(first: line {first[fields]:,}): {'missing cells were left empty' if fields < width else 'the rest was cut'}."
        for fields, count in sorted(odd.items())[:5]
    ]
    return pa.concat_tables(tables), notes
