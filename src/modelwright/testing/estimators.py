"""What every estimator must keep, as a test class.

A package that adds estimators tests them with::

    from modelwright.testing.estimators import EstimatorContract

    class TestMine(EstimatorContract):
        estimators = {"mine": Mine()}
"""

from __future__ import annotations

import io
import pickle
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor

from modelwright.action import Integer
from modelwright.errors import NotApplicable, ProgramError
from modelwright.estimators import Estimator
from modelwright.recipe import Setting

SETTINGS = {task: Setting(task, classes) for task, classes in (("binary", 2), ("multiclass", 3), ("regression", 0))}
VIEWS = ("trees", "native", "linear", "dense", "positive")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """One estimator on one task."""

    estimator: Estimator
    task: str

    @property
    def setting(self) -> Setting:
        """The setting that it is built for."""
        return SETTINGS[self.task]

    def model(self, given: Mapping[str, Any], setting: Setting | None = None) -> Any:
        """The unfitted model with these parameters over the defaults, as a recipe would build it."""
        action = self.estimator.action()
        return self.estimator.build(action.resolved(action.validate(given)), setting or self.setting)

    def rows(self, n: int, columns: int = 4, seed: int = 0) -> tuple[Any, Array]:
        """Rows as the estimator's view presents them, and targets; the classes are 0, 1 and, rarer, 2."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, columns))
        signal = X[:, 0] - 0.5 * X[:, -1] + 0.3 * rng.normal(size=n)
        if self.task == "regression":
            y = np.exp(1.0 + 0.5 * signal)
        else:
            y = (signal > 0).astype(np.int64)
            y[:2] = 0, 1
            if self.task == "multiclass":
                y[-3:] = 2
        return self.view(X), y

    def view(self, X: Array) -> Any:
        """A matrix of numbers in the shape of the estimator's view."""
        kind = self.estimator.view
        if kind == "positive":
            return (X - X.min(axis=0)) / np.maximum(np.ptp(X, axis=0), 1e-9)
        if kind in ("trees", "native"):
            X = X.copy()
            X[::7, 0] = np.nan
        if kind != "native":
            return X
        frame = pd.DataFrame(X, columns=[f'c"{i},[]:{{}}\n' for i in range(X.shape[1])])
        frame["level"] = pd.Categorical(
            ["a" if v > 0.3 else None for v in X[:, -1]], categories=["a", "b", "never seen"]
        )
        return frame


