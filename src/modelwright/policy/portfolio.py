"""Which experiments come first: strong, diverse defaults, the cheap and different ones early.

The settings, and the order in which plans are written here, follow what is generally found for tabular data: one model
of every family before a second of any; boosting, forests, linear models and a small neural network each carry some
data sets, and a greedy ensemble over them gains more than tuning one (Caruana et al. 2004; Erickson et al. 2020,
AutoGluon-Tabular).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from modelwright.estimators import all_estimators
from modelwright.plan import Hypothesis, Plan
from modelwright.policy.ground import Ground
from modelwright.policy.ordering import ordered
from modelwright.policy.past import deviations, history, units_alike, unusual
from modelwright.policy.permitted import names_of, permitted
from modelwright.recipe import Use
from modelwright.tasks import all_tasks

LARGE = 5_000
"""Rows from which on larger trees are worth a try of their own."""
VERY_LARGE = 20_000
"""Rows from which on trees of hundreds of leaves are the better ones, in every boosting library."""
SIMILAR = 10_000
"""Rows below which what compares rows with each other, kernels and neighbours, is tried."""
PAUSE = 50
"""Trees of CatBoost without improvement after which no more are grown in classification."""
CURVES_ROWS, CURVES_COLUMNS = 20_000, 60
"""Rows and columns up to which explainable boosting is tried; beyond, other boosting is as good and far quicker."""


def portfolio(ground: Ground) -> tuple[Plan, ...]:
    """The plans in the order in which they should be run, without those that the constraints forbid.

    The order is learnt, see :mod:`modelwright.policy.ordering`; plans that the user prefers come first.
    """
    before = all_tasks()[ground.task].baselines(ground.problem, ground.schema, ground.rows)
    first = [plan.name for plan in before]
    plans = list(ordered(written(ground), ground.task, ground.traits, ground.memory, ground.price, first))
    if ground.problem.constraints.prefer:
        wished = set(ground.problem.constraints.prefer)
        plans.sort(key=lambda p: not (names_of(p.estimator.action) & wished))
    return tuple(plans)


def written(ground: Ground) -> tuple[Plan, ...]:
    """The same plans in the order in which they are written here."""
    return tuple(_allowed(ground, chain(_ordered(ground), _named(ground))))


def _named(ground: Ground) -> Iterator[Plan]:
    """Whatever the user named or left over that isn't in the portfolio, as it comes."""
    constraints = ground.problem.constraints
    for name, member in all_estimators().items():
        asked = name in constraints.prefer or bool(names_of(name) & set(constraints.allow))
        asked = asked or (constraints.interpretable and not constraints.allow and member.interpretable)
        if asked and member.family != "baseline" and (member.max_rows is None or ground.rows <= member.max_rows):
            yield Plan(name.replace("_", "-"), Use(name), reason="It is of a kind that the constraints ask for.")


def _allowed(ground: Ground, plans: Iterator[Plan]) -> Iterator[Plan]:
    seen: set[str] = set()
    for plan in plans:
        if plan.name not in seen and permitted(ground, plan):
            seen.add(plan.name)
            yield plan


