"""The constraints file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import RequestError
from modelwright.policy.constraints import parse_constraints
from modelwright.policy.resolving import resolved, stated_demands
from modelwright.problem import Constraints, Fairness
from modelwright.table import Field, Schema

WHOLE = """\ufeff# What we need
<!-- nobody
reads this -->
## METRICS
* Primary metric: RMSE
* Also track: MAE, R2

## Models to use
1. Prefer tree-based models, avoid SVM and
   neural networks
2. Stacking would be nice

**Preprocessing**
- Use median imputation
- Do not use the column `zip code`
- Drop columns: a, b and customer name

Termination:
- Stop if no improvement for five iterations
- Stop when RMSE is below 12,500.5
- Maximum 15 iterations
## Other
- must be interpretable
- The board meets in June
"""


def test_a_whole_file() -> None:
    found = parse_constraints(WHOLE)
    assert found == Constraints(
        metric="rmse",
        prefer=("boosting", "forest", "tree"),
        avoid=found.avoid,
        exclude_columns=("zip code", "a", "b", "customer name"),
        patience=5,
        target_score=12500.5,
        interpretable=True,
        notes=(
            "Also track: MAE, R2", "Stacking would be nice", "Use median imputation", "Maximum 15 iterations",
            "The board meets in June",
        ),
    )  # fmt: skip
    assert {"kernel", "neural"} <= set(found.avoid)


@pytest.mark.parametrize(
    ("bullet", "prefer", "avoid"),
    [
        ("use XGBoost", ("xgboost",), ()),
        ("Prefer gradient boosting", ("boosting",), ()),
        ("random forests first", ("random_forest",), ()),
        ("no naive bayes, no k-nearest neighbours", (), ("bayes", "neighbours")),
        ("Prefer linear models but don't use logistic regression", ("linear",), ("logistic_regression",)),
        ("avoid decision trees; prefer LightGBM", ("lightgbm",), ("tree",)),
        ("Keep it simple", (), ()),
    ],
)
def test_models(bullet: str, prefer: tuple[str, ...], avoid: tuple[str, ...]) -> None:
    found = parse_constraints(f"## Models\n- {bullet}")
    assert (found.prefer, found.avoid) == (prefer, avoid)
    assert bool(found.notes) == (not prefer and not avoid)


def test_only_some_models_means_no_others() -> None:
    found = parse_constraints("## Models\nOnly linear models")
    assert found.prefer == ("linear",)
    assert found.allow == ("linear",)


@pytest.mark.parametrize(
    ("text", "metric", "target", "patience"),
    [
        ("primary metric: F1", "f1", None, None),
        ("## Metrics\n- accuracy of at least 95%", "accuracy", 0.95, None),
        ("## Metrics\n- AUC\n## Termination\n- target score 0.9", "auc", 0.9, None),
        ("## Termination\n- patience: 3", None, None, 3),
        ("## Termination\n- after 4 rounds without improvement", None, None, 4),
        ("## Termination\n- stop after 10 minutes", None, None, None),
        ("## Preprocessing\n- scale to 1", None, None, None),
        ("Interpretability is not required", None, None, None),
    ],
)
def test_metric_target_and_patience(text: str, metric: str | None, target: float | None, patience: int | None) -> None:
    found = parse_constraints(text)
    assert (found.metric, found.target_score, found.patience) == (metric, target, patience)
    assert not found.interpretable


def test_a_floor_for_another_metric_is_not_where_the_search_may_stop() -> None:
    found = parse_constraints(
        "## Metrics\n- Primary metric: log loss\n- Recall must be at least 0.8\n- accuracy above 0.9"
    )
    assert (found.metric, found.target_score, found.min_recall) == ("log loss", None, 0.8)
    assert any("accuracy" in note and "0.9" in note for note in found.notes)


MEANT = {
    "predict within 5 ms per row": {"latency_ms": 5.0},
    "must answer in under 0.5 s per request": {"latency_ms": 500.0},
    "1,000 rows in 2 seconds": {"latency_ms": 2.0},
    "model below 10 MB": {"model_bytes": 10_000_000},
    "the bundle must be smaller than 512 KiB": {"model_bytes": 524_288},
    "train within 2 minutes": {"training_seconds": 120.0},
    "must catch at least 90 % of failures": {"min_recall": 0.9},
    "at least 95% of the failures must be detected": {"min_recall": 0.95},
    "miss no more than 5 % of the frauds": {"min_recall": 0.95},
    "precision >= 0.7": {"min_precision": 0.7},
    "at most 20% of alarms may be false": {"min_precision": 0.8},
    "a miss costs 20 times a false alarm": {"cost_miss": 20.0, "cost_false_alarm": 1.0},
    "A missed failure costs 500 and a false alarm costs 20": {"cost_miss": 500.0, "cost_false_alarm": 20.0},
    "false alarms cost 3 times as much as misses": {"cost_miss": 1.0, "cost_false_alarm": 3.0},
    "The price must rise with living area": {"monotone": {"living area": 1}},
    "the risk must not rise with age and `no. of claims`": {"monotone": {"age": -1, "no. of claims": -1}},
    "monotonically increasing in income": {"monotone": {"income": 1}},
    "no gender bias": {"fairness": (Fairness("gender", "", 0.1),)},
    "equal recall between groups of gender": {"fairness": (Fairness("gender", "recall", 0.1),)},
    "false positive rates must not differ by more than 5 % between regions": {
        "fairness": (Fairness("regions", "false_positive_rate", 0.05),)
    },
}  # fmt: skip


@pytest.mark.parametrize("sentence", MEANT)
def test_plain_words_become_demands(sentence: str) -> None:
    assert parse_constraints(sentence) == Constraints(**MEANT[sentence])


@pytest.mark.parametrize(
    "sentence",
    [
        "Predict failures within 24 hours", "Sales rise with temperature", "must not need more than 2 GB of memory",
        "We lose 5 minutes per row", "The data was trained on 3 years", "Use median imputation", "must be fair",
        "a miss is bad",
    ],
)  # fmt: skip
def test_what_is_no_demand_stays_a_note(sentence: str) -> None:
    assert parse_constraints(sentence) == Constraints(notes=(sentence,))


@pytest.mark.parametrize("sentence", ["recall of at least 120 %", "predict within 0 ms per row", "model below 0 MB"])
def test_demands_that_cannot_be_are_refused(sentence: str) -> None:
    with pytest.raises(RequestError, match=r"Line 1 .*; give"):
        parse_constraints(sentence)


def test_contradicting_demands_are_refused() -> None:
    with pytest.raises(RequestError, match=r"Line 2 .*min recall to 0.9, an earlier line to 0.8"):
        parse_constraints("- recall at least 0.8\n- recall at least 0.9")


SCHEMA = Schema((Field("Sex", "category"), Field("applicant_income", "numeric"), Field("city", "category")))


def test_demands_find_their_columns() -> None:
    asked = parse_constraints("- must rise with income\n- no gender bias\n- do not use city\n- nothing for bob")
    found = resolved(asked, SCHEMA)
    assert found.monotone == {"applicant_income": 1}
    assert [f.column for f in found.fairness] == ["Sex"]
    assert (found.exclude_columns, found.notes) == (("city",), ("nothing for bob",))
    with pytest.raises(RequestError, match=r"'city'.*not numbers"):
        resolved(parse_constraints("must rise with city"), SCHEMA)
    with pytest.raises(RequestError, match="no column 'wages'"):
        resolved(parse_constraints("must rise with wages"), SCHEMA)


def test_a_statement_demands_only_what_is_plain() -> None:
    said = "Who defaults? A miss costs 20 times a false alarm. Rates must rise with inflation. Must be interpretable."
    found = resolved(Constraints(), SCHEMA, stated=stated_demands(said))
    assert found == Constraints(cost_miss=20.0, cost_false_alarm=1.0, interpretable=True)
    explicit = resolved(Constraints(cost_miss=5.0, cost_false_alarm=1.0), SCHEMA, stated=stated_demands(said))
    assert explicit.cost_miss == 5.0
    assert stated_demands("Predict failures of pumps within 24 hours.") == Constraints()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## Metrics\n- Primary metric: fooscore", "Line 2 .*fooscore"),
        ("## Models\n\n- Avoid xgbost", "Line 3 .*did you mean 'xgboost'"),
        ("## Models\n- prefer trees\n- avoid trees", "both prefer and avoid"),
        ("## Metrics\n- Primary metric: RMSE\n- Primary metric: MAE", "Line 3 .*'mae'.*'rmse'"),
        ("## Termination\n- no improvement for 0 iterations", "Line 2 .*1 or more"),
        ("## Metrics\n- target AUC 0.8\n- target AUC 0.9", "Line 3 .*0.9.*0.8"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        parse_constraints(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("#*-:`'\n 0159.%<>=abcmetricodlsuvnprFAUC�🎈"), max_size=200))
def test_no_line_is_lost_and_nothing_but_a_request_error_is_raised(text: str) -> None:
    try:
        found = parse_constraints(text)
    except RequestError as error:
        assert str(error)
        return
    for note in found.notes:
        assert note.strip()
    if found == Constraints(notes=found.notes):
        said = "".join(found.notes)
        bare = [line for line in text.splitlines() if line[:1] in "abcmetricodlsuvnprFAUC" and line[:1]]
        assert all(line.strip() in said for line in bare if ":" not in line and "<" not in text)
