"""Runs side by side, their artefacts and their time, as people see them on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from modelwright.asking_again import Opinions
from modelwright.contrast import Contrast
from modelwright.lineage import Artefact
from modelwright.live import PHASES
from modelwright.replaying import Replay
from modelwright.report.numbers import clean
from modelwright.sweeping import Sweep
from modelwright.timing import Timing

SHORT = 12
"""Characters of a digest that are shown; the first ones suffice to name it, too."""


def size(count: int) -> str:
    """Bytes in words."""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def columns(*names: str, right: tuple[int, ...] = ()) -> Table:
    """A plain table."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for place, name in enumerate(names):
        table.add_column(Text(name), justify="right" if place in right else "left", overflow="fold")
    return table


def print_timing(found: Timing) -> None:
    """Where the seconds of a run went."""
    console = Console()
    table = columns("phase", "seconds", "of it without training or prediction", right=(1, 2))
    for name, seconds in found.phases.items():
        table.add_row(PHASES.get(name, clean(name)), f"{seconds:.2f}", f"{found.outside.get(name, 0.0):.2f}")
    table.add_row(Text("together", "bold"), f"{found.seconds:.2f}", f"{sum(found.outside.values()):.2f}")
    console.print(table)
    console.print(
        f"{1 - found.outside_share:.1%} of the time something was trained or predicted; {found.outside_share:.1%} went "
        f"to other things. {found.slots} steps could run at a time, and did {found.busy:.0%} of the time.",
        highlight=False,
    )
    stages = columns("steps", "performed", "taken as known", "seconds in workers", "core seconds", right=(1, 2, 3, 4))
    for name, stage in sorted(found.stages.items(), key=lambda item: -item[1].seconds):
        cells = (stage.performed, stage.reused, f"{stage.seconds:.2f}", f"{stage.cpu_seconds:.2f}")
        stages.add_row(clean(name), *map(str, cells))
    console.print(stages)
    kept = found.bookkeeping
    if kept:
        console.print(
            f"Bookkeeping: {1000 * kept['median']:.2f} ms a step (worst {1000 * kept['worst']:.1f} ms), "
            f"{kept['seconds']:.2f} s for {kept['steps']:.0f} steps; all events took {kept['log_seconds']:.2f} s.",
            highlight=False,
        )


def print_artefacts(found: Mapping[str, Artefact], sizes: Mapping[str, int | None]) -> None:
    """What a run made, each with where it comes from."""
    table = columns("artefact", "size", "what", "made by", "from", "read by", right=(1,))
    for artefact in found.values():
        bytes_ = sizes.get(artefact.digest)
        made = f"step {artefact.step[:SHORT]}" if artefact.step else f"event {artefact.event}"
        table.add_row(
            artefact.digest[:SHORT],
            size(bytes_) if bytes_ is not None else "gone",
            clean(artefact.what),
            made,
            " ".join(f"{clean(name)}={digest[:8]}" for name, digest in artefact.inputs.items()),
            str(len(artefact.used)) + (" steps" if len(artefact.used) != 1 else " step"),
        )
    Console().print(table)


def print_artefact(artefact: Artefact, found: Mapping[str, Artefact], sizes: Mapping[str, int | None]) -> None:
    """Where one artefact comes from, back to the data."""
    console = Console()
    seen: set[str] = set()

    def tell(digest: str, name: str, depth: int) -> None:
        known = found.get(digest)
        label = f"{'  ' * depth}{clean(name) + ': ' if name else ''}{digest[:SHORT]}"
        if known is None:
            console.print(Text(f"{label}  a file that the run was given"))
            return
        bytes_ = sizes.get(digest)
        state = "gone" if bytes_ is None else size(bytes_)
        by = f"{known.tool} (step {known.step[:SHORT]}, event {known.event})" if known.step else f"event {known.event}"
        again = digest in seen and known.inputs
        console.print(Text(f"{label}  {clean(known.what)}, {state}; {by}{' …' if again else ''}"))
        if not again:
            seen.add(digest)
            for part, origin in known.inputs.items():
                tell(origin, part, depth + 1)

    tell(artefact.digest, "", 0)
    if artefact.used:
        console.print(Text(f"read by the steps {', '.join(key[:SHORT] for key in artefact.used)}"))


