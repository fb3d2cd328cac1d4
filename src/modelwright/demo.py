"""The example: a made-up fleet of pumps, read every hour, some of which are about to fail.

Nothing is copied from a real plant, yet the problem is one that plants have: machines differ from each other more than
a failing one differs from a sound one, sensors drift and drop out, the weather shows in the readings, some faults heal
and some failures come without a warning. ``docs/demo.md`` says how each column is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelwright.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, np.dtype[Any]]

PROBLEM = "Which pumps will fail within the next 24 hours, judged by what their sensors read up to now?"
TARGET = "failure_within_24h"
START = "2024-01-01"
AHEAD = 24
"""Hours before a failure in which the target is 1."""
SHARE = 0.03
"""Share of rows in which the target is 1."""
MOST_ROWS = 20_000_000
MODES = ("idle", "low", "normal", "high", "maintenance")
SENSORS = ("vibration_mm_s", "temperature_c", "pressure_bar", "flow_m3_h", "current_a")
_LOADS = (0.08, 0.55, 0.8, 1.0, 0.0)
_SOUND_AFTER = 120
"""Hours after maintenance in which no pump fails."""
_LONGEST_FAULT = 14 * 24

Fault = Literal["bearing", "cavitation", "motor"]
_FAULTS: tuple[Fault, ...] = ("bearing", "cavitation", "motor")
_EFFECTS: dict[Fault, dict[str, float]] = {
    "bearing": {"vibration_mm_s": 0.85, "temperature_c": 0.18},
    "cavitation": {"vibration_mm_s": 0.35, "pressure_bar": -0.26, "flow_m3_h": -0.14},
    "motor": {"vibration_mm_s": 0.15, "temperature_c": 0.30, "current_a": 0.24},
}
"""What a fault adds to a reading just before the failure, as a share of what the pump reads when it is sound."""


@dataclass(frozen=True)
class _Failure:
    machine: int
    hour: int
    repair: int


def generate(machines: int = 20, days: int = 90, seed: int = 0) -> pd.DataFrame:
    """Make hourly readings of pumps with the failures that they end in.

    The reading at an hour depends on nothing later but the fault that is already at work in the pump, so a shorter
    period with the same machines and seed is the beginning of a longer one, row by row.

    Args:
        machines: pumps, at least 1.
        days: days from 1 January 2024, at least 1. From 100 machine days on, between 2 and 4 % of the rows are
            positive.
        seed: seed of every random choice.

    Returns:
        One row an hour and pump, in the order of time: ``timestamp``, ``machine_id``, ``age_days``,
        ``hours_since_maintenance``, ``operating_mode``, the five sensors and the target ``failure_within_24h``.

    Raises:
        RequestError: when a number is out of range.
    """
    import numpy as np
    import pandas as pd

    _check(machines, days, seed)
    hours = days * 24
    age = np.random.default_rng([seed, 0]).uniform(0.4, 12, machines) * 365
    calendar = _calendar(machines, seed)
    failures = _failures(age, calendar, hours, seed)
    stopped = _stopped(calendar, failures, hours + _LONGEST_FAULT)
    wear = _wear(failures, stopped, hours, seed)
    stopped = stopped[:hours]
    last = _last_stop(stopped, calendar)
    mode = np.where(stopped, MODES.index("maintenance"), _modes(hours, machines, seed))
    readings = _readings(mode, age, wear, seed)
    drift = _drift(last, seed)
    at = np.arange(hours)[:, None]
    columns: dict[str, Any] = {
        "timestamp": np.repeat(pd.date_range(START, periods=hours, freq="h").to_numpy(), machines),
        "machine_id": np.tile([f"P{i + 1:02d}" for i in range(machines)], hours),
        "age_days": np.floor(age + at / 24).ravel().astype(np.int64),
        "hours_since_maintenance": (at - last).ravel(),
        "operating_mode": np.array(MODES)[mode].ravel(),
    }
    lost = _lost(hours, machines, seed)
    for i, (name, digits) in enumerate(zip(SENSORS, (2, 1, 2, 1, 1), strict=True)):
        value = np.maximum(readings[name] * (1 + drift[i]), -40.0 if name == "temperature_c" else 0.0)
        columns[name] = np.where(lost[i], np.nan, np.round(value, digits)).ravel()
    columns[TARGET] = _target(failures, hours, machines).ravel()
    return pd.DataFrame(columns)


def write(path: Path, machines: int = 20, days: int = 90, seed: int = 0) -> pd.DataFrame:
    """Make the readings as :func:`generate` does, and write them as CSV or Parquet, by the file's suffix.

    Returns:
        What was written.

    Raises:
        RequestError: when the suffix is another one, the folder isn't there, or a number is out of range.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise RequestError(f"The example can be written as .csv or .parquet, not as {path.name!r}; choose one of them")
    if not path.parent.is_dir():
        raise RequestError(f"There is no folder {str(path.parent)!r} to write the example to; make it first")
    frame = generate(machines, days, seed)
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return frame


