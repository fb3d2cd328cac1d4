"""Reasons for single predictions, and what would change them, from a loaded bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelwright.action import did_you_mean
from modelwright.attribution import MOST, Attribution, attribute, players_of
from modelwright.bundle.wording import clean, named, reason_text, together, value_text
from modelwright.counterfactual import Move, options_of, search
from modelwright.errors import RequestError
from modelwright.explanation import Change, Counterfactual, Counterfactuals
from modelwright.tasks.metrics import to_labels

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from modelwright.bundle.model import Model

PLAYERS, FEWEST, CELLS = 100, 30, 30_000
"""Columns that are told apart at most, of how many in very wide data, and the product with the number of columns."""


def outcome_text(model: Model) -> str:
    """What reasons are about."""
    if not model.classes:
        return f"predicted {named(model.manifest.output.target)}"
    if len(model.classes) == 2:
        return f"probability of {named(model.classes[1])}"
    return "probability of the predicted class"


def attributed(model: Model, frame: pd.DataFrame, seconds: float) -> Attribution:
    """Shapley values of conformed rows against the bundle's reference rows."""
    import numpy as np

    raw = model._raw_of(frame) if len(frame) else np.zeros((0, max(1, len(model.classes))))
    picked = None
    if model.classes:
        picked = np.full(len(frame), 1) if len(model.classes) == 2 else raw.argmax(axis=1)
    problem = model.manifest.problem
    roles = (problem.time_column.value, problem.group_column.value)
    fixed = tuple(c for c in roles if c is not None and c in frame.columns)
    most = min(PLAYERS, max(FEWEST, CELLS // max(1, frame.shape[1])))
    return attribute(
        model._raw_of,
        frame,
        model._background(),
        players_of(list(frame.columns), model.manifest.important, most),
        seed=problem.seed,
        picked=picked,
        seconds=seconds,
        most=MOST if most == PLAYERS else MOST // 2,
        fixed=fixed,
    )


def figures(model: Model, found: Attribution) -> pd.DataFrame:
    """One row an input row, one column a player in the order of the data; the outcome and the base are in ``attrs``."""
    import pandas as pd

    place = {name: i for i, name in enumerate(model.manifest.input.names)}
    order = sorted(range(len(found.players)), key=lambda j: (len(found.players[j]) > 1, place[found.players[j][0]]))
    players = [found.players[j] for j in order]
    names = [player[0] if len(player) == 1 else together(player) for player in players]
    frame = pd.DataFrame(found.values[:, order], columns=pd.Index(names, dtype="str"))
    frame.attrs = {"outcome": outcome_text(model), "base": found.base.tolist(), "background": found.background}
    return frame


def reasons(model: Model, frame: pd.DataFrame, found: Attribution, top: int) -> pd.DataFrame:
    """The largest effects of single columns in words: ``reason_1`` … ; empty where fewer columns had any."""
    import numpy as np
    import pandas as pd

    personal = frozenset(f.name for f in model.manifest.input.fields if f.personal)
    columns = [frame[name].tolist() for name in frame.columns]
    place = {name: i for i, name in enumerate(frame.columns)}
    told: list[list[str]] = [[] for _ in range(top)]
    singles = np.flatnonzero([len(player) == 1 for player in found.players])
    order = singles[np.argsort(-np.abs(found.values[:, singles]), axis=1, kind="stable")[:, :top]]
    least = 1e-9 * np.abs(found.values).max(axis=1, initial=0.0)
    for i in range(len(frame)):
        for k in range(top):
            if k >= order.shape[1] or abs(effect := float(found.values[i, order[i, k]])) <= least[i]:
                told[k].append("")
                continue
            name = found.players[order[i, k]][0]
            told[k].append(reason_text(name, columns[place[name]][i], effect, personal=name in personal))
    return pd.DataFrame({f"reason_{k + 1}": pd.Series(texts, dtype="str") for k, texts in enumerate(told)})


def counterfactuals(
    model: Model, frame: pd.DataFrame, wanted: Any, frozen: Sequence[str], count: int, changes: int
) -> Counterfactuals:
    """See :meth:`modelwright.bundle.model.Model.counterfactuals`."""
    for name in frozen:
        if name not in frame.columns:
            raise RequestError(
                f"there is no column {clean(str(name))!r} to keep{did_you_mean(str(name), list(frame.columns))}"
            )
    goal, words = _goal(model, frame, wanted)
    now = _told(model, model._raw_of(frame))[0]
    if goal(model._raw_of(frame))[0] > 0:
        return Counterfactuals(now, words, note="The prediction is what was wanted already.")
    problem = model.manifest.problem
    kept = {*frozen, problem.time_column.value, problem.group_column.value}
    schema = model.manifest.input
    values = {
        name: usual
        for name, usual in model._usual_values().items()
        if name in schema and name not in kept and not schema[name].personal
    }
    ranked = {name: i for i, name in enumerate(model.manifest.important)}
    possible = options_of(frame, values)
    options = {name: possible[name] for name in sorted(possible, key=lambda n: (ranked.get(n, len(ranked)), n))}
    if not options:
        return Counterfactuals(now, words, note="None was looked for: there is no column that may change.")
    found = search(
        lambda rows: goal(model._raw_of(rows)),
        frame,
        options,
        whole=[f.name for f in schema.fields if f.whole],
        count=count,
        changes=changes,
    )
    told = tuple(_counterfactual(model, frame, move) for move in found)
    tried = f"{len(options):,} column{'s' if len(options) > 1 else ''}"
    note = f"No change of up to {min(changes, len(options))} of {tried} within the data's range leads there."
    return Counterfactuals(now, words, told, "" if told else note)


def _counterfactual(model: Model, frame: pd.DataFrame, move: Move) -> Counterfactual:
    import pandas as pd

    changed = frame.copy()
    for name, value in move.values.items():
        own = frame[name]
        if hasattr(own, "cat"):
            changed[name] = own.cat.set_categories([str(value)]).fillna(str(value))
        else:
            changed[name] = pd.Series([value], index=own.index, dtype=own.dtype)
    raw = model._raw_of(changed)
    changes = tuple(
        Change(name, value_text(frame[name].iloc[0]), value_text(value)) for name, value in move.values.items()
    )
    return Counterfactual(changes, *_told(model, raw), move.distance)


def _told(model: Model, raw: np.ndarray) -> tuple[str, float]:
    """What is predicted for one row: label and its probability, or the number twice."""
    if not model.classes:
        return value_text(float(raw[0])), float(raw[0])
    code = int(to_labels(raw, model.manifest.output.threshold)[0])
    return model.classes[code], float(raw[0, code])


def _goal(model: Model, frame: pd.DataFrame, wanted: Any) -> tuple[Any, str]:
    """How far raw predictions are beyond what is wanted, and what that is in words.

    Raises:
        RequestError: when it isn't a class of the model, or for a number not a range.
    """
    import numpy as np

    threshold = model.manifest.output.threshold
    if not model.classes:
        low, high = _range(wanted)

        def inside(raw: np.ndarray) -> np.ndarray:
            beyond = np.minimum(raw - low, high - raw)
            return np.where(beyond >= 0, np.maximum(beyond, 1e-300), beyond)

        words = f"at least {value_text(low)}" if np.isinf(high) else f"at most {value_text(high)}"
        return inside, words if np.isinf(low) or np.isinf(high) else f"{value_text(low)} to {value_text(high)}"
    now = int(to_labels(model._raw_of(frame), threshold)[0])
    if wanted is not None and str(wanted) not in model.classes:
        known = ", ".join(repr(clean(c)) for c in model.classes[:8])
        raise RequestError(f"{clean(str(wanted))!r} isn't a class of this model; it knows {known}")
    code = model.classes.index(str(wanted)) if wanted is not None else 1 - now if len(model.classes) == 2 else None

    def beyond(raw: np.ndarray) -> np.ndarray:
        labels = to_labels(raw, threshold)
        reached = labels != now if code is None else labels == code
        if len(model.classes) == 2:
            far = np.abs(raw[:, 1] - (0.5 if threshold is None else threshold))
        else:
            others = raw.copy()
            target = now if code is None else code
            others[:, target] = -np.inf
            far = np.abs(raw[:, target] - others.max(axis=1))
        return np.where(reached, np.maximum(far, 1e-300), -far - 1e-300)

    return beyond, "another class" if code is None else model.classes[code]


def _range(wanted: Any) -> tuple[float, float]:
    import math

    try:
        low, high = wanted
        ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    except (TypeError, ValueError):
        ends = (math.nan, math.nan)
    if not ends[0] <= ends[1] or (math.isinf(ends[0]) and math.isinf(ends[1])):
        raise RequestError(
            "for a model of numbers say which prediction is wanted, as a range: wanted=(100, None) for at least 100, "
            "(None, 50) for at most 50"
        )
    return ends
