"""Stories as runs would tell them, small enough to be made in no time, with figures from simulated predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelwright.judgement import Curve, Importance, Judgement
from modelwright.plan import Experiment, Hypothesis, Plan
from modelwright.problem import Budget, Constraints, Known, Problem
from modelwright.profile import Column, Profile
from modelwright.protocol import Holdout, Protocol, Score, Validation
from modelwright.recipe import Member, Recipe, Use
from modelwright.report import Moment, Story
from modelwright.step import Failure
from modelwright.table import Field, Schema

STARTED = 1_790_000_000.0
VERSIONS = {"modelwright": "0.1.0", "python": "3.11.9", "scikit-learn": "1.9.0", "lightgbm": "4.7.0"}


def known(value, reason, source="inferred", alternatives=()):
    return Known(value, source, reason, tuple(alternatives))


def held(metric, value, low=None, high=None, rows=1409):
    return Score[Holdout](metric, value, rows, low, high)


def validated(metric, value, spread=None, rows=5634):
    return Score[Validation](metric, value, rows, None, None, spread)


def problem(statement, target, task, metric, **more):
    made = {
        "target": known(target, f"The words of the problem name “{target}”."),
        "task": known(task, "From the kind of the column to predict."),
        "metric": known(metric, "The usual one for the task.", alternatives=("accuracy",)),
        "time_column": known(None, "No column orders the rows in time."),
        "group_column": known(None, "No column groups rows that belong together."),
        "id_columns": known((), "No column identifies rows."),
        "excluded": known((), "Nothing had to be left out."),
    }
    return Problem(statement=statement, **{**made, **more})


def protocol(metric, rows=5634, held_out=1409, **more):
    made = {
        "holdout": "stratified",
        "folds_by": "stratified",
        "folds": 5,
        "repeats": 1,
        "forward": False,
        "metric": metric,
        "n_development": rows,
        "n_holdout": held_out,
        "assignment": "ab" * 32,
        "sealed": "cd" * 32,
        "reason": "A fifth of the rows is enough to judge by; five folds suit this size.",
    }
    return Protocol(**{**made, **more})


def experiment(number, name, estimator, value, metric, spread=0.008, *, status="done", reason="", failures=(), **more):
    recipe = Recipe(Use(estimator, more.pop("params", {})), tuple(more.pop("transforms", ())))
    plan = Plan(
        name, recipe.estimator, recipe.transforms, reason=reason or f"To see what {estimator} makes of it.", **more
    )
    scored = validated(metric, value, spread) if value is not None else None
    return Experiment(number, plan, status, recipe if scored else None, scored, {}, 1.7 * number, tuple(failures))


def program(name, estimator):
    return (
        f'"""{name}"""\ndata = input_table()\n'
        f'features = engineer_features(data, {{"rare_levels": {{"min_rows": 20}}}})\n'
        f'model = train_model(features, target, "{estimator}", {{"learning_rate": 0.05}})\nresult(model)\n'
    )


def moments(values, higher=True, step=6.5):
    out, best = [], None
    for i, value in enumerate(values, 1):
        best = value if best is None else (max if higher else min)(best, value)
        out.append(Moment(2.0 + step * (i - 1), i, value, best))
    return tuple(out)


def curves(rate=0.2583):
    """A smooth ROC curve of area 0.845 with what follows from it, and counts that lie on it."""
    fpr = [(i / 100) ** 2 for i in range(101)]
    tpr = [x**0.183 for x in fpr]
    precision = [1.0] + [rate * t / (rate * t + (1 - rate) * f) for t, f in zip(tpr[1:], fpr[1:], strict=True)]
    said = (0.02, 0.05, 0.09, 0.14, 0.21, 0.29, 0.38, 0.49, 0.62, 0.79)
    seen = (0.01, 0.05, 0.11, 0.13, 0.19, 0.31, 0.36, 0.52, 0.66, 0.77)
    return {
        "roc": Curve(tuple(fpr), tuple(tpr)),
        "precision_recall": Curve(tuple(tpr), tuple(precision)),
        "calibration": Curve(said, seen),
        "confusion": ((835, 210), (92, 272)),
        "threshold": 0.35,
    }


def binary() -> Story:
    """Customers who leave: a good model with some imbalance, an ensemble, a recovered failure."""
    metric = "roc_auc"
    numeric = ("tenure", "MonthlyCharges", "TotalCharges")
    category = (
        "Contract",
        "InternetService",
        "PaymentMethod",
        "OnlineSecurity",
        "TechSupport",
        "PaperlessBilling",
        "StreamingTV",
        "MultipleLines",
        "Dependents",
        "Partner",
    )
    fields = (
        Field("customerID", "id", "Every value is different."),
        *(Field(c, "category", "Few different texts.") for c in category),
        *(Field(c, "numeric", "All values are numbers.") for c in numeric[:2]),
        Field(
            "TotalCharges",
            "numeric",
            "99.8 % of the values are numbers.",
            missing=(" ",),
            warnings=("11 blank values were read as missing.",),
        ),
        Field("Churn", "boolean", "Two texts, No and Yes.", levels=("No", "Yes")),
    )
    columns = tuple(
        Column(
            f.name, f.kind, 0.002 if f.name == "TotalCharges" else 0.0, 7043 if f.kind == "id" else 4, association=0.31
        )
        for f in fields
    )
    values = (0.5, 0.8421, 0.8466, 0.8398, 0.8479, 0.8483, 0.8312, 0.8490, 0.8485, 0.8491)
    names = (
        "prior",
        "logistic",
        "lightgbm",
        "random-forest",
        "catboost",
        "catboost-slow",
        "knn",
        "lightgbm-tuned",
        "xgboost",
        "catboost-rare",
    )
    estimators = (
        "prior",
        "logistic",
        "lightgbm",
        "random_forest",
        "catboost",
        "catboost",
        "knn",
        "lightgbm",
        "xgboost",
        "catboost",
    )
    recovered = Failure(
        "memory",
        "The step used more than 2 GB.",
        "MemoryError",
        "fit",
        "",
        "One-hot encoding of a column with many levels.",
        "Encoded it by target means instead.",
    )
    tried = tuple(
        experiment(
            i,
            n,
            e,
            v,
            metric,
            0.0 if i == 1 else 0.009,
            by="baseline" if i < 3 else "portfolio",
            failures=(recovered,) if n == "knn" else (),
            params={"depth": 6} if e == "catboost" else {},
            transforms=(Use("rare_levels", {"min_rows": 20}),) if n == "catboost-rare" else (),
            hypothesis=Hypothesis("Rare levels carry noise.", 0.4) if n == "catboost-rare" else None,
        )
        for i, (n, e, v) in enumerate(zip(names, estimators, values, strict=True), 1)
    )
    tried += (
        experiment(
            11,
            "svm",
            "svc",
            None,
            metric,
            status="failed",
            failures=(
                Failure(
                    "timeout",
                    "It was not finished after 20 s.",
                    "",
                    "fit",
                    "",
                    "Too many rows for a kernel method.",
                    "",
                ),
            ),
        ),
    )
    blend = Recipe(
        Use("blend"),
        members=(
            Member(tried[9].recipe, 0.52, tried[9].slug),
            Member(tried[7].recipe, 0.31, tried[7].slug),
            Member(tried[1].recipe, 0.17, tried[1].slug),
        ),
        threshold=0.35,
    )
    effects = (
        ("Contract", 0.061, "Month-to-month raises it, Two year lowers it."),
        ("tenure", 0.043, "Larger values lower it."),
        ("InternetService", 0.028, "Fiber optic raises it."),
        ("MonthlyCharges", 0.012, "Larger values raise it."),
        ("OnlineSecurity", 0.0072, "No raises it."),
        ("TotalCharges", 0.0065, ""),
        ("PaymentMethod", 0.0051, "Electronic check raises it."),
        ("TechSupport", 0.0038, "No raises it."),
        ("StreamingTV", 0.0009, ""),
        ("Partner", -0.0004, ""),
    )
    judged = Judgement(
        held(metric, 0.8452, 0.8231, 0.8664),
        held(metric, 0.5, 0.5, 0.5),
        "prior",
        1.0,
        {
            "average_precision": held("average_precision", 0.6581, 0.6102, 0.7040),
            "log_loss": held("log_loss", 0.4139, 0.389, 0.439),
            "accuracy": held("accuracy", 0.8027, 0.782, 0.823),
            "f1": held("f1", 0.6231, 0.585, 0.66),
        },
        "ready",
        "it clearly beats the baseline, and what the holdout says agrees with the estimate before",
        ("No", "Yes"),
        importances=tuple(Importance(c, v, v - 0.004, v + 0.004, d) for c, v, d in effects),
        **curves(),
    )
    return Story(
        run_id="20260921-churn-3f2a",
        origin="CSV, comma, UTF-8",
        rows=7043,
        schema=Schema(fields),
        notes=("One blank line at the end was left out.",),
        problem=problem(
            "Which customers are going to leave us next month?",
            "Churn",
            "binary",
            metric,
            classes=("No", "Yes"),
            positive=known("Yes", "“leave” is the event that is asked about.", alternatives=("No",)),
            id_columns=known(("customerID",), "Every value is different, and the name says id."),
        ),
        profile=Profile(5634, columns, "Churn", (("No", 4139), ("Yes", 1495)), duplicates=22, sampled=5634),
        protocol=protocol(metric),
        budget=Budget(60.0),
        experiments=tried,
        programs={e.slug: program(e.plan.name, e.plan.estimator.action) for e in tried},
        failures=(),
        progress=moments(values),
        delivered=blend,
        delivered_note="Three models were refitted on all 5,634 development rows and are averaged by weight",
        validation=validated(metric, 0.8503, 0.0087),
        judgement=judged,
        stopped="The time for experiments was used up.",
        warnings=(),
        seconds={"read": 0.8, "profile": 0.6, "search": 48.2, "refit": 3.9, "judge": 1.4},
        started=STARTED,
        time_limited=True,
        versions=VERSIONS,
        opened=STARTED + 55.0,
    )


def multiclass() -> Story:
    """Letters: 26 classes, lower is better (log loss)."""
    rng = np.random.default_rng(3)
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    table = np.zeros((26, 26), int)
    for i in range(26):
        size = int(rng.integers(130, 170))
        wrong = rng.choice(26, size=int(size * rng.uniform(0.01, 0.09)) if i != 7 else size // 2, p=None)
        np.add.at(table[i], wrong, 1)
        table[i, i] += size - len(wrong)
    metric = "log_loss"
    right = float(np.trace(table) / table.sum())
    rows = int(table.sum())
    values = (3.258, 1.021, 0.241, 0.312, 0.1821)
    tried = tuple(
        experiment(i, e.replace("_", "-"), e, v, metric, 0.01)
        for i, (e, v) in enumerate(
            zip(("prior", "logistic", "lightgbm", "random_forest", "catboost"), values, strict=True), 1
        )
    )
    fields = (
        *(Field(f"x-box-{i}", "numeric", "All values are numbers.", whole=True) for i in range(16)),
        Field("letter", "category", "26 different texts."),
    )
    judged = Judgement(
        held(metric, 0.1893, 0.171, 0.2081, rows),
        held(metric, 3.2577, 3.2569, 3.2583, rows),
        "prior",
        1.0,
        {"accuracy": held("accuracy", right, right - 0.009, right + 0.009, rows)},
        "usable with care",
        "one class is recognised much less often than the others",
        letters,
        confusion=tuple(tuple(int(c) for c in row) for row in table),
        calibration=Curve((0.4, 0.6, 0.8, 0.99), (0.35, 0.62, 0.8, 0.98)),
        importances=tuple(Importance(f"x-box-{i}", 0.9 / (i + 1), 0.85 / (i + 1), 0.95 / (i + 1)) for i in range(16)),
    )
    return replace(
        binary(),
        run_id="letters",
        rows=20000,
        schema=Schema(fields),
        notes=(),
        origin="Parquet",
        problem=problem("Which letter is it?", "letter", "multiclass", metric, classes=letters),
        profile=Profile(
            16000,
            tuple(Column(f.name, f.kind, 0.0, 16) for f in fields),
            "letter",
            tuple((c, 600 + i) for i, c in enumerate(letters)),
        ),
        protocol=protocol(metric, 16000, rows),
        experiments=tried,
        programs={},
        progress=moments(values, higher=False),
        delivered=tried[4].recipe,
        delivered_note="The best experiment was refitted on all 16,000 development rows.",
        validation=validated(metric, 0.1821, 0.01),
        judgement=judged,
        time_limited=False,
        stopped="Nothing better came.",
    )


def regression() -> Story:
    """House prices: a skewed target."""
    rng = np.random.default_rng(5)
    metric = "rmse"
    truth = np.exp(rng.normal(12.0, 0.5, 4128))
    guess = truth * np.exp(rng.normal(0, 0.2, 4128))
    error = float(np.sqrt(np.mean((truth - guess) ** 2)))
    mae = float(np.mean(np.abs(truth - guess)))
    bins = np.array_split(np.argsort(guess), 10)
    values = (115_412.0, 69_020.5, 47_820.2, 46_377.9, 47_204.0, 45_810.7, 4_581_000.0, 45_902.1)
    names = ("mean", "ridge", "lightgbm", "catboost", "xgboost", "catboost-log", "polynomial", "lightgbm-log")
    tried = tuple(
        experiment(i, n, n.split("-")[0], v, metric, 900.0)
        for i, (n, v) in enumerate(zip(names, values, strict=True), 1)
    )
    fields = (
        Field("median_income", "numeric", "All values are numbers."),
        Field("total_bedrooms", "numeric", "All values are numbers."),
        Field("latitude", "numeric", "All values are numbers."),
        Field("longitude", "numeric", "All values are numbers."),
        Field("ocean_proximity", "category", "Five different texts."),
        Field("median_house_value", "numeric", "All values are numbers.", whole=True),
    )
    gaps = {"total_bedrooms": 0.31}
    judged = Judgement(
        held(metric, error, error * 0.95, error * 1.06, 4128),
        held(metric, float(truth.std()), truth.std() * 0.96, truth.std() * 1.04, 4128),
        "mean",
        1.0,
        {"mae": held("mae", mae, mae * 0.97, mae * 1.03, 4128), "r2": held("r2", 0.81, 0.79, 0.83, 4128)},
        "ready",
        "it clearly beats the baseline",
        calibration=Curve(tuple(float(guess[b].mean()) for b in bins), tuple(float(truth[b].mean()) for b in bins)),
        scatter=Curve(tuple(map(float, guess[:1000])), tuple(map(float, truth[:1000]))),
        residuals=tuple(map(float, np.percentile(truth - guess, range(101)))),
        importances=(
            Importance("median_income", 31_200.0, 30_100.0, 32_400.0, "Larger values raise it."),
            Importance("ocean_proximity", 14_800.0, 14_000.0, 15_500.0, "INLAND lowers it."),
            Importance("latitude", 12_050.0, 11_000.0, 13_000.0, ""),
            Importance("total_bedrooms", 2_204.0, 1_900.0, 2_500.0, ""),
        ),
    )
    return replace(
        binary(),
        run_id="houses",
        rows=20640,
        schema=Schema(fields),
        notes=(),
        problem=problem(
            "What is a house worth? Predict median_house_value.", "median_house_value", "regression", metric
        ),
        profile=Profile(
            16512,
            tuple(Column(f.name, f.kind, gaps.get(f.name, 0.0), 900, association=0.5) for f in fields),
            "median_house_value",
            target_numbers={
                "mean": float(truth.mean()),
                "std": float(truth.std()),
                "skew": 1.7,
                "q05": 71_000.0,
                "q50": 163_000.0,
                "q95": 370_000.0,
            },
        ),
        protocol=protocol(metric, 16512, 4128, holdout="random", folds_by="random"),
        experiments=tried,
        programs={},
        progress=moments(values, higher=False),
        delivered=replace(tried[5].recipe, target=Use("log_target")),
        delivered_note="",
        validation=validated(metric, 45_810.7, 900.0),
        judgement=judged,
        time_limited=False,
    )


def poor() -> Story:
    """Few rows and columns that say nothing: a model that must not be used."""
    story = binary()
    metric = "average_precision"
    judged = Judgement(
        held(metric, 0.0412, 0.021, 0.09, 96),
        held(metric, 0.0417, 0.02, 0.08, 96),
        "prior",
        0.48,
        {},
        "not usable",
        "it does no better than the baseline",
        ("0", "1"),
        0.9,
        ((92, 0), (4, 0)),
        importances=(Importance("noise", 0.001, -0.002, 0.004),),
    )
    return replace(
        story,
        run_id="poor",
        rows=480,
        judgement=judged,
        protocol=protocol(metric, 384, 96, repeats=3),
        problem=problem("", "y", "binary", metric, classes=("0", "1")),
        schema=Schema((Field("noise", "numeric"), Field("y", "boolean"))),
        profile=Profile(384, (Column("noise", "numeric"), Column("y", "boolean")), "y", (("0", 370), ("1", 14))),
        experiments=tuple(
            experiment(i, n, n, 0.04 + i / 900, metric, 0.03)
            for i, n in enumerate(("prior", "logistic", "lightgbm"), 1)
        ),
        progress=moments((0.0411, 0.0422, 0.0433)),
        validation=validated(metric, 0.12, 0.05),
        warnings=("The holdout has only 4 rows of the rarer class.",),
        notes=(),
    )


NASTY = (
    "<script>alert('x')</script>",
    "a|b`c``d",
    "new\nline\r\nand\ttab",
    "[click](javascript:alert(1))",
    "$x_1$ & __y__ *z*",
    "\u202egnirts\u202c \x00\x07\x1b[31m",
    "😀 été 名前",
    "x" * 500,
    "",
    " ",
    "\ud800broken",
    "=cmd|' /C calc'!A0",
    '"><img src=http://evil.example/x.png onerror=alert(1)>',
    "http://evil.example/a www.evil.example",
    "# not a heading",
    "&lt;b&gt;",
    "</details></table>",
    "{{ 7*7 }}{% raw %}",
    "--- \n| a | b |",
    "#0a0b04",
)


def hostile() -> Story:
    """Everything that comes from outside wants to break the page."""
    story = binary()
    bad = NASTY[0] + NASTY[1] + NASTY[2]
    fields = tuple(
        Field(
            n,
            "category",
            f"Because {n}.",
            source_name=NASTY[3],
            warnings=(f"Beware of {n}.",),
            personal=NASTY[0] if i == 3 else "",
        )
        for i, n in enumerate(NASTY)
    )
    effects = tuple(
        Importance(n, 0.05 / (i + 1), 0.01 / (i + 1), 0.06 / (i + 1), f"{n} raises it.") for i, n in enumerate(NASTY)
    )
    tried = tuple(
        replace(
            e,
            plan=replace(
                e.plan, name=NASTY[i], reason=NASTY[i] + bad, by=NASTY[0], parent=NASTY[3], hypothesis=Hypothesis(bad)
            ),
            failures=(Failure("program", bad, NASTY[0], NASTY[0], bad, bad, bad),),
        )
        for i, e in enumerate(story.experiments)
    )
    labels = (NASTY[0], NASTY[1], NASTY[7], NASTY[4])
    judged = replace(
        story.judgement,
        classes=labels,
        confusion=((50, 2, 3, 4), (9, 80, 1, 0), (0, 0, 70, 1), (5, 5, 5, 5)),
        roc=None,
        precision_recall=None,
        importances=effects,
        verdict_reason=bad,
        baseline_name=NASTY[0],
        score=held("roc_auc_ovr", 0.9),
        baseline=held("roc_auc_ovr", 0.5),
        metrics={},
    )
    asked = problem(
        f"# {bad}",
        NASTY[0],
        "multiclass",
        "roc_auc_ovr",
        classes=labels,
        time_column=known(NASTY[2], bad, "user", NASTY),
        group_column=known(NASTY[1], bad),
        id_columns=known(NASTY[3:5], bad),
        excluded=known(NASTY[5:9], bad),
        constraints=Constraints(notes=NASTY, prefer=(NASTY[0],)),
    )
    return replace(
        story,
        run_id=NASTY[0],
        origin=bad,
        notes=NASTY,
        problem=asked,
        schema=Schema(fields),
        warnings=NASTY,
        failures=NASTY,
        profile=Profile(
            5634,
            tuple(Column(n, "category", cautions=(bad,)) for n in NASTY),
            NASTY[0],
            ((NASTY[0], 40), (NASTY[1], 60)),
            cautions=NASTY,
        ),
        protocol=protocol("roc_auc_ovr", reason=bad, warnings=NASTY),
        judgement=judged,
        experiments=tried,
        programs={e.slug: f"```\n{bad}\n</code></pre><script>alert(2)</script>" for e in tried},
        stopped=bad,
        delivered_note=bad,
        delivered=Recipe(
            Use("catboost", {"column": NASTY[0]}), (Use("sql_features", {"expressions": {NASTY[1]: NASTY[0]}}),)
        ),
        versions={NASTY[0]: NASTY[1]},
    )


def bare() -> Story:
    """Only baselines came through, everything else failed; figures that aren't known are missing."""
    story = binary()
    broken = Failure("crash", "The worker died.", "", "fit", "", "", "The next estimator was tried.")
    tried = (
        experiment(1, "prior", "prior", 0.5, "roc_auc", None, by="baseline"),
        experiment(2, "lightgbm", "lightgbm", None, "roc_auc", status="failed", failures=(broken,)),
        experiment(3, "catboost", "catboost", None, "roc_auc", status="skipped"),
    )
    judged = Judgement(
        held("roc_auc", 0.5, None, None, 30),
        held("roc_auc", 0.5, None, None, 30),
        "prior",
        float("nan"),
        {},
        "not usable",
        "only a baseline could be trained",
        ("No", "Yes"),
    )
    return replace(
        story,
        run_id="bare",
        experiments=tried,
        judgement=judged,
        delivered=tried[0].recipe,
        progress=moments((0.5,)),
        validation=validated("roc_auc", float("nan")),
        failures=("Three fits in a row failed, so no further ones were tried.",),
        programs={},
        opened=0.0,
        versions={},
        stopped="",
        delivered_note="",
        protocol=protocol("roc_auc", 120, 30),
    )


STORIES = {f.__name__: f for f in (binary, multiclass, regression, poor, hostile, bare)}
