"""How good the model is, and what drives its predictions."""

from __future__ import annotations

import math

from modelwright.judgement import Curve, Importance
from modelwright.report import Story, pictures
from modelwright.report.numbers import counted, interval, number, of_hundred, percent, score
from modelwright.report.tree import (
    Block,
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
    blocks += [*_alarms(story), _metrics(story)]
    figures = _figures(story)
    if figures:
        blocks += [Heading("A closer look"), Pictures(tuple(figures))]
    mixups = _mixups(story)
    return Section("How good it is", "performance", (*blocks, *mixups))


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
        table = Table(("true \\ predicted", *labels), cells, "l" + "r" * len(labels), "Confusion matrix")
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


# ── what drives it ───────────────────────────────────────────────────────────


def drivers(story: Story) -> Section:
    """Permutation importance and direction."""
    found = [i for i in story.judgement.importances if math.isfinite(i.loss)]
    title, anchor = "What drives the predictions", "drivers"
    if not found:
        text = "The importance of columns was not measured in this run."
        return Section(title, anchor, (Paragraph(text),))
    title_of = metric_of(story).title
    lead: list[Words] = [
        f"Importance is what the model loses when one column is shuffled over the holdout rows, in {title_of}. "
        "Columns that say the same share their importance, and importance is not cause."
    ]
    useful = [i for i in found if i.low > 0]
    blocks: list[Block] = [Paragraph(lead[0])]
    top = found[0]
    once = all(i.low == i.high for i in found)
    if useful:
        helps = "helps" if len(useful) == 2 else "help"
        how = f"that seem{'s' if len(useful) == 2 else ''} to help" if once else f"that clearly {helps}"
        rest = f", then {counted(len(useful) - 1, 'more column')} {how}" if len(useful) > 1 else ""
        said: Words = (Name(top.column), f" matters most (a loss of {number(top.loss, 3)}){rest}.")
    else:
        said = "No single column clearly helps: shuffling any one of them changes little."
    alt = f"Bar chart of the importance of {counted(len(found), 'column')}."
    reading = "The bar is the mean loss, the thin line its spread over repeated shuffles."
    if once:
        reading = "Each column was shuffled only once, so small differences mean nothing."
    blocks.append(Figure("Importance of columns", pictures.importances(story), said, reading, alt))
    rows = tuple(_row(i) for i in found[:25])
    blocks.append(Table(("Column", "Loss", "Spread", "Direction"), rows, "lrlw", "Importance and direction"))
    if len(found) > 25:
        blocks.append(Paragraph(f"{counted(len(found) - 25, 'further column')} matter less than these.", "note"))
    return Section(title, anchor, tuple(blocks))


def _row(found: Importance) -> tuple[Words, ...]:
    spread = (
        f"{number(found.low, 3)} – {number(found.high, 3)}"
        if _all_finite(found.low, found.high) and found.low < found.high
        else "–"
    )
    return Name(found.column), number(found.loss, 3), spread, found.direction or "–"


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
