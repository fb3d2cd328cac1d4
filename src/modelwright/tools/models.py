"""Tools that make models. A model is a recipe until it is evaluated; it is fitted inside each training fold."""

from __future__ import annotations

from typing import Any

from modelwright.action import Action, Integer, Numbers, Real
from modelwright.errors import ProgramError
from modelwright.hashing import digest
from modelwright.recipe import Member, Recipe, Use
from modelwright.tools import Bench, Data, Model, tool
from modelwright.tools.data import check_target

TUNE = Action(
    "tune_model",
    "tool",
    "Search an estimator's parameters.",
    (Integer("trials", "how many settings are tried at most", 10, low=1, high=500),),
)
COMBINE = Action(
    "ensemble_models",
    "tool",
    "Combine models.",
    (
        Numbers("weights", "one a model, in order; equal when left out", None, True, low=0.0, high=1e6),
        Real("C", "inverse strength of the stacking model's penalty", None, True, low=1e-4, high=100.0),
    ),
)


@tool
def train_model(
    bench: Bench,
    data: str,
    target_column: str,
    algorithm: str,
    hyperparams: dict[str, Any] | None = None,
    weighting: str = "",
    target_transform: str | dict[str, Any] = "",
) -> str:
    """Make a model of the data with a registered estimator.

    Args:
        bench: the workbench.
        data: the data.
        target_column: the column to predict.
        algorithm: the estimator's name, as ``modelwright actions`` lists it.
        hyperparams: its parameters; what isn't given is the default.
        weighting: ``"balanced"`` or ``"balanced_sqrt"`` gives rare classes more weight; empty for none.
        target_transform: for regression, for instance ``"log1p"``, or with parameters ``{"name": "difference",
            "column": "yesterday"}``; empty for none.

    Returns:
        A model handle.
    """
    check_target(bench, target_column)
    given = bench.data(data)
    return bench.keep(Model(_recipe(bench, given, algorithm, hyperparams, weighting, target_transform)))


@tool
def tune_model(
    bench: Bench,
    data: str,
    target_column: str,
    algorithm: str,
    trials: int = 10,
    hyperparams: dict[str, Any] | None = None,
) -> str:
    """Try random points of an estimator's search space (its defaults first) and return the best by validation.

    The search ends early when the time for the experiment is used up.

    Args:
        bench: the workbench.
        data: the data.
        target_column: the column to predict.
        algorithm: the estimator's name.
        trials: how many settings are tried at most.
        hyperparams: parameters that stay fixed.

    Returns:
        A model handle.
    """
    import numpy as np

    from modelwright.tasks.metrics import find_metric, gain

    check_target(bench, target_column)
    budget = TUNE.validate({"trials": trials})["trials"]
    given = bench.data(data)
    fixed = dict(hyperparams or {})
    first = _recipe(bench, given, algorithm, fixed, "", "")
    rng = np.random.default_rng([bench.seed, int(digest(first)[:8], 16)])
    entry, metric = bench.parameters(algorithm), find_metric(bench.metric)
    if not any(p.searched for p in entry.params):
        raise ProgramError(f"{algorithm} has nothing to tune", allowed="train_model")
    best, best_score = first, bench.evaluate(first).score.value
    longest = 0.0
    for _ in range(budget - 1):
        before = bench.time_left()
        if before < 2 * longest:
            break
        candidate = _recipe(bench, given, algorithm, entry.sample(rng) | fixed, "", "")
        measured = bench.evaluate(candidate)
        if not measured.pruned and gain(metric, measured.score.value, best_score) > 0:
            best, best_score = candidate, measured.score.value
        longest = max(longest, before - bench.time_left())
    return bench.keep(Model(best))


@tool
def calibrate_model(bench: Bench, model: str, method: str = "isotonic") -> str:
    """Correct a classifier's probabilities by cross-validation inside the training rows.

    Args:
        bench: the workbench.
        model: the model.
        method: ``"isotonic"``, ``"sigmoid"`` or ``"temperature"``.

    Returns:
        A model handle.
    """
    from dataclasses import replace

    use = bench.checked(Use(method), "calibration")
    return bench.keep(Model(replace(bench.model(model).recipe, calibration=use)))


@tool
def choose_threshold(bench: Bench, model: str, metric: str = "f1") -> str:
    """Choose from which probability a row is called positive, on out-of-fold predictions (binary tasks).

    Args:
        bench: the workbench.
        model: the model.
        metric: ``"f1"``, ``"balanced_accuracy"``, ``"accuracy"`` or ``"youden"``.

    Returns:
        A model handle.
    """
    from dataclasses import replace

    from modelwright.judging import choose_threshold as choose
    from modelwright.tasks.metrics import find_metric

    use = bench.checked(Use("threshold", {"metric": metric}), "threshold")
    recipe = bench.model(model).recipe
    measured = bench.evaluate(recipe)
    # Youden's J is balanced accuracy up to a constant.
    name = "balanced_accuracy" if use.params["metric"] == "youden" else use.params["metric"]
    threshold = choose(measured.truth, measured.prediction[:, 1], find_metric(name))
    return bench.keep(Model(replace(recipe, threshold=round(float(threshold), 6))))


@tool
def ensemble_models(
    bench: Bench,
    models: list[str],
    weights: list[float] | None = None,
    method: str = "blend",
    C: float | None = None,
    mean: str | None = None,
) -> str:
    """Combine models into one.

    Args:
        bench: the workbench.
        models: two or more models.
        weights: one a model, in order; equal when left out. Only for ``"blend"``.
        method: ``"blend"`` (weighted mean) or ``"stack"`` (a linear model over out-of-fold predictions).
        C: inverse strength of the stacking model's penalty.
        mean: ``"arithmetic"`` or, of class probabilities, ``"geometric"``. Only for ``"blend"``.

    Returns:
        A model handle.
    """
    if not isinstance(models, list) or not 2 <= len(models) <= 20:
        raise ProgramError("ensemble_models takes a list of two to twenty models", got=repr(models)[:80])
    given = COMBINE.validate({"weights": weights, "C": C})
    shares = given["weights"] or (1.0,) * len(models)
    if len(shares) != len(models) or sum(shares) <= 0:
        raise ProgramError(
            "ensemble_models takes one weight a model, not all zero", got=f"{len(shares)} for {len(models)} models"
        )
    params = {name: value for name, value in (("C", given["C"]), ("mean", mean)) if value is not None}
    use = bench.checked(Use(method, params), "ensemble")
    members = tuple(Member(bench.model(m).recipe, share / sum(shares)) for m, share in zip(models, shares, strict=True))
    return bench.keep(Model(Recipe(use, members=members)))


def _recipe(
    bench: Bench, given: Data, algorithm: str, hyperparams: dict[str, Any] | None, weighting: str, transform: Any
) -> Recipe:
    if hyperparams is not None and not isinstance(hyperparams, dict):
        raise ProgramError("hyperparams must be a dictionary", got=repr(hyperparams)[:80])
    return Recipe(
        bench.checked(Use(str(algorithm), hyperparams or {}), "estimator"),
        given.transforms,
        given.view,
        given.resampling,
        bench.checked(Use(weighting), "weighting") if weighting else None,
        bench.checked(_target(transform), "target") if transform else None,
    )


def _target(given: Any) -> Use:
    if not isinstance(given, dict):
        return Use(given)
    if "name" not in given:
        raise ProgramError("a target_transform with parameters needs its name", expected='{"name": …, "column": …}')
    return Use(given["name"], {name: value for name, value in given.items() if name != "name"})
