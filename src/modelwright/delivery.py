"""What a finished run leaves in its folder besides the report: programs, recipes and the bundle."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.bundle.manifest import CARD, DIFFICULTY, GOLDEN, MODEL, REFERENCES, UNCERTAINTY, write_manifest
from modelwright.hashing import plain
from modelwright.protocol import Score
from modelwright.report import Story
from modelwright.report.card import model_card
from modelwright.state import State
from modelwright.stores import Store


def write_experiments(state: State, folder: Path) -> None:
    """Write each experiment's program and recipe: ``experiments/NN-name.py`` and ``.json``."""
    home = folder / "experiments"
    home.mkdir(exist_ok=True)
    for number, experiment in state.experiments.items():
        (home / f"{experiment.slug}.py").write_text(state.programs[number], encoding="utf-8")
        facts = {"experiment": plain(experiment), "digest": experiment.recipe.digest if experiment.recipe else None}
        text = json.dumps(facts, indent=1, ensure_ascii=False)
        (home / f"{experiment.slug}.json").write_text(text, encoding="utf-8")


def write_bundle(story: Story, state: State, store: Store, folder: Path) -> None:
    """Write the bundle; it appears whole or not at all."""
    delivery, prepared = state.delivery, state.prepared
    assert delivery is not None and prepared is not None
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copyfile(store.path(delivery.model), fresh / MODEL)
    (fresh / GOLDEN).write_text(json.dumps(delivery.golden, ensure_ascii=False), encoding="utf-8")
    (fresh / CARD).write_text(model_card(story), encoding="utf-8")
    if "references" in delivery.files:
        shutil.copyfile(store.path(delivery.files["references"]), fresh / REFERENCES)
    if "uncertainty" in delivery.analyses:
        text = json.dumps(delivery.analyses["uncertainty"], ensure_ascii=False)
        (fresh / UNCERTAINTY).write_text(text, encoding="utf-8")
        if "difficulty" in delivery.files:
            shutil.copyfile(store.path(delivery.files["difficulty"]), fresh / DIFFICULTY)
    problem, judgement = prepared.problem, delivery.judgement
    columns = ("prediction", *(f"probability_{c}" for c in problem.classes))
    write_manifest(
        fresh,
        {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "run_id": story.run_id,
            "problem": problem,
            "input": prepared.features,
            "output": {
                "task": problem.task.value,
                "target": problem.target.value,
                "classes": problem.classes,
                "threshold": delivery.choice.threshold,
                "columns": columns,
            },
            "holdout": _figure(judgement.score),
            "baseline": _figure(judgement.baseline),
            "validation": _figure(delivery.choice.validation),
            "verdict": judgement.verdict,
            "note": delivery.note,
            "recipe": delivery.recipe,
            "important": [i.column for i in judgement.importances if i.loss > 0],
            "latency": delivery.latency,
            "versions": story.versions,
        },
    )
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)


def _figure(score: Score[Any]) -> dict[str, Any]:
    return {
        "metric": score.metric,
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "rows": score.n_rows,
    }
