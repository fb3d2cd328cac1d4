"""A recipe becomes one scikit-learn ``Pipeline`` from raw columns to prediction.

Targets are class codes 0 … k − 1 or numbers. Every compiled pipeline answers ``predict_proba`` with one column for
each of the k classes (also for classes that were absent where it was fitted), or ``predict`` with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.pipeline import Pipeline

from modelwright.actions import build_part, part_of
from modelwright.estimators import all_estimators
from modelwright.pooling import Mean, weighted_mean
from modelwright.recipe import Recipe, Setting, Use
from modelwright.stacking import SecondLevel
from modelwright.together import together
from modelwright.transforms import RelativeTarget

SECOND_FOLDS = 5
BESIDE, LATER = 0.1, 1.0
"""Margins of regressions: rows of the same time rarely go beyond what was seen, later ones may."""


def compile_recipe(recipe: Recipe, setting: Setting) -> Pipeline:
    """Compile a recipe.

    Args:
        recipe: validated by :func:`modelwright.actions.checked_recipe`.
        setting: what it is compiled for.

    Returns:
        An unfitted pipeline over frames with the column types of :mod:`modelwright.table`.
    """
    if recipe.members:
        return Pipeline([("model", _combination(recipe, setting))])
    estimator = all_estimators()[recipe.estimator.action]
    core = estimator.build(estimator.action().resolved(recipe.estimator.params), setting)
    view = recipe.view or Use(estimator.view)
    steps: list[tuple[str, Any]] = [
        (f"{i:02d}_{use.action}", build_part(use, setting)) for i, use in enumerate(recipe.transforms, 1)
    ]
    steps.append((view.action, build_part(view, setting)))
    steps.append(("model", _model(core, recipe, setting)))
    beside = _beside(recipe)
    return Pipeline(steps) if beside is None else Relative(steps, build_part(beside, setting), _margin(setting))


def _beside(recipe: Recipe) -> Use | None:
    """The target transform of a recipe, if it relates the target to a column of the rows."""
    use = recipe.target
    return use if use is not None and isinstance(part_of(use), RelativeTarget) else None


def _margin(setting: Setting) -> float:
    return LATER if setting.time_column else BESIDE


def _model(core: Any, recipe: Recipe, setting: Setting) -> BaseEstimator:
    def built(use: Use | None) -> Any:
        return None if use is None else build_part(use, setting)

    if setting.classification:
        return Classifier(
            core,
            n_classes=setting.n_classes,
            resampling=built(recipe.resampling),
            weighting=built(recipe.weighting),
            calibration=built(recipe.calibration),
            seed=setting.seed,
        )
    target = built(recipe.target) if _beside(recipe) is None else None
    return Regressor(core, target=target, margin=_margin(setting))


def _combination(recipe: Recipe, setting: Setting) -> BaseEstimator:
    from modelwright.actions import registry

    models = [
        compile_recipe(m.recipe, replace(setting, seed=setting.seed + i, rounds=None))
        for i, m in enumerate(recipe.members)
    ]
    calibration = None if recipe.calibration is None else build_part(recipe.calibration, setting)
    weights, second = [m.weight for m in recipe.members], None
    params = registry()[recipe.estimator.action].resolved(recipe.estimator.params)
    if recipe.estimator.action == "stack":
        second = SecondLevel(weights, setting.n_classes, float(params["C"]))
    if setting.classification:
        mean = params.get("mean", "arithmetic")
        return BlendClassifier(models, weights, setting.n_classes, calibration, second, mean)
    return BlendRegressor(models, weights, second)


def fitted_second(second: SecondLevel, models: list[Any], X: Any, y: np.ndarray) -> SecondLevel:
    """A second level fitted on the models' cross-validated predictions."""
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

    folds: Any = KFold(SECOND_FOLDS, shuffle=True, random_state=0)
    if second.n_classes and np.bincount(y).max() >= SECOND_FOLDS:
        folds = StratifiedKFold(SECOND_FOLDS, shuffle=True, random_state=0)
    ask = "predict_proba" if second.n_classes else "predict"
    fitted: SecondLevel = clone(second).fit([cross_val_predict(m, X, y, cv=folds, method=ask) for m in models], y)
    return fitted


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier with what may be wrapped round it: resampling and weighting in fitting, calibration after it.

    Args:
        estimator: a classifier with ``predict_proba``.
        n_classes: number of classes of the whole problem.
        resampling: an object with ``fit_resample``, or ``None``.
        weighting: an object with ``weights(y)``, or ``None``.
        calibration: an object with ``fit(probabilities, y)`` and ``transform``, or ``None``. It is fitted on
            cross-validated predictions within the rows given to ``fit``.
        seed: seed of the folds for calibration.
    """

    def __init__(
        self,
        estimator: Any,
        n_classes: int,
        resampling: Any = None,
        weighting: Any = None,
        calibration: Any = None,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_classes = n_classes
        self.resampling = resampling
        self.weighting = weighting
        self.calibration = calibration
        self.seed = seed

    def fit(self, X: Any, y: np.ndarray) -> Classifier:
        """Fit on a view's matrix and class codes."""
        y = np.asarray(y).astype(np.int64)
        self.calibration_ = None
        if self.calibration is not None:
            inner = Classifier(self.estimator, self.n_classes, self.resampling, self.weighting)
            self.calibration_ = fitted_calibration(self.calibration, inner, X, y, self.seed)
        if self.resampling is not None:
            X, y = clone(self.resampling).fit_resample(X, y)
        present, codes = np.unique(y, return_inverse=True)
        self.present_ = present
        self.classes_ = np.arange(self.n_classes)
        self.estimator_ = None
        if len(present) > 1:
            self.estimator_ = clone(self.estimator)
            if self.weighting is not None:
                self.estimator_.fit(X, codes, sample_weight=self.weighting.weights(codes))
            else:
                self.estimator_.fit(X, codes)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, (n, n_classes)."""
        rows = X.shape[0]
        result = np.zeros((rows, self.n_classes))
        if self.estimator_ is None:
            result[:, self.present_] = 1.0
        elif rows:
            result[:, self.present_] = self.estimator_.predict_proba(X)
        return result if self.calibration_ is None or not rows else np.asarray(self.calibration_.transform(result))

    def predict(self, X: Any) -> np.ndarray:
        """Codes of the most probable classes."""
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    @property
    def truncated_(self) -> bool:
        """Whether fitting stopped early for lack of time."""
        return bool(getattr(self.estimator_, "truncated_", False))


def fitted_calibration(calibration: Any, model: Any, X: Any, y: np.ndarray, seed: int) -> Any:
    """A calibration fitted on a model's cross-validated probabilities; ``None`` when a class has a single row."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    smallest = int(np.bincount(y)[np.unique(y)].min())
    if smallest < 2:
        return None
    folds = StratifiedKFold(min(3, smallest), shuffle=True, random_state=seed)
    return clone(calibration).fit(cross_val_predict(model, X, y, cv=folds, method="predict_proba"), y)


