"""``report.json``: the report for programs and other agents. Every figure names the event it was taken from.

A *fact* is ``{"event": 41, "at": "/judgement", "value": {…}}``: ``value`` is, word for word, what stands in the body of
event 41 of the log at that JSON pointer (RFC 6901). Facts of a run folder's log can be checked against ``run.db`` or
``trace.jsonl``. What is worked out from facts stands under ``derived``, with the formula and the facts it came from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from modelwright.hashing import plain
from modelwright.report import Story, answer, markdown
from modelwright.report.tree import Document
from modelwright.report.wording import flags, gain, metric_of, title_words

FORMAT = 1
"""Raised when a key changes its meaning or goes; keys that are added don't change it."""


def build(story: Story, document: Document) -> dict[str, Any]:
    """The report as plain JSON values; what isn't a finite number is ``null``."""
    judged = story.judgement
    told = {
        "format": FORMAT,
        "run_id": story.run_id,
        "verdict": judged.verdict,
        "title": markdown.inline(title_words(story)),
        "answer": answer.first_words(story),
        "narrative": {"by": "language model", "paragraphs": list(story.narrative)},
        "use": answer.command(story),
        "figures": list(_figures(story)),
        "derived": list(_derived(story)),
        "facts": _facts(story),
        "left_out": list(story.left_out),
        "sections": [
            {
                "title": s.title,
                "anchor": s.anchor,
                "events": sorted({document.events[k][0] for k in s.sources() if k in document.events}),
                "markdown": markdown.blocks(s.blocks),
            }
            for s in document.sections
        ],
        "events": [{"event": e.seq, "kind": e.kind, "time": e.time, "about": e.about} for e in story.events],
        "steps": story.steps,
        "seed": story.problem.seed,
        "versions": dict(story.versions),
    }
    return cast("dict[str, Any]", _json(told))


