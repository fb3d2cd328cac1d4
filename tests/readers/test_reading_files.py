"""Files of every format, encoding and delimiter become the same table; broken ones one clear sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import threading
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from modelwright.errors import DataError, MissingExtra, RequestError, UserError
from modelwright.readers import Reader, all_readers, conform, read

FRAME = pd.DataFrame({"näme": ["a b", "é", "x"], "price": [1.5, 2.25, 3.0], "n": [1, 2, 3]})


def csv(sep: str = ",", **options: object) -> str:
    return FRAME.to_csv(sep=sep, index=False, **options)  # type: ignore[call-overload, no-any-return]


def zipped(text: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.csv", text)
    return stream.getvalue()


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def same(frame: pd.DataFrame) -> None:
    assert list(frame.columns) == ["näme", "price", "n"]
    assert list(frame["näme"]) == ["a b", "é", "x"]
    assert list(frame["price"]) == [1.5, 2.25, 3.0]
    assert list(frame["n"]) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("sep", [",", ";", "\t", "|", ":", "^", "~", "\x01"])
def test_any_delimiter(tmp_path: Path, sep: str) -> None:
    same(read(put(tmp_path, "data.txt", csv(sep))).frame)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_any_encoding(tmp_path: Path, encoding: str) -> None:
    same(read(put(tmp_path, "data.csv", csv().encode(encoding))).frame)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end(tmp_path: Path, end: str) -> None:
    same(read(put(tmp_path, "data.csv", csv().replace("\n", end).encode())).frame)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zipped])
def test_compressed_files_are_recognised_by_content(tmp_path: Path, pack: object) -> None:
    same(read(put(tmp_path, "data.csv", pack(csv().encode()))).frame)  # type: ignore[operator]


def test_decimal_comma(tmp_path: Path) -> None:
    same(read(put(tmp_path, "data.csv", csv(";", decimal=","))).frame)


@pytest.mark.parametrize(
    "name", ["data.parquet", "data.feather", "stream.arrow", "data.xlsx", "data.jsonl", "data.json"]
)
@pytest.mark.parametrize("lying", [False, True])
def test_every_format_whatever_the_name_says(tmp_path: Path, name: str, lying: bool) -> None:
    path = tmp_path / name
    if name == "data.parquet":
        FRAME.to_parquet(path)
    elif name == "data.feather":
        pyarrow.feather.write_feather(FRAME, str(path))
    elif name == "stream.arrow":
        table = pa.Table.from_pandas(FRAME)
        with pa.ipc.new_stream(str(path), table.schema) as stream:
            stream.write_table(table)
    elif name == "data.xlsx":
        FRAME.to_excel(path, index=False)
    else:
        FRAME.to_json(path, orient="records", lines=name == "data.jsonl", force_ascii=False)
    same(read(path.rename(tmp_path / "table.csv") if lying else path).frame)


def test_a_csv_called_parquet(tmp_path: Path) -> None:
    same(read(str(put(tmp_path, "data.parquet", csv()))).frame)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(csv().encode())))
    same(read("-").frame)


def test_a_pipe_that_can_be_read_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(csv(),))
    writer.start()
    same(read(pipe).frame)
    writer.join()


def test_quotes_hold_newlines_delimiters_and_quotes(tmp_path: Path) -> None:
    text = 'a,"b ""x"", 🦙\nDROP TABLE"\n1,"one\ntwo"\n2,"three, ""four"""\n'
    frame = read(put(tmp_path, "data.csv", text)).frame
    assert list(frame.columns) == ["a", 'b "x", 🦙\nDROP TABLE']
    assert list(frame.iloc[:, 1]) == ["one\ntwo", 'three, "four"']


def test_a_quotation_mark_that_is_never_closed_swallows_nothing(tmp_path: Path) -> None:
    reading = read(put(tmp_path, "data.csv", 'a,b\n1,"abc\n2,def\n3,ghi\n'))
    assert list(reading.frame["b"]) == ['"abc', "def", "ghi"]
    assert "never closed" in reading.notes[0]


