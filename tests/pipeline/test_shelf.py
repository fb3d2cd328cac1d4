"""Views that steps share: the same predictions with and without, and nothing that was computed from other rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from modelwright import shelf
from modelwright.executors import Done, Workplace
from modelwright.fitting import fit_folds
from modelwright.frames import write_frame
from modelwright.hashing import plain
from modelwright.recipe import Recipe, Use
from modelwright.testing.frames import messy, target

CASES = {
    "array": ("binary", Recipe(Use("extra_trees", {"n_estimators": 5}))),
    "frame": ("binary", Recipe(Use("lightgbm", {"n_estimators": 5}), (Use("interactions"),), view=Use("native"))),
    "sparse": ("regression", Recipe(Use("ridge"), view=Use("linear"))),
    "log target": ("regression", Recipe(Use("lightgbm", {"n_estimators": 5}), target=Use("log1p"))),
    "related target": ("regression", Recipe(Use("ridge"), target=Use("difference", {"column": "plain"}))),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.setattr(shelf, "PACE", float("inf"))
    for name in ("shelf", "scratch"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "assignment", np.arange(150)[None] % 3)
    inputs = {"rows": tmp_path / "rows", "assignment": tmp_path / "assignment.npy"}
    return Workplace(tmp_path, tmp_path / "scratch", inputs, seed=0, threads=1, stop_at=None)


def fitted(place: Workplace, task: str, recipe: Recipe, **given) -> tuple[Done, dict[str, np.ndarray]]:
    write_frame(messy(150).assign(goal=target(150, task).astype(float)), place.inputs["rows"])
    situation = {"task": task, "n_classes": 2 if task == "binary" else 0, "time_column": None, "group_column": None}
    settled = {"parts": [[0, 0], [0, 1]], "forward": False} | given
    done = fit_folds(place, recipe=plain(recipe), situation=situation, target="goal", **settled)
    with np.load(done.files["predictions"]) as arrays:
        return done, dict(arrays)


@pytest.mark.parametrize("case", CASES)
def test_a_view_that_was_there_gives_the_same_predictions(place: Workplace, case: str) -> None:
    task, recipe = CASES[case]
    _, alone = fitted(place, task, recipe)
    sharing = replace(place, shelf=place.artefacts / "shelf")
    first, computed = fitted(sharing, task, recipe)
    second, found = fitted(sharing, task, recipe)
    assert first.value["saved_seconds"] == [0.0, 0.0] and min(second.value["saved_seconds"]) > 0
    for name, expected in alone.items():
        assert np.array_equal(computed[name], expected) and np.array_equal(found[name], expected)


def test_only_the_same_view_of_the_same_rows_is_taken(place: Workplace) -> None:
    sharing = replace(place, shelf=place.artefacts / "shelf")
    task, recipe = CASES["log target"]
    fitted(sharing, task, recipe)
    untransformed = replace(recipe, target=None)
    assert fitted(sharing, task, untransformed)[0].value["saved_seconds"][0] > 0  # the view doesn't see the transform
    for other, given in (
        (replace(recipe, target=Use("difference", {"column": "plain"})), {}),
        (replace(recipe, view=Use("native", {"max_levels": 3})), {}),
        (replace(recipe, transforms=(Use("interactions"),)), {}),
        (recipe, {"max_train_rows": 50}),
        (recipe, {"parts": [[0, 2]]}),
        (recipe, {"keep": True}),
    ):
        assert not any(fitted(sharing, task, other, **given)[0].value["saved_seconds"]), (other, given)


def test_a_full_or_vanished_shelf_costs_nothing_but_time(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    task, recipe = CASES["array"]
    sharing = replace(place, shelf=place.artefacts / "shelf")
    monkeypatch.setattr(shelf, "MOST", 10)
    fitted(sharing, task, recipe)
    assert not list((place.artefacts / "shelf").iterdir())
    assert fitted(replace(place, shelf=place.artefacts / "gone"), task, recipe)[0].value["saved_seconds"] == [0.0, 0.0]


MATRICES = {
    "numbers": np.asfortranarray([[1.5, np.nan], [-np.inf, 0.0]]),
    "sparse": sparse.csr_matrix([[0.0, 2.0], [0.0, 0.0]]),
    "categories": pd.DataFrame({"a": [1.0, np.nan], "b": pd.Categorical([None, "z"], ["z", "y"]), "c": [True, False]}),
}
ODD = {
    "objects": np.array([[1, "a"]], dtype=object),
    "frame of objects": pd.DataFrame({"a": [1, "a"]}, dtype=object),
    "mixed categories": pd.DataFrame({"a": pd.Categorical([1, "a"])}),
    "numbered columns": pd.DataFrame(np.zeros((2, 2))),
    "coordinates": sparse.coo_matrix([[0.0, 2.0]]),
}


@pytest.mark.parametrize("name", MATRICES | ODD)
def test_a_matrix_comes_back_as_it_was_or_is_computed_again(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shelf, "PACE", float("inf"))
    matrix = (MATRICES | ODD)[name]
    made, again = (shelf.Shelf(tmp_path).views({"of": name}, lambda: matrix, lambda: matrix) for _ in range(2))
    assert made.learnt is matrix and not made.found and again.found == (name in MATRICES)
    if name in ODD:
        assert again.learnt is matrix and not list(tmp_path.iterdir())
        return
    for found in (again.learnt, again.asked):
        assert type(found) is type(matrix)
        if isinstance(matrix, pd.DataFrame):
            pd.testing.assert_frame_equal(found, matrix)
        elif sparse.issparse(matrix):
            assert (found != matrix).nnz == 0 and found.dtype == matrix.dtype
        else:
            assert np.array_equal(found, matrix, equal_nan=True) and found.flags.f_contiguous
