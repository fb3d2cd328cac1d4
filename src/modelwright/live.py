"""What people see on the terminal: a live view, plain lines or JSON lines of a run, and views of finished ones."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from modelwright.journal import trace_line
from modelwright.report.numbers import number, sentence
from modelwright.step import Record

if TYPE_CHECKING:
    from modelwright.plan import Experiment
    from modelwright.state import State
    from modelwright.tracing import Reason

PHASES = {
    "starting": "Starting",
    "reading": "Reading the data",
    "understanding": "Understanding the problem",
    "sealing": "Sealing the holdout",
    "checking": "Checking the data",
    "profiling": "Profiling",
    "searching": "Running experiments",
    "closing": "Ensemble, refit, judgement",
    "reporting": "Writing the report",
    "finished": "Finished",
    "interrupted": "Interrupted",
}
MARKS = {"done": "✓", "pruned": "✂", "failed": "✗", "skipped": "–"}
ROWS_SHOWN = 12


class Watch:
    """Shows a run as its events come in.

    Args:
        folder: the run folder, or its URL.
        console: where to write.
    """

    def __init__(self, folder: Path | str, console: Console) -> None:
        self.folder = folder
        self.console = console
        self._lock = threading.Lock()

    @cached_property
    def state(self) -> State:
        """Where the run stands. What it takes to know that is imported once something has happened."""
        from modelwright.state import State

        return State()

    def listen(self, record: Record) -> None:
        """Take one event in and show what it changed."""
        with self._lock:
            self.state.apply(record)
            self.show(record)

    def show(self, record: Record) -> None:
        """Show one event."""

    def finish(self, summary: dict[str, Any]) -> None:
        """Say how it ended."""
        for line in closing_lines(summary, self.folder):
            self.console.print(line)


class Lines(Watch):
    """Plain lines, for logs and pipes."""

    def show(self, record: Record) -> None:
        """One line for what a reader of a log wants to know."""
        for line in event_lines(self.state, record):
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


class JsonLines(Watch):
    """Every event as a line of JSON on standard output."""

    def show(self, record: Record) -> None:
        """The event, as in ``trace.jsonl``."""
        sys.stdout.write(trace_line(self.state.run_id, record) + "\n")
        sys.stdout.flush()

    def finish(self, summary: dict[str, Any]) -> None:
        """Nothing more: the last event holds the summary."""


class Screen(Watch):
    """A live view: phase, time left, experiments as they come, the best so far."""

    def __init__(self, folder: Path | str, console: Console) -> None:
        super().__init__(folder, console)
        self.live = Live(get_renderable=self.render, console=console, refresh_per_second=4, transient=True)

    def show(self, record: Record) -> None:
        """Print what stays; the live part draws itself."""
        if record.kind in ("prepared", "recovered", "notice"):
            for line in event_lines(self.state, record):
                self.console.print(Text(line, style="dim" if record.kind == "prepared" else "yellow"))

    def render(self) -> Group:
        """The live part."""
        with self._lock:
            state = self.state
            head = Text(f" {PHASES.get(state.phase, state.phase)} ", style="bold reverse")
            if state.request is not None and state.started:
                left = state.request.time_budget - (time.time() - state._session_began) - state.spent
                head.append(f"  {max(0.0, left):.0f} s left", style="bold")
            best = state.best
            if best is not None and best.score is not None:
                head.append(f"   best {best.score.metric} ", style="dim")
                head.append(f"{number(best.score.value)}", style="bold green")
                head.append(f"  {best.slug}", style="dim")
            return Group(head, *([self._table(state)] if state.plans else []))

    def _table(self, state: State) -> Table:
        table = Table(box=None, padding=(0, 1), header_style="dim")
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("experiment", no_wrap=True, overflow="ellipsis", min_width=16)
        table.add_column("score", justify="right", no_wrap=True, min_width=6)
        table.add_column("±", justify="right", no_wrap=True, min_width=6)
        table.add_column("s", justify="right", no_wrap=True, min_width=5)
        wide = self.console.width >= 100
        if wide:
            table.add_column("", overflow="ellipsis", no_wrap=True, max_width=60)
        best = state.best
        for n in sorted(state.plans)[-ROWS_SHOWN:]:
            experiment = state.experiments.get(n)
            if experiment is None:
                table.add_row(str(n), Text(state.plans[n].name, style="cyan"), "…", "", "", *["running"][: int(wide)])
                continue
            style = "bold green" if best is not None and n == best.number else "red" if experiment.score is None else ""
            score, spread = scores_of(experiment)
            why = experiment.failures[-1].diagnosis if experiment.failures else experiment.plan.reason
            mark = f"{MARKS[experiment.status]} {experiment.plan.name}"
            told = [Text(why, "dim")] if wide else []
            table.add_row(str(n), Text(mark, style=style), score, spread, f"{experiment.seconds:.1f}", *told)
        return table


def scores_of(experiment: Experiment) -> tuple[str, str]:
    """Score and spread as texts."""
    if experiment.score is None:
        return "–", ""
    spread = experiment.score.spread
    return number(experiment.score.value), "" if spread is None else number(spread)


def event_lines(state: State, record: Record) -> list[str]:
    """Plain lines for an event; none for events that only machines care for."""
    if record.kind == "phase":
        return [f"{PHASES.get(state.phase, state.phase)} …"] if state.phase != "finished" else []
    if record.kind == "prepared" and state.prepared is not None:
        problem, protocol = state.prepared.problem, state.prepared.protocol
        return [
            f"{state.prepared.origin}: {state.prepared.rows:,} rows, {len(state.prepared.schema.fields)} columns",
            f"Predicting {_flat(problem.target.value)} ({problem.task.value}), optimising {problem.metric.value}. "
            f"{_opening(sentence(_flat(problem.target.reason)))}",
            f"{protocol.n_holdout:,} rows are sealed; {protocol.n_development:,} are for learning.",
            *(f"Warning: {_flat(w)}" for w in state.prepared.warnings),
        ]
    if record.kind == "experiment_finished":
        experiment = state.experiments[int(record.body["experiment"]["number"])]
        score, spread = scores_of(experiment)
        best = " (best so far)" if state.best is not None and state.best.number == experiment.number else ""
        if experiment.score is None:
            why = experiment.failures[-1].message if experiment.failures else ""
            return [f"{experiment.slug}: {experiment.status}: {_flat(why)}"]
        note = " pruned" if experiment.status == "pruned" else ""
        varies = f" ± {spread}" if spread else ""
        return [f"{experiment.slug}: {experiment.score.metric} {score}{varies}{note}{best}"]
    if record.kind == "recovered":
        failure = record.body["failure"]
        return [f"Experiment {record.body['number']}: {_flat(failure['diagnosis'])} {_flat(failure['remedy'])}"]
    if record.kind == "notice":
        return [f"Note: {_flat(record.body['text'])}"]
    if record.kind == "search_stopped":
        return [state.stopped]
    if record.kind in _REASONING:
        return _REASONING[record.kind](record.body)
    return []


def _forecast_line(body: Any) -> list[str]:
    forecast, cap = body["forecast"], body["max_cost"]
    price = "at a price that isn't known" if forecast["cost_usd"] is None else f"for about ${forecast['cost_usd']:.3f}"
    capped = "" if cap is None else f"; the cap is ${cap:g}"
    tokens = forecast["input_tokens"] + forecast["output_tokens"]
    return [f"The language model will need about {tokens:,} tokens for three iterations, {price}{capped}."]


def _decision_line(body: Any) -> list[str]:
    decision = body["decision"]
    if decision["tier"] == "policy":
        why = decision["descents"][-1]["reason"] if decision["descents"] else "it wasn't asked"
        return [f"{decision['question']}: the built-in policy decides ({_flat(why)[:120]})"]
    return [f"{decision['question']}: answered by {_flat(decision['model'])} in {decision['seconds']:.1f} s"]


def _worth_line(body: Any) -> list[str]:
    worth = body["worth"]
    return [f"{worth['question']} lowered the best loss by {worth['gain']:.1f} % for {worth['tokens']:,} tokens"]


_REASONING: dict[str, Callable[[Any], list[str]]] = {
    "llm_forecast": _forecast_line,
    "decided": _decision_line,
    "worth": _worth_line,
    "llm_unreachable": lambda body: [f"The language model can't be reached: {_flat(body['reason'])}"],
}
"""Events of a language model's part in the run, as lines."""


