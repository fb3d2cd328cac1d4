"""Two runs side by side: data, problem, protocol, columns, experiments, models, scores; and which model is better.

Scores of two runs say little against each other: what their intervals share is mostly the difficulty of the rows. Where
both models were judged on the same sealed rows they are compared on them, row by row (:mod:`modelwright.comparing`),
with the predictions that were kept when each was judged, so nothing is opened again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.comparing import compared, gains
from modelwright.delivered import Delivery
from modelwright.errors import RequestError
from modelwright.frames import read_frame
from modelwright.intervals import Resamples, stretches
from modelwright.judgement import Comparison
from modelwright.places import Place, find
from modelwright.preparation import Prepared
from modelwright.recipe import difference
from modelwright.state import State, fold
from modelwright.stores import Store
from modelwright.tasks.metrics import Metric, find_metric

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Fact:
    """One thing that both runs have.

    Args:
        about: ``data``, ``problem``, ``protocol``, ``search``, ``model`` or ``score``.
        name: what it is.
        first: in the first run; empty where it has none.
        second: in the second run.
    """

    about: str
    name: str
    first: str
    second: str

    @property
    def same(self) -> bool:
        """Whether both have the same."""
        return self.first == self.second


@dataclass(frozen=True)
class Tried:
    """A recipe that one of the runs tried, or both.

    Args:
        recipe: its digest.
        first: the experiment in the first run, ``""`` when it has none; with its score.
        second: the same of the second run.
    """

    recipe: str
    first: str
    second: str


@dataclass(frozen=True)
class Contrast:
    """What differs between two runs.

    Args:
        runs: both folders.
        facts: side by side.
        recipe: what changes from the first to the second delivered recipe, one line a change.
        tried: recipes of experiments, those of both runs first.
        comparisons: of the delivered models on the same sealed rows, by metric: the first run's, and the second's
            where that is another one. Gains are the second model's over the first.
        verdict: which model is better, or why nobody can tell, in one sentence.
    """

    runs: tuple[str, str]
    facts: tuple[Fact, ...]
    recipe: tuple[str, ...]
    tried: tuple[Tried, ...]
    comparisons: tuple[Comparison, ...]
    verdict: str


def contrast(first: Path | str | Place, second: Path | str | Place) -> Contrast:
    """Compare two runs.

    Args:
        first: a run folder, or the URL of a run.
        second: another one.

    Raises:
        RequestError: when one of them is no run folder.
    """
    stores: list[Store] = []
    try:
        stores += [find(first).open(readonly=True)]
        stores += [find(second).open(readonly=True)]
        a, b = (fold(store.events()) for store in stores)
        for folder, state in ((first, a), (second, b)):
            if not state.run_id:
                raise RequestError(f"{folder} holds no run; modelwright runs lists those there are")
        comparisons, verdict = _judged(a, b, stores[0], stores[1])
    finally:
        for store in stores:
            store.close()
    recipes = [s.delivery.recipe if s.delivery else None for s in (a, b)]
    changed = tuple(difference(recipes[0], recipes[1])) if recipes[0] and recipes[1] else ()
    tried = tuple(_tried(a, b))
    return Contrast((str(first), str(second)), tuple(_facts(a, b)), changed, tried, comparisons, verdict)


# ── side by side ─────────────────────────────────────────────────────────────────────────────────────────────────


def _facts(a: State, b: State) -> Iterator[Fact]:
    for about, ours, theirs in zip(("data", "problem", "protocol"), _ground(a), _ground(b), strict=True):
        yield from _paired(about, ours, theirs)
    if a.prepared is not None and b.prepared is not None:
        yield from _columns(a.prepared, b.prepared)
    yield from _paired("search", _search(a), _search(b))
    yield from _paired("model", _model(a.delivery), _model(b.delivery))
    yield from _paired("score", _scores(a.delivery), _scores(b.delivery))


def _paired(about: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Fact]:
    for name in dict.fromkeys((*ours, *theirs)):
        yield Fact(about, name, ours.get(name, ""), theirs.get(name, ""))


def _ground(state: State) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """What a run stands on: data, problem, protocol."""
    prepared = state.prepared
    if prepared is None:
        return {}, {}, {}
    data = {f.role: f"{f.digest[:12]} ({f.name})" for f in state.given}
    data |= {"rows": f"{prepared.rows:,}", "columns": str(len(prepared.schema.fields))}
    data["rows for learning"] = prepared.development[:12]
    problem, protocol = prepared.problem, prepared.protocol
    asked = {
        "statement": problem.statement,
        "task": problem.task.value,
        "target": problem.target.value,
        "metric": problem.metric.value,
        "time column": problem.time_column.value or "–",
        "group column": problem.group_column.value or "–",
        "left out": ", ".join(problem.excluded.value) or "–",
        "seed": str(problem.seed),
    }
    judged = {
        "sealed rows": f"{protocol.n_holdout:,}, {protocol.holdout}",
        "development rows": f"{protocol.n_development:,}",
        "folds": f"{protocol.folds} × {protocol.repeats}, {protocol.folds_by}",
    }
    return data, asked, judged


def _columns(a: Prepared, b: Prepared) -> Iterator[Fact]:
    """Columns that only one run's models may use, and those that were read as something else."""
    ours, theirs = set(a.features.names), set(b.features.names)
    if ours != theirs:
        only = (", ".join(sorted(s)) or "–" for s in (ours - theirs, theirs - ours))
        yield Fact("data", "columns of this run's models only", *only)
    for field in a.schema.fields:
        if field.name in b.schema and b.schema[field.name].kind != field.kind:
            yield Fact("data", f"kind of {field.name}", field.kind, b.schema[field.name].kind)


