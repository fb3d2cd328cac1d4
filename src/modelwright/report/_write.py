"""The files of a finished run that people and programs read."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from modelwright.hashing import plain
from modelwright.protocol import Score
from modelwright.report import Story, answer, document, html, machine, markdown, search
from modelwright.report.numbers import clean


def write(story: Story, folder: Path) -> dict[str, Any]:
    """Write the report, ``leaderboard.csv`` and ``summary.json``, and return the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    result = summary(story)
    write_report(story, folder)
    _put(folder / "leaderboard.csv", leaderboard(story))
    _put(folder / "summary.json", json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return result


def write_report(story: Story, folder: Path) -> tuple[Path, ...]:
    """Write ``report.md``, ``report.html`` and ``report.json``, and return where they are."""
    told = document.build(story)
    texts = {
        "report.md": markdown.render(told),
        "report.html": html.render(told),
        "report.json": machine.text(machine.build(story, told)),
    }
    for name, text in texts.items():
        _put(folder / name, text)
    return tuple(folder / name for name in texts)


def _put(path: Path, text: str) -> None:
    """Whole or not at all, so that nobody reads half a report."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(text.encode("utf-8", "replace"))
    part.replace(path)


# ── summary.json ─────────────────────────────────────────────────────────────


def summary(story: Story) -> dict[str, Any]:
    """The result under stable keys; a figure that isn't known or isn't finite is ``null``."""
    problem, judged, best = story.problem, story.judgement, search.best(story)
    return {
        "run_id": story.run_id,
        "status": "delivered",
        "problem": {
            "task": problem.task.value,
            "target": _text(problem.target.value),
            "metric": problem.metric.value,
            "statement": _text(problem.statement),
            "positive": _text(problem.positive.value) if problem.positive else None,
            "classes": [_text(c) for c in problem.classes],
            "time_column": _text(problem.time_column.value),
            "group_column": _text(problem.group_column.value),
            "id_columns": [_text(c) for c in problem.id_columns.value],
            "excluded": [_text(c) for c in problem.excluded.value],
            "seed": problem.seed,
        },
        "rows": story.rows,
        "holdout": {
            "metric": judged.score.metric,
            "score": _finite(judged.score.value),
            "ci_low": _finite(judged.score.low),
            "ci_high": _finite(judged.score.high),
            "ci_level": 0.95,
            "ci_meaning": "where this model's score is expected on as many other rows like these",
            "rows": judged.score.n_rows,
            "opened": _finite(story.opened),
            "looks": story.looks,
            "metrics": {name: _interval(found) for name, found in judged.metrics.items()},
        },
        "baseline": {
            "name": judged.baseline_name,
            "score": _finite(judged.baseline.value),
            "beaten": _finite(judged.better),
        },
        "validation": {
            "score": _finite(story.validation.value),
            "spread": _finite(story.validation.spread),
            "rows": story.validation.n_rows,
        },
        "verdict": judged.verdict,
        "verdict_reason": _text(judged.verdict_reason),
        "warnings": [_text(w) for w in story.warnings],
        "experiments": len(story.experiments),
        "best": {
            "experiment": best.slug if best else None,
            "estimator": search.estimator_of(best) if best else None,
            "score": _finite(best.score.value) if best and best.score else None,
        },
        "delivered": {
            "estimator": story.delivered.estimator.action,
            "members": [
                {"experiment": m.experiment, "estimator": m.recipe.estimator.action, "weight": _finite(m.weight)}
                for m in story.delivered.members
            ],
            "recipe": story.delivered.digest,
            "threshold": _finite(judged.threshold),
            "note": _text(story.delivered_note),
        },
        "stopped": _text(story.stopped),
        "time_limited": story.time_limited,
        "started": _finite(story.started),
        "seconds": _finite(answer.total_seconds(story)),
        "phases": {name: _finite(seconds) for name, seconds in story.seconds.items()},
        "llm": _reasoned(story),
        "versions": dict(story.versions),
    }  # fmt: skip


def _reasoned(story: Story) -> dict[str, Any]:
    """What language models were asked; the policy's tier counts decisions that were the policies' alone, too."""
    tiers = Counter(decision.tier for decision in story.decisions)
    if not story.decisions:
        tiers["policy"] = len(story.experiments)
    usage = story.usage
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "tiers": {tier: tiers[tier] for tier in ("native", "prompted", "policy")},
        "failed_calls": usage.failed,
        "gain_percent": story.balance.gain if story.balance is not None else None,
    }


def _interval(found: Score[Any]) -> dict[str, float | None]:
    return {"score": _finite(found.value), "ci_low": _finite(found.low), "ci_high": _finite(found.high)}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _text(value: str | None) -> Any:
    """A text as it is, except for halves of characters, which no file could hold."""
    return None if value is None else value.encode("utf-8", "replace").decode("utf-8")


# ── leaderboard.csv ──────────────────────────────────────────────────────────

COLUMNS = (
    "rank", "number", "name", "estimator", "status", "metric", "score", "spread", "rows", "seconds", "proposed_by",
    "reason", "params", "failures", "file",
)  # fmt: skip


def leaderboard(story: Story) -> str:
    """One row an experiment, best first; the rank is empty for those without a comparable score."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, experiment in enumerate(search.ranked(story), 1):
        plan, found = experiment.plan, experiment.score
        use = experiment.recipe.estimator if experiment.recipe else plan.estimator
        comparable = experiment.status == "done" and found is not None and math.isfinite(found.value)
        cells = (
            rank if comparable else "",
            experiment.number,
            plan.name,
            use.action,
            experiment.status,
            found.metric if found else story.protocol.metric,
            found.value if found else "",
            found.spread if found and found.spread is not None else "",
            found.n_rows if found else "",
            round(experiment.seconds, 3),
            plan.by,
            plan.reason,
            json.dumps(plain(use.params), ensure_ascii=False, sort_keys=True),
            " ".join(f.message for f in experiment.failures),
            f"experiments/{experiment.slug}.py",
        )
        writer.writerow([_cell(c) for c in cells])
    return stream.getvalue()


def _cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
