"""The pictures: what a person would rather look at than read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelwright.judgement import Curve
from modelwright.report import Story
from modelwright.report.drawing import (
    ACCENT,
    BAD,
    FONT,
    GRID,
    INK,
    MUTED,
    PAPER,
    SECOND,
    SMALL,
    WIDE,
    Tip,
    draw,
    label,
    ticks,
    write_text,
)
from modelwright.report.numbers import clean, duration, number, percent, score, shorten
from modelwright.report.wording import metric_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def reach(story: Story) -> str:
    """The score with its interval against the baseline and the validation estimate, on one axis."""
    judged = story.judgement
    rows = [("This model", judged.score.value, judged.score.low, judged.score.high, ACCENT)]
    if math.isfinite(story.validation.value):
        rows.append(("Estimate before the holdout was opened", story.validation.value, None, None, MUTED))
    rows.append((f"Baseline: {shorten(judged.baseline_name, 30)}", judged.baseline.value, judged.baseline.low,
                 judged.baseline.high, SECOND))  # fmt: skip
    return draw("reach", lambda axes: _lanes(axes, rows), height=56 + 46 * len(rows), margins=(8, 24, 30, 24),
                tips=_lane_tips(rows))  # fmt: skip


Lane = tuple[str, float, float | None, float | None, str]


def _lanes(axes: Axes, rows: list[Lane], focus: tuple[float, float] | None = None) -> None:
    """One line a row: the name above, a dot for the value, a bar for the interval, the figure at the right.

    With ``focus`` only that range is shown, and values outside become triangles at its edge.
    """
    for i, (name, value, low, high, colour) in enumerate(rows):
        y = -i
        if focus and not focus[0] <= value <= focus[1]:
            _above(axes, y, name, score(value))
            continue
        if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
            axes.plot([low, high], [y, y], color=colour, linewidth=7, alpha=0.35, solid_capstyle="round")
        axes.plot([value], [y], "o", color=colour, markersize=8.5, markeredgecolor=PAPER, markeredgewidth=1.5)
        _above(axes, y, name, score(value))
    values = [v for _, *numbers, _ in rows for v in numbers if v is not None and math.isfinite(v)]
    if focus:
        low, high = focus
        for i, (_, value, *_rest) in enumerate(rows):
            if not low <= value <= high:
                mark, edge = ("<", low) if value < low else (">", high)
                axes.plot([edge], [-i], mark, color=MUTED, markersize=8, markeredgewidth=0)
        values = [low, high]
    pad = (max(values) - min(values)) * 0.08 or abs(values[0]) * 0.05 or 0.1
    axes.set_xlim(min(values) - pad, max(values) + pad)
    axes.set_ylim(-len(rows) + 0.5, 0.75)
    axes.set_yticks([])
    ticks("x", axes, 5)


def _lane_tips(rows: list[Lane]) -> list[Tip]:
    return [
        (value, -i, f"{name}: {score(value)}" + (f" ({score(low)} to {score(high)})" if low is not None else ""))
        for i, (name, value, low, high, _) in enumerate(rows)
    ]


def _above(axes: Axes, y: float, name: str, figure: str) -> None:
    """A name at the left and a figure at the right, above their line."""
    for x, text, side, weight in ((0, name, "left", "normal"), (1, figure, "right", "bold")):
        axes.annotate(clean(text), (x, y), (0, 13), xycoords=("axes fraction", "data"), textcoords="offset points",
                      color=INK, fontsize=FONT, va="center", ha=side, weight=weight,
                      bbox={"facecolor": PAPER, "linewidth": 0, "pad": 1.5})  # fmt: skip


def progress(story: Story) -> tuple[str, int]:
    """The best score over time with every experiment as a dot, and how many dots lie outside the picture."""
    moments = [m for m in story.progress if math.isfinite(m.score) and math.isfinite(m.best)]
    best = [m.best for m in moments]
    ordered = sorted(m.score for m in moments)
    middle = ordered[len(ordered) // 4 : max(len(ordered) * 3 // 4, 1) + 1]
    low, high = min([*middle, best[-1], *best[1:]]), max([*middle, best[-1], *best[1:]])
    if high <= low:
        low, high = min(ordered), max(ordered)
    pad = (high - low) * 0.15 or abs(high) * 0.02 or 0.01
    low, high = low - pad, high + pad
    outside = sum(not low <= m.score <= high for m in moments)

    def paint(axes: Axes) -> None:
        inner = [m for m in moments if low <= m.score <= high]
        axes.plot([m.seconds for m in inner], [m.score for m in inner], "o", color=MUTED, markersize=6, alpha=0.55,
                  markeredgewidth=0)  # fmt: skip
        for edge, mark, out in ((low, "v", [m for m in moments if m.score < low]),
                                (high, "^", [m for m in moments if m.score > high])):  # fmt: skip
            axes.plot([m.seconds for m in out], [edge + (pad if mark == "v" else -pad) * 0.25] * len(out), mark,
                      color=MUTED, markersize=6.5, alpha=0.7, markeredgewidth=0)  # fmt: skip
        end = max(m.seconds for m in moments)
        axes.plot([*(m.seconds for m in moments), end * 1.03], [*best, best[-1]], drawstyle="steps-post", color=ACCENT,
                  linewidth=2.4)  # fmt: skip
        axes.set_xlim(0, end * 1.05 or 1)
        axes.set_ylim(low, high)
        ticks("x", axes, 5, lambda v: duration(v) if v else "0")
        ticks("y", axes, 5)
        label(axes, "time since the start", f"validation {metric_of(story).title}")

    tips = [(m.seconds, m.score, f"experiment {m.experiment}: {score(m.score)} after {duration(m.seconds)}")
            for m in moments]  # fmt: skip
    return draw("progress", paint, height=270, margins=(34, 22, 44, 52), tips=tips), outside


def models(story: Story, rows: list[tuple[str, float, float | None]]) -> tuple[str, int]:
    """Experiments by score, each with its spread over folds, and how many are too far off to be shown.

    The first row is what was delivered. The picture is about telling the good ones apart, so it ends at three times
    the distance between the best and the middle one.
    """
    found = [value for _, value, _ in rows]
    far = 3 * max(abs(sorted(found)[len(found) // 2] - rows[0][1]), max((s or 0.0) for *_, s in rows))
    near = [(v, s or 0.0) for _, v, s in rows if abs(v - rows[0][1]) <= far]
    focus = (min(v - s for v, s in near), max(v + s for v, s in near))
    lanes: list[Lane] = [
        (shorten(name, 38), value, value - spread if spread else None, value + spread if spread else None,
         ACCENT if i == 0 else MUTED)
        for i, (name, value, spread) in enumerate(rows)
    ]  # fmt: skip

    def paint(axes: Axes) -> None:
        _lanes(axes, lanes, focus)
        axes.set_xlabel(f"validation {metric_of(story).title}", color=MUTED, fontsize=FONT)

    svg = draw("models", paint, height=70 + 34 * len(rows), margins=(6, 24, 46, 24), tips=_lane_tips(lanes))
    return svg, len(rows) - len(near)


Bar = tuple[str, float, float, float]
"""A name, its value, and the ends of the value's interval."""


