"""When a second level is taken: where it is better on rows that it wasn't fitted on, and nobody forbids it."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from run_samples import command, customers, lines_of

import modelwright
from modelwright import stages
from modelwright.choosing import Choice, Chooser, recipe_of
from modelwright.engine import Engine
from modelwright.evaluation import Evaluator
from modelwright.executors.inline import Inline
from modelwright.journal import Journal
from modelwright.pipeline import answers
from modelwright.plan import Experiment, Plan
from modelwright.pooling import weighted_mean
from modelwright.preparation import prepare
from modelwright.problem import Constraints
from modelwright.protocol import Score
from modelwright.recipe import Recipe, Use
from modelwright.request import Request
from modelwright.stores.memory import Memory


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """What a chooser stands on: 640 validated rows of two classes, and somebody's view of each of them."""
    home = tmp_path_factory.mktemp("second")
    journal = Journal(Memory(), "second", home / "trace.jsonl")
    request = Request("<frame>", "Who will leave?", target="left", metric="log_loss")
    with Inline(journal._store.folder) as executor:
        engine = Engine(journal, executor, 1)
        prepared = prepare(request, customers(800), journal, engine, home, lambda *_: None, lambda _: None)
        truth, assignment = stages.targets(prepared, journal)
        evaluator = Evaluator(engine, prepared.situation, truth, assignment)
        noise = np.random.default_rng(0).normal(size=(4, len(truth)))
        yield SimpleNamespace(evaluator=evaluator, journal=journal, truth=truth, noise=noise)
    journal.close()


def chooser(known, views: list[np.ndarray], **demands) -> Chooser:
    """A chooser among experiments whose log-odds for the second class these are."""
    usable = {}
    for number, view in enumerate(views, 1):
        chance = 1 / (1 + np.exp(-view))
        buffer = io.BytesIO()
        np.save(buffer, np.column_stack([1 - chance, chance]))
        use = Use(("lightgbm", "extra_trees", "mlp")[number - 1])
        score = Score("log_loss", 0.5, len(view))
        usable[number] = Experiment(
            number, Plan(use.action, use), "done", Recipe(use), score, oof=known.journal.put(buffer.getvalue())
        )
    return Chooser(known.evaluator, known.journal, usable, Constraints(**demands))


def right(known, i: int) -> np.ndarray:
    """Log-odds as they ought to be, given one look through noise."""
    share = known.truth.mean()
    return 2 * ((2 * known.truth - 1) + known.noise[i]) + np.log(share / (1 - share))


def test_it_is_taken_where_it_is_better_and_is_what_the_figures_are_of(known):
    sure_and_timid = chooser(known, [4 * right(known, 0), 0.3 * right(known, 1)])
    mixture = sure_and_timid.settle({1: 0.5, 2: 0.5})
    found = sure_and_timid.improved(mixture, mixture.weights, 60.0)
    assert found.second and found.calibration is None and found.weights == mixture.weights
    assert found.validation.value < 0.97 * mixture.validation.value
    crossed = sure_and_timid.oof(found)
    assert known.evaluator.score(known.evaluator.metric, crossed) == pytest.approx(found.validation.value)
    assert recipe_of(sure_and_timid.usable, found).estimator == Use("stack")
    assert found == sure_and_timid.improved(mixture, mixture.weights, 60.0)


def test_more_members_are_taken_where_they_add_something(known):
    third = chooser(known, [right(known, 0), right(known, 1), -right(known, 2)])  # the third says the opposite
    mixture = third.settle({1: 0.5, 2: 0.5})
    found = third.improved(mixture, {1: 0.49, 2: 0.49, 3: 0.02}, 60.0)
    assert list(found.weights) == [1, 2, 3] and found.second
    noise = chooser(known, [right(known, 0), right(known, 1), 0.1 * known.noise[3]])
    assert 3 not in noise.improved(mixture, {1: 0.49, 2: 0.49, 3: 0.02}, 60.0).weights


def test_the_mixture_stays_where_it_is_as_good_or_must_be_read(known):
    mean = chooser(known, [right(known, 0)])
    alone = mean.settle({1: 1.0})
    assert mean.improved(alone, alone.weights, 60.0) == alone
    for demands in ({"interpretable": True}, {"monotone": {"x": 1}}):
        bound = chooser(known, [4 * right(known, 0), 0.3 * right(known, 1)], **demands)
        mixture = bound.settle({1: 0.5, 2: 0.5})
        assert bound.improved(mixture, mixture.weights, 60.0) == mixture
    assert mean.improved(alone, alone.weights, 60.0, surely=True).second, "a replay doesn't decide it again"


@pytest.mark.slow
def test_a_run_delivers_it_a_replay_repeats_it_and_a_file_is_predicted_by_it(tmp_path):
    # Products of columns, of which boosting on so few rows finds too little: it says too little of all that is large.
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(500, 6))
    size = x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3] + 0.05 * rng.normal(size=500)
    pd.DataFrame(x, columns=[*"abcdef"]).round(3).assign(size=size.round(4)).to_csv(tmp_path / "d.csv", index=False)
    run = tmp_path / "run"
    asked = ["--problem", "How large is it?", "--target", "size", "--max-experiments", 4, "--time-budget", "5m"]
    ended = command("run", tmp_path / "d.csv", *asked, "--yes", "--out", run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    delivery = next(x["result"]["delivery"] for x in lines_of(run) if x["stage"] == "delivered")
    assert delivery["recipe"]["estimator"]["action"] == "stack"
    assert "second level" in (run / "report.html").read_text("utf-8")
    predicted = command("predict", run, tmp_path / "d.csv", "-o", tmp_path / "p.csv", cwd=tmp_path)
    assert predicted.code == 0, predicted.err
    error = pd.read_csv(tmp_path / "p.csv")["prediction"].to_numpy() - size
    assert np.sqrt(np.mean(error**2)) < 0.5 * size.std()
    again = command("replay", run, "--out", tmp_path / "again", cwd=tmp_path)
    assert again.code == 0, again.out + again.err
    assert json.loads((tmp_path / "again" / "summary.json").read_text())["status"] == "delivered"


def test_a_choice_of_an_earlier_version_has_none():
    assert Choice({1: 1.0}, Score("rmse", 1.0, 9)).second == ""


def test_what_is_delivered_for_several_classes_is_the_mean_that_was_validated(tmp_path):
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, 300)
    rows = pd.DataFrame(1.2 * np.eye(3)[kinds] + rng.normal(size=(300, 3)), columns=[*"abc"]).round(3)
    rows.assign(kind=np.array(["x", "y", "z"])[kinds]).to_csv(tmp_path / "d.csv", index=False)
    run = tmp_path / "run"
    asked = ["--problem", "Which kind is it?", "--target", "kind", "--metric", "log_loss", "--max-experiments", 7]
    ended = command("run", tmp_path / "d.csv", *asked, "--time-budget", "40s", "--yes", "--out", run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    made = json.loads((run / "model" / "model.json").read_text())["recipe"]
    assert made["estimator"] == {"action": "blend", "params": {"mean": "geometric"}}
    assert "averaged geometrically" in (run / "report.md").read_text("utf-8")
    model = modelwright.load(run / "model")
    blend = model.pipeline[-1]
    alone = answers(blend.models_, rows, "predict_proba")
    assert np.allclose(model.predict_proba(rows), weighted_mean(alone, blend.weights, "geometric"), atol=1e-6)