def _search(state: State) -> dict[str, str]:
    usage = state.usage
    return {
        "status": state.status,
        "experiments": str(len(state.experiments)),
        "best": state.best.slug if state.best else "–",
        "seconds": f"{state.seconds():.0f}",
        "language model": f"{state.request.llm}, {usage.calls} calls" if state.request and usage.calls else "none",
        "clock decided": "yes" if state.time_limited else "no",
        "libraries": ", ".join(f"{n} {v}" for n, v in state.versions.items()) or "not recorded",
    }


def _model(delivery: Delivery | None) -> dict[str, str]:
    if delivery is None:
        return {}
    members = ", ".join(f"{m.experiment} {m.weight:.2f}" for m in delivery.recipe.members)
    return {
        "model": delivery.model[:12],
        "recipe": delivery.recipe.digest[:12],
        "estimator": members or delivery.recipe.estimator.action,
    }


def _scores(delivery: Delivery | None) -> dict[str, str]:
    if delivery is None:
        return {}
    judged, validation = delivery.judgement, delivery.choice.validation
    score, low, high = judged.score, judged.score.low, judged.score.high
    interval = f" (95 %: {low:.4g} to {high:.4g})" if low is not None and high is not None else ""
    return {
        "metric": score.metric,
        "validation": f"{validation.value:.4g}",
        "sealed rows": f"{score.value:.4g}{interval}",
        "baseline": f"{judged.baseline.value:.4g}",
        "verdict": judged.verdict,
        "models that the sealed rows were opened for": str(delivery.looks),
    }


def _tried(a: State, b: State) -> Iterator[Tried]:
    """Recipes of both runs first, then those of one."""
    made: list[dict[str, str]] = []
    for state in (a, b):
        found: dict[str, str] = {}
        for _, e in sorted(state.experiments.items()):
            told = f"{e.slug} {e.score.value:.4g}" if e.score is not None and e.status == "done" else e.slug
            found.setdefault((e.recipe or e.plan.recipe).digest, told)
        made.append(found)
    both = [d for d in made[0] if d in made[1]]
    for digest in dict.fromkeys((*both, *made[0], *made[1])):
        yield Tried(digest, made[0].get(digest, ""), made[1].get(digest, ""))


# ── which is better ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Seen:
    """What a run's model said of the sealed rows."""

    truth: np.ndarray
    prediction: np.ndarray
    threshold: float | None


def _judged(a: State, b: State, ours: Store, theirs: Store) -> tuple[tuple[Comparison, ...], str]:
    """Both delivered models on the same rows, and what that means; or why they can't be compared."""
    if a.delivery is None or b.delivery is None or a.prepared is None or b.prepared is None:
        return (), "One of the runs has not delivered a model, so there is nothing to compare."
    apart = "their scores come from different rows, whose difficulty differs, too."
    try:
        first, second = _seen(a.prepared, a.delivery, ours), _seen(b.prepared, b.delivery, theirs)
        if first is None or second is None:
            return (), "The models' predictions for the sealed rows were not kept: run again with this version."
        if a.prepared.problem.classes != b.prepared.problem.classes or not _same_rows(a, b, ours, theirs):
            return (), f"Which model is better can't be told: {apart}"
        units = _units(a.prepared, ours)
    except KeyError:
        return (), "The sealed rows or predictions of one of the runs are gone, so the models can't be compared."
    problems = {s.prepared.problem.metric.value: s.prepared.problem for s in (a, b) if s.prepared is not None}
    resamples = Resamples(len(first.truth), a.prepared.problem.seed, units)
    found = tuple(
        _compared(find_metric(name, problem.task.value), first, second, resamples, a.run_id, len(problem.classes))
        for name, problem in problems.items()
    )
    return found, _verdict(found, a.delivery.looks, b.delivery.looks)


