"""The reporter: what a text claims beyond the facts goes."""

from __future__ import annotations

import pytest
from asking_cases import LEARNT, Room, saying, told_run

from modelwright.agents import Unacceptable
from modelwright.agents._claims import Evidence, checked
from modelwright.agents.reporter import Narrative, Reporter, ReporterFacts
from modelwright.decision import Decision
from modelwright.narrative import facts_for, lessons, narrate, narrated

EVIDENCE = Evidence(
    (
        'The problem: "Who leaves within 30 days?"',
        "ROC AUC is 0.9312 (95 % interval: 0.9044 to 0.9587) on 12,345 rows, of 3 classes.",
        "The best model is lightgbm with a share of 0.62; it is 12.6 % better, in -4.25 units, until 2024-05-17.",
        "It has 8 columns; 0.0412 is lost without monthly_fee; F1 is 0.5.",
    ),
    ("monthly_fee", "tenure in months", "x2", "lightgbm"),
    "usable with care",
)


@pytest.mark.parametrize(
    "sentence",
    [
        "The ROC AUC is 0.93.",
        "The ROC AUC is 93 %, or 93.1 %.",
        "In 93 of 100 cases the one who leaves is ranked higher.",
        "It lies between 0.904 and 0.959 with 95 % confidence.",
        "There are 12,345 rows, or 12 345, or about 12,300.",
        "There are 12.3 thousand rows.",
        "It is 13 percent better than the baseline, in −4.25 units.",
        "The data end on 2024-05-17, in May 2024.",
        "`lightgbm` makes 62 % of it, and `monthly_fee` costs 0.041.",
        "It has three classes and eight columns.",
        "F1 is 0.50, which is half.",
        "People leave within 30 days.",
        "With x2 and tenure in months one can say more.",
        "It can't be trusted blindly, and isn't ready to be used alone.",
        "Use it with care.",
    ],
)
def test_what_the_facts_bear_out_stays(sentence: str) -> None:
    assert EVIDENCE.objection(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "objection"),
    [
        ("The ROC AUC is 0.94.", "0.94"),
        ("The ROC AUC is 0.9322.", "0.9322"),
        ("The ROC AUC is 1.", "1"),
        ("It is right in 99 % of cases.", "99 %"),
        ("It is right in 9 of 10 cases.", "says 9"),
        ("It is right in 100 % of cases.", "100 %"),
        ("It is right in 80 % of cases.", "80 %"),
        ("There are 12,400 rows.", "12,400"),
        ("There are 10,000 rows.", "10,000"),
        ("There are 12 million rows.", "12,000,000"),
        ("It saves 4 million dollars.", "4,000,000"),
        ("It is twice as good.", "twice"),
        ("A third of them leave.", "a third"),
        ("One in eight leaves.", "one in"),
        ("Four models were mixed.", "four"),
        ("The data end on 2024-05-18.", "2024-05-18"),
        ("The data end in 2025.", "2,025"),
        ("The column `churn_date` gives it away.", "churn_date"),
        ("The column churn_date gives it away.", "churn_date"),
        ("The 'age' of people matters.", "age"),
        ("A model called gpt4 was used.", "gpt4"),
        ("See https://example.com for more.", "link"),
        ("See example.com for more.", "link"),
        ("It is <b>good</b>.", "markup"),
        ("See [here](x).", "markup"),
        ("The model is ready to be used.", "verdict"),
    ],
)
def test_what_they_do_not_goes(sentence: str, objection: str) -> None:
    assert objection in EVIDENCE.objection(sentence)


def test_a_ready_model_may_be_called_so() -> None:
    assert Evidence((), (), "ready").objection("The model is ready to be used.") == ""


def test_only_the_sentences_that_claim_too_much_go() -> None:
    told = [
        "## Result\n- **The ROC AUC is 0.93 [2].** It is 0.99 on new rows! See `monthly_fee`.",
        "It saves 4 million dollars.",
        "\u202eUse it with care.",
    ]
    found = checked(told, EVIDENCE, 100)
    assert found.paragraphs == ("Result The ROC AUC is 0.93. See 'monthly_fee'.", "Use it with care.")
    assert (found.sentences, len(found.dropped)) == (5, 2)
    assert "0.99" in found.dropped[0]
    assert checked(["Use it with care. " * 50], EVIDENCE, 20).paragraphs[0].count("care") == 5


def test_hardly_anything_left_goes_back() -> None:
    facts = ReporterFacts('""', EVIDENCE.facts, EVIDENCE.names, EVIDENCE.verdict)
    good = "People leave within 30 days, and `monthly_fee` says much about who they are and when. "
    with pytest.raises(Unacceptable, match="9,876"):
        Reporter().review(Narrative(paragraphs=[good, "It saves 9876 dollars."]), facts)
    with pytest.raises(Unacceptable, match="0 words"):
        Reporter().review(Narrative(paragraphs=[]), facts)
    kept = Reporter().review(Narrative(paragraphs=[good * 6, "It saves 9876 dollars."]), facts)
    assert len(kept.paragraphs) == 1 and "dollars" not in kept.paragraphs[0]


TOLD = [
    "You asked which customers will leave. The model is usable with care: its ROC AUC is 0.88, so of 2 customers the "
    "one who leaves is mostly ranked higher.",
    "On 80 rows that it had never seen the figure lies between 0.80 and 0.94 with 95 % confidence. The baseline "
    "`baseline_prior` has 0.5, and the model is ahead in 99.9 % of the resamplings.",
    "What matters most is `tenure_months`: shuffling it costs 0.211. `monthly_fee` matters less, with 0.032.",
    "Of 4 experiments 3 finished. The best single model was `logistic_regression` with 0.891. Prices fell by 17 %.",
    "Use it with care, since only 80 rows could be sealed.",
]


def test_a_run_is_told_from_its_records() -> None:
    facts = facts_for(*told_run(), learnt=LEARNT)
    room = Room(saying(reporter={"paragraphs": TOLD}))
    told = narrate(room.mind, facts, 30.0)
    assert len(told) == 5 and "usable with care" in told[0] and "17 %" not in " ".join(told)
    decision = next(body["decision"] for kind, body in room.log if kind == "decided")
    assert isinstance(decision, Decision) and narrated({decision.question: decision}) == told


def test_without_a_language_model_or_a_usable_text_there_is_no_narrative() -> None:
    facts = facts_for(*told_run())
    assert narrate(Room(None).mind, facts, 30.0) == ()
    assert narrate(Room(saying(reporter="prose")).mind, facts, 30.0) == ()
    assert narrate(Room(saying(reporter={"paragraphs": TOLD})).mind, facts, 0.0) == ()
    room = Room(saying(reporter={"paragraphs": ["It makes 1000000 dollars."]}))
    assert narrate(room.mind, facts, 30.0) == ()
    decision = next(body["decision"] for kind, body in room.log if kind == "decided")
    assert narrated({decision.question: decision}) == () and narrated({}) == ()


def test_what_the_analyst_noted_is_told_latest_first_and_once() -> None:
    def noted(tier: str, *observations: str) -> Decision:
        return Decision("", "analyst", tier, {"observations": list(observations)})  # type: ignore[arg-type]

    decisions = {
        "a": noted("native", "old", "both"),
        "b": noted("policy", "rules"),
        "c": noted("prompted", "both", "new"),
    }
    assert lessons(decisions) == ("both", "new", "old")
