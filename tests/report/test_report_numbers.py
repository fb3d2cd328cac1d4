"""How figures are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from modelwright.report.drawing import tick_texts
from modelwright.report.markdown import inline
from modelwright.report.numbers import clean, duration, interval, moment, number, of_hundred, percent, score, shorten
from modelwright.report.tree import Name, listed


@pytest.mark.parametrize(("value", "said"), [
    (0, "0"), (0.25, "0.25"), (0.123456, "0.1235"), (0.00012345, "0.000123"), (45_430.2, "45,430"), (12.3456, "12.35"),
    (1_234_567.0, "1,234,567"), (-3.5, "−3.5"), (1e-9, "1.000e-09"), (2e17, "2.000e+17"), (math.nan, "–"), (None, "–"),
    (math.inf, "–"), (999.96, "1,000"), (7, "7"),
])  # fmt: skip
def test_number(value, said):
    assert number(value) == said


@pytest.mark.parametrize(("value", "said"), [
    (0.5, "0.5000"), (0.84519, "0.8452"), (1.0, "1.0"), (0.99996, "0.999960"), (43_864.9, "43,865"), (None, "–"),
])  # fmt: skip
def test_score(value, said):
    assert score(value) == said


@pytest.mark.parametrize(("share", "said"), [
    (0.85, "85"), (0, "0"), (1, "100"), (0.999, "99.9"), (0.004, "0.4"), (0.99999, "more than 99.99"),
    (0.000001, "fewer than 0.01"),
])  # fmt: skip
def test_of_hundred(share, said):
    assert of_hundred(share) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.265, "26 %"), (0.041, "4.1 %"), (0.04, "4 %"), (1.5, "150 %"), (-0.2, "−20 %")]
)
def test_percent(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(("seconds", "said"), [
    (0.44, "0.4 s"), (59.6, "60 s"), (125, "2 min 5 s"), (120, "2 min"), (3600, "1 h"), (5400, "1 h 30 min"),
])  # fmt: skip
def test_duration(seconds, said):
    assert duration(seconds) == said


def test_moments_are_in_utc():
    assert moment(0) == "not recorded"
    assert moment(1_790_000_000) == "21 September 2026, 14:13:20 UTC"


def test_half_an_interval_is_none():
    assert interval(0.1, None) == "" and interval(math.nan, 1.0) == ""


def test_ticks_share_their_decimals():
    assert tick_texts([0.0, 0.2, 0.4]) == ["0", "0.2", "0.4"]
    assert tick_texts([0.84, 0.845, 0.85]) == ["0.840", "0.845", "0.850"]
    assert tick_texts([0.0, 50_000.0, 100_000.0]) == ["0", "50 k", "100 k"]
    assert tick_texts([-2e6, 0.0, 2e6]) == ["−2,000 k", "0", "2,000 k"]


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=12))
def test_lists_name_all_or_say_how_many_more(names):
    said = [p.text for p in listed(names) if isinstance(p, Name)]
    assert said == names[:6]
    assert len(names) <= 6 or f"{len(names) - 6} more" in listed(names)


@settings(deadline=None)
@given(st.floats())
def test_any_number_can_be_written(value):
    assert number(value).strip() and score(value).strip()


@settings(deadline=None)
@given(st.text(), st.integers(4, 60))
def test_any_text_can_be_cleaned_and_shortened(text, most):
    assert clean(clean(text)) == clean(text)
    assert len(shorten(text, most)) <= max(most, len("(blank)"))
    clean(text).encode("utf-8")


SIGNS = st.text(st.sampled_from("`*_[]()<>#|~$&\\!-+=.1 :/\nab\t") | st.characters(), max_size=40)


def read_back(markdown: str) -> str:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    assert [t.type for t in tokens] in (["paragraph_open", "inline", "paragraph_close"], [])
    kinds = {"text", "code_inline", "text_special"}
    children = tokens[1].children if tokens else []
    assert {t.type for t in children} <= kinds, markdown
    return "".join(t.content for t in children)


@settings(deadline=None)
@given(SIGNS)
@example("\r-")
@example(" 1. a")
def test_markdown_reads_back_as_the_text(text):
    assert read_back(inline(text)) == clean(text)


def test_markdown_text_becomes_no_link_by_itself():
    said = inline("see http://evil.example or www.evil.example")
    assert "://" not in said and "www." not in said
    assert read_back(said) == "see http://evil.example or www.evil.example"


@settings(deadline=None)
@given(SIGNS, SIGNS)
def test_markdown_keeps_names_apart_from_texts(text, name):
    assert read_back(inline(("Is ", Name(name), f": {text}"))) == f"Is {shorten(name)}: {clean(text)}".rstrip()


@settings(deadline=None)
@given(SIGNS)
def test_markdown_cells_stay_in_their_column(text):
    table = f"| a | b |\n| --- | --- |\n| {inline(text, in_table=True)} | {inline((Name(text),), in_table=True)} |"
    cells = [t for t in MarkdownIt("commonmark").enable("table").parse(table) if t.type == "inline"]
    assert "".join(t.content for t in cells[3].children) == shorten(text)
    assert len(cells) == 4
