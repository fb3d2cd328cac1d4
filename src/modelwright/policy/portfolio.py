"""Which experiments come first: strong, diverse defaults, the cheap and different ones early.

The settings, and the order in which plans are written here, follow what is generally found for tabular data: one model
of every family before a second of any; boosting, forests, linear models and a small neural network each carry some
data sets, and a greedy ensemble over them gains more than tuning one (Caruana et al. 2004; Erickson et al. 2020,
AutoGluon-Tabular).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain

from modelwright.actions import predicted_seconds
from modelwright.estimators import all_estimators
from modelwright.memory import Remembered
from modelwright.plan import Hypothesis, Plan
from modelwright.policy.ordering import ordered
from modelwright.problem import Constraints, Problem
from modelwright.profile import Column, Profile
from modelwright.protocol import Protocol
from modelwright.recipe import Setting, Use
from modelwright.table import Schema
from modelwright.tasks import all_tasks
from modelwright.traits import traits

SKEWED = 1.0
"""Skewness of a positive regression target beyond which its logarithm is tried."""

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

NOMINAL = 0.8
"""Share of the columns that are categories, or may be, from which on their pairs are tried early."""

NEAR = 0.3
"""Share of a target's variance that may be left when a column is taken off it, for the difference to be tried."""

PAST_CELLS = 30_000_000
"""Values that features of the past may fill in memory, and in the time of a short run."""


@dataclass(frozen=True)
class Ground:
    """What experiments are designed from.

    Args:
        problem: what is asked.
        schema: the columns that models may use.
        profile: aggregates of the development rows.
        protocol: how models are judged.
        memory: past runs on this machine that may be learnt from.
    """

    problem: Problem
    schema: Schema
    profile: Profile
    protocol: Protocol
    memory: tuple[Remembered, ...] = ()

    @property
    def task(self) -> str:
        """The task type."""
        return self.problem.task.value

    @property
    def classification(self) -> bool:
        """Whether the target is a class."""
        return bool(self.problem.classes)

    @property
    def rows(self) -> int:
        """Development rows."""
        return self.protocol.n_development

    @property
    def traits(self) -> dict[str, float]:
        """What the problem is like, in numbers."""
        return traits(self.problem, self.profile)

    def price(self, plan: Plan) -> float:
        """Predicted seconds of one core for a plan's whole evaluation."""
        setting = Setting(self.task, len(self.problem.classes))
        one = predicted_seconds(plan.recipe, self.rows, len(self.schema.fields), setting)
        return one * len(self.protocol.parts())

    @property
    def temporal(self) -> bool:
        """Whether rows have a past that features can be made of."""
        return self.problem.time_column.value is not None and bool(self.schema.of_kind("numeric"))

    @property
    def skewed_target(self) -> bool:
        """Whether the logarithm of a regression target may be easier to predict."""
        numbers = self.profile.target_numbers
        low = numbers.get("q01", numbers.get("q05", -1.0))
        return not self.classification and low >= 0 and numbers.get("skew", 0.0) > SKEWED

    @property
    def near(self) -> Use | None:
        """What relates the target to the column that it stays nearest to, where little of it is left then."""
        anchors = () if self.classification else self.profile.anchors
        known = [a for a in anchors if a.left <= NEAR and a.column in self.schema]
        return Use(known[0].method, {"column": known[0].column}) if known else None

    @property
    def codes(self) -> tuple[str, ...]:
        """Whole-number columns with many values that repeat like names do: possibly categories written as numbers."""
        return tuple(
            c.name
            for c in self._whole
            if c.distinct > 50
            and c.quantiles
            and c.quantiles[-1] > 4 * c.distinct
            and self.profile.rows > 4 * c.distinct
        )

    @property
    def grades(self) -> tuple[str, ...]:
        """Whole-number columns with few values: grades, counts, or categories written as numbers."""
        return tuple(c.name for c in self._whole if 3 <= c.distinct <= 20)

    @property
    def combinable(self) -> bool:
        """Whether pairs of categories may say more than each alone; few levels combine inside of trees."""
        named = (*self.schema.of_kind("category"), *self.codes)
        return sum(self.profile[name].distinct > 5 for name in named) >= 2

    @property
    def nominal(self) -> bool:
        """Whether there is hardly anything but categories that may combine: the signal is in their pairs then."""
        named = {*self.schema.of_kind("category"), *self.codes}
        return self.combinable and len(named) >= NOMINAL * len(self.schema.fields)

    @property
    def every_level(self) -> Use | None:
        """The view for CatBoost where categories have more levels than other libraries take; ``None`` elsewhere."""
        named = (*self.schema.of_kind("category"), *self.codes)
        many = any(self.profile[name].distinct > 250 for name in named)
        return Use("native", {"max_levels": 100_000}) if many else None

    @property
    def _whole(self) -> tuple[Column, ...]:
        return tuple(self.profile[f.name] for f in self.schema.fields if f.kind == "numeric" and f.whole)


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


