"""How good the model is."""

from __future__ import annotations

import math

from modelwright.judgement import Curve
from modelwright.report import Story, pictures
from modelwright.report.certainty import calibration
from modelwright.report.numbers import counted, interval, number, of_hundred, percent, score, shorten
from modelwright.report.tree import (
    Block,
    Details,
    Facts,
    Figure,
    Heading,
    Name,
    Paragraph,
    Part,
    Pictures,
    Section,
    Table,
    Words,
)
from modelwright.report.wording import (
    capital,
    class_counts,
    comparison,
    expectation,
    flags,
    in_words,
    metric_of,
    positive,
    right_share,
)

_MATRIX = 30  # classes that a matrix is still readable with


def how_good(story: Story) -> Section:
    """The score in words, against the baseline, with its pictures and the other metrics."""
    blocks: list[Block] = [
        Paragraph(in_words(story)),
        Paragraph(expectation(story)),
        Paragraph(comparison(story)),
    ]
    if _all_finite(story.judgement.score.value, story.judgement.baseline.value):
        blocks.append(_reach(story))
    blocks += [*_alarms(story), *_operating_points(story), _metrics(story)]
    figures = _figures(story)
    if figures:
        blocks += [Heading("A closer look"), Pictures(tuple(figures))]
    blocks += [*calibration(story), *_mixups(story)]
    return Section("How good it is", "performance", tuple(blocks), "judgement")


def _all_finite(*values: float) -> bool:
    return all(map(math.isfinite, values))


def _reach(story: Story) -> Figure:
    judged, metric = story.judgement, metric_of(story)
    ends = interval(judged.score.low, judged.score.high)
    side = "Further right" if metric.greater_is_better else "Further left"
    bar = f", and on other rows like these it should lie within {ends}" if ends else ""
    said = f"The model reaches {score(judged.score.value)}{bar}; the baseline {score(judged.baseline.value)}."
    return Figure(
        f"{capital(metric.title)} on the holdout",
        pictures.reach(story),
        said,
        f"{side} is better. Dots are scores, bars 95 % intervals.",
        said,
    )


def _alarms(story: Story) -> list[Block]:
    counts = flags(story)
    if not counts or not counts.real:
        return []
    at = f" (from a probability of {number(story.judgement.threshold, 3)} on)" if story.judgement.threshold else ""
    yes = Name(positive(story))
    found: tuple[Part, ...] = (
        f"Used as an alarm, the model calls {counts.flagged:,} of {counted(story.judgement.score.n_rows, 'row')} ",
        yes,
        f"{at}: it finds {counts.found:,} of the {counts.real:,} that really are",
    )
    if not counts.flagged:
        return [Paragraph((*found, ", so as an alarm it never rings; its probabilities still rank rows."))]
    rest = f", and {of_hundred(counts.found / counts.flagged)} of 100 alarms are justified."
    return [Paragraph((*found, rest))]


_FOUND = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # shares found, of which the price is told


def _operating_points(story: Story) -> list[Block]:
    """What finding more, or raising fewer alarms, would cost: points of the precision-recall curve."""
    curve, counts = pictures.finite(story.judgement.precision_recall), flags(story)
    if not curve or not counts or not counts.real:
        return []
    total = counts.found + counts.missed + counts.false + counts.spared
    points = sorted(zip(curve.x, curve.y, strict=True))
    rows: list[tuple[Words, ...]] = []
    for share in _FOUND:
        reached = [(x, y) for x, y in points if x >= share]
        if not reached:
            continue
        x = reached[0][0]
        y = max(precision for at, precision in reached if at == x)
        if y > 0:
            flagged = x * counts.real / y / total
            rows.append((of_hundred(x), of_hundred(y), of_hundred(min(flagged, 1.0))))
    if len(rows) < 2:
        return []
    titles = ("Found, of 100 there are", "Right, of 100 alarms", "Alarms in 100 rows")
    note = "On the holdout, from its precision-recall curve; a lower threshold finds more and rings more often."
    table = Table(titles, tuple(rows), "rrr", "What finding more would cost")
    return [Details("What finding more, or ringing less often, would cost", (table, Paragraph(note, "note")))]


