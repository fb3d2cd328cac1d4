"""The command line. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import Any

import click

from modelwright import __version__
from modelwright.commands import (
    RUNS,
    began,
    drilling,
    latest,
    latest_unfinished,
    records_of,
    safe,
    state_of,
    versions,
    watched,
)
from modelwright.deferring import put_off
from modelwright.errors import (
    AmbiguousError,
    Interrupted,
    ModelwrightError,
    NoModelError,
    ProgramError,
    RequestError,
    StepError,
    UserError,
)
from modelwright.options import Duration, Kinds, Roles, Size, Text, Where

EXECUTORS = "Where steps run: local, ray (a cluster here, or RAY_ADDRESS), ray://HOST:PORT, or flyte."
GARBAGE = 100_000
"""New objects after which garbage is looked for."""
ISSUES = "please report it with the command, the versions (modelwright doctor) and this text"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="modelwright")
def cli() -> None:
    """From a sentence and a file to a model one can trust.

    \b
    modelwright run churn.csv --problem "Which customers will leave?"
    """


@cli.command()
@click.argument("data")
@click.option("--problem", type=Text(), required=True, help="The problem in plain words, or @FILE.")
@click.option("--target", help="The column to predict; understood from the problem otherwise.")
@click.option("--task", help="binary, multiclass, classification or regression; understood otherwise.")
@click.option("--metric", help="What to optimise; by task otherwise.")
@click.option("--time-column", help="The column that orders rows in time.")
@click.option("--group-column", help="The column whose groups stay together.")
@click.option("--id-column", "id_columns", multiple=True, help="A column that only identifies rows; may be repeated.")
@click.option("--kind", "kinds", type=Kinds(), multiple=True, help="What a column is; may be repeated.")
@click.option("--keep-column", "keep_columns", multiple=True, help="Keep it although it looks like a leak; repeatable.")
@click.option("--test", help="Labelled rows to use as the sealed holdout.")
@click.option("--constraints", help="A Markdown file with what the model must fulfil.")
@click.option("--constraint", "demands", multiple=True, help='A demand in plain words, such as "predict within 5 ms".')
@click.option("--time-budget", type=Duration(), default="5m", show_default=True, help="Wall-clock for everything.")
@click.option("--max-iterations", type=int, help="Rounds of experiments at most.")
@click.option("--max-experiments", type=int, help="Experiments at most.")
@click.option("--max-cost", type=float, help="Hard cap on provider cost in USD.")
@click.option(
    "--llm",
    envvar="MODELWRIGHT_LLM",
    default="none",
    show_default=True,
    help="The language model that reasons: PROVIDER:MODEL, a server's URL, or none.",
)
@click.option("--llm-role", "llm_roles", type=Roles(), multiple=True, help="AGENT=PROVIDER:MODEL; may be repeated.")
@click.option("--llm-timeout", type=Duration(), default="120s", show_default=True, help="Patience with one reply.")
@click.option("--private-names", is_flag=True, help="Show providers an alias for columns of personal data.")
@click.option("--web-search", is_flag=True, help="Let agents use the provider's web search, where it has one.")
@click.option("--executor", default="local", show_default=True, help=EXECUTORS)
@click.option("--workers", type=int, default=0, help="Steps at a time; as many as there are cores by default.")
@click.option("--memory-limit", type=Size(), default="0", help="Memory of the run; a share of the machine's.")
@click.option("--out", type=Where(), help="The run folder, or a URL.  [default: modelwright-runs/<id>]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--reuse", default="", help="An earlier run or its URL, whose finished steps are taken over where nothing changed."
)
@click.option(
    "--privacy-floor", "floor", type=int, default=10, show_default=True, help="Rows a level needs to be named."
)
@click.option("--yes", is_flag=True, help="Never ask.")
@click.option("--json", "as_json", is_flag=True, help="Progress as JSON lines.")
@click.option("--inject-failure", help="Make the first experiment fail on purpose, to watch recovery.")
def run(yes: bool, as_json: bool, out: Path | str | None, **options: Any) -> None:
    """Train a model on DATA and judge it: the main job.

    DATA is a CSV, TSV, Parquet, Feather/Arrow, Excel or JSON-lines file or the URL of one, or - for CSV on standard
    input.
    """
    from modelwright import run as runs
    from modelwright.request import Request

    statement, constraints = options.pop("problem"), options.pop("constraints")
    request = Request(
        statement=statement,
        constraints="\n".join((_text_of(constraints), *_bullets(options.pop("demands")))).strip(),
        kinds=dict(options.pop("kinds")),
        llm_roles=dict(options.pop("llm_roles")),
        **options,
    )
    request.check()
    folder = out or runs.new_folder(RUNS, request.data, request.seed)
    ask = None if yes or as_json or not sys.stdin.isatty() or request.data == "-" else _ask
    watched(
        lambda listener: runs.start(request, folder, began=began(), ask=ask, listeners=(listener,)), folder, as_json
    )


@cli.command()
@click.argument("run", required=False, type=Where())
@click.option("--executor", help="Where steps run from now on; where they did, by default.")
@click.option("--json", "as_json", is_flag=True, help="Progress as JSON lines.")
def resume(run: Path | str | None, executor: str | None, as_json: bool) -> None:
    """Go on where RUN stopped; without RUN, the latest unfinished one."""
    from modelwright import run as runs

    folder = run or latest_unfinished()
    watched(
        lambda listener: runs.resume(folder, executor=executor, began=began(), listeners=(listener,)), folder, as_json
    )


@cli.command()
@click.argument("model", type=Where())
@click.argument("data")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="CSV or Parquet; standard output otherwise.")
@click.option(
    "--explain",
    "top",
    type=click.IntRange(1, 100),
    is_flag=False,
    flag_value=3,
    help="Give N reasons a row: --explain=5.",
)
@click.option("--intervals", "level", type=float, help="Say where the truth lies with this probability, such as 0.9.")
@click.option("--context", help="Rows between those learnt from and DATA, for models that look at the past.")
def predict(
    model: Path | str, data: str, output: Path | None, top: int | None, level: float | None, context: str | None
) -> None:
    """Score the rows of DATA with MODEL, a bundle or a run folder.

    --explain adds reason_1 and so on, three without a number; --intervals adds prediction_low and prediction_high, or
    for classes prediction_set, the classes that may be true.
    """
    from modelwright.bundle import load

    loaded = load(model)
    table = loaded.scored(data, top=top, level=level, context=context)
    for note in loaded.notes:
        click.echo(f"note: {safe(note)}", err=True)
    if output is None:
        click.echo(table.to_csv(index=False), nl=False)
        return
    try:
        if output.suffix.lower() == ".parquet":
            table.to_parquet(output, index=False)
        else:
            table.to_csv(output, index=False)
    except OSError as error:
        raise RequestError(f"{output} can't be written: {error.strerror}; choose another file") from error
    click.echo(f"{len(table):,} predictions written to {output}", err=True)


@cli.command()
@click.argument("where", required=False, type=Where())
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def runs(where: Path | str | None, as_json: bool) -> None:
    """List the runs below WHERE, a folder or a URL; below modelwright-runs by default."""
    from modelwright.live import print_runs

    print_runs(where or RUNS, as_json)


@cli.command()
@click.argument("run", required=False, type=Where())
@click.option("--stage", multiple=True, help="Only events of this stage; may be repeated.")
@click.option("--why", "name", help="Why there is this experiment, estimator, feature or decision; for people.")
@click.option("--prompts", is_flag=True, help="With --why: what the language model was shown, in full.")
def trace(run: Path | str | None, stage: tuple[str, ...], name: str | None, prompts: bool) -> None:
    """Print RUN's events as JSON lines, or with --why the reasons behind a name."""
    if name is not None:
        from modelwright.live import print_reasons
        from modelwright.tracing import why

        print_reasons(why(state_of(run or latest()), name), prompts)
        return
    from modelwright.journal import trace_line

    records = records_of(run or latest())
    run_id = next((str(r.body["run_id"]) for r in records if r.kind == "run_started"), "")
    for record in records:
        if not stage or record.kind in stage:
            click.echo(trace_line(run_id, record))


