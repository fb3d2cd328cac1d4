"""The contest: what rivals are given, how they are scored, that a failure counts, and that nothing is played twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

from contest import cards, rivals  # noqa: E402
from contest.cards import CardError, data_sets  # noqa: E402
from contest.command import main, read  # noqa: E402
from contest.scoring import score  # noqa: E402
from contest.standings import interval, standings  # noqa: E402
from contest.tables import BEGIN, END  # noqa: E402


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contest of two budgets' worth of nothing: one honest rival, one that fails, on a tiny set of its own."""
    home = tmp_path_factory.mktemp("contest")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=200), "leak": 0.0, "nothing": np.nan})
    rows["y"] = np.where(rows.x + rng.normal(size=200) / 4 > 0, "yes", "no")
    rows["leak"] = rows.y
    rows.to_csv(home / "tiny.csv", index=False)
    card = {"task": "binary", "target": "y", "data": "tiny.csv", "leaky_columns": ["leak"]}
    (home / "tiny.json").write_text(json.dumps(card))
    (home / "page.md").write_text(f"head\n{BEGIN}\nyesterday\n{END}\ntail\n")
    return home


def contest(home: Path, *more: str) -> int:
    fixed = ("--in-place", "--no-probe", "--budget", "1", "--cores", "1", "--data", str(home), "--datasets", "tiny")
    return main((*fixed, "--results", str(home / "results"), "--page", str(home / "page.md"), *more))