def _ordered(ground: Ground) -> Iterator[Plan]:
    linear = "logistic_regression" if ground.classification else "ridge"
    flat = linear.replace("_", "-")
    similar, large, very_large = ground.rows < SIMILAR, ground.rows >= LARGE, ground.rows >= VERY_LARGE
    paired = len(ground.schema.of_kind("numeric")) >= 3
    log = Use("log1p") if ground.skewed_target else None
    # With many classes every round of boosting grows many trees, so fewer and larger steps are taken, and what fits
    # all classes at once comes first.
    many = len(ground.problem.classes) >= 8
    pace = {"learning_rate": 0.12} if many else {}
    # Log loss punishes what goes on learning noise; squared errors grow so slowly that on few rows more trees are safer
    # than a number found on a part of them.
    calm = {"early_stopping_rounds": PAUSE} if ground.classification else {}
    forest = Plan("extra-trees", Use("extra_trees"), reason="Averaged random trees err differently from boosting.")
    network = Plan(
        # The default below 5,000 rows, too; said, so that there can be fewer where time is short.
        "mlp", Use("mlp", {} if large else {"n_estimators": 4}),
        reason="A small neural network sees effects across columns that trees cut into steps.",
    )  # fmt: skip
    kernel = Plan("svm", Use("svm"), reason="Kernel methods do well on small tables.")
    neighbours = Plan("nearest-neighbours", Use("k_nearest_neighbors"), reason="Similar rows, similar outcomes.")
    clouds = Plan(
        "quadratic-discriminant", Use("quadratic_discriminant"),
        reason="A normal cloud for each class takes a moment, and is all there is to find where classes are such.",
    )  # fmt: skip
    # What takes a moment goes before what takes long: it costs next to nothing, and shows sooner what isn't worth it.
    moment = ground.price(network) * (1.0 if many else 1 / 3)
    others = (kernel, clouds, neighbours) if ground.measured else (kernel, neighbours)
    quick = tuple(plan for plan in others if similar and ground.price(plan) <= moment)
    if many:
        yield forest
        yield network
        yield from quick
    past = history(ground)
    if past:
        yield Plan(
            f"{flat}-own-usual", Use(linear), unusual(ground),
            idea="own-past",
            reason="How far each unit is from its own usual, in its own standard deviations: the same for every unit.",
            hypothesis=Hypothesis("Slow drifts away from a unit's usual level announce the outcome.", 0.6),
        )  # fmt: skip
        yield Plan(
            f"{flat}-own-past", Use(linear), (*past, *units_alike(ground)),
            idea="own-past",
            reason="What counts in sensor-like data is how a reading differs from the same unit's own recent past.",
            hypothesis=Hypothesis("Levels and spreads over the last hours to weeks announce the outcome.", 0.6),
        )  # fmt: skip
    yield Plan(
        "lightgbm", Use("lightgbm", pace), reason="Gradient boosting is the best single guess for mixed columns."
    )
    if log is not None:
        yield Plan(
            "lightgbm-log-target", Use("lightgbm"), target=log,
            idea="log-target",
            reason="The target is skewed; errors in proportion may be easier to learn than absolute ones.",
        )  # fmt: skip
    leaves = {"num_leaves": 255, "learning_rate": 0.03} if very_large else {"num_leaves": 100} if large else {}
    as_ranks = Plan(
        "lightgbm-ranks", Use("lightgbm", {**leaves, **pace}), view=ground.ranks,
        reason="Splits on ranks and target means of levels can't pick out levels at will, as splits on levels do.",
    )  # fmt: skip
    ranks = (as_ranks,) if as_ranks.view is not None else ()
    if not large:
        yield from ranks
    if large:
        yield Plan(
            "lightgbm-large-trees", Use("lightgbm", {**leaves, **pace}), target=log,
            reason="Many rows can fill many leaves, and fewer trees are needed.",
        )  # fmt: skip
    if ground.parted:
        yield Plan(
            "lightgbm-dates", Use("lightgbm", {**leaves, **pace}),
            (Use("assemble_date", {"columns": ground.parted}),), target=log,
            idea="dates",
            reason="A date in parts hides the weekday, the day of the year and the time that has passed.",
        )  # fmt: skip
    if ground.names:
        yield Plan(
            "extra-trees-without-names", Use("extra_trees"), (Use("drop_columns", {"columns": ground.names}),),
            view=ground.plain_levels_without_names, idea="without-names",
            reason="Texts, and levels of a few rows each, nearly name the rows: random trees split on them by chance, "
            "and leave other columns out.",
        )  # fmt: skip
    if very_large:
        yield Plan(
            "xgboost-large-trees", Use("xgboost", {"max_depth": 12, "learning_rate": 0.03, **pace}),
            view=ground.ranks, target=log,
            reason="Deep trees grown level by level err in other places than those grown leaf by leaf.",
        )  # fmt: skip
    if past:
        yield Plan(
            "lightgbm-own-past", Use("lightgbm", {"num_leaves": 8}),
            (*deviations(ground), *past, *units_alike(ground)),
            idea="own-past",
            reason="Each unit's past, and its deviation from its own usual, for a model that finds interactions.",
        )  # fmt: skip
    differences = tuple(_differences(ground, pace, past))
    yield from differences[:2]
    codes = ground.codes
    as_names = (Use("as_category", {"columns": codes}),) if codes else ()
    pairs = Plan(
        "catboost-combinations", Use("catboost", {"max_ctr_complexity": 2, **calm}), as_names, view=ground.every_level,
        reason="Pairs of categories as categories of their own.",
    )  # fmt: skip
    as_levels = Plan(
        "catboost", Use("catboost", calm), view=ground.every_level, target=log,
        reason="CatBoost's defaults are strong on most tables.",
    )  # fmt: skip
    by_ranks = Plan(
        "catboost", Use("catboost", calm), view=ground.ranks, target=log,
        reason="CatBoost over ranks and target means of levels: its own statistics of levels need many rows of each.",
    )  # fmt: skip
    if ground.ranks is None:
        default, other = as_levels, None
    elif ground.nominal:
        default, other = as_levels, replace(by_ranks, name="catboost-ranks")
    else:
        default, other = by_ranks, replace(as_levels, name="catboost-levels")
    if ground.nominal:
        yield pairs
    if not large:
        yield forest
    yield from quick
    yield network
    if not large and not ground.nominal:
        yield default
    yield forest
    if ground.plain_levels is not None:
        yield Plan(
            "extra-trees-plain-levels", Use("extra_trees"), view=ground.plain_levels,
            idea="plain-levels",
            reason="Where a level's rows differ by another column, deep trees find them by its rank; means hide that.",
        )  # fmt: skip
    if codes or ground.grades:
        named = (*codes, *ground.grades)
        yield Plan(
            f"{flat}-codes-as-names", Use(linear), (Use("as_category", {"columns": named}),),
            idea="codes-as-names",
            reason="Some whole numbers may be names rather than quantities.",
            hypothesis=Hypothesis(f"{len(named)} whole-number column(s) are categories.", 0.4),
        )  # fmt: skip
    if codes:
        yield Plan(
            "catboost-codes-as-names", Use("catboost", calm), as_names, view=ground.every_level,
            idea="codes-as-names",
            reason="CatBoost's ordered statistics suit categories with many levels.",
        )  # fmt: skip
    if very_large and not ground.nominal:
        yield Plan(
            "catboost-large-trees",
            Use("catboost", {"depth": 8, "learning_rate": 0.15, "iterations": 800, **calm}),
            view=ground.every_level, target=log,
            reason="On many rows a thousand trees of six levels and small steps are far from all that can be learnt.",
        )  # fmt: skip
    elif large:
        slowly = {"learning_rate": 0.05, "iterations": 10_000, "early_stopping_rounds": 150}
        yield Plan(
            "catboost-stopped-early", Use("catboost", slowly), view=ground.every_level, target=log,
            reason="Where rows can be spared to see when to stop, small steps go as far as they help.",
        )  # fmt: skip
    if not very_large or ground.nominal:
        yield default
    yield from ranks
    yield Plan(
        "lightgbm-small-trees", Use("lightgbm", {"num_leaves": 8, "learning_rate": 0.08}),
        view=ground.ranks, target=log,
        reason="Few leaves and more trees: better where effects mostly add up.",
    )  # fmt: skip
    if not very_large:
        fine = {"num_leaves": 128, "min_child_samples": 3, "colsample_bytree": 0.9, "learning_rate": 0.03}
        yield Plan(
            "lightgbm-fine-leaves", Use("lightgbm", {**fine, **pace}), target=log,
            reason="Leaves of a few rows tell rare cases, and near copies of rows, apart.",
        )  # fmt: skip
    yield from differences[2:]
    if paired:
        arithmetic = Use("interactions", {"max_columns": 8, "max_features": 60})
        yield Plan(
            "lightgbm-arithmetic",
            Use("lightgbm_extra_trees", {"num_leaves": 16, **pace}), (arithmetic,), view=ground.ranks, target=log,
            reason="Random thresholds over many products, ratios and differences: what helps is found by chance, and "
            "chance is averaged out.",
        )  # fmt: skip
    yield Plan(
        "mlp-smooth", Use("mlp", {"bins": 0, "n_estimators": 2}),
        reason="Without pieces of columns a network sees smooth effects only, and errs in other places.",
    )  # fmt: skip
    if large:
        yield Plan(
            "mlp-averaged", Use("mlp", {"n_estimators": 4}),
            reason="Four networks, each judged on other rows, make fewer chance errors than one.",
        )  # fmt: skip
    if codes:
        yield Plan(
            "lightgbm-codes-as-names", Use("lightgbm"), as_names,
            idea="codes-as-names",
            reason="Boosting with whole-number codes treated as names.",
        )  # fmt: skip
        yield Plan(
            "extra-trees-codes-as-names", Use("extra_trees"), as_names,
            idea="codes-as-names",
            reason="Random trees over target means and counts of the codes.",
        )  # fmt: skip
    if log is not None:
        yield Plan(
            f"{flat}-log-target", Use(linear), target=log, idea="log-target", reason="A linear model of the logarithm."
        )
        yield Plan(
            "extra-trees-log-target", Use("extra_trees"), target=log, idea="log-target",
            reason="Random trees for the logarithm.",
        )  # fmt: skip
    if similar:
        yield kernel
    yield Plan(
        "xgboost", Use("xgboost"), view=ground.ranks, target=log,
        reason="A second opinion from another boosting library.",
    )  # fmt: skip
    yield Plan("random-forest", Use("random_forest"), reason="Bagged trees, the sturdiest of the forests.")
    yield default
    yield Plan(
        f"{flat}-quantile", Use(linear), view=Use("linear", {"scaling": "quantile"}), idea="quantile",
        reason="Ranks instead of values: heavy tails no longer rule the linear model.",
    )  # fmt: skip
    if ground.combinable:
        yield pairs
        yield Plan(
            f"{flat}-combinations", Use(linear), (*as_names, Use("combine_categories")),
            reason="A linear model that knows pairs of categories.",
        )  # fmt: skip
    if paired:
        yield Plan(
            "lightgbm-ratios", Use("lightgbm"), (Use("interactions"),), target=log,
            reason="Products, ratios and differences of columns are hard for trees to approximate.",
        )  # fmt: skip
    yield Plan(
        "lightgbm-random-splits", Use("lightgbm_extra_trees", {"num_leaves": 64}), view=ground.ranks, target=log,
        reason="Random thresholds make boosting less sure of noise.",
    )  # fmt: skip
    if other is not None:
        yield other
    if ground.plain_levels is not None:
        for name in ("lightgbm", "random_forest"):
            yield Plan(
                f"{name.replace('_', '-')}-plain-levels", Use(name), view=ground.plain_levels, target=log,
                idea="plain-levels",
                reason="Ranks of levels without their means served random trees; other trees may use them, too.",
            )  # fmt: skip
    if similar:
        yield neighbours
    if ground.rows <= CURVES_ROWS and len(ground.schema.fields) <= CURVES_COLUMNS:
        yield Plan(
            "explainable-boosting", Use("explainable_boosting"), target=log,
            reason="Curves for single columns and a few pairs, added up: readable, and strong on small tables.",
        )  # fmt: skip