def _check(machines: int, days: int, seed: int) -> None:
    for name, value in (("machines", machines), ("days", days)):
        if value < 1:
            raise RequestError(f"The example needs at least 1 of {name}, not {value}")
    if machines * days * 24 > MOST_ROWS:
        raise RequestError(
            f"{machines:,} machines over {days:,} days make {machines * days * 24:,} rows; "
            f"ask for at most {MOST_ROWS:,}"
        )
    if seed < 0:
        raise RequestError(f"The seed of the example must be 0 or more, not {seed}")


# ── what happens to the machines ──


def _calendar(machines: int, seed: int) -> tuple[Array, Array]:
    """Each pump's planned maintenance: the hour of the last one before the start, and the hours between two."""
    import numpy as np

    rng = np.random.default_rng([seed, 1])
    every = rng.integers(45, 76, machines)
    ago = np.ceil(rng.random(machines) * every).astype(np.int64)
    return 8 - 24 * np.maximum(ago, 1), 24 * every


def _failures(age: Array, calendar: tuple[Array, Array], hours: int, seed: int) -> list[_Failure]:
    """Failures in the order of time.

    The fleet's failures come one a slot of equal length, somewhere inside it, which keeps the share of positive rows
    steady for every size. Whom it hits is drawn: older pumps more often, and the longer after maintenance the more.
    """
    import numpy as np

    machines = len(age)
    slot = AHEAD / SHARE / machines
    count = int((hours + _LONGEST_FAULT) / slot) + 1
    when, who, repair = np.random.default_rng([seed, 2]).random((count, 3)).T
    frail = np.random.default_rng([seed, 3]).lognormal(0, 0.5, machines) * (0.6 + age / age.max())
    first, every = calendar
    failed = first.copy()
    failures = []
    for k in range(count):
        hour = int((k + 0.1 + 0.8 * when[k]) * slot)
        since = np.minimum((hour - first) % every, hour - failed)
        chance = np.where(since >= _SOUND_AFTER, frail * since, 0.0)
        if chance.sum() == 0:
            chance = (since == since.max()).astype(float)
        machine = int(np.searchsorted(np.cumsum(chance) / chance.sum(), who[k], side="right"))
        hour += max(0, _SOUND_AFTER - int(since[machine]))
        failures.append(_Failure(machine, hour, int(6 + 30 * repair[k])))
        failed[machine] = hour
    return failures


def _stopped(calendar: tuple[Array, Array], failures: list[_Failure], hours: int) -> Array:
    """Whether a pump stands still for planned maintenance or repair (hours, machines)."""
    import numpy as np

    first, every = calendar
    stopped = (np.arange(hours)[:, None] - first) % every < 5
    for failure in failures:
        stopped[failure.hour : failure.hour + failure.repair, failure.machine] = True
    return stopped


def _last_stop(stopped: Array, calendar: tuple[Array, Array]) -> Array:
    """The last hour up to now in which a pump was maintained; before the start where there was none since."""
    import numpy as np

    return np.maximum.accumulate(np.where(stopped, np.arange(len(stopped))[:, None], calendar[0]), axis=0)