def names_of(estimator: str) -> set[str]:
    """The names by which a constraint may mean an estimator: its own and its family's."""
    member = all_estimators().get(estimator)
    return {estimator} if member is None else {estimator, member.family}


def permitted(ground: Ground, plan: Plan) -> bool:
    """Whether the constraints allow a plan's estimator and what it does to the columns."""
    member = all_estimators().get(plan.estimator.action)
    if member is None or ground.task not in member.tasks or not member.installed:
        return False
    if not allowed(ground.problem.constraints, plan.estimator.action, ground.task):
        return False
    touched = [use.params.get("columns") for use in plan.transforms]
    touched += [(use.params["column"],) for use in (plan.target,) if use is not None and "column" in use.params]
    # What is made of a directed column may bend the direction again.
    return all(t and not set(t) & set(ground.problem.constraints.monotone) for t in touched) or not _directed(ground)


def allowed(constraints: Constraints, estimator: str, task: str) -> bool:
    """Whether the constraints allow an estimator, as far as can be said before it is fitted.

    A linear model may happen to keep to a demanded direction, which is measured before it is delivered.
    """
    member, names = all_estimators().get(estimator), names_of(estimator)
    if member is None or names & set(constraints.avoid) or (constraints.allow and not names & set(constraints.allow)):
        return False
    if constraints.interpretable and not member.interpretable:
        return False
    directed = bool(constraints.monotone) and task != "multiclass"
    return not directed or member.monotone or member.family == "linear" or estimator.startswith("baseline_")