def _metrics(story: Story) -> Table:
    judged, main = story.judgement, metric_of(story)
    scores = {main.name: judged.score} | {n: s for n, s in judged.metrics.items() if n != main.name}
    rows = tuple(
        (
            capital(metric_of(story, name).title),
            score(found.value),
            interval(found.low, found.high, " – ") or "–",
            f"{metric_of(story, name).description}; {_better(story, name)}",
        )
        for name, found in scores.items()
    )
    return Table(
        ("Metric", "Holdout", "95 % interval", "Meaning"),
        rows,
        "lrlw",
        "Metrics on the holdout",
        strong=0,
    )


def _better(story: Story, name: str) -> str:
    return "higher is better" if metric_of(story, name).greater_is_better else "lower is better"


def _figures(story: Story) -> list[Figure]:
    judged = story.judgement
    figures = [_confusion(story)] if judged.confusion and sum(map(sum, judged.confusion)) else []
    counts = flags(story)
    curve = pictures.finite(judged.roc)
    if curve:
        negatives = counts.false + counts.spared if counts else 0
        spot = (counts.false / negatives, counts.found / counts.real) if counts and negatives and counts.real else None
        figures.append(_roc(story, pictures.roc(curve, spot), spot))
    curve = pictures.finite(judged.precision_recall)
    if curve:
        figures.append(_precision(story, curve))
    scattered = pictures.finite(judged.scatter)
    if scattered:
        said = f"{counted(len(scattered.x), 'row')} of the holdout; the closer to the dashed line, the better."
        reading = "Every dot is a row. Above the line the prediction was too low, below it too high."
        figures.append(Figure("True against predicted", pictures.scatter(scattered), said, reading, said))
    if len(judged.residuals) > 10 and _all_finite(*judged.residuals):
        figures.append(_residuals(judged.residuals))
    curve = pictures.finite(judged.calibration)
    if curve:
        figures.append(_calibration(curve, bool(judged.classes), positive(story)))
    return figures


def _confusion(story: Story) -> Figure:
    judged = story.judgement
    order = sorted(range(len(judged.classes)), key=lambda i: -sum(judged.confusion[i]))[:_MATRIX]
    keep = sorted(order)
    labels = [judged.classes[i] for i in keep]
    counts = [[judged.confusion[i][j] for j in keep] for i in keep]
    share = right_share(story) or 0.0
    said = f"{of_hundred(share)} of 100 rows are labelled right."
    part = ""
    if len(judged.classes) > _MATRIX:
        part = f" The {_MATRIX} commonest of {len(judged.classes)} classes are shown."
    table = None
    if len(labels) <= 8:
        cells: tuple[tuple[Words, ...], ...] = tuple(
            (Name(n), *(f"{c:,}" for c in row)) for n, row in zip(labels, counts, strict=True)
        )
        table = Table(("true \\ predicted", *map(shorten, labels)), cells, "l" + "r" * len(labels), "Confusion matrix")
    reading = (
        f"Rows are the true classes, columns the predicted ones; the stronger the colour, the larger the share "
        f"of the true class. Blue is right, red is wrong.{part}"
    )
    alt = f"Confusion matrix. {said}"
    return Figure("Right and wrong", pictures.confusion(labels, counts), said, reading, alt, table)


def _roc(story: Story, svg: str, spot: tuple[float, float] | None) -> Figure:
    found = story.judgement.metrics.get("roc_auc")
    own = story.judgement.score if metric_of(story).name == "roc_auc" else found
    area = f"The area under the curve is {score(own.value)}; guessing has 0.5. " if own else ""
    at = (
        f"At the chosen threshold {percent(spot[1])} are found, for {percent(spot[0])} false alarms among the others."
        if spot
        else ""
    )
    said = (area + at).strip() or "The share found for every rate of false alarms."
    reading = "The nearer to the upper left corner, the better; the dot is the chosen threshold."
    return Figure("Found against false alarms (ROC)", svg, said, reading, said)


