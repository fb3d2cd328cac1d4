"""Files below a URL, on any file system that fsspec knows: S3, Google Cloud Storage, Azure, memory.

What object stores promise is what is used here: an object appears whole or not at all, and it can be written on the
condition that there is none yet. Credentials come from the environment, as the libraries behind fsspec read them; they
are refused in addresses and taken out of messages.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from modelwright.errors import MissingExtra, RequestError, StorageError

T = TypeVar("T")
AT_A_TIME = 8
"""Objects that are read or written at a time."""
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PACKAGES = {"gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|CONNECTION_STRING", re.IGNORECASE)


def is_address(place: object) -> bool:
    """Whether a name is a URL rather than a path."""
    return isinstance(place, str) and _ADDRESS.match(place) is not None


def local_path(place: str | Path) -> Path | None:
    """The path that a name stands for, with ``file://`` or without it; ``None`` for what lies elsewhere."""
    if not is_address(place):
        return Path(place)
    parts = urlsplit(str(place))
    if parts.scheme.lower() not in ("file", "local"):
        return None
    if parts.netloc not in ("", "localhost"):
        raise RequestError(f"{place} names a file of another machine; give a path, as file:///folder/file")
    return Path(unquote(parts.path))


class Objects:
    """The objects below a URL, by their names relative to it: ``log/00000001.json``.

    Any number of threads may use one of these.

    Args:
        url: such as ``s3://bucket/runs/churn``.

    Attributes:
        name: the URL as it may be shown.

    Raises:
        RequestError: when the URL isn't one, or holds a password or a query.
        MissingExtra: when the library for it isn't installed.
    """

    def __init__(self, url: str) -> None:
        found = _ADDRESS.match(url)
        parts = urlsplit(url)
        if found is None:
            raise RequestError(f"{url[:100]!r} isn't an address; write for instance s3://bucket/folder")
        if parts.password is not None or "?" in url or "#" in url or "::" in url:
            shown = f"{parts.scheme}://{parts.hostname or ''}"
            raise RequestError(
                f"the address at {shown} holds a password, a query or a chain; give the plain address, and credentials "
                "in the environment"
            )
        if not f"{parts.netloc}{parts.path}".strip("/"):
            raise RequestError(f"{url[:100]!r} names no bucket; write for instance s3://bucket/folder")
        self.name = url.rstrip("/")
        self._fs = _file_system(parts.scheme.lower())
        self._root = self._run(lambda: str(self._fs._strip_protocol(self.name)).rstrip("/"), "read")

    def at(self, name: str) -> str:
        """An object's address, for people."""
        return f"{self.name}/{name}" if name else self.name

    def read(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            KeyError: when there is none.
        """
        return self._run(lambda: bytes(self._fs.cat_file(self._path(name))), "read", name)

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """The bytes of those of the objects that are there."""

        def one(name: str) -> tuple[str, bytes | None]:
            try:
                return name, self.read(name)
            except KeyError:
                return name, None

        return {name: data for name, data in _each(one, names) if data is not None}

    def write(self, name: str, data: bytes) -> None:
        """Write an object, in the place of one that is there."""
        self._run(lambda: self._fs.pipe_file(self._path(name), data), "written to", name)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object if there is none yet; of two writers one succeeds.

        The bytes must be the caller's own: when the store says that there is an object, and it holds the same bytes,
        then an earlier attempt got through whose answer was lost.

        Returns:
            Whether it was written.
        """
        try:
            self._fs.pipe_file(self._path(name), data, mode="create")
        except Exception as error:
            # How the refusal is called differs: FileExistsError, EINVAL for S3's 412, a library's own error.
            try:
                return self.read(name) == data
            except KeyError:
                raise self._told(error, "written to") from error
        return True

    def upload(self, files: Mapping[str, Path]) -> None:
        """Write files as objects, by name."""

        def one(item: tuple[str, Path]) -> None:
            name, path = item
            self._run(lambda: self._fs.put_file(str(path), self._path(name)), "written to", name)

        _each(one, files.items())

    def download(self, name: str, path: Path) -> None:
        """Write an object's bytes to a file.

        Raises:
            KeyError: when there is no such object.
        """
        self._run(lambda: self._fs.get_file(self._path(name), str(path)), "read", name)

    def sizes(self, below: str = "") -> dict[str, int]:
        """The sizes of all objects below a folder, by name in order."""
        root = self._path(below).rstrip("/")

        def find() -> dict[str, int]:
            self._fs.invalidate_cache()
            found = self._fs.find(root, detail=True)
            return {str(path): int(info["size"] or 0) for path, info in found.items()}

        try:
            listed = self._run(find, "read", below)
        except KeyError:
            return {}
        start = len(self._root) + 1
        return {path[start:]: size for path, size in sorted(listed.items()) if path.startswith(f"{root}/")}

    def any(self) -> bool:
        """Whether there is anything at all."""

        def ask() -> bool:
            self._fs.invalidate_cache()
            return any(str(path).rstrip("/") != self._root for path in self._fs.ls(self._root, detail=False))

        try:
            return self._run(ask, "read")
        except KeyError:
            return False

    def there(self, name: str) -> bool:
        """Whether there is an object."""

        def ask() -> bool:
            self._fs.invalidate_cache()
            return bool(self._fs.info(self._path(name))["type"] == "file")

        try:
            return self._run(ask, "read", name)
        except KeyError:
            return False

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that aren't there are no fault."""

        def one(name: str) -> None:
            try:
                self._run(lambda: self._fs.rm_file(self._path(name)), "written to", name)
            except KeyError:
                return

        _each(one, names)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _run(self, call: Callable[[], T], what: str, name: str = "") -> T:
        try:
            return call()
        except FileNotFoundError as error:
            if what == "read":
                raise KeyError(name) from error
            raise self._told(error, what) from error
        except Exception as error:
            raise self._told(error, what) from error

    def _told(self, error: Exception, what: str) -> StorageError:
        """A library's error as one sentence without anything secret."""
        if isinstance(error, StorageError):
            return error
        kind = type(error).__name__
        text = shown(str(error)).strip()
        lines = text.splitlines()
        if isinstance(error, PermissionError) or "credential" in f"{kind} {text}".lower():
            why = "access is denied, or there are no credentials; check them in the environment"
        elif isinstance(error, FileNotFoundError):
            why = "there is no such bucket"
        else:
            why = f"{lines[0][:160] if lines else kind}; check the address and the connection"
        return StorageError(f"{self.name} can't be {what}: {why}")


def shown(text: str) -> str:
    """A text without the values of variables of the environment that hold secrets."""
    secrets = {value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= 4}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def fetch(url: str, folder: Path) -> Path:
    """Download one file into a folder, under its own name.

    Raises:
        RequestError: when there is none, or it can't be read.
    """
    above, _, name = url.rstrip("/").rpartition("/")
    objects = Objects(above)
    path = folder / (re.sub(r"[^\w.+-]", "_", name)[-100:] or "file")
    try:
        objects.download(name, path)
    except KeyError:
        raise RequestError(f"there is no file {objects.at(name)}") from None
    if not path.is_file():
        raise RequestError(f"{objects.at(name)} is a folder; give a file in it")
    return path


def _each(do: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    items = list(items)
    if len(items) < 2:
        return [do(item) for item in items]
    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="modelwright-objects") as pool:
        return list(pool.map(do, items))


def _file_system(scheme: str) -> Any:
    if scheme in ("http", "https"):
        raise RequestError(f"{scheme}:// is a web address; download the file and give its path")
    try:
        import fsspec
        from fsspec.registry import known_implementations
    except ImportError as error:
        raise MissingExtra(f"{scheme}://", "remote") from error
    try:
        # Other libraries may have put their own file systems in the place of fsspec's.
        known = known_implementations.get(scheme)
        kind = fsspec.get_filesystem_class(scheme) if known is None else _member(known["class"])
        # Other processes write here, too: nothing may be answered from memory.
        return kind(use_listings_cache=False)
    except ImportError as error:
        if scheme in ("s3", "s3a"):
            raise MissingExtra(f"{scheme}://", "remote") from error
        package = _PACKAGES.get(scheme)
        hint = f"pip install {package}" if package else shown(str(error))[:160]
        raise RequestError(f"{scheme}:// needs another package; install it with: {hint}") from error
    except ValueError as error:
        raise RequestError(f"{scheme}:// isn't known; s3://, gs://, az:// and file:// are") from error
    except Exception as error:
        raise StorageError(f"{scheme}:// can't be used: {shown(str(error))[:160]}") from error


def _member(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)