def text(built: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(built, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _whole(value: str) -> str:
    """A text without halves of characters, which no file could hold."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _json(value: Any) -> Any:
    """Plain JSON: not-a-number and the infinities, which JSON has no name for, become ``null``."""
    if isinstance(value, dict):
        return None if set(value) == {"$float"} else {_whole(k): _json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_json(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _whole(value) if isinstance(value, str) else value


# ── facts ────────────────────────────────────────────────────────────────────


def _facts(story: Story) -> dict[str, Any]:
    experiments = sorted(story.experiments, key=lambda e: e.number)
    return {
        "problem": _fact(story, "prepared", story.problem, "/problem"),
        "data": _fact(story, "prepared", story.rows, "/rows"),
        "columns": _fact(story, "prepared", story.schema, "/schema"),
        "profile": _fact(story, "prepared", story.profile, "/profile"),
        "protocol": _fact(story, "prepared", story.protocol, "/protocol"),
        "judgement": _fact(story, "judgement", story.judgement),
        "validation": _fact(story, "choice", story.validation, "/validation"),
        "delivered": _fact(story, "delivery", story.delivered, "/recipe"),
        "latency": _fact(story, "delivery", story.latency, "/latency"),
        "opened": _fact(story, "delivery", story.opened, "/opened"),
        "experiments": [_fact(story, f"experiment:{e.number}", e) for e in experiments],
        "analyses": {name: _fact(story, f"analysis:{name}", value) for name, value in story.analyses.items()},
        "findings": [_finding(story, i) for i in range(len(story.findings))],
        "decisions": [_fact(story, f"decision:{d.question}", d) for d in story.decisions],
        "worth": [_fact(story, f"worth:{w.question}", w) for w in story.worth],
        "balance": _fact(story, "balance", story.balance) if story.balance else None,
    }


def _finding(story: Story, place: int) -> dict[str, Any]:
    """A finding of the checks of the data; one of an analysis has no place of its own, only the analysis has.

    Its effect is measured later than it is found, so that it is a fact of its own.
    """
    found = story.findings[place]
    if f"effect:{place}" not in story.sources:
        return {**_fact(story, f"finding:{place}", found), "effect": None}
    effect = _fact(story, f"effect:{place}", found.effect)
    return {**_fact(story, f"finding:{place}", replace(found, effect=None)), "effect": effect}


def _fact(story: Story, key: str, value: Any, below: str = "") -> dict[str, Any]:
    """A fact with its place in the log; ``event`` is ``null`` when the log doesn't have it."""
    found = story.sources.get(key)
    place = {"event": found.event, "at": found.at + below} if found else {"event": None, "at": None}
    return {**place, "value": _json(plain(value))}


# ── figures that are looked for ──────────────────────────────────────────────


def _figures(story: Story) -> Iterator[dict[str, Any]]:
    """The headline figures, each with its place in the log."""
    judged, metric = story.judgement, story.problem.metric.value

    def figure(name: str, label: str, value: float | None, unit: str, key: str, below: str) -> dict[str, Any]:
        found = story.sources.get(key)
        known = value if value is not None and math.isfinite(value) else None
        return {"id": name, "label": label, "value": known, "unit": unit, "event": found.event if found else None,
                "at": found.at + below if found else None}  # fmt: skip

    title, held = metric_of(story).title, judged.score
    yield figure("holdout.score", f"{title} on the sealed rows", held.value, metric, "judgement", "/score/value")
    yield figure("holdout.low", "lower end of its 95 % interval", held.low, metric, "judgement", "/score/low")
    yield figure("holdout.high", "upper end of its 95 % interval", held.high, metric, "judgement", "/score/high")
    yield figure("holdout.rows", "sealed rows", held.n_rows, "rows", "judgement", "/score/n_rows")
    yield figure("baseline.score", f"{title} of the baseline on the same rows", judged.baseline.value, metric,
                 "judgement", "/baseline/value")  # fmt: skip
    yield figure("baseline.beaten", "share of resamples in which the model beats the baseline", judged.better, "share",
                 "judgement", "/better")  # fmt: skip
    yield figure("validation.score", f"{title} before the sealed rows were opened", story.validation.value, metric,
                 "choice", "/validation/value")  # fmt: skip
    yield figure("threshold", "probability from which a row is called positive", judged.threshold, "probability",
                 "judgement", "/threshold")  # fmt: skip
    yield figure("rows", "rows of the data", story.rows, "rows", "prepared", "/rows")
    for name, found in judged.metrics.items():
        below = f"/metrics/{name}"
        label = f"{metric_of(story, name).title} on the sealed rows"
        yield figure(f"metrics.{name}", label, found.value, name, "judgement", f"{below}/value")
    for name, milliseconds in story.latency.items():
        yield figure(f"latency.{name}", "time of a prediction", milliseconds, "ms", "delivery", f"/latency/{name}")


def _derived(story: Story) -> Iterator[dict[str, Any]]:
    """What was worked out from facts, with how."""
    judged = story.judgement
    of = [f"{name}" for name in ("holdout.score", "baseline.score")]
    ahead = gain(story)
    if math.isfinite(ahead):
        how = "holdout.score − baseline.score, turned so that positive is better"
        yield {"id": "baseline.gain", "value": ahead, "formula": how, "of": of}
    sign = 1 if metric_of(story).greater_is_better else -1
    gap = sign * (story.validation.value - judged.score.value)
    if math.isfinite(gap):
        how = "validation.score − holdout.score, turned so that positive means that development flattered"
        yield {"id": "optimism", "value": gap, "formula": how, "of": ["validation.score", "holdout.score"]}
    counts = flags(story)
    if counts and counts.real:
        how = "found / (found + missed), of facts.judgement.value.confusion"
        yield {"id": "alarms.found", "value": counts.found / counts.real, "formula": how, "of": ["confusion"]}
    if counts and counts.flagged:
        how = "found / (found + false alarms), of facts.judgement.value.confusion"
        yield {"id": "alarms.right", "value": counts.found / counts.flagged, "formula": how, "of": ["confusion"]}
