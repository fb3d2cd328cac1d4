import copy
import itertools
import pickle
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import BaggingClassifier, ExtraTreesRegressor, RandomForestClassifier
from sklearn.metrics import log_loss

from modelwright.action import Integer, Real
from modelwright.actions import checked
from modelwright.errors import MissingExtra, NotApplicable, ProgramError
from modelwright.estimators import all_estimators
from modelwright.estimators._early_stopping import inner_folds, inner_split
from modelwright.estimators._forest import first_trees
from modelwright.estimators._model import quiet
from modelwright.persistence import dump_model, load_model
from modelwright.pipeline import compile_recipe, raw_predictions
from modelwright.policy.constraints import parse_constraints
from modelwright.recipe import Recipe, Setting, Use

BINARY, REGRESSION = Setting("binary", 2), Setting("regression", 0)


def build(name, setting, **given):
    estimator = all_estimators()[name]
    action = estimator.action()
    return estimator.build(action.resolved(action.validate(given)), setting)


def noisy(n, seed=0, classes=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    signal = X[:, 0] + X[:, 1] * (X[:, 2] > 0) + rng.normal(size=n)
    return X, (signal > 0).astype(int) if classes else signal


def test_there_are_fifty_and_the_promised_names():
    names = all_estimators()
    assert len(names) >= 50
    bounds = {
        ("xgboost", "n_estimators"): (1, None), ("xgboost", "max_depth"): (1, 20),
        ("xgboost", "learning_rate"): (0, 1), ("xgboost", "subsample"): (0, 1),
        ("xgboost", "colsample_bytree"): (0, 1), ("xgboost", "scale_pos_weight"): (0, None),
        ("random_forest", "max_depth"): (1, None), ("random_forest", "min_samples_leaf"): (1, None),
        ("gradient_boosting", "max_depth"): (1, 10), ("logistic_regression", "C"): (0, None),
        ("logistic_regression", "max_iter"): (100, None),
    }  # fmt: skip
    for (name, param), (low, high) in bounds.items():
        declared = next(p for p in names[name].params if p.name == param)
        assert isinstance(declared, Integer | Real) and declared.low == low
        assert high is None or declared.high == high
    action = names["random_forest"].action()
    for weight in ("balanced", "balanced_subsample", None):
        action.validate({"class_weight": weight, "max_depth": None})


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("classes", [False, True])
def test_inner_divisions_cover_every_row_once(ordered, classes):
    y = np.array([0] * 50 + [1] * 39 + [2] * 4)
    folds = inner_folds(y, 4, classes, ordered, 0)
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(93))
    train, held = inner_split(y, 0.2, classes, ordered, 0)
    for inside, outside in [*folds, (train, held)]:
        assert not set(inside) & set(outside) and len(inside) + len(outside) == 93
    if classes:
        assert set(y[train]) == set(y[held]) == {0, 1, 2}
    if ordered and classes:
        assert all(min(held[y[held] == c]) > max(train[y[train] == c]) for c in range(3))
    elif ordered:
        assert min(held) > max(train)


def test_a_class_with_one_row_is_learnt_from():
    y = np.array([0] * 20 + [1] * 20 + [2])
    train, held = inner_split(y, 0.3, True, False, 0)
    assert 40 in train and 2 not in y[held]


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("rows", [600, 2_400])
def test_early_stopping_finds_fewer_rounds_than_overfit(name, rows):
    X, y = noisy(rows)
    new, truth = noisy(1_000, seed=1)
    found = build(name, BINARY, learning_rate=0.2).fit(X, y)
    many = build(name, BINARY, learning_rate=0.2, n_estimators=400).fit(X, y)
    assert 1 <= found.rounds_ < 200 and many.rounds_ == 400 and not found.truncated_
    assert log_loss(truth, found.predict_proba(new)) < 0.9 * log_loss(truth, many.predict_proba(new))
    ample = build(name, replace(BINARY, stop_at=time.monotonic() + 1e6), learning_rate=0.2).fit(X, y)
    assert np.array_equal(ample.predict_proba(new), found.predict_proba(new))
    late = build(name, replace(BINARY, stop_at=time.monotonic()), learning_rate=0.2).fit(X, y)
    assert late.truncated_ and late.rounds_ < found.rounds_


@pytest.mark.parametrize("name", ["lightgbm", "lightgbm_goss", "xgboost"])
def test_trees_see_what_two_columns_say_only_together(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 2))
    y = np.sign(X[:, 0]) * np.sign(X[:, 1])
    model = build(name, REGRESSION, n_estimators=60).fit(X[:1_500], y[:1_500])
    assert np.mean((model.predict(X[1_500:]) - y[1_500:]) ** 2) < 0.3