def _modes(hours: int, machines: int, seed: int) -> Array:
    """Operating modes by demand: more by day, less at the weekend and in summer, and each pump's own share of it."""
    import numpy as np

    hour = np.arange(hours)
    day = hour // 24
    demand = 0.7 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi) - 0.7 * (day % 7 >= 5) + 0.3 * np.cos(day / 365 * 2 * np.pi)
    own = _smooth(np.random.default_rng([seed, 4]).standard_normal((hours, machines)), 0.93)
    bias = np.random.default_rng([seed, 5]).normal(0, 0.4, machines)
    return np.digitize(demand[:, None] + own + bias, (-1.7, -0.5, 1.1))


def _wear(failures: list[_Failure], stopped: Array, hours: int, seed: int) -> dict[Fault, Array]:
    """How far each fault has gone (hours, machines): 0 sound, about 1 just before a failure.

    Most failures announce themselves for days, one in eight for hours only. As many faults again come up part of the
    way and go away by themselves or with the next maintenance.
    """
    import numpy as np

    machines = stopped.shape[1]
    wear: dict[Fault, Array] = {fault: np.zeros((hours, machines)) for fault in _FAULTS}
    draws = np.random.default_rng([seed, 6]).random((len(failures), 5))
    latest = [-(10**6)] * machines
    for failure, (kind, sudden, length, shape, size) in zip(failures, draws, strict=True):
        m, end = failure.machine, failure.hour
        whole = int(4 + 14 * length) if sudden < 0.125 else int(72 + (_LONGEST_FAULT - 72) * length)
        stops = np.flatnonzero(stopped[:end, m])
        begin = max(end - whole, int(stops[-1]) + 12 if len(stops) else end - whole, latest[m])
        latest[m] = end + failure.repair
        at = np.arange(max(begin, 0), min(end, hours))
        rise = ((at - begin + 1) / max(end - begin, 1)) ** (1.2 + 2 * shape)
        wear[_FAULTS[int(kind * len(_FAULTS))]][at, m] += (0.6 + 0.8 * size) * rise
    slots = int(hours / (AHEAD / SHARE / machines)) + 1
    for k, (who, when, kind, length, size) in enumerate(np.random.default_rng([seed, 7]).random((slots, 5))):
        begin, whole = int((k + when) * AHEAD / SHARE / machines), int(36 + 150 * length)
        at = np.arange(begin, min(begin + whole, hours))
        bump = np.sin(np.pi * (at - begin) / whole) ** 2
        m = int(who * machines)
        after = np.cumsum(stopped[at, m]) == 0
        wear[_FAULTS[int(kind * len(_FAULTS))]][at, m] += (0.25 + 0.5 * size) * bump * after
    return wear


def _target(failures: list[_Failure], hours: int, machines: int) -> Array:
    """1 in the hours before a failure, the hour of the failure itself not among them."""
    import numpy as np

    target = np.zeros((hours, machines), dtype=np.int64)
    for failure in failures:
        target[max(failure.hour - AHEAD, 0) : failure.hour, failure.machine] = 1
    return target


# ── what the sensors make of it ──