def test_ragged_rows_are_kept_and_counted(tmp_path: Path) -> None:
    reading = read(put(tmp_path, "data.csv", "a,b,c\n" + "1,2,3\n" * 5 + "4,5\n6,7,8,9\n10,11,12,\n"))
    assert list(reading.frame["a"]) == [1, 1, 1, 1, 1, 4, 6, 10]
    assert reading.frame["c"].isna().sum() == 1
    assert "1 row had 2 fields instead of 3 (first: line 7)" in reading.notes[0]
    assert "1 row had 4 fields instead of 3 (first: line 8)" in reading.notes[1]


def test_mostly_ragged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"3 columns.*3 of 4 rows differ, first: line 2"):
        read(put(tmp_path, "data.csv", "a,b,c\n1,2\n3\n4,5\n6,7,8\n"))


def test_names_are_made_unique_and_empty_trailing_columns_left_out(tmp_path: Path) -> None:
    reading = read(put(tmp_path, "data.csv", "a;a;;a_2;;\n1;2;3;4;;\n5;6;7;8;;\n"))
    assert list(reading.frame.columns) == ["a", "a_3", "column_3", "a_2"]
    assert [f.source_name for f in reading.schema.fields] == ["", "a", "", ""]
    assert reading.notes[0].endswith("'a'.")
    assert "2 empty columns without a name were left out." in reading.notes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n", ["column_1", "column_2", "column_3"]),
        ("p,x\np,x\ne,s\np,s\n", ["column_1", "column_2"]),
        ("country,2019,2020\na,1,2\nb,3,4\n", ["country", "2019", "2020"]),
        ("0,1,2\n4,5,6\n7,8,9\n", ["0", "1", "2"]),
        ("2019,2020\n4,5\n7,8\n", ["2019", "2020"]),
        ("x,y\nr1,1,2\nr2,3,4\nr3,5,6\n", ["column_1", "x", "y"]),
        ("sep=;\na;b\n1;2\n3;4\n", ["a", "b"]),
        ("My report\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n", ["a", "b", "c"]),
        (" a  b\n 1  2\n3   4\n5 6\n", ["a", "b"]),
    ],
)
def test_the_row_of_names(tmp_path: Path, text: str, names: list[str]) -> None:
    assert list(read(put(tmp_path, "data.csv", text)).frame.columns) == names


def test_empty_rows_are_left_out_in_reading_and_kept_in_conforming(tmp_path: Path) -> None:
    path = put(tmp_path, "data.csv", "a,b\n1,x\n,\nNA,\n2,y\n")
    reading = read(path)
    assert list(reading.frame["a"]) == [1, 2]
    assert "2 empty rows left out." in reading.notes
    assert len(conform(path, reading.schema).frame) == 4


