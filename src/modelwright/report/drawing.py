"""One style for all pictures: matplotlib draws, and the page's own colours and fonts take over.

Colours are drawn as placeholders and replaced by the page's CSS variables, so that a picture follows light and dark;
texts stay texts. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from modelwright.report.numbers import clean, number, prose

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# placeholder → CSS variable of the page
INK, MUTED, GRID, ACCENT, SECOND, PAPER, BAD = (
    "#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04", "#0a0b05", "#0a0b06", "#0a0b07",
)  # fmt: skip
_VARIABLES = {
    INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)", ACCENT: "var(--accent)", SECOND: "var(--second)",
    PAPER: "var(--card)", BAD: "var(--bad)",
}  # fmt: skip
WIDE = 380  # CSS pixels at the picture's natural size: near a phone's width, so that texts stay readable there
SMALL = 340
FONT = 11.5
_SIZES = ((1e9, " bn"), (1e6, " m"), (1e3, " k"))

Tip = tuple[float, float, str]
"""A point of a picture, in data coordinates, with what is said of it."""

_TAG = re.compile(r"<[^<>]+>")


def draw(
    name: str,
    paint: Callable[[Axes], None],
    *,
    width: int = WIDE,
    height: int = 260,
    margins: tuple[int, int, int, int] = (14, 12, 40, 52),
    tips: Sequence[Tip] = (),
) -> str:
    """Draw one picture and return it as an ``<svg>`` element that is safe to put into a page.

    Args:
        name: unique on the page; keeps the ids of pictures apart.
        paint: draws into the axes.
        width: natural width in CSS pixels.
        height: natural height in CSS pixels.
        margins: pixels around the axes: top, right, bottom, left.
        tips: what is said of points, in data coordinates, to those who point at them; at most 300 are kept.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    top, right, bottom, left = margins
    style = {
        "svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False, "font.size": FONT,
        "font.family": ["DejaVu Sans"], "axes.unicode_minus": True, "path.simplify": True,
    }  # fmt: skip
    stream = io.StringIO()
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the reader's fonts draw the texts
        figure = Figure(figsize=(width / 72, height / 72), facecolor="none")
        box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
        axes = figure.add_axes(box)
        axes.set_facecolor("none")
        axes.tick_params(length=0, pad=6, labelsize=FONT - 0.5, labelcolor=MUTED)
        axes.grid(True, color=GRID, linewidth=1)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        paint(axes)
        empty = {"Date": None, "Creator": None, "Format": None, "Type": None}
        FigureCanvasSVG(figure).print_svg(stream, metadata=empty)
        spots = _spots(axes, tips, width, height, margins)
    return _adopt(stream.getvalue(), name, width, height).removesuffix("</svg>") + spots + "</svg>"


def _spots(axes: Axes, tips: Sequence[Tip], width: int, height: int, margins: tuple[int, int, int, int]) -> str:
    """Invisible circles that carry what is said of their points: browsers show it on hovering."""
    if not tips:
        return ""
    top, right, bottom, left = margins
    to_axes = axes.transData + axes.transAxes.inverted()
    out = []
    for x, y, text in tips[:: -(-len(tips) // 300)]:
        across, up = (float(v) for v in to_axes.transform((x, y)))
        if not (-0.01 <= across <= 1.01 and -0.01 <= up <= 1.01):
            continue
        spot = (left + across * (width - left - right), height - bottom - up * (height - top - bottom))
        said = escape(prose(text))
        out.append(f'<circle class="tip" cx="{spot[0]:.1f}" cy="{spot[1]:.1f}" r="7"><title>{said}</title></circle>')
    return "".join(out)


def _adopt(svg: str, name: str, width: int, height: int) -> str:
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
    body = _TAG.sub(lambda m: _tag(m[0], name), body)
    body = re.sub(r"\s*\n\s*", " ", body)
    kind = "wide" if width >= WIDE else "small"
    look = f'class="{kind}" style="--w:{width}px" aria-hidden="true" focusable="false"'
    return f'<svg viewBox="0 0 {width} {height}" {look}>{body.strip()}'


def _tag(tag: str, name: str) -> str:
    if tag.startswith("<g id="):  # matplotlib numbers its groups in each picture anew
        tag = re.sub(r' ?id="[^"]*"', "", tag)
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = tag.replace("rotate(-0 ", "rotate(0 ")
    tag = re.sub(r' transform="rotate\(0 [^"]*"', "", tag)
    tag = re.sub(r'(id="|xlink:href="#|url\(#)(?=[mp])', rf"\g<1>{name}-", tag)
    return re.sub(r"#0a0b0[1-7]", lambda m: _VARIABLES[m[0]], tag)


def ticks(axis: str, axes: Axes, most: int = 5, text: Callable[[float], str] | None = None) -> None:
    """Few round ticks, written as everywhere in the report, all with the same number of decimals."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

    side = axes.xaxis if axis == "x" else axes.yaxis
    low, high = sorted(axes.get_xlim() if axis == "x" else axes.get_ylim())
    slack = (high - low) * 1e-6
    spots = [float(v) for v in MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)]
    spots = [0.0 if abs(v) < slack else v for v in spots if low - slack <= v <= high + slack]
    side.set_major_locator(FixedLocator(spots))
    side.set_major_formatter(FixedFormatter([text(v) for v in spots] if text else tick_texts(spots)))


def tick_texts(values: list[float]) -> list[str]:
    """Ticks in words: thousands, millions and billions by letter."""
    largest = max(map(abs, values), default=0.0)
    size, letter = next(((s, n) for s, n in _SIZES if largest >= 10 * s), (1.0, ""))
    if largest >= 1e13:
        return [number(v, 2) for v in values]
    step = min((b - a for a, b in pairwise(values)), default=1.0) / size
    decimals = next((d for d in range(8) if abs(round(step, d) - step) < 1e-9 + step * 1e-6), 8)
    return [f"{v / size:,.{decimals}f}{letter}".replace("-", "−") if v else "0" for v in values]


def label(axes: Axes, x: str = "", y: str = "") -> None:
    """Titles of the axes; the vertical one stands above its axis, where it can be read."""
    if x:
        axes.set_xlabel(x, color=MUTED, fontsize=FONT, labelpad=6)
    if y:
        axes.annotate(y, (0, 1), (-44, 9), xycoords="axes fraction", textcoords="offset points", color=MUTED,
                      fontsize=FONT, va="bottom", ha="left")  # fmt: skip


def write_text(axes: Axes, x: float, y: float, text: str, **how: Any) -> None:
    """A text in data coordinates; never read as mathematics."""
    given: dict[str, Any] = {"color": INK, "fontsize": FONT, "va": "center", "ha": "left", "parse_math": False}
    axes.text(x, y, clean(text), **{**given, **how})
