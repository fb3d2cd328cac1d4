"""The data sets: a card says what a table is and where its rows are.

A card is a JSON file, ``NAME.json`` or ``NAME/card.json``:

- ``task``: ``binary``, ``multiclass`` or ``regression``; cards of other tasks are passed over.
- ``target``: the column to predict.
- where the rows are, one of
  - ``bundled``: a data set that scikit-learn carries, such as ``breast_cancer`` (``load_breast_cancer``);
  - ``data``: one file, which is split here, anew for every seed;
  - ``files`` with ``train``, ``test_features`` and ``test_labels`` (in the same order of rows), for a split that is
    fixed; files of these names are found without it.
- ``metric``: ``roc_auc``, ``log_loss`` or ``rmse``; by task otherwise.
- ``problem``: in plain words.
- ``leaky_columns``: left out for everybody, since they wouldn't be known when it counts.
- ``time_column``, ``group_column``: a split made here then keeps the last rows, or whole groups, for the test. With
  neither, test rows are drawn at random, and training rows come in random order.
- ``positive_label``, and ``read_hint``: arguments for ``pandas.read_csv``.

Files are CSV or Parquet. Everybody gets the same frame: columns without any value are dropped, and a regression target
that is written as text (``$10,300``) is turned into numbers; everything else is as it was found.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HOME = Path(__file__).resolve().parent.parent / "data"
METRIC = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
TEST_SHARE = 0.25
ENDINGS = (".parquet", ".csv", ".csv.gz", ".tsv")


class CardError(Exception):
    """A card, or what it names, is wrong; the text says how."""


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to be judged by; the rivals never see ``truth``.

    Args:
        train: with the target.
        test: the same columns without it.
        truth: the test rows' target.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    truth: pd.Series


@dataclass(frozen=True)
class DataSet:
    """A data set as its card tells it.

    Args:
        name: unique in a contest.
        folder: where its files lie.
        card: the card.
    """

    name: str
    folder: Path
    card: Mapping[str, Any]

    @property
    def task(self) -> str:
        """``binary``, ``multiclass`` or ``regression``."""
        return str(self.card["task"])

    @property
    def target(self) -> str:
        """The column to predict."""
        return str(self.card["target"])

    @property
    def metric(self) -> str:
        """What is measured."""
        metric = str(self.card.get("metric") or METRIC[self.task])
        if metric not in METRIC.values() or (metric == "rmse") != (self.task == "regression"):
            return METRIC[self.task]
        return metric

    def column(self, role: str) -> str | None:
        """The column of a role, where the card names a single one."""
        name = self.card.get(role)
        return name if isinstance(name, str) else None

    def split(self, seed: int) -> Split:
        """The rows of this seed.

        Raises:
            CardError: when they can't be read.
        """
        try:
            return self._split(seed)
        except (OSError, ValueError, KeyError) as error:
            raise CardError(f"{self.name}: its rows can't be had: {error}") from error

    def _split(self, seed: int) -> Split:
        if "bundled" in self.card:
            return self._divided(_bundled(str(self.card["bundled"]), self.target), seed)
        if "data" in self.card:
            return self._divided(self._read(self.folder / str(self.card["data"])), seed)
        names = self.card.get("files") or {}
        train, test, truth = (_found(self.folder, k, names.get(k)) for k in ("train", "test_features", "test_labels"))
        labels = pd.read_csv(truth) if truth.suffix != ".parquet" else pd.read_parquet(truth)
        return self._tidied(
            self._read(train), self._read(test), labels[self.target] if self.target in labels else labels.iloc[:, -1]
        )

    def _read(self, path: Path) -> pd.DataFrame:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        hint = dict(self.card.get("read_hint") or {})
        return pd.read_csv(path, **({"sep": _separator(path)} | hint), low_memory=False)

    def _divided(self, rows: pd.DataFrame, seed: int) -> Split:
        rows = rows[rows[self.target].notna()].reset_index(drop=True)
        test = np.zeros(len(rows), dtype=bool)
        test[self._test_rows(rows, seed)] = True
        train, held = rows[~test], rows[test]
        if self.column("time_column") is None and self.column("group_column") is None:
            # An order among rows would tell that later ones are asked for, which a test drawn at random denies.
            train = train.sample(frac=1.0, random_state=seed)
        return self._tidied(train, held.drop(columns=self.target), held[self.target])

    def _test_rows(self, rows: pd.DataFrame, seed: int) -> np.ndarray:
        from sklearn.model_selection import GroupShuffleSplit, train_test_split

        positions = np.arange(len(rows))
        time, group = self.column("time_column"), self.column("group_column")
        if time is not None:
            ordered = rows[time].argsort(kind="stable").to_numpy()
            return ordered[len(rows) - round(TEST_SHARE * len(rows)) :]
        if group is not None:
            splitter = GroupShuffleSplit(1, test_size=TEST_SHARE, random_state=seed)
            return next(splitter.split(positions, groups=rows[group]))[1]
        strata = None if self.task == "regression" else rows[self.target]
        return train_test_split(positions, test_size=TEST_SHARE, random_state=seed, stratify=strata)[1]

    def _tidied(self, train: pd.DataFrame, test: pd.DataFrame, truth: pd.Series) -> Split:
        left_out = {*self.card.get("leaky_columns", ())} | {c for c in train if train[c].isna().all()}
        train = train.drop(columns=[c for c in train if c in left_out and c != self.target])
        train = train[train[self.target].notna()]
        if self.task == "regression":
            train = train.assign(**{self.target: _numbers(train[self.target])})
            truth = _numbers(truth)
        columns = [c for c in train if c != self.target]
        return Split(train.reset_index(drop=True), test[columns].reset_index(drop=True), truth.reset_index(drop=True))


def data_sets(folders: tuple[Path, ...]) -> dict[str, DataSet]:
    """The tabular data sets of some folders, by name, in order of name.

    Raises:
        CardError: when a card can't be read, or two data sets have one name.
    """
    found: dict[str, DataSet] = {}
    for folder in folders:
        if not folder.is_dir():
            raise CardError(f"there is no folder {folder}")
        for path in _cards(folder):
            data = _data_set(path)
            if data is None:
                continue
            if data.name in found:
                raise CardError(f"two data sets are called {data.name}: {found[data.name].folder} and {data.folder}")
            found[data.name] = data
    return dict(sorted(found.items()))


def _cards(folder: Path) -> Iterator[Path]:
    if (folder / "card.json").is_file():
        yield folder / "card.json"
        return
    yield from sorted(folder.glob("*.json"))
    yield from sorted(folder.glob("*/card.json"))


def _data_set(path: Path) -> DataSet | None:
    try:
        card = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CardError(f"{path} isn't JSON: {error}") from error
    if not isinstance(card, dict) or card.get("task") not in METRIC or not card.get("target"):
        return None
    name = str(card.get("name") or (path.parent.name if path.name == "card.json" else path.stem))
    return DataSet(name, path.parent, card)


def _found(folder: Path, stem: str, named: object) -> Path:
    tried = [folder / str(named)] if named else [folder / f"{stem}{ending}" for ending in ENDINGS]
    for path in tried:
        if path.is_file():
            return path
    raise CardError(f"{folder.name}: there is no {' or '.join(p.name for p in tried)}")


def _separator(path: Path) -> str:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        head = stream.readline().decode(errors="replace")
    return max(",;\t|", key=head.count)


def _bundled(name: str, target: str) -> pd.DataFrame:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(as_frame=True).frame.rename(columns={"target": target})


def _numbers(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    return pd.to_numeric(column.astype(str).str.replace(r"[^0-9eE.+-]", "", regex=True)).astype("float64")
