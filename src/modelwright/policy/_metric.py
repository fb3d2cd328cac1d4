"""Finds the metric that a sentence names."""

from __future__ import annotations

import re

from modelwright.policy._words import fold

_UNMISTAKABLE = frozenset(
    {
        "rmse", "mae", "mse", "rmsle", "msle", "mape", "smape", "wape", "auc", "auroc", "roc auc", "f1", "f1 score",
        "f2", "log loss", "logloss", "mcc", "qwk", "r2", "auprc", "pr auc", "prauc", "balanced accuracy", "macro f1",
        "weighted f1", "f1 macro", "f1 weighted", "brier score", "cross entropy", "mean absolute error",
        "mean squared error", "root mean squared error", "root mean square error", "area under the roc",
        "area under the roc curve", "area under the curve", "area under the precision recall curve",
        "mean absolute percentage error", "average precision", "cohen kappa", "cohens kappa",
    }
)  # fmt: skip
_CUE = re.compile(
    r"\b(?:optimi[sz]\w*|maximi[sz]\w*|minimi[sz]\w*|metric|measure|measured|evaluat\w*|scor(?:e|ed|ing)|judged|"
    r"in terms of|the best|highest|lowest|primary|track)\b"
)


def mentioned_metric(text: str, task: str | None = None, *, cued: bool = False) -> tuple[str, str] | None:
    """The metric that a text names, and the words that name it; ``None`` when it names none.

    Everyday words (*accuracy*, *precision*) count only beside a word such as *optimise* or *metric*, or when the
    caller knows that the text is about a metric (``cued``). The longest name wins, then the first in the text.

    Args:
        text: what was written.
        task: only metrics of this task type.
        cued: whether the text is known to be about a metric.
    """
    from modelwright.tasks.metrics import METRICS

    words = _plain(text)
    found: list[tuple[int, int, str, str]] = []
    cued = cued or bool(_CUE.search(fold(text)))
    for metric in METRICS:
        if task is not None and task not in metric.tasks:
            continue
        for alias in (metric.name, metric.title, *metric.aliases):
            phrase = _plain(alias)
            if len(phrase) < 2 or (phrase not in _UNMISTAKABLE and not cued):
                continue
            place = re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", words)
            if place:
                found.append((-len(phrase), place.start(), metric.name if task else alias, phrase))
    if not found:
        return None
    _, _, name, phrase = min(found, key=lambda hit: hit[:2])
    return name, phrase


def _plain(text: str) -> str:
    """Lower case, words apart by one blank, ``R²`` as r2."""
    return " ".join(re.findall(r"\w+", fold(text).replace("r^2", "r2").replace("'", "")))
