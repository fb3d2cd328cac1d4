"""What all built estimators share: frames to matrices, class codes, quiet fitting, finite predictions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import ThreadpoolController

from modelwright.errors import NotApplicable
from modelwright.table import occurring
from modelwright.together import once

Array = np.ndarray[Any, Any]
Levels = list[list[str] | None]


@cache
def _pools() -> ThreadpoolController:
    # Looking for the loaded libraries takes longer than a small fit. Those that fits need are loaded by now; LightGBM,
    # XGBoost and CatBoost come later, but are told their threads in other ways.
    return ThreadpoolController()


@contextmanager
def quiet(threads: int) -> Iterator[None]:
    """Fit without warnings on the terminal and with at most this many threads in OpenMP and BLAS."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), _pools().limit(limits=threads):
        warnings.simplefilter("ignore")
        yield


def levels_of(X: Any) -> Levels:
    """For each column of a frame the levels of a categorical one, ``None`` for numbers; all ``None`` for a matrix."""
    if not isinstance(X, pd.DataFrame):
        return [None] * X.shape[1]
    dtypes = [X.iloc[:, i].dtype for i in range(X.shape[1])]
    return [[str(v) for v in d.categories] if isinstance(d, pd.CategoricalDtype) else None for d in dtypes]


def directions(X: Any) -> list[int]:
    """The direction that each column demands: +1 where the prediction must not fall as the column rises, −1 where it
    must not rise, 0 elsewhere.

    The view ``native`` labels such columns with an arrow at the end; nothing else has a demand.
    """
    if not isinstance(X, pd.DataFrame):
        return [0] * X.shape[1]
    return [{"↑": 1, "↓": -1}.get(str(label)[-1:], 0) for label in X.columns]


def matrix(X: Any, levels: Levels) -> Any:
    """The columns as ``float64`` numbers: categories as their position among the levels seen in fitting, else NaN.

    A sparse matrix stays sparse (CSR).
    """
    if sparse.issparse(X):
        return X.tocsr()
    if not isinstance(X, pd.DataFrame):
        return np.asarray(X, dtype=np.float64)
    return once(lambda: ("numbers", id(X)), levels, lambda: _numbers(X, levels), keep=X)


def _numbers(X: pd.DataFrame, levels: Levels) -> Array:
    out = np.empty(X.shape, dtype=np.float64)
    plain = [i for i, known in enumerate(levels) if known is None]
    out[:, plain] = X.iloc[:, plain].to_numpy(dtype=np.float64, na_value=np.nan)
    for i, known in enumerate(levels):
        if known is None:
            continue
        column = X.iloc[:, i]
        values = column.array if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category").array
        texts, places = occurring(values)
        code: dict[str | None, float] = {level: float(i) for i, level in enumerate(known)}
        out[:, i] = np.array([code.get(text, np.nan) for text in texts])[places]
    return out


def varies(X: Any) -> bool:
    """Whether any column has two different values, missing being one of them."""
    if sparse.issparse(X):
        return bool((X.max(axis=0) != X.min(axis=0)).nnz)
    for i in range(X.shape[1]):
        column = X[:, i]
        same = np.isnan(column) if np.isnan(column[0]) else column == column[0]
        if not same.all():
            return True
    return False