def importances(story: Story, most: int = 12) -> str:
    """What the score loses when a column is shuffled, largest first."""
    rows = [(i.column, i.loss, i.low, i.high) for i in story.judgement.importances if math.isfinite(i.loss)][:most]
    return bars("importance", rows, f"loss in {metric_of(story).title} when shuffled")


def bars(name: str, rows: list[Bar], title: str) -> str:
    """Values with their intervals, one a line, in the given order; the axis begins at zero."""

    def paint(axes: Axes) -> None:
        ends = [v for _, *numbers in rows for v in (*numbers, 0.0) if math.isfinite(v)]
        low, high = min(ends), max(ends) or 1.0
        for i, (label_, value, lower, upper) in enumerate(rows):
            colour = ACCENT if value > 0 else SECOND
            axes.barh(-i, value, height=0.36, color=colour, alpha=0.6, linewidth=0, zorder=4)
            if math.isfinite(lower) and math.isfinite(upper):
                axes.plot([lower, upper], [-i, -i], color=INK, linewidth=1.4, alpha=0.7, zorder=5)
            _above(axes, -i, shorten(label_, 36), number(value, 3))
        axes.set_xlim(low - (high - low) * 0.01, high + (high - low) * 0.03)
        axes.set_ylim(-len(rows) + 0.55, 0.8)
        axes.set_yticks([])
        axes.set_xlabel(title, color=MUTED, fontsize=FONT)
        ticks("x", axes, 5)

    tips = [
        (value, -i, f"{shorten(label_)}: {number(value, 3)} ({number(low, 3)} to {number(high, 3)})")
        for i, (label_, value, low, high) in enumerate(rows)
    ]
    return draw(name, paint, height=60 + 33 * len(rows), margins=(4, 20, 46, 20), tips=tips)