def closing_lines(summary: dict[str, Any], folder: Path | str) -> list[Text]:
    """How a finished run is told in a few lines."""
    holdout, baseline = summary["holdout"], summary["baseline"]
    headline = Text(f"{summary['verdict'].capitalize()}: ", style="bold")
    headline.append(f"{holdout['metric']} {number(holdout['score'])}", style="bold green")
    if holdout.get("ci_low") is not None:
        headline.append(f" (95 %: {number(holdout['ci_low'])} to {number(holdout['ci_high'])})")
    headline.append(f" on {holdout['rows']:,} sealed rows; the baseline gets {number(baseline['score'])}.")
    lines = [headline]
    lines += [Text(f"Warning: {_flat(w)}", style="yellow") for w in summary.get("warnings", [])[:5]]
    lines.append(Text(f"Report  {folder}/report.html"))
    lines.append(Text(f"Model   {folder}/model"))
    lines.append(Text(f"Predict modelwright predict {folder} NEW_ROWS.csv -o predictions.csv", style="dim"))
    return lines


@contextmanager
def watching(folder: Path | str, as_json: bool) -> Iterator[Watch]:
    """The watch that suits the terminal."""
    console = Console(stderr=as_json)
    if as_json:
        yield JsonLines(folder, console)
    elif console.is_terminal:
        screen = Screen(folder, console)
        with screen.live:
            yield screen
            screen.live.stop()
    else:
        yield Lines(folder, console)


