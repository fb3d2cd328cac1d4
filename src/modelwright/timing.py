"""Where the seconds of a run went: folded from its log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelwright.step import Record

LOOKING = ("modelwright.screening:", "modelwright.exploring:")
"""Tools whose steps look at data; all others train models or have them predict."""


@dataclass(frozen=True)
class Stage:
    """Steps of one purpose.

    Args:
        performed: how many were performed.
        reused: how many were found finished.
        seconds: that the performed ones took in their workers, together.
        cpu_seconds: their processor time.
    """

    performed: int = 0
    reused: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Timing:
    """Where the seconds went.

    Args:
        seconds: wall-clock, from the start of the command to the last event, over all sessions.
        training: of these, those in which at least one worker trained a model or had one predict.
        outside: the others, by phase: reading, profiling, waiting for workers to start, writing the report.
        phases: wall-clock by phase.
        stages: the steps, by what they were for.
        slots: steps that could run at a time.
        busy: share of all workers' time in which a step ran.
        bookkeeping: what steps took besides being performed, see :attr:`modelwright.engine.Engine.bookkeeping`, and
            ``log_seconds`` for all events; empty for a run that hasn't ended.
    """

    seconds: float
    training: float
    outside: Mapping[str, float]
    phases: Mapping[str, float]
    stages: Mapping[str, Stage]
    slots: int
    busy: float
    bookkeeping: Mapping[str, float] = field(default_factory=dict)

    @property
    def outside_share(self) -> float:
        """Share of the wall-clock in which nothing was trained and nothing predicted."""
        return sum(self.outside.values()) / self.seconds if self.seconds > 0 else 0.0


def timing(records: Iterable[Record]) -> Timing:
    """Where the seconds of a run went."""
    spans: list[tuple[str, float, float]] = []
    at_work: list[tuple[float, float]] = []
    stages: dict[str, Stage] = {}
    kept: dict[str, float] = {}
    phase, since, last, slots = "starting", 0.0, 0.0, 1
    for record in records:
        body = record.body
        if record.kind in ("run_started", "resumed", "rolled_back"):
            spans.append((phase, since, last))
            phase, since = "starting", float(body["started"])
        elif record.kind == "phase":
            spans.append((phase, since, record.time))
            phase, since = str(body["name"]), record.time
        elif record.kind == "workers":
            slots = int(body["slots"])
        elif record.kind == "bookkeeping":
            kept = {name: float(value) for name, value in body.items()}
        elif record.kind == "step":
            stages[body["stage"]] = _with(stages.get(body["stage"], Stage()), body)
            if body["status"] != "reused" and not str(body["tool"]).startswith(LOOKING):
                at_work.append((record.time - float(body["seconds"]), record.time))
        last = record.time
    spans = [s for s in (*spans, (phase, since, last)) if s[2] > s[1] > 0 and s[0] not in ("interrupted", "finished")]
    work = _union(at_work)
    outside: dict[str, float] = {}
    phases: dict[str, float] = {}
    for name, start, end in spans:
        phases[name] = phases.get(name, 0.0) + end - start
        outside[name] = outside.get(name, 0.0) + end - start - _within(work, start, end)
    seconds = sum(phases.values())
    spent = sum(s.seconds for s in stages.values())
    busy = spent / (slots * seconds) if seconds else 0.0
    return Timing(seconds, seconds - sum(outside.values()), outside, phases, stages, slots, busy, kept)


def _with(stage: Stage, body: Mapping[str, object]) -> Stage:
    if body["status"] == "reused":
        return Stage(stage.performed, stage.reused + 1, stage.seconds, stage.cpu_seconds)
    seconds, cpu = (float(str(body[name])) for name in ("seconds", "cpu_seconds"))
    return Stage(stage.performed + 1, stage.reused, stage.seconds + seconds, stage.cpu_seconds + cpu)


def _union(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Intervals that overlap as one, in order."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _within(intervals: Iterable[tuple[float, float]], start: float, end: float) -> float:
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in intervals)