def _precision(story: Story, curve: Curve) -> Figure:
    counts = flags(story)
    rate = counts.real / story.judgement.score.n_rows if counts else None
    spot = None
    if counts and counts.real and counts.flagged:
        spot = (counts.found / counts.real, counts.found / counts.flagged)
    at = f"At the chosen threshold {percent(spot[1])} of the alarms are justified. " if spot else ""
    guess = f"Alarms at random would be justified in {percent(rate)} of the cases." if rate is not None else ""
    said = (at + guess).strip() or "How clean the alarms are for every share found."
    reading = "The nearer to the upper right corner, the better; the dashed line is guessing."
    svg = pictures.precision_recall(curve, rate, spot)
    return Figure("Justified alarms against found (precision and recall)", svg, said, reading, said)


def _residuals(percentiles: tuple[float, ...]) -> Figure:
    low, high = percentiles[len(percentiles) // 10], percentiles[-1 - len(percentiles) // 10]
    middle = percentiles[len(percentiles) // 2]
    said = f"Eight of ten errors lie between {number(low)} and {number(high)}; the middle one is {number(middle)}."
    reading = "Right of zero the prediction was too low. The two per cent of rows furthest out are left out."
    return Figure("Errors", pictures.residuals(percentiles), said, reading, said)


def _calibration(curve: Curve, probabilities: bool, label: str) -> Figure:
    gaps = [abs(x - y) for x, y in zip(curve.x, curve.y, strict=True)]
    i = max(range(len(gaps)), key=gaps.__getitem__)
    if probabilities:
        said = f"The largest gap: where the model said {percent(curve.x[i])}, it happened in {percent(curve.y[i])}."
        what = "the label that is looked for" if label else "the predicted class"
        reading = f"On the dashed line probabilities of {what} can be taken at their word; below it they are too high."
    else:
        said = f"The largest gap: a mean prediction of {number(curve.x[i])}, a mean truth of {number(curve.y[i])}."
        reading = "Rows in bins by prediction. On the dashed line predictions are right on average."
    title = "Can probabilities be believed?" if probabilities else "Right on average?"
    return Figure(title, pictures.calibration(curve, probabilities), said, reading, said)


def _mixups(story: Story) -> list[Block]:
    """The commonest confusions of several classes, and how well each class is recognised."""
    judged = story.judgement
    if len(judged.classes) < 3 or not judged.confusion:
        return []
    sizes, names = class_counts(story), judged.classes
    wrong = sorted(
        ((count, i, j) for i, row in enumerate(judged.confusion) for j, count in enumerate(row) if i != j and count),
        key=lambda t: (-t[0], t[1], t[2]),
    )[:8]
    if not wrong:
        return [Paragraph("No class was mistaken for another on the holdout.")]
    rows = tuple(
        (Name(names[i]), Name(names[j]), f"{count:,}", percent(count / sizes[names[i]])) for count, i, j in wrong
    )
    return [
        Heading("What it mixes up"),
        Table(("True", "Predicted", "Rows", "Share of the true class"), rows, "llrr", "Commonest mistakes"),
    ]


def headline_facts(story: Story) -> Facts:
    """The main figures as a list, for the model card."""
    judged, metric = story.judgement, metric_of(story)
    ends = interval(judged.score.low, judged.score.high)
    return Facts(
        (
            (capital(metric.title), f"{score(judged.score.value)}{f' (95 % interval {ends})' if ends else ''}"),
            ("Baseline on the same rows", (Name(judged.baseline_name), f": {score(judged.baseline.value)}")),
            ("Out-of-fold estimate before", score(story.validation.value)),
            ("Holdout rows", f"{judged.score.n_rows:,}"),
        )
    )
