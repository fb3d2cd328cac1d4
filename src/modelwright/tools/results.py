"""Tools that measure and compare. Every figure is measured on out-of-fold rows."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from modelwright.errors import ProgramError
from modelwright.tools import Bench, Measured, Predictions, tool
from modelwright.tools.data import check_target

if TYPE_CHECKING:
    import numpy as np

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@tool
def get_predictions(bench: Bench, model: str, data: str, target_column: str) -> str:
    """Out-of-fold predictions of a model.

    Args:
        bench: the workbench.
        model: the model.
        data: the data.
        target_column: the column to predict.

    Returns:
        A predictions handle.
    """
    bench.data(data)
    check_target(bench, target_column)
    recipe = bench.model(model).recipe
    bench.evaluate(recipe)
    return bench.keep(Predictions(recipe))


@tool
def evaluate_model(bench: Bench, model: str, data: str, target_column: str) -> dict[str, Any]:
    """Evaluate a model by the run's protocol: refitted in every training fold, measured out of fold.

    Args:
        bench: the workbench.
        model: the model.
        data: the data.
        target_column: the column to predict.

    Returns:
        algorithm, hyperparams, score (in the run's metric), metric, n_samples, metrics, seconds, pruned; for
        classification also confusion_matrix and classification_report, and for two classes threshold_analysis.
    """
    bench.data(data)
    check_target(bench, target_column)
    recipe = bench.model(model).recipe
    measured = bench.evaluate(recipe)
    result: dict[str, Any] = {
        "algorithm": recipe.estimator.action,
        "hyperparams": dict(recipe.estimator.params),
        "metric": bench.metric,
        "score": measured.score.value,
        "n_samples": measured.score.n_rows,
        "metrics": {k: v for k, v in measured.metrics.items() if math.isfinite(v)}
        | {bench.metric: measured.score.value},
        "seconds": round(measured.seconds, 2),
        "pruned": measured.pruned,
    }
    if len(bench.classes) == 2:
        result |= _binary(measured, recipe.threshold or 0.5, bench.classes)
    elif bench.classes:
        result |= _multiclass(measured, bench.classes)
    return result


@tool
def rank_experiments(bench: Bench, results_json: str) -> dict[str, Any]:
    """Rank results of experiments by the run's metric (by roc_auc, then f1, where that is missing).

    Args:
        bench: the workbench.
        results_json: a JSON list of objects with experiment_name and metrics.

    Returns:
        best_experiment, best_metrics, ranking (a list with rank, experiment_name and the figures) and summary.
    """
    from modelwright.tasks.metrics import find_metric

    try:
        results = json.loads(results_json)
    except (TypeError, ValueError) as error:
        raise ProgramError(f"rank_experiments: results_json isn't JSON: {error}") from error
    fine = isinstance(results, list) and results
    if not fine or not all(isinstance(r, dict) and isinstance(r.get("metrics"), dict) for r in results):
        raise ProgramError(
            "rank_experiments takes a JSON list of objects with experiment_name and metrics", got=repr(results)[:80]
        )
    name = bench.metric
    sign = 1.0 if find_metric(name).greater_is_better else -1.0
    everywhere = all(isinstance(r["metrics"].get(name), int | float) for r in results)

    def order(result: dict[str, Any]) -> tuple[float, ...]:
        figures = result["metrics"]
        if everywhere:
            return (-sign * float(figures[name]),)
        return (-float(figures.get("roc_auc") or 0.0), -float(figures.get("f1") or 0.0))

    ranked = sorted(results, key=order)
    ranking = [
        {"rank": i, "experiment_name": str(r.get("experiment_name", ""))}
        | {k: r["metrics"].get(k) for k in dict.fromkeys((name, "roc_auc", "f1", "recall", "precision"))}
        for i, r in enumerate(ranked, 1)
    ]
    best = ranking[0]
    return {
        "best_experiment": best["experiment_name"],
        "best_metrics": ranked[0]["metrics"],
        "ranking": ranking,
        "summary": f"{best['experiment_name']} is the best of {len(ranking)} by {name if everywhere else 'roc_auc'}.",
    }


def _binary(measured: Measured, threshold: float, classes: tuple[str, ...]) -> dict[str, Any]:
    import numpy as np

    truth, probability = measured.truth == 1, measured.prediction[:, 1]
    tn, fp, fn, tp = _counts(truth, probability >= threshold)
    analysis = []
    for level in THRESHOLDS:
        _, fp_t, fn_t, tp_t = _counts(truth, probability >= level)
        precision, recall, f1 = _rates(fp_t, fn_t, tp_t)
        analysis.append({"threshold": level, "precision": precision, "recall": recall, "f1": f1})
    precision, recall, f1 = _rates(fp, fn, tp)
    metrics = dict(measured.metrics)
    figures = {
        "accuracy": (tp + tn) / max(1, len(truth)),
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "roc_auc": metrics.get("roc_auc", measured.score.value),
        "avg_precision": metrics.get("average_precision", float(np.mean(truth))),
    }
    return {
        "metrics": metrics | figures | {measured.score.metric: measured.score.value},
        "confusion_matrix": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
        "classification_report": _report(np.array([[tn, fp], [fn, tp]]), classes),
        "threshold_analysis": analysis,
    }


def _multiclass(measured: Measured, classes: tuple[str, ...]) -> dict[str, Any]:
    from modelwright.tasks.metrics import confusion

    counts = confusion(measured.truth, measured.prediction.argmax(axis=1), len(classes))[0].astype(int)
    return {
        "confusion_matrix": counts.tolist(),
        "classification_report": _report(counts, classes),
        "threshold_analysis": [],
    }


def _report(confusion: np.ndarray, classes: tuple[str, ...]) -> str:
    """The table that scikit-learn's ``classification_report`` gives; importing it would hold up the first fits."""
    import numpy as np

    from modelwright.tasks.metrics import class_scores

    rates = np.column_stack([class_scores(confusion[None], kind)[0] for kind in ("precision", "recall", "f1")])
    hits, true = confusion.trace(), confusion.sum(axis=1)
    total, width = int(true.sum()), max(len("weighted avg"), *(len(name) for name in classes))

    def line(name: str, figures: np.ndarray, support: int) -> str:
        return f"{name:>{width}} " + "".join(f"{figure:>10.2f}" for figure in figures) + f"{support:>10}"

    return "\n".join(
        [
            f"{'':>{width}} " + "".join(f"{word:>10}" for word in ("precision", "recall", "f1-score", "support")),
            "",
            *(line(*row) for row in zip(classes, rates, true.tolist(), strict=True)),
            "",
            f"{'accuracy':>{width}} {hits / max(1, total):>30.2f}{total:>10}",
            line("macro avg", rates.mean(axis=0), total),
            line("weighted avg", true @ rates / max(1, total), total),
            "",
        ]
    )


def _counts(truth: np.ndarray, called: np.ndarray) -> tuple[int, int, int, int]:
    tp = int((truth & called).sum())
    fp = int(called.sum()) - tp
    fn = int(truth.sum()) - tp
    return len(truth) - tp - fp - fn, fp, fn, tp


def _rates(fp: int, fn: int, tp: int) -> tuple[float, float, float]:
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return round(precision, 6), round(recall, 6), round(f1, 6)
