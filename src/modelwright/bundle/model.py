"""A loaded bundle: predicts for files and frames."""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelwright.bundle.manifest import (
    DIFFICULTY,
    GOLDEN,
    MANIFEST,
    MODEL,
    NEEDED,
    OPTIONAL,
    REFERENCES,
    UNCERTAINTY,
    Manifest,
    References,
    read_json,
    read_manifest,
)
from modelwright.deferring import putting_off
from modelwright.errors import DataError, RequestError
from modelwright.explanation import Counterfactuals, Uncertainty
from modelwright.hashing import restore
from modelwright.objects import Objects, fetch, local_path
from modelwright.persistence import load_model
from modelwright.readers import conform
from modelwright.table import Schema
from modelwright.tasks import all_tasks

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

T = TypeVar("T")
UNZIPPED_LIMIT = 8 * 2**30
CLOSE = 1e-9
"""Relative difference from the golden predictions beyond which a bundle is refused."""


@dataclass
class Model:
    """A model that predicts.

    Args:
        manifest: what the bundle says of itself.
        pipeline: the fitted scikit-learn pipeline, from typed columns to raw predictions.
        notes: what the last call had to repair in its input, one sentence each.
        golden: rows that it was checked with.
        references: usual values, for explanations.
        uncertainty: how intervals or sets are made.
        difficulty: the file of a model of the expected error, read when it is first needed.
    """

    manifest: Manifest
    pipeline: Any
    notes: tuple[str, ...] = ()
    golden: Sequence[Mapping[str, Any]] = ()
    references: References | None = None
    uncertainty: Uncertainty | None = None
    difficulty: bytes | None = field(default=None, repr=False)
    _known_rows: pd.DataFrame | None = field(default=None, init=False, repr=False)
    _difficulty_model: Any = field(default=None, init=False, repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probability columns; empty for regression."""
        return self.manifest.output.classes

    def predict(self, data: Any, *, context: Any = None) -> pd.DataFrame:
        """Predict: one output row an input row, in order.

        Args:
            data: a path, or a pandas, polars or Arrow table. Columns are found by name in any order; missing ones
                count as missing values and extra ones are ignored, both said in :attr:`notes`.
            context: rows between those that the model was fitted on and these, for models with features of the past:
                what was predicted yesterday is what today's rows follow. It is read as ``data`` is, and not predicted.

        Returns:
            ``prediction``, and for classification ``probability_<class>`` for every class.

        Raises:
            DataError: when the data can't be read, or has none of the columns that the model takes.
        """
        task = all_tasks()[self.manifest.output.task]
        return task.predictions(self._raw(data, context), self.classes, self.manifest.output.threshold)

    def predict_proba(self, data: Any, *, context: Any = None) -> np.ndarray:
        """Probabilities, (n, classes), in the order of :attr:`classes`; arguments as for :meth:`predict`.

        Raises:
            DataError: for a regression model, and as :meth:`predict`.
        """
        if not self.classes:
            raise DataError(f"this model predicts the number {self.manifest.output.target!r}; it has no probabilities")
        return self._raw(data, context)

    def explain(self, data: Any, *, top: int | None = None, seconds: float = 60.0) -> pd.DataFrame:
        """Why each row is predicted as it is: how far each column moves its prediction from the average one.

        Shapley values in the original columns (see :mod:`modelwright.attribution`) against reference rows that the
        bundle carries. They are about the probability of the second of two classes, of the predicted one of several
        classes, or about the number. Beyond 100 columns (30 in very wide data) all that matter least are one.

        Args:
            data: as for :meth:`predict`; a single row will do.
            top: ``None`` for figures, or how many reasons to give in words.
            seconds: about how long it may take; less time means fewer reference rows, said in :attr:`notes`.

        Returns:
            Figures: one row an input row, one column an input column. They add up to the outcome minus
            ``attrs["base"]`` (by row); ``attrs["outcome"]`` says what the outcome is. With ``top`` the columns
            ``reason_1`` … instead, such as ``tenure = 2 → +0.18``, the strongest first and values of personal columns
            left out.

        Raises:
            DataError: as :meth:`predict`.
            RequestError: when ``top`` isn't a positive number.
        """
        return self._explained(self._conformed(data), top, seconds)

    def _explained(self, frame: pd.DataFrame, top: int | None, seconds: float = 60.0) -> pd.DataFrame:
        from modelwright.bundle.explaining import attributed, figures, reasons

        if top is not None and top < 1:
            raise RequestError(f"{top} reasons can't be given; ask for one or more")
        found = attributed(self, frame, seconds)
        if found.truncated:
            note = f"For lack of time each row was compared with {found.background} reference rows only."
            self.notes = (*self.notes, note)
        return figures(self, found) if top is None else reasons(self, frame, found, top)

    def counterfactuals(
        self, data: Any, *, wanted: Any = None, frozen: Sequence[str] = (), count: int = 3, changes: int = 3
    ) -> Counterfactuals:
        """What would change the prediction of one row: the smallest changes within the data's range.

        Values stay between the 1 % and the 99 % quantile of each column, or are levels that are known; texts, personal
        columns, the time and the group never change. Columns change independently of each other, so whether a change
        is possible in the world, and what else would change with it, the reader must judge.

        Args:
            data: one row: a table as for :meth:`predict`, or a mapping from columns to values.
            wanted: for classes the label that should be predicted (any other by default); for a number a range such
                as ``(100, None)``.
            frozen: columns that must stay as they are.
            count: how many to find.
            changes: how many columns may change at once.

        Raises:
            DataError: when it isn't one row, and as :meth:`predict`.
            RequestError: when ``wanted`` isn't something this model can predict, or ``frozen`` isn't a column.
        """
        from modelwright.bundle.explaining import counterfactuals

        if isinstance(data, Mapping):
            import pandas as pd

            data = pd.DataFrame({str(name): [value] for name, value in data.items()})
        if count < 1 or changes < 1:
            raise RequestError("counterfactuals needs a count and a number of changes of at least one")
        frame = self._conformed(data)
        if len(frame) != 1:
            raise DataError(f"counterfactuals takes one row, this has {len(frame):,}; choose one")
        return counterfactuals(self, frame, wanted, tuple(frozen), count, changes)

    def predict_interval(self, data: Any, level: float = 0.9) -> pd.DataFrame:
        """The number predicted for each row, and between which values the truth will be (conformal prediction).

        Args:
            data: as for :meth:`predict`.
            level: share of rows whose truth lies inside.

        Returns:
            ``prediction``, ``prediction_low`` and ``prediction_high``.

        Raises:
            DataError: for a classification model, a bundle without intervals, and as :meth:`predict`.
            RequestError: when ``level`` isn't between 0 and 1, or more than the model's rows can promise.
        """
        from modelwright.bundle.sureness import intervals

        if self.classes:
            raise DataError("this model predicts classes; predict_set gives the classes that may be true")
        return intervals(self, self._conformed(data), level)

    def predict_set(self, data: Any, level: float = 0.9) -> pd.DataFrame:
        """Which classes may be true for each row, so that the truth is among them as often as promised.

        Args:
            data: as for :meth:`predict`.
            level: share of the rows of each class whose set holds it.

        Returns:
            One row an input row, one column a class, true where it belongs to the set. Never empty: a row that is
            unlike all classes has the likeliest.

        Raises:
            DataError: for a regression model, a bundle without sets, and as :meth:`predict`.
            RequestError: when ``level`` isn't between 0 and 1.
        """
        from modelwright.bundle.sureness import sets

        if not self.classes:
            raise DataError(
                f"this model predicts the number {self.manifest.output.target!r}; predict_interval gives its range"
            )
        return sets(self, self._conformed(data), level)

    def scored(
        self, data: Any, *, top: int | None = None, level: float | None = None, context: Any = None
    ) -> pd.DataFrame:
        """Predictions with what was asked for besides, reading the data once.

        Args:
            data: as for :meth:`predict`.
            top: reasons for each row, see :meth:`explain`.
            level: of ``prediction_low`` and ``prediction_high``, or for classes of ``prediction_set``, a JSON list of
                labels.
            context: see :meth:`predict`; reasons and intervals don't look at it.

        Raises:
            UserError: as the methods that it stands for.
        """
        import pandas as pd

        from modelwright.bundle.sureness import intervals, set_texts, sets

        before = None if context is None else self._conformed(context)
        frame = self._conformed(data)
        task = all_tasks()[self.manifest.output.task]
        parts = [task.predictions(self._raw_after(before, frame), self.classes, self.manifest.output.threshold)]
        if level is not None and self.classes:
            parts.append(set_texts(self, sets(self, frame, level)))
        elif level is not None:
            parts.append(intervals(self, frame, level).drop(columns="prediction"))
        if top is not None:
            parts.append(self._explained(frame, top))
        return pd.concat(parts, axis=1) if len(parts) > 1 else parts[0]

    def _background(self) -> pd.DataFrame:
        """Reference rows in the model's types; a bundle of format 1 has only its golden rows."""
        if self._known_rows is None:
            rows = self.references.rows if self.references is not None else self.golden
            self._known_rows = _records(rows, self.manifest.input)
        return self._known_rows

    def _usual_values(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        """What each column may plausibly hold; for a bundle of format 1, what its golden rows hold."""
        kinds = {"numeric": "numbers", "datetime": "dates", "boolean": "levels", "category": "levels"}
        usual = self.references.values if self.references is not None else {}
        found: dict[str, dict[str, tuple[Any, ...]]] = {}
        for column in self.manifest.input.fields:
            if (kind := kinds.get(column.kind, "")) and self.references is None:
                values = tuple(sorted(set(self._background()[column.name].dropna().tolist())))
            else:
                values = getattr(usual.get(column.name), kind, ())
            if values:
                found[column.name] = {kind: values}
        return found

    def _raw(self, data: Any, context: Any = None) -> np.ndarray:
        before = None if context is None else self._conformed(context)
        return self._raw_after(before, self._conformed(data))

    def _raw_after(self, before: pd.DataFrame | None, frame: pd.DataFrame) -> np.ndarray:
        from modelwright.frames import stack_rows

        return self._raw_of(frame) if before is None else self._raw_of(stack_rows(before, frame))[len(before) :]

    def _conformed(self, data: Any) -> pd.DataFrame:
        reading = conform(data, self.manifest.input)
        self.notes = reading.notes
        return reading.frame

    def _raw_of(self, frame: pd.DataFrame) -> np.ndarray:
        import warnings

        import numpy as np

        with warnings.catch_warnings():
            # Libraries remark on column names and versions; what matters to a user is in notes.
            warnings.simplefilter("ignore")
            raw = self.pipeline.predict_proba(frame) if self.classes else self.pipeline.predict(frame)
        return np.asarray(raw, dtype=np.float64)


def load_bundle(place: str | Path) -> Model:
    """Load a bundle; see :func:`modelwright.bundle.load`."""
    path = local_path(place)
    return _load_url(str(place)) if path is None else _load_path(path)


def _load_url(url: str) -> Model:
    objects = Objects(url)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            if url.lower().endswith(".zip"):
                return _load_path(fetch(url, folder))
            for below in ("", "model/"):
                for name in (MANIFEST, *NEEDED, *OPTIONAL):
                    with contextlib.suppress(KeyError):  # what should be there and isn't is missed below
                        objects.download(below + name, folder / name)
                if (folder / MANIFEST).is_file():
                    return _load_path(folder)
        except DataError as error:
            raise DataError(str(error).replace(scratch, objects.name)) from error
    raise DataError(f"there is no model at {objects.name}")


def _load_path(path: Path) -> Model:
    if not path.exists():
        raise DataError(f"there is no model at {path}")
    if path.is_file():
        return _load_zip(path)
    folder = path if (path / MANIFEST).exists() or not (path / "model" / MANIFEST).exists() else path / "model"
    manifest = read_manifest(folder)
    golden = read_json(folder / GOLDEN)
    with putting_off():
        model = Model(manifest, load_model(folder / MODEL))
        _check_golden(model, golden, folder)
    model.golden = golden["rows"]
    listed = manifest.digests
    if REFERENCES in listed:
        model.references = _parsed(References.model_validate, folder / REFERENCES)
    if UNCERTAINTY in listed:
        model.uncertainty = _parsed(_sound, folder / UNCERTAINTY)
    if DIFFICULTY in listed:
        model.difficulty = (folder / DIFFICULTY).read_bytes()
    return model


def _parsed(parse: Callable[[Any], T], path: Path) -> T:
    """A file of a bundle, checked.

    Raises:
        DataError: when it isn't one that modelwright wrote.
    """
    from pydantic import ValidationError

    try:
        return parse(read_json(path))
    except (ValidationError, ValueError, TypeError) as error:
        text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise DataError(f"{path} isn't a file that modelwright wrote: {text}; get the bundle again") from error


def _sound(found: Any) -> Uncertainty:
    uncertainty = restore(Uncertainty, found)
    for scores in uncertainty.scores:
        if len(scores.ranks) != len(scores.values) or not scores.ranks or scores.ranks[-1] != scores.count:
            raise ValueError("its scores don't fit their ranks")
    return uncertainty


def _records(rows: Sequence[Mapping[str, Any]], schema: Schema) -> pd.DataFrame:
    import pandas as pd

    return conform(pd.DataFrame.from_records(list(rows), columns=list(schema.names)), schema).frame


def _load_zip(path: Path) -> Model:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is neither a bundle folder nor a zip of one")
    needed, more = {MANIFEST, *NEEDED}, set(OPTIONAL)
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(path) as archive:
        found = [i for i in archive.infolist() if Path(i.filename).name in needed | more and not i.is_dir()]
        names = [Path(i.filename).name for i in found]
        if (
            len(set(names)) != len(names)
            or not needed <= set(names)
            or sum(i.file_size for i in found) > UNZIPPED_LIMIT
        ):
            raise DataError(f"{path} is not a zip of one bundle: it needs {', '.join(sorted(needed))}, each once")
        for item in found:
            # Written under our own names, so that no path in the archive can lead out of the folder.
            try:
                data = archive.read(item)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
                raise DataError(f"{path} is damaged or locked ({error}); get the bundle again") from error
            (Path(scratch) / Path(item.filename).name).write_bytes(data)
        return _load_path(Path(scratch))


def _check_golden(model: Model, golden: Any, folder: Path) -> None:
    import numpy as np
    import pandas as pd

    try:
        frame = pd.DataFrame.from_records(golden["rows"], columns=list(model.manifest.input.names))
        expected = np.asarray(golden["predictions"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder / GOLDEN} isn't a file that modelwright wrote: {error}") from error
    got = model._raw(frame)
    model.notes = ()
    if got.shape != expected.shape or not np.allclose(got, expected, rtol=CLOSE, atol=CLOSE):
        raise DataError(
            f"{folder} predicts other values here than where it was made (versions then: "
            f"{', '.join(f'{k} {v}' for k, v in model.manifest.versions.items())}); install the same versions"
        )