def _readings(mode: Array, age: Array, wear: dict[Fault, Array], seed: int) -> dict[str, Array]:
    """What perfect sensors would read, by name (hours, machines)."""
    import numpy as np

    hours, machines = mode.shape
    rng = np.random.default_rng([seed, 8])
    rated = rng.lognormal(0, 0.30, machines)
    # Nobody installs twenty pumps in the same way: foundation, pipes, bearings and rooms differ.
    base = {
        "vibration_mm_s": 1.9 * rng.lognormal(0, 0.32, machines) * (1 + 0.03 * age / 365),
        "temperature_c": rng.normal(38, 6, machines),
        "pressure_bar": 5.5 * rng.lognormal(0, 0.16, machines),
        "flow_m3_h": 120 * rated,
        "current_a": 46 * rated * rng.lognormal(0, 0.08, machines),
    }
    noise = np.random.default_rng([seed, 9]).standard_normal((hours, 7, machines))
    load = np.clip(np.array(_LOADS)[mode] * (1 + 0.04 * noise[:, 0]), 0, None)
    runs = load > 0
    effect = {
        name: 1 + sum(_EFFECTS[fault].get(name, 0.0) * level for fault, level in wear.items()) for name in SENSORS
    }
    rough = 1 + 5 * wear["cavitation"]
    heat = _lagged(base["temperature_c"] * (0.25 + 0.75 * load) * runs * effect["temperature_c"], 0.8)
    return {
        "vibration_mm_s": base["vibration_mm_s"] * (0.45 + 0.55 * load) * runs * effect["vibration_mm_s"]
        * np.exp(0.10 * noise[:, 1]) + 0.05,
        "temperature_c": _ambient(hours, seed)[:, None] + heat + 0.8 * noise[:, 2],
        "pressure_bar": base["pressure_bar"] * (1.15 - 0.2 * load) * runs * effect["pressure_bar"]
        * (1 + 0.015 * rough * noise[:, 3]),
        "flow_m3_h": base["flow_m3_h"] * load * effect["flow_m3_h"] * (1 + 0.02 * rough * noise[:, 4]),
        "current_a": base["current_a"] * (0.35 + 0.65 * load) * runs * effect["current_a"] * (1 + 0.02 * noise[:, 5]),
    }  # fmt: skip


def _ambient(hours: int, seed: int) -> Array:
    """Air temperature in degrees Celsius (hours,): the year, the day and the weather."""
    import numpy as np

    hour = np.arange(hours)
    weather = _smooth(np.random.default_rng([seed, 10]).standard_normal(hours), 0.985)
    yearly = 9 * np.sin((hour / 24 - 105) / 365 * 2 * np.pi)
    daily = 4 * np.sin((hour % 24 - 9) / 24 * 2 * np.pi)
    return np.asarray(12 + yearly + daily + 3.5 * weather)


def _drift(last: Array, seed: int) -> Array:
    """How far a sensor is off as a share of its reading (sensors, hours, machines); calibrated at maintenance."""
    import numpy as np

    hours, machines = last.shape
    rng = np.random.default_rng([seed, 11])
    slope = rng.normal(0, 1, (len(SENSORS), 1, machines))
    steps = np.random.default_rng([seed, 12]).standard_normal((hours, len(SENSORS), machines)).transpose(1, 0, 2)
    walk = np.cumsum(steps, axis=1) / np.sqrt(1000)
    reset = np.where(last >= 0, np.take_along_axis(walk, np.maximum(last, 0)[None], axis=1), 0.0)
    since = np.arange(hours)[:, None] - last
    scale = np.array([0.09, 0.05, 0.05, 0.05, 0.05])[:, None, None]
    return np.asarray(scale * (walk - reset + slope * since / 1000))


def _lost(hours: int, machines: int, seed: int) -> Array:
    """Where there is no reading (sensors, hours, machines): a sensor falls silent for hours, or a pump's gateway."""
    import numpy as np

    rng = np.random.default_rng([seed, 13])
    begins, lasts = rng.random((hours, 2, len(SENSORS) + 1, machines)).transpose(1, 2, 0, 3)
    at = np.arange(hours)[:, None]
    until = np.where(begins < 0.0016, at + 1 + np.floor(-9 * np.log1p(-lasts)), 0)
    silent = np.maximum.accumulate(until, axis=1) > at
    return np.asarray(silent[:-1] | silent[-1])


def _smooth(noise: Array, memory: float) -> Array:
    """Noise with a memory and unit variance, along the first axis."""
    import numpy as np
    from scipy.signal import lfilter

    return np.asarray(lfilter([(1 - memory**2) ** 0.5], [1, -memory], noise, axis=0))


def _lagged(values: Array, memory: float) -> Array:
    """Values that follow their cause with a delay, along the first axis."""
    import numpy as np
    from scipy.signal import lfilter

    start = memory * values[:1]
    return np.asarray(lfilter([1 - memory], [1, -memory], values, axis=0, zi=start)[0])