def _compared(
    metric: Metric, first: _Seen, second: _Seen, resamples: Resamples, name: str, n_classes: int
) -> Comparison:
    import numpy as np

    rules: list[dict[str, Any]] = [
        {"positive": 1 if n_classes == 2 else None, "threshold": s.threshold} for s in (second, first)
    ]
    ours, theirs = (
        np.concatenate([metric.batch(first.truth, s.prediction, weights, **rule) for weights in resamples])
        for s, rule in zip((second, first), rules, strict=True)
    )
    scores = tuple(
        metric.score(first.truth, s.prediction, **rule) for s, rule in zip((second, first), rules, strict=True)
    )
    return compared(
        metric,
        (scores[0], scores[1]),
        gains(metric, ours, theirs),
        resamples.n_units,
        name=name,
        role="run",
        n_rows=len(first.truth),
    )


def _seen(prepared: Prepared, delivery: Delivery, store: Store) -> _Seen | None:
    """``None`` when the predictions were not kept; :class:`KeyError` when they are gone."""
    import numpy as np

    if not delivery.predictions:
        return None
    target = prepared.problem.target.value
    truth = read_frame(store.path(prepared.protocol.sealed), [target])[target].to_numpy()
    prediction = np.load(io.BytesIO(store.get(delivery.predictions)), allow_pickle=False)
    truth = truth.astype(np.int64) if prepared.problem.classes else truth
    return _Seen(truth, prediction, delivery.judgement.threshold) if len(prediction) == len(truth) else None


def _same_rows(a: State, b: State, ours: Store, theirs: Store) -> bool:
    """Whether both runs sealed the same rows in the same order: same targets, same values in all columns of both."""
    if a.prepared is None or b.prepared is None:
        return False
    sealed = a.prepared.protocol.sealed, b.prepared.protocol.sealed
    targets = a.prepared.problem.target.value, b.prepared.problem.target.value
    if targets[0] != targets[1]:
        return False
    if sealed[0] == sealed[1]:
        return True
    shared = [n for n in a.prepared.features.names if n in b.prepared.features]
    if not shared:
        return False
    columns = [*shared, targets[0]]
    first, second = read_frame(ours.path(sealed[0]), columns), read_frame(theirs.path(sealed[1]), columns)
    if len(first) != len(second):
        return False
    return all(_alike(first[name].astype(object), second[name].astype(object)) for name in columns)


def _alike(first: Any, second: Any) -> bool:
    """Whether two columns hold the same, missing values included, whatever they are stored as."""
    return bool(((first == second) | (first.isna() & second.isna())).all())


def _units(prepared: Prepared, store: Store) -> np.ndarray | None:
    """Rows that are drawn together, as they were when the models were judged."""
    import numpy as np

    with np.load(store.path(prepared.units), allow_pickle=False) as units:
        groups = units["groups"] if "groups" in units.files else None
        times = units["times"] if "times" in units.files else None
    if prepared.problem.time_column.value is None:
        return groups
    return stretches(prepared.protocol.n_holdout, groups, times)


def _verdict(found: tuple[Comparison, ...], *looks: int) -> str:
    """Which model is better by the first run's metric."""
    one = found[0]
    interval = f"95 %: {one.low:+.4g} to {one.high:+.4g}"
    figures = f"{one.other_score:.4g} and {one.score:.4g}, a gain of {one.gain:+.4g} ({interval})"
    if one.gain == 0 and one.low == one.high == 0:
        said = f"On the same {one.n_rows:,} sealed rows both models do exactly alike."
    elif not one.distinguishable:
        said = f"On the same {one.n_rows:,} sealed rows they can't be told apart: {figures}."
    else:
        better = "second" if one.gain > 0 else "first"
        said = f"On the same {one.n_rows:,} sealed rows the {better} model is better: {figures}."
    if max(looks) > 1:
        said += " One of them was chosen after these rows had been opened, which may flatter it."
    return said
