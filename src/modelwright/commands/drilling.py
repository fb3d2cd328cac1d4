"""The command that plays faults: drill."""

from __future__ import annotations

import click


@click.command()
@click.option("--only", "kinds", multiple=True, metavar="KIND", help="Only this drill; may be repeated.")
@click.option("--list", "listed", is_flag=True, help="Say which drills there are; play none.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def drill(kinds: tuple[str, ...], listed: bool, as_json: bool) -> None:
    """Play faults on this machine and say which of them are survived.

    Each breaks something for real, in a temporary folder of its own: a worker, a file, a clock, a provider. It takes a
    few minutes. The exit code is 0 when all were survived, else 1.
    """
    from modelwright import drilling
    from modelwright.commands import safe
    from modelwright.hashing import canonical_json

    if listed:
        for kind, (fault, _) in drilling.DRILLS.items():
            click.echo(canonical_json({"kind": kind, "fault": fault}) if as_json else f"{kind:<10} {fault}")
        return
    words = {True: "survived", False: "NOT SURVIVED", None: "left out"}
    found = []
    for ended in drilling.drill(kinds):
        found.append(ended)
        if as_json:
            click.echo(canonical_json(ended))
        else:
            click.echo(f"{ended.kind:<10} {words[ended.survived]:<13} {ended.seconds:5.1f} s  {ended.fault}")
            click.echo(f"{'':<34} {safe(ended.what)}")
    lost = [ended.kind for ended in found if ended.survived is False]
    if not as_json:
        played = [ended for ended in found if ended.survived is not None]
        click.echo(f"{len(played) - len(lost)} of {len(played)} survived" + (f"; not: {', '.join(lost)}" * bool(lost)))
    if lost:
        raise SystemExit(1)


COMMANDS = (drill,)
