"""The commands that look back: show, compare, replay, rollback, gc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelwright.commands import began, folders, latest, records_of, state_of, watched
from modelwright.errors import RequestError
from modelwright.options import Duration, Where


@click.command()
@click.argument("run", required=False, type=Where())
@click.option("--timing", is_flag=True, help="Where the time went.")
@click.option("--artefacts", is_flag=True, help="What it made, from what, by which step.")
@click.option("--artefact", "digest", help="One of them, by the start of its digest, back to the data.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; the summary by default.")
def show(run: Path | str | None, timing: bool, artefacts: bool, digest: str | None, as_json: bool) -> None:
    """Show what RUN found; without RUN, the latest one."""
    folder = run or latest()
    if timing and as_json:
        from modelwright.hashing import canonical_json
        from modelwright.timing import timing as timed

        found = timed(records_of(folder))
        click.echo(canonical_json({**vars(found), "outside_share": found.outside_share}))
        return
    if artefacts or digest is not None:
        _show_artefacts(folder, digest, as_json)
        return
    from modelwright.live import print_run

    print_run(state_of(folder), as_json)
    if timing:
        from modelwright.timing import timing as timed
        from modelwright.views import print_timing

        print_timing(timed(records_of(folder)))


def _show_artefacts(folder: Path | str, start: str | None, as_json: bool) -> None:
    from modelwright import views
    from modelwright.hashing import canonical_json
    from modelwright.lineage import lineage
    from modelwright.places import find

    store = find(folder).open(readonly=True)
    try:
        found = lineage(store.events())
        sizes: dict[str, int | None] = {}
        for digest in found:
            try:
                sizes[digest] = store.path(digest).stat().st_size
            except KeyError:
                sizes[digest] = None
    finally:
        store.close()
    chosen = {d: a for d, a in found.items() if start is None or d.startswith(start.lower())}
    if start is not None and len(chosen) != 1:
        many = f"{len(chosen)} artefacts start" if chosen else "no artefact starts"
        raise RequestError(f"{many} with {start[:64]!r}; list them with: modelwright show {folder} --artefacts")
    if as_json:
        for artefact in chosen.values():
            click.echo(canonical_json({**vars(artefact), "size": sizes[artefact.digest]}))
    elif start is None:
        views.print_artefacts(found, sizes)
    else:
        views.print_artefact(next(iter(chosen.values())), found, sizes)


@click.command()
@click.argument("run", type=Where())
@click.argument("experiment", required=False)
@click.option("--undo", is_flag=True, help="Deliver again what the run chose by itself.")
@click.option("--time-budget", type=Duration(), default=None, help="Wall-clock for it; the run's by default.")
@click.option("--json", "as_json", is_flag=True, help="Progress as JSON lines.")
def rollback(run: Path | str, experiment: str | None, undo: bool, time_budget: float | None, as_json: bool) -> None:
    """Deliver the model of an earlier EXPERIMENT of RUN: its number, or its name.

    The model is fitted and judged like every other, and bundle and report are written anew. The sealed rows were opened
    before, so its score is a second look at them: report and summary say so, and --undo brings the first model back.
    """
    from modelwright import rollback as back

    if (experiment is None) != undo:
        raise RequestError(
            "name the EXPERIMENT to deliver, or say --undo" if not undo else "--undo takes no EXPERIMENT"
        )

    def work(listener: Any) -> dict[str, Any]:
        if experiment is None:
            return back.undo(run, began=began(), listeners=(listener,))
        return back.roll_back(run, experiment, time_budget=time_budget, began=began(), listeners=(listener,))

    watched(work, run, as_json)


OTHER_MODEL = 4
"""Exit code of a replay that came to another model: the run's result couldn't be repeated. It is no failure of a
command (1, 2, 3) and mustn't look like success either."""


@click.command()
@click.argument("run", required=False, type=Where())
@click.option("--out", type=Where(), help="The replay's folder, or a URL.  [default: RUN/replays/NN]")
@click.option("--data", help="A file to read instead of the one that the run read.")
@click.option("--time-budget", type=Duration(), default=None, help="Wall-clock; four times the run's by default.")
@click.option("--llm", help="Put the run's questions to this language model, and show where its decisions part.")
@click.option("--max-cost", type=float, help="With --llm: hard cap on what it may cost, in USD.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
def replay(
    run: Path | str | None,
    out: Path | str | None,
    data: str | None,
    time_budget: float | None,
    llm: str | None,
    max_cost: float | None,
    as_json: bool,
) -> None:
    """Repeat RUN from its records, without a network, and say whether the same model comes out.

    Exit code 0: the same model, byte by byte; 4: another one, with a list of what differed and why. With --llm no
    experiment is run: the questions are put to another model in the words that were used then.
    """
    from modelwright import views
    from modelwright.hashing import canonical_json

    folder = run or latest()
    if llm is not None:
        from modelwright.asking_again import ask_again

        if data is not None or time_budget is not None:
            raise RequestError("--llm only asks another model the run's questions: leave out --data and --time-budget")
        found = ask_again(folder, llm, out=out, max_cost=max_cost, began=began())
        click.echo(canonical_json(found)) if as_json else views.print_opinions(found)
        return
    from modelwright.live import Lines
    from modelwright.replaying import replay as repeat

    watch = Lines(folder, views.console(stderr=as_json))
    result = repeat(folder, out=out, data=data, time_budget=time_budget, began=began(), listeners=(watch.listen,))
    click.echo(canonical_json(result)) if as_json else views.print_replay(result)
    if not result.same_model:
        raise SystemExit(OTHER_MODEL)


@click.command()
@click.argument("first", type=Where())
@click.argument("second", type=Where())
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def compare(first: Path | str, second: Path | str, as_json: bool) -> None:
    """Say what differs between two runs: data, problem, experiments, models, scores; and which model is better.

    Models that were judged on the same sealed rows are compared on them, row by row.
    """
    from modelwright import views
    from modelwright.contrast import contrast
    from modelwright.hashing import canonical_json

    found = contrast(first, second)
    click.echo(canonical_json(found)) if as_json else views.print_contrast(found)


@click.command()
@click.argument("runs", nargs=-1, type=Where())
@click.option("--all", "everywhere", is_flag=True, help="All runs below modelwright-runs.")
@click.option("--yes", is_flag=True, help="Drop it; otherwise nothing is touched.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def gc(runs: tuple[Path | str, ...], everywhere: bool, yes: bool, as_json: bool) -> None:
    """Say what can be dropped from RUNS, with sizes, and with --yes drop it.

    Bundles, reports, rollbacks, comparisons and replays need none of it, and runs that haven't ended keep everything.
    """
    from modelwright import views
    from modelwright.hashing import canonical_json
    from modelwright.sweeping import sweep

    if everywhere == bool(runs):
        raise RequestError("name the runs, or say --all for those below modelwright-runs")
    found = [swept for run in (folders() if everywhere else runs) for swept in sweep(run, drop=yes)]
    if not as_json:
        views.print_sweeps(found, yes)
    for swept in found if as_json else ():
        click.echo(canonical_json(swept))


COMMANDS = (show, compare, rollback, replay, gc)
