"""How much each original column matters to a model: permutation importance, with directions in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modelwright.judgement import Importance
from modelwright.tasks.metrics import Metric, gain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FLOOR = 10
"""Rows that a level must have to be named."""
SCREENED = 40
"""Columns beyond which blocks of them are shuffled together when time is short."""


def permutation_importance(
    predict: Callable[[pd.DataFrame], np.ndarray],
    frame: pd.DataFrame,
    y: np.ndarray,
    metric: Metric,
    columns: Sequence[str],
    *,
    seed: int,
    deadline: float,
    repeats: int = 3,
    max_rows: int = 5000,
    classes: Sequence[str] = (),
    positive: int | None = None,
    threshold: float | None = None,
    personal: Sequence[str] = (),
) -> tuple[Importance, ...]:
    """By how much the score gets worse when one column's values are shuffled (Breiman 2001; Fisher et al. 2019).

    Values are shuffled as they are, missing ones included, so that the model sees nothing it hasn't seen. Columns
    that go with the prediction most come first, and every column is measured once before any is measured again, so
    that the deadline takes away what matters least. When a prediction takes so long that the columns wouldn't be
    through in time, fewer rows are used, down to a sixteenth. Where even then there are too many columns, half of the
    time goes into shuffling whole blocks of them: blocks that are missed are halved until single columns are found, so
    that a column that matters only together with others isn't overlooked for going with nothing by itself. Of columns
    that carry the same information each seems unimportant, since the others still tell it.

    Args:
        predict: probabilities (n, k) or values (n,) for a frame like ``frame``.
        frame: rows with their original columns.
        y: the truth, codes or values (n,).
        metric: what the loss is measured in.
        columns: which columns to measure.
        seed: seed of the shuffles.
        deadline: ``time.monotonic()`` after which no further prediction is started.
        repeats: how often each column is shuffled.
        max_rows: rows used at most, drawn at random.
        classes: labels, for words.
        positive: code of the class that is looked for, of two; the last when it isn't given.
        threshold: for two classes, the probability from which a row is called positive.
        personal: columns whose levels must not be named.

    Returns:
        One entry for each column that was reached in time, largest loss first.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 17])
    shuffled = rng.permutation(len(frame))
    size = min(len(frame), max_rows)
    while True:
        rows = np.sort(shuffled[:size])
        part, truth = frame.iloc[rows].reset_index(drop=True), y[rows]
        started = time.monotonic()
        if started >= deadline:
            return ()
        raw = predict(part)
        took = time.monotonic() - started
        if took * len(columns) <= deadline - time.monotonic() or size // 4 < max(FLOOR * 20, max_rows // 16):
            break
        size //= 4
    code = (raw.shape[1] - 1 if positive is None else positive) if raw.ndim == 2 else None

    def scored(prediction: np.ndarray) -> float:
        return metric.score(truth, prediction, positive=code, threshold=threshold)

    whole = scored(raw)
    watched = raw if code is None else raw[:, code] if raw.shape[1] == 2 else raw.max(axis=1)
    strengths = {name: _strength(part[name], watched) for name in columns}
    order = sorted(columns, key=lambda c: -strengths[c])
    if len(order) > SCREENED and took * len(order) > deadline - time.monotonic():
        afforded = max(0, int((deadline - time.monotonic()) / took))
        shuffles = iter(rng.permutation(len(part)) for _ in range(afforded // 2))

        def together(names: Sequence[str]) -> float | None:
            """What is lost when these columns are shuffled in the same way; ``None`` when time is over."""
            drawn = next(shuffles, None)
            if drawn is None or time.monotonic() + took > deadline:
                return None
            changed = part.copy(deep=False)
            for name in names:
                changed[name] = part[name].take(drawn).set_axis(part.index)
            return gain(metric, whole, scored(predict(changed)))

        order = _screened(order, together, afforded // 4)
    losses: dict[str, list[float]] = {name: [] for name in order}
    for _ in range(repeats):
        for name, found in losses.items():
            drawn = rng.permutation(len(part))
            if time.monotonic() + took > deadline:
                break
            changed = part.copy(deep=False)
            changed[name] = part[name].take(drawn).set_axis(part.index)
            found.append(gain(metric, whole, scored(predict(changed))))
    outcome = _outcome(raw, classes, code)
    measured = [
        Importance(
            name,
            float(np.mean(found)),
            float(np.min(found)),
            float(np.max(found)),
            direction(part[name], watched, outcome, named=name not in personal) if outcome else "",
        )
        for name, found in losses.items()
        if found
    ]
    return tuple(sorted(measured, key=lambda i: -i.loss))


def _screened(order: list[str], lost: Callable[[Sequence[str]], float | None], blocks: int) -> list[str]:
    """The columns in the order in which they are worth measuring: those of blocks that are missed most come first.

    The strongest quarter of what can be afforded keeps its place, the others are divided into blocks (group testing,
    Dorfman 1943): of the block that loses most by column, both halves are shuffled next.

    Args:
        order: columns, those that go with the prediction most first.
        lost: the loss when some columns are shuffled together; ``None`` when no more can be afforded.
        blocks: how many blocks to begin with.
    """
    first, rest = order[:blocks], order[blocks:]
    if not rest or not blocks:
        return order
    size = -(-len(rest) // blocks)
    pending = [rest[i : i + size] for i in range(0, len(rest), size)]
    measured: list[tuple[float, list[str]]] = []
    while pending:
        block = pending.pop(0)
        loss = lost(block)
        if loss is None:
            measured += [(0.0, b) for b in (block, *pending)]
            break
        measured.append((loss / len(block), block))
        if not pending:
            halved = max((m for m in measured if len(m[1]) > 1 and m[0] > 0), default=None, key=lambda m: m[0])
            if halved is not None:
                measured.remove(halved)
                pending = [halved[1][: len(halved[1]) // 2], halved[1][len(halved[1]) // 2 :]]
    measured.sort(key=lambda m: -m[0])
    return [*first, *(name for _, block in measured for name in block)]


def direction(
    column: pd.Series, prediction: np.ndarray, outcome: tuple[str, str], *, named: bool = True, floor: int = FLOOR
) -> str:
    """What larger values, later dates or certain levels do to the prediction, in words; empty when it isn't clear.

    Args:
        column: values of the column.
        prediction: probability of the positive class, or predicted values.
        outcome: words for a higher and for a lower prediction.
        named: whether levels may be named.
        floor: rows that a level must have among these to be named.
    """
    import numpy as np
    import pandas as pd

    higher, lower = outcome
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        later = "later" if pd.api.types.is_datetime64_any_dtype(column) else "higher values"
        rho = rank_correlation(column, prediction)
        if abs(rho) >= 0.1:
            return f"{later}: {higher if rho > 0 else lower}"
        return _bent(column, prediction, outcome)
    if not isinstance(column.dtype, pd.CategoricalDtype) or not named:
        return ""
    means = pd.Series(prediction).groupby(column.reset_index(drop=True), observed=True).agg(["mean", "size"])
    means = means[means["size"] >= floor].sort_values("mean", kind="stable")
    if len(means) < 2 or np.ptp(means["mean"]) < 0.1 * np.std(prediction):
        return ""
    top, bottom = (_brief(str(means.index[i])) for i in (-1, 0))
    return f"{top}: {higher}; {bottom}: {lower}"


def _bent(column: pd.Series, prediction: np.ndarray, outcome: tuple[str, str]) -> str:
    """Words for a relation with a peak or a valley in the middle."""
    import numpy as np

    ranks = column.rank(pct=True).to_numpy()
    middle, ends = (ranks > 0.3) & (ranks < 0.7), (ranks <= 0.2) | (ranks >= 0.8)
    if min(middle.sum(), ends.sum()) < FLOOR:
        return ""
    difference = prediction[middle].mean() - prediction[ends].mean()
    if abs(difference) < 0.3 * np.std(prediction):
        return ""
    return f"middling values: {outcome[0] if difference > 0 else outcome[1]}"


def _outcome(raw: np.ndarray, classes: Sequence[str], code: int | None) -> tuple[str, str] | None:
    if raw.ndim == 1:
        return "higher prediction", "lower prediction"
    if raw.shape[1] != 2 or code is None:
        return None
    label = _brief(classes[code]) if len(classes) > code else "the positive class"
    return f"{label} more likely", f"{label} less likely"


def _strength(column: pd.Series, prediction: np.ndarray) -> float:
    """How closely a column goes with the prediction, 0 to 1, for the order in which columns are measured."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return abs(rank_correlation(column, prediction))
    series = pd.Series(prediction)
    total = float(((series - series.mean()) ** 2).sum())
    codes = column.reset_index(drop=True).factorize(use_na_sentinel=False)[0]
    groups = series.groupby(codes)
    between = float((groups.size() * (groups.mean() - series.mean()) ** 2).sum())
    # what as many levels would explain by chance is taken off
    chance = (groups.ngroups - 1) / max(1, len(series) - 1)
    return max(0.0, between / total - chance) ** 0.5 if total > 0 else 0.0


def rank_correlation(column: pd.Series, prediction: np.ndarray) -> float:
    """Spearman's correlation of numbers or dates with a prediction; 0 where too few are known or nothing varies."""
    import numpy as np

    known = column.notna().to_numpy()
    if known.sum() < FLOOR:
        return 0.0
    import pandas as pd

    a = column[known].rank().to_numpy(dtype=np.float64)
    b = pd.Series(prediction[known]).rank().to_numpy(dtype=np.float64)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _brief(label: str) -> str:
    label = " ".join(label.split())
    return repr(label if len(label) <= 40 else label[:37] + "...")
