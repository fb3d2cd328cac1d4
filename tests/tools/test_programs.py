"""Programs written for the ten tools run as they are; every tool does what it says."""

from __future__ import annotations

import json
import math

import pytest

RESULT = {"experiment_name", "algorithm", "metrics", "confusion_matrix", "threshold_analysis", "n_samples"}
METRICS = {"accuracy", "f1", "precision", "recall", "roc_auc", "avg_precision"}
ROLLING = """
# Experiment: rolling statistics of each machine, then a forest
profile = profile_dataset(data, target_column)
train = split_dataset(data, target_column, 0.2, time_column, "train")
test = split_dataset(data, target_column, 0.2, time_column, "test")
config = {
    "group_column": "machine_id",
    "time_column": "timestamp",
    "rolling_columns": ["vibration", "temperature"],
    "windows": [3, 6],
    "lag_columns": ["vibration"],
    "lags": [1, 2],
    "normalize": True,
    "target_column": target_column,
    "drop_columns": ["timestamp", "machine_id"],
    "fillna_method": "forward",
}
train_features = engineer_features(train, config)
test_features = engineer_features(test, config)
balanced = resample_dataset(train_features, target_column, {"strategy": "smote", "target_ratio": 0.5})
model = train_model(balanced, target_column, "random_forest", {"n_estimators": 25, "max_depth": 6})
predictions = get_predictions(model, test_features, target_column)
evaluation = evaluate_model(model, test_features, target_column)
{
    "experiment_name": experiment_name,
    "algorithm": evaluation["algorithm"],
    "metrics": evaluation["metrics"],
    "confusion_matrix": evaluation["confusion_matrix"],
    "threshold_analysis": evaluation["threshold_analysis"],
    "n_samples": evaluation["n_samples"],
    "imbalanced": "yes" if profile["is_imbalanced"] else "no",
    "sample": profile["sample"],
}
"""
RANKING = """
train = split_dataset(data, target_column, 0.25, "", "train")
train = engineer_features(train, {"drop_columns": ["timestamp"], "fillna_method": "zero"})
chosen = select_features(train, target_column, {"method": "mutual_info", "k": 3, "keep_columns": ["vibration"]})
logistic = train_model(chosen, target_column, "logistic_regression", {"C": 0.5, "max_iter": 200})
boosted = train_model(chosen, target_column, "gradient_boosting", {"n_estimators": 20, "max_depth": 2})
first = evaluate_model(logistic, chosen, target_column)
second = evaluate_model(boosted, chosen, target_column)
best = rank_experiments(results)
{"experiment_name": experiment_name, "first": first, "second": second} | first
"""


def test_a_program_with_rolling_features_and_resampling(program):
    value = program(ROLLING)
    assert value.keys() == RESULT | {"imbalanced", "sample"}
    assert value["algorithm"] == "random_forest"
    assert value["metrics"].keys() >= METRICS
    assert all(0 <= value["metrics"][name] <= 1 for name in METRICS)
    assert value["metrics"]["roc_auc"] > 0.6
    assert sum(value["confusion_matrix"].values()) == value["n_samples"]
    assert value["confusion_matrix"].keys() == {"tn", "fp", "fn", "tp"}
    assert [t["threshold"] for t in value["threshold_analysis"]] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    recalls = [t["recall"] for t in value["threshold_analysis"]]
    assert recalls == sorted(recalls, reverse=True)
    assert value["sample"] == []


def test_a_program_that_selects_and_ranks(program):
    literal = json.dumps(json.dumps([
        {"experiment_name": "a", "metrics": {"roc_auc": 0.7, "f1": 0.2}},
        {"experiment_name": "b", "metrics": {"roc_auc": 0.8, "f1": 0.1}},
    ]))  # fmt: skip
    source = RANKING.replace("rank_experiments(results)", f"rank_experiments({literal})")
    value = program(source.replace('"first": first', '"best": best, "first": first'))
    assert value["first"]["algorithm"] == "logistic_regression"
    assert value["first"]["hyperparams"] == {"C": 0.5, "max_iter": 200}
    assert value["best"]["best_experiment"] == "b"
    assert [r["rank"] for r in value["best"]["ranking"]] == [1, 2]
    assert value["best"]["best_metrics"] == {"roc_auc": 0.8, "f1": 0.1}
    assert value["second"]["score"] == value["second"]["metrics"]["roc_auc"]


@pytest.mark.parametrize("strategy", ["oversample", "undersample", "smote"])
def test_resampling_leaves_the_judged_rows_alone(strategy, program):
    source = f"""
few = engineer_features(data, {{"drop_columns": ["timestamp"]}})
more = resample_dataset(few, target_column, {{"strategy": "{strategy}", "target_ratio": 1.0}})
plain = evaluate_model(train_model(few, target_column, "logistic_regression"), few, target_column)
balanced = evaluate_model(train_model(more, target_column, "logistic_regression"), more, target_column)
[plain, balanced]
"""
    plain, balanced = program(source)
    rows = [sum(r["confusion_matrix"].values()) for r in (plain, balanced)]
    positives = [r["confusion_matrix"]["tp"] + r["confusion_matrix"]["fn"] for r in (plain, balanced)]
    assert rows[0] == rows[1] == plain["n_samples"]
    assert positives[0] == positives[1]
    assert balanced["metrics"]["recall"] > plain["metrics"]["recall"], "the classes were balanced in fitting"