@cli.command("report")
@click.argument("run", required=False, type=Where())
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a PDF to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print it for programs; write nothing.")
def report_again(run: Path | str | None, pdf: Path | None, as_json: bool) -> None:
    """Write RUN's report again from its log, or export it; without RUN, the latest one's.

    Writes report.md, report.html and report.json into the run folder. With --pdf or --json only that is written.
    """
    from modelwright import report as reports
    from modelwright.places import find
    from modelwright.story import tell_folder

    place = find(run or latest())
    story = tell_folder(place)
    if as_json:
        click.echo(reports.as_json(story), nl=False)
    if pdf is not None:
        reports.write_pdf(story, pdf)
        click.echo(f"{pdf} written", err=as_json)
    if pdf is None and not as_json:
        with place.desk() as desk:
            written = [path.name for path in reports.rewrite(story, desk.folder)]
            desk.publish(written)
        for name in written:
            click.echo(f"{place}/{name} written")


@cli.command()
@click.argument("data")
@click.option("--target", help="The column to predict.")
@click.option("--kind", "kinds", type=Kinds(), multiple=True, help="What a column is; may be repeated.")
@click.option(
    "--privacy-floor", "floor", type=int, default=10, show_default=True, help="Rows a level needs to be named."
)
@click.option("--as-seen-by-llm", "as_seen", is_flag=True, help="To the letter what a language model is shown.")
@click.option("--private-names", is_flag=True, help="With it: columns of personal data go by aliases.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def profile(
    data: str,
    target: str | None,
    kinds: tuple[tuple[str, Any], ...],
    floor: int,
    as_seen: bool,
    private_names: bool,
    as_json: bool,
) -> None:
    """Show what is known of DATA: aggregates only, exactly what may leave the machine."""
    from modelwright.hashing import canonical_json
    from modelwright.profiling import profile as measure
    from modelwright.readers import read

    if as_seen and as_json:
        raise RequestError("--as-seen-by-llm shows a text and --json the figures; choose one of them")
    if private_names and not as_seen:
        raise RequestError("--private-names changes what a language model is shown; say --as-seen-by-llm, too")

    reading = read(data, dict(kinds))
    if target is not None and target not in reading.schema:
        from modelwright.action import did_you_mean

        raise RequestError(f"there is no column {target!r}{did_you_mean(target, reading.schema.names)}")
    found = measure(reading.frame, reading.schema, target=target, floor=floor)
    if as_json:
        click.echo(canonical_json(found))
        return
    if as_seen:
        from modelwright.briefing import profile_text
        from modelwright.discretion import Discretion

        discretion = Discretion(reading.schema, found, private_names=private_names)
        click.echo(discretion.outgoing(profile_text(found, discretion)))
        return
    from rich.console import Console

    from modelwright.report.profile_view import render

    console = Console()
    console.print(render(found, reading.schema))
    for note in reading.notes:
        console.print(safe(note), markup=False, highlight=False)


