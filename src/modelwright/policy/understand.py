"""Understands a problem by rules: from a sentence and a table to what is to be predicted, how, and judged by what.

Every part of the answer carries who decided it, why, and what else it could have been. Where the rules aren't sure of
the target they say so instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelwright.action import did_you_mean
from modelwright.errors import DataError, RequestError
from modelwright.horizon import ahead_in_name, ahead_in_words, seconds_ahead
from modelwright.policy._metric import mentioned_metric
from modelwright.policy._roles import find_excluded, find_group, find_ids, find_time
from modelwright.policy._statement import Statement, read_statement
from modelwright.policy._target import find_target, named_column
from modelwright.policy._words import fold, likeness, name_tokens, sort_of, stem, text_tokens
from modelwright.problem import Constraints, Known, Problem
from modelwright.profiling import printable
from modelwright.table import Field, Schema

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 500
FEW_VALUES = 20
_GRADED = frozenset(
    {
        "quality", "class", "grade", "rating", "score", "level", "stage", "category", "type", "group", "star", "stars",
        "rank", "label", "severity", "species", "range", "band", "bucket", "tier", "bin", "digit", "kind", "cluster",
        "segment", "outcome", "target",
    }
)  # fmt: skip
_YES = frozenset({"yes", "y", "true", "t", "positive", "pos", "present", "ja", "oui", "si", "on"})
_NO = frozenset(
    {
        "no", "n", "false", "f", "negative", "neg", "absent", "none", "normal", "healthy", "ham", "benign", "good",
        "legit", "legitimate", "ok", "okay", "nein", "non", "off", "never", "0", "-1", "pass", "passed", "active",
    }
)  # fmt: skip


def understand(
    statement: str,
    schema: Schema,
    frame: pd.DataFrame,
    *,
    target: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    time_column: str | None = None,
    group_column: str | None = None,
    id_columns: Sequence[str] = (),
    positive: str | None = None,
    constraints: Constraints | None = None,
    seed: int = 0,
    descriptions: Mapping[str, str] | None = None,
) -> Problem:
    """Understand a problem by rules over the statement and the data.

    Args:
        statement: the problem in plain words.
        schema: the columns of the data.
        frame: the data, in the types described in :mod:`modelwright.table`.
        target: the column to predict, if the user named it.
        task: the task type, if the user named it; ``classification`` is resolved by the number of classes.
        metric: the metric, if the user named it.
        time_column: the column that orders rows in time, if the user named it.
        group_column: the column whose groups stay together, if the user named it.
        id_columns: columns that identify rows, as far as the user named them.
        positive: of two classes the one that is looked for, if somebody named it.
        constraints: what the user demands besides.
        seed: the seed of every random choice.
        descriptions: what columns mean, by name, where somebody wrote it down.

    Raises:
        AmbiguousError: when no column is clearly the target; with the candidates, best first.
        RequestError: when a column, task or metric that was named doesn't exist or doesn't fit.
        DataError: when the target can't be learnt from.
    """
    demands = constraints or Constraints()
    asked = read_statement(statement)
    wanted_task = _named_task(task)
    wanted_metric = metric or demands.metric
    if target is not None:
        goal: Known[str] = Known(named_column(target, schema, "target"), "user", "you named it")
    else:
        roles = [("time column", time_column), ("group column", group_column)]
        roles += [("id column", name) for name in id_columns]
        roles += [("excluded column", name) for name in demands.exclude_columns]
        taken = frozenset(named_column(name, schema, role) for role, name in roles if name is not None)
        goal = find_target(
            asked, schema, frame, barred=taken, descriptions=descriptions or {},
            classes_wanted=_classes_wanted(wanted_task, wanted_metric),
        )  # fmt: skip
    name, field, series = goal.value, schema[goal.value], frame[goal.value]
    kind_of_task = _task(series, field, asked, wanted_task, _classes_wanted(wanted_task, wanted_metric))

    barred = frozenset({name})
    time = find_time(schema, frame, asked, time_column, barred)
    group = find_group(schema, frame, asked, group_column, time.value, barred | {time.value or name})
    special = frozenset(r for r in (name, time.value, group.value) if r)
    ids = find_ids(schema, frame, id_columns, special)
    excluded = find_excluded(schema, frame, demands.exclude_columns, (*special, *ids.value), name)

    classes, looked_for = _classes(series, field, kind_of_task.value, asked, positive)
    problem = Problem(
        statement=statement,
        target=goal,
        task=kind_of_task,
        metric=_metric(kind_of_task.value, asked, metric, demands.metric, field),
        time_column=time,
        group_column=group,
        id_columns=ids,
        excluded=excluded,
        classes=classes,
        positive=looked_for,
        horizon=_horizon(statement, name) if time.value is not None else None,
        constraints=demands,
        seed=seed,
    )
    if not problem.features(schema.names):
        raise DataError(
            f"Nothing is left to predict {printable(name)!r} from: every other column is an identifier, empty, "
            "constant or excluded; add columns or exclude fewer"
        )
    return problem


def _horizon(statement: str, target: str) -> Known[str] | None:
    """How far ahead the target looks, by the problem's words, else by its name."""
    for words, reason in (
        (ahead_in_words(statement), "the problem says so"),
        (ahead_in_name(target), f"the name of {printable(target)!r} says so"),
    ):
        if words and seconds_ahead(words):
            return Known(words, "inferred", reason)
    return None


