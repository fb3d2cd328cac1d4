"""Files as bytes and as text: what can go wrong on the way, compression, encodings."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, cast

from modelwright.action import did_you_mean
from modelwright.errors import DataError, RequestError
from modelwright.objects import is_address, local_path
from modelwright.readers import Reader

HEAD = 1 << 16
COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
BOMB_SIZE, BOMB_RATIO = 1 << 30, 500
"""A file that unpacks to more than a gigabyte and to 500 times its size is taken for an attack, not for data."""

NO_TEXT = "no text"
UNUSED_IN_CP1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)

MAGIC = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"SQLite format 3": "an SQLite database",
    b"\x93NUMPY": "a NumPy array",
    b"\x80\x04\x95": "a pickle, which can run code and is never opened",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
}


class Recognising(Reader):
    """A reader that knows its format by the first bytes, so that a wrong file name ending does no harm."""

    @classmethod
    def recognises(cls, head: bytes) -> bool:
        """Whether the file's first 64 KiB, unpacked, look like this format."""
        raise NotImplementedError


def label(path: Path) -> str:
    """The file's name as it is quoted in messages."""
    return path.name[:100] or str(path)


def elsewhere(source: str | Path) -> bool:
    """Whether a source is the URL of a file that isn't on this machine.

    Raises:
        RequestError: for a web address.
    """
    text = str(source)
    if text[:8].lower().startswith(("http://", "https://")):
        raise RequestError(f"{text[:100]!r} is a web address; download the file and give its path")
    return is_address(text) and local_path(text) is None


def existing(source: str | Path) -> Path:
    """The path of a file that is there.

    Raises:
        DataError: when there is no such file, or it is a folder.
        RequestError: for a file of another machine.
    """
    text = str(source)
    path = (local_path(source) or Path(source)).expanduser()
    try:
        if path.is_dir():
            raise DataError(f"{label(path)} is a folder; give the data file in it")
        if not path.exists():
            near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            raise DataError(f"there is no file {text[:200]!r}{did_you_mean(path.name, near)}")
    except (OSError, ValueError) as error:
        raise DataError(f"{text[:100]!r} can't be opened: {_cause(error)}") from error
    return path


def _cause(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "you have no permission to read it"
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()


def _opener(path: Path, start: bytes) -> Callable[[], IO[bytes]]:
    if start.startswith(b"\x1f\x8b"):
        return lambda: cast("IO[bytes]", gzip.open(path, "rb"))
    if start.startswith(b"BZh"):
        return lambda: bz2.open(path, "rb")
    if start.startswith(b"\xfd7zXZ\x00"):
        return lambda: lzma.open(path, "rb")
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
            if any(m.filename == "[Content_Types].xml" for m in members):
                return lambda: path.open("rb")
            if len(members) != 1:
                raise DataError(f"{label(path)} holds {len(members)} files; unpack it and give one of them")
            return lambda: _Member(path, members[0])
    return lambda: path.open("rb")


class _Member(io.BytesIO):
    """The one file of a zip archive; only as much of it as the size limit allows is unpacked."""

    def __init__(self, path: Path, member: zipfile.ZipInfo) -> None:
        if member.flag_bits & 1:
            raise DataError(f"{label(path)} is protected by a password; unpack it first")
        if member.file_size > BOMB_SIZE and member.file_size > BOMB_RATIO * max(1, member.compress_size):
            raise DataError(f"{label(path)} unpacks to far more than its size; unpack it by hand if you trust it")
        with zipfile.ZipFile(path) as archive:
            super().__init__(archive.read(member))


def _load(path: Path, limit: int | None) -> bytes:
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
        with closing(_opener(path, start)()) as stream:
            if limit is not None:
                return stream.read(limit)
            size, parts, total = path.stat().st_size, list[bytes](), 0
            while part := stream.read(1 << 24):
                parts.append(part)
                total += len(part)
                if total > BOMB_SIZE and total > BOMB_RATIO * size > 0:
                    raise DataError(
                        f"{label(path)} unpacks to far more than its size; unpack it by hand if you trust it"
                    )
            return parts[0] if len(parts) == 1 else b"".join(parts)
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError) as error:
        raise DataError(f"{label(path)} is packed and damaged ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{label(path)} can't be read: {_cause(error)}") from error


def head(path: Path) -> bytes:
    """The first 64 KiB, unpacked."""
    return _load(path, HEAD)


def contents(path: Path) -> bytes:
    """All bytes, unpacked where the file is packed by gzip, bzip2, xz or zip.

    Raises:
        DataError: when it can't be read, is damaged, or unpacks to an absurd size.
    """
    return _load(path, None)


def what_binary(start: bytes) -> str:
    """What a file that isn't text seems to be, in words; empty for text."""
    for magic, words in MAGIC.items():
        if start.startswith(magic):
            return words
    if _bom(start) or _wide(start):
        return ""
    control = sum(start.count(bytes([c])) for c in (*range(9), *range(14, 32), 127) if c not in (1, 27, 31))
    return NO_TEXT if control > 0.01 * len(start) + 1 else ""


def _bom(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return encoding
    return ""


def _wide(start: bytes) -> str:
    """UTF-16 without a mark: mostly Latin text has a zero in every other byte."""
    pairs = len(start) // 2
    if pairs < 4:
        return ""
    even, odd = start[: 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if odd > 0.6 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * pairs and odd < 0.05 * pairs else ""


def _strict_utf8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view, step = memoryview(data), 1 << 20
    try:
        for begin in range(0, len(data), step):
            decoder.decode(view[begin : begin + step], final=begin + step >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def utf8(data: bytes, name: str) -> tuple[bytes, str, list[str]]:
    """Bytes of any common encoding as UTF-8 without a mark, the encoding's name, and notes on repairs.

    Tried in order: what a byte order mark says, UTF-8, UTF-16 by its zeros, UTF-8 with a few broken characters,
    Windows-1252, Latin-1.

    Raises:
        DataError: when it isn't text.
    """
    notes: list[str] = []
    mark = _bom(data)
    if mark == "utf-8-sig":
        data = data[3:]
    wide = _wide(data[:HEAD]) if mark in ("", "utf-8-sig") else mark
    if wide:
        try:
            text = data.decode(wide)
        except UnicodeDecodeError as error:
            raise DataError(f"{name} begins like {wide} text but is damaged at byte {error.start:,}") from error
        return _without_nul(text.encode("utf-8", "replace"), name, notes), wide, notes
    if _strict_utf8(data):
        return _without_nul(data, name, notes), "utf-8", notes
    repaired = data.decode("utf-8", "replace")
    broken = repaired.count("\ufffd")
    if mark or broken < 0.1 * sum(character > "\x7f" for character in repaired):
        notes.append(f"{broken:,} broken characters were replaced; is the file damaged?")
        return _without_nul(repaired.encode(), name, notes), "utf-8", notes
    encoding = "latin-1" if any(bytes([byte]) in data for byte in UNUSED_IN_CP1252) else "cp1252"
    return _without_nul(data.decode(encoding).encode(), name, notes), encoding, notes


def _without_nul(data: bytes, name: str, notes: list[str]) -> bytes:
    zeros = data.count(0)
    if not zeros:
        return data
    if zeros > 0.001 * len(data) + 1:
        raise DataError(f"{name} holds no text; give a table (CSV, Parquet, Excel, JSON lines)")
    notes.append(f"{zeros:,} zero bytes were left out; is the file damaged?")
    return data.replace(b"\0", b"")