def _directed(ground: Ground) -> bool:
    return bool(ground.problem.constraints.monotone) and ground.task != "multiclass"


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
    log = Use("log1p") if ground.skewed_target else None
    # With many classes every round of boosting grows many trees, so fewer and larger steps are taken, and what fits
    # all classes at once comes first.
    many = len(ground.problem.classes) >= 8
    pace = {"learning_rate": 0.12} if many else {}
    # Log loss punishes what goes on learning noise; squared errors grow so slowly that on few rows more trees are safer
    # than a number found on a part of them.
    calm = {"early_stopping_rounds": PAUSE} if ground.classification else {}
    forest = Plan("extra-trees", Use("extra_trees"), reason="Averaged random trees err differently from boosting.")
    network = Plan("mlp", Use("mlp"), reason="A small neural network sees smooth effects that trees cut into steps.")
    if many:
        yield forest
        yield network
    history = _history(ground)
    if history:
        yield Plan(
            f"{flat}-own-usual", Use(linear), _unusual(ground),
            idea="own-past",
            reason="How far each unit is from its own usual, in its own standard deviations: the same for every unit.",
            hypothesis=Hypothesis("Slow drifts away from a unit's usual level announce the outcome.", 0.6),
        )  # fmt: skip
        yield Plan(
            f"{flat}-own-past", Use(linear), (*history, *_units_alike(ground)),
            idea="own-past",
            reason="What counts in sensor-like data is how a reading differs from the same unit's own recent past.",
            hypothesis=Hypothesis("Levels and spreads over the last hours to weeks announce the outcome.", 0.6),
        )  # fmt: skip
    yield Plan(
        "lightgbm", Use("lightgbm", pace), reason="Gradient boosting is the best single guess for mixed columns."
    )
    if large:
        leaves = {"num_leaves": 255, "learning_rate": 0.03} if very_large else {"num_leaves": 100}
        yield Plan(
            "lightgbm-large-trees", Use("lightgbm", {**leaves, **pace}), target=log,
            reason="Many rows can fill many leaves, and fewer trees are needed.",
        )  # fmt: skip
    if very_large:
        yield Plan(
            "xgboost-large-trees", Use("xgboost", {"max_depth": 12, "learning_rate": 0.03, **pace}), target=log,
            reason="Deep trees grown level by level err in other places than those grown leaf by leaf.",
        )  # fmt: skip
    if history:
        yield Plan(
            "lightgbm-own-past", Use("lightgbm", {"num_leaves": 8}),
            (*_deviations(ground), *history, *_units_alike(ground)),
            idea="own-past",
            reason="Each unit's past, and its deviation from its own usual, for a model that finds interactions.",
        )  # fmt: skip
    differences = tuple(_differences(ground, pace, history))
    yield from differences[:2]
    if log is not None:
        yield Plan(
            "lightgbm-log-target", Use("lightgbm"), target=log,
            idea="log-target",
            reason="The target is skewed; errors in proportion may be easier to learn than absolute ones.",
        )  # fmt: skip
    codes = ground.codes
    as_names = (Use("as_category", {"columns": codes}),) if codes else ()
    pairs = Plan(
        "catboost-combinations", Use("catboost", {"max_ctr_complexity": 2, **calm}), as_names, view=ground.every_level,
        reason="Pairs of categories as categories of their own.",
    )  # fmt: skip
    default = Plan(
        "catboost", Use("catboost", calm), view=ground.every_level, target=log,
        reason="CatBoost's defaults are strong on most tables.",
    )  # fmt: skip
    if ground.nominal:
        yield pairs
    if not large and not ground.nominal:  # four networks are averaged there, which take longer than both together
        yield forest
        yield default
    yield network
    yield forest
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
    yield Plan(
        "lightgbm-small-trees", Use("lightgbm", {"num_leaves": 8, "learning_rate": 0.08}), target=log,
        reason="Few leaves and more trees: better where effects mostly add up.",
    )  # fmt: skip
    if not very_large:
        fine = {"num_leaves": 128, "min_child_samples": 3, "colsample_bytree": 0.9, "learning_rate": 0.03}
        yield Plan(
            "lightgbm-fine-leaves", Use("lightgbm", {**fine, **pace}), target=log,
            reason="Leaves of a few rows tell rare cases, and near copies of rows, apart.",
        )  # fmt: skip
    yield from differences[2:]
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
        yield Plan("svm", Use("svm"), reason="Kernel methods do well on small tables.")
    yield Plan("xgboost", Use("xgboost"), target=log, reason="A second opinion from another boosting library.")
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
    if len(ground.schema.of_kind("numeric")) >= 3:
        yield Plan(
            "lightgbm-ratios", Use("lightgbm"), (Use("interactions"),), target=log,
            reason="Products, ratios and differences of columns are hard for trees to approximate.",
        )  # fmt: skip
    yield Plan(
        "lightgbm-random-splits", Use("lightgbm_extra_trees", {"num_leaves": 64}), target=log,
        reason="Random thresholds make boosting less sure of noise.",
    )  # fmt: skip
    if similar:
        yield Plan("nearest-neighbours", Use("k_nearest_neighbors"), reason="Similar rows, similar outcomes.")
    if ground.rows <= CURVES_ROWS and len(ground.schema.fields) <= CURVES_COLUMNS:
        yield Plan(
            "explainable-boosting", Use("explainable_boosting"), target=log,
            reason="Curves for single columns and a few pairs, added up: readable, and strong on small tables.",
        )  # fmt: skip


