"""Scores in plain words, each worked out from what was measured on the holdout."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelwright.report import Story
from modelwright.report.numbers import counted, interval, number, of_hundred, percent, score, sentence, shorten
from modelwright.report.tree import Name, Part, Strong, Tone, Words, parts

if TYPE_CHECKING:
    from modelwright.tasks.metrics import Metric


def metric_of(story: Story, name: str = "") -> Metric:
    """The run's metric, or the metric of this name."""
    from modelwright.tasks.metrics import find_metric

    return find_metric(name or story.problem.metric.value, story.problem.task.value)


def capital(text: str) -> str:
    """The text with a capital first letter; for titles of metrics, never for names from the data."""
    return text[:1].upper() + text[1:]


def gain(story: Story) -> float:
    """By how much the model is better than the baseline on the holdout, in the metric's units."""
    sign = 1 if metric_of(story).greater_is_better else -1
    return sign * (story.judgement.score.value - story.judgement.baseline.value)


def tone(story: Story) -> Tone:
    """The colour of the verdict."""
    tones: dict[str, Tone] = {"ready": "good", "usable with care": "care", "not usable": "bad"}
    return tones[story.judgement.verdict]


def class_counts(story: Story) -> dict[str, int]:
    """Rows of each class on the holdout (from the confusion counts)."""
    judged = story.judgement
    return {c: sum(row) for c, row in zip(judged.classes, judged.confusion, strict=False)}


def positive(story: Story) -> str:
    """The label that is looked for in a binary problem; empty in other problems."""
    if story.problem.task.value != "binary" or len(story.judgement.classes) != 2:
        return ""
    known = story.problem.positive
    return known.value if known and known.value in story.judgement.classes else story.judgement.classes[-1]


@dataclass(frozen=True)
class Flags:
    """What calling rows positive amounts to at the chosen threshold, in counts of holdout rows."""

    found: int
    missed: int
    false: int
    spared: int

    @property
    def flagged(self) -> int:
        """Rows called positive."""
        return self.found + self.false

    @property
    def real(self) -> int:
        """Rows that are positive."""
        return self.found + self.missed


def flags(story: Story) -> Flags | None:
    """The four counts of a binary problem, where there is a confusion matrix."""
    judged = story.judgement
    if not positive(story) or len(judged.confusion) != 2:
        return None
    yes = judged.classes.index(positive(story))
    no, counts = 1 - yes, judged.confusion
    return Flags(counts[yes][yes], counts[yes][no], counts[no][yes], counts[no][no])


def right_share(story: Story) -> float | None:
    """The share of holdout rows that are labelled right."""
    counts = story.judgement.confusion
    total = sum(map(sum, counts))
    return sum(row[i] for i, row in enumerate(counts)) / total if total else None


def commonest_share(story: Story) -> float | None:
    """The share of the commonest class on the holdout: how often one is right who always names it."""
    counts = class_counts(story)
    total = sum(counts.values())
    return max(counts.values()) / total if total else None


# ── one metric, in words ─────────────────────────────────────────────────────


def in_words(story: Story) -> Words:
    """What the holdout score of the delivered model means, as one sentence."""
    metric, value = metric_of(story), story.judgement.score.value
    if not math.isfinite(value):
        return f"The {metric.title} could not be measured on the holdout."
    explain = _MEANING.get(metric.name)
    if explain:
        return explain(story, value)
    better = "higher is better" if metric.greater_is_better else "lower is better"
    best = f", {number(metric.best)} is perfect" if math.isfinite(metric.best) else ""
    return f"The {metric.title} is {score(value)} ({sentence(metric.description).rstrip('.')}; {better}{best})."


def _ranked(story: Story, value: float) -> Words:
    return (
        "Given one row that is ", Name(positive(story)), " and one that isn't, both picked at random, the model "
        f"gives the first one the higher probability in {of_hundred(value)} of 100 cases; guessing would get 50.",
    )  # fmt: skip


def _ranked_each(_: Story, value: float) -> Words:
    return (
        "Given one row of a class and one of another, both picked at random, the model gives the first one the higher "
        f"probability of that class in {of_hundred(value)} of 100 cases (averaged over classes); guessing would get 50."
    )


def _clean_top(story: Story, value: float) -> Words:
    counted_flags = flags(story)
    rate = counted_flags.real / story.judgement.score.n_rows if counted_flags else None
    guess = f"; in random order it would be {percent(rate)}" if rate is not None else ""
    return (
        f"Going from the most to the least suspicious row, on average {percent(value)} of those passed are ",
        Name(positive(story)), f", counted whenever one is met{guess}.",
    )  # fmt: skip


