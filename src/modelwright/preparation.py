"""From a request to ground that experiments can stand on: read, understand, seal, profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.action import did_you_mean
from modelwright.checking import begin, decide, divided, screened
from modelwright.constraining import cohorts
from modelwright.engine import Engine
from modelwright.errors import DataError, RequestError
from modelwright.evaluation import Situation
from modelwright.extent import Extent, extent
from modelwright.fidelity import most_rows
from modelwright.finding import Finding
from modelwright.folding import pressed
from modelwright.frames import stack_rows, write_frame
from modelwright.mind import Mind
from modelwright.problem import Known, Problem
from modelwright.profile import Profile
from modelwright.profiling import profile
from modelwright.protocol import Protocol
from modelwright.readers import Reading, conform, read
from modelwright.recipe import Setting
from modelwright.request import Request
from modelwright.sampling import moments_of, sample_rows
from modelwright.splitting import divide, seal
from modelwright.stores import Store
from modelwright.table import Schema
from modelwright.tasks import all_tasks
from modelwright.understanding import Ask, Meet, understood

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Prepared:
    """Everything that is fixed before the first experiment.

    Args:
        origin: what was read, in words.
        notes: what reading had to repair.
        rows: rows of the data.
        schema: all columns.
        features: the columns that models may use.
        problem: what was understood.
        protocol: how models are judged.
        profile: aggregates of the development rows.
        development: digest of the development rows: features, then the encoded target.
        sealed: digest of the sealed rows, the same columns.
        units: digest of the sealed rows' groups and times (``.npz``), for the intervals.
        warnings: what the reader must know.
        findings: what the checks of the data found, and what was done about it.
        screened: digest of the development rows with all columns that were checked; empty when nothing was found.
        screened_columns: the names of those columns.
    """

    origin: str
    notes: tuple[str, ...]
    rows: int
    schema: Schema
    features: Schema
    problem: Problem
    protocol: Protocol
    profile: Profile
    development: str
    sealed: str
    units: str
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    screened: str = ""
    screened_columns: tuple[str, ...] = ()

    @property
    def situation(self) -> Situation:
        """What evaluation needs to know."""
        task = all_tasks()[self.problem.task.value]
        metric = self.problem.metric.value
        return Situation(
            task=self.problem.task.value,
            classes=self.problem.classes,
            target=self.problem.target.value,
            protocol=self.protocol,
            rows=self.development,
            seed=self.problem.seed,
            extent=extent(self.features, self.profile, len(self.problem.classes)),
            time_column=self._if_feature(self.problem.time_column.value),
            group_column=self._if_feature(self.problem.group_column.value),
            secondary=tuple(name for name in task.secondary if name != metric),
            monotone=tuple(sorted(self.problem.constraints.monotone.items())),
        )

    def _if_feature(self, name: str | None) -> str | None:
        return name if name is not None and name in self.features else None


def prepare(
    request: Request,
    source: Any,
    store: Store,
    engine: Engine,
    scratch: Path,
    ask: Ask,
    say: Callable[[str], None],
    mind: Mind | None = None,
    meet: Meet | None = None,
) -> Prepared:
    """Read the data, understand the problem, seal the holdout, check and profile the rest.

    Args:
        request: what was asked.
        source: the data: a path, ``"-"`` or a frame.
        store: takes the rows.
        engine: performs the checks.
        scratch: an existing folder for files on their way into the store.
        ask: asks the person when the request can be read in several ways.
        say: told the phase that begins.
        mind: understands the request; the policies alone, by default.
        meet: decides what a language model may be shown of the table; needed where the mind has one.

    Raises:
        UserError: when the request or the data is at fault.
    """
    say("reading")
    reading = read(source, request.kinds)
    say("understanding")
    understanding = understood(request, reading, ask, mind, meet)
    problem = _kept(understanding.problem, request, reading.schema)
    frame, test_rows, notes = _with_test_rows(request, reading, problem)
    frame, test_rows, dropped = _labelled(frame, test_rows, problem)
    labelled = len(frame)
    frame, test_rows = _thinned(frame, test_rows, problem, request.time_budget, engine.slots)
    rows, reading = len(reading.frame), replace(reading, frame=frame)
    task = all_tasks()[problem.task.value]
    target = frame[problem.target.value]
    problem = replace(problem, classes=_ordered(task.classes(target), problem))
    y = task.encode(target, problem.classes)
    say("sealing")
    parted = seal(frame, reading.schema, problem, y, seed=problem.seed, test_rows=test_rows)
    problem = _settled(problem, parted.by)
    names = tuple(n for n in problem.features(reading.schema.names) if n in frame.columns)
    if not names:
        raise DataError(
            f"no column is left to predict {problem.target.value!r} from: "
            + (problem.excluded.reason or "all others are ids, constants or empty")
        )
    features = reading.schema.only(names)
    development = _stored(frame, names, y, parted.development, problem.target.value, store, scratch)
    say("checking")
    looked_at, checked = development, names
    checks = begin(
        engine,
        store,
        problem,
        features,
        development=development,
        division=divided(frame, names, problem, parted.development, parted.holdout),
        unlabelled=dropped,
        budget=request.time_budget,
        measured=problem.time_column.value is None
        and pressed(len(parted.development), len(problem.classes), request.time_budget),
    )
    say("profiling")
    known = profile(frame.iloc[parted.development], reading.schema, target=problem.target.value, floor=request.floor)
    said = screened(checks.result())
    split = divide(parted, problem, seed=problem.seed, seconds=request.time_budget, signal=said.signal)
    problem, findings = decide(said.findings, problem, names, request.keep_columns)
    if (kept := tuple(n for n in problem.features(reading.schema.names) if n in names)) != names:
        names, features = kept, reading.schema.only(kept)
        development = _stored(frame, names, y, split.development, problem.target.value, store, scratch)
    sealed = _stored(frame, names, y, split.holdout, problem.target.value, store, scratch)
    protocol = replace(split.protocol, assignment=_stored_array(split.assignment, store), sealed=sealed)
    warnings = [*understanding.warnings, *protocol.warnings, *notes, *said.warnings]
    if len(frame) < labelled:
        warnings.append(_few_of_many(len(frame), labelled, problem))
    if dropped:
        warnings.append(f"{dropped:,} rows have no value in {problem.target.value!r} and were left out.")
    return Prepared(
        reading.origin,
        reading.notes,
        rows,
        reading.schema,
        features,
        problem,
        protocol,
        known,
        development,
        sealed,
        _units(frame, split.holdout, split.development, problem, reading.schema, request.floor, store),
        tuple(dict.fromkeys(warnings)),
        findings,
        looked_at if findings else "",
        checked if findings else (),
    )


def _kept(problem: Problem, request: Request, schema: Schema) -> Problem:
    """The problem with the columns that the user wants kept: neither ids nor left out.

    Raises:
        RequestError: when there is no such column, or the user forbids it elsewhere.
    """
    for name in request.keep_columns:
        if name not in schema:
            raise RequestError(f"--keep-column: there is no column {name!r}{did_you_mean(name, schema.names)}")
        if name == problem.target.value:
            raise RequestError(f"--keep-column: {name!r} is what is to be predicted; no model can learn from it")
        if name in request.id_columns or name in problem.constraints.exclude_columns:
            raise RequestError(f"{name!r} is both to be kept (--keep-column) and to be left out; say one of the two")
    if not request.keep_columns:
        return problem
    ids = tuple(n for n in problem.id_columns.value if n not in request.keep_columns)
    excluded = tuple(n for n in problem.excluded.value if n not in request.keep_columns)
    return replace(
        problem,
        id_columns=replace(problem.id_columns, value=ids),
        excluded=replace(problem.excluded, value=excluded),
    )


def _with_test_rows(
    request: Request, reading: Reading, problem: Problem
) -> tuple[pd.DataFrame, np.ndarray | None, list[str]]:
    """The data with the user's labelled test rows below it, and their positions."""
    if request.test is None:
        return reading.frame, None, []
    import numpy as np

    given = conform(request.test, reading.schema)
    if given.frame[problem.target.value].notna().sum() == 0:
        raise DataError(
            f"{request.test}: no row has a value in the target column {problem.target.value!r}; "
            "--test takes labelled rows"
        )
    stacked = stack_rows(reading.frame, given.frame)
    positions = np.arange(len(reading.frame), len(stacked))
    return stacked, positions, [f"Test file: {note}" for note in given.notes]


