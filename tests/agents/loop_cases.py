"""What the agents of the loop are shown on the small table of :mod:`asking_cases`; run to write the golden prompts."""

from __future__ import annotations

from dataclasses import replace

from asking_cases import GOLDEN, customers, meet, told_run

from modelwright.actions import predicted_seconds
from modelwright.agents.analyst import Analyst, AnalystFacts
from modelwright.agents.designer import Designer, DesignerFacts
from modelwright.agents.hypothesizer import Hypothesizer, HypothesizerFacts
from modelwright.agents.playbook import notes
from modelwright.agents.programmer import Programmer, ProgrammerFacts
from modelwright.agents.recovery import RecoveryAgent, RecoveryFacts
from modelwright.agents.retriever import Retriever, RetrieverFacts, by_traits, known_text
from modelwright.extent import Extent
from modelwright.llms import Message
from modelwright.plan import Experiment, Hypothesis, Plan
from modelwright.policy.ground import Ground
from modelwright.policy.template import render
from modelwright.recipe import Recipe, Setting, Use
from modelwright.showing import Shown
from modelwright.sketching import in_words
from modelwright.step import Failure
from modelwright.traits import traits

CELL = "C0007 wrote that he leaves"
PLAN = Plan(
    "fee-per-month",
    Use("lightgbm"),
    (Use("sql_features", {"expressions": {"fee_per_month": '"monthly_fee" / nullif("tenure_months", 0)'}}),),
    reason="What a customer has paid for so far shows best in relation to how long.",
    by="designer",
    hypothesis=Hypothesis("Young contracts with high fees end.", 0.6, 3.0),
    question="designer:1",
)
FAILURE = Failure(
    "error", f"could not convert string to float: '{CELL}'", "ValueError", "fit", "File pipeline.py, line 12, in fit"
)


def shown() -> tuple[Shown, tuple[Experiment, ...]]:
    """The texts of a run, and its experiments."""
    case, experiments, *_ = told_run()
    ground = Ground(case.problem, case.features, case.profile, case.protocol)
    setting = Setting(ground.task, 2)

    def forecast(recipe: Recipe) -> float:
        return 5 * predicted_seconds(recipe, 256, Extent(len(case.features.fields)), setting)

    texts = Shown(ground, meet(case.schema, case.profile), (), forecast)
    texts.notes = texts.data(known_text(by_traits(traits(case.problem, case.profile))))
    failed = replace(experiments[-1], failures=(FAILURE,))
    return texts, (*experiments[:-1], failed)


def openings() -> dict[str, tuple[Message, ...]]:
    """How the conversation with each agent begins."""
    texts, experiments = shown()
    ground = texts.ground
    tried = texts.experiments(experiments)
    promised = texts.data("fee-per-month: confidence 0.60, expected -3.0 %; loss -1.2 % against the best before")
    analysis = "The fee in relation to the tenure helped.\n- Young contracts are where errors concentrate."
    return {
        "retriever": Retriever().messages(
            RetrieverFacts(texts.problem, texts.columns, traits(ground.problem, ground.profile), notes())
        ),
        "designer": Designer().messages(
            DesignerFacts(
                texts.problem,
                texts.profile,
                texts.actions,
                tried,
                texts.notes,
                analysis,
                4,
                60,
                20,
                texts.names,
                lambda sketch: [],
            )
        ),
        "programmer": Programmer().messages(
            ProgrammerFacts(
                ground.task,
                '"churned"',
                texts.data(in_words(PLAN)),
                texts.columns,
                texts.tools,
                texts.details(["sql_features", "lightgbm"]),
                render(PLAN),
                "",
                lambda source: "",
            )
        ),
        "analyst": Analyst().messages(
            AnalystFacts(texts.problem, texts.columns, tried, promised, "", 60, frozenset(customers().schema.names))
        ),
        "hypothesizer": Hypothesizer().messages(
            HypothesizerFacts(
                texts.problem,
                texts.columns,
                tried,
                analysis,
                "- Regions differ → loss +0.3 % against the best before",
                texts.notes,
            )
        ),
        "recovery": RecoveryAgent().messages(
            RecoveryFacts(
                texts.problem,
                texts.failure(FAILURE, render(PLAN)),
                texts.data(in_words(PLAN)),
                render(PLAN),
                texts.columns,
                texts.actions,
                "",
                lambda diagnosis: [],
            )
        ),
    }


def prompts() -> dict[str, str]:
    """The prompts in full."""
    return {
        agent: "".join(f"# {message.role}\n\n{message.text}\n\n" for message in messages).rstrip() + "\n"
        for agent, messages in openings().items()
    }


if __name__ == "__main__":
    for agent, text in prompts().items():
        (GOLDEN / f"{agent}.md").write_text(text, encoding="utf-8")
