"""Reports: what they say, that they say it safely, and that they can be read without anything else."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from report_rich import MAKERS as STORIES
from report_rich import page, tree
from report_stories import NASTY, bare, binary, hostile, multiclass, poor, regression

from modelwright.judgement import Comparison, Curve, Importance
from modelwright.protocol import Score
from modelwright.report import Moment, document, html, markdown, write
from modelwright.report import answer as answer_section
from modelwright.report.advice import improvements, limit_words
from modelwright.report.background import data
from modelwright.report.card import model_card
from modelwright.report.numbers import clean, shorten
from modelwright.report.tree import Bullets, Document, parts
from modelwright.report.wording import answer, in_words

GOLDEN = {name: Path(__file__).parent / f"golden_{name}.md" for name in ("binary", "rich")}
VOID = {"meta", "link", "br", "hr", "img", "input"}
SVG = {"svg", "g", "path", "text", "use", "defs", "rect", "clippath", "circle"}
ALLOWED = SVG | {
    "html", "head", "meta", "title", "style", "script", "body", "div", "a", "p", "button", "h1", "h2", "h3", "header",
    "nav", "main", "section", "footer", "details", "summary", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "table",
    "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "span", "strong", "code", "bdi", "pre",
}  # fmt: skip
CONTRACT = {
    "run_id", "status", "problem", "rows", "holdout", "baseline", "validation", "verdict", "warnings", "experiments",
    "best", "seconds", "llm", "versions",
}  # fmt: skip


class Page(HTMLParser):
    """Elements, attributes and texts of a page; complains where they aren't nested."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        (self.scripts if inside == "script" else self.texts).append(data) if inside != "style" else None

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {name: tree(name) for name in STORIES}


@pytest.fixture(scope="module")
def pages(documents) -> dict[str, str]:
    return {name: page(name) for name in documents}


@pytest.fixture(scope="module")
def texts(documents) -> dict[str, str]:
    return {name: markdown.render(made) for name, made in documents.items()}


# ── the files ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["binary", "hostile", "bare"])
def test_writes_its_files_and_returns_the_summary(name, tmp_path):
    result = write(STORIES[name](), tmp_path / "run")
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        "report.md", "report.html", "report.json", "leaderboard.csv", "summary.json"
    }  # fmt: skip
    assert json.loads((tmp_path / "run" / "summary.json").read_text("utf-8")) == result
    assert result.keys() >= CONTRACT


def test_summary_holds_the_records_figures(tmp_path):
    story = binary()
    result = write(story, tmp_path)
    judged = story.judgement
    assert result["holdout"].items() >= {
        "metric": "roc_auc", "score": judged.score.value, "ci_low": judged.score.low, "ci_high": judged.score.high,
        "rows": judged.score.n_rows,
    }.items()  # fmt: skip
    assert result["problem"].items() >= {"task": "binary", "target": "Churn", "metric": "roc_auc"}.items()
    assert result["baseline"]["score"] == 0.5
    assert result["validation"]["score"] == story.validation.value
    assert result["best"].items() >= {"experiment": "10-catboost-rare", "estimator": "catboost"}.items()
    assert result["experiments"] == 11
    assert result["seconds"] == pytest.approx(sum(story.seconds.values()))
    assert result["llm"].keys() >= {"calls", "input_tokens", "output_tokens", "cost_usd", "tiers"}
    assert result["llm"]["tiers"].keys() == {"native", "prompted", "policy"}
    assert [m["weight"] for m in result["delivered"]["members"]] == [0.52, 0.31, 0.17]


def test_summary_says_null_for_what_is_not_known(tmp_path):
    result = write(bare(), tmp_path)
    assert result["holdout"]["ci_low"] is None
    assert result["validation"]["score"] is None
    assert result["baseline"]["beaten"] is None