def _differences(ground: Ground, pace: Mapping[str, float], history: tuple[Use, ...]) -> Iterator[Plan]:
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
    if history:
        yield Plan(
            "lightgbm-own-past-difference", Use("lightgbm", {"num_leaves": 8}),
            (*_deviations(ground), *history, *_units_alike(ground)), target=near, idea="difference",
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


def _history(ground: Ground) -> tuple[Use, ...]:
    """Features of each unit's past, when rows have one: levels and spreads over windows from hours to weeks."""
    columns, windows = _past(ground)
    return (Use("rolling", {"columns": columns, "windows": windows}),) if columns else ()


def _deviations(ground: Ground) -> tuple[Use, ...]:
    """How far each unit is from its own usual, over the same windows: trees can't subtract. And how far it has been
    from it at most, either way, within the longest: a unit that was mended yesterday is another one than it looks.
    """
    columns, windows = _past(ground)
    if not columns:
        return ()
    lately = tuple(f"{name}_usual_{windows[0]}" for name in columns)
    extremes = ({"columns": lately, "windows": windows[-1:], "statistics": which} for which in ("max", "min"))
    return (Use("own_usual", {"columns": columns, "spans": windows}), *(Use("rolling", e) for e in extremes))


def _unusual(ground: Ground) -> tuple[Use, ...]:
    """Each unit's deviations from all of its past, over all windows, and from the longest of them alone."""
    columns, windows = _past(ground)
    longest = Use("trailing_zscore", {"columns": columns, "windows": windows[-1:]})
    return (*_deviations(ground), longest, *_units_alike(ground))


def _units_alike(ground: Ground) -> tuple[Use, ...]:
    """Without the units' names: what is relative to each unit's own past should serve all of them."""
    group = ground.problem.group_column.value
    return (Use("drop_columns", {"columns": (group,)}),) if group in ground.schema else ()


def _past(ground: Ground) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The columns whose past is looked at, those most related to the target where they are many, and how far back."""
    if not ground.temporal:
        return (), ()
    roles = (ground.problem.time_column.value, ground.problem.group_column.value)
    numeric = [f.name for f in ground.schema.fields if f.kind == "numeric" and f.name not in roles]
    moving = [name for name in numeric if ground.profile[name].distinct > 10]
    windows = _windows(ground)
    room = max(3, min(30, PAST_CELLS // (2 * (1 + len(windows)) * max(1, ground.rows))))
    related = sorted(moving, key=lambda name: -(ground.profile[name].association or 0.0))[:room]
    return (tuple(n for n in moving if n in related), windows) if windows else ((), ())


def _windows(ground: Ground) -> tuple[int, ...]:
    """Lengths of windows in rows: a quarter of a day, a day, three days and a week where a day has several rows, a
    week, a month and a quarter of daily rows, and steps of four elsewhere; none longer than an eighth of a unit's rows.
    """
    group, time = ground.problem.group_column.value, ground.problem.time_column.value
    units = max(1, ground.profile[group].distinct) if group is not None and group in ground.schema else 1
    each = ground.rows / units
    span = ground.profile[time].span if time is not None and time in ground.schema else ()
    days = _days(span)
    a_day = each / days if days else 0.0
    if 3.0 <= a_day <= 1_500.0:
        wanted = [a_day / 4, a_day, 3 * a_day, 7 * a_day]
    elif 0.7 <= a_day < 3.0:
        wanted = [7 * a_day, 28 * a_day, 91 * a_day]
    else:
        wanted = [6, 24, 96, 384]
    return tuple(sorted({round(w) for w in wanted if 2 <= round(w) <= each / 8}))


def _days(span: tuple[str, ...]) -> float:
    """Days between the first and the last of a column of dates; 0 where they aren't known to the day."""
    try:
        first, last = (date.fromisoformat(day) for day in span)
    except ValueError:
        return 0.0
    return float((last - first).days)