def _reach(y: np.ndarray, margin: float) -> tuple[float, float]:
    """The range of some targets, wider by so many widths at either end."""
    low, high = float(y.min()), float(y.max())
    return low - margin * (high - low), high + margin * (high - low)


class Regressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A regressor over a transformed target.

    Args:
        estimator: a regressor.
        target: a transformer of the (n, 1) target with an inverse, or ``None``.
        margin: how far beyond the targets it was fitted on a prediction may lie, in widths of their range. One row
            that is unlike all others can throw a linear model anywhere, the more so where the target was transformed.
    """

    def __init__(self, estimator: Any, target: Any = None, margin: float = 1.0) -> None:
        self.estimator = estimator
        self.target = target
        self.margin = margin

    def fit(self, X: Any, y: np.ndarray) -> Regressor:
        """Fit on a view's matrix and numbers."""
        y = np.asarray(y, dtype=np.float64)
        self.range_ = _reach(y, self.margin)
        self.target_ = None if self.target is None else clone(self.target).fit(y.reshape(-1, 1))
        inside = y if self.target_ is None else np.asarray(self.target_.transform(y.reshape(-1, 1))).ravel()
        self.estimator_ = clone(self.estimator).fit(X, inside)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the target's own units, (n,)."""
        if not X.shape[0]:
            return np.zeros(0)
        raw = np.asarray(self.estimator_.predict(X), dtype=np.float64).ravel()
        if self.target_ is not None:
            raw = np.asarray(self.target_.inverse_transform(raw.reshape(-1, 1))).ravel()
        return np.clip(raw, *self.range_)

    @property
    def truncated_(self) -> bool:
        """Whether fitting stopped early for lack of time."""
        return bool(getattr(self.estimator_, "truncated_", False))


class Relative(Pipeline):  # type: ignore[misc]  # scikit-learn has no types
    """A regression of what is left of the target when it is related to a column.

    Args:
        steps: from the frame to a :class:`Regressor`, as in any pipeline.
        target: relates the target to a column; see :class:`~modelwright.transforms.RelativeTarget`.
        margin: see :class:`Regressor`; one wild cell of the column must not carry a prediction anywhere.
    """

    def __init__(self, steps: list[tuple[str, Any]], target: Any, margin: float = 1.0) -> None:
        super().__init__(steps)
        self.target = target
        self.margin = margin

    def fit(self, X: Any, y: np.ndarray) -> Relative:
        """Fit on a frame and numbers."""
        super().fit(X, self.related(X, y))
        return self

    def related(self, X: Any, y: np.ndarray) -> np.ndarray:
        """Learn how the target relates to the column, and give what is left of it, (n,)."""
        y = np.asarray(y, dtype=np.float64)
        self.range_ = _reach(y, self.margin)
        self.target_ = clone(self.target).fit(X, y)
        left: np.ndarray = self.target_.transform(X, y)
        return left

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the target's own units, (n,)."""
        return self.restored(super().predict(X), X)

    def restored(self, left: np.ndarray, X: Any) -> np.ndarray:
        """Numbers in the target's own units from what the last step predicted for a frame's rows, (n,)."""
        whole: np.ndarray = np.clip(self.target_.inverse_transform(X, left), *self.range_)
        return whole


class BlendClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The weighted mean of several pipelines' probabilities, or what a second level makes of them.

    Args:
        models: pipelines over frames, with ``predict_proba`` of ``n_classes`` columns.
        weights: one a model; they are scaled to sum to one.
        n_classes: number of classes.
        calibration: an object with ``fit(probabilities, y)`` and ``transform``, or ``None``. ``fit`` fits it on
            cross-validated blends within its rows; ``assemble`` takes one that was fitted before.
        second: puts the models' probabilities together in place of the mean, or ``None``. ``fit`` fits it on
            cross-validated predictions within its rows; ``assemble`` takes one that was fitted before.
        mean: which mean of the models' probabilities.
    """

    def __init__(
        self,
        models: list[Any],
        weights: list[float],
        n_classes: int,
        calibration: Any = None,
        second: SecondLevel | None = None,
        mean: Mean = "arithmetic",
    ) -> None:
        self.models = models
        self.weights = weights
        self.n_classes = n_classes
        self.mean = mean
        self.calibration = calibration
        self.second = second

    def fit(self, X: Any, y: np.ndarray) -> BlendClassifier:
        """Fit every model on the same rows."""
        y = np.asarray(y).astype(np.int64)
        calibration = second = None
        if self.calibration is not None:
            inner = BlendClassifier(self.models, self.weights, self.n_classes, second=self.second, mean=self.mean)
            calibration = fitted_calibration(self.calibration, inner, X, y, 0)
        if self.second is not None:
            second = fitted_second(self.second, self.models, X, y)
        return self.assemble([clone(m).fit(X, y) for m in self.models], calibration, second)

    def assemble(
        self, fitted: list[Any], calibration: Any, second: SecondLevel | None = None, copies: Sequence[int] = ()
    ) -> BlendClassifier:
        """Take models, a calibration and a second level that were fitted before.

        With ``copies``, so many models in a row are one to the second level, which is given their mean.
        """
        self.models_ = fitted
        self.calibration_ = calibration
        self.second_, self.copies_ = second, list(copies)
        self.classes_ = np.arange(self.n_classes)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, (n, n_classes)."""
        if not len(X):
            return np.zeros((0, self.n_classes))
        blended = _put_together(self, answers(self.models_, X, "predict_proba"))
        return blended if self.calibration_ is None else np.asarray(self.calibration_.transform(blended))

    def predict(self, X: Any) -> np.ndarray:
        """Codes of the most probable classes."""
        return np.asarray(self.predict_proba(X).argmax(axis=1))


class BlendRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The weighted mean of several pipelines' predictions, or what a second level makes of them; see
    :class:`BlendClassifier`.
    """

    def __init__(self, models: list[Any], weights: list[float], second: SecondLevel | None = None) -> None:
        self.models = models
        self.weights = weights
        self.second = second

    def fit(self, X: Any, y: np.ndarray) -> BlendRegressor:
        """Fit every model on the same rows."""
        second = None if self.second is None else fitted_second(self.second, self.models, X, y)
        return self.assemble([clone(m).fit(X, y) for m in self.models], second)

    def assemble(
        self, fitted: list[Any], second: SecondLevel | None = None, copies: Sequence[int] = ()
    ) -> BlendRegressor:
        """Take models and a second level that were fitted before."""
        self.models_ = fitted
        self.second_, self.copies_ = second, list(copies)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Numbers, (n,)."""
        if not len(X):
            return np.zeros(0)
        found = answers(self.models_, X, "predict")
        restored = [
            model.restored(left, X) if isinstance(model, Relative) else left
            for model, left in zip(self.models_, found, strict=True)
        ]
        return _put_together(self, restored)


def _put_together(blend: BlendClassifier | BlendRegressor, predictions: list[np.ndarray]) -> np.ndarray:
    """What a blend makes of its models' predictions; those of earlier versions know one mean and no second level."""
    second: SecondLevel | None = getattr(blend, "second_", None)
    if second is None:
        return weighted_mean(predictions, blend.weights, getattr(blend, "mean", "arithmetic"))
    copies = blend.copies_ or [1] * len(predictions)
    ends = np.cumsum(copies)
    means = [np.mean(predictions[end - n : end], axis=0) for n, end in zip(copies, ends, strict=True)]
    return second.combine(means)