def print_runs(root: Path | str, as_json: bool) -> None:
    """List the runs below a folder or a URL, the latest first."""
    from modelwright.errors import ModelwrightError
    from modelwright.places import below
    from modelwright.state import fold

    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("run", "status", "target", "metric", "score", "95 %", "experiments"):
        table.add_column(name, no_wrap=name == "run")
    for place in below(root):
        try:
            store = place.open(readonly=True)
            state = fold(store.events())
            store.close()
        except ModelwrightError as error:
            if as_json:
                print(json.dumps({"run": place.name, "status": "unreadable", "error": str(error)}))
            table.add_row(place.name, "unreadable", Text(str(error)))
            continue
        row = run_row(state, place.name)
        if as_json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            table.add_row(*(Text("" if v is None else str(v)) for v in row.values()))
    if not as_json:
        Console().print(table if table.row_count else Text(f"There are no runs below {root}."))


def run_row(state: State, name: str) -> dict[str, Any]:
    """A run in one row."""
    problem = state.prepared.problem if state.prepared else None
    score = state.delivery.judgement.score if state.delivery else None
    return {
        "run": name,
        "status": state.status,
        "target": _flat(problem.target.value) if problem else None,
        "metric": problem.metric.value if problem else None,
        "score": number(score.value) if score else None,
        "interval": f"{number(score.low)} – {number(score.high)}" if score and score.low is not None else None,
        "experiments": len(state.experiments),
    }


def print_run(state: State, as_json: bool) -> None:
    """What a run found."""
    if as_json:
        print(json.dumps(state.summary, ensure_ascii=False, indent=1))
        return
    console = Console()
    console.print(Text(f"{state.run_id}: {state.status}", style="bold"))
    if state.error:
        console.print(Text(_flat(state.error), style="red"))
    if state.prepared is not None:
        problem = state.prepared.problem
        console.print(Text(_flat(problem.statement)))
        console.print(Text(f"{_flat(problem.target.value)}: {problem.task.value}, {problem.metric.value}", style="dim"))
    screen = Screen(Path(), console)
    if state.plans:
        console.print(screen._table(state))
    if state.delivery is not None:
        score = state.delivery.judgement.score
        console.print(Text(f"Holdout {score.metric} {number(score.value)}", style="bold green"))
        console.print(Text(state.delivery.note))


def print_reasons(reasons: Iterable[Reason], prompts: bool) -> None:
    """Why something is as it is, for people; with the prompts in full where they are wanted."""
    console = Console()
    for reason in reasons:
        console.print(Text(_flat(reason.title), style="bold"))
        table = Table(box=None, padding=(0, 1), show_header=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in reason.lines:
            table.add_row(Text(_flat(label)), Text(_flat(text)))
        console.print(table)
        for question, prompt in reason.prompts.items() if prompts else ():
            console.print(Text(f"── {question} ──", style="dim"))
            console.print(Text(prompt), soft_wrap=True)
        console.print()


def print_actions(task: str | None, category: str | None, as_json: bool) -> None:
    """The action registry."""
    from modelwright.actions import of_task
    from modelwright.errors import RequestError
    from modelwright.tasks import all_tasks
    from modelwright.tools import all_tools

    if task is not None and task not in all_tasks():
        raise RequestError(f"there is no task {task!r}; there are {', '.join(all_tasks())}")
    entries = [a for a in of_task(task) if category in (None, a.category)]
    tools = list(all_tools().values()) if category in (None, "tool") else []
    if not entries and not tools:
        known = sorted({a.category for a in of_task(None)} | {"tool"})
        raise RequestError(f"there is no category {category!r}; there are {', '.join(known)}")
    for action in entries:
        if as_json:
            params = [
                {"name": p.name, "allowed": p.allowed(), "default": repr(p.default), "doc": p.doc}
                for p in action.params
            ]
            line = {"name": action.name, "category": action.category, "tasks": action.tasks, "params": params}
            print(json.dumps(line | {"description": action.description}, ensure_ascii=False))
        else:
            print(action.render() + "\n")
    for tool in tools:
        if as_json:
            line = {"name": tool.name, "category": "tool", "signature": str(tool.signature), "description": tool.doc}
            print(json.dumps(line, ensure_ascii=False))
        else:
            print(f"{tool.name}{tool.signature} (tool): {tool.doc}\n")


def _opening(text: str) -> str:
    """A sentence with a capital letter."""
    return text[:1].upper() + text[1:]


def _flat(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