def test_catboost_trades_iterations_for_learning_rate_when_time_is_short():
    X, y = noisy(500)
    setting = replace(BINARY, stop_at=time.monotonic() + 1.0)
    short = build("catboost", setting, iterations=20_000).fit(X, y)
    assert short.truncated_ and 1 <= short.rounds_ < 20_000
    model = build("catboost", BINARY)
    model.classes_ = np.array([0, 1])
    rates = [model._parameters(rounds, 500, "Logloss")["learning_rate"] for rounds in (1_000, 100)]
    assert rates[0] < rates[1] <= 0.5


def test_catboost_finds_how_many_trees_help():
    X, y = noisy(1_200)
    sought = build("catboost", BINARY, iterations=1_500, learning_rate=0.2, early_stopping_rounds=20).fit(X, y)
    assert 1 < sought.rounds_ < 500 and not sought.truncated_
    again = build("catboost", replace(BINARY, rounds=sought.rounds_), iterations=1_500, learning_rate=0.2).fit(X, y)
    assert again.rounds_ == sought.rounds_ and np.array_equal(again.predict_proba(X), sought.predict_proba(X))


def test_catboost_keeps_the_step_that_its_number_of_trees_was_found_with():
    every, found = (
        build("catboost", replace(BINARY, rounds=rounds), early_stopping_rounds=20) for rounds in (None, 90)
    )
    for model in (every, found):
        model.classes_ = np.array([0, 1])
    rates = [
        model._parameters(rounds, 500, "Logloss")["learning_rate"] for model, rounds in ((every, 1_000), (found, 90))
    ]
    assert rates[0] == rates[1]


def test_catboost_says_where_time_ended_the_search_for_its_trees(monkeypatch):
    X, y = noisy(1_200)
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    patient = {"learning_rate": 0.5, "early_stopping_rounds": 1_000}
    few = build("catboost", replace(BINARY, stop_at=100.0), iterations=20_000, **patient).fit(X, y)
    assert few.rounds_ < 30 and few.truncated_, "too few trees to know"
    cut = build("catboost", replace(BINARY, stop_at=next(ticks) + 100.0), iterations=20_000, **patient)
    monkeypatch.setattr(cut, "_affordable", lambda pool, n, loss: cut.iterations)
    assert cut.fit(X, y).rounds_ < 30 and cut.truncated_, "cut on the way"
    ample = build("catboost", replace(BINARY, stop_at=1e6), iterations=500, **patient | {"early_stopping_rounds": 20})
    assert ample.fit(X, y).rounds_ < 30 and not ample.truncated_


def test_catboost_uses_the_librarys_own_learning_rate():
    import catboost

    for loss, n in (("Logloss", 300), ("RMSE", 700)):
        X, y = noisy(n, classes=loss == "Logloss")
        setting = BINARY if loss == "Logloss" else REGRESSION
        model = build("catboost", setting, iterations=50)
        model.classes_ = np.array([0, 1])
        theirs = catboost.CatBoost(
            {"loss_function": loss, "iterations": 50, "logging_level": "Silent", "allow_writing_files": False}
        ).fit(X, y)
        assert model._parameters(50, n, loss)["learning_rate"] == pytest.approx(theirs.learning_rate_, rel=1e-3)


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "bagged_trees"])
def test_a_forest_grown_in_portions_is_the_same(name):
    X, y = noisy(200)
    whole = build(name, BINARY, n_estimators=25, min_samples_leaf=2).fit(X, y)
    ample = replace(BINARY, stop_at=time.monotonic() + 1e6)
    portions = build(name, ample, n_estimators=25, min_samples_leaf=2).fit(X, y)
    assert np.array_equal(whole.predict_proba(X), portions.predict_proba(X))
    late = build(name, replace(BINARY, stop_at=time.monotonic()), n_estimators=25).fit(X, y)
    assert late.truncated_ and late.rounds_ < 25


def test_a_forest_chooses_its_leaves():
    X, _ = noisy(600)
    rng = np.random.default_rng(0)
    noise = build("extra_trees", BINARY, n_estimators=60).fit(X, rng.integers(0, 2, 600))
    clear = build("extra_trees", BINARY, n_estimators=60).fit(X, (X[:, 0] > 0).astype(int))
    assert noise.min_samples_leaf_ == 10 and clear.min_samples_leaf_ == 1


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "bagged_trees"])
@pytest.mark.parametrize("setting", [BINARY, REGRESSION])
def test_a_forest_of_one_tree_is_one(name, setting):
    X, y = noisy(400, classes=setting.classification)
    model = build(name, setting, n_estimators=1).fit(X, y)
    assert model.rounds_ == 1 and np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesRegressor, BaggingClassifier])