class EstimatorContract:
    """Subclass, name the estimators, and pytest runs every check on every one and every task that it serves.

    Class attributes:
        estimators: the estimators by name.
        quick: values that keep fits short, for the parameters of these names.
        trusted: packages whose types a stored model may hold.
    """

    estimators: ClassVar[Mapping[str, Estimator]] = {}
    quick: ClassVar[Mapping[str, Any]] = {
        "n_estimators": 6,
        "iterations": 6,
        "num_parallel_tree": 6,
        "n_components": 8,
        "max_subpopulation": 50,
        "hidden_layer_sizes": [8],
        "max_iter": 5,
        "outer_bags": 2,
        "max_rounds": 10,
    }
    trusted: ClassVar[tuple[str, ...]] = (
        "builtins", "collections", "numpy", "scipy", "sklearn", "lightgbm", "xgboost", "catboost", "modelwright",
    )  # fmt: skip

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check once for each estimator, or for each estimator and task."""
        members = dict(self.estimators)
        if "estimator" in metafunc.fixturenames:
            metafunc.parametrize("estimator", members.values(), ids=list(members))
        if "case" in metafunc.fixturenames:
            cases = [Case(e, task) for e in members.values() for task in SETTINGS if task in e.tasks]
            metafunc.parametrize("case", cases, ids=[f"{c.estimator.name}-{c.task}" for c in cases])

    def small(self, case: Case) -> dict[str, Any]:
        """The estimator's parameters that make a fit short, as far as their ranges allow."""
        given = {p.name: (p, self.quick[p.name]) for p in case.estimator.params if p.name in self.quick}
        return {name: max(value, p.low) if isinstance(p, Integer) else value for name, (p, value) in given.items()}

    def test_declaration(self, estimator: Estimator) -> None:
        """It says what it is, and its parameters accept and refuse what they declare."""
        action = estimator.action()
        assert estimator.name.isidentifier() and estimator.name.islower() and action.description.endswith(".")
        assert estimator.view in VIEWS and set(estimator.tasks) <= set(SETTINGS)
        assert len({p.name for p in estimator.params}) == len(estimator.params)
        for param in estimator.params:
            for value in param.good():
                action.validate({param.name: value})
            for value in param.bad():
                with pytest.raises(ProgramError):
                    action.validate({param.name: value})
        for seed in range(5):
            action.validate(action.sample(np.random.default_rng(seed)))

    def test_cost(self, case: Case) -> None:
        """It predicts a plausible cost that grows with the data, and declines other tasks and too many rows."""
        params = case.estimator.action().resolved({})
        sizes = ((100, 5), (10_000, 20), (100_000, 100))
        costs = [case.estimator.seconds(n, p, params, case.setting) for n, p in sizes]
        assert 0 < costs[0] < costs[1] < costs[2] < 1e9 or case.estimator.family == "baseline"
        case.estimator.check(50, case.setting)
        with pytest.raises(NotApplicable):
            case.estimator.check(50, replace(case.setting, task="no such task"))
        if case.estimator.max_rows is not None:
            with pytest.raises(NotApplicable):
                case.estimator.check(case.estimator.max_rows + 1, case.setting)

    def test_defaults(self, case: Case, capfd: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: Any) -> None:
        """With its defaults it fits, predicts soundly and says nothing; fitting leaves its parameters alone."""
        monkeypatch.chdir(tmp_path)
        X, y = case.rows(40)
        model = case.model({})
        before = repr(model.get_params())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert model.fit(X, y) is model
            self.sound(model, X, y, case)
        assert repr(model.get_params()) == before
        assert is_classifier(model) == case.setting.classification != is_regressor(model)
        output = capfd.readouterr()
        assert not output.out and not output.err and not list(tmp_path.iterdir())

    def test_sampled(self, case: Case) -> None:
        """Any point of its search space can be fitted."""
        X, y = case.rows(60)
        for seed in range(2):
            given = case.estimator.action().sample(np.random.default_rng(seed))
            self.sound(case.model({**given, **self.small(case)}).fit(X, y), X, y, case)

    def test_repeats(self, case: Case) -> None:
        """Copies give the same predictions for the same seed, also stored and loaded, pickled, or with unit weights."""
        import skops.io

        X, y = case.rows(60)
        new, _ = case.rows(60)  # not X itself: some kernels compute a row's likeness to itself in another way
        model = case.model(self.small(case))
        copy = clone(model)
        expected = predictions(model.fit(X, y), new)
        assert np.array_equal(predictions(copy.fit(X, y), new), expected)
        assert np.array_equal(predictions(pickle.loads(pickle.dumps(model)), new), expected)
        stored = skops.io.dumps(model)
        types = skops.io.get_untrusted_types(data=stored)
        assert not [t for t in types if t.split(".")[0] not in self.trusted]
        assert np.array_equal(predictions(skops.io.load(io.BytesIO(stored), trusted=types), new), expected)
        weighted = clone(model).fit(X, y, sample_weight=np.ones(len(y)))
        assert np.allclose(predictions(weighted, new), expected, rtol=1e-3, atol=1e-3)
        self.sound(clone(model).fit(X, y, sample_weight=np.linspace(0.01, 5.0, len(y))), X, y, case)

    def test_odd_data(self, case: Case) -> None:
        """One column and hardly any rows, a constant column, more columns than rows, sparse rows, rare classes."""
        given = self.small(case)
        for X, y in (case.rows(9, columns=1), case.rows(30, columns=45)):
            self.sound(case.model(given).fit(X, y), X, y, case)
        constant = case.view(np.ones((40, 1)))
        _, y = case.rows(40)
        self.sound(case.model(given).fit(constant, y), constant, y, case)
        if case.estimator.view == "linear":
            X, y = case.rows(40)
            rows = sparse.csr_matrix(X)
            self.sound(case.model(given).fit(rows, y), rows, y, case)
        if case.setting.classification:
            X, y = case.rows(40)
            single = case.model(given).fit(X, np.ones(40, dtype=np.int64))
            assert np.array_equal(single.classes_, [1]) and np.array_equal(single.predict_proba(X), np.ones((40, 1)))
        if case.task == "multiclass":
            X, y = case.rows(40)
            self.sound(case.model(given).fit(X, np.where(y == 1, 2, y)), X, np.where(y == 1, 2, y), case)
            rare = np.where((y == 2) & (np.arange(40) < 39), 0, y)
            self.sound(case.model(given).fit(X, rare), X, rare, case)

    def test_new_rows(self, case: Case) -> None:
        """It predicts no rows, one row, and rows with missing values and levels that training didn't have."""
        X, y = case.rows(60)
        model = case.model(self.small(case)).fit(X, y)
        every = predictions(model, X)
        assert predictions(model, X[:0]).shape == (0, *every.shape[1:])
        assert np.allclose(predictions(model, X[:1]), every[:1])
        if case.estimator.view == "native":
            level = pd.Categorical(["never seen", None, "b", "new", "a"], categories=["new", "b", "a", "never seen"])
            self.sound(model, X.iloc[:5].assign(level=level), y[:5], case)
            first = X.columns[0]
            self.sound(model, X.iloc[:5].assign(**{first: np.nan}), y[:5], case)

    def test_late(self, case: Case) -> None:
        """With no time left it still delivers something, and an ample deadline changes nothing."""
        X, y = case.rows(60)
        given = self.small(case)
        late = case.model(given, replace(case.setting, stop_at=time.monotonic() - 1.0)).fit(X, y)
        self.sound(late, X, y, case)
        ample = case.model(given, replace(case.setting, stop_at=time.monotonic() + 1e6)).fit(X, y)
        assert np.array_equal(predictions(ample, X), predictions(case.model(given).fit(X, y), X))

    def sound(self, model: Any, X: Any, y: Array, case: Case) -> None:
        """Check that predictions have the right shape and are finite, or are probabilities."""
        if not case.setting.classification:
            values = model.predict(X)
            assert values.shape == (len(y),) and np.isfinite(values).all()
            return
        proba = model.predict_proba(X)
        assert proba.shape == (len(y), len(model.classes_)) and np.isfinite(proba).all()
        assert proba.min() >= 0 and np.allclose(proba.sum(axis=1), 1)
        assert set(model.predict(X)) <= set(model.classes_) <= {0, 1, 2}


def predictions(model: Any, X: Any) -> Array:
    """Probabilities of a classifier, values of a regressor."""
    raw: Array = model.predict_proba(X) if is_classifier(model) else model.predict(X)
    return raw
