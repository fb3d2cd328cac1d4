"""What would change a prediction: the smallest changes of a row, within the data's range, after which it is another.

Source: Wachter, Mittelstadt and Russell, "Counterfactual explanations without opening the black box", 2018, for the
question; a beam search over changes of one, two and three columns for the answer, since any model must do. Distances
are shares of the data between old and new value, so that columns of different units compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Margin = Callable[["pd.DataFrame"], "np.ndarray"]
"""How far each row is beyond what is wanted: positive where it is reached (n,)."""

BEAM = 8
WIDTH = 20
"""Columns that are tried in second and third changes: those that bring one nearest by themselves."""
SINGLE = 80
"""Columns that are tried at all."""
STEP = 0.05
"""Distance that every changed column adds, so that one change is preferred to two tiny ones."""
BETWEEN = 16


@dataclass(frozen=True)
class Move:
    """A changed row.

    Args:
        values: new values by column.
        distance: see :class:`~modelwright.explanation.Counterfactual`.
        margin: how far it is beyond what is wanted.
    """

    values: Mapping[str, Any]
    distance: float
    margin: float


@dataclass(frozen=True)
class _Option:
    value: Any
    distance: float


def options_of(row: pd.DataFrame, values: Mapping[str, Mapping[str, Sequence[Any]]]) -> dict[str, list[_Option]]:
    """The other values that each column may take, with their distances from the row's own.

    Args:
        row: one row, in the column types of :mod:`modelwright.table`.
        values: see :func:`modelwright.references.reference_values`.
    """
    import numpy as np
    import pandas as pd

    found: dict[str, list[_Option]] = {}
    for name in row.columns:
        known = values.get(str(name), {})
        now = row[name].iloc[0]
        if "levels" in known:
            found[name] = [_Option(str(v), 0.5) for v in known["levels"] if pd.isna(now) or str(v) != str(now)]
        elif known:
            dates = "dates" in known
            grid = pd.to_datetime(pd.Series(known["dates"])).tolist() if dates else list(known.get("numbers", ()))
            numbers = np.array([_number(v) for v in grid])
            if pd.isna(now):
                distances = np.full(len(grid), 0.5)
            else:
                distances = np.abs(_share(numbers, numbers) - _share(numbers, _number(now)))
            found[name] = [_Option(v, float(d)) for v, d in zip(grid, distances, strict=True) if v != now]
        found[name] = list({option.value: option for option in found.get(name, ())}.values())
    return {name: options for name, options in found.items() if options}


def search(
    margin: Margin,
    row: pd.DataFrame,
    options: Mapping[str, Sequence[_Option]],
    *,
    whole: Sequence[str] = (),
    count: int = 3,
    changes: int = 3,
) -> tuple[Move, ...]:
    """The smallest sets of changes that reach what is wanted, no two of the same columns; none when none was found.

    Args:
        margin: positive where a row reaches what is wanted.
        row: one row.
        options: see :func:`options_of`; columns that aren't in it stay as they are. The first 80 are tried.
        whole: columns that hold whole numbers.
        count: how many to find.
        changes: how many columns may change at once.
    """
    import numpy as np

    work = _Search(margin, row, {n: list(o) for n, o in list(options.items())[:SINGLE]})
    start = float(margin(row)[0])
    beam: list[dict[str, int]] = [{}]
    columns = list(work.options)
    found: dict[frozenset[str], tuple[float, dict[str, int]]] = {}
    for level in range(min(changes, len(columns))):
        tries = [
            {**state, name: i}
            for state in beam
            for name in columns
            if name not in state and not _holds(found, {*state, name})
            for i in range(len(work.options[name]))
        ]
        tries = list({tuple(sorted(state.items())): state for state in tries}.values())
        if not tries:
            break
        margins = work.margins(tries)
        distances = np.array([work.distance(state) for state in tries])
        for k in np.flatnonzero(margins > 0):
            key = frozenset(tries[k])
            if key not in found or distances[k] < found[key][0]:
                found[key] = (float(distances[k]), tries[k])
        if len(found) >= count:
            break
        nearer = np.where(margins > 0, -np.inf, margins)
        if level == 0:
            best: dict[str, float] = {}
            for state, reached in zip(tries, margins, strict=True):
                name = next(iter(state))
                best[name] = max(best.get(name, -np.inf), float(reached))
            columns = sorted(columns, key=lambda n: (-best[n], n))[:WIDTH]
        ahead = np.argsort(-nearer, kind="stable")[: BEAM // 2]
        cheap = np.argsort(-(nearer - start) / (distances + STEP), kind="stable")[: BEAM // 2]
        beam = [tries[k] for k in dict.fromkeys([*ahead.tolist(), *cheap.tolist()]) if np.isfinite(nearer[k])]
    chosen = sorted(found.values(), key=lambda f: (f[0], sorted(f[1].items())))[:count]
    moves = [work.refined(state, frozenset(whole)) for _, state in chosen]
    return tuple(sorted(moves, key=lambda m: (m.distance + STEP * len(m.values), sorted(m.values))))


def _holds(found: Mapping[frozenset[str], Any], columns: set[str]) -> bool:
    """Whether fewer of these columns do already."""
    return any(key <= columns for key in found)


class _Search:
    """Evaluates changed rows in batches."""

    def __init__(self, margin: Margin, row: pd.DataFrame, options: dict[str, list[_Option]]) -> None:
        self.margin, self.row, self.options = margin, row, options

    def distance(self, state: Mapping[str, int]) -> float:
        """The distance of a state; every change adds a little."""
        return sum(self.options[name][i].distance + STEP for name, i in state.items())

    def margins(self, states: Sequence[Mapping[str, int]]) -> np.ndarray:
        """The margin of each state."""
        return self._margins([{name: self.options[name][i].value for name, i in s.items()} for s in states])

    def _margins(self, changed: Sequence[Mapping[str, Any]]) -> np.ndarray:
        import numpy as np
        import pandas as pd

        found = np.empty(len(changed))
        size = max(1, 2_000_000 // max(1, self.row.shape[1]))
        for start in range(0, len(changed), size):
            part = changed[start : start + size]
            frame = self.row.iloc[np.zeros(len(part), dtype=np.int64)].reset_index(drop=True)
            for name in {name for values in part for name in values}:
                own = frame[name]
                new = [values.get(name, own.iloc[0]) for values in part]
                if isinstance(own.dtype, pd.CategoricalDtype):
                    texts = [None if pd.isna(v) else str(v) for v in new]
                    frame[name] = pd.Series(pd.Categorical(texts))
                else:
                    frame[name] = pd.Series(new, dtype=own.dtype)
            found[start : start + size] = self.margin(frame)
        return found

    def refined(self, state: Mapping[str, int], whole: frozenset[str]) -> Move:
        """Each change taken back as far as possible: not at all if it isn't needed, else as near as will do."""
        values = {name: self.options[name][i].value for name, i in state.items()}
        for name in sorted(values, key=lambda n: self.options[n][state[n]].distance):
            if len(values) > 1:
                rest = {n: v for n, v in values.items() if n != name}
                if self._margins([rest])[0] > 0:
                    values = rest
                    continue
            nearer = self._nearer(name, values[name], name in whole)
            if nearer:
                reached = self._margins([{**values, name: v} for v in nearer]) > 0
                values[name] = next((v for v, ok in zip(nearer, reached, strict=True) if ok), values[name])
        distance = sum(self._share_between(name, value) for name, value in values.items())
        return Move(values, distance, float(self._margins([values])[0]))

    def _nearer(self, name: str, value: Any, whole: bool) -> list[Any]:
        """Values between the row's own and the new one, the row's own first; none for levels."""
        import numpy as np
        import pandas as pd

        now = self.row[name].iloc[0]
        if isinstance(value, str) or pd.isna(now):
            return []
        shares = np.arange(1, BETWEEN) / BETWEEN
        if isinstance(value, pd.Timestamp):
            return [(now + (value - now) * float(s)).round("s") for s in shares]
        steps = now + (value - now) * shares
        # A rounder figure is easier to act on and loses nothing that matters.
        digits = int(np.clip(2 - np.floor(np.log10(max(abs(value - now), 1e-300))), -300, 300))
        steps = np.round(steps, 0 if whole else digits)
        return [
            float(v)
            for v in dict.fromkeys(steps.tolist())
            if v not in (now, value) and min(now, value) < v < max(now, value)
        ]

    def _share_between(self, name: str, value: Any) -> float:
        import numpy as np
        import pandas as pd

        now = self.row[name].iloc[0]
        if isinstance(value, str) or pd.isna(now):
            return 0.5
        grid = np.sort([_number(option.value) for option in self.options[name]])
        return float(abs(np.subtract(*_share(grid, np.array([_number(now), _number(value)])))))


def _number(value: Any) -> float:
    """A number as it is, a moment in seconds."""
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def _share(grid: np.ndarray, values: Any) -> Any:
    """Where values stand in ascending quantiles, 0 to 1; in the middle of equal ones."""
    import numpy as np

    left, right = np.searchsorted(grid, values, "left"), np.searchsorted(grid, values, "right")
    return (left + right) / 2 / max(1, len(grid))