def test_a_contest_is_played_once_scored_here_and_told(
    played: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = played / "rivals"
    folder.mkdir()
    for name in ("prior", "lightgbm"):
        (folder / f"{name}.py").write_text((BENCHMARKS / "rivals" / f"{name}.py").read_text())
    (folder / "clumsy.py").write_text(
        "REQUIREMENTS = ('pandas',)\nPACKAGE = 'pandas'\n"
        "def fit(train, job):\n    raise SystemExit(f'columns {list(train)}, test labels nowhere')\n"
    )
    everybody = rivals.rivals(folder)
    monkeypatch.setattr(rivals, "rivals", lambda: everybody)
    assert contest(played) == 0
    records = read(played / "results" / "runs.jsonl")
    found = {r["rival"]: r for r in records}
    assert set(found) == {"prior", "lightgbm", "clumsy"}
    assert found["prior"]["score"] == 0.5 and found["lightgbm"]["score"] > 0.85
    assert found["clumsy"]["score"] is None
    assert "columns ['x', 'y']" in found["clumsy"]["error"], "neither leaky nor empty columns are handed over"
    assert all(r["start_s"] > 0 and r["fit_s"] >= 0 and r["peak_mb"] > 0 for r in records if r["score"] is not None)
    page = (played / "page.md").read_text()
    assert page.startswith(f"head\n{BEGIN}") and page.endswith(f"{END}\ntail\n") and "yesterday" not in page
    assert "| tiny | roc_auc | **" in page and "failed" in page
    assert "tiny clumsy 1 s" in capsys.readouterr().err
    assert contest(played) == 0
    assert len(read(played / "results" / "runs.jsonl")) == len(records), "what was played is not played again"


def test_unknown_names_and_broken_cards_are_told(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("--rivals", "nobody", "--list")) == 2 and "no rival nobody" in capsys.readouterr().err
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(CardError, match="isn't JSON"):
        data_sets((tmp_path,))
    (tmp_path / "bad.json").write_text('{"task": "forecasting", "target": "y"}')
    assert data_sets((tmp_path,)) == {}
    (tmp_path / "bad.json").write_text('{"task": "binary", "target": "y"}')
    with pytest.raises(CardError, match="there is no train"):
        data_sets((tmp_path,))["bad"].split(0)


def test_bundled_sets_are_split_by_seed_and_time_stays_in_order(tmp_path: Path) -> None:
    wine = data_sets((cards.HOME,))["wine"]
    a, b = wine.split(0), wine.split(1)
    assert len(a.test) == len(a.truth) == 45 and "target" not in a.test
    assert not a.test.equals(b.test) and a.test.equals(wine.split(0).test)
    rows = pd.DataFrame({"t": [5, 1, 4, 2, 3, 6, 8, 7], "y": ["$1,0", "2", "3", "4", "5", "6", "$8 ", "7"]})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "late.json").write_text(
        '{"task": "regression", "target": "y", "data": "rows.csv", "time_column": "t", "metric": "roc_auc"}'
    )
    late = data_sets((tmp_path,))["late"]
    assert late.metric == "rmse", "a metric of another task is not taken"
    split = late.split(3)
    assert sorted(split.truth) == [7.0, 8.0] and list(split.train.y) == [10.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    (tmp_path / "any.json").write_text('{"task": "regression", "target": "y", "data": "rows.csv"}')
    drawn = data_sets((tmp_path,))["any"].split(3)
    assert set(drawn.train.y) < {float(y) for y in range(2, 11)} and not drawn.train.t.is_monotonic_increasing
    told = {5: 10, 1: 2, 4: 3, 2: 4, 3: 5, 6: 6, 8: 8, 7: 7}
    assert list(drawn.train.y) != [told[t] for t in rows.t if t in set(drawn.train.t)], "in an order of its own"
    assert [told[t] for t in drawn.train.t] == list(drawn.train.y)


def test_scores_take_classes_by_name_and_refuse_what_cannot_be_scored() -> None:
    truth = pd.Series([1, 0, 1, 0])
    right = pd.DataFrame({"1.0": [0.9, 0.2, 0.8, 0.1], "0": [0.1, 0.8, 0.2, 0.9]})
    assert score("binary", "roc_auc", truth, right) == 1.0
    assert score("binary", "roc_auc", truth, right[["0", "1.0"]]) == 1.0
    assert score("binary", "log_loss", truth, right) == pytest.approx(-np.log([0.9, 0.8, 0.8, 0.9]).mean())
    sure = pd.DataFrame({"a": [1.0, 1.0]})
    assert score("multiclass", "log_loss", pd.Series(["a", "b"]), sure) == pytest.approx(-np.log(1e-7) / 2, rel=1e-3)
    assert score("regression", "rmse", pd.Series([1.0, 3.0]), pd.DataFrame({"prediction": [1.0, 1.0]})) == 2**0.5
    for wrong, said in (
        (right.iloc[:3], "3 predictions"),
        (right * np.nan, "finite"),
        (right.add_prefix("x"), "classes"),
    ):
        with pytest.raises(ValueError, match=said):
            score("binary", "roc_auc", truth, wrong)


def test_standings_count_failures_as_the_prior_and_turn_losses() -> None:
    def record(data: str, rival: str, value: float | None, seed: int = 0, metric: str = "rmse") -> dict[str, object]:
        costs = dict.fromkeys(
            ("start_s", "fit_s", "overrun_s", "predict_s", "peak_mb", "cores", "cold_start_s", "one_row_ms",
             "many_rows_ms"), 1.0,
        )  # fmt: skip
        about = {"data": data, "rival": rival, "score": value, "seed": seed, "metric": metric, "budget": 60.0}
        return about | costs | {"version": "1", "when": "2026-01-01", "machine": "m"}

    records = [
        record("a", "prior", 10.0), record("a", "good", 2.0), record("a", "broken", None), record("a", "bad", 12.0),
        record("b", "prior", 0.5, metric="roc_auc"), record("b", "good", 0.7, metric="roc_auc"),
        record("b", "bad", 0.9, metric="roc_auc"), record("b", "good", 1.0, metric="roc_auc"),
    ]  # fmt: skip
    table = standings(records, 60.0)
    assert table.rivals[0] == "good" and table.failures == {"broken": 1}
    assert table.worth.loc[("a", 0), "broken"] == 0.0 and table.worth.loc[("a", 0), "bad"] == -0.25
    assert table.worth.loc[("b", 0), "good"] == 1.0, "of two records of one combination the later one counts"
    assert dict(table.wins("good", "broken")) == {"a": 1.0} and table.wins("good", "bad").mean() == 1.0
    assert pd.isna(table.worth.loc[("b", 0), "broken"])
    with pytest.raises(ValueError, match="240"):
        standings(records, 240.0)
    low, high = interval(pd.Series([0.0, 1.0, 1.0, 1.0]))
    assert low < 0.75 < high


def test_every_rival_says_what_it_needs() -> None:
    found = rivals.rivals()
    assert {"modelwright", "prior", "autogluon_medium", "autogluon_best", "autogluon_tuned"} <= set(found)
    assert all(r.package and r.environment.requirements for r in found.values())
    assert found["autogluon_best"].environment == found["autogluon_medium"].environment
