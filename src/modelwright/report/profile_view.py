"""Shows a profile on the terminal: what is known of the data, and exactly what a provider would be shown."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from modelwright.profile import Column, Profile
from modelwright.profiling import printable
from modelwright.table import Schema

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

_BLOCKS = "▁▂▃▄▅▆▇█"
_PARTS = "▏▎▍▌▋▊▉█"
_SHADES = {"numeric": "cyan", "boolean": "green", "category": "green", "datetime": "magenta", "text": "yellow"}
_SHARES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)
_BINS = 14
_KIND, _MISSING, _DISTINCT, _RELATION = 8, 8, 8, 8


def render(profile: Profile, schema: Schema) -> RenderableType:
    """A profile as a person would want to see it, for terminals of 80 columns and more.

    Every text from the data is shown harmlessly: no markup, no control characters, shortened.

    Args:
        profile: the aggregates.
        schema: why each column was read as it was, for the notes below the table.
    """
    from rich.console import Group
    from rich.padding import Padding

    parts: list[RenderableType] = [_header(profile)]
    if profile.target:
        parts.append(Padding(_target(profile), (1, 0, 0, 0)))
    parts.append(Padding(_Columns(profile), (1, 0, 0, 0)))
    if profile.pairs:
        parts.append(Padding(_pairs(profile), (1, 0, 0, 0)))
    notes = _cautions(profile, schema)
    if notes:
        parts.append(Padding(Group(*notes), (1, 0, 0, 0)))
    parts.append(Padding(_footer(profile), (1, 0, 0, 0)))
    return Group(*parts)


def number(value: float) -> str:
    """A figure in at most nine characters: 12,345 · 0.0123 · 4.5M · 1.2e-07."""
    if value != value:
        return "–"
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return f"{value:.1e}"
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if size >= limit:
            return f"{value / limit:.3g}{unit}"
    if size >= 1000:  # a year is not to look like a sum
        return f"{value:,.0f}" if size >= 10_000 else f"{value:.0f}"
    return f"{value:.4g}" if size >= 1 else f"{value:.3g}"


def _header(profile: Profile) -> Text:
    from rich.text import Text

    kinds: dict[str, int] = {}
    for column in profile.columns:
        kinds[column.kind] = kinds.get(column.kind, 0) + 1
    line = Text.assemble(
        (f"{profile.rows:,} rows", "bold"), " × ", (f"{len(profile.columns):,} columns", "bold"), "   ", no_wrap=False
    )
    line.append(" · ".join(f"{count} {kind}" for kind, count in kinds.items()), style="dim")
    if profile.duplicates:
        line.append(f"   {profile.duplicates:,} repeated rows", style="yellow")
    return line


def _target(profile: Profile) -> Text:
    from rich.text import Text

    line = Text.assemble(("Target  ", "dim"), (printable(profile.target, 40), "bold"))
    total = sum(count for _, count in profile.target_levels)
    for name, count in profile.target_levels[:8]:
        width = max(1, round(24 * count / total))
        line.append(f"\n        {printable(name, 20):<20} ")
        line.append("█" * width, style="cyan")
        line.append(f" {count:,} ({count / total:.1%})")
    if len(profile.target_levels) > 8:
        line.append(f"\n        and {len(profile.target_levels) - 8} more classes", style="dim")
    numbers = profile.target_numbers
    if numbers and not profile.target_levels:
        shown = [(label, numbers[key]) for label, key in _FIGURES if key in numbers]
        line.append("\n        " + "   ".join(f"{label} {number(value)}" for label, value in shown))
    return line


_FIGURES = (("mean", "mean"), ("std", "std"), ("5 %", "q05"), ("median", "q50"), ("95 %", "q95"))


class _Columns:
    """The table of the columns; it shares the width of the terminal between names and distributions."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        columns = self.profile.columns
        related = any(c.association is not None for c in columns)
        longest = max((len(printable(c.name, 40)) + 2 * bool(c.cautions) for c in columns), default=0)
        free = options.max_width - (_KIND + _MISSING + _DISTINCT + 5 + (_RELATION + 1 if related else 0))
        names = max(8, min(longest, free - 28))
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("column", no_wrap=True, width=names)
        table.add_column("kind", no_wrap=True, width=_KIND)
        table.add_column("missing", no_wrap=True, width=_MISSING)
        table.add_column("distinct", justify="right", no_wrap=True, width=_DISTINCT)
        table.add_column("distribution", no_wrap=True, overflow="ellipsis", width=max(16, min(free - names, 60)))
        if related:
            table.add_column("relation", no_wrap=True, width=_RELATION)
        for column in columns:
            mark = Text(" !", style="yellow") if column.cautions else Text("")
            shown = printable(column.name, names - len(mark))
            row = [
                Text(shown, style="bold" if column.name == self.profile.target else "").append_text(mark),
                Text(column.kind, style=_SHADES.get(column.kind, "bright_black")),
                _missing(column.missing),
                Text(number(column.distinct) if column.distinct else "", style="dim"),
                _distribution(column, self.profile.rows),
            ]
            table.add_row(*row, *([_relation(column, self.profile.target)] if related else []))
        yield table