def test_the_first_sheet_with_data(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("figures")
    for row in ([None, "Report"], [], [None, "when", "what", "n"], [None, pd.Timestamp("2024-01-02"), "x", 1], [],
                [None, pd.Timestamp("2024-01-03"), "12", 2.5]):  # fmt: skip
        sheet.append(row)
    book.create_sheet("more").append(["z"])
    book.save(tmp_path / "book.xlsx")
    reading = read(tmp_path / "book.xlsx")
    assert [f.kind for f in reading.schema.fields] == ["datetime", "category", "numeric"]
    assert list(reading.frame["what"]) == ["x", "12"]
    assert any("'figures' was read" in note for note in reading.notes)


def test_old_excel_says_which_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlrd", None)
    with pytest.raises(MissingExtra, match=r"modelwright\[excel\]"):
        read(put(tmp_path, "book.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600))


def test_nested_json_becomes_text(tmp_path: Path) -> None:
    frame = read(put(tmp_path, "x.jsonl", '{"a":{"k":1},"b":1}\n\n{"a":[1,2],"b":null,"c":"\\ud800"}\n')).frame
    assert list(frame["a"]) == ['{"k": 1}', "[1, 2]"]
    assert list(frame.columns) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("x.csv", b"", DataError, "is empty"),
        ("x.csv", b" \n\n", DataError, "is empty"),
        ("x.csv", b"a,b\n", DataError, "no rows"),
        ("x.csv", b"a,b\n,\n,\n", DataError, "no value"),
        ("x.csv", bytes(range(256)) * 9, DataError, "holds no text"),
        ("x.csv", b"a,b\n" + b"1\0,2\n" * 90, DataError, "holds no text"),
        ("x.csv", b"<!DOCTYPE html><html></html>", DataError, "web page"),
        ("x.csv", b"\x80\x04\x95abcdef", DataError, "pickle"),
        ("x.parquet", b"PAR1 not really", DataError, "can't be read as Parquet"),
        ("x.parquet", bytes(range(256)), DataError, "isn't a parquet file"),
        ("x.feather", b"ARROW1\0\0 not really", DataError, "can't be read as Arrow"),
        ("x.xlsx", b"PK\x03\x04 [Content_Types].xml not really", DataError, "packed and damaged"),
        ("x.pdf", b"%PDF-1.7 ", RequestError, "a PDF document"),
        ("x.jsonl", b'{"a":1}\nnope\n', DataError, "line 2 of x.jsonl isn't JSON"),
        ("x.jsonl", b'{"a":1}\n3\n', DataError, "line 2"),
        ("x.json", b"[" * 100_000, DataError, "isn't JSON"),
        ("x.json", b"[{}]", DataError, "no keys"),
        ("x.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:30], DataError, "damaged"),
    ],
)
def test_broken_files_are_one_clear_sentence(
    tmp_path: Path, name: str, data: bytes, error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        read(put(tmp_path, name, data))
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    put(tmp_path, "train.csv", "a,b\n1,2\n")
    for source, words in (
        (tmp_path, "is a folder"),
        (tmp_path / "trian.csv", "did you mean 'train.csv'"),
        ("a\0b", "no file|can't be opened"),
        ("x" * 5000, "can't be opened|no file"),
    ):
        with pytest.raises(DataError, match=words):
            read(source)
    with pytest.raises(RequestError, match="web address"):
        read("https://example.com/x.csv")
    with pytest.raises(RequestError, match="dict"):
        read({"a": [1]})


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "x.csv", "a,b\n1,2\n")

    def refuse(*_: object, **__: object) -> None:  # by hand, since a super-user may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="no permission"):
        read(path)


def test_an_archive_that_unpacks_to_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelwright.readers._files.BOMB_SIZE", 1 << 20)
    with pytest.raises(DataError, match="far more than its size"):
        read(put(tmp_path, "x.csv.gz", gzip.compress(b"a,b\n" + b"0,0\n" * (1 << 21))))


def test_the_family_keeps_its_contract() -> None:
    readers = all_readers()
    assert {"csv", "parquet", "arrow", "excel", "excel-97", "json"} <= set(readers)
    suffixes = [suffix for reader in readers.values() for suffix in reader.suffixes]
    assert len(suffixes) == len(set(suffixes))
    for name, reader in readers.items():
        assert issubclass(reader, Reader)
        assert reader.name == name
        assert reader.__doc__
        assert all(s == s.lower() and s.startswith(".") for s in reader.suffixes)


@pytest.mark.parametrize("name", sorted(all_readers()))
def test_every_reader_refuses_nonsense_by_a_data_error(tmp_path: Path, name: str) -> None:
    for data in (b"", b"\xff\xff\xff\xff" + b"\x07" * 40, bytes(range(256)) * 4, b"PK\x03\x04" + b"x" * 40):
        with pytest.raises((DataError, MissingExtra)):
            all_readers()[name]().read(put(tmp_path, "nonsense", data))
