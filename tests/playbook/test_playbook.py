"""The playbook: notes that name what exists, and apply where they should."""

from __future__ import annotations

import ast
import re

import pytest

from modelwright.actions import registry
from modelwright.agents.playbook import Note, fitting, notes, notes_text
from modelwright.problem import Constraints, Known, Problem
from modelwright.profile import Column, Profile
from modelwright.tasks.metrics import METRICS
from modelwright.tools import all_tools
from modelwright.traits import traits, words_of

KNOWN_TRAITS = {
    "rows", "columns", "binary", "multiclass", "regression", "classification", "classes", "probability_metric",
    "label_metric", "time_column", "group_column", "interpretable", "monotone", "costs", "wide", "pairs", "numbers",
    "categories", "dates", "text", "ids", "personal", "high_cardinality", "missing", "many_missing", "heavy_tails",
    "suspicious", "rarest_class", "imbalance", "ordinal_target", "skew", "skewed_target", "positive_target",
    "count_target", "words",
}  # fmt: skip
OUR_WORDS = {m.name for m in METRICS} | {p.name for a in registry().values() for p in a.params}


def known(value: object) -> Known[object]:
    return Known(value, "inferred", "")


def case(task: str, columns: tuple[Column, ...], rows: int = 5_000, **parts: object) -> tuple[Problem, Profile]:
    classes = parts.get("classes", ("no", "yes") if task == "binary" else ())
    asked = Problem(  # type: ignore[arg-type]
        str(parts.get("statement", "Predict y")), known("y"), known(task), known(parts.get("metric", "roc_auc")),
        known(parts.get("time")), known(parts.get("group")), known(()), known(()), classes,
        constraints=parts.get("constraints", Constraints()),
    )  # fmt: skip
    target = parts.get("target", Column("y", "boolean", 0.0, 2))
    return asked, Profile(rows, (*columns, target), "y", parts.get("levels", ()), parts.get("numbers", {}))  # type: ignore[arg-type]


@pytest.mark.parametrize("note", notes(), ids=lambda n: n.name)
def test_a_note_is_whole_and_names_only_what_exists(note: Note) -> None:
    assert note.title and note.tags and note.source and note.version >= 1 and 1 <= note.priority <= 3
    assert 80 <= len(note.text.split()) <= 200, "a note is short enough to be shown and long enough to be of use"
    conditions = set(re.findall(r"[a-z_]+", note.applies_when)) - {"and", "or"}
    assert conditions <= KNOWN_TRAITS
    assert ("words" in conditions) == bool(note.words)
    spans = re.findall(r"`([^`]+)`", note.text)
    named = {span.split("(")[0] for span in spans}
    assert named & {*registry(), *all_tools()}, "advice that can't be followed is none"
    for span in spans:
        call = ast.parse(" ".join(span.split()), mode="eval").body
        if isinstance(call, ast.Name):
            assert call.id in registry() or call.id in all_tools() or call.id in OUR_WORDS, span
            continue
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args, span
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
        registry()[call.func.id].validate(given)


def test_every_trait_that_is_measured_is_known() -> None:
    numbers = Column("a", "numeric", 0.5, 9, {"skew": 9.0}, (1.0,) * 7, association=0.99)
    mixed = (
        numbers,
        Column("b", "category", 0.0, 900),
        Column("t", "text"),
        Column("d", "datetime"),
        Column("i", "id"),
    )
    mixed = (*mixed, Column("i", "id"))
    found: set[str] = set()
    for task, metric in (("binary", "f1"), ("multiclass", "log_loss"), ("regression", "rmse")):
        asked, facts = case(task, mixed, metric=metric, classes=("1", "2", "3") if task == "multiclass" else ())
        found |= traits(asked, facts).keys()
    assert found <= KNOWN_TRAITS
    assert {"high_cardinality", "many_missing", "suspicious", "text", "dates", "ids", "heavy_tails"} <= found


def best(*args: object, **parts: object) -> list[str]:
    asked, facts = case(*args, **parts)  # type: ignore[arg-type]
    return [note.name for note in fitting(notes(), traits(asked, facts), words_of(asked, facts))]


def test_notes_apply_where_they_should() -> None:
    numeric = tuple(Column(f"n{i}", "numeric", 0.0, 500) for i in range(4))
    levels = (("no", 4900), ("yes", 100))
    assert "imbalance" in best("binary", numeric, levels=levels)
    assert "imbalance" not in best("binary", numeric, levels=(("no", 2600), ("yes", 2400)))
    assert "customers" in best("binary", numeric, levels=levels, statement="Which customers will churn?")
    assert "customers" not in best("binary", numeric, levels=levels)
    assert "small_data" in best("binary", numeric, rows=400) and "small_data" not in best("binary", numeric)
    assert "own_past" in best("binary", numeric, time="n0", group="n1") and "own_past" not in best("binary", numeric)
    assert "text_columns" in best("binary", (*numeric, Column("t", "text")))
    assert "wide_data" in best("binary", tuple(Column(f"n{i}", "numeric") for i in range(300)))
    assert "readable_models" in best("binary", numeric, constraints=Constraints(interpretable=True))
    assert "thresholds_and_costs" in best("binary", numeric, constraints=Constraints(min_recall=0.9))
    assert "calibration" in best("binary", numeric, metric="log_loss")
    assert "calibration" not in best("binary", numeric, metric="roc_auc")
    target = Column("y", "numeric", 0.0, 60, {"skew": 4.0}, (0.0, 1.0, 2.0, 4.0, 9.0, 30.0, 80.0))
    figures = {"skew": 4.0, "q01": 0.0, "q05": 1.0, "q95": 30.0}
    counts = best("regression", numeric, metric="rmse", target=target, numbers=figures)
    assert {"count_data", "skewed_target"} <= set(counts)
    prices = {"skew": 4.0, "q01": 900.0, "q05": 1000.0, "q95": 40_000.0}
    assert best("regression", numeric, metric="rmse", numbers=prices, statement="price of a car")[0] == "prices"


def test_conditions_are_refused_when_they_are_none() -> None:
    note = notes()[0]
    broken = Note(note.name, "t", (), "rows ~ 3", (), 1, "s", 1, "")
    with pytest.raises(ValueError, match="isn't a condition"):
        broken.applies({"rows": 3.0})
    either = Note(note.name, "t", (), "text and rows < 10 or wide", (), 1, "s", 1, "")
    assert either.applies({"wide": 1.0, "rows": 99.0}) and either.applies({"text": 1.0, "rows": 9.0})
    assert not either.applies({"text": 1.0, "rows": 10.0})


def test_notes_are_shown_with_their_names() -> None:
    chosen = notes()[:2]
    shown = notes_text(chosen)
    assert all(f"[{note.name}] {note.title}" in shown for note in chosen)