def _labelled(
    frame: pd.DataFrame, test_rows: np.ndarray | None, problem: Problem
) -> tuple[pd.DataFrame, np.ndarray | None, int]:
    """Only the rows that have a target, with the test rows' new positions."""
    import numpy as np

    labelled = frame[problem.target.value].notna().to_numpy()
    if labelled.all():
        return frame, test_rows, 0
    if test_rows is not None:
        is_test = np.zeros(len(frame), dtype=bool)
        is_test[test_rows] = True
        test_rows = np.flatnonzero(is_test[labelled])
    return frame[labelled].reset_index(drop=True), test_rows, int((~labelled).sum())


def _thinned(
    frame: pd.DataFrame, test_rows: np.ndarray | None, problem: Problem, budget: float, slots: int
) -> tuple[pd.DataFrame, np.ndarray | None]:
    """As many rows as can be learnt from in the time, the test rows among them, with the test rows' new positions."""
    import numpy as np
    import pandas as pd

    features = problem.features(tuple(frame.columns))
    n_classes = frame[problem.target.value].nunique() if problem.task.value != "regression" else 0
    setting = Setting(problem.task.value, int(n_classes))
    most = most_rows(Extent(len(features)), setting, seconds=budget, slots=slots)
    given = np.zeros(0, dtype=np.int64) if test_rows is None else test_rows
    others = len(frame) - len(given)
    if others <= most:
        return frame, test_rows
    free = np.ones(len(frame), dtype=bool)
    free[given] = False
    free_rows = np.flatnonzero(free)
    classes = pd.factorize(frame[problem.target.value])[0][free_rows] if n_classes else None
    times = moments_of(frame, problem.time_column.value)
    picked = sample_rows(
        others, most, seed=problem.seed, classes=classes, times=None if times is None else times[free_rows]
    )
    kept = np.sort(np.concatenate([free_rows[picked], given]))
    test = None if test_rows is None else np.searchsorted(kept, np.sort(test_rows))
    return frame.take(kept).reset_index(drop=True), test