def confusion(labels: list[str], counts: list[list[int]]) -> str:
    """True classes against predicted ones; colour is the share of the true class, figures are counts."""
    k = len(labels)
    left = 26 + 6.2 * max(min(len(n), 16 if k <= 8 else 10) for n in labels)
    size = SMALL if k <= 3 else WIDE
    short = [shorten(n, 16 if k <= 8 else 10) for n in labels]
    strength = 0.38 if k <= 8 else 0.93  # figures have to be readable on the colour

    def paint(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        axes.grid(False)
        for i, row in enumerate(counts):
            total = sum(row)
            for j, count in enumerate(row):
                share = count / total if total else 0.0
                colour = ACCENT if i == j else BAD
                axes.add_patch(Rectangle((j + 0.03, k - 1 - i + 0.03), 0.94, 0.94, facecolor=GRID, alpha=0.35,
                                         linewidth=0) if not count
                               else Rectangle((j + 0.03, k - 1 - i + 0.03), 0.94, 0.94, facecolor=colour,
                                              alpha=0.07 + strength * share, linewidth=0))  # fmt: skip
                if k <= 8:
                    x, y, weight = j + 0.5, k - 0.5 - i, "bold" if i == j else "normal"
                    if k > 2:
                        write_text(axes, x, y, f"{count:,}", ha="center", weight=weight)
                    else:
                        write_text(axes, x, y + 0.08, f"{count:,}", ha="center", weight=weight, fontsize=17)
                        write_text(axes, x, y - 0.16, percent(share), ha="center")
        axes.set_xlim(0, k)
        axes.set_ylim(0, k)
        upright = k > 8 or max(len(n) for n in short) > 30 / k
        axes.set_xticks([i + 0.5 for i in range(k)], short, rotation=90 if upright and k > 2 else 0)
        axes.set_yticks([i + 0.5 for i in range(k)], short[::-1])
        size_of = FONT if k <= 12 else max(7.5, 15 - 0.28 * k)
        axes.tick_params(labelsize=size_of, labelcolor=INK, pad=4)
        axes.set_xlabel("predicted", color=MUTED, fontsize=FONT)
        axes.annotate("true", (0, 1), (-8, 5), xycoords="axes fraction", textcoords="offset points", color=MUTED,
                      fontsize=FONT, ha="right", va="bottom")  # fmt: skip

    bottom = 44 if k == 2 or not (k > 8 or max(len(n) for n in short) > 30 / k) else 34 + int(left - 26)
    inner = int(size - left - 8)
    height = (min(inner, 230) if k == 2 else inner) + bottom + 24
    return draw("confusion", paint, width=size, height=height, margins=(24, 8, bottom, int(left)))


def finite(curve: Curve | None) -> Curve | None:
    """The curve's finite points; ``None`` when fewer than two are left."""
    points = zip(curve.x, curve.y, strict=True) if curve else ()
    pairs = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return Curve(tuple(x for x, _ in pairs), tuple(y for _, y in pairs)) if len(pairs) > 1 else None


def _square(
    name: str, x: str, y: str, paint: Callable[[Axes], None], unit: bool = True, tips: list[Tip] | None = None
) -> str:
    def whole(axes: Axes) -> None:
        paint(axes)
        if unit:
            axes.set_xlim(-0.02, 1.02)
            axes.set_ylim(-0.02, 1.03)
            ticks("x", axes, 5)
            ticks("y", axes, 5)
        label(axes, x, y)

    return draw(name, whole, width=SMALL, height=300, margins=(34, 16, 44, 52), tips=tips or ())


def roc(curve: Curve, point: tuple[float, float] | None) -> str:
    """The ROC curve with the chosen threshold on it."""

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 4)))
        axes.fill_between(curve.x, curve.y, color=ACCENT, alpha=0.1, linewidth=0)
        axes.plot(curve.x, curve.y, color=ACCENT, linewidth=2.4)
        _mark(axes, point)

    tips = [(x, y, f"{percent(y)} found, for {percent(x)} false alarms among the others")
            for x, y in zip(curve.x, curve.y, strict=True)]  # fmt: skip
    return _square("roc", "false alarms among the others", "share found", paint, tips=tips)


