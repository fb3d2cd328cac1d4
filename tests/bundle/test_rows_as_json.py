"""Rows that a bundle carries as JSON come back as what they were, however the data wrote them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelwright.fitting import table_records
from modelwright.readers import conform, read

N = 60
DAYS = pd.Timestamp("2021-03-01 10:20:30") + pd.to_timedelta(np.arange(N) * 37, "h")
WAYS = {
    "unix_time": [int(t.timestamp()) for t in DAYS],
    "event_timestamp": [int(t.timestamp() * 1000) for t in DAYS],
    "compact_date": [int(t.strftime("%Y%m%d")) for t in DAYS],
    "iso": [t.isoformat() for t in DAYS],
    "day first": [t.strftime("%d/%m/%Y") for t in DAYS],
    "month name": [t.strftime("%d %B %Y") for t in DAYS],
    "clock": [t.strftime("%H:%M") for t in DAYS],
    "comma": [f"{1.5 + i * 0.37:.2f}".replace(".", ",") for i in range(N)],
    "percent": [f"{i * 1.3:.1f}%" for i in range(N)],
    "money": [f"${1_000 + 731 * i:,}" for i in range(N)],
    "truth": ["yes", "no", "no"] * (N // 3),
    "postcode": [f"{i % 7:05d}" for i in range(N)],
    "store_code": [100 + i % 9 for i in range(N)],
    "holes": ["N/A" if i % 5 == 0 else str(i * 1.5) for i in range(N)],
    "place": ["north", "south", None] * (N // 3),
}


@pytest.mark.parametrize("name", list(WAYS))
def test_rows_as_json_are_read_as_what_they_were(name: str) -> None:
    reading = read(pd.DataFrame({name: WAYS[name], "other": np.arange(N) * 0.5}))
    records = table_records(reading.frame)
    again = conform(pd.DataFrame.from_records(records), reading.schema).frame
    for column in reading.frame.columns:
        before, after = reading.frame[column], again[column]
        assert before.isna().tolist() == after.isna().tolist()
        assert before.dropna().astype(after.dtype if before.dtype.kind == "f" else object).tolist() == (
            after.dropna().tolist()
        )
