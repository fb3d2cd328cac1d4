"""What every transform, view, resampling, weighting, target transform and calibration must keep, as a test class.

A package that adds members tests them with::

    from modelwright.testing.transforms import TransformContract

    class TestMine(TransformContract):
        parts = {"mine": Mine()}
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone

from modelwright.action import Text
from modelwright.errors import NotApplicable, ProgramError
from modelwright.testing.frames import SETTINGS, messy, target
from modelwright.transforms import (
    Calibration,
    Part,
    RelativeTarget,
    Resampling,
    TargetTransform,
    Transform,
    View,
    Weighting,
)

Array = np.ndarray[Any, Any]


def same(a: Any, b: Any) -> bool:
    """Whether two matrices or frames hold exactly the same."""
    if isinstance(a, pd.DataFrame):
        return isinstance(b, pd.DataFrame) and a.equals(b)
    if sparse.issparse(a):
        return bool(sparse.issparse(b) and a.shape == b.shape and (a != b).nnz == 0)
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


def roundtrip(fitted: Any, trusted: tuple[str, ...]) -> Any:
    """The object after being stored by skops and loaded again, with types of the trusted packages only."""
    from skops import io

    data = io.dumps(fitted)
    types = io.get_untrusted_types(data=data)
    foreign = [t for t in types if t.split(".")[0] not in trusted]
    assert not foreign, f"types that a bundle may not hold: {foreign}"
    return io.loads(data, trusted=types)


class TransformContract:
    """Subclass, name the parts, and pytest runs every check on every one.

    Class attributes:
        parts: the members by name.
        examples: parameters to fit with on :func:`messy`, for members that can't do anything by default.
        trusted: packages whose types a stored object may hold.
    """

    parts: ClassVar[Mapping[str, Part]] = {}
    examples: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    trusted: ClassVar[tuple[str, ...]] = ("builtins", "collections", "numpy", "scipy", "sklearn", "modelwright")
    rows: ClassVar[int] = 90
    _fitted: ClassVar[dict[type, dict[str, Any]]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check once for each member of the family that it names."""
        families: dict[str, Any] = {
            "part": Part, "framed": (Transform, View), "transform": Transform, "view": View, "resampling": Resampling,
            "weighting": Weighting, "target_transform": TargetTransform, "calibration": Calibration,
            "relative_target": RelativeTarget,
        }  # fmt: skip
        for name, family in families.items():
            if name in metafunc.fixturenames:
                members = [part for part in self.parts.values() if isinstance(part, family)]
                metafunc.parametrize(name, members, ids=[p.name for p in members])
        if "task" in metafunc.fixturenames:
            metafunc.parametrize("task", list(SETTINGS))

    def build(self, part: Part, task: str = "binary", given: Mapping[str, Any] | None = None) -> Any:
        """The unfitted object as a recipe would build it."""
        action = part.action()
        asked = dict(self.examples.get(part.name, {})) | dict(given or {})
        return part.build(action.resolved(action.validate(asked)), SETTINGS[task])

    def task_of(self, part: Part) -> str:
        """A task that the member applies to."""
        return next(task for task in SETTINGS if not part.tasks or task in part.tasks)

    def fitted(self, part: Part) -> Any:
        """The object fitted on the messy frame; fitted once, since the checks must not change it."""
        known = self._fitted.setdefault(type(self), {})
        if part.name not in known:
            X, y = messy(self.rows), target(self.rows, self.task_of(part))
            known[part.name] = self.build(part, self.task_of(part)).fit(X, y)
        return known[part.name]

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Turn warnings into failures: a user would see them."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield

    # ── what is declared

    def test_declared(self, part: Part) -> None:
        """It says what it is, and its parameters accept and refuse what they declare."""
        assert part.name.isidentifier() and part.description.endswith(".")
        assert part.action().render()
        for param in part.params:
            assert param.doc
            for value in param.good():
                part.action().validate({param.name: value})
            for value in param.bad():
                with pytest.raises(ProgramError):
                    part.action().validate({param.name: value})

    def test_samples_of_the_search_space_are_accepted(self, part: Part) -> None:
        """What tuning draws is valid."""
        for seed in range(5):
            drawn = part.action().sample(np.random.default_rng(seed))
            assert part.action().validate(drawn) == drawn

    def test_unknown_parameter_is_refused(self, part: Part) -> None:
        """A misspelt parameter is an error."""
        with pytest.raises(ProgramError, match="no parameter"):
            part.action().validate({"no_such_parameter": 1})

    def test_good_values_work_or_are_declined(self, framed: Part) -> None:
        """Every declared good value fits, or is declined with a reason."""
        X, y = messy(40).drop(columns="silent"), target(40, "binary")
        for param in framed.params:
            for value in param.good():
                if value == param.default:
                    continue
                try:
                    out = self.build(framed, given={param.name: value}).fit_transform(X, y)
                except (NotApplicable, ProgramError):
                    continue  # a list of names that the frame doesn't have, or more columns than there are
                assert out.shape[0] == 40

    # ── transforms and views

    def test_rows_stay_and_the_input_is_left_alone(self, framed: Part, task: str) -> None:
        """One row out for each row in, in order, columns with unique names, no warnings, nothing changed in place."""
        if self.timed(framed) and task != "binary":
            pytest.skip("the same without a time column")
        X, y = messy(self.rows), target(self.rows, task)
        later = messy(30, seed=5, start="2025-01-01")
        kept, kept_later, goal = X.copy(deep=True), later.copy(deep=True), y.copy()
        with self.quiet():
            built = self.build(framed, task)
            fitted = built.fit_transform(X, y)
            found = built.transform(later)
        assert X.equals(kept) and later.equals(kept_later) and np.array_equal(y, goal)
        for out, rows in ((fitted, self.rows), (found, 30)):
            assert out.shape[0] == rows
            if isinstance(out, pd.DataFrame):
                assert out.columns.is_unique
        assert fitted.shape[1] == found.shape[1]
        if isinstance(fitted, pd.DataFrame):
            assert list(fitted.columns) == list(found.columns)
            assert found.index.equals(later.index)

    def test_no_more_columns_than_it_tells(self, transform: Transform) -> None:
        """Where it tells how many columns it adds, these are enough: what a fit takes is forecast with them."""
        X = messy(30, seed=5, start="2025-01-01")
        told = transform.adds(self.examples.get(transform.name, {}), X.shape[1])
        assert told == 0 or 0 < self.fitted(transform).transform(X).shape[1] - X.shape[1] <= told

    def timed(self, part: Part) -> bool:
        """Whether the member follows time, which only the binary setting of this suite names."""
        return any(p.name == "time_column" for p in part.params)

    def test_frames_without_rows_and_with_one(self, framed: Part) -> None:
        """Prediction works on any number of rows."""
        later = messy(30, seed=5, start="2025-01-01")
        with self.quiet():
            built = self.fitted(framed)
            full = built.transform(later)
            none, one = built.transform(later.iloc[:0]), built.transform(later.iloc[:1])
        assert none.shape == (0, full.shape[1]) and one.shape == (1, full.shape[1])

    def test_categories_of_another_frame(self, framed: Part) -> None:
        """The order and the number of categories in a frame's dtype say nothing; only the level of a row does."""
        X = messy(30, seed=5, start="2025-01-01")
        other = X.copy()
        for name in X.select_dtypes("category"):
            known = [str(c) for c in X[name].cat.categories]
            other[name] = X[name].cat.set_categories(["zzz", *known[::-1], "a new one"])
        built = self.fitted(framed)
        a, b = built.transform(X), built.transform(other)
        if isinstance(a, pd.DataFrame):
            for name in a.columns:
                if isinstance(a[name].dtype, pd.CategoricalDtype):
                    a[name], b[name] = a[name].astype("str"), b[name].astype("str")
        assert same(a, b)

    def test_the_same_seed_gives_the_same(self, framed: Part) -> None:
        """Two fits on the same data are the same."""
        X, y = messy(self.rows), target(self.rows, self.task_of(framed))
        built = self.build(framed, self.task_of(framed))
        assert same(clone(built).fit_transform(X, y), clone(built).fit_transform(X, y))

    def test_clone_carries_no_state(self, framed: Part) -> None:
        """A clone of a fitted object is unfitted."""
        built = self.build(framed, self.task_of(framed))
        assert vars(clone(self.fitted(framed))).keys() == vars(clone(built)).keys()

    def test_storing_changes_nothing(self, framed: Part) -> None:
        """A stored and loaded object does exactly the same."""
        later = messy(30, seed=5, start="2025-01-01")
        built = self.fitted(framed)
        loaded = roundtrip(built, self.trusted)
        assert same(loaded.transform(later), built.transform(later))

    def test_applying_changes_no_state(self, framed: Part) -> None:
        """Applying it doesn't change what it does next."""
        later = messy(30, seed=5, start="2025-01-01")
        built = self.fitted(framed)
        first = built.transform(later)
        built.transform(later.iloc[::-1])
        assert same(built.transform(later), first)

    def test_order_of_rows_does_not_matter(self, framed: Part) -> None:
        """Rows may come in any order (those that follow time sort by it)."""
        later = messy(30, seed=5, start="2025-01-01")
        built = self.fitted(framed)
        shuffled = np.random.default_rng(0).permutation(30)
        a, b = built.transform(later.iloc[shuffled]), built.transform(later)
        a, b = (m.toarray() if sparse.issparse(m) else m for m in (a, b))
        if isinstance(b, pd.DataFrame):
            numeric = b.select_dtypes("number").columns
            assert list(a.columns) == list(b.columns)
            a, b = a[numeric].to_numpy(), b[numeric].to_numpy()
        assert np.allclose(a, b[shuffled], equal_nan=True, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("rows", [1, 4])
    def test_tiny_training(self, framed: Part, rows: int) -> None:
        """A handful of rows are learnt from, or declined with a reason."""
        X, y = messy(rows), target(rows, self.task_of(framed))
        with self.quiet():
            try:
                built = self.build(framed, self.task_of(framed)).fit(X, y)
            except NotApplicable as reason:
                assert str(reason)
                return
            assert built.transform(messy(3, seed=4)).shape[0] == 3

    @pytest.mark.parametrize("sort", ["float64", "category", "datetime", "str"])
    def test_columns_of_one_kind_only(self, view: Part, sort: Any) -> None:
        """Views take frames with a single kind of column."""
        X, y = messy(self.rows).select_dtypes([sort]), target(self.rows, "binary")
        with self.quiet():
            out = self.build(view).fit_transform(X, y)
        assert out.shape[0] == self.rows and out.shape[1] >= 1

    def test_no_columns_and_no_target(self, view: Part) -> None:
        """Views take frames without columns, and fits without a target."""
        with self.quiet():
            assert self.build(view).fit_transform(pd.DataFrame(index=range(20)), target(20, "binary")).shape[0] == 20
            assert self.build(view).fit(messy(20)).transform(messy(3)).shape[0] == 3

    def test_one_class_only(self, view: Part) -> None:
        """Views take targets with a single class."""
        with self.quiet():
            assert self.build(view).fit_transform(messy(30), np.zeros(30, dtype=np.int64)).shape[0] == 30

    def test_names_of_the_columns(self, view: Part) -> None:
        """There is a name for each column."""
        built = self.fitted(view)
        assert len(built.get_feature_names_out()) == built.transform(messy(3)).shape[1]

    # ── what acts on rows, targets and probabilities

    def presented(self, form: str, rows: int) -> Any:
        """Rows as views present them: ``array`` with gaps, ``frame`` with categories, ``csr``."""
        rng = np.random.default_rng(3)
        X = rng.normal(size=(rows, 4))
        if form == "csr":
            return sparse.csr_matrix(np.where(np.abs(X) < 0.5, 0.0, X))
        X[::5, 0] = np.nan
        if form == "array":
            return X
        kinds = {"f0": X[:, 0], "f1": X[:, 1]} if form == "frame" else {}
        levels = pd.Categorical(rng.choice(["a", "b", "c"], rows), categories=["a", "b", "c", "d"])
        return pd.DataFrame({**kinds, "f2": levels.set_categories(["a", "b", "d"])})

    @pytest.mark.parametrize("form", ["array", "frame", "categories", "csr"])
    def test_resampling_keeps_form_and_classes(self, resampling: Part, form: str) -> None:
        """Rows come back in the form they came in, better balanced, tiny classes included."""
        X, y = self.presented(form, 200), target(200, "multiclass")
        y[:10] = 0
        y[10:12] = 2  # two rows only: fewer than any number of neighbours
        before = X.copy()
        with self.quiet():
            built = self.build(resampling, "multiclass", {"target_ratio": 0.5})
            Z, z = built.fit_resample(X, y)
            again, _ = clone(built).fit_resample(X, y)
        assert type(Z) is type(X) and Z.shape[0] == len(z) and Z.shape[1] == X.shape[1]
        assert same(X, before) and same(Z, again)
        assert set(z) == set(y)
        counts = np.bincount(z)
        assert counts.min() / counts.max() > np.bincount(y).min() / np.bincount(y).max()
        if isinstance(Z, pd.DataFrame):
            assert list(Z.dtypes) == list(X.dtypes)

    def test_resampling_declines(self, resampling: Part) -> None:
        """Balanced classes, a single class and regressions are declined."""
        balanced = np.resize([0, 1], 40)
        with pytest.raises(NotApplicable):
            self.build(resampling).fit_resample(self.presented("array", 40), balanced)
        with pytest.raises(NotApplicable):
            self.build(resampling).fit_resample(self.presented("array", 40), np.zeros(40, dtype=np.int64))
        with pytest.raises(NotApplicable):
            self.build(resampling, "regression")

    def test_weights_favour_rare_classes(self, weighting: Part) -> None:
        """The rarer the class, the larger the weight; the mean is 1."""
        y = target(200, "multiclass")
        weights = self.build(weighting, "multiclass").weights(y)
        assert weights.shape == (200,) and weights.mean() == pytest.approx(1.0) and (weights > 0).all()
        by_class = [weights[y == k][0] for k in np.argsort(np.bincount(y))]
        assert by_class == sorted(by_class, reverse=True)
        with pytest.raises(NotApplicable):
            self.build(weighting, "regression")

    def test_targets_come_back(self, target_transform: Part) -> None:
        """The inverse gives back training values, and something finite for any prediction."""
        y = target(300, "regression").reshape(-1, 1)
        built = self.build(target_transform, "regression")
        with self.quiet():
            z = built.fit_transform(y)
            assert np.allclose(built.inverse_transform(z), y, rtol=1e-6, atol=1e-6 * np.ptp(y))
            far = np.array([[-1e300], [-1e6], [0.0], [1e6], [1e300]])
            assert np.isfinite(built.inverse_transform(far)).all()
        assert same(roundtrip(built, self.trusted).inverse_transform(z), built.inverse_transform(z))
        assert same(clone(built).fit(y).transform(y), z)
        with pytest.raises(NotApplicable):
            built.fit(np.ones((20, 1)))
        with pytest.raises(NotApplicable):
            self.build(target_transform, "binary")

    def test_relative_targets_come_back(self, relative_target: Part) -> None:
        """The inverse gives back targets, also where the column is missing, and something finite for any prediction."""
        assert isinstance(relative_target, RelativeTarget)
        X, y = messy(300), target(300, "regression")
        name = "a gap; DROP TABLE rows_ --"
        asked = {p.name: name for p in relative_target.params if isinstance(p, Text)}
        assert relative_target.column(asked) == name
        built = self.build(relative_target, "regression", asked)
        before = X.copy(deep=True)
        with self.quiet():
            z = built.fit(X, y).transform(X, y)
            assert np.isfinite(z).all() and np.allclose(built.inverse_transform(X, z), y, rtol=1e-6)
            assert np.isfinite(built.inverse_transform(X, np.resize([-1e300, 0.0, 1e300], 300))).all()
            assert built.inverse_transform(X.iloc[:0], z[:0]).shape == (0,)
        assert X.equals(before)
        assert same(roundtrip(built, self.trusted).inverse_transform(X, z), built.inverse_transform(X, z))
        for other in ("nothing", "few", "no such column"):
            with pytest.raises(NotApplicable, match=relative_target.name):
                self.build(relative_target, "regression", dict.fromkeys(asked, other)).fit(X, y)
        with pytest.raises(NotApplicable):
            self.build(relative_target, "regression")
        with pytest.raises(NotApplicable):
            self.build(relative_target, "binary", asked)

    @pytest.mark.parametrize("k", [2, 4])
    def test_calibration_improves_what_is_wrong(self, calibration: Part, k: int) -> None:
        """Overconfident probabilities come out better, positive and summing to one."""
        rng = np.random.default_rng(0)
        logits = rng.normal(size=(3000, k)) * 1.5
        truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        y = (truth.cumsum(axis=1) < rng.random((3000, 1))).sum(axis=1)
        sure = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
        built = self.build(calibration, "multiclass").fit(sure[:1500], y[:1500])
        better = built.transform(sure[1500:])
        assert better.shape == (1500, k)
        assert np.allclose(better.sum(axis=1), 1) and (better > 0).all()

        def loss(shares: Array) -> float:
            return float(-np.log(np.clip(shares[np.arange(1500), y[1500:]], 1e-7, 1)).mean())

        assert loss(better) < loss(sure[1500:])
        assert same(roundtrip(built, self.trusted).transform(sure[1500:]), better)
        assert built.transform(sure[:0]).shape == (0, k)
        with pytest.raises(NotApplicable):
            clone(built).fit(sure[:100], np.zeros(100, dtype=np.int64))
        with pytest.raises(NotApplicable):
            self.build(calibration, "regression")
