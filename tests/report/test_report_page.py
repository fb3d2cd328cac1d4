"""The page on screens, on paper and for people who don't see it: what can be told without a browser."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_rich import MAKERS, page, rich, tree
from report_stories import binary, hostile

from modelwright import report
from modelwright.errors import MissingExtra, RequestError
from modelwright.report import html, pdf

CSS = (Path(report.__file__).parent / "templates" / "page.css").read_text("utf-8")


@pytest.fixture(scope="module")
def pages():
    return {name: page(name) for name in MAKERS}


# ── colours ──────────────────────────────────────────────────────────────────


def themes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r"([^{}]*:root[^{}]*)\{([^{}]*)\}", CSS)
    found = {}
    for selector, body in blocks:
        name = "dark" if "dark" in body else "light"
        name = "paper" if "#fff;" in body else name
        variables = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b", body))
        assert variables == found.get(name, variables), selector
        found[name] = {k: v if len(v) == 7 else "#" + "".join(2 * c for c in v[1:]) for k, v in variables.items()}
    return found


def channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def luminance(rgb) -> float:
    """Relative luminance of WCAG 2.1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXTS = [
    *((ink, paper) for ink in ("ink", "muted", "accent") for paper in ("page", "card", "soft")),
    ("good", "good-soft"), ("care", "care-soft"), ("bad", "bad-soft"), ("page", "ink"),
]  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_texts_stand_out_enough(theme):
    colours = themes()[theme]
    for ink, paper in TEXTS:
        found = contrast(channels(colours[ink]), channels(colours[paper]))
        assert found >= 4.5, f"{ink} on {paper} in {theme}: {found:.2f}"


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_marks_in_pictures_stand_out_enough(theme):
    colours = themes()[theme]
    for mark in ("accent", "second", "muted", "bad", "care", "good"):
        assert contrast(channels(colours[mark]), channels(colours["card"])) >= 3, mark


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_figures_on_the_cells_of_the_confusion_matrix_stand_out_enough(theme):
    colours = themes()[theme]
    ink, card = channels(colours["ink"]), channels(colours["card"])
    for paint in ("accent", "bad"):
        strongest = tuple(0.45 * p + 0.55 * c for p, c in zip(channels(colours[paint]), card, strict=True))
        assert contrast(ink, strongest) >= 4.5, paint


def test_light_and_dark_know_the_same_colours():
    found = themes()
    assert found["light"].keys() == found["dark"].keys() >= found["paper"].keys()


# ── structure ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MAKERS)
def test_headings_descend_one_level_at_a_time(name, pages):
    levels = [int(n) for n in re.findall(r"<h([1-6])", pages[name])]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", MAKERS)
def test_what_scrolls_or_answers_is_reached_by_keyboard_and_named(name, pages):
    made = pages[name]
    for tag in re.findall(r'<div class="scroll"[^>]*>', made):
        assert 'tabindex="0"' in tag and 'role="region"' in tag and re.search(r'aria-label="[^"]+"', tag)
    assert all('tabindex="0"' in tag for tag in re.findall(r"<pre[^>]*>", made))
    assert all(re.search(r'role="img" aria-label="[^"]+"', t) for t in re.findall(r'<div class="picture"[^>]*>', made))
    assert made.count("<section id=") == made.count("aria-labelledby=")
    for landmark in ("<header", "<nav aria-label=", "<main", "<footer"):
        assert made.count(landmark) == 1
    assert '<html lang="en"' in made and 'class="skip" href="#answer"' in made


def test_motion_and_colour_follow_the_readers_wishes():
    assert "prefers-reduced-motion: reduce" in CSS and "prefers-color-scheme: dark" in CSS
    assert not re.search(r"animation|transition", CSS)


def test_the_page_fits_a_phone(pages):
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in pages["rich"]
    screen = CSS.split("@media print")[0]
    widths = re.findall(r"(?<!max-)(?<!-)\b(?:min-)?width:\s*([\d.]+)(rem|px)\s*[;}]", screen)
    assert all(float(n) * (16 if unit == "rem" else 1) <= 340 for n, unit in widths)
    assert re.search(r"\.picture svg \{[^}]*width: 100%", CSS) and re.search(r"\npre \{[^}]*overflow-x: auto", CSS)
    assert re.search(r"\nbody \{[^}]*overflow-wrap: anywhere", CSS)
    for made in pages.values():  # tables are the only things that can be wider, and scroll by themselves
        assert len(re.findall(r'<div class="scroll"[^>]*><table', made)) == made.count("<table")


@pytest.mark.parametrize("name", MAKERS)
def test_marked_figures_lead_to_events_that_the_page_lists(name, pages):
    marked = set(re.findall(r'data-event="(\d+)"', pages[name]))
    assert marked <= set(re.findall(r'id="event-(\d+)"', pages[name]))
    assert bool(marked) == (name in ("rich", "vicious"))


def test_figures_are_marked_and_what_is_so_by_definition_is_not(pages):
    told = pages["rich"]
    judged = re.search(r'<tr id="event-(\d+)">(?:<td class="[rl]">[\d:]+</td>){2}<td class="w">The chosen', told)
    assert f'<strong><span class="n" data-event="{judged[1]}" title="event {judged[1]}">0.8452</span></strong>' in told
    assert "finds <span" not in told.split("In the words of a language model")[1].split("</div>")[0]
    assert not re.search(r"[Oo]f <span[^>]*>100<", told)


# ── pictures ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MAKERS)
def test_pictures_are_whole_and_what_is_said_of_points_lies_inside(name, pages):
    for svg in re.findall(r"<svg.*?</svg>", pages[name], re.S):
        picture = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))
        _, _, width, height = map(float, picture.get("viewBox").split())
        for spot in picture.iter("circle"):
            assert 0 <= float(spot.get("cx")) <= width and 0 <= float(spot.get("cy")) <= height
            assert spot.find("title").text.strip()
        for box in picture.iter("rect"):
            assert float(box.get("x") or 0) + float(box.get("width")) <= width + 0.1
    assert 'class="tip"' in pages[name]


def test_pictures_have_their_figures_as_a_table_too(pages):
    assert pages["rich"].count("As a table") >= 5


# ── paper ────────────────────────────────────────────────────────────────────


def test_everything_is_unfolded_on_paper():
    made = html.render(tree("binary"), unfolded=True)
    assert made.count("<details open>") == made.count("<details")
    assert "beforeprint" in page("binary")


@pytest.mark.parametrize("make", [rich, hostile])
def test_a_pdf_is_written_whole(make, tmp_path):
    pytest.importorskip("plutoprint")
    report.write_pdf(make(), tmp_path / "new" / "report.pdf")
    made = (tmp_path / "new" / "report.pdf").read_bytes()
    assert made.startswith(b"%PDF-") and made.rstrip().endswith(b"%%EOF") and len(made) > 50_000
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["report.pdf"]


def test_a_pdf_without_its_library_or_folder_is_refused_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    if "plutoprint" in sys.modules or pytest.importorskip("plutoprint"):
        with pytest.raises(RequestError, match="choose another file"):
            pdf.write(binary(), tmp_path / "file" / "report.pdf")
    monkeypatch.setitem(sys.modules, "plutoprint", None)
    with pytest.raises(MissingExtra, match=r"modelwright\[pdf\]"):
        pdf.write(binary(), tmp_path / "report.pdf")
