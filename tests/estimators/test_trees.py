"""Packed forests: what they predict, how much room they take, and what a broken file of one does."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from modelwright.errors import DataError
from modelwright.estimators._forest import Forest
from modelwright.estimators._trees import FEW, Trees
from modelwright.persistence import dump_model, load_model

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(1_500, 6))
ROWS[RNG.random(ROWS.shape) < 0.1] = np.nan
CODES = (np.nan_to_num(ROWS[:, 0]) > 0) + 2 * (np.nan_to_num(ROWS[:, 1]) > 1)
VALUES = np.nan_to_num(3 * ROWS[:, 0]) + RNG.normal(size=len(ROWS))
CLASSIFIERS = {
    "random forest": RandomForestClassifier(10, random_state=0),
    "best first": ExtraTreesClassifier(10, max_leaf_nodes=20, random_state=0),
    "bags that miss classes": BaggingClassifier(
        DecisionTreeClassifier(), 10, max_samples=5, max_features=0.5, random_state=0
    ),
}
REGRESSORS = {
    "extra trees": ExtraTreesRegressor(10, random_state=0),
    "large leaves": RandomForestRegressor(10, min_samples_leaf=7, random_state=0),
    "nothing but roots": RandomForestRegressor(3, min_samples_leaf=1_000, random_state=0),
    "bags of columns": BaggingRegressor(DecisionTreeRegressor(), 10, max_features=0.5, random_state=0),
}


def fitted(name):
    kind, target = (CLASSIFIERS, CODES) if name in CLASSIFIERS else (REGRESSORS, VALUES)
    return kind[name].fit(ROWS, target)


def asked(model, name, rows):
    return model.predict_proba(rows) if name in CLASSIFIERS else model.predict(rows)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_they_predict_what_the_forest_does_whether_rows_are_many_or_few(name):
    forest, new = fitted(name), RNG.normal(size=(3 * FEW, 6))
    new[RNG.random(new.shape) < 0.1] = np.nan
    expected, trees = asked(forest, name, new), Trees(forest)
    assert np.array_equal(asked(trees, name, new), expected)
    assert np.array_equal(asked(trees, name, new[:FEW]), expected[:FEW])
    assert len(trees) == len(forest.estimators_)


def test_rows_on_a_threshold_go_the_same_way():
    forest = ExtraTreesRegressor(20, random_state=0).fit(ROWS, VALUES)
    edges = np.concatenate([tree.tree_.threshold[tree.tree_.feature == 0] for tree in forest.estimators_])
    new = np.zeros((3 * len(edges), 6))
    for shift, start in zip((-np.inf, None, np.inf), range(3), strict=True):
        near = edges.astype(np.float32)
        new[start::3, 0] = near if shift is None else np.nextafter(near, np.float32(shift))
    assert np.array_equal(Trees(forest).predict(new), forest.predict(new))


def test_sparse_rows_are_rows():
    dense = np.where(np.abs(RNG.normal(size=(400, 8))) > 1, 1.0, 0.0)
    forest = RandomForestClassifier(10, random_state=0).fit(sparse.csr_matrix(dense), dense[:, 0] > 0)
    expected, trees = forest.predict_proba(dense), Trees(forest)
    assert np.array_equal(trees.predict_proba(sparse.csr_matrix(dense)), expected)
    assert np.array_equal(trees.predict_proba(sparse.csr_matrix(dense[:5])), expected[:5])


@pytest.mark.parametrize("name", ["random forest", "extra trees"])
def test_they_take_a_fraction_of_the_room(name):
    forest = fitted(name)
    before = [part for tree in forest.estimators_ for part in (tree.tree_.__getstate__()["nodes"], tree.tree_.value)]
    after = [part for part in vars(Trees(forest)).values() if isinstance(part, np.ndarray)]
    assert 4 * sum(part.nbytes for part in after) < sum(part.nbytes for part in before)


def test_a_forest_of_an_earlier_version_is_packed_when_it_is_read():
    now = Forest(ExtraTreesRegressor(10, random_state=0)).fit(ROWS, VALUES)
    old = Forest.__new__(Forest)
    old.__setstate__({**now.__getstate__(), "fitted_": ExtraTreesRegressor(10, random_state=0).fit(ROWS, VALUES)})
    assert isinstance(old.fitted_, Trees)
    assert np.array_equal(old.predict(ROWS), old.fitted_.predict(ROWS))


@pytest.mark.parametrize(
    "spoilt",
    [
        "a circle",
        "another tree",
        "no such leaf",
        "no such column",
        "a column before the first",
        "uneven",
        "too few nodes",
    ],
)
def test_a_file_of_what_are_no_trees_is_refused(tmp_path, spoilt):
    trees = Trees(fitted("extra trees"))
    match spoilt:
        case "a circle":
            trees.left[3] = 1
        case "another tree":
            trees.right[0] = trees.nodes[1]
        case "no such leaf":
            trees.right[0] = -1 - trees.leaves[-1]
        case "no such column":
            trees.column[0] = 6
        case "a column before the first":
            trees.column = trees.column.astype(np.int64)
            trees.column[0] = -1
        case "uneven":
            trees.left, trees.right = np.append(trees.left, trees.right[0]), trees.right[1:]
        case "too few nodes":
            trees.threshold = trees.threshold[1:]
    dump_model(trees, tmp_path / "model.skops")
    with pytest.raises(DataError, match="aren't trees"):
        load_model(tmp_path / "model.skops")


def test_rows_of_another_width_are_refused():
    trees = Trees(fitted("extra trees"))
    for rows in (FEW, FEW + 1):
        with pytest.raises(ValueError, match="6 columns, got 5"):
            trees.predict(ROWS[:rows, :5])