def _bar(share: float, width: int) -> str:
    """A horizontal bar in eighths of a character; what isn't nothing shows at least a sliver."""
    eighths = max(1, round(share * width * 8)) if share > 0 else 0
    full, rest = divmod(min(eighths, width * 8), 8)
    return "█" * full + (_PARTS[rest - 1] if rest else "")


def _missing(share: float) -> Text:
    from rich.text import Text

    if share <= 0:
        return Text("·", style="dim")
    percent = "<1%" if share < 0.01 else f"{min(share, 0.99 if share < 1 else 1):.0%}"
    return Text.assemble((f"{_bar(share, 4):<4}", "yellow"), f" {percent}")


def _relation(column: Column, target: str) -> Text:
    from rich.text import Text

    if column.name == target:
        return Text("target", style="bold")
    if column.association is None:
        return Text("")
    return Text.assemble((f"{_bar(column.association, 3):<3}", "blue"), (f" {column.association:.2f}", "dim"))


def _distribution(column: Column, rows: int) -> Text:
    from rich.text import Text

    if column.personal:
        return Text(f"not shown ({printable(column.personal, 20)})", style="dim italic")
    if column.quantiles:
        shown = [q for q in column.quantiles if q == q]
        text = Text(_histogram(column.quantiles), style="cyan")
        return text.append(f" {number(shown[0])} … {number(shown[-1])}", style="dim")
    if column.levels:
        known = rows * (1 - column.missing)
        first = [f"{printable(name, 14)} {count / known:.0%}" for name, count in column.levels[:3]]
        more = column.distinct - len(first)
        return Text(", ".join(first) + (f" +{more:,}" if more > 0 else ""))
    if column.hidden_levels:
        return Text(f"{column.hidden_levels:,} rare levels, held back", style="dim italic")
    if column.span:
        return Text(" → ".join(column.span), style="magenta")
    if column.lengths:
        return Text(
            f"{number(column.lengths[0])} words on average, {number(column.lengths[2])} at most in 99%", "yellow"
        )
    return Text("too few rows to show" if column.kind in ("numeric", "datetime", "text") else "", style="dim italic")


def _histogram(quantiles: tuple[float, ...]) -> str:
    """Bars of the density between the outermost known quantiles, spread evenly between neighbouring ones."""
    known = [(q, share) for q, share in zip(quantiles, _SHARES, strict=True) if q == q]
    low, high = known[0][0], known[-1][0]
    if not low < high or high - low == float("inf"):
        return "█" if len(known) else ""
    mass = [0.0] * _BINS
    width = (high - low) / _BINS
    for (a, share_a), (b, share_b) in pairwise(known):
        if b <= a:  # many rows with one value: all in the bin of that value
            mass[min(_BINS - 1, int((a - low) / width))] += share_b - share_a
            continue
        for i in range(_BINS):
            left, right = max(a, low + i * width), min(b, low + (i + 1) * width)
            if right > left:
                mass[i] += (share_b - share_a) * (right - left) / (b - a)
    top = max(mass)
    return "".join(_BLOCKS[min(7, int(8 * m / top))] if m > 0 else " " for m in mass)


def _pairs(profile: Profile) -> Text:
    from rich.text import Text

    text = Text("Going together  ", style="dim")
    for i, (a, b, rho) in enumerate(profile.pairs[:5]):
        text.append(f"{'   ' if i else ''}{printable(a, 20)} ~ {printable(b, 20)} ")
        text.append(f"{rho:+.2f}", style="blue")
    return text


def _cautions(profile: Profile, schema: Schema) -> list[Text]:
    """What to be careful about: first of the whole, then of columns, those with the same caution together."""
    from rich.text import Text

    lines = [Text.assemble(("! ", "yellow"), f"{c[:1].upper()}{printable(c[1:], 200)}.") for c in profile.cautions]
    reasons = {field.name: field.reason for field in schema.fields}
    same: dict[str, list[str]] = {}
    for column in profile.columns:
        reason = reasons.get(column.name)
        read = [f"read as {column.kind}: {reason}"] if reason and column.kind == "id" else []
        for caution in (*column.cautions, *read):
            same.setdefault(caution, []).append(column.name)
    for caution, names in same.items():
        line = Text("! ", style="yellow")
        line.append(", ".join(printable(name, 40) for name in names[:6]), style="bold")
        line.append(f" and {len(names) - 6} more" if len(names) > 6 else "", style="default")
        lines.append(line.append(f": {printable(caution, 200)}", style="default"))
    if len(lines) > 40:
        lines = [*lines[:40], Text(f"… and {len(lines) - 40} more", style="dim")]
    return lines


def _footer(profile: Profile) -> Text:
    from rich.text import Text

    related = f"; relations with the target measured on {profile.sampled:,} rows" if profile.target else ""
    return Text(f"Only aggregates are shown: nothing that fewer than {profile.floor} rows share{related}.", style="dim")
