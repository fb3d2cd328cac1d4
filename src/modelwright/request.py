"""What a person asked of a run: data, sentence and options, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelwright.errors import RequestError
from modelwright.executors import find
from modelwright.table import Kind

INJECTIONS = ("invalid-estimator", "error", "crash", "killed", "timeout", "memory", "processes", "disk")
"""What ``--inject-failure`` can play: a name that isn't registered, an exception, a crash in native code, a death by
SIGKILL, a hang that ignores signals, a leak, processes without end, a full disk."""

SHORTEST_BUDGET = 10.0
"""Seconds below which not even importing the libraries leaves time for a model."""


@dataclass(frozen=True)
class Request:
    """What was asked.

    Args:
        data: the file, ``"-"`` for standard input, or ``"<frame>"`` for one handed over in Python.
        statement: the problem in plain words.
        target: the column to predict, where the user says so.
        task: the task type, where the user says so.
        metric: what to optimise, where the user says so.
        time_column: the column that orders rows in time, where the user says so.
        group_column: the column whose groups stay together, where the user says so.
        id_columns: columns that only identify rows, as the user says.
        kinds: what columns are, as the user says.
        keep_columns: columns that are kept whatever the checks say.
        test: a file of labelled rows to use as the sealed holdout.
        constraints: the text of a constraints file.
        time_budget: seconds for everything, from start to finished report.
        max_experiments: experiments at most.
        max_iterations: iterations at most.
        executor: where steps are performed, as an address that one of the executors understands.
        workers: steps at a time; 0 takes the cores of the machine, or of the cluster.
        memory_limit: bytes that the whole run may use, with all its processes, where it runs on this machine; elsewhere
            those of one step; 0 takes a share of the machine's for each step.
        seed: seed of every random choice.
        floor: rows that a level must have at least to be named in the profile.
        inject_failure: makes the first experiment fail on purpose.
        llm: the language model that reasons, as ``provider:model``, or ``"none"``.
        llm_roles: other language models for single agents, by the agent's name.
        llm_timeout: seconds after which a provider's reply isn't waited for any more.
        max_cost: US dollars that may be spent on language models; ``None`` for no cap.
        private_names: whether columns that look like personal data are shown to providers under an alias.
        web_search: whether agents may use a provider's own web search.
        reuse: folder or URL of an earlier run whose finished steps are taken over where nothing that they depend on has
            changed; empty for none.
    """

    data: str
    statement: str
    target: str | None = None
    task: str | None = None
    metric: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    id_columns: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    keep_columns: tuple[str, ...] = ()
    test: str | None = None
    constraints: str = ""
    time_budget: float = 300.0
    max_experiments: int | None = None
    max_iterations: int | None = None
    executor: str = "local"
    workers: int = 0
    memory_limit: int = 0
    seed: int = 0
    floor: int = 10
    inject_failure: str | None = None
    llm: str = "none"
    llm_roles: Mapping[str, str] = field(default_factory=dict)
    llm_timeout: float = 120.0
    max_cost: float | None = None
    private_names: bool = False
    web_search: bool = False
    reuse: str = ""

    def check(self) -> None:
        """Refuse what can't be honoured.

        Raises:
            RequestError: in one sentence.
        """
        if not self.statement.strip():
            raise RequestError('the problem is empty: say what you want to predict, for instance --problem "..."')
        if self.time_budget < SHORTEST_BUDGET:
            raise RequestError(
                f"a time budget of {self.time_budget:g} s is too short for any model; give at least "
                f"{SHORTEST_BUDGET:g} s, for instance --time-budget 60s"
            )
        for name, value in (("--max-experiments", self.max_experiments), ("--max-iterations", self.max_iterations)):
            if value is not None and value < 1:
                raise RequestError(f"{name} must be at least 1, not {value}")
        find(self.executor)
        if not 0 <= self.workers <= 256:
            raise RequestError(f"--workers must lie between 1 and 256, not {self.workers}")
        if not 0 <= self.seed < 2**31:
            raise RequestError(f"--seed must lie between 0 and {2**31 - 1}, not {self.seed}")
        if self.max_cost is not None and not self.max_cost >= 0:
            raise RequestError(f"--max-cost can't be less than nothing, it is {self.max_cost:g}")
        if not 1 <= self.llm_timeout <= 3600:
            raise RequestError(f"--llm-timeout must lie between 1 s and 1 h, not {self.llm_timeout:g} s")
        if self.llm == "none" and self.llm_roles:
            raise RequestError("--llm-role names models for agents, but there are none without --llm PROVIDER:MODEL")
        if self.floor < 1:
            raise RequestError(f"the privacy floor must be at least 1 row, not {self.floor}")
        if self.inject_failure is not None and self.inject_failure not in INJECTIONS:
            raise RequestError(f"--inject-failure knows {', '.join(INJECTIONS)}, not {self.inject_failure!r}")


_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30}


def parse_duration(text: str) -> float:
    """Seconds of ``"90"``, ``"90s"``, ``"5m"``, ``"1h"`` or ``"1h30m"``.

    Raises:
        RequestError: when it is none of these.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    rest = re.sub(r"(\d+(?:\.\d+)?)\s*([a-z]*)", "", text.strip().lower()).strip()
    if not parts or rest or any(unit not in _UNITS for _, unit in parts):
        raise RequestError(f"{text!r} isn't a duration; write for instance 90, 90s, 5m or 1h")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def parse_size(text: str) -> int:
    """Bytes of ``"800M"``, ``"4G"``, ``"4 GB"`` or a plain number.

    Raises:
        RequestError: when it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*?)(?:ib?)?", text.strip().lower())
    if not found or found.group(2) not in _SIZES:
        raise RequestError(f"{text!r} isn't a size; write for instance 800M or 4G")
    return int(float(found.group(1)) * _SIZES[found.group(2)])