def answers(models: list[Any], X: Any, ask: str) -> list[np.ndarray]:
    """What the last step of each pipeline predicts, asked by the method of this name."""
    with together():
        return [getattr(last, ask)(Z) for last, Z in presented(models, X)]


def presented(models: list[Any], X: Any) -> Iterator[tuple[Any, Any]]:
    """The last step of each pipeline with the rows as it takes them; what pipelines share is computed once."""
    known: dict[tuple[int, ...], Any] = {(): X}
    for model in models:
        chain: tuple[int, ...] = ()
        for _, step in model.steps[:-1]:
            before, chain = known[chain], (*chain, id(step))
            if chain not in known:
                known[chain] = step.transform(before)
        yield model.steps[-1][1], known[chain]


def shared(models: list[Pipeline]) -> list[Pipeline]:
    """Fitted pipelines in which transformers, and parts of transformers, that hold the same are one object: smaller to
    keep, quicker to load and to predict with.
    """
    known: dict[type, list[Any]] = {}
    for model in models:
        for place, (name, step) in enumerate(model.steps[:-1]):
            model.steps[place] = (name, _one_of(step, known))
    return models


def _one_of(part: Any, known: dict[type, list[Any]]) -> Any:
    """A known object that holds the same, or the object itself, made of known parts where they hold the same."""
    if isinstance(part, list):
        part[:] = [_one_of(value, known) for value in part]
    elif isinstance(part, dict):
        for name, value in part.items():
            part[name] = _one_of(value, known)
    elif not isinstance(part, type) and getattr(part, "__dict__", None):
        _one_of(vars(part), known)
        others = known.setdefault(type(part), [])
        same = next((other for other in others if alike(part, other)), None)
        if same is not None:
            return same
        others.append(part)
    return part


def alike(a: Any, b: Any) -> bool:
    """Whether two fitted objects hold the same: plain values, arrays, and objects made of them."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype.kind == "O":
            return all(map(alike, a.ravel().tolist(), b.ravel().tolist()))
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fcmM"))
    if isinstance(a, float | np.floating):
        return bool(a == b or (a != a and b != b))
    if isinstance(a, str | bytes | int | np.generic | np.dtype | None):
        return bool(a == b)
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, sparse.spmatrix | sparse.sparray):
        return a.shape == b.shape and all(
            alike(getattr(a, n, 0), getattr(b, n, 0)) for n in ("data", "indices", "indptr")
        )
    # Objects that aren't written in Python may hold what can't be seen: they are taken to differ.
    return hasattr(a, "__dict__") and type(a).__module__.split(".")[0] != "builtins" and alike(vars(a), vars(b))


def raw_predictions(model: Any, frame: Any, classification: bool) -> np.ndarray:
    """Probabilities (n, k) or numbers (n,) of a fitted pipeline."""
    return np.asarray(model.predict_proba(frame) if classification else model.predict(frame))


def view_of(recipe: Recipe) -> dict[str, Any]:
    """All of a recipe that its view of the rows depends on; empty for a combination, whose members have their own."""
    if recipe.members:
        return {}
    view = recipe.view or Use(all_estimators()[recipe.estimator.action].view)
    return {"transforms": recipe.transforms, "view": view, "beside": _beside(recipe)}


def fit_on_view(model: Pipeline, frame: Any, y: np.ndarray, view: Callable[[Pipeline, np.ndarray], Any]) -> None:
    """Fit a compiled pipeline's last step on a view of a frame that comes from elsewhere; the others stay unfitted.

    Args:
        model: of a recipe that isn't a combination.
        frame: rows.
        y: their targets.
        view: gives the matrix, told the steps that compute it and the targets that they would be fitted with.
    """
    if isinstance(model, Relative):
        y = model.related(frame, y)
    model[-1].fit(view(Pipeline(model.steps[:-1]), y), y)


def predicted_on_view(model: Pipeline, matrix: Any, frame: Any, classification: bool) -> np.ndarray:
    """As :func:`raw_predictions`, from a view of a frame that comes from elsewhere."""
    found = raw_predictions(model[-1], matrix, classification)
    return model.restored(found, frame) if isinstance(model, Relative) else found


def truncated(model: Pipeline) -> bool:
    """Whether any part of a fitted pipeline stopped early for lack of time."""
    last = model[-1]
    if hasattr(last, "models_"):
        return any(truncated(m) for m in last.models_)
    return bool(getattr(last, "truncated_", False))


def boosting_rounds(model: Pipeline) -> int | None:
    """How many rounds the boosted model of a fitted pipeline has; ``None`` for any other model."""
    rounds = getattr(getattr(model[-1], "estimator_", None), "rounds_", None)
    return None if rounds is None else int(rounds)