def test_the_first_trees_of_a_forest_are_the_forest_that_stopped_there(kind):
    X, y = noisy(200)
    part = first_trees(kind(n_estimators=20, random_state=0).fit(X, y), 8)
    small = kind(n_estimators=8, random_state=0).fit(X, y)
    assert np.allclose(part.predict(X), small.predict(X)) and len(part.estimators_) == 8


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("lightgbm", {"n_estimators": 20}),
        ("catboost", {"iterations": 20}),
        ("random_forest", {"n_estimators": 20, "min_samples_leaf": 1}),
        ("hist_gradient_boosting", {"max_iter": 20}),
    ],
)
def test_threads_change_nothing(name, given):
    X, y = noisy(1_500)
    one, two = (build(name, replace(BINARY, threads=t), **given).fit(X, y).predict_proba(X) for t in (1, 2))
    assert np.array_equal(one, two)


def test_xgboost_on_more_threads_differs_by_rounding_only():
    X, y = noisy(1_500)
    one, two = (build("xgboost", replace(BINARY, threads=t), n_estimators=20).fit(X, y) for t in (1, 2))
    assert np.allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "hist_gradient_boosting"])
def test_categories_are_known_by_their_text(name):
    rng = np.random.default_rng(0)
    level = rng.choice(["low", "mid", "high"], 400)
    y = (level == "mid").astype(int)
    frame = pd.DataFrame({"x": rng.normal(size=400), "c": pd.Categorical(level)})
    size = {"catboost": "iterations", "hist_gradient_boosting": "max_iter"}.get(name, "n_estimators")
    model = build(name, BINARY, **{size: 30}).fit(frame, y)
    assert (model.predict(frame) == y).all()
    reordered = frame.assign(c=frame["c"].cat.set_categories(["extra", "mid", "high", "low"]))
    assert np.array_equal(model.predict_proba(reordered), model.predict_proba(frame))
    as_text = frame.assign(c=frame["c"].astype(str))
    assert np.array_equal(model.predict_proba(as_text), model.predict_proba(frame))


@pytest.mark.parametrize("name", ["ridge", "linear_svm", "svm", "nu_svm", "passive_aggressive", "nearest_centroid"])
def test_scores_become_calibrated_probabilities(name):
    X, y = noisy(600)
    new, truth = noisy(2_000, seed=1)
    proba = build(name, BINARY).fit(X, y).predict_proba(new)[:, 1]
    assert log_loss(truth, proba) < 0.62
    high = proba > 0.7
    assert abs(truth[high].mean() - proba[high].mean()) < 0.12


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("poisson_regression", {}),
        ("gamma_regression", {}),
        ("tweedie_regression", {}),
        ("lightgbm", {"objective": "poisson"}),
        ("xgboost", {"objective": "count:poisson"}),
        ("catboost", {"loss_function": "Poisson", "iterations": 100}),
    ],
)
def test_models_of_amounts_decline_negative_targets_and_follow_the_scale(name, given):
    X, y = noisy(300, classes=False)
    with pytest.raises(NotApplicable, match=r"negative|positive"):
        build(name, REGRESSION, **given).fit(X, y)
    amounts = np.exp(y) * 1e5
    values = build(name, REGRESSION, **given).fit(X, amounts).predict(X)
    assert values.min() >= 0 and 0.5 < values.mean() / amounts.mean() < 2


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "mlp", "ridge", "svm"])
def test_large_offsets_dont_drown_the_signal(name):
    X, y = noisy(400, classes=False)
    size = {"iterations": 200} if name == "catboost" else {}
    values = build(name, REGRESSION, **size).fit(X, y + 1e9).predict(X) - 1e9
    assert np.corrcoef(values, y)[0, 1] > 0.6


def test_wild_cells_dont_make_wild_predictions():
    X, y = noisy(200, classes=False)
    model = build("linear_regression", REGRESSION).fit(X, y)
    wild = np.full((1, 5), 1e12)
    assert y.min() - np.ptp(y) <= model.predict(wild)[0] <= y.max() + np.ptp(y)


def test_a_stored_model_doesnt_know_when_it_was_fitted():
    X, y = noisy(100)
    models = [
        build("lightgbm", replace(BINARY, stop_at=stop), n_estimators=5).fit(X, y)
        for stop in (None, time.monotonic() + 1e5)
    ]
    models[1].predict(X)
    assert pickle.dumps(models[0]) == pickle.dumps(models[1])