def _right(story: Story, value: float) -> Words:
    common = commonest_share(story)
    guess = f"; always naming the commonest class would be right for {of_hundred(common)}" if common else ""
    return f"The model names the right class for {of_hundred(value)} of 100 rows{guess}."


def _right_each(story: Story, value: float) -> Words:
    k = max(len(story.judgement.classes), 2)
    return (
        f"With every class counting the same, however rare, the model recognises {of_hundred(value)} of 100 rows; "
        f"guessing would get {of_hundred(1 / k)}."
    )


def _found(story: Story, value: float) -> Words:
    return ("Of 100 rows that really are ", Name(positive(story)), f", the model finds {of_hundred(value)}.")


def _justified(story: Story, value: float) -> Words:
    return ("Of 100 rows that the model calls ", Name(positive(story)), f", {of_hundred(value)} really are.")


def _f1(story: Story, value: float) -> Words:
    counts = flags(story)
    if not counts or not counts.real or not counts.flagged:
        return f"F1 is {score(value)}, between 0 (nothing found) and 1 (all found, no false alarm)."
    return (
        "Of the rows that really are ", Name(positive(story)), f" the model finds {percent(counts.found / counts.real)}"
        f", and {percent(counts.found / counts.flagged)} of its alarms are justified: together an F1 of "
        f"{score(value)}, where 1 is perfect.",
    )  # fmt: skip


def _sure(story: Story, value: float) -> Words:
    share, counts = right_share(story), [n for n in class_counts(story).values() if n]
    right = f" and names the right class for {of_hundred(share)} of 100 rows" if share is not None else ""
    rows = sum(counts)
    blind = math.exp(sum(n / rows * math.log(n / rows) for n in counts)) if rows else None
    guess = f"; always giving the classes' shares, it would be {percent(blind)}" if blind is not None else ""
    return (
        f"To what really happened the model had typically given a probability of {percent(math.exp(-value))} "
        f"(geometric mean{guess}){right}."
    )


def _off(story: Story, value: float) -> Words:
    spread = story.profile.target_numbers.get("std")
    own = f", while the target itself typically lies {number(spread)} from its mean" if spread else ""
    mae = story.judgement.metrics.get("mae")
    mean = f"; the mean size of an error is {number(mae.value)}" if mae and math.isfinite(mae.value) else ""
    return (f"Predictions are typically off by about {number(value)} (large errors count more){own}{mean}.",)


def _mean_off(story: Story, value: float) -> Words:
    middle = story.profile.target_numbers.get("q50")
    own = f"; the middle value of the target is {number(middle)}" if middle is not None else ""
    return f"On average a prediction is off by {number(value)}{own}."


def _half_off(_: Story, value: float) -> Words:
    return f"Half of the predictions are off by less than {number(value)}, the other half by more."


def _explained(_: Story, value: float) -> Words:
    if value <= 0:
        return "The model explains nothing of how the target varies: predicting its mean would do as well or better."
    return f"The model explains {percent(value)} of how the target varies; predicting its mean would explain nothing."


def _percentage_off(_: Story, value: float) -> Words:
    return f"On average a prediction is off by {percent(value)} of the true value."


def _total_off(_: Story, value: float) -> Words:
    return f"All errors together make {percent(value)} of the sum of the true values."


def _factor_off(_: Story, value: float) -> Words:
    return f"Predictions are typically off by a factor of about {number(math.exp(value), 3)}, in either direction."


def _brier(story: Story, value: float) -> Words:
    counts = class_counts(story)
    total = sum(counts.values())
    halves = 1 if len(counts) == 2 else 0
    flat = sum((n / total) * (1 - n / total) for n in counts.values()) / (2 if halves else 1) if total else None
    guess = f"; always giving the classes' shares would make {score(flat)}" if flat is not None else ""
    return f"The squared distance between probabilities and what happened is {score(value)} (0 is perfect{guess})."


def _correlated(story: Story, value: float) -> Words:
    title = capital(metric_of(story).title)
    return f"{title} is {score(value)}, on a scale where 0 is guessing and 1 is perfect."


_MEANING: dict[str, Callable[[Story, float], Words]] = {
    "roc_auc": _ranked, "roc_auc_ovr": _ranked_each, "roc_auc_ovr_weighted": _ranked_each, "roc_auc_ovo": _ranked_each,
    "average_precision": _clean_top, "accuracy": _right, "balanced_accuracy": _right_each, "recall": _found,
    "precision": _justified, "f1": _f1, "log_loss": _sure, "brier_score": _brier, "rmse": _off, "mae": _mean_off,
    "median_absolute_error": _half_off, "r2": _explained, "explained_variance": _explained, "mape": _percentage_off,
    "wape": _total_off, "rmsle": _factor_off, "matthews_corrcoef": _correlated, "cohen_kappa": _correlated,
    "linear_kappa": _correlated, "quadratic_kappa": _correlated, "gini": _correlated,
}  # fmt: skip


