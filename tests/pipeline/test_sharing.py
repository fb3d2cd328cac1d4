import numpy as np
import pytest

from modelwright.persistence import dump_model, load_model
from modelwright.pipeline import BlendClassifier, alike, compile_recipe, shared
from modelwright.recipe import Recipe, Setting, Use
from modelwright.testing.frames import messy, target
from modelwright.transforms._views import TreeView

SETTING = Setting("binary", 2)
RECIPES = (
    Recipe(Use("decision_tree", {"max_depth": 3})),
    Recipe(Use("decision_tree", {"max_depth": 5})),
    Recipe(Use("decision_tree"), view=Use("trees", {"order": "frequency"})),
    Recipe(Use("decision_tree"), (Use("interactions"),)),
)


def test_what_members_share_is_kept_and_computed_once(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = messy(80), target(80, "binary")
    members = [compile_recipe(recipe, SETTING).fit(X, y) for recipe in RECIPES]
    alone = [m.predict_proba(X) for m in members]
    for i, member in enumerate(members):
        dump_model(member, tmp_path / f"{i}")
    loaded = shared([load_model(tmp_path / f"{i}") for i in range(len(members))])
    blend = BlendClassifier([], [1.0] * 4, 2).assemble(loaded, None)
    dump_model(blend, tmp_path / "blend")
    again = load_model(tmp_path / "blend")
    views = [m.steps[-2][1] for m in again.models_]
    assert views[0] is views[1] and len({id(v) for v in views}) == 3
    assert views[2].inner_[0] is views[0].inner_[0]  # the numbers, of views that differ in their codes
    calls = []
    plain = TreeView.transform
    monkeypatch.setattr(TreeView, "transform", lambda self, rows: calls.append(1) or plain(self, rows))
    assert np.allclose(again.predict_proba(X), np.mean(alone, axis=0))
    assert len(calls) == 3


def test_objects_are_alike_only_when_all_that_they_hold_is() -> None:
    X, y = messy(80), target(80, "binary")
    one, same = (compile_recipe(RECIPES[0], SETTING).fit(X, y)[0] for _ in range(2))
    other = compile_recipe(RECIPES[0], SETTING).fit(X[:60], y[:60])[0]
    assert alike(one, same) and not alike(one, other)
    assert alike([np.nan, {"a": np.array([np.nan])}], [np.nan, {"a": np.array([np.nan])}])
    assert not alike({"a": 1, "b": 2}, {"b": 2, "a": 1}) and not alike(1, True) and not alike(object(), object())
