"""The process of one rival, run in the rival's own environment: fit, predict, and how fast the model answers.

    python -P worker.py FOLDER fit       FOLDER holds job.json, train.parquet, test.parquet
    python -P worker.py FOLDER cold      load the saved model and predict one row

What comes out lies in FOLDER: ``predictions.parquet``, ``times.json``, ``saved/``. The test labels are elsewhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import pickle
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

ONE_ROW, MANY_ROWS = 1, 10_000
REPEATS = {ONE_ROW: 20, MANY_ROWS: 3}
PATIENCE = 10.0
"""Seconds after which latency is taken from the calls made so far."""


def main(folder: Path, mode: str) -> None:
    """Do one rival's part of the contest."""
    from contest.job import Job

    told = json.loads((folder / "job.json").read_text("utf-8"))
    job = Job(**told["job"])
    rival = load_rival(Path(told["rival"]))
    if mode == "cold":
        import pandas as pd

        row = pd.read_parquet(folder / "row.parquet")
        predicted(rival, restored(rival, folder / "saved"), row, job)
        return
    times: dict[str, Any] = {}
    for module in getattr(rival, "IMPORTS", ()):
        importlib.import_module(module)
    import pandas as pd

    train = pd.read_parquet(folder / "train.parquet")
    rows = pd.read_parquet(folder / "test.parquet")
    times["began"] = time.time()
    model = rival.fit(train, job)
    times["fitted"] = time.time()
    answer = predicted(rival, model, rows, job)
    times["predicted"] = time.time()
    answer.to_parquet(folder / "part.parquet")
    write(folder / "times.json", times)
    (folder / "part.parquet").rename(folder / "predictions.parquet")
    if told["probe"]:
        many = rows.sample(MANY_ROWS, replace=True, random_state=0).reset_index(drop=True)
        for name, some in (("one_row_ms", rows.iloc[[0]]), ("many_rows_ms", many)):
            times[name] = latency(rival, model, some, job)
            write(folder / "times.json", times)
        rows.iloc[[0]].to_parquet(folder / "row.parquet")
        save(rival, model, folder / "saved")
        (folder / "saved" / "complete").touch()


def load_rival(path: Path) -> Any:
    """The module of a rival's file."""
    spec = importlib.util.spec_from_file_location(f"rival_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def predicted(rival: Any, model: Any, rows: Any, job: Any) -> Any:
    """A rival's predictions as a frame: ``prediction``, or one column a class."""
    import pandas as pd

    answer = rival.predict(model, rows, job)
    if not job.classification:
        return pd.DataFrame({"prediction": pd.Series(list(answer), dtype="float64")})
    return answer.set_axis([str(c) for c in answer.columns], axis=1).astype("float64").reset_index(drop=True)


def latency(rival: Any, model: Any, rows: Any, job: Any) -> float:
    """Median milliseconds of a prediction, after one that isn't counted."""
    predicted(rival, model, rows, job)
    began, taken = time.perf_counter(), []
    while not taken or (len(taken) < REPEATS[len(rows)] and time.perf_counter() - began < PATIENCE):
        start = time.perf_counter()
        predicted(rival, model, rows, job)
        taken.append(1000 * (time.perf_counter() - start))
    return round(median(taken), 2)


def save(rival: Any, model: Any, folder: Path) -> None:
    """Save a model in the rival's own way, else by pickling it."""
    folder.mkdir()
    if hasattr(rival, "save"):
        rival.save(model, folder)
        return
    with (folder / "model.pickle").open("wb") as stream:
        pickle.dump(model, stream)


def restored(rival: Any, folder: Path) -> Any:
    """The model that :func:`save` saved."""
    if hasattr(rival, "load"):
        return rival.load(folder)
    with (folder / "model.pickle").open("rb") as stream:
        return pickle.load(stream)


def write(path: Path, times: dict[str, Any]) -> None:
    """Write times as a whole: a reader sees the old or the new ones."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(times), encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