def console(stderr: bool = False) -> Console:
    """Where to write."""
    return Console(stderr=stderr)


def print_replay(found: Replay) -> None:
    """What came of a replay."""
    out = Console()
    for line in found.taken:
        out.print(Text(clean(line)))
    if found.differences:
        table = columns("differs", "which", "in the run", "in the replay", "why")
        for d in found.differences:
            then, now = (s[:SHORT] if d.name == "digest" else s[:200] for s in (d.then, d.now))
            cells = (d.what, d.name, then, now, d.why)
            table.add_row(*(Text(clean(cell)) for cell in cells))
        out.print(table)
    else:
        out.print("Nothing differed: the same plans, the same predictions, the same score.", highlight=False)
    if found.same_model:
        out.print(Text(f"The same model came out: {found.model[0][:SHORT]}", style="bold green"))
    else:
        then, now = (digest[:SHORT] for digest in found.model)
        out.print(Text(f"Another model came out: {now} instead of {then}", style="bold yellow"))
    out.print(Text(f"Replay  {found.folder}"))


def print_opinions(found: Opinions) -> None:
    """Where another model's decisions part."""
    out = Console()
    parted = [o for o in found.opinions if not o.same]
    table = columns("question", "in the run", f"{clean(found.model)}")
    for o in found.opinions:
        now = o.now if o.answered else f"(no valid answer; the built-in policy: {o.now})"
        mark = "" if o.same else "bold yellow"
        table.add_row(
            o.question, Text(clean(o.then)[:300]), Text("the same" if o.same else clean(now)[:300], style=mark)
        )
    out.print(table)
    cost = f", for ${found.cost_usd:.4f}" if found.cost_usd else ""
    out.print(f"{len(parted)} of {len(found.opinions)} decisions part{cost}.", highlight=False)
    if found.missed:
        out.print(Text(f"Not asked again: {', '.join(map(clean, found.missed))}"))
    out.print(Text(f"Replay  {found.folder}"))


def print_contrast(found: Contrast) -> None:
    """What differs between two runs, and which model is better."""
    out = Console()
    table = columns("", "", *found.runs)
    about = ""
    for fact in found.facts:
        second = Text(clean(fact.second), style="" if fact.same else "bold yellow")
        table.add_row(fact.about if fact.about != about else "", clean(fact.name), Text(clean(fact.first)), second)
        about = fact.about
    out.print(table)
    if found.recipe:
        out.print(Text("The delivered recipes differ:", style="bold"))
        for line in found.recipe:
            out.print(Text(clean(line)))
    both = sum(bool(t.first and t.second) for t in found.tried)
    if found.tried:
        tried = columns("tried in the first", "in the second")
        for t in found.tried:
            tried.add_row(Text(clean(t.first) or "–"), Text(clean(t.second) or "–"))
        out.print(tried)
        out.print(f"{both} of {len(found.tried)} recipes were tried in both.", highlight=False)
    for c in found.comparisons[1:]:
        out.print(Text(f"By the second run's metric: gain {c.gain:+.4g} (95 %: {c.low:+.4g} to {c.high:+.4g})"))
    out.print(Text(found.verdict, style="bold"))


def print_sweeps(found: Sequence[Sweep], dropped: bool) -> None:
    """What can be dropped from runs, or was."""
    out = Console()
    table = columns("run", "status", "kept", "can go", "what", right=(2, 3))
    for swept in found:
        what = "; ".join(f"{g.files} × {clean(g.what)} {size(g.size)}" for g in swept.groups[:6])
        cells = (swept.run, swept.status, size(swept.kept), size(swept.droppable), what or "–")
        table.add_row(*(Text(clean(cell)) for cell in cells))
    out.print(table)
    total = size(sum(s.droppable for s in found))
    said = f"{total} were dropped." if dropped else f"{total} can be dropped; nothing was touched. Drop it with --yes."
    out.print(said, highlight=False)
