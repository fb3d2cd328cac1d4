"""What steps of one executor compute from the same rows, kept for each other.

A shelf is a folder of the executor's own, which goes with it. Nothing depends on what lies there: a step that doesn't
find a thing computes it. Matrices lie there as plain arrays and Arrow files; nothing is unpickled.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from modelwright.hashing import digest

MOST = 2 << 30
"""Bytes that a shelf may hold."""
SHARE = 0.1
"""Share of the free disk that it may hold at most."""
PACE = 200e6
"""Bytes a second that writing a matrix and reading it again is taken to do; what was computed faster isn't kept."""


@dataclass(frozen=True)
class Views:
    """A model's view of the rows that it is fitted on, and of the rows that it predicts.

    Args:
        learnt: matrix of the former: an array, a sparse matrix or a frame.
        asked: matrix of the latter.
        seconds: what the former and the latter took to compute.
        found: whether they were found on a shelf.
    """

    learnt: Any
    asked: Any
    seconds: tuple[float, float]
    found: bool = False


class Shelf:
    """Views by what they are computed from.

    Args:
        folder: where they lie; ``None`` for a shelf that never holds anything.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @property
    def holds(self) -> bool:
        """Whether anything can lie here."""
        return self._folder is not None

    def views(self, source: Any, learn: Callable[[], Any], ask: Callable[[], Any]) -> Views:
        """Find views, or compute them and keep them where that took longer than reading them will.

        Args:
            source: all that they are computed from, as plain JSON values.
            learn: computes the matrix to fit on; called before ``ask``.
            ask: computes the matrix to predict.
        """
        place = None if self._folder is None else self._folder / digest(source)
        if place is not None and (known := _read(place)) is not None:
            return known
        started = time.perf_counter()
        learnt = learn()
        between = time.perf_counter()
        asked = ask()
        made = Views(learnt, asked, (between - started, time.perf_counter() - between))
        if place is not None and _worth_keeping(made):
            _write(made, place)
        return made


def _worth_keeping(made: Views) -> bool:
    plain = _plain(made.learnt) and _plain(made.asked)
    return plain and sum(made.seconds) * PACE > _size(made.learnt) + _size(made.asked)


def _plain(matrix: Any) -> bool:
    """Whether a matrix comes back as it was: a plug-in's view may be anything that its estimator takes."""
    if isinstance(matrix, pd.DataFrame):
        names = matrix.columns
        return names.is_unique and names.inferred_type == "string" and all(map(_plain_type, matrix.dtypes))
    if sparse.issparse(matrix):
        return matrix.format in ("csr", "csc") and _plain_type(matrix.dtype)
    return isinstance(matrix, np.ndarray) and _plain_type(matrix.dtype)


def _plain_type(dtype: Any) -> bool:
    if isinstance(dtype, pd.CategoricalDtype):
        return bool(dtype.categories.inferred_type == "string")
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def _size(matrix: Any) -> int:
    if isinstance(matrix, pd.DataFrame):
        return int(matrix.memory_usage(index=False).sum())
    if sparse.issparse(matrix):
        return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)
    return int(matrix.nbytes)


def _write(views: Views, place: Path) -> None:
    """Put views on the shelf, whole or not at all; where there is no room, or they can't be kept, it stays as it is."""
    shelf = place.parent
    try:
        held = sum(path.stat().st_size for path in shelf.glob("*/*"))
        room = min(MOST, SHARE * (held + shutil.disk_usage(shelf).free)) - held
        if _size(views.learnt) + _size(views.asked) > room:
            return
        coming = Path(mkdtemp(dir=shelf))
    except OSError:  # the executor is closing, another step is putting something there, or the disk is full
        return
    try:
        for name in ("learnt", "asked"):
            _save(getattr(views, name), coming / name)
        (coming / "seconds.json").write_text(json.dumps(views.seconds), encoding="utf-8")
        coming.replace(place)
    except OSError:  # another step was first, or the disk is full: what was computed is in memory all the same
        shutil.rmtree(coming, ignore_errors=True)


def _read(place: Path) -> Views | None:
    if not place.is_dir():
        return None
    seconds: Sequence[float] = json.loads((place / "seconds.json").read_text(encoding="utf-8"))
    return Views(_load(place / "learnt"), _load(place / "asked"), (seconds[0], seconds[1]), found=True)


def _save(matrix: Any, path: Path) -> None:
    if isinstance(matrix, pd.DataFrame):
        from pyarrow import feather

        feather.write_feather(matrix.reset_index(drop=True), str(path.with_suffix(".arrow")), "uncompressed")
    elif sparse.issparse(matrix):
        sparse.save_npz(path.with_suffix(".npz"), matrix, compressed=False)
    else:
        np.save(path.with_suffix(".npy"), matrix, allow_pickle=False)


def _load(path: Path) -> Any:
    if (arrow := path.with_suffix(".arrow")).exists():
        from pyarrow import feather

        return feather.read_feather(str(arrow), memory_map=False)
    if (array := path.with_suffix(".npy")).exists():
        return np.load(array, allow_pickle=False)
    return sparse.load_npz(path.with_suffix(".npz"))