@pytest.mark.parametrize(("make", "first"), [(binary, "catboost-rare"), (regression, "catboost-log")])
def test_leaderboard_ranks_by_the_metrics_direction(make, first, tmp_path):
    story = make()
    write(story, tmp_path)
    with (tmp_path / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(story.experiments)
    assert rows[0]["name"] == first and rows[0]["rank"] == "1"
    by_number = {e.number: e for e in story.experiments}
    for row in rows:
        e = by_number[int(row["number"])]
        assert (row["status"], row["reason"]) == (e.status, e.plan.reason)
        assert row["score"] == ("" if e.score is None else repr(e.score.value))
    assert all(row["rank"] == "" for row in rows if row["status"] != "done")


def test_leaderboard_holds_no_formula(tmp_path):
    write(hostile(), tmp_path)
    with (tmp_path / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert any("cmd" in c or "<script>" in c for c in cells)
    assert not [c for c in cells if c[:1] in "=@+-" and c and not c.lstrip("-").replace(".", "", 1).isdigit()]


# ── the page ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", STORIES)
def test_page_is_nested_and_made_of_known_elements(name, pages):
    page = Page(pages[name])
    assert set(page.tags) <= ALLOWED
    assert page.tags.count("script") == 1
    assert len(page.ids) == len(set(page.ids))
    assert not [a for a in page.attributes if a[1].startswith("on")]


@pytest.mark.parametrize("name", STORIES)
def test_page_asks_nobody_for_anything(name, pages):
    page = Page(pages[name])
    targets = [v for _, n, v in page.attributes if n in ("href", "src", "xlink:href", "action", "srcset", "data")]
    assert all(v.startswith("#") for v in targets)
    known = set(page.ids)
    assert all(v[1:] in known for v in targets)
    style = re.search(r"<style>(.*?)</style>", pages[name], re.S)[1]
    assert not re.search(r"url\((?!#)|@import", style)
    assert "default-src 'none'" in pages[name]


@pytest.mark.parametrize("name", STORIES)
def test_pictures_follow_the_pages_colours(name, pages):
    styles = " ".join(v for t, n, v in Page(pages[name]).attributes if t in SVG and n == "style")
    if name != "bare":
        assert "var(--accent)" in styles
    assert not re.search(r"#[0-9a-f]{6}", styles)
    assert "font-family" not in styles


def test_every_picture_has_words_for_those_who_can_not_see_it(pages):
    for source in pages.values():
        labels = [v for t, n, v in Page(source).attributes if n == "aria-label"]
        assert source.count('class="picture"') <= len(labels)
        assert all(labels)


def test_same_story_gives_the_same_bytes(pages):
    assert html.render(document.build(binary())) == pages["binary"]


def test_hostile_texts_stay_texts(pages):
    page = Page(pages["hostile"])
    assert "".join(page.scripts).count("alert") == 0
    assert "<script>alert('x')</script>" in page.text
    assert "{{ 7*7 }}" in page.text and "&lt;b&gt;" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", pages["hostile"])
    titles = [v for _, n, v in page.attributes if n == "title"]
    assert "x" * 500 in titles, "a long name keeps its full text in the title"
    assert "x" * 100 not in page.text
    pages["hostile"].encode("utf-8")


# ── the Markdown ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name, texts):
    """When the wording was changed on purpose: ``python tests/report/report_rich.py`` writes them anew."""
    assert texts[name] == GOLDEN[name].read_text("utf-8")


@pytest.mark.parametrize("name", STORIES)
def test_markdown_makes_no_elements_of_foreign_texts(name, texts):
    ours = {
        *("h1", "h2", "h3", "p", "em", "strong", "code", "pre", "ul", "ol", "li"),
        "blockquote",
        "hr",
        "details",
        "summary",
    }
    for text in (texts[name], model_card(STORIES[name]()).split("---\n", 2)[2]):
        page = Page(MarkdownIt("commonmark").enable("table").render(text))
        assert set(page.tags) <= ours | {"table", "thead", "tbody", "tr", "th", "td"}
        assert {n for _, n, _ in page.attributes} <= {"class", "style", "start"}
    if name == "hostile":
        assert "<script>alert('x')</script>" in page.text and "&lt;b&gt;" in page.text


@pytest.mark.parametrize("name", STORIES)
def test_markdown_tables_keep_their_columns(name, texts):
    width = 0
    fenced = False
    for line in texts[name].splitlines():
        fenced ^= line.startswith("```")
        if fenced or not line.startswith("| "):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (0, cells), line
        width = cells


def test_details_are_closed(texts):
    for text in texts.values():
        lines = text.splitlines()
        assert lines.count("<details>") == lines.count("</details>")


# ── what is said ─────────────────────────────────────────────────────────────


def words(text) -> str:
    return "".join(p if isinstance(p, str) else p.text for p in parts(text))


@pytest.mark.parametrize("name", STORIES)
def test_both_forms_tell_the_scores(name, pages, texts):
    story = STORIES[name]()
    shown = markdown.inline(answer_section.cards(story).cards[0].value)
    assert shown in texts[name] and shown in Page(pages[name]).text
    assert story.judgement.verdict in texts[name]
    assert len(answer(story)) == 3


def test_every_score_of_the_experiments_is_told(texts):
    for experiment in binary().experiments:
        if experiment.score:
            assert f"{experiment.score.value:.4f}" in texts["binary"]
        assert f"{experiment.number}. {experiment.plan.name}" in texts["binary"]


METRICS = {
    "roc_auc": (0.85, "85 of 100"), "average_precision": (0.62, "62 %"), "accuracy": (0.803, "80 of 100"),
    "balanced_accuracy": (0.7, "70 of 100"), "precision": (0.44, "44 really are"), "recall": (0.61, "finds 61"),
    "f1": (0.6231, "0.6231"), "log_loss": (0.35, "70 %"), "brier_score": (0.12, "0.1200"),
    "matthews_corrcoef": (0.4, "0.4000"), "gini": (0.7, "0.7000"), "specificity": (0.9, "0.9000"),
}  # fmt: skip
REGRESSION = {
    "rmse": (43_000.4, "43,000"), "mae": (0.0312, "0.0312"), "r2": (0.81, "81 %"), "mape": (0.12, "12 %"),
    "median_absolute_error": (5.0, "less than 5"), "rmsle": (0.2, "1.22"), "wape": (0.3, "30 %"),
    "mean_poisson_deviance": (1.25, "1.250"), "max_error": (1e6, "1,000,000"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "metric", "value", "said"), [
    *((binary, m, *v) for m, v in METRICS.items()), *((regression, m, *v) for m, v in REGRESSION.items()),
])  # fmt: skip
def test_a_score_in_plain_words(make, metric, value, said):
    story = make()
    problem = replace(story.problem, metric=replace(story.problem.metric, value=metric))
    judged = replace(story.judgement, score=Score(metric, value, 500, value * 0.9, value * 1.1))
    told = words(in_words(replace(story, problem=problem, judgement=judged)))
    assert said in told
    assert told.endswith(".") and "nan" not in told


def test_a_model_no_better_than_the_baseline_is_not_praised(texts):
    assert "no better than the baseline" in texts["poor"]
    assert "no accident" not in texts["poor"]
    assert "Bring other columns" in texts["poor"]


def test_a_lead_that_the_interval_does_not_carry_is_only_probable():
    assert "is no accident" in words(answer(binary())[1])
    assert "probably no accident" in words(answer(changed(baseline=Score("roc_auc", 0.83, 500)))[1])
    assert "may be chance" in words(answer(changed(better=0.7))[1])
    paired = Comparison("prior", "baseline", 0.8452, 0.83, 0.0152, 0.01, 0.02, 1.0, True)
    told = words(answer(changed(baseline=Score("roc_auc", 0.83, 500), comparisons=(paired,)))[1])
    assert "is no accident" in told, "the paired difference says more than the score's own interval"


def test_cautions_of_several_columns_are_told_once():
    story = binary()
    warned = tuple(replace(f, warnings=("It is odd.",)) for f in story.schema.fields)
    text = markdown.blocks(data(replace(story, schema=replace(story.schema, fields=warned))).blocks[:3])
    assert text.count("It is odd.") == 1
    assert "`customerID`, `Contract`" in text


def test_lower_is_better_is_understood(texts, pages):
    assert "lower by 3.068, or 94.2 %" in texts["multiclass"]
    assert "Further left is better" in pages["multiclass"]


def advised(story) -> str:
    return " ".join(words(i) for b in improvements(story).blocks for i in (b.items if isinstance(b, Bullets) else ()))


def test_advice_follows_from_the_story():
    assert "too good to be true" in advised(changed(score=0.999))
    assert "too good to be true" not in advised(binary())
    assert "Nearly everything rests on Contract" in advised(changed(importances=(
        Importance("Contract", 0.4, 0.39, 0.41), Importance("tenure", 0.01, 0.0, 0.02))))  # fmt: skip
    assert "Collect more rows" in advised(poor()) and "Collect more rows" not in advised(binary())
    assert "holdout is harder" in advised(poor()) and "holdout is harder" not in advised(binary())
    assert "total_bedrooms matters" in advised(regression())
    assert "Of 100 rows of H only" in advised(multiclass())
    late = tuple(
        Moment(m.seconds, m.experiment, m.score + 0.01 * i, m.best + 0.01 * i) for i, m in enumerate(binary().progress)
    )
    assert "still improving when the 60 s ran out" in advised(replace(binary(), progress=late))
    assert "More time would hardly help" in advised(binary())
    assert "more time" not in advised(replace(binary(), progress=late, time_limited=False)).lower()


def changed(score=None, **more):
    story = binary()
    judged = replace(story.judgement, **more)
    return replace(story, judgement=replace(judged, score=replace(judged.score, value=score)) if score else judged)


def test_what_was_not_checked_is_told():
    story = bare()
    said = " ".join(words(i) for i in limit_words(story))
    assert "Which columns drive the predictions was not measured" in said
    assert "probabilities can be taken at their word was not measured" in said


def test_failures_are_told_with_what_was_done(texts):
    assert "Three fits in a row failed" in texts["bare"]
    assert "The next estimator was tried" in texts["bare"]
    assert "What went wrong" not in texts["regression"]


def test_many_columns_and_experiments_stay_readable(tmp_path):
    story = binary()
    fields = tuple(replace(story.schema.fields[1], name=f"column {i}") for i in range(3000))
    many = tuple(replace(e, number=i) for i, e in enumerate(story.experiments * 20, 1))
    big = replace(story, schema=replace(story.schema, fields=fields), experiments=many)
    made = document.build(big)
    text = markdown.render(made)
    assert "2,800 further columns" in text
    assert f"{len(many) - 25} more are in leaderboard.csv" in text
    assert len(html.render(made)) < 2_000_000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e-9, 1e12, 1e300])