# ── comparisons and the answer ───────────────────────────────────────────────


def expectation(story: Story) -> str:
    """The interval as a sentence; says so when there is none."""
    judged, metric = story.judgement.score, metric_of(story)
    ends = interval(judged.low, judged.high, " and ")
    if not ends:
        return f"No interval could be worked out from {counted(judged.n_rows, 'holdout row')}."
    return f"On another {counted(judged.n_rows, 'row')} like these, expect {_a(metric.title)} between {ends} (95 %)."


def _a(title: str) -> str:
    return f"an {title}" if title[:1].lower() in "aeio" or title.startswith(("F1", "F2", "ROC", "R²")) else f"a {title}"


def comparison(story: Story) -> Words:
    """The model against the baseline on the same rows, and how sure that is."""
    judged, metric = story.judgement, metric_of(story)
    base = judged.baseline.value
    head: tuple[Part, ...] = ("The baseline, ", Name(judged.baseline_name), f", reaches {score(base)} on the same rows")
    won = gain(story)
    if not math.isfinite(won):
        return (*head, ".")
    if won <= 0:
        return (*head, ", so the model is no better than that.")
    how = f"lower by {score(won)}" if not metric.greater_is_better else f"higher by {score(won)}"
    if not metric.greater_is_better and base > 0:
        how += f", or {percent(won / base)}"
    return (*head, f"; the model's {metric.title} is {how}. {confidence(story)}")


def sureness(story: Story) -> str:
    """How sure it is that the model beats the baseline: ``no accident``, ``probably no accident`` or ``chance``.

    The share of paired resamplings decides, and the interval of the paired difference has to leave zero out, too;
    where that wasn't measured, the score's own interval has to lie clear of the baseline.
    """
    judged = story.judgement
    low, high = judged.score.low, judged.score.high
    clear = low is None or high is None or not low <= judged.baseline.value <= high
    for paired in judged.comparisons:
        if paired.role == "baseline":
            clear = paired.distinguishable
    if judged.better >= 0.975 and clear:
        return "no accident"
    return "probably no accident" if judged.better >= 0.9 else "chance"


def confidence(story: Story) -> str:
    """The same as a sentence, with the share of resamplings in which the model is ahead."""
    if not math.isfinite(story.judgement.better):
        return "How sure that is could not be measured."
    is_ = {"chance": "may be chance"}.get(sureness(story), f"is {sureness(story)}")
    return f"That {is_}: it is ahead in {percent(story.judgement.better)} of the resamplings of these rows."


def answer(story: Story) -> tuple[Words, ...]:
    """The answer in three sentences: what is predicted and how well, against what, and what may be done with it."""
    return _first(story), _second(story), _third(story)


def _first(story: Story) -> Words:
    said = in_words(story)
    used = len(story.problem.features(story.schema.names))
    start: tuple[Part, ...] = ("The model predicts ", Name(story.problem.target.value), " from ")
    rest = parts(said)
    first = rest[0]
    joined = (first[0].lower() + first[1:] if isinstance(first, str) and not first.startswith(("F1", "R²", "ROC"))
              else first)  # fmt: skip
    return (*start, f"{counted(used, 'column')}: ", joined, *rest[1:])


def _second(story: Story) -> Words:
    judged, metric = story.judgement, metric_of(story)
    ends = interval(judged.score.low, judged.score.high)
    around = f" (95 % interval {ends})" if ends else ""
    head: tuple[Part, ...] = (
        "On ", f"{counted(judged.score.n_rows, 'row')} it had never seen its {metric.title} is ",
        Strong(score(judged.score.value)), f"{around}, against {score(judged.baseline.value)} of the baseline ",
        Name(judged.baseline_name),
    )  # fmt: skip
    if gain(story) <= 0:
        return (*head, ", so it is no better than the baseline.")
    if not math.isfinite(judged.better):
        return (*head, ".")
    is_ = {"chance": "may be chance"}.get(sureness(story), f"is {sureness(story)}")
    return (*head, f"; that lead {is_} (ahead in {percent(judged.better)} of resamplings).")


def _third(story: Story) -> Words:
    judged = story.judgement
    may = {
        "ready": "It is ready to be used",
        "usable with care": "It can be used with care",
        "not usable": "It should not be used as it is",
    }[judged.verdict]
    reason = sentence(judged.verdict_reason)
    return (Strong(may), f": {reason}" if reason else ".")


def title_words(story: Story) -> Words:
    """The title of the report."""
    return ("Predicting ", Name(story.problem.target.value))


def plain_name(name: str) -> str:
    """A name for places that can't mark names, such as pictures."""
    return shorten(name, 40)
