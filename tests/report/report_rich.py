"""A story in which everything was measured, found and decided, and the log that it could have been folded from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from report_stories import NASTY, STARTED, STORIES, binary, validated

from modelwright.decision import Balance, Decision, Descent, Promise, Usage, Worth
from modelwright.diagnostics import (
    Calibration,
    ChanceTest,
    CurvePoint,
    LearningCurve,
    Perturbation,
    Robustness,
    SimpleRule,
    Slice,
    Slices,
)
from modelwright.explanation import (
    Condition,
    Contribution,
    Contributions,
    Coverage,
    Dependence,
    Dependences,
    Interaction,
    Rule,
    Surrogate,
    Uncertainty,
)
from modelwright.finding import Effect, Finding
from modelwright.hashing import plain
from modelwright.judgement import Comparison, Optimism, Verified
from modelwright.plan import Hypothesis
from modelwright.report import Story, document, html, markdown
from modelwright.report.events import sources, told
from modelwright.report.tree import Document
from modelwright.step import Record

RUNNER_UP = Comparison(
    "lightgbm-tuned", "runner-up", 0.8452, 0.8449, 0.0003, -0.004, 0.005, 0.55, False, "holdout", 1409
)


def findings(text="The column repeats the target in 99.7 % of 5,634 rows"):
    effect = Effect(
        validated("roc_auc", 0.9971), validated("roc_auc", 0.8441), -0.153, -0.161, -0.145, "a quick LightGBM"
    )
    return (
        Finding("copies", "Copy of the target", ("churn_flag",), "clear", text, "", "Left out.",
                "keep it with --keep-column churn_flag", effect),
        Finding("single_column", "Predicts too well by itself", ("Contract",), "suspicious", "Alone it reaches 0.74",
                "A contract's kind may well decide who leaves", "Kept.", "leave it out with --exclude Contract"),
        Finding("duplicates", "Repeated rows", (), "note", "22 rows repeat an earlier one"),
    )  # fmt: skip


def analyses(name="tenure", text="It is so."):
    x = tuple(float(v) for v in range(1, 9))
    y = tuple(0.6 - 0.05 * i for i in range(8))
    points = tuple(CurvePoint(n, 0.80 + 0.01 * i, 0.78 + 0.01 * i, 0.82 + 0.01 * i) for i, n in
                   enumerate((704, 1409, 2817, 5634)))  # fmt: skip
    return {
        "learning_curve": LearningCurve("roc_auc", name, points, "rising", 0.851, 0.006, 0.002, 0.011, text),
        "slices": Slices("roc_auc", 0.8452, "log loss", (
            Slice("tenure", f"{name} up to 3", 160, 0.11, 0.701, 0.61, 0.38, 0.44, 0.0001, 0.002, 0.07),
            Slice("Contract", f"{name} is Two year", 90, 0.06, None, 0.7, 0.4, 0.5, 0.0004, 0.01),
        ), (), 41, 1409, "holdout"),
        "robustness": Robustness("roc_auc", 0.8452, (
            Perturbation("missing", f"without {name}", (name,), 0.79, 0.055, 0.04, 0.07),
            Perturbation("noise", "numbers with 10 % noise", (), 0.844, 0.001, -0.003, 0.005),
        ), 1409, False),
        "chance": ChanceTest("roc_auc", 0.84, 0.5, 0.55, 0.01, 99, True, text),
        "rule": SimpleRule((f"if {name} <= 3: Yes", "else: No"), 1, (name,), "roc_auc", 0.70, replace(
            RUNNER_UP, role="rule", other="rule", other_score=0.70, gain=0.145, low=0.12, high=0.17
        ), 0.58, False, text),
        "calibration": Calibration(0.031, 0.02, 0.044, 0.028, False, "", "isotonic", 0.019, text),
        "contributions": Contributions("probability of 'Yes'", 0.265, 200, 100, (
            Contribution(name, 0.09, 0.08, 0.1, -0.9, "larger values lower it"),
            Contribution("14 other columns", 0.04, 0.03, 0.05, count=14),
        ), True),
        "dependence": Dependences((
            Dependence(name, "number", x, y, tuple(v - 0.05 for v in y), tuple(v + 0.05 for v in y), (0.12,) * 8),
            Dependence("Contract", "level", (0.0, 1.0), (0.4, 0.1), (0.3, 0.05), (0.5, 0.2), (0.55, 0.24),
                       (name, "Two year")),
            Dependence("joined", "date", (0.0, 1e8, 2e8), (0.4, 0.2, 0.1), (0.3, 0.1, 0.0), (0.5, 0.3, 0.2),
                       (0.3, 0.3, 0.3)),
        ), (Interaction(name, "Contract", 0.31, 0.042),), 400),
        "surrogate": Surrogate((
            Rule((Condition("Contract", "is", name), Condition("tenure", "≤", "3", True)), 0.61, 0.3),
            Rule((), 0.1, 0.7),
        ), "tree", 0.81, "R²", 2, 1409, 0.78, "probability of 'Yes'"),
        "uncertainty": Uncertainty("set", (), (Coverage(0.9, 0.85, 0.83, 0.87, 1.21, 1409),
                                               Coverage(0.5, 0.52, 0.49, 0.55, 1.0, 1409)), reason=text),
    }  # fmt: skip


def demands(text="at least 70 % of the churners"):
    how = "Counted on the sealed rows."
    return (
        Verified("min_recall", text, 0.747, "75 %", True, how, 0.7, 0.79, 0.7, "share"),
        Verified("latency_ms", "within 5 ms a row", 12.4, "", False, "Median of 50 predictions.", limit=5.0, unit="ms"),
        Verified("fairness", "alike for groups", 0.08, "8 points", True, how, details={"A": 0.7, "B": 0.78}),
        Verified("note", "pleasant to look at", how="No rule knows what that is."),
    )


def told_story(story: Story) -> Story:
    """The story with the places that its facts have in :func:`log`."""
    records = log(story)
    events, steps = told(records)
    return replace(story, sources=sources(records), events=events, steps=steps)


def log(story: Story) -> list[Record]:
    """The events from which the story could have been folded, in the shape in which runs write them."""
    bodies: list[tuple[str, dict]] = [("run_started", {"run_id": story.run_id, "request": {"data": "churn.csv"}})]
    before = [replace(f, effect=None) for f in story.findings]
    prepared = {"rows": story.rows, "schema": story.schema, "problem": story.problem, "profile": story.profile,
                "protocol": story.protocol, "findings": before}  # fmt: skip
    bodies += [("prepared", {"prepared": prepared}), ("step", {"status": "done"})]
    for e in story.experiments:
        bodies.append(("experiment_designed", {"number": e.number, "plan": e.plan}))
        bodies.append(("experiment_finished", {"experiment": e, "program": ""}))
    bodies += [
        ("effect_measured", {"finding": i, "effect": f.effect}) for i, f in enumerate(story.findings) if f.effect
    ]
    bodies += [("decided", {"decision": d}) for d in story.decisions] + [("worth", {"worth": w}) for w in story.worth]
    bodies += [("balance", {"balance": story.balance})] if story.balance else []
    choice = {"weights": {"1": 1.0}, "validation": story.validation}
    delivery = {"recipe": story.delivered, "judgement": story.judgement, "choice": choice, "opened": story.opened,
                "latency": story.latency, "analyses": story.analyses}  # fmt: skip
    bodies += [
        ("search_stopped", {"reason": story.stopped}), ("ensemble_chosen", {"choice": choice}),
        ("holdout_opened", {"time": story.opened}), ("judged", {"judgement": story.judgement}),
        ("delivered", {"delivery": delivery}), ("something_new", {}),
    ]  # fmt: skip
    return [Record(i, STARTED + i, kind, plain(body)) for i, (kind, body) in enumerate(bodies, 1)]


def rich() -> Story:
    """The churn story with everything that later steps add to it."""
    story = binary()
    parts = tuple(0.84 + 0.01 * i for i in range(5))
    best = replace(
        story.experiments[9],
        plan=replace(story.experiments[9].plan, parent="catboost", by="designer"),
        by_part=tuple(p + 0.002 for p in parts),
    )
    tried = tuple(
        best if e.number == 10 else replace(e, by_part=parts) if e.plan.name == "catboost" else e
        for e in story.experiments
    )
    judged = replace(
        story.judgement,
        comparisons=(
            Comparison("prior", "baseline", 0.8452, 0.5, 0.3452, 0.32, 0.37, 1.0, True, "holdout", 1409), RUNNER_UP,
        ),
        optimism=Optimism(0.0051, -0.015, 0.025, "chance", "The difference is no larger than chance makes it."),
        remedies=("More rows of customers who left would help.",),
        demands=demands(),
    )  # fmt: skip
    story = replace(
        story,
        experiments=tried,
        judgement=judged,
        analyses=analyses(),
        left_out=("learning_curve",),
        findings=findings(),
        narrative=("You asked who will leave. The model finds 75 of 100.", "It rests on the contract."),
        decisions=(
            Decision("designer:1", "designer", "native", {}, (), "aa", "bb", "openai:gpt", 1, 900, 210, 0.004, 3.1),
            Decision("analyst:1", "analyst", "policy", {}, (Descent("native", "the reply was no JSON"),), seconds=0.1),
        ),
        worth=(Worth("designer:1", (Promise(10, 0.7, 1.0, True, 0.4),), 0.849, 0.8491, 0.4, 12.0, 1110, 0.004),),
        balance=Balance("roc_auc", 0.8503, 0.8498, 0.33, 0.52),
        usage=Usage(2, 1, 1800, 420, 0.008, 6.2),
        remarks=("The price of local:tiny isn't known, so its cost counts as nothing.",),
        latency={"one_row_ms": 4.2, "thousand_rows_ms": 61.0},
    )  # fmt: skip
    return told_story(story)


def vicious() -> Story:
    """Every text of the rich story wants to break the page."""
    bad = NASTY[0] + NASTY[3] + NASTY[12]
    story = rich()
    found = tuple(
        replace(f, title=bad, columns=NASTY, evidence=bad, legitimate=bad, done=bad, overrule=bad)
        for f in findings(bad)
    )
    asked = tuple(replace(d, found=bad, how=bad, details=dict.fromkeys(NASTY, 0.5)) for d in demands(bad))
    compared = tuple(replace(c, other=bad) for c in story.judgement.comparisons)
    judged = replace(story.judgement, demands=asked, comparisons=compared, remedies=NASTY,
                     optimism=replace(story.judgement.optimism, reason=bad))  # fmt: skip
    tried = tuple(replace(e, plan=replace(e.plan, by=bad, hypothesis=Hypothesis(bad))) for e in story.experiments)
    return told_story(
        replace(
            story,
            run_id="' && rm -rf /",
            findings=found,
            judgement=judged,
            experiments=tried,
            analyses=analyses(bad, bad),
            left_out=NASTY,
            narrative=NASTY,
            remarks=NASTY,
            decisions=tuple(
                replace(d, question=f"{d.question} {bad}", agent=bad, descents=(Descent("native", bad),))
                for d in story.decisions
            ),
            worth=(replace(story.worth[0], question=bad),),
        )
    )


MAKERS = STORIES | {"rich": rich, "vicious": vicious}


@cache
def tree(name: str) -> Document:
    """A story's report, built once for all tests."""
    return document.build(MAKERS[name]())


@cache
def page(name: str) -> str:
    """A story's page, rendered once for all tests."""
    return html.render(tree(name))


if __name__ == "__main__":
    from pathlib import Path

    for name in ("binary", "rich"):
        golden = Path(__file__).parent / f"golden_{name}.md"
        golden.write_bytes(markdown.render(tree(name)).encode())