@cli.command()
@click.option("--task", help="Only what applies to this task type.")
@click.option("--category", help="Only this category.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def actions(task: str | None, category: str | None, as_json: bool) -> None:
    """Print the action registry: everything that an experiment can be made of."""
    from modelwright.live import print_actions

    print_actions(task, category, as_json)


@cli.command()
@click.option("--clear", is_flag=True, help="Forget all of it.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
def memory(clear: bool, as_json: bool) -> None:
    """Show what past runs on this machine taught: figures and names of methods, nothing of the data."""
    from modelwright import memory as past
    from modelwright.hashing import canonical_json

    if clear:
        try:
            count = past.forget()
        except OSError as error:
            raise RequestError(
                f"{past.place()} can't be erased: {error.strerror or error}; delete it yourself"
            ) from error
        click.echo(f"Forgot {count} run{'' if count == 1 else 's'}.")
        return
    remembered = past.recall()
    if as_json:
        for line in map(canonical_json, remembered):
            click.echo(line)
        return
    for run in remembered:
        click.echo(f"{run.day}  {past.in_words(run)}")
        for line in past.plans_in_words(run):
            click.echo(f"            {line}")
    state = "" if past.switched_on() else " It is switched off (MODELWRIGHT_MEMORY)."
    about = f"{len(remembered)} runs" if len(remembered) != 1 else "1 run"
    click.echo(f"{about} in {safe(str(past.place()))}.{state} Forget with: modelwright memory --clear")


@cli.command("run-program")
@click.argument("program", type=Where())
@click.option("--data", required=True, help="The data.")
@click.option("--target", help="The column to predict; understood from the problem otherwise.")
@click.option("--problem", type=Text(), default="", help="The problem in plain words, or @FILE.")
@click.option("--time-column", help="The column that orders rows in time.")
@click.option("--group-column", help="The column whose groups stay together.")
@click.option("--metric", help="What to measure.")
@click.option("--kind", "kinds", type=Kinds(), multiple=True, help="What a column is; may be repeated.")
@click.option("--time-budget", type=Duration(), default="5m", show_default=True, help="Wall-clock for everything.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option("--out", type=Where(), help="Keep the steps in this folder, or at this URL.")
def run_program(program: Path | str, out: Path | str | None, problem: str, **options: Any) -> None:
    """Run an experiment's PROGRAM on data and print its result as JSON."""
    from modelwright.request import Request
    from modelwright.rerun import run_file

    options["kinds"] = dict(options["kinds"])
    statement = problem or (f"Predict {options['target']}" if options["target"] else "Predict the last column")
    request = Request(statement=statement, **options)
    click.echo(run_file(program, request, out, began=began()))


@cli.command()
@click.option("--machines", type=click.IntRange(2, 500), default=20, show_default=True, help="Pumps.")
@click.option("--days", type=click.IntRange(20, 3650), default=None, help="Days of hourly readings.")
@click.option("--full", is_flag=True, help="20 pumps for 365 days: 175,200 rows.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the data and of the run.")
@click.option("--output", type=Where(local=True), help="Where the data and the run go.")
@click.option("--time-budget", type=Duration(), default=None, help="Wall-clock for the run.")
@click.option("--json", "as_json", is_flag=True, help="Progress as JSON lines.")
def demo(
    machines: int,
    days: int | None,
    full: bool,
    seed: int,
    output: Path | None,
    time_budget: float | None,
    as_json: bool,
) -> None:
    """Make a predictive-maintenance data set and run on it."""
    from modelwright import demo as example
    from modelwright import run as runs
    from modelwright.request import Request

    started = began()
    days = days or (365 if full else DEMO_DAYS)
    home = output or runs.new_folder(RUNS, "demo", seed)
    folder = home / "run" if output else home
    data = (home if output else RUNS) / f"demo-{machines}x{days}-{seed}.csv"
    data.parent.mkdir(parents=True, exist_ok=True)
    if not as_json:
        click.echo(f"Making hourly readings of {machines} pumps over {days} days: {data}")
    example.write(data, machines=machines, days=days, seed=seed)
    budget = time_budget or (600.0 if full else DEMO_SECONDS - (time.monotonic() - started))
    request = Request(str(data), example.PROBLEM, time_budget=budget, seed=seed)
    watched(lambda listener: runs.start(request, folder, listeners=(listener,)), folder, as_json)


@cli.command()
def doctor() -> None:
    """Check that everything modelwright needs is there and works."""
    from modelwright.doctor import examine

    if not examine(click.echo):
        raise SystemExit(1)


for command in (*versions.COMMANDS, *drilling.COMMANDS):
    cli.add_command(command)

DEMO_DAYS = 60
DEMO_SECONDS = 100.0


def _text_of(path: str | None) -> str:
    if path is None:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} can't be read as text: {error}") from error


def _bullets(demands: tuple[str, ...]) -> list[str]:
    """Single demands as the last section of a constraints file, one line each."""
    return ["", "## Other", *(f"- {' '.join(demand.split())}" for demand in demands)] if demands else []


def _ask(question: str, candidates: tuple[str, ...]) -> str | None:
    click.echo(safe(question))
    for i, name in enumerate(candidates, 1):
        click.echo(f"  {i}. {safe(name)}")
    answer = str(click.prompt("Which column? (number or name; empty to stop)", default="", show_default=False))
    if answer.isdigit() and 1 <= int(answer) <= len(candidates):
        return candidates[int(answer) - 1]
    return answer or None


def main() -> None:
    """Run the command line; every ending has its exit code."""
    # Imports make a million objects that stay: with the usual threshold a sixth of the start goes to looking at them.
    gc.set_threshold(GARBAGE)
    put_off()
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(2) from None
    except (click.Abort, Interrupted, KeyboardInterrupt) as error:
        click.echo(safe(str(error)) or "interrupted", err=True)
        raise SystemExit(130) from None
    except (NoModelError, StepError) as error:
        click.echo(f"modelwright: {safe(str(error))}", err=True)
        raise SystemExit(3) from None
    except (UserError, ProgramError) as error:
        click.echo(f"modelwright: {safe(str(error))}", err=True)
        if isinstance(error, AmbiguousError) and error.candidates:
            click.echo("candidates: " + ", ".join(safe(c) for c in error.candidates), err=True)
        raise SystemExit(2) from None
    except BrokenPipeError:
        raise SystemExit(141) from None
    except Exception as error:
        _defect(error)
        raise SystemExit(1) from error


def _defect(error: Exception) -> None:
    import traceback

    kind = "failed" if isinstance(error, ModelwrightError) else "has a defect"
    lines = "".join(traceback.format_exception(error))
    click.echo(f"{_safe_lines(lines)}modelwright {kind}: {ISSUES}.", err=True)


def _safe_lines(text: str) -> str:
    return "".join(safe(line) + "\n" for line in text.splitlines())


if __name__ == "__main__":
    main()
