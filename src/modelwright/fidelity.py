"""On how many rows models are fitted: a pure decision from the table's size, the time budget and the memory.

Where a fit on all rows would take a good part of the time, models are first compared on a sample of the training rows,
the best ones again on four times as many, and so on (successive halving: Jamieson and Talwalkar 2016; asynchronously:
Li et al. 2020). Validation rows stay the same throughout, so that scores of all rungs can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelwright.actions import predicted_seconds
from modelwright.estimators import BYTES_PER_CELL
from modelwright.extent import Extent
from modelwright.recipe import Recipe, Setting, Use

REFERENCE: Mapping[str, Recipe] = {
    "search": Recipe(Use("lightgbm")),
    "hasty": Recipe(Use("lightgbm", {"n_estimators": 200, "learning_rate": 0.15})),
}
"""What a fit is taken to be: boosting that stops by itself, and the least of it that makes use of very many rows."""

WORTHWHILE = 0.15
"""Share of all core seconds that evaluating the reference on all rows may take before samples are worth their noise."""

FIRST = 0.02
"""Share of all core seconds that evaluating the reference on the first sample may take: models come within seconds."""

LAST = 0.3
"""Share of all core seconds that evaluating it on the largest sample may take; beyond, it would be the only model."""

STEP = 4
"""Each rung has so many times the rows of the one before."""

LEAST_ROWS = 10_000
"""Rows of the smallest sample: on fewer, too much of what is seen is chance."""

PASS = 0.15
"""Share of all core seconds that the hasty reference may take on the rows that are kept at all."""


@dataclass(frozen=True)
class Fidelity:
    """The ladder of a run.

    Args:
        rungs: training rows of a fit, growing by about four; empty where all rows are used from the start. After the
            last rung come all rows, if :attr:`whole`.
        whole: whether evaluating on all training rows is a rung, too.
        most: rows that a fit may have for its memory.
    """

    rungs: tuple[int, ...] = ()
    whole: bool = True
    most: int = 2**62

    @property
    def sampled(self) -> bool:
        """Whether models are first compared on samples."""
        return bool(self.rungs)

    @property
    def first(self) -> int | None:
        """Training rows of the first evaluations; ``None`` for all."""
        return self.rungs[0] if self.rungs else None

    def after(self, rows: int | None) -> int | None:
        """The rung above; ``None`` for all rows.

        Raises:
            LookupError: when there is none: ``rows`` is ``None``, or the last rung and all rows are too many.
        """
        if rows is None:
            raise LookupError("there is nothing above all rows")
        higher = [rung for rung in self.rungs if rung > rows]
        if not higher and not self.whole:
            raise LookupError(f"{rows} rows are the last rung")
        return higher[0] if higher else None


EVERY_ROW = Fidelity()


def most_in_memory(columns: int, memory: int) -> int:
    """Rows that a fit can have for its memory in bytes; 0 stands for no limit."""
    return max(LEAST_ROWS, memory // (BYTES_PER_CELL * max(1, columns))) if memory else 2**62


def usual_memory(slots: int) -> int:
    """Bytes that one of so many steps at a time may have where nobody set a limit: the same whenever it is asked.

    What is free differs from moment to moment; how many rows are used must not.
    """
    import psutil

    return int(0.6 * psutil.virtual_memory().total / (slots + 1))


def most_rows(extent: Extent, setting: Setting, *, seconds: float, slots: int) -> int:
    """Rows of the table that are worth keeping: more could not even be passed through a hasty fit in the time.

    Args:
        extent: what models may use of a row.
        setting: the task.
        seconds: the run's time budget.
        slots: how many steps run at a time.
    """

    def cost(rows: int) -> float:
        return predicted_seconds(REFERENCE["hasty"], rows, extent, setting)

    return max(10 * LEAST_ROWS, _largest(cost, PASS * seconds * slots))


def ladder(
    rows: int, extent: Extent, parts: int, setting: Setting, *, seconds: float, slots: int, memory: int = 0
) -> Fidelity:
    """Decide on how many rows models are compared.

    Args:
        rows: training rows of one fit.
        extent: what models may use of a row.
        parts: fits of one evaluation.
        setting: the task.
        seconds: the run's time budget.
        slots: how many steps run at a time.
        memory: bytes that one step may use; 0 for no limit.
    """
    everything = seconds * slots
    most = most_in_memory(extent.columns, memory)

    def cost(count: int) -> float:
        return parts * predicted_seconds(REFERENCE["search"], count, extent, setting)

    if rows <= most and cost(rows) <= WORTHWHILE * everything:
        return Fidelity(most=most)
    first = max(LEAST_ROWS, _largest(cost, FIRST * everything))
    last = min(most, max(first, _largest(cost, LAST * everything)))
    rungs = [min(first, most)]
    if rungs[0] >= rows:
        return Fidelity(most=most)
    while STEP * rungs[-1] <= min(last, rows - 1):
        rungs.append(STEP * rungs[-1])
    whole = rows <= last
    if not whole and last >= 2 * rungs[-1]:
        rungs.append(last)
    return Fidelity(tuple(rungs), whole, most)


def _largest(cost: Callable[[int], float], allowed: float) -> int:
    """The most rows, to two digits, whose cost is allowed: costs grow with rows."""
    low, high = 1, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(middle) <= allowed else (low, middle - 1)
    digits = int(10 ** max(0, len(str(low)) - 2))
    return low // digits * digits
