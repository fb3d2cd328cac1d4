"""Data for programs: machines with a rare failure, and customers with something to hide."""

from __future__ import annotations

import numpy as np
import pandas as pd

CANARIES = {
    "card": "4929123456781234",
    "mail": "canary.person@example.org",
    "town": "Canarytown-on-Sea",
    "remark": "canarysong",
    "serial": "CANARY-SERIAL-1",
    "amount": "987654.321",
}
"""One value in each kind of column that belongs to one row only."""


def machines(n: int = 240) -> pd.DataFrame:
    """Hourly readings of four machines with a rare failure."""
    rng = np.random.default_rng(0)
    hour, machine = np.arange(n) // 4, np.arange(n) % 4
    vibration = rng.normal(size=n) + 0.02 * hour
    return pd.DataFrame(
        {
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(hour, unit="h"),
            "machine_id": np.array(["m1", "m2", "m3", "m4"])[machine],
            "vibration": vibration,
            "temperature": np.where(rng.random(n) < 0.1, np.nan, rng.normal(60, 5, n)),
            "mode": rng.choice(["eco", "full"], n),
            "failure": np.where(vibration + rng.normal(0, 0.7, n) > 1.6, 1, 0),
        }
    )


def customers(n: int = 240) -> pd.DataFrame:
    """Columns of every kind, each with a value that belongs to one person."""
    rng = np.random.default_rng(1)
    words = ["slow", "happy", "price", "invoice", "again", "thanks", "never", "late", "friendly", "service"]
    frame = pd.DataFrame(
        {
            "card": [str(10**15 + 7919 * i) for i in range(n)],
            "mail": [f"user{i}@mail.example" for i in range(n)],
            "town": rng.choice(["Ulm", "Bonn", "Kiel"], n),
            "remark": [" ".join(rng.choice(words, 9)) for _ in range(n)],
            "serial": [f"S-{i:06d}" for i in range(n)],
            "amount": rng.gamma(2.0, 50.0, n).round(3),
            "visits": rng.poisson(3, n).astype(float),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, n), unit="D"),
            "left": rng.choice(["yes", "no"], n),
        }
    )
    row = 17
    for name, value in CANARIES.items():
        frame.loc[row, name] = float(value) if name == "amount" else value
    frame.loc[row, "remark"] = "canarysong " * 5
    frame.loc[row, "seen"] = pd.Timestamp("1911-03-07")
    return frame