# ── task ──


def _named_task(task: str | None) -> str | None:
    from modelwright.tasks import all_tasks

    if task is None:
        return None
    known = (*all_tasks(), "classification")
    wanted = fold(task).strip().replace("-", "_").replace(" ", "_")
    wanted = {"binary_classification": "binary", "multiclass_classification": "multiclass"}.get(wanted, wanted)
    if wanted not in known:
        near = did_you_mean(wanted, known) or "."
        raise RequestError(f"There is no task {printable(task)!r}{near} Known are: {', '.join(sorted(known))}.")
    return wanted


def _classes_wanted(task: str | None, metric: str | None) -> bool | None:
    """Whether the user's own words ask for classes (true) or a number (false)."""
    from modelwright.tasks.metrics import find_metric

    if task is not None:
        return task != "regression"
    if metric is None:
        return None
    fits = find_metric(metric).tasks
    return None if "regression" in fits and len(fits) > 1 else "regression" not in fits


def _task(
    series: pd.Series, field: Field, asked: Statement, wanted: str | None, classes_wanted: bool | None
) -> Known[str]:
    name = printable(field.name)
    distinct = _distinct(series, field, name)
    numeric = field.kind == "numeric"
    graded = numeric and field.whole and distinct <= FEW_VALUES
    by_classes = "binary" if distinct == 2 else "multiclass"
    if wanted == "regression" or (numeric and wanted is None and classes_wanted is False):
        if not numeric:
            raise RequestError(
                f"The target {name!r} isn't numeric, so it can't be a regression; drop the task, or name another target"
            )
        why = "you asked for it" if wanted else "the metric is one for numbers"
        return Known("regression", "user", why, (by_classes,) if distinct <= FEW_VALUES else ())
    if wanted in ("binary", "multiclass") and wanted != by_classes:
        raise RequestError(
            f"The target {name!r} has {distinct:,} different values, which doesn't make a {wanted} task; "
            f"ask for {by_classes}{' or regression' if numeric else ''} instead"
        )
    if wanted is not None or (classes_wanted and not (numeric and distinct > FEW_VALUES)):
        _check_classes(distinct, len(series), name, numeric)
        why = "you asked for it" if wanted else "the metric is one for classes"
        return Known(by_classes, "user", f"{why}, and the target has {distinct:,} classes")
    if not numeric:
        _check_classes(distinct, len(series), name, numeric)
        return Known(by_classes, "inferred", f"the target has {distinct:,} different values")
    if distinct == 2:
        alternatives = ("regression",)
        return Known("binary", "inferred", "the target has two values", alternatives)
    if (
        graded
        and asked.form != "how much"
        and (asked.form == "which class" or _GRADED.intersection(name_tokens(field.name)))
    ):
        why = f"the target has {distinct} whole values, and it is named or asked for as a class or grade"
        return Known("multiclass", "inferred", why, ("regression",))
    return Known("regression", "inferred", "the target is a number", ("multiclass",) if graded else ())


def _distinct(series: pd.Series, field: Field, name: str) -> int:
    """How many values the target has.

    Raises:
        DataError: when it isn't something that can be predicted.
    """
    if not series.notna().any():
        raise DataError(f"The target {name!r} holds nothing at all; name another one or give labelled rows")
    if field.kind in ("text", "datetime"):
        what = "free text" if field.kind == "text" else "dates"
        raise DataError(
            f"The target {name!r} holds {what}, which can't be predicted; name a column of numbers or classes"
        )
    distinct = int(series.nunique())
    if distinct < 2:
        raise DataError(
            f"The target {name!r} has the same value in every row, so there is nothing to learn; name another one or "
            "give rows with other values"
        )
    return distinct


def _check_classes(distinct: int, rows: int, name: str, numeric: bool) -> None:
    if distinct > MOST_CLASSES or (distinct > rows / 2 and distinct > 2):
        hint = "ask for regression" if numeric else "name another one, or put its values into fewer classes"
        raise DataError(
            f"The target {name!r} has {distinct:,} different values in {rows:,} rows, too many for classes; {hint}"
        )