def test_figures_of_any_size_can_be_drawn(scale):
    story = regression()
    judged, factor = story.judgement, scale / 1e5

    def sized(curve):
        return Curve(tuple(v * factor for v in curve.x), tuple(v * factor for v in curve.y))

    judged = replace(
        judged, score=Score("rmse", 0.4 * scale, 500, 0.3 * scale, 0.5 * scale), baseline=Score("rmse", scale, 500),
        metrics={}, calibration=sized(judged.calibration), scatter=sized(judged.scatter),
        residuals=tuple(v * factor for v in judged.residuals),
        importances=(Importance("a", scale, scale / 2, scale * 1.5), Importance("b", float("inf"), 0.0, 0.0)),
    )  # fmt: skip
    moments = tuple(Moment(m.seconds, m.experiment, m.score * factor, m.best * factor) for m in story.progress)
    tried = tuple(
        replace(e, score=Score("rmse", e.score.value * factor, 500, spread=scale / 50)) for e in story.experiments
    )
    told = replace(story, judgement=judged, progress=moments, experiments=tried, validation=Score("rmse", scale / 2, 9))
    page = Page(html.render(document.build(told)))
    coordinates = " ".join(v for t, n, v in page.attributes if t in SVG and n in ("d", "x", "y"))
    assert coordinates and "nan" not in coordinates and "inf" not in coordinates


# ── the model card ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", STORIES)
def test_model_card_follows_the_template(name):
    text = model_card(STORIES[name]())
    titles = [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
        "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
    ]  # fmt: skip
    assert re.findall(r"(?m)^## (.+)$", text) == titles
    assert text.startswith("---\nlibrary_name: modelwright\n")
    text.encode("utf-8")


def test_model_card_names_personal_columns_and_scores():
    card = model_card(hostile())
    assert "look like personal data" in card
    card = model_card(binary())
    assert "0.8452 (95 % interval 0.8231 to 0.8664)" in card
    assert "customerID" not in card.split("## Training data")[1].split("## ")[0]


# ── texts ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", NASTY)
def test_cleaned_texts_are_one_line_and_can_be_written(text):
    assert clean(text).isprintable()
    assert len(shorten(text)) <= 48
    clean(text).encode("utf-8")
