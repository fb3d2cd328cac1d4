"""Parts of dates as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from modelwright.transforms._frames import Array

PARTS = ("year", "month", "day", "weekday", "hour", "minute", "day_of_year", "elapsed_days")
CYCLES = {"month": 12.0, "day": 31.0, "weekday": 7.0, "hour": 24.0, "minute": 60.0, "day_of_year": 365.25}
HARMONICS = {"weekday": 3, "hour": 2, "day_of_year": 2}
"""Waves in which a part comes, the first as long as its cycle, the second half as long, and so on; one by default.
Three waves tell every weekday from every other."""
OFTEN = {"month": 731.0, "day": 731.0, "weekday": 28.0, "hour": 7.0, "minute": 1.0, "day_of_year": 731.0}
"""Days in which a part comes round often enough to be told from what else happened then: two years for the months."""
_DAY = 86_400e6


def moments(series: pd.Series[Any]) -> pd.DatetimeIndex:
    """A column as points in time without a zone (UTC where it had one); what isn't a date is NaT."""
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = pd.to_datetime(series.astype("str"), errors="coerce", utc=True, format="mixed")
    index = pd.DatetimeIndex(series)
    return (index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index).as_unit("us")


def microseconds(index: pd.DatetimeIndex) -> Array:
    """Microseconds since 1970 as ``float64``, NaN for NaT."""
    return np.where(index.isna(), np.nan, index.asi8.astype(np.float64))


def part(index: pd.DatetimeIndex, name: str, origin: float) -> Array:
    """One of ``PARTS`` as ``float64``, NaN for NaT; ``origin`` is where elapsed days start, in microseconds."""
    if name == "elapsed_days":
        return (microseconds(index) - origin) / _DAY
    return np.asarray(index.day_of_week if name == "weekday" else getattr(index, name), dtype=np.float64)


def days_spanned(known: Array) -> float:
    """Days between the earliest and the latest of some moments in microseconds; 0 when there are none."""
    return float(known.max() - known.min()) / _DAY if known.size else 0.0


def varies(values: Array) -> bool:
    """Whether an array holds at least two different numbers."""
    known = values[~np.isnan(values)]
    return bool(known.size) and bool((known != known[0]).any())
