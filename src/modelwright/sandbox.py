"""Runs a checked program; knows only names and callables.

The program runs in an interpreter of its own (Monty) in a process of its own, which has no files, no environment, no
clock and no network. When it calls a tool it stands still; the tool is called here, in the caller's thread, with a
copy of the arguments as plain values, and its result goes back as plain values. Nothing else crosses.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from modelwright.action import did_you_mean
from modelwright.errors import ProgramError

Tool: TypeAlias = Callable[..., Any]

NESTING = 50
"""Levels that lists and dictionaries may nest where they cross."""
WORKERS = 32
"""Programs that can run at the same time; further ones wait. A waiting interpreter takes about 10 MB."""
GRACE = 0.5
"""Seconds after its time limit in which a program must end by itself, before its process is killed."""
_FILE = "<python-input-0>"


@dataclass(frozen=True)
class SandboxLimits:
    """What a program may use.

    Args:
        seconds: time of its own computing; the time of tools doesn't count. Programs only wire tools together, so
            what takes longer is a loop that doesn't end.
        memory: bytes of its values.
        depth: levels of calls within calls.
        calls: calls of tools.
        argument_size: characters, about, of one call's arguments or of the program's value, written out.
        result_size: the same of what a tool returns.
        print_size: characters printed that are kept; what goes beyond is dropped.
    """

    seconds: float = 5.0
    memory: int = 64 << 20
    depth: int = 100
    calls: int = 500
    argument_size: int = 200_000
    result_size: int = 5_000_000
    print_size: int = 20_000


@dataclass(frozen=True)
class Call:
    """One call of a tool that a program made.

    Args:
        tool: its name.
        line: the line of the program; ``None`` when it isn't known.
        args: the positional arguments.
        kwargs: the named arguments.
    """

    tool: str
    line: int | None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of a program.

    Args:
        value: its last expression, as plain values; ``None`` when it ends with something else.
        calls: the tools that it called, in order.
        printed: what it printed.
    """

    value: Any
    calls: tuple[Call, ...]
    printed: str


def run(
    source: str,
    *,
    inputs: Mapping[str, Any],
    tools: Mapping[str, Tool],
    limits: SandboxLimits | None = None,
) -> Result:
    """Run a program to its end. May be called from several threads at the same time.

    Args:
        source: the program; :func:`modelwright.program.check` is meant to have accepted it, but nothing here relies
            on that.
        inputs: plain values, bound to names before it starts.
        tools: what it may call. They get plain values: ``None``, booleans, numbers, texts, lists, dictionaries.
        limits: what it may use; the defaults suit programs of experiments.

    Raises:
        ProgramError: when the program fails or misuses the language, or outruns a limit; with its line where known.
        BaseException: whatever a tool raises ends the program and comes out as it is; a ``ProgramError`` without a
            line is given that of the call, anything else a note that names it.
    """
    return _Run(source, tools, limits or SandboxLimits()).to_end(inputs)


