"""Runs a saved program again, on any data."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from modelwright.clock import Clock
from modelwright.errors import RequestError
from modelwright.hashing import plain
from modelwright.request import Request

LONGEST_PROGRAM = 100_000


def run_file(program: Path, request: Request, folder: Path | None, *, began: float) -> str:
    """Run a program by the protocol of a run on the request's data.

    Args:
        program: the file.
        request: data, target and budget.
        folder: keeps the steps, so that the same program costs nothing the next time; ``None`` keeps nothing.
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
    from modelwright.stores.folder import Folder
    from modelwright.workbench import Workbench

    request.check()
    source = _read(program)
    clock = Clock(began, request.time_budget)
    with ExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journal = Journal(Folder(home), home.name, home / "trace.jsonl")
        stack.callback(journal.close)
        executor = stack.enter_context(run.workers(request, home))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=home)))
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
        value, _ = run_program(source, program.stem, bench, prepared.problem.time_column.value)
    return json.dumps(plain(value), indent=1, ensure_ascii=False)


def _read(program: Path) -> str:
    try:
        if program.stat().st_size > LONGEST_PROGRAM:
            raise RequestError(f"{program} is longer than {LONGEST_PROGRAM:,} bytes; no program needs to be")
        return program.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{program} can't be read as text: {error}") from error
