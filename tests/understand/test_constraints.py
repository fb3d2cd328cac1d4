"""The constraints file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.errors import RequestError
from modelwright.estimators import all_estimators
from modelwright.policy.constraints import parse_constraints
from modelwright.problem import Constraints

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
    left = {name: e.family for name, e in all_estimators().items() if name not in found.avoid}
    assert set(left.values()) == {"linear", "baseline"}


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


def test_a_floor_for_another_metric_is_a_note() -> None:
    found = parse_constraints("## Metrics\n- Primary metric: log loss\n- Recall must be at least 0.8")
    assert (found.metric is not None, found.target_score) == (True, None)
    assert any("recall" in note.lower() and "0.8" in note for note in found.notes)


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
