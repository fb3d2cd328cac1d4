"""Features of each unit's own past, where rows have one."""

from __future__ import annotations

from datetime import date

from modelwright.policy.ground import Ground
from modelwright.recipe import Use

PAST_CELLS = 30_000_000
"""Values that features of the past may fill in memory, and in the time of a short run."""


def history(ground: Ground) -> tuple[Use, ...]:
    """Features of each unit's past, when rows have one: levels and spreads over windows from hours to weeks."""
    columns, windows = _past(ground)
    return (Use("rolling", {"columns": columns, "windows": windows}),) if columns else ()


def deviations(ground: Ground) -> tuple[Use, ...]:
    """How far each unit is from its own usual, over the same windows: trees can't subtract. And how far it has been
    from it at most, either way, within the longest: a unit that was mended yesterday is another one than it looks.
    """
    columns, windows = _past(ground)
    if not columns:
        return ()
    lately = tuple(f"{name}_usual_{windows[0]}" for name in columns)
    extremes = ({"columns": lately, "windows": windows[-1:], "statistics": which} for which in ("max", "min"))
    return (Use("own_usual", {"columns": columns, "spans": windows}), *(Use("rolling", e) for e in extremes))


def unusual(ground: Ground) -> tuple[Use, ...]:
    """Each unit's deviations from all of its past, over all windows, and from the longest of them alone."""
    columns, windows = _past(ground)
    longest = Use("trailing_zscore", {"columns": columns, "windows": windows[-1:]})
    return (*deviations(ground), longest, *units_alike(ground))


def units_alike(ground: Ground) -> tuple[Use, ...]:
    """Without the units' names: what is relative to each unit's own past should serve all of them."""
    group = ground.problem.group_column.value
    return (Use("drop_columns", {"columns": (group,)}),) if group in ground.schema else ()


def _past(ground: Ground) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The columns whose past is looked at, those most related to the target where they are many, and how far back."""
    if not ground.temporal:
        return (), ()
    roles = (ground.problem.time_column.value, ground.problem.group_column.value)
    numeric = [f.name for f in ground.schema.fields if f.kind == "numeric" and f.name not in roles]
    moving = [name for name in numeric if ground.profile[name].distinct > 10]
    windows = _windows(ground)
    room = max(3, min(30, PAST_CELLS // (2 * (1 + len(windows)) * max(1, ground.rows))))
    related = sorted(moving, key=lambda name: -(ground.profile[name].association or 0.0))[:room]
    return (tuple(n for n in moving if n in related), windows) if windows else ((), ())


def _windows(ground: Ground) -> tuple[int, ...]:
    """Lengths of windows in rows: a quarter of a day, a day, three days and a week where a day has several rows, a
    week, a month and a quarter of daily rows, and steps of four elsewhere; none longer than an eighth of a unit's rows.
    """
    group, time = ground.problem.group_column.value, ground.problem.time_column.value
    units = max(1, ground.profile[group].distinct) if group is not None and group in ground.schema else 1
    each = ground.rows / units
    span = ground.profile[time].span if time is not None and time in ground.schema else ()
    days = _days(span)
    a_day = each / days if days else 0.0
    if 3.0 <= a_day <= 1_500.0:
        wanted = [a_day / 4, a_day, 3 * a_day, 7 * a_day]
    elif 0.7 <= a_day < 3.0:
        wanted = [7 * a_day, 28 * a_day, 91 * a_day]
    else:
        wanted = [6, 24, 96, 384]
    return tuple(sorted({round(w) for w in wanted if 2 <= round(w) <= each / 8}))


def _days(span: tuple[str, ...]) -> float:
    """Days between the first and the last of a column of dates; 0 where they aren't known to the day."""
    try:
        first, last = (date.fromisoformat(day) for day in span)
    except ValueError:
        return 0.0
    return float((last - first).days)
