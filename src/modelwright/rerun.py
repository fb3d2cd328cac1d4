"""Runs a saved program again, on any data."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from modelwright.clock import Clock
from modelwright.errors import RequestError
from modelwright.hashing import plain
from modelwright.objects import fetch, local_path
from modelwright.places import TRACE, find
from modelwright.request import Request

LONGEST_PROGRAM = 100_000


def run_file(program: Path | str, request: Request, keep: Path | str | None, *, began: float) -> str:
    """Run a program by the protocol of a run on the request's data.

    Args:
        program: the file, or its URL.
        request: data, target and budget.
        keep: a folder or URL that keeps the steps, so that the same program costs nothing the next time; ``None`` keeps
            nothing.
        began: ``time.monotonic()`` of the start of the command.

    Returns:
        The program's value, as JSON.

    Raises:
        UserError: when the request, the data or the file is at fault.
        ProgramError: when the program misuses the language or a tool.
        StepError: when a step of it failed.
    """
    from modelwright import run, stages
    from modelwright.engine import Engine
    from modelwright.experiment import run_program
    from modelwright.journal import Journal
    from modelwright.preparation import personal_columns, prepare
    from modelwright.profiling import as_dict
    from modelwright.workbench import Workbench

    request.check()
    name, source = _read(program)
    clock = Clock(began, request.time_budget)
    with ExitStack() as stack:
        home = find(keep or stack.enter_context(tempfile.TemporaryDirectory()))
        store = home.open()
        stack.callback(home.forget)
        stack.callback(store.close)
        journal = Journal(store, home.run_id, home.folder / TRACE)
        stack.callback(journal.close)
        executor = stack.enter_context(run.workers(request, home.folder))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=home.folder)))
        engine = Engine(journal, executor)
        prepared = prepare(request, request.data, journal, engine, scratch, lambda *_: None, lambda _: None)
        evaluator = stages.evaluating(request, prepared, journal, engine)
        bench = Workbench(
            evaluator,
            prepared.features,
            as_dict(prepared.profile),
            personal_columns(prepared.features),
            request.floor,
            clock.end,
            max_train_rows=evaluator.fidelity.first,
        )
        value, _ = run_program(source, name, bench, prepared.problem.time_column.value)
    return json.dumps(plain(value), indent=1, ensure_ascii=False)


def _read(program: Path | str) -> tuple[str, str]:
    """A program's name and text."""
    path = local_path(program)
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            return _read(fetch(str(program), Path(folder)))
    try:
        if path.stat().st_size > LONGEST_PROGRAM:
            raise RequestError(f"{program} is longer than {LONGEST_PROGRAM:,} bytes; no program needs to be")
        return path.stem, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{program} can't be read as text: {error}") from error
