"""Pictures of how scores and predictions change: with more rows, with one column, with less perfect data."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelwright.diagnostics import LearningCurve
from modelwright.explanation import Dependence
from modelwright.report.drawing import ACCENT, FONT, INK, MUTED, PAPER, SECOND, SMALL, Tip, draw, label, ticks
from modelwright.report.numbers import number, percent, score, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVELS = 10  # of a column of levels that one picture has room for


def learning(curve: LearningCurve, title: str) -> str:
    """The score on the sealed rows against the number of rows that were learnt from."""
    rows, values = [p.rows for p in curve.points], [p.score for p in curve.points]

    def paint(axes: Axes) -> None:
        axes.set_xscale("log", base=2)
        axes.fill_between(rows, [p.low for p in curve.points], [p.high for p in curve.points], color=ACCENT,
                          alpha=0.14, linewidth=0)  # fmt: skip
        axes.plot(rows, values, "o-", color=ACCENT, linewidth=2.2, markersize=7, markeredgecolor=PAPER)
        if curve.doubled is not None and math.isfinite(curve.doubled):
            axes.plot([rows[-1], 2 * rows[-1]], [values[-1], curve.doubled], "--", color=SECOND, linewidth=1.8)
            axes.plot([2 * rows[-1]], [curve.doubled], "D", color=SECOND, markersize=7, markeredgecolor=PAPER)
        axes.minorticks_off()
        axes.set_xticks(rows, [f"{n:,}" for n in rows], rotation=0 if len(rows) < 6 else 45)
        ticks("y", axes, 5)
        label(axes, "rows learnt from", title)

    tips: list[Tip] = [
        (p.rows, p.score, f"{p.rows:,} rows: {score(p.score)} ({score(p.low)} to {score(p.high)})")
        for p in curve.points
    ]
    if curve.doubled is not None:
        tips.append((2 * rows[-1], curve.doubled, f"expected with {2 * rows[-1]:,} rows: {score(curve.doubled)}"))
    return draw("learning", paint, height=270, margins=(34, 22, 52, 52), tips=tips)


def dependence(found: Dependence, index: int) -> str:
    """The mean prediction against one column's value, with the share of rows at each value beneath."""
    return (_levels if found.kind == "level" else _line)(found, index)


def point(found: Dependence, at: int) -> str:
    """One point's place in words."""
    if found.kind == "level":
        return shorten(found.levels[at], 30)
    if found.kind == "date":
        return datetime.fromtimestamp(found.x[at], UTC).strftime("%d %b %Y").lstrip("0")
    return number(found.x[at])


def _tips(found: Dependence, spots: list[tuple[float, float]]) -> list[Tip]:
    return [
        (
            x,
            y,
            f"{shorten(found.column, 30)} {point(found, i)}: {number(found.y[i])}, {percent(found.density[i])} of rows",
        )
        for i, (x, y) in enumerate(spots)
    ]


def _line(found: Dependence, index: int) -> str:
    def paint(axes: Axes) -> None:
        axes.fill_between(found.x, found.low, found.high, color=ACCENT, alpha=0.13, linewidth=0)
        axes.plot(found.x, found.y, "o-", color=ACCENT, linewidth=2.2, markersize=4.5, markeredgewidth=0)
        low, high = axes.get_ylim()
        room, most = 0.22 * (high - low), max(found.density, default=0.0) or 1.0
        for x, share in zip(found.x, found.density, strict=True):
            axes.plot([x, x], [low - room, low - room + 0.85 * room * share / most], color=MUTED, linewidth=5,
                      alpha=0.5, solid_capstyle="butt")  # fmt: skip
        axes.set_ylim(low - room, high)
        if found.kind == "date":
            ticks("x", axes, 3, lambda v: datetime.fromtimestamp(v, UTC).strftime("%b %Y"))
        else:
            ticks("x", axes, 4)
        ticks("y", axes, 5)
        label(axes, shorten(found.column, 40), "mean prediction")

    spots = list(zip(found.x, found.y, strict=True))
    margins = (34, 16, 44, 52)
    return draw(f"dependence{index}", paint, width=SMALL, height=270, margins=margins, tips=_tips(found, spots))


def _levels(found: Dependence, index: int) -> str:
    shown = min(len(found.levels), _LEVELS)

    def paint(axes: Axes) -> None:
        middle = sum(y * d for y, d in zip(found.y, found.density, strict=True)) / (sum(found.density) or 1.0)
        axes.axvline(middle, color=MUTED, linewidth=1.2, linestyle=(0, (4, 4)))
        for i in range(shown):
            axes.plot([found.low[i], found.high[i]], [-i, -i], color=ACCENT, linewidth=6, alpha=0.25,
                      solid_capstyle="round")  # fmt: skip
            axes.plot([found.y[i]], [-i], "o", color=ACCENT, markersize=8, markeredgecolor=PAPER)
            text = f"{shorten(found.levels[i], 26)} ({percent(found.density[i])} of rows)"
            axes.annotate(text, (0, -i), (0, 12), xycoords=("axes fraction", "data"), textcoords="offset points",
                          color=INK, fontsize=FONT - 0.5, va="center", parse_math=False)  # fmt: skip
        axes.set_ylim(-shown + 0.5, 0.8)
        axes.set_yticks([])
        ticks("x", axes, 4)
        axes.set_xlabel("mean prediction", color=MUTED, fontsize=FONT)

    spots = [(found.y[i], -float(i)) for i in range(shown)]
    height, margins = 66 + 31 * shown, (6, 20, 46, 20)
    return draw(f"dependence{index}", paint, width=SMALL, height=height, margins=margins, tips=_tips(found, spots))