def test_hostile_arguments_are_refused_in_words():
    X, y = noisy(50)
    with pytest.raises(NotApplicable, match="no column"):
        build("ridge", REGRESSION).fit(np.zeros((50, 0)), y)
    model = build("ridge", REGRESSION).fit(X, y)
    with pytest.raises(ValueError, match="fitted on 5 columns, got 2"):
        model.predict(X[:, :2])
    with pytest.raises(NotApplicable, match="2,000 rows"):
        all_estimators()["gaussian_process"].check(3_000, BINARY)


def test_explainable_boosting_is_read_from_its_arrays_alone(tmp_path, monkeypatch):
    X, y = noisy(300)
    X[::9, 1] = np.nan
    frame = pd.DataFrame(X, columns=list("abcde")).assign(level=pd.Categorical(np.where(X[:, 3] > 0, "up", "down")))
    model = build("explainable_boosting", BINARY, outer_bags=3, max_rounds=60).fit(frame, y)
    assert any(len(term) == 2 for term in model.terms_) and len(model.scores_) == len(model.bin_weights_)
    whole = np.ones(len(y), dtype=np.int8)
    with quiet(1):
        library = model._one(model._matrix(frame), y, None, whole, 40, 2)
    other = copy.deepcopy(model)
    other._keep([library], 6)
    assert np.allclose(other.predict_proba(frame), library.predict_proba(model._matrix(frame)), atol=1e-12)

    dump_model(model, tmp_path / "model.skops")
    expected = model.predict_proba(frame)
    monkeypatch.setitem(sys.modules, "interpret", None)
    monkeypatch.setitem(sys.modules, "interpret.glassbox", None)
    assert np.array_equal(load_model(tmp_path / "model.skops").predict_proba(frame), expected)


def test_without_its_library_an_estimator_says_which_extra_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "interpret", None)
    with pytest.raises(MissingExtra, match=r"modelwright\[explainable\]"):
        build("explainable_boosting", BINARY)
    with pytest.raises(ProgramError, match=r"modelwright\[explainable\]"):
        checked(Use("explainable_boosting"), ("estimator",), "binary")
    with pytest.raises(MissingExtra, match=r"Line 2 of the constraints: explainable_boosting needs"):
        parse_constraints("## Models\n- only EBMs")