class Model(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The base of everything that is built here: a scikit-learn classifier or regressor, as ``n_classes`` says.

    A subclass implements :meth:`_learn` and :meth:`_raw`; its constructor arguments are stored under their names, as
    scikit-learn wants it, and include ``n_classes``, ``threads`` and ``stop_at``.

    What is taken care of: classes are renumbered from 0 and may be missing; where there is but one class or value, or
    no column varies, the class shares or the mean are predicted, since many libraries refuse such data; frames with
    categorical columns become numbers; probabilities are finite and sum to one; values are finite and stay within one
    width of the training targets' range around it, since one wild cell can throw a linear model anywhere.

    Attributes:
        classes_: the classes seen in fitting, in the order of the probability columns.
        flat_: whether there was nothing to learn from.
        truncated_: whether fitting was stopped by the clock.
    """

    takes_missing: ClassVar[bool] = True
    takes_sparse: ClassVar[bool] = True
    n_classes: int
    threads: int
    stop_at: float | None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Model:
        """Learn from rows ``X`` (n, p) with targets ``y`` (n,): class codes or values.

        Raises:
            NotApplicable: when there are no columns, or the targets don't suit this kind of model.
        """
        self.truncated_ = False
        self.levels_ = levels_of(X)
        self.directions_ = directions(X)
        self.n_features_in_ = len(self.levels_)
        if not self.n_features_in_ and self._needs_columns():
            raise NotApplicable("there is no column to learn from")
        y = np.asarray(y)
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weights is not None and (weights == weights[0]).all():
            weights = None  # some libraries draw other random numbers with weights, even if these say nothing
        with quiet(self.threads):
            if self.n_classes:
                self.classes_, target = np.unique(y, return_inverse=True)
                self.prior_ = np.bincount(target, weights) / (len(y) if weights is None else weights.sum())
            else:
                target = y.astype(np.float64)
                low, high = float(target.min()), float(target.max())
                self.range_ = (low - (high - low), high + (high - low))
                self.mean_ = float(np.average(target, weights=weights))
            X = self._matrix(X, first=True)
            self.flat_ = len(np.unique(target)) < 2 or (self._needs_columns() and not varies(X))
            if not self.flat_:
                self._learn(X, target, weights)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of shape (n, classes seen in fitting)."""
        self._check_fitted()
        if self.flat_ or not X.shape[0]:
            return np.tile(self.prior_, (X.shape[0], 1))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            raw = np.asarray(self._raw(self._matrix(X)), dtype=np.float64)
        raw = np.column_stack([1.0 - raw, raw]) if raw.ndim == 1 else raw
        raw = np.clip(raw, 0.0, 1.0)
        total = raw.sum(axis=1)
        lost = ~np.isfinite(total) | (total <= 0)
        raw[lost], total[lost] = self.prior_, 1.0
        proba: Array = raw / total[:, None]
        return proba

    # Only classifiers have probabilities; scikit-learn asks by hasattr.
    predict_proba = available_if(lambda self: self.n_classes > 0)(predict_proba)

    def predict(self, X: Any) -> Array:
        """The likeliest classes, or the values, of shape (n,)."""
        self._check_fitted()
        if self.n_classes:
            best: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
            return best
        if self.flat_ or not X.shape[0]:
            return np.full(X.shape[0], self.mean_)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            raw = np.asarray(self._raw(self._matrix(X)), dtype=np.float64).reshape(X.shape[0])
        return np.clip(np.where(np.isfinite(raw), raw, self.mean_), *self.range_)

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        """Fit to a matrix with class codes from 0 without gaps, or values."""
        raise NotImplementedError

    def _raw(self, X: Any) -> Array:
        """Probabilities (n, k), the probability of the second of two classes (n,), or values (n,)."""
        raise NotImplementedError

    def _needs_columns(self) -> bool:
        return True

    def _directed(self) -> list[int] | None:
        """The direction demanded of each column (:func:`directions`); ``None`` when no column has one.

        With several classes no direction has a meaning.
        """
        found = getattr(self, "directions_", [])
        return found if any(found) and (not self.n_classes or len(self.classes_) == 2) else None

    def _categorical(self) -> list[int]:
        return [i for i, known in enumerate(self.levels_) if known is not None]

    def _matrix(self, X: Any, first: bool = False) -> Any:
        if X.shape[1] != self.n_features_in_:
            raise ValueError(f"fitted on {self.n_features_in_} columns, got {X.shape[1]}")
        out = matrix(X, self.levels_)
        if sparse.issparse(out) and not self.takes_sparse:
            out = out.toarray()
        if self.takes_missing or sparse.issparse(out):
            return out
        if first:
            # A median of some ten thousand rows is as good as that of all of them, and doesn't cost a sort of them.
            sample = out[:: max(1, len(out) // 10_000)]
            self.fill_ = np.nan_to_num(np.nanmedian(sample, axis=0)) if sample.size else np.zeros(out.shape[1])
        gaps = np.isnan(out)
        return np.where(gaps, self.fill_, out) if gaps.any() else out

    def _time_left(self) -> float:
        return np.inf if self.stop_at is None else self.stop_at - time.monotonic()

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"{type(self).__name__} isn't fitted yet")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if self.n_classes else "regressor"
        tags.classifier_tags = ClassifierTags() if self.n_classes else None
        tags.regressor_tags = None if self.n_classes else RegressorTags()
        tags.target_tags.required = True
        tags.input_tags.allow_nan, tags.input_tags.sparse = self.takes_missing, True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # A stored model must not depend on when it was fitted, nor hold what can be made again from the rest.
        state = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        if self.__sklearn_is_fitted__() and "stop_at" in state:
            state["stop_at"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class Wrapped(Model):
    """A scikit-learn estimator, or a pipeline that ends in one.

    Args:
        estimator: the unfitted estimator.
        n_classes: number of classes; 0 for regression.
        threads: threads that fitting may use.
        stop_at: ``time.monotonic()`` after which fitting should stop; plain estimators can't, and ignore it.
        standardise: whether the target of a regression is brought to mean 0 and variance 1 for fitting.
        missing: whether the estimator takes missing values; else they are filled with medians.
        sparse: whether the estimator takes sparse matrices; else they are made dense.
    """

    def __init__(
        self,
        estimator: Any,
        n_classes: int = 0,
        threads: int = 1,
        stop_at: float | None = None,
        standardise: bool = False,
        missing: bool = False,
        sparse: bool = True,
    ) -> None:
        self.estimator, self.n_classes, self.threads, self.stop_at = estimator, n_classes, threads, stop_at
        self.standardise, self.missing, self.sparse = standardise, missing, sparse

    @property
    def takes_missing(self) -> bool:  # type: ignore[override]  # told by an argument
        """Whether the estimator takes missing values."""
        return self.missing

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]  # told by an argument
        """Whether the estimator takes sparse matrices."""
        return self.sparse

    def _learn(self, X: Any, y: Array, weights: Array | None) -> None:
        from sklearn.base import clone

        self.scale_ = (0.0, 1.0)
        if self.standardise and not self.n_classes:
            self.scale_ = (self.mean_, float(np.std(y)) or 1.0)
            y = (y - self.scale_[0]) / self.scale_[1]
        self.fitted_ = self._fit_one(clone(self.estimator), X, y, weights)

    def _fit_one(self, estimator: Any, X: Any, y: Array, weights: Array | None) -> Any:
        steps = getattr(estimator, "steps", None)
        last, prefix = (steps[-1][1], f"{steps[-1][0]}__") if steps else (estimator, "")
        if weights is None or not has_fit_parameter(last, "sample_weight"):
            return estimator.fit(X, y)
        return estimator.fit(X, y, **{f"{prefix}sample_weight": weights})

    def _raw(self, X: Any) -> Array:
        if self.n_classes:
            proba: Array = self.fitted_.predict_proba(X)
            return proba
        raw: Array = np.asarray(self.fitted_.predict(X)) * self.scale_[1] + self.scale_[0]
        return raw
