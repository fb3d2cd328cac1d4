"""Kernel methods, exact and approximated."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, ClassVar

from modelwright.action import Choice, Integer, Real
from modelwright.estimators import REGRESSION, Family
from modelwright.estimators._family import Plain
from modelwright.estimators._params import Share, class_weight
from modelwright.recipe import Setting

WIDTH = Share("gamma", "how quickly similarity falls with distance; 'scale' suits it to the columns", "scale", low=0.0,
              high=1e4, open_low=True, words=("scale", "auto"), search=(1e-4, 1.0), log=True)  # fmt: skip
KERNEL = Choice("kernel", "what similarity is", "rbf", values=("rbf", "poly", "sigmoid", "linear"))
STRENGTH = Real("C", "inverse strength of the penalty", 1.0, low=0.0, high=1e6, open_low=True, search=(0.03, 100.0),
                log=True)  # fmt: skip
SLACK = Real("epsilon", "error in standard deviations of the target that doesn't count (regression)", 0.05, low=0.0,
             high=10.0, search=(0.0, 0.3))  # fmt: skip


class _Kernel(Plain):
    family: ClassVar[Family] = "kernel"
    view = "dense"


class VectorMachine(_Kernel):
    """Support vector machine."""

    name = "svm"
    description = (
        "Support vector machine with a kernel: strong on small, clean, numeric data; its scores are calibrated to "
        "probabilities by cross-fitting."
    )
    kinds = ("sklearn.svm:SVC", "sklearn.svm:SVR")
    scores = True
    params = (STRENGTH, WIDTH, KERNEL, SLACK, class_weight())
    only: ClassVar[Mapping[str, int]] = {"class_weight": 0, "epsilon": 1}
    max_rows = 20_000
    max_classes = 50
    price = (10.0, 1.9, 0.8)


class NuVectorMachine(_Kernel):
    """Support vector machine by the share of support vectors."""

    name = "nu_svm"
    description = "Support vector machine whose looseness is given as a share of the rows; takes no weights."
    kinds = ("sklearn.svm:NuSVC", "sklearn.svm:NuSVR")
    params = (
        Real("nu", "share of rows that may be on the wrong side, at least", 0.3, low=0.0, high=1.0, open_low=True,
             search=(0.05, 0.7)),
        Real("C", "inverse strength of the penalty (regression)", 1.0, low=0.0, high=1e6, open_low=True,
             search=(0.03, 100.0), log=True),
        WIDTH, KERNEL,
    )  # fmt: skip
    only: ClassVar[Mapping[str, int]] = {"C": 1}
    max_rows = 15_000
    max_classes = 50
    price = (12.0, 1.9, 0.8)

    def build(self, params: Mapping[str, Any], setting: Setting) -> Any:
        """Make the unfitted model."""
        from modelwright.estimators._nu_svm import FeasibleNu

        plain = super().build(params, setting)
        if not setting.classification:
            return plain
        return FeasibleNu(plain.estimator, setting.n_classes, setting.threads, seed=setting.seed)


class KernelRidgeModel(_Kernel):
    """Ridge regression over similarities."""

    name = "kernel_ridge"
    description = "Ridge regression over similarities between rows: smooth curves on small data."
    tasks = REGRESSION
    kinds = ("", "sklearn.kernel_ridge:KernelRidge")
    params = (
        Real("alpha", "strength of the penalty", 0.1, low=0.0, high=1e4, open_low=True, search=(1e-3, 10.0), log=True),
        Real("gamma", "how quickly similarity falls with distance; None for one by the number of columns", None,
             low=0.0, high=1e4, open_low=True, search=(1e-3, 1.0), log=True),
        Choice("kernel", "what similarity is", "rbf", values=("rbf", "laplacian", "poly", "linear"),
               search=("rbf", "laplacian")),
    )  # fmt: skip
    max_rows = 10_000
    price = (12.0, 2.6, 0.1)

    def bytes_needed(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> int:
        """The similarities of all rows with all others, and the matrix that is solved with."""
        return 2 * 8 * rows**2 + super().bytes_needed(rows, columns, params, setting)


class GaussianProcess(_Kernel):
    """Gaussian process."""

    name = "gaussian_process"
    description = "Gaussian process: fits its own smoothness; for small numeric data with smooth relations."
    sparse = False
    params = (
        Choice("kernel", "what curves are like", "rbf", values=("rbf", "matern", "rational_quadratic"),
               search=("rbf", "matern", "rational_quadratic")),
    )  # fmt: skip
    max_rows = 2_000
    max_classes = 10
    price = (6_000.0, 2.8, 0.2)

    def bytes_needed(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> int:
        """The similarities of all rows with all others, their gradients and factors, for each pair of classes."""
        return 5 * 8 * rows**2 * max(1, setting.n_classes - 1) + super().bytes_needed(rows, columns, params, setting)

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, RationalQuadratic, WhiteKernel

        shapes = {"rbf": RBF, "matern": Matern, "rational_quadratic": RationalQuadratic}
        kernel = ConstantKernel(1.0, (1e-2, 1e3)) * shapes[params["kernel"]](3.0)
        if setting.classification:
            return GaussianProcessClassifier(kernel, max_iter_predict=50, random_state=setting.seed)
        noisy = kernel + WhiteKernel(0.1, (1e-5, 1e1))
        return GaussianProcessRegressor(noisy, random_state=setting.seed)


class _Approximate(_Kernel):
    params = (
        Integer("n_components", "features that stand for the kernel", 300, low=2, high=5_000, search=(100, 1_000),
                log=True),
        Real("gamma", "how quickly similarity falls with distance; None for one by the number of columns", None,
             low=0.0, high=1e4, open_low=True, search=(1e-3, 1.0), log=True),
        STRENGTH,
    )  # fmt: skip
    price = (0.4, 1.0, 0.2)
    kind: ClassVar[str]

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import make_pipeline

        strength = params.pop("C")
        if params.get("gamma") is None:
            params.pop("gamma", None)
        features = resolve_name(self.kind)(**params, random_state=setting.seed)
        if setting.classification:
            last = LogisticRegression(C=strength, max_iter=300, random_state=setting.seed)
        else:
            last = Ridge(alpha=1.0 / strength, random_state=setting.seed)
        return make_pipeline(features, last)

    def seconds(self, rows: int, columns: int, params: Mapping[str, Any], setting: Setting) -> float:
        """Seconds of one core for one fit."""
        size = (params.get("n_components") or 300) / 300
        return super().seconds(rows, columns, params, setting) * size


class NystroemModel(_Approximate):
    """A linear model over similarities to some rows."""

    name = "nystroem"
    description = "A linear model over the similarities to a few hundred rows: a kernel machine for many rows."
    kind = "sklearn.kernel_approximation:Nystroem"


class RandomFourier(_Approximate):
    """A linear model over random waves."""

    name = "random_fourier"
    description = "A linear model over random waves of the columns, which stand for a radial kernel; for many rows."
    kind = "sklearn.kernel_approximation:RBFSampler"

    def make(self, params: dict[str, Any], setting: Setting) -> Any:
        """The scikit-learn estimator, unfitted."""
        return super().make({**params, "gamma": params["gamma"] or "scale"}, setting)