# ── classes ──


def _classes(
    series: pd.Series, field: Field, task: str, asked: Statement, named: str | None
) -> tuple[tuple[str, ...], Known[str] | None]:
    """The labels in the order of the probability columns, for two classes the positive one last."""
    from modelwright.tasks import all_tasks

    classes = all_tasks()[task].classes(series.dropna())
    if task != "binary":
        return classes, None
    positive = _positive(classes, series, field, asked) if named is None else _named_class(named, classes, field)
    negative = classes[0] if classes[1] == positive.value else classes[1]
    return (negative, positive.value), positive


def _positive(classes: tuple[str, ...], series: pd.Series, field: Field, asked: Statement) -> Known[str]:
    if len(field.levels) == 2 and set(field.levels) == set(classes):
        yes, no = field.levels[1], field.levels[0]
        return Known(yes, "inferred", "it is the yes of the column", (no,))
    a, b = classes
    for yes, no in ((b, a), (a, b)):
        if (fold(yes) in _YES and fold(no) not in _YES) or (_number(yes) == 1 and _number(no) in (0.0, -1.0)):
            return Known(yes, "inferred", "it says yes", (no,))
        if _negated(no, yes):
            return Known(yes, "inferred", f"{printable(no)!r} is its opposite", (no,))
    words = [word for word, weight in asked.content if weight > 0]
    named = [label for label in classes if any(likeness(t, w) >= 0.85 for t in text_tokens(label)[:3] for w in words)]
    if len(named) == 1:
        other = b if named[0] == a else a
        return Known(named[0], "inferred", "the problem speaks of it", (other,))
    for yes, no in ((b, a), (a, b)):
        if fold(no) in _NO and fold(yes) not in _NO:
            return Known(yes, "inferred", f"{printable(no)!r} sounds like the ordinary case", (no,))
    eventful = [label for label in classes if any(sort_of(t) == "event" for t in text_tokens(label)[:3])]
    if len(eventful) == 1:
        other = b if eventful[0] == a else a
        return Known(eventful[0], "inferred", "it is the word for an event", (other,))
    counts = {str(level): int(count) for level, count in series.value_counts().items()}
    rows = {label: counts.get(label, counts.get(f"{label}.0", 0)) for label in classes}
    rarer, commoner = (a, b) if rows[a] < rows[b] else (b, a)
    return Known(rarer, "inferred", "it is the rarer one" if rows[a] != rows[b] else "it comes last", (commoner,))


def _named_class(name: str, classes: tuple[str, ...], field: Field) -> Known[str]:
    """The class that was named, also when its case differs or a number is written in another way.

    Raises:
        RequestError: when there is none.
    """
    number = _number(name)
    same = [c for c in classes if c == name] or [
        c for c in classes if fold(c).strip() == fold(name).strip() or (number is not None and _number(c) == number)
    ]
    if len(same) != 1:
        # Which classes there are isn't said: one may be so rare that it must not be named to whoever is asking.
        raise RequestError(
            f"The target {printable(field.name)!r} has no class {printable(name)!r}; "
            "give it as it is written in the data"
        )
    return Known(same[0], "user", "you named it", tuple(c for c in classes if c != same[0]))


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None


def _negated(no: str, yes: str) -> bool:
    """Whether one label is the other with a *no*, *not* or *non* before it."""
    stripped = re.sub(r"^(?:no|not|non|un|never)[\W_]+|^non(?=\w)", "", fold(no))
    return stripped != fold(no) and stem(stripped) == stem(fold(yes))


# ── metric ──


def _metric(task: str, asked: Statement, flag: str | None, demanded: str | None, field: Field) -> Known[str]:
    from modelwright.tasks import all_tasks, metrics_of
    from modelwright.tasks.metrics import find_metric

    kind = all_tasks()[task]
    fitting = metrics_of(task)
    others = tuple(name for name in (kind.default_metric, *kind.secondary) if name in fitting)
    for wanted, why in ((flag, "you named it"), (demanded, "your constraints name it")):
        if wanted is not None:
            name = find_metric(wanted, task).name
            return Known(name, "user", why, tuple(o for o in others if o != name))
    said = mentioned_metric(asked.text, task)
    if said and not set(text_tokens(said[1])) <= set(name_tokens(field.name)):
        name, words = said
        return Known(name, "inferred", f"the problem says {words!r}", tuple(o for o in others if o != name))
    default = kind.default_metric
    why = f"it is the usual one for {kind.title.lower()}"
    return Known(default, "inferred", why, tuple(o for o in others if o != default))
