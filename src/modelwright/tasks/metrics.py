"""Metrics: what models are ranked and reported by, each in its own units and direction.

All work on numpy arrays and are written to be called thousands of times: one call can score many weightings of the
same rows at once, which is how resampling is done. Definitions follow scikit-learn's ``metrics`` module, under the
names of its scorers without the ``neg_``, with these differences, each for the sake of small or odd data: log loss
clips probabilities at 1e-7 instead of the machine's precision, so that one sure mistake can't decide a ranking; rows
whose truth is zero don't count in ``mape``; what is undefined (a ROC curve over a single class) has the value of a
model without skill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from modelwright.action import did_you_mean
from modelwright.errors import RequestError
from modelwright.tasks import _measures as of
from modelwright.tasks._measures import class_scores, confusion, to_labels

__all__ = ["METRICS", "Metric", "Needs", "better", "class_scores", "confusion", "find_metric", "gain", "to_labels"]

Needs = Literal["probability", "label", "value"]
_BINARY, _MULTICLASS, _REGRESSION = ("binary",), ("multiclass",), ("regression",)
PROPER = ("log_loss", "brier_score")
"""Metrics that ask how likely each class is, not only which is likelier or which rows come first."""
_CLASSES = (*_BINARY, *_MULTICLASS)
_INF = float("inf")
_CELLS = 4_000_000  # numbers held at once while resampling


@dataclass(frozen=True)
class Metric:
    """One metric.

    Args:
        name: as it is written on the command line.
        title: as a person would say it.
        greater_is_better: its direction.
        needs: what it looks at: probabilities, labels (made from probabilities), or values.
        tasks: the task types that it can judge.
        aliases: other names; several metrics may share one, the task then decides.
        best: the value of a perfect model.
        description: what it says, for a person.
        function: by ``needs``: probabilities ``(y, probabilities (n, k), weights (b, n), positive code)``, labels
            ``(confusion (b, k, k), positive code)``, values ``(y, values, weights (b, n))``; all return ``(b,)``.
        worst: the other end of its range.
        undefined: the value where it isn't defined: that of a model without skill.
        one_sided: whether calling all rows, or hardly any, the same label is enough for a perfect score, so that no
            threshold can be chosen by it.
    """

    name: str
    title: str
    greater_is_better: bool
    needs: Needs
    tasks: tuple[str, ...]
    aliases: tuple[str, ...]
    best: float
    description: str
    function: Callable[..., np.ndarray]
    worst: float = 0.0
    undefined: float = 0.0
    one_sided: bool = False

    def loss(self, score: float) -> float:
        """How far a score is from a perfect one, in the metric's units."""
        return abs(self.best - score)

    def score(
        self,
        y: np.ndarray,
        prediction: np.ndarray,
        *,
        classes: Sequence[str] | None = None,
        positive: str | int | None = None,
        threshold: float | None = None,
        weights: np.ndarray | None = None,
    ) -> float:
        """The score of predictions, in the metric's own units and direction.

        Args:
            y: the truth: codes of classes (n,), or values (n,).
            prediction: probabilities (n, k), for two classes also those of the positive one (n,); or values (n,).
            classes: the labels in the order of their codes; only needed to find ``positive``.
            positive: the label that is looked for, or its code; the last class when it isn't given.
            threshold: for two classes, the probability from which a row is called positive; 0.5 when it isn't given.
            weights: how much each row counts (n,), not negative; all the same when it isn't given.

        Raises:
            ValueError: when there are no rows, shapes don't fit or a prediction isn't finite.
        """
        rows = None if weights is None else np.asarray(weights, dtype=np.float64)[None, :]
        return float(
            self.batch(y, prediction, rows, classes=classes, positive=positive, threshold=threshold, undefined=True)[0]
        )

    def batch(
        self,
        y: np.ndarray,
        prediction: np.ndarray,
        weights: np.ndarray | None,
        *,
        classes: Sequence[str] | None = None,
        positive: str | int | None = None,
        threshold: float | None = None,
        undefined: bool = False,
    ) -> np.ndarray:
        """The scores under many weightings of the same rows (b, n), as (b,); see :meth:`score`.

        Args:
            undefined: whether a score that isn't defined gets the value of a model without skill; otherwise it is
                not-a-number, which is what resampling wants to leave out.
        """
        y, prediction = np.asarray(y), np.asarray(prediction, dtype=np.float64)
        if len(y) == 0 or len(y) != len(prediction) or (weights is not None and weights.shape[1] != len(y)):
            raise ValueError(f"{self.name} needs as many predictions as rows, and at least one")
        if not np.isfinite(prediction).all():
            raise ValueError("predictions are not finite numbers")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.needs == "value":
                if prediction.ndim != 1:
                    raise ValueError(f"{self.name} needs one value a row")
                found = self.function(y.astype(np.float64, copy=False), prediction, of.row_weights(weights, len(y)))
            else:
                code = _positive(classes, positive, prediction)
                if prediction.ndim == 1:
                    sides = [1 - prediction, prediction]
                    prediction = np.column_stack(sides if code else sides[::-1])
                y = y.astype(np.int64, copy=False)
                if self.needs == "probability":
                    found = self.function(y, prediction, weights, code)
                else:
                    labels = of.to_labels(prediction, threshold, code)
                    found = self._labels(y, labels, prediction.shape[1], weights, code)
        return np.where(np.isnan(found), self.undefined, found) if undefined else found

    def _labels(self, y: np.ndarray, labels: np.ndarray, k: int, weights: np.ndarray | None, code: int) -> np.ndarray:
        if weights is None:
            return self.function(confusion(y, labels, k), code)
        step = max(1, _CELLS // (k * k))
        chunks = (weights[i : i + step] for i in range(0, len(weights), step))
        return np.concatenate([self.function(confusion(y, labels, k, chunk), code) for chunk in chunks])


def better(metric: Metric, a: float, b: float) -> bool:
    """Whether score ``a`` is better than score ``b``; not-a-number is worse than everything."""
    return gain(metric, a, b) > 0


def gain(metric: Metric, new: float, old: float) -> float:
    """By how much ``new`` is better than ``old``, in the metric's units; negative when it is worse."""
    worse = -_INF if metric.greater_is_better else _INF
    new, old = (worse if value != value else value for value in (new, old))
    if new == old:
        return 0.0
    return float(new - old if metric.greater_is_better else old - new)


@lru_cache(maxsize=256)
def find_metric(name: str, task: str | None = None) -> Metric:
    """The metric of a name or alias; case, blanks, underscores, hyphens and a leading ``neg_`` don't matter.

    Args:
        task: only metrics of this task type; an alias that several share then means the one of the task (``f1`` is
            ``f1_macro`` for several classes).

    Raises:
        RequestError: when there is none, with the nearest name and the list.
    """
    wanted = _key(name)
    fitting = [m for m in METRICS if task is None or task in m.tasks]
    named = {_key(m.name): m for m in fitting}
    aliased = {_key(alias): m for m in reversed(fitting) for alias in m.aliases}
    metric = named.get(wanted) or aliased.get(wanted)
    if metric is None:
        short = name if len(name) <= 60 else name[:57] + "..."
        near = did_you_mean(name.lower(), [n for m in fitting for n in (m.name, *m.aliases)]) or "."
        known = ", ".join(m.name for m in fitting)
        raise RequestError(f"There is no metric {short!r}{f' for {task}' if task else ''}{near} Known are: {known}.")
    return metric


def _key(name: str) -> str:
    return re.sub(r"^neg(ative)?", "", re.sub(r"[\W_]+", "", name.lower()))


def _positive(classes: Iterable[str] | None, positive: str | int | None, prediction: np.ndarray) -> int:
    if isinstance(positive, int):
        return positive
    if classes is not None and positive is not None:
        return tuple(classes).index(positive)
    return prediction.shape[1] - 1 if prediction.ndim == 2 else 1


METRICS: tuple[Metric, ...] = (
    Metric(
        "roc_auc", "ROC AUC", True, "probability", _BINARY,
        ("auc", "auroc", "roc", "area under the curve", "area under the roc curve", "area under the roc", "roc_auc_ovr",
         "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_score", "c statistic", "concordance"),
        1.0, "how often a random positive row is ranked above a random negative one", of.roc_auc, undefined=0.5,
    ),
    Metric(
        "average_precision", "average precision", True, "probability", _BINARY,
        ("pr_auc", "auprc", "prauc", "auc_pr", "aucpr", "area under the precision recall curve", "precision recall auc",
         "average_precision_score", "average_precision_macro"),
        1.0, "precision averaged over all recalls: how clean the top of the ranking is", of.average_precision,
    ),
    Metric(
        "log_loss", "log loss", False, "probability", _CLASSES,
        ("logloss", "cross entropy", "binary cross entropy", "categorical cross entropy", "mlogloss", "deviance",
         "logistic loss", "negative log likelihood"),
        0.0, "how surprised the predicted probabilities are by what happened; rewards honest probabilities",
        of.log_loss, worst=_INF,
    ),
    Metric(
        "brier_score", "Brier score", False, "probability", _CLASSES, ("brier", "brier_score_loss", "brier loss"),
        0.0, "mean squared distance of the probabilities from what happened", of.brier, worst=2.0,
    ),
    Metric(
        "gini", "Gini coefficient", True, "probability", _BINARY, ("gini index", "normalized gini", "somers d"),
        1.0, "twice the ROC AUC less one: 0 is guessing", of.gini, worst=-1.0,
    ),
    Metric(
        "roc_auc_ovr", "ROC AUC, one class against the rest", True, "probability", _MULTICLASS,
        ("roc_auc", "auc", "auroc", "roc", "area under the curve", "area under the roc curve", "area under the roc",
         "roc_auc_score", "macro auc"),
        1.0, "ROC AUC of each class against all others, averaged over classes",
        of.each_class(of.auc, False), undefined=0.5,
    ),
    Metric(
        "roc_auc_ovr_weighted", "ROC AUC, one class against the rest, by size", True, "probability", _MULTICLASS,
        ("weighted auc", "roc_auc_weighted"),
        1.0, "ROC AUC of each class against all others, averaged over rows", of.each_class(of.auc, True), undefined=0.5,
    ),
    Metric(
        "roc_auc_ovo", "ROC AUC, class against class", True, "probability", _MULTICLASS, ("hand till",),
        1.0, "ROC AUC of each pair of classes, averaged over pairs", of.each_pair, undefined=0.5,
    ),
    Metric(
        "average_precision_macro", "average precision, mean of classes", True, "probability", _MULTICLASS,
        ("average_precision", "pr_auc", "auprc", "map", "mean average precision"),
        1.0, "average precision of each class, averaged over classes", of.each_class(of.precision_curve_area, False),
    ),
    Metric(
        "accuracy", "accuracy", True, "label", _CLASSES,
        ("acc", "accuracy_score", "correct", "share correct", "hit rate", "precision_micro", "recall_micro",
         "f1_micro"),
        1.0, "share of rows that are labelled right", of.accuracy,
    ),
    Metric(
        "balanced_accuracy", "balanced accuracy", True, "label", _CLASSES,
        ("bacc", "balanced_accuracy_score", "recall_macro", "macro recall", "mean recall", "unweighted average recall",
         "youden", "informedness"),
        1.0, "share labelled right in each class, averaged over classes", of.balanced_accuracy,
    ),
    Metric(
        "f1", "F1", True, "label", _BINARY, ("f1_score", "f score", "f measure", "f1_binary"),
        1.0, "harmonic mean of precision and recall of the positive class", of.of_positive("f1"),
    ),
    Metric(
        "f1_macro", "F1, mean of classes", True, "label", _CLASSES,
        ("macro f1", "f1 macro average", "f1", "f1_score", "f score", "f measure"),
        1.0, "F1 of each class, averaged over classes", of.macro("f1"),
    ),
    Metric(
        "f1_weighted", "F1, by size", True, "label", _CLASSES, ("weighted f1",),
        1.0, "F1 of each class, averaged over rows", of.by_size("f1"),
    ),
    Metric(
        "f2", "F2", True, "label", _BINARY, ("f2_score", "fbeta2"),
        1.0, "like F1, with recall counting twice as much as precision", of.f2,
    ),
    Metric(
        "precision", "precision", True, "label", _BINARY, ("positive predictive value", "ppv", "precision_score"),
        1.0, "share of the rows called positive that are", of.of_positive("precision"), one_sided=True,
    ),
    Metric(
        "precision_macro", "precision, mean of classes", True, "label", _CLASSES,
        ("macro precision", "precision", "precision_score"),
        1.0, "precision of each class, averaged over classes", of.macro("precision"),
    ),
    Metric(
        "precision_weighted", "precision, by size", True, "label", _CLASSES, ("weighted precision",),
        1.0, "precision of each class, averaged over rows", of.by_size("precision"),
    ),
    Metric(
        "recall", "recall", True, "label", _BINARY,
        ("sensitivity", "true positive rate", "tpr", "recall_score", "detection rate"),
        1.0, "share of the positive rows that are found", of.of_positive("recall"), one_sided=True,
    ),
    Metric(
        "recall_weighted", "recall, by size", True, "label", _CLASSES, ("weighted recall",),
        1.0, "recall of each class, averaged over rows; the same as accuracy", of.by_size("recall"),
    ),
    Metric(
        "specificity", "specificity", True, "label", _BINARY, ("true negative rate", "tnr", "selectivity"),
        1.0, "share of the negative rows that are left alone", of.specificity, one_sided=True,
    ),
    Metric(
        "jaccard", "Jaccard index", True, "label", _BINARY, ("jaccard_score", "critical success index", "threat score"),
        1.0, "positive rows found, as a share of rows that are positive or called so", of.of_positive("jaccard"),
    ),
    Metric(
        "jaccard_macro", "Jaccard index, mean of classes", True, "label", _CLASSES, ("jaccard", "jaccard_score"),
        1.0, "Jaccard index of each class, averaged over classes", of.macro("jaccard"),
    ),
    Metric(
        "matthews_corrcoef", "Matthews correlation", True, "label", _CLASSES,
        ("mcc", "matthews", "matthews correlation coefficient", "phi coefficient"),
        1.0, "correlation of predicted and true labels: 0 is guessing", of.matthews, worst=-1.0,
    ),
    Metric(
        "cohen_kappa", "Cohen's kappa", True, "label", _CLASSES, ("kappa", "cohens kappa", "cohen_kappa_score"),
        1.0, "agreement beyond what guessing by shares would give", of.kappa(0), worst=-1.0,
    ),
    Metric(
        "linear_kappa", "linearly weighted kappa", True, "label", _CLASSES, ("linear weighted kappa", "lwk"),
        1.0, "kappa for ordered classes: a mistake counts by its distance", of.kappa(1), worst=-1.0,
    ),
    Metric(
        "quadratic_kappa", "quadratically weighted kappa", True, "label", _CLASSES,
        ("qwk", "quadratic weighted kappa", "weighted kappa", "quadratic_weighted_kappa", "cohen_kappa_quadratic"),
        1.0, "kappa for ordered classes: a mistake counts by its squared distance", of.kappa(2), worst=-1.0,
    ),
    Metric(
        "rmse", "root mean squared error", False, "value", _REGRESSION,
        ("root_mean_squared_error", "root mean square error", "rms error", "rmsd"),
        0.0, "typical size of an error, large errors counting more, in units of the target",
        of.root_squared, worst=_INF,
    ),
    Metric(
        "mae", "mean absolute error", False, "value", _REGRESSION,
        ("mean_absolute_error", "absolute error", "mean absolute deviation", "l1", "average error"),
        0.0, "mean size of an error, in units of the target", of.absolute, worst=_INF,
    ),
    Metric(
        "r2", "R²", True, "value", _REGRESSION,
        ("r2_score", "r squared", "r^2", "r²", "coefficient of determination", "variance explained"),
        1.0, "share of the target's variance that is explained: 0 is predicting the mean", of.r2, worst=-_INF,
    ),
    Metric(
        "median_absolute_error", "median absolute error", False, "value", _REGRESSION, ("medae", "median error"),
        0.0, "half of the errors are smaller than this, in units of the target", of.median_absolute, worst=_INF,
    ),
    Metric(
        "rmsle", "root mean squared logarithmic error", False, "value", _REGRESSION,
        ("root_mean_squared_log_error", "root mean square log error"),
        0.0, "typical relative error, on the scale of log(1 + value); negatives count as zero", of.root_squared_log,
        worst=_INF,
    ),
    Metric(
        "mean_squared_log_error", "mean squared logarithmic error", False, "value", _REGRESSION,
        ("msle", "mean squared logarithmic error"),
        0.0, "mean squared error of log(1 + value); negatives count as zero", of.squared_log, worst=_INF,
    ),
    Metric(
        "mean_squared_error", "mean squared error", False, "value", _REGRESSION,
        ("mse", "l2", "mean square error", "squared error"),
        0.0, "mean squared error, in squared units of the target", of.squared, worst=_INF,
    ),
    Metric(
        "mape", "mean absolute percentage error", False, "value", _REGRESSION,
        ("mean_absolute_percentage_error", "percentage error", "relative error", "mean relative error"),
        0.0, "mean size of an error as a share of the truth (0.1 is 10 %); rows whose truth is zero don't count",
        of.relative, worst=_INF, undefined=1.0,
    ),
    Metric(
        "smape", "symmetric mean absolute percentage error", False, "value", _REGRESSION,
        ("symmetric_mean_absolute_percentage_error", "symmetric mape"),
        0.0, "mean error as a share of the mean of truth and prediction, from 0 to 2", of.symmetric, worst=2.0,
    ),
    Metric(
        "wape", "weighted absolute percentage error", False, "value", _REGRESSION,
        ("weighted_absolute_percentage_error", "wmape", "mad mean ratio"),
        0.0, "sum of the errors as a share of the sum of the truth", of.share_of_total, worst=_INF, undefined=1.0,
    ),
    Metric(
        "max_error", "largest error", False, "value", _REGRESSION, ("maximum error", "worst error"),
        0.0, "the largest error, in units of the target", of.largest, worst=_INF,
    ),
    Metric(
        "explained_variance", "explained variance", True, "value", _REGRESSION, ("explained_variance_score",),
        1.0, "share of the target's variance that is explained, a constant offset forgiven", of.explained_variance,
        worst=-_INF,
    ),
    Metric(
        "mean_poisson_deviance", "mean Poisson deviance", False, "value", _REGRESSION,
        ("poisson deviance", "poisson loss", "poisson"),
        0.0, "how badly predicted rates fit counts; needs targets that aren't negative", of.poisson, worst=_INF,
    ),
)  # fmt: skip
"""Every metric. Where metrics share an alias, the first whose task fits is meant."""
