"""The answer: what came out, what it means in use, what to be careful about, and how to use it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterator

from modelwright.diagnostics import Calibration, ChanceTest, LearningCurve, Robustness, SimpleRule, Slices
from modelwright.explanation import Uncertainty
from modelwright.report import Story
from modelwright.report.numbers import clean, counted, duration, interval, number, of_hundred, percent, score, sentence
from modelwright.report.tree import (
    Block,
    Bullets,
    Callout,
    Card,
    Cards,
    Code,
    From,
    Heading,
    Link,
    Name,
    Paragraph,
    Part,
    Section,
    Strong,
    Words,
    listed,
    parts,
)
from modelwright.report.wording import (
    answer,
    capital,
    class_counts,
    flags,
    metric_of,
    positive,
    right_share,
    tone,
)

_CAUTIONS = 8  # named in the answer; the sections name all

Said = Iterator[Words]


def total_seconds(story: Story) -> float:
    """Wall-clock seconds of the whole command so far."""
    return float(sum(story.seconds.values()))


def cards(story: Story) -> Cards:
    """The figures that are looked for first."""
    judged, metric = story.judgement, metric_of(story)
    ends = interval(judged.score.low, judged.score.high, " – ")
    better = "higher is better" if metric.greater_is_better else "lower is better"
    done = sum(e.status == "done" for e in story.experiments)
    headline = (capital(metric.title), score(judged.score.value), f"{ends} (95 %)" if ends else better)
    rows = f"{counted(story.protocol.n_holdout, 'row')} sealed for the end"
    return Cards(
        (
            Card(*headline, "judgement"),
            Card("Baseline", score(judged.baseline.value), f"{judged.baseline_name}, {better}", "judgement"),
            Card("Rows", f"{story.rows:,}", rows, "prepared"),
            Card("Time", duration(total_seconds(story)), f"{counted(done, 'experiment')} finished"),
        )
    )


def section(story: Story) -> Section:
    """The first section."""
    blocks: list[Block] = [Callout("", answer(story), tone(story))]
    cautions = [words for rule in _CAREFUL for words in rule(story)]
    if cautions:
        more = len(cautions) - _CAUTIONS
        rest: list[Words] = [f"{counted(more, 'more point')} in the sections below."] if more > 0 else []
        blocks.append(Callout("What to be careful about", (*cautions[:_CAUTIONS], *rest), "care"))
    meaning = list(_in_use(story))
    if meaning:
        blocks += [Heading("What that means in use"), Bullets(tuple(meaning))]
    if story.narrative:
        told = tuple(clean(text) for text in story.narrative if clean(text))
        note = "Written by a language model from this run's figures; sentences whose figures didn't hold were removed."
        blocks.append(From("", (Callout("In the words of a language model", (*told, note)),)))
    blocks += _what_next(story)
    return Section("The answer", "answer", tuple(blocks), "judgement")


# ── in use ───────────────────────────────────────────────────────────────────


def _in_use(story: Story) -> Said:
    counts = flags(story)
    if counts and counts.real:
        yes, rows = Name(positive(story)), counts.found + counts.missed + counts.false + counts.spared
        if counts.flagged:
            yield (
                "Of 100 rows that it calls ", yes, f", {of_hundred(counts.found / counts.flagged)} really are"
                f"{_span(story, 'precision')}.",
            )  # fmt: skip
        yield (
            "Of 100 rows that really are ", yes, f", it finds {of_hundred(counts.found / counts.real)}"
            f"{_span(story, 'recall')}.",
        )  # fmt: skip
        called, real = of_hundred(counts.flagged / rows), of_hundred(counts.real / rows)
        yield f"It would call {called} of 100 rows so; in truth {real} are."
    elif story.judgement.classes:
        yield from _by_class(story)
    else:
        yield from _off_by(story)
    yield from _runner_up(story)
    one = story.latency.get("one_row_ms")
    demanded = any(d.name == "latency_ms" for d in story.judgement.demands)  # measured more carefully then
    if one is not None and math.isfinite(one) and not demanded:
        yield f"Predicting one row takes about {number(one, 2)} ms on the machine that it was made on."


def _span(story: Story, name: str) -> str:
    """The interval of a share among the other metrics, as ``(95 %: 49 to 83)``."""
    found = story.judgement.metrics.get(name)
    if found is None or found.low is None or found.high is None:
        return ""
    return f" (95 % interval: {of_hundred(found.low)} to {of_hundred(found.high)})"


def _by_class(story: Story) -> Said:
    share = right_share(story)
    if share is not None:
        yield f"Of 100 rows it names the right class for {of_hundred(share)}{_span(story, 'accuracy')}."
    sizes = class_counts(story)
    hits = [
        (story.judgement.confusion[i][i] / sizes[name], name)
        for i, name in enumerate(story.judgement.classes)
        if sizes.get(name)
    ]
    if len(hits) > 2:
        worst, best = min(hits), max(hits)
        yield (
            "It recognises ", Name(best[1]), f" best ({of_hundred(best[0])} of 100) and ", Name(worst[1]),
            f" worst ({of_hundred(worst[0])} of 100).",
        )  # fmt: skip


def _off_by(story: Story) -> Said:
    errors = sorted(abs(v) for v in story.judgement.residuals[1:-1] if math.isfinite(v))
    if len(errors) > 10:
        half, most = number(errors[len(errors) // 2], 3), number(errors[int(0.9 * len(errors))], 3)
        yield f"Half of the predictions are off by less than {half}, nine of ten by less than {most}."


def _runner_up(story: Story) -> Said:
    for found in story.judgement.comparisons:
        if found.role == "runner-up":
            which = "the delivered model" if found.gain > 0 else "that"
            clear = f"{which} is better by {score(abs(found.gain))}"
            verdict = clear if found.distinguishable else "the two can't be told apart on these rows"
            yield "The runner-up ", Name(found.other), f" reaches {score(found.other_score)}; {verdict}."


# ── careful ──────────────────────────────────────────────────────────────────


def _failed_demands(story: Story) -> Said:
    for demand in story.judgement.demands:
        if demand.passed is False:
            found = f": {clean(demand.found)}" if clean(demand.found) else ""
            yield (
                Strong("A demand isn't met."), f" {sentence(demand.demand).rstrip('.')}{found}. ",
                Link("All demands", "demands"),
            )  # fmt: skip


def _findings(story: Story) -> Said:
    for severity, lead in (("clear", "Clearly wrong:"), ("suspicious", "Please look at it:")):
        for found in story.findings:
            if found.severity == severity:
                where: tuple[Part, ...] = (" (", *listed(found.columns, 3), ")") if found.columns else ()
                done = f" {sentence(found.done)} " if clean(found.done) else " "
                yield Strong(lead), f" {clean(found.title)}", *where, f".{done}", Link("The evidence", "findings")


def _chance(story: Story) -> Said:
    found = story.result(ChanceTest)
    if found and not found[1].signal:
        yield Strong("No signal was found."), f" {sentence(found[1].sentence)}"


def _rule_enough(story: Story) -> Said:
    found = story.result(SimpleRule)
    if found and found[1].enough:
        yield Strong("You may not need a model."), f" {sentence(found[1].sentence)} ", Link("The rule", "certainty")


def _flattered(story: Story) -> Said:
    found = story.judgement.optimism
    if found and found.cause not in ("chance", "luck"):
        yield Strong("Development flattered it."), f" {sentence(found.reason)} ", Link("More", "certainty")


def _slices(story: Story) -> Said:
    found = story.result(Slices)
    if found and found[1].worse:
        where = [s.rows_where for s in found[1].worse]
        yield Strong("Clearly worse where:"), " ", *listed(where, 3), ". ", Link("The figures", "slices")


def _probabilities(story: Story) -> Said:
    found = story.result(Calibration)
    if found and not found[1].calibrated:
        yield Strong("Probabilities can't be taken at their word."), f" {sentence(found[1].sentence)}"


def _fragile(story: Story) -> Said:
    found = story.result(Robustness)
    hurt = [p for p in found[1].perturbations if p.low > 0] if found else []
    if hurt and found:
        worst = max(hurt, key=lambda p: p.loss)
        yield (
            Strong("Fragile:"), f" {clean(worst.what)}: the score goes from {score(found[1].score)} to "
            f"{score(worst.score)}. ", Link("What else was tried", "certainty"),
        )  # fmt: skip


def _promises(story: Story) -> Said:
    found = story.result(Uncertainty)
    broken = [c for c in found[1].coverage if not c.holds] if found else []
    for promise in broken[:1]:
        yield (
            Strong("Ranges are too narrow."), f" Of the {percent(promise.level)} promised, {percent(promise.observed)} "
            "of the sealed rows lay inside. ", Link("More", "uncertainty"),
        )  # fmt: skip


def _warned(story: Story) -> Said:
    yield from (sentence(w) for w in story.warnings[:5] if clean(w))


_CAREFUL: tuple[Callable[[Story], Said], ...] = (
    _failed_demands, _chance, _rule_enough, _findings, _flattered, _promises, _slices, _fragile, _probabilities,
    _warned,
)  # fmt: skip


# ── what next ────────────────────────────────────────────────────────────────


def _what_next(story: Story) -> list[Block]:
    """How to use the model; first what would change the verdict where it isn't good."""
    blocks: list[Block] = []
    remedies = tuple(sentence(r) for r in story.judgement.remedies if clean(r))
    learning = story.result(LearningCurve)
    if learning and learning[1].outlook == "rising":
        remedies += (sentence(learning[1].sentence),)
    remedies = tuple(dict.fromkeys(remedies))
    if remedies:
        title = "What would change the verdict" if story.judgement.verdict != "ready" else "What would help"
        blocks += [Heading(title), Bullets(remedies)]
    if story.judgement.verdict == "not usable":
        return blocks
    return [*blocks, Heading("How to use it"), *use(story)]