def test_tuning_never_returns_what_is_worse_than_the_defaults(program):
    tuned, plain = program("""
tuned = tune_model(data, target_column, "decision_tree", 5, {"min_samples_leaf": 4})
plain = train_model(data, target_column, "decision_tree", {"min_samples_leaf": 4})
[evaluate_model(m, data, target_column) for m in [tuned, plain]]
""")
    assert tuned["hyperparams"]["min_samples_leaf"] == 4
    assert tuned["score"] >= plain["score"]


def test_models_are_combined_calibrated_and_given_a_threshold(program):
    value = program("""
tree = train_model(data, target_column, "decision_tree", {"max_depth": 3})
line = train_model(data, target_column, "logistic_regression")
models = [tree, line]
blend = ensemble_models(models, [1, 3])
stack = ensemble_models(models, method="stack", C=0.5)
sure = calibrate_model(line, "sigmoid")
cut = choose_threshold(line, "f1")
names = ["tree", "line", "blend", "stack", "sure", "cut", "sure_blend", "sure_stack"]
made = [tree, line, blend, stack, sure, cut, calibrate_model(blend, "sigmoid"), calibrate_model(stack, "sigmoid")]
{name: evaluate_model(model, data, target_column) for name, model in zip(names, made)}
""")
    assert value["blend"]["algorithm"] == "blend" and value["stack"]["algorithm"] == "stack"
    assert value["stack"]["hyperparams"] == {"C": 0.5}
    scores = {name: result["score"] for name, result in value.items()}
    assert len({round(scores[n], 9) for n in ("tree", "line", "blend", "stack")}) == 4
    assert scores["cut"] == scores["line"], "a threshold doesn't change the order of rows"
    best = max(t["f1"] for t in value["line"]["threshold_analysis"])
    # Thresholds are smoothed over their neighbours, so a peak that a few rows make doesn't count.
    assert value["cut"]["metrics"]["f1"] >= best - 0.05, "f1 is good at the threshold that was chosen for it"
    assert value["cut"]["metrics"]["f1"] > value["line"]["metrics"]["f1"], "and better than at the usual one"
    for raw, calibrated in (("line", "sure"), ("blend", "sure_blend"), ("stack", "sure_stack")):
        assert value[calibrated]["metrics"]["log_loss"] != value[raw]["metrics"]["log_loss"], (
            "calibration has an effect"
        )


def test_a_blend_is_the_weighted_mean_of_its_members(program):
    value = program("""
line = train_model(data, target_column, "logistic_regression")
same = ensemble_models([line, line], [1, 5])
[evaluate_model(line, data, target_column), evaluate_model(same, data, target_column)]
""")
    assert value[0]["metrics"] == pytest.approx(value[1]["metrics"])


def test_explorations_are_answered(program):
    answers = program("""
explore_dataset(data, {
    "class_distributions": ["mode", "nope"],
    "correlation_matrix": True,
    "temporal_trend": {"time_column": "timestamp", "target_column": target_column, "freq": "D"},
    "group_stats": {"group_column": "machine_id", "target_column": target_column},
    "outlier_summary": ["vibration", "mode"],
    "feature_target_corr_by_group": {"group_column": "machine_id", "target_column": target_column},
})
""")
    assert answers["class_distributions"].keys() == {"mode"}
    assert answers["class_distributions"]["mode"].keys() == {"eco", "full"}
    assert answers["correlation_matrix"]["vibration"]["vibration"] == 1.0
    assert answers["outlier_summary"].keys() == {"vibration"}
    assert answers["outlier_summary"]["vibration"].keys() == {"p1", "p99", "outlier_frac_3std", "mean", "std"}
    assert answers["temporal_trend"], "there are whole days with enough rows"
    assert answers["group_stats"].keys() == {"m1", "m2", "m3", "m4"}
    assert answers["feature_target_corr_by_group"]["m1"]["vibration"] > 0.2
    assert all(math.isfinite(v) for v in answers["temporal_trend"].values())


@pytest.mark.parametrize("transform", ['"yeo_johnson"', '{"name": "difference", "column": "temperature"}'])
def test_a_number_is_predicted_with_a_transformed_target(program, transform):
    value = program(
        f"""
model = train_model(data, target_column, "ridge", {{}}, target_transform={transform})
evaluate_model(model, data, target_column)
""",
        target="vibration",
        task="regression",
    )
    assert value["metric"] == "rmse" and math.isfinite(value["score"])
    assert "confusion_matrix" not in value
