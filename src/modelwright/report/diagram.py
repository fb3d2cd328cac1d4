"""A recipe as a diagram: from the columns of the data to the prediction, drawn as SVG in the page's colours."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from modelwright.recipe import Recipe, Use
from modelwright.report.drawing import WIDE
from modelwright.report.numbers import counted, number, percent, shorten

_CHAR = 6.6  # CSS pixels that a character of the picture's font takes at most on average
_LINE, _PAD, _GAP, _BESIDE = 26, 10, 22, 6
_MEMBERS = 12  # drawn; the rest is counted


def draw(recipe: Recipe, columns: int) -> str:
    """The diagram of a recipe that starts from so many columns."""
    boxes = list(_boxes(recipe, columns))
    body, y = [], 2.0
    for i, (title, chips, emphasis, beside) in enumerate(boxes):
        if i and beside:
            y += _BESIDE
        elif i:
            body.append(_arrow(y, y + _GAP))
            y += _GAP
        drawn, height = _box(title, chips, y, emphasis)
        body.append(drawn)
        y += height
    look = f'class="wide diagram" style="--w:{WIDE}px" aria-hidden="true" focusable="false"'
    return f'<svg viewBox="0 0 {WIDE} {y + 2:.0f}" {look}>{"".join(body)}</svg>'


Box = tuple[str, list[str], bool, bool]
"""Title, steps, whether it is emphasised, and whether it stands beside the one before instead of after it."""


def _boxes(recipe: Recipe, columns: int) -> Iterator[Box]:
    yield counted(columns, "column") + " of the data", [], False, False
    members = sorted(recipe.members, key=lambda m: -m.weight)
    stacked = recipe.estimator.action == "stack"
    of = "to begin with" if stacked else "of the vote"
    for i, member in enumerate(members[:_MEMBERS]):
        yield f"{percent(member.weight)} {of}", list(_chips(member.recipe)), False, i > 0
    if len(members) > _MEMBERS:
        yield f"{counted(len(members) - _MEMBERS, 'more model')} with smaller weights", [], False, True
    if members:
        yield "second level over what they said" if stacked else "blend of the votes", [], False, False
    else:
        yield "one model", list(_chips(recipe)), False, False
    if recipe.calibration:
        yield f"probabilities corrected by {recipe.calibration.action.replace('_', ' ')}", [], False, False
    if recipe.threshold is not None:
        yield f"called positive from a probability of {number(recipe.threshold, 3)} on", [], False, False
    yield "prediction", [], True, False


def _chips(recipe: Recipe) -> Iterator[str]:
    for part, use in recipe.uses():
        if part != "calibration":
            yield _chip(part, use)


def _chip(part: str, use: Use) -> str:
    lead = {"resampling": "resample: ", "weighting": "weights: ", "target": "target: "}.get(part, "")
    return lead + shorten(use.action, 34)


def _box(title: str, chips: list[str], y: float, emphasis: bool) -> tuple[str, float]:
    """A box with its title and its steps, wrapped into lines, and its height."""
    places, x, line = [], 0.0, 0
    room = WIDE - 4 - 2 * _PAD
    for chip in chips:
        width = len(chip) * _CHAR + 16
        if x and x + width > room:
            x, line = 0.0, line + 1
        places.append((chip, x, line, min(width, room)))
        x += width + 18
    height = 30.0 + ((line + 1) * (_LINE + 6) + 4 if chips else 2)
    stroke = "var(--accent)" if emphasis else "var(--line)"
    out = [f'<rect x="2" y="{y:.0f}" width="{WIDE - 4}" height="{height:.0f}" rx="8" fill="var(--card)" '
           f'stroke="{stroke}" stroke-width="1.5"/>',
           f'<text x="{2 + _PAD}" y="{y + 20:.0f}" font-size="12.5" font-weight="600" fill="var(--ink)">'
           f"{escape(title)}</text>"]  # fmt: skip
    for i, (chip, left, row, width) in enumerate(places):
        top, start = y + 32 + row * (_LINE + 6), 2 + _PAD + left
        out.append(f'<rect x="{start:.1f}" y="{top:.0f}" width="{width:.1f}" height="{_LINE}" rx="6" '
                   f'fill="var(--soft)"/><text x="{start + 8:.1f}" y="{top + 17:.0f}" font-size="11.5" '
                   f'fill="var(--ink)">{escape(chip)}</text>')  # fmt: skip
        if i + 1 < len(places) and places[i + 1][2] == row:
            out.append(f'<text x="{start + width + 4:.1f}" y="{top + 17:.0f}" font-size="11.5" '
                       'fill="var(--muted)">→</text>')  # fmt: skip
    return "".join(out), height


def _arrow(top: float, bottom: float) -> str:
    middle = WIDE / 2
    tip = f"M{middle - 4:.0f} {bottom - 7:.0f} L{middle:.0f} {bottom - 2:.0f} L{middle + 4:.0f} {bottom - 7:.0f}"
    path = f"M{middle:.0f} {top:.0f} L{middle:.0f} {bottom - 2:.0f} {tip}"
    return f'<path d="{path}" fill="none" stroke="var(--muted)" stroke-width="1.4"/>'