def _few_of_many(kept: int, labelled: int, problem: Problem) -> str:
    which = "the latest" if problem.time_column.value is not None else "drawn at random"
    return (
        f"Of {labelled:,} labelled rows {kept:,} were used, {which}: there was no time to learn from more. "
        "A longer --time-budget uses more of them."
    )


def _settled(problem: Problem, holdout: str) -> Problem:
    """Leave the group column out where models will meet groups that they have never seen."""
    group = problem.group_column.value
    if holdout != "group" or group is None or group in problem.excluded.value:
        return problem
    reason = f"{problem.excluded.reason} {group!r} names groups that new rows won't belong to.".strip()
    excluded = Known((*problem.excluded.value, group), problem.excluded.source, reason, problem.excluded.alternatives)
    return replace(problem, excluded=excluded)


def _stored(
    frame: pd.DataFrame,
    names: tuple[str, ...],
    y: np.ndarray,
    rows: np.ndarray,
    target: str,
    store: Store,
    scratch: Path,
) -> str:
    part = frame.loc[:, list(names)].iloc[rows]
    part[target] = y[rows].astype("float64")
    path = scratch / "rows.arrow"
    write_frame(part, path)
    return store.put_file(path)


def _ordered(classes: tuple[str, ...], problem: Problem) -> tuple[str, ...]:
    """Of two classes the one that is looked for comes last, so that its code is 1."""
    if len(classes) != 2 or problem.positive is None or problem.positive.value not in classes:
        return classes
    return (*(c for c in classes if c != problem.positive.value), problem.positive.value)


def _units(
    frame: pd.DataFrame,
    rows: np.ndarray,
    development: np.ndarray,
    problem: Problem,
    schema: Schema,
    floor: int,
    store: Store,
) -> str:
    """Groups as codes and times as numbers of the sealed rows, as far as the problem names them.

    Groups that must be treated alike are named after the demand's place: ``fair_0``, ``fair_0_names`` and, for the
    development rows, ``fair_0_development``.
    """
    import io

    import numpy as np
    import pandas as pd

    arrays: dict[str, Any] = {}
    if problem.group_column.value is not None:
        arrays["groups"] = pd.factorize(frame[problem.group_column.value].iloc[rows])[0].astype(np.int64)
    if problem.time_column.value is not None:
        times = frame[problem.time_column.value].iloc[rows]
        arrays["times"] = times.astype("int64").to_numpy() if times.dtype.kind == "M" else times.rank().to_numpy()
    for i, fair in enumerate(problem.constraints.fairness):
        codes, names = cohorts(frame[fair.column], floor, named=not schema[fair.column].personal)
        arrays |= {f"fair_{i}": codes[rows], f"fair_{i}_development": codes[development]}
        arrays[f"fair_{i}_names"] = np.array(names, dtype=np.str_)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return store.put(buffer.getvalue())


def _stored_array(array: np.ndarray, store: Store) -> str:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return store.put(buffer.getvalue())


def personal_columns(schema: Schema) -> tuple[str, ...]:
    """Columns that look like personal data."""
    return tuple(f.name for f in schema.fields if f.personal)