def course(**changes):
    from modelwright.estimators._perceptron import Course

    return Course(
        **{"hidden": (7, 5), "dropout": 0.0, "decay": 0.0, "step": 0.01, "batch": 12, "passes": 1, "seconds": 1e9}
        | {"seed": 0}
        | changes
    )


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_networks_gradients_are_those_of_its_loss(outputs):
    from modelwright.estimators._perceptron import Fitting

    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(12, 4)).astype(np.float64), rng.uniform(0.5, 2, 12)
    targets = np.eye(3)[rng.integers(0, 3, 12)] if outputs == 3 else rng.normal(size=(12, 1))
    net = Fitting(course(), 4, outputs)
    for group in (net._weights, net._constants, net._scales):
        group[:] = [np.asarray(p + rng.normal(0, 0.1, p.shape), dtype=np.float64) for p in group]

    def loss():
        out = net._forward(X)[1]
        if outputs == 1:
            return 0.5 * np.mean(weights * np.square(out - targets)[:, 0])
        return np.mean(weights * (np.log(np.exp(out).sum(axis=1)) - (out * targets).sum(axis=1)))

    found = []
    net._descend = lambda gradients, way: found.extend(gradients)
    net._step(X, targets, weights, 0.5)
    for p, gradient in zip(net._learnt, found, strict=True):
        for at in list(np.ndindex(p.shape))[:: max(1, p.size // 5)]:
            before, slopes = p[at], []
            for side in (1e-5, -1e-5):
                p[at] = before + side
                slopes.append(loss())
            p[at] = before
            assert gradient[at] == pytest.approx((slopes[0] - slopes[1]) / 2e-5, rel=1e-3, abs=1e-6)


def test_a_network_predicts_as_it_was_judged_once_its_batches_are_folded_in():
    from modelwright.estimators._perceptron import Fitting

    rng = np.random.default_rng(0)
    X = rng.normal(2, 3, size=(64, 4)).astype(np.float32)
    net = Fitting(course(batch=64), 4, 2)
    for _ in range(300):
        net._forward(X)  # the running means and variances become those of this batch
    assert net._folded().predict(X) == pytest.approx(net._forward(X)[1], abs=1e-3)


def test_a_network_that_the_clock_cuts_has_gone_through_all_of_its_cycle(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9_000, 4))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + rng.normal(0, 0.3, len(X))
    train, test = slice(0, 6_000), slice(6_000, None)
    ticks = itertools.count()
    monkeypatch.setattr("modelwright.estimators._perceptron.time.monotonic", lambda: float(next(ticks)))

    def error(stop_at):
        net = build("mlp", replace(REGRESSION, stop_at=stop_at), bins=0, hidden_layer_sizes=(64, 32))
        net.fit(X[train], y[train])
        return np.sqrt(np.mean((net.predict(X[test]) - y[test]) ** 2)), net.truncated_

    whole, cut = error(None)
    assert whole < 0.42 and not cut
    ticks = itertools.count()
    third, cut = error(420.0)
    assert third < 1.15 * whole and cut
    ticks = itertools.chain((0, 0, 0), itertools.count(20_000))  # stumbles, but has time enough
    assert error(100_000.0) == (whole, False)


def test_a_network_predicts_many_rows_as_it_predicts_few(monkeypatch):
    X = np.random.default_rng(0).normal(size=(300, 3))
    for setting, y in ((REGRESSION, X[:, 0]), (BINARY, (X[:, 0] > 0).astype(int))):
        net = build("mlp", setting, max_iter=3, hidden_layer_sizes=(8,)).fit(X, y)
        predict = net.predict_proba if setting is BINARY else net.predict
        whole = predict(X)
        monkeypatch.setattr("modelwright.estimators._network.BLOCK", 70)
        assert predict(X) == pytest.approx(whole, abs=1e-5)
        monkeypatch.undo()


def test_networks_of_earlier_bundles_still_predict():
    from sklearn.neural_network import MLPClassifier

    from modelwright.estimators._network import Network

    X, y = np.random.default_rng(0).normal(size=(80, 3)), np.arange(80) % 2
    old = MLPClassifier((8,), max_iter=20).fit(X.astype(np.float32), y)
    state = {"networks_": [old], "scale_": (0.0, 1.0), "params": {}, "n_classes": 2, "flat_": False}
    state |= {
        "classes_": np.arange(2),
        "prior_": np.full(2, 0.5),
        "levels_": [None] * 3,
        "n_features_in_": 3,
        "fill_": np.zeros(3),
    }
    model = Network.__new__(Network)
    model.__setstate__(state)
    assert model.predict_proba(X) == pytest.approx(old.predict_proba(X.astype(np.float32)), abs=1e-6)


def clusters(k, rows=600, spread=1.0):
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, rows)
    return rng.normal(size=(k, 4))[y] * 3 + spread * rng.normal(size=(rows, 4)), y


@pytest.mark.parametrize("name", ["svm", "nu_svm"])
def test_a_vector_machine_of_several_classes_adds_up_margins_between_pairs(name):
    X, y = clusters(5)
    new, truth = X[400:], y[400:]
    model = build(name, Setting("multiclass", 5)).fit(X[:400], y[:400])
    margins = model.fitted_.decision_function(new)
    assert margins.shape[1] == 10
    first = margins[:, :4].sum(axis=1)  # of the first class against each other one
    assert np.allclose(model._scores(model.fitted_, new)[:, 0], first)
    assert log_loss(truth, model.predict_proba(new)) < 0.3


def test_neighbours_of_clear_classes_are_as_sure_as_they_should_be():
    X, y = clusters(5, spread=0.8)
    model = build("k_nearest_neighbors", Setting("multiclass", 5), n_neighbors=30).fit(X[:400], y[:400])
    sure = model.predict_proba(X[400:])[np.arange(200), y[400:]]
    assert model.power_ > 1.0
    model.power_ = 1.0
    assert np.log(sure).mean() > np.log(model.predict_proba(X[400:])[np.arange(200), y[400:]]).mean()


def test_a_class_of_a_handful_of_rows_gets_its_share_from_clouds():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(203, 4)), columns=[*"abcd"])
    y = np.repeat([0, 1, 2], [100, 100, 3])
    frame.loc[y == 1, "a"] += 4.0
    frame.loc[y == 2, "b"] = 1.0  # no spread at all
    fitted = compile_recipe(Recipe(Use("quadratic_discriminant")), Setting("multiclass", 3)).fit(frame, y)
    found = raw_predictions(fitted, frame, True)
    assert np.allclose(found.sum(axis=1), 1.0) and np.allclose(found[:, 2], 3 / 203)
    assert (found[:200].argmax(axis=1) == y[:200]).mean() > 0.95
