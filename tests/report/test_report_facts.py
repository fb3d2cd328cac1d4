"""``report.json``, and the way from a figure back to the log."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import pytest
from report_rich import MAKERS, log, rich, told_story, tree
from report_stories import binary

from modelwright.closing import Delivery
from modelwright.judgement import Judgement
from modelwright.preparation import Prepared
from modelwright.report import Source, document, html, machine
from modelwright.report.events import pointer, sources, told
from modelwright.report.journey import improvements, verdict

KEYS = {
    "format", "run_id", "verdict", "title", "answer", "narrative", "use", "figures", "derived", "facts", "left_out",
    "sections", "events", "steps", "seed", "versions",
}  # fmt: skip
FACTS = {
    "problem", "data", "columns", "profile", "protocol", "judgement", "validation", "delivered", "latency", "opened",
    "experiments", "analyses", "findings", "decisions", "worth", "balance",
}  # fmt: skip


def built(name):
    return json.loads(machine.text(machine.build(MAKERS[name](), tree(name))))


def at(records, event, place):
    """What stands at a JSON pointer of an event's body, as the report writes it."""
    found = next(r for r in records if r.seq == event).body
    for part in place.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        found = found[int(part)] if isinstance(found, list) else found[part]
    return machine._json(found)


def facts_of(value):
    if isinstance(value, dict):
        if value.keys() >= {"event", "at", "value"}:
            yield value
        for below in value.values():
            yield from facts_of(below)
    elif isinstance(value, list):
        for below in value:
            yield from facts_of(below)


@pytest.mark.parametrize("name", ["rich", "vicious"])
def test_every_fact_and_figure_is_what_the_log_says(name):
    records, told_ = log(MAKERS[name]()), built(name)
    facts = [*facts_of(told_["facts"]), *told_["figures"]]
    assert len(facts) > 40
    for fact in facts:
        if fact["event"] is None:
            continue
        assert at(records, fact["event"], fact["at"]) == fact["value"], fact["at"]
    assert sum(f["event"] is None for f in facts) == 0


def test_measured_effects_are_facts_of_their_own():
    told_ = built("rich")
    first, second, _ = told_["facts"]["findings"]
    assert first["effect"]["value"]["difference"] == -0.153 and first["event"] != first["effect"]["event"]
    assert second["effect"] is None


@pytest.mark.parametrize("name", MAKERS)
def test_keys_are_stable_and_values_finite(name):
    told_ = built(name)
    assert told_.keys() == KEYS
    assert told_["facts"].keys() == FACTS
    ids = [f["id"] for f in told_["figures"]]
    assert len(ids) == len(set(ids)) and {"holdout.score", "baseline.score", "validation.score"} <= set(ids)
    assert all(d["formula"] and d["of"] and math.isfinite(d["value"]) for d in told_["derived"])


def test_a_log_without_the_fact_says_null_instead_of_a_wrong_event():
    told_ = built("binary")  # a story without sources
    assert {f["event"] for f in facts_of(told_["facts"])} == {None}
    assert {f["value"] for f in told_["figures"] if f["id"] == "holdout.score"} == {0.8452}


def test_facts_have_the_names_that_runs_write():
    assert {"rows", "schema", "problem", "profile", "protocol", "findings"} <= {f.name for f in fields(Prepared)}
    written = {f.name for f in fields(Delivery)}
    assert {"recipe", "judgement", "choice", "opened", "latency", "analyses"} <= written


def test_the_first_result_of_an_experiment_counts_and_unknown_events_are_told():
    records = log(rich())
    again = [*records, replace(next(r for r in records if r.kind == "experiment_finished"), seq=999)]
    assert sources(again)["experiment:1"] == sources(records)["experiment:1"]
    events, steps = told(records)
    assert steps == 1 and events[-1].about == "Something new"


def test_a_judgement_that_was_changed_later_is_quoted_from_where_it_was_delivered():
    story = rich()
    records = [
        replace(r, body={"judgement": {"score": 1}}) if r.kind == "judged" else r for r in log(story)
    ]  # fmt: skip
    delivered = next(r.seq for r in records if r.kind == "delivered")
    assert sources(records)["judgement"] == Source(delivered, "/delivery/judgement")


def test_logs_from_before_there_were_findings_and_analyses_are_read():
    records = log(replace(rich(), findings=(), analyses={}, decisions=(), worth=(), balance=None))
    for record in records:
        record.body.get("prepared", {}).pop("findings", None)
        record.body.get("delivery", {}).pop("analyses", None)
    assert {"prepared", "judgement", "choice"} <= sources(records).keys()
    old = told_story(replace(binary(), judgement=Judgement(**{
        f.name: getattr(binary().judgement, f.name) for f in fields(Judgement) if f.name in ("score", "baseline",
        "baseline_name", "better")
    })))  # fmt: skip
    assert "Predicting" in html.render(document.build(old))


def test_names_in_pointers_are_escaped():
    assert pointer("a/b~c") == "a~1b~0c"


def test_sections_name_the_events_of_their_figures():
    told_ = {s["anchor"]: s for s in built("rich")["sections"]}
    events = {e["event"]: e["kind"] for e in built("rich")["events"]}
    assert [events[n] for n in told_["performance"]["events"]] == ["judged", "delivered"]
    assert [events[n] for n in told_["slices"]["events"]] == ["delivered"]
    assert {events[n] for n in told_["findings"]["events"]} == {"prepared", "effect_measured"}
    assert "experiment_finished" in {events[n] for n in told_["experiments"]["events"]}
    quiet = {anchor for anchor, s in told_.items() if not s["events"]}
    assert quiet <= {"improve", "limits", "failures", "appendix"}


# ── the journey ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("steps", "higher", "said"), [
    ((0.01, 0.012, 0.011), True, "yes"), ((0.01, 0.012, 0.011), False, "no"),
    ((0.01, -0.012, 0.011), True, "can't tell"), ((0.01,), True, "can't tell"),
    ((0.01, math.nan, 0.01), True, "can't tell"), ((0.0, 0.0, 0.0), True, "can't tell"),
])  # fmt: skip
def test_whether_a_variation_helped(steps, higher, said):
    before = replace(binary().experiments[0], by_part=(0.8,) * len(steps))
    after = replace(before, by_part=tuple(0.8 + s for s in steps))
    assert verdict(after, before, higher=higher) == said


def test_improvements_are_counted_for_who_proposed_them():
    story = rich()
    gained = improvements(story)
    assert gained["designer"] == pytest.approx(0.8491 - 0.8490)
    assert sum(gained.values()) == pytest.approx(0.8491 - 0.5)