def command(story: Story) -> str:
    """The command that predicts with the delivered model, from the folder that holds the run."""
    run = shlex.quote(clean(story.run_id)) if story.run_id else "RUN"
    return f"modelwright predict {run} NEW_ROWS.csv -o predictions.csv"


def use(story: Story) -> list[Block]:
    """The ways to predict with the delivered model."""
    bundle = f"{clean(story.run_id)}/model"
    lines = [command(story)]
    lines += ["", "# in Python", "import modelwright", f"model = modelwright.load({bundle!r})",
              "model.predict(new_rows)          # a data frame with the same columns"]  # fmt: skip
    lines += ["model.predict_proba(new_rows)    # probabilities of the classes"] if story.judgement.classes else []
    lines += ["model.explain(new_rows)          # reasons for each prediction"]
    used = list(story.problem.features(story.schema.names))
    words: tuple[Part, ...] = (
        "From the folder that holds the run. New rows need ", "this column: " if len(used) == 1 else "these columns: ",
        *listed(used, 12), ". The target isn't needed.",
    )  # fmt: skip
    return [From("", (Code("\n".join(lines), "sh"), Paragraph(words, "note")))]


def first_words(story: Story) -> str:
    """The answer's sentences as one text, for programs."""
    return " ".join("".join(p if isinstance(p, str) else clean(p.text) for p in parts(w)) for w in answer(story))
