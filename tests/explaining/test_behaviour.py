"""What analyses say of a model's behaviour is what is known of the data, and keeps to what may be shown."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from explaining_cases import asked, mixed, workplace

from modelwright.analyses import all_analyses
from modelwright.analyses.contributions import contributions
from modelwright.analyses.dependence import dependence
from modelwright.analyses.surrogate import surrogate
from modelwright.analyses.uncertainty import uncertainty
from modelwright.explanation import Contributions, Dependences, Surrogate, Uncertainty
from modelwright.hashing import plain, restore
from modelwright.recipe import Use

TREES = Use("lightgbm", {"n_estimators": 60, "num_leaves": 15, "learning_rate": 0.1})
FUNCTIONS = {
    "contributions": contributions,
    "dependence": dependence,
    "surrogate": surrogate,
    "uncertainty": uncertainty,
}


def truth(frame: pd.DataFrame) -> np.ndarray:
    days = (frame["when"] - pd.Timestamp("2024-01-01")).dt.days.to_numpy() / 300
    place = frame["place"].astype(object).map({"north": 2.0, "south": -1.0, "west": 0.0, "hideout": 30.0})
    return 3 * frame["a"].to_numpy() + 2 * days + place.to_numpy(dtype=float) * (1 + (frame["b"] > 0).to_numpy())


@pytest.fixture(scope="module", params=["regression", "binary", "multiclass"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    frame = mixed(1700)
    y = truth(frame) + np.random.default_rng(1).normal(0, 0.5, len(frame))
    classes = {"regression": (), "binary": ("no", "yes"), "multiclass": ("low", "mid", "top")}[request.param]
    if classes:
        y = np.digitize(y, [1.0] if len(classes) == 2 else [-1.0, 3.0])
    place, case = workplace(tmp_path_factory.mktemp(request.param), frame, y, TREES, classes, personal=["secret"])
    values = {name: asked(function, place, case).value for name, function in FUNCTIONS.items()}
    return {"task": request.param, "frame": frame, "values": values}


def test_results_are_facts_that_survive_json_and_show_nobody(found: dict[str, Any]) -> None:
    for name, value in found["values"].items():
        kind = all_analyses()[name].result
        again = json.loads(json.dumps(value))
        assert plain(restore(kind, again)) == value
        text = json.dumps(value)
        assert "hideout" not in text and "@x.org" not in text


def test_contributions_rank_the_columns_and_say_which_way(found: dict[str, Any]) -> None:
    result = restore(Contributions, found["values"]["contributions"])
    by_name = {c.column: c for c in result.columns}
    assert result.columns[0].column in ("a", "place") and by_name["noise"].mean < 0.2 * by_name["a"].mean
    assert all(c.low <= c.mean <= c.high for c in result.columns) and result.rows == 300
    if found["task"] != "multiclass":
        assert by_name["a"].direction > 0.8 and by_name["a"].words.startswith("higher values")
        assert "'north'" in by_name["place"].words


def test_dependence_follows_the_truth_within_the_data(found: dict[str, Any]) -> None:
    result = restore(Dependences, found["values"]["dependence"])
    curves = {c.column: c for c in result.columns}
    assert set(curves) == {"a", "b", "place", "when", "noise"}
    a = curves["a"]
    values = found["frame"]["a"]
    assert a.x == tuple(sorted(a.x)) and values.quantile(0.005) < a.x[0] and a.x[-1] < values.quantile(0.995)
    assert 0.95 < sum(a.density) < 1 + 1e-9 and all(
        low <= y <= high for low, y, high in zip(a.low, a.y, a.high, strict=True)
    )
    assert set(curves["place"].levels) == {"north", "south", "west"} and curves["place"].kind == "level"
    assert pd.Timestamp(curves["when"].x[0], unit="s").year == 2024
    if found["task"] == "regression":
        assert np.corrcoef(a.x, a.y)[0, 1] > 0.99 and (a.y[-1] - a.y[0]) == pytest.approx(
            3 * (a.x[-1] - a.x[0]), rel=0.25
        )
        level = dict(zip(curves["place"].levels, curves["place"].y, strict=True))
        assert level["north"] - level["south"] == pytest.approx(4.5, abs=1.0)
        assert np.ptp(curves["noise"].y) < 0.1 * np.ptp(a.y)
        top = result.interactions[0]
        assert {top.first, top.second} == {"b", "place"} and top.strength > 0.2
        assert top.size > 2 * max(i.size for i in result.interactions[1:] if {i.first, i.second} != {"b", "place"})


def test_the_surrogate_is_short_readable_and_faithful(found: dict[str, Any]) -> None:
    result = restore(Surrogate, found["values"]["surrogate"])
    assert result.depth <= 4 and 2 <= len(result.rules) <= 16
    assert sum(r.share for r in result.rules) == pytest.approx(1.0)
    assert 0.5 < result.fidelity <= 1 and result.rows == 500
    assert result.score is not None
    columns = {c.column for r in result.rules for c in r.conditions}
    assert "a" in columns and "secret" not in columns
    assert "a ≤ " in result.text or "a > " in result.text
    lines = [line for line in result.text.splitlines() if not line.rstrip().endswith(":")]
    assert len(lines) == len(result.rules)


def test_rules_apply_to_the_rows_they_say(tmp_path: Path) -> None:
    """A truth that is one rule over numbers, levels, dates and missing values comes back as that rule."""
    frame = mixed(1600, 3)
    y = np.where(frame["b"] > 0.5, 10.0, 0.0) + np.where(frame["place"].astype(object) == "north", 100.0, 0.0)
    place, case = workplace(tmp_path / "w", frame, y, TREES)
    result = restore(Surrogate, asked(surrogate, place, case).value)
    assert result.fidelity > 0.98
    for rule in result.rules:
        rows = np.ones(len(frame), dtype=bool)
        for c in rule.conditions:
            column = frame[c.column]
            if c.relation in ("is", "is not"):
                holds = (column.astype(object) == c.value) == (c.relation == "is")
            else:
                holds = (column <= float(c.value)) == (c.relation == "≤")
                holds = holds.where(column.notna(), c.missing)
            rows &= holds.to_numpy(dtype=bool)
        assert rows.mean() == pytest.approx(rule.share, abs=0.05)
        assert y[rows].mean() == pytest.approx(rule.prediction, abs=3.0)


def test_intervals_follow_the_noise_and_cover(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 4000
    frame = pd.DataFrame({"x": rng.uniform(0, 1, n), "z": rng.normal(size=n)})
    y = 5 * frame["z"].to_numpy() + (0.1 + 4 * frame["x"].to_numpy()) * rng.standard_t(4, n)
    place, case = workplace(tmp_path / "w", frame, y, TREES, held=1500)
    done = asked(uncertainty, place, case)
    result = restore(Uncertainty, done.value)
    assert result.local > 0 and "difficulty" in done.files and "wider" in result.reason
    for c in result.coverage:
        error = (c.level * (1 - c.level) * (1 / c.rows + 1 / result.scores[0].count)) ** 0.5
        assert abs(c.observed - c.level) <= 3.5 * error and c.holds
    assert result.floor is None


def test_equal_noise_gets_equal_widths_and_amounts_stay_above_zero(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=900), "z": rng.normal(size=900)})
    y = np.exp(0.1 * frame["x"].to_numpy()) + rng.uniform(-0.1, 0.1, 900)
    place, case = workplace(tmp_path / "w", frame, y, Use("ridge"), held=300)
    done = asked(uncertainty, place, case)
    result = restore(Uncertainty, done.value)
    assert result.local == 0 and not done.files and "equally wide" in result.reason and result.floor == 0.0


def test_without_time_what_is_left_out_is_said(tmp_path: Path) -> None:
    frame = mixed(800)
    place, case = workplace(tmp_path / "w", frame, truth(frame), TREES, held=200, stop_at=time.monotonic() - 1)
    assert restore(Contributions, asked(contributions, place, case).value).truncated
    few = restore(Dependences, asked(dependence, place, case).value)
    assert few.truncated and len(few.columns) == 1
    assert "no time" in restore(Uncertainty, asked(uncertainty, place, case).value).reason


def test_a_model_that_says_the_same_for_all_has_no_rules(tmp_path: Path) -> None:
    frame = mixed(300)
    place, case = workplace(tmp_path / "w", frame, np.full(300, 2.0), Use("baseline_prior"), held=100)
    assert asked(surrogate, place, case).value is None
    assert all(c.mean == 0 for c in restore(Contributions, asked(contributions, place, case).value).columns)