def _differences(ground: Ground, pace: Mapping[str, float], past: tuple[Use, ...]) -> Iterator[Plan]:
    """What is left of the target when the column that it stays near is taken off, for models that can't add."""
    near = ground.near
    if near is None:
        return
    hypothesis = Hypothesis("What is left of the target is easier to learn, and reaches further, than all of it.", 0.6)
    yield Plan(
        "elastic-net-difference", Use("elastic_net"), target=near, idea="difference",
        reason="The target stays near a column: the more the penalty takes away, the nearer the prediction is to it.",
    )  # fmt: skip
    yield Plan(
        "lightgbm-difference", Use("lightgbm", pace), target=near, idea="difference",
        reason="Trees learn what is left beside the column, and follow it beyond what was seen.",
        hypothesis=hypothesis,
    )  # fmt: skip
    if past:
        yield Plan(
            "lightgbm-own-past-difference", Use("lightgbm", {"num_leaves": 8}),
            (*deviations(ground), *past, *units_alike(ground)), target=near, idea="difference",
            hypothesis=hypothesis,
            reason="Each unit's past tells how it will go on from where it is.",
        )  # fmt: skip
    yield Plan(
        "extra-trees-difference", Use("extra_trees"), target=near, idea="difference",
        reason="Random trees for what is left of the target beside a column.",
    )  # fmt: skip
    yield Plan(
        "catboost-difference", Use("catboost"), view=ground.every_level, target=near, idea="difference",
        reason="CatBoost for what is left of the target beside a column.",
    )  # fmt: skip
