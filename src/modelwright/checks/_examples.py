"""Made-up data for the examples of checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelwright.checks._sample import Sample
from modelwright.problem import Known, Problem
from modelwright.table import Field, Kind, Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TARGET = "target"


def clean(rng: np.random.Generator, n: int = 600, classes: int = 2) -> tuple[pd.DataFrame, np.ndarray]:
    """Sound columns that say something of a target, and that target: codes, or values with ``classes=0``."""
    import numpy as np
    import pandas as pd

    a, b = rng.normal(size=n), rng.exponential(30.0, size=n)
    place = rng.integers(0, 4, n)
    frame = pd.DataFrame(
        {
            "a": a,
            "b": np.where(rng.random(n) < 0.05, np.nan, b),
            "whole": rng.poisson(6, n).astype(float),
            "place": labels(place, ["north", "south", "east", "west"]),
            "flag": labels(rng.integers(0, 2, n), ["no", "yes"]),
        }
    )
    signal = a + 0.02 * b + 0.5 * (place == 1) + rng.normal(size=n)
    if not classes:
        return frame, 100.0 + 20.0 * signal
    return frame, np.searchsorted(np.quantile(signal, np.arange(1, classes) / classes), signal).astype(np.int64)


def sample_of(frame: pd.DataFrame, y: np.ndarray, *, classes: int = 2, **details: Any) -> Sample:
    """A sample of a frame with modelwright's column types.

    Args:
        frame: the columns.
        y: codes, or values with ``classes=0``.
        classes: number of classes, called ``c0``, ``c1`` …; 0 for regression.
        details: further arguments of :class:`~modelwright.checks.Sample`; ``problem`` may be a mapping of parts that
            differ from the ordinary problem.
    """
    from dataclasses import replace

    task = "regression" if not classes else "binary" if classes == 2 else "multiclass"
    nothing: Known[str | None] = Known(None, "inferred", "")
    problem = Problem(
        "", Known(TARGET, "user", ""), Known(task, "inferred", ""), Known("rmse" if not classes else "accuracy",
        "inferred", ""), nothing, nothing, Known((), "inferred", ""), Known((), "inferred", ""),
        tuple(f"c{i}" for i in range(classes)),
    )  # fmt: skip
    problem = replace(problem, **details.pop("problem", {}))
    schema = Schema(tuple(Field(str(name), kind_of(frame[name])) for name in frame.columns))
    return Sample(frame, schema, y, problem, details.pop("rows", len(y)), **details)


def labels(codes: np.ndarray, names: list[str]) -> pd.Categorical:
    """Codes under these names."""
    import numpy as np
    import pandas as pd

    return pd.Categorical(np.array(names, dtype=object)[codes], categories=names)


def kind_of(series: pd.Series) -> Kind:
    """What a column of modelwright's types is."""
    if hasattr(series, "cat"):
        return "boolean" if len(series.cat.categories) == 2 else "category"
    kinds: dict[str, Kind] = {"f": "numeric", "M": "datetime"}
    return kinds.get(series.dtype.kind, "text")
