"""A loaded bundle: predicts for files and frames."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.bundle.manifest import GOLDEN, MANIFEST, MODEL, Manifest, read_json, read_manifest
from modelwright.errors import DataError
from modelwright.persistence import load_model
from modelwright.readers import conform
from modelwright.tasks import all_tasks

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

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
    """

    manifest: Manifest
    pipeline: Any
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probability columns; empty for regression."""
        return self.manifest.output.classes

    def predict(self, data: Any) -> pd.DataFrame:
        """Predict: one output row an input row, in order.

        Args:
            data: a path, or a pandas, polars or Arrow table. Columns are found by name in any order; missing ones
                count as missing values and extra ones are ignored, both said in :attr:`notes`.

        Returns:
            ``prediction``, and for classification ``probability_<class>`` for every class.

        Raises:
            DataError: when the data can't be read, or has none of the columns that the model takes.
        """
        task = all_tasks()[self.manifest.output.task]
        return task.predictions(self._raw(data), self.classes, self.manifest.output.threshold)

    def predict_proba(self, data: Any) -> np.ndarray:
        """Probabilities, (n, classes), in the order of :attr:`classes`.

        Raises:
            DataError: for a regression model, and as :meth:`predict`.
        """
        if not self.classes:
            raise DataError(f"this model predicts the number {self.manifest.output.target!r}; it has no probabilities")
        return self._raw(data)

    def explain(self, data: Any) -> pd.DataFrame:
        """How much each column moved each prediction: the change when its value is replaced by a typical one.

        The typical value is the median or the commonest level of the given rows, so at least two rows are needed.

        Returns:
            One row an input row, one column an input column: probability of the positive (or predicted) class, or
            number, minus what it would be with the typical value.

        Raises:
            DataError: with fewer than two rows, and as :meth:`predict`.
        """
        import numpy as np
        import pandas as pd

        frame = self._conformed(data)
        if len(frame) < 2:
            raise DataError("explain compares rows with typical values of the given rows; give at least two rows")
        raw = self._raw_of(frame)
        pick = np.full(len(frame), 1) if len(self.classes) == 2 else raw.argmax(axis=1) if self.classes else None
        actual = raw if pick is None else raw[np.arange(len(frame)), pick]
        effects = {}
        for name in frame.columns:
            changed = frame.copy()
            changed[name] = _typical(frame[name])
            other = self._raw_of(changed)
            effects[name] = actual - (other if pick is None else other[np.arange(len(frame)), pick])
        return pd.DataFrame(effects)

    def _raw(self, data: Any) -> np.ndarray:
        return self._raw_of(self._conformed(data))

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


def load_bundle(path: Path) -> Model:
    """Load a bundle; see :func:`modelwright.bundle.load`."""
    if not path.exists():
        raise DataError(f"there is no model at {path}")
    if path.is_file():
        return _load_zip(path)
    folder = path if (path / MANIFEST).exists() or not (path / "model" / MANIFEST).exists() else path / "model"
    manifest = read_manifest(folder)
    model = Model(manifest, load_model(folder / MODEL))
    _check_golden(model, read_json(folder / GOLDEN), folder)
    return model


def _load_zip(path: Path) -> Model:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is neither a bundle folder nor a zip of one")
    wanted = {MANIFEST, MODEL, GOLDEN}
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(path) as archive:
        found = [i for i in archive.infolist() if Path(i.filename).name in wanted and not i.is_dir()]
        if len(found) != len(wanted) or sum(i.file_size for i in found) > UNZIPPED_LIMIT:
            raise DataError(f"{path} is not a zip of one bundle: it needs {', '.join(sorted(wanted))}")
        for item in found:
            # Written under our own names, so that no path in the archive can lead out of the folder.
            try:
                data = archive.read(item)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
                raise DataError(f"{path} is damaged or locked ({error}); get the bundle again") from error
            (Path(scratch) / Path(item.filename).name).write_bytes(data)
        return load_bundle(Path(scratch))


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


def _typical(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of the same type that holds the median or the commonest level everywhere."""
    counts = column.value_counts()
    commonest = counts.index[0] if len(counts) and counts.iloc[0] else None
    value: Any = column.median() if column.dtype.kind in "fM" else commonest
    typical = column.copy()
    typical[:] = value
    return typical