def precision_recall(curve: Curve, rate: float | None, point: tuple[float, float] | None) -> str:
    """Precision against recall with the share of positives as reference."""

    def paint(axes: Axes) -> None:
        if rate is not None:
            axes.plot([0, 1], [rate, rate], color=MUTED, linewidth=1.2, linestyle=(0, (4, 4)))
        axes.plot(curve.x, curve.y, color=ACCENT, linewidth=2.4)
        _mark(axes, point)

    tips = [(x, y, f"{percent(x)} found; {percent(y)} of the alarms justified")
            for x, y in zip(curve.x, curve.y, strict=True)]  # fmt: skip
    return _square("precision", "share found (recall)", "share of alarms justified (precision)", paint, tips=tips)


def _mark(axes: Axes, point: tuple[float, float] | None) -> None:
    if point:
        axes.plot([point[0]], [point[1]], "o", color=SECOND, markersize=9, markeredgecolor=PAPER, markeredgewidth=1.8)


def calibration(curve: Curve, probabilities: bool) -> str:
    """What was predicted against what happened, in bins."""
    both = [*curve.x, *curve.y]
    ends = (0.0, 1.0) if probabilities else (min(both), max(both))

    def paint(axes: Axes) -> None:
        axes.plot(ends, ends, color=MUTED, linewidth=1.2, linestyle=(0, (4, 4)))
        axes.plot(curve.x, curve.y, "o-", color=ACCENT, linewidth=2, markersize=6.5, markeredgecolor=PAPER)
        if not probabilities:
            ticks("x", axes, 4)
            ticks("y", axes, 5)

    names = ("predicted probability", "share observed") if probabilities else ("mean prediction", "mean truth")
    write = percent if probabilities else number
    tips = [(x, y, f"{names[0]} {write(x)}, {names[1]} {write(y)}") for x, y in zip(curve.x, curve.y, strict=True)]
    return _square("calibration", *names, paint, unit=probabilities, tips=tips)


def scatter(curve: Curve) -> str:
    """Predicted against true values."""
    both = [*curve.x, *curve.y]
    low, high = min(both), max(both)
    pad = (high - low) * 0.03 or 1.0

    def paint(axes: Axes) -> None:
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1.2, linestyle=(0, (4, 4)))
        axes.plot(curve.x, curve.y, "o", color=ACCENT, markersize=4, alpha=0.4, markeredgewidth=0)
        axes.set_xlim(low - pad, high + pad)
        axes.set_ylim(low - pad, high + pad)
        ticks("x", axes, 4)
        ticks("y", axes, 5)

    tips = [(x, y, f"predicted {number(x)}, true {number(y)}") for x, y in zip(curve.x, curve.y, strict=True)]
    return _square("scatter", "predicted", "true", paint, unit=False, tips=tips)


def residuals(percentiles: tuple[float, ...]) -> str:
    """How errors are distributed, from their percentiles; the outermost two per cent are left out."""
    import numpy as np

    cut = np.asarray(percentiles[1:-1], dtype=float)
    edges = np.linspace(cut[0], cut[-1], 26)
    grid = np.linspace(0.01, 0.99, len(cut))
    values, first = np.unique(cut, return_index=True)
    last = len(cut) - 1 - np.unique(cut[::-1], return_index=True)[1]
    # ties are a step of the distribution: it jumps from their first share to their last one
    spots = np.column_stack([values, values]).ravel()
    shares = np.column_stack([grid[first], grid[last]]).ravel()
    below = np.interp(edges, spots, shares)
    below[0], below[-1] = 0.01, 0.99
    heights = np.diff(below)

    def paint(axes: Axes) -> None:
        width = edges[1] - edges[0] or 1.0
        axes.bar(edges[:-1] + width / 2, heights, width=width * 0.88, color=ACCENT, alpha=0.8, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1.3)
        ticks("x", axes, 4)
        ticks("y", axes, 4, lambda v: f"{100 * v:.0f} %" if v else "0")

    return _square("residuals", "truth minus prediction", "share of rows", paint, unit=False)