class _Run:
    def __init__(self, source: str, tools: Mapping[str, Tool], limits: SandboxLimits) -> None:
        self.source, self.tools, self.limits = source, tools, limits
        self.calls: list[Call] = []
        self.printed: list[str] = []
        self.room = limits.print_size

    def to_end(self, inputs: Mapping[str, Any]) -> Result:
        import pydantic_monty as monty

        limits = self.limits
        given = {name: _plain(value, limits.result_size) for name, value in inputs.items()}
        session = _pool().checkout(
            limits={
                "max_feed_duration_secs": limits.seconds,
                "max_memory": limits.memory,
                "max_recursion_depth": limits.depth,
                "max_suspensions": limits.calls + 10,
            },
            os_policy={"datetime": "call_host", "random_start": "call_host", "sleep": "zero"},
        )
        # A tool's exception leaves the session as well, so that the program can't catch it.
        with session:
            state = self.go(partial(session.feed_start, self.source, inputs=given, print_callback=self.keep))
            while not isinstance(state, monty.MontyComplete):
                state = self.go(partial(state.resume, {"return_value": self.answer(state)}))
            value = self.cross(state.output, limits.argument_size, "the program's value", None)
        return Result(value, tuple(self.calls), "".join(self.printed))

    def keep(self, _: str, text: str) -> None:
        """Take what is printed, as far as there is room."""
        self.printed.append(text[: self.room])
        self.room -= len(self.printed[-1])

    def answer(self, state: Any) -> Any:
        """Call the tool that the program stands still at, and return what it gets."""
        import pydantic_monty as monty

        line = self.line(state.position)
        if not isinstance(state, monty.FunctionSnapshot):
            name = getattr(state, "variable_name", "")
            if name in self.tools:
                raise ProgramError(f"{name} is a tool and can only be called", line=line)
            if name:
                near = did_you_mean(name, self.tools)
                raise ProgramError(f"there is nothing called {name[:60]!r}{near}", line=line)
            raise ProgramError("await isn't part of the language", line=line)
        name = state.function_name
        if state.is_os_function:
            raise ProgramError(
                f"{name[:60]} isn't available to programs: they have no files, clock or network", line=line
            )
        if name not in self.tools:
            near = did_you_mean(name, self.tools)
            raise ProgramError(
                f"there is no tool {name[:60]!r}{near}", line=line, allowed=", ".join(sorted(self.tools))
            )
        if len(self.calls) >= self.limits.calls:
            raise ProgramError(
                "the program calls tools too often", line=line, allowed=f"up to {self.limits.calls} calls"
            )
        size = self.limits.argument_size
        args, kwargs = self.cross([list(state.args), dict(state.kwargs)], size, f"{name}: an argument", line)
        self.calls.append(Call(name, line, tuple(args), kwargs))
        try:
            result = self.tools[name](*args, **kwargs)
        except ProgramError as error:
            if error.line is None and line is not None:
                error.line, error.args = line, (f"line {line}: {error}",)
            raise
        except BaseException as error:
            error.add_note(f"in line {line} of the program, at {name}")
            raise
        return self.cross(result, self.limits.result_size, f"{name}: its result", line)

    def go(self, move: Callable[[], Any]) -> Any:
        """Let the program run to its next stop, and put what ends it into words."""
        import pydantic_monty as monty

        try:
            return move()
        except monty.MontySyntaxError as error:
            raise ProgramError(f"this isn't Python: {_head(error.display('msg'))}", line=_line(error)) from None
        except monty.MontyRuntimeError as error:
            raise self.words(error) from None
        except monty.MontyCrashedError as error:
            if error.timed_out:
                raise self.too_long() from None
            raise ProgramError("the program's interpreter broke down; it may have used too much memory") from None
        except (ValueError, OverflowError, TypeError) as error:  # a value that has no counterpart on this side
            raise ProgramError(f"a value can't leave the program: {_head(str(error))}") from None

    def words(self, error: Any) -> ProgramError:
        """An exception in the program, or a limit that it met."""
        message, line = _head(error.display("msg")), _line(error)
        match type(error.exception()).__name__:
            case "TimeoutError":
                return self.too_long(line)
            case "MemoryError":
                allowed = f"up to {self.limits.memory >> 20} MiB"
                return ProgramError("the program uses too much memory", line=line, allowed=allowed)
            case "RecursionError":
                allowed = f"up to {self.limits.depth} levels"
                return ProgramError("the program's functions call each other too deeply", line=line, allowed=allowed)
            case "NotImplementedError" if "cannot suspend" in message:
                return ProgramError("a tool can't be called inside sorted, map or filter; use a loop", line=line)
            case kind:
                return ProgramError(f"{kind}: {message}" if message else kind, line=line)

    def too_long(self, line: int | None = None) -> ProgramError:
        return ProgramError(
            "the program computes too long by itself; a loop may not end",
            line=line,
            allowed=f"up to {self.limits.seconds:g} s, not counting tools",
        )

    def cross(self, value: Any, size: int, what: str, line: int | None) -> Any:
        try:
            return _plain(value, size)
        except _Unfit as error:
            raise ProgramError(f"{what} {error}", line=line) from None

    def line(self, position: Any) -> int | None:
        if position.filename != _FILE:
            return None
        return self.source.encode()[: position.start].count(b"\n") + 1


class _Unfit(ValueError):
    """A value that can't cross."""


def _plain(value: Any, size: int) -> Any:
    """A copy of a value made of plain values, not larger than ``size`` and not deeper than ``NESTING``.

    One object may occur many times in what a program hands over, so that a few lines can stand for gigabytes: what
    counts is its size written out, and counting stops at the limit.
    """
    left = size

    def spend(cost: int) -> None:
        nonlocal left
        left -= cost
        if left < 0:
            raise _Unfit(f"is too large; up to about {size:,} characters are allowed")

    def copy(value: Any, depth: int) -> Any:
        if depth > NESTING:
            raise _Unfit(f"is nested too deeply; up to {NESTING} levels are allowed")
        if hasattr(value, "item") and not hasattr(value, "__len__"):  # a numpy scalar that a tool returned
            value = value.item()
        if value is None or isinstance(value, bool | float):
            spend(5)
            return value
        if isinstance(value, int):
            if value.bit_length() > 64:
                raise _Unfit("holds a whole number of more than 64 bits")
            spend(8)
            return int(value)
        if isinstance(value, str):
            spend(len(value) + 2)
            return str(value)
        if isinstance(value, list | tuple):
            spend(2 + len(value))
            return [copy(v, depth + 1) for v in value]
        if isinstance(value, Mapping):
            spend(2 + 2 * len(value))
            copied = {}
            for key, item in value.items():
                if not isinstance(key, str):
                    raise _Unfit("has a dictionary key that isn't a text")
                spend(len(key) + 2)
                copied[key] = copy(item, depth + 1)
            return copied
        raise _Unfit(
            f"holds a {type(value).__name__}; only None, True and False, numbers, texts, lists and dictionaries can be "
            "handed over"
        )

    return copy(value, 0)


def _head(text: str) -> str:
    return text.splitlines()[0][:300] if text else ""


def _line(error: Any) -> int | None:
    lines = [frame.line for frame in error.traceback() if frame.filename == _FILE]
    return lines[-1] if lines else None


_lock = threading.Lock()
_started: list[tuple[int, Any]] = []


def _pool() -> Any:
    """The interpreters of this process, started when the first program runs."""
    with _lock:
        if not _started:
            import pydantic_monty as monty

            pool = monty.Monty(max_processes=WORKERS, feed_duration_limit_grace=GRACE)
            pool.__enter__()
            _started.append((os.getpid(), pool))
            atexit.register(_stop)
        owner, pool = _started[0]
    if owner != os.getpid():  # the threads that serve the pool aren't there after a fork: it would wait for ever
        raise RuntimeError("a fork of a process that has run programs can't run any; start a new process instead")
    return pool


def _stop() -> None:
    owner, pool = _started.pop()
    if owner == os.getpid():
        pool.__exit__(None, None, None)
