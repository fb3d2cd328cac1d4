"""A program that misuses a tool is told the line, what was expected, got and allowed. Rows stay inside."""

from __future__ import annotations

import json

import pytest
from tool_samples import CANARIES

from modelwright.errors import ProgramError
from modelwright.tools import all_tools

TEN = {
    "profile_dataset": ["data", "target_column"],
    "split_dataset": ["data", "target_column", "test_size", "time_column", "split_type"],
    "explore_dataset": ["data", "config"],
    "engineer_features": ["data", "config"],
    "select_features": ["data", "target_column", "config"],
    "resample_dataset": ["data", "target_column", "config"],
    "train_model": ["data", "target_column", "algorithm", "hyperparams"],
    "get_predictions": ["model", "data", "target_column"],
    "evaluate_model": ["model", "data", "target_column"],
    "rank_experiments": ["results_json"],
}
# program, line, what the sentence must name
MISUSES = {
    "unknown estimator": ("train_model(data, target_column, 'lightgbn')", 1, ["lightgbn", "lightgbm", "allowed"]),
    "unknown parameter": ("train_model(data, target_column, 'ridge_', {})", 1, ["ridge_", "allowed"]),
    "misspelt parameter": (
        "train_model(data, target_column, 'random_forest', {'n_estimator': 5})", 1, ["n_estimator", "n_estimators"],
    ),
    "out of range": (
        "x = 1\ntrain_model(data, target_column, 'random_forest', {'n_estimators': -3})", 2,
        ["expected", "-3", "allowed"],
    ),
    "wrong type": (
        "train_model(data, target_column, 'random_forest', {'n_estimators': 'many'})", 1, ["expected", "many"],
    ),
    "parameters as text": ("train_model(data, target_column, 'random_forest', 'fast')", 1, ["dictionary", "fast"]),
    "target without a name": (
        "train_model(data, target_column, 'svm', target_transform={'column': 'mode'})", 1, ["target_transform", "name"],
    ),
    "estimator of another task": ("train_model(data, target_column, 'lasso')", 1, ["lasso", "binary", "regression"]),
    "not a target": ("x = 0\n\nevaluate_model(data, data, 'mode')", 3, ["target_column", "'failure'", "'mode'"]),
    "data for a model": ("evaluate_model(data, data, target_column)", 1, ["model", "data_1"]),
    "model for data": (
        "m = train_model(data, target_column, 'decision_tree')\ntrain_model(m, target_column, 'decision_tree')", 2,
        ["data"],
    ),
    "forged handle": ("evaluate_model('model_7', data, target_column)", 1, ["model_7", "data_1"]),
    "number as handle": ("profile_dataset(7, target_column)", 1, ["7"]),
    "list as handle": ("profile_dataset([data], target_column)", 1, ["data"]),
    "missing argument": ("train_model(data)", 1, ["target_column", "algorithm", "expected"]),
    "unknown argument": ("train_model(data, target_column, algo='x')", 1, ["algo", "algorithm"]),
    "too many arguments": ("profile_dataset(data, target_column, 1)", 1, ["too many", "expected"]),
    "split too large": ("split_dataset(data, target_column, 1.5)", 1, ["test_size", "1.5"]),
    "split of no kind": ("split_dataset(data, target_column, 0.2, '', 'valid')", 1, ["valid", "train"]),
    "split by no column": ("split_dataset(data, target_column, 0.2, 'when')", 1, ["when", "timestamp"]),
    "exploration of no kind": ("explore_dataset(data, {'head': 5})", 1, ["head", "group_stats"]),
    "exploration as text": ("explore_dataset(data, 'everything')", 1, ["dictionary", "group_stats"]),
    "engineering an unknown column": (
        "engineer_features(data, {'rolling_columns': ['vibratoin']})", 1, ["vibratoin", "vibration"],
    ),
    "engineering with an unknown key": ("engineer_features(data, {'window': [3]})", 1, ["window", "windows"]),
    "window of one row": (
        "engineer_features(data, {'rolling_columns': ['vibration'], 'windows': [1]})", 1, ["windows", "2"],
    ),
    "selection of no kind": ("select_features(data, target_column, {'method': 'best'})", 1, ["best", "mutual_info"]),
    "resampling too much": ("resample_dataset(data, target_column, {'target_ratio': 2})", 1, ["target_ratio", "2"]),
    "resampling of no kind": ("resample_dataset(data, target_column, {'strategy': 'more'})", 1, ["more", "smote"]),
    "transform of no kind": ("transform_dataset(data, 'interaction')", 1, ["interaction", "interactions"]),
    "view of no kind": ("prepare_dataset(data, 'tree')", 1, ["tree", "trees"]),
    "one model in an ensemble": ("ensemble_models([data])", 1, ["two to twenty"]),
    "weights of another length": (
        "m = train_model(data, target_column, 'decision_tree')\nensemble_models([m, m], [1.0])", 2,
        ["one weight a model"],
    ),
    "calibration of no kind": (
        "m = train_model(data, target_column, 'decision_tree')\ncalibrate_model(m, 'isotone')", 2,
        ["isotone", "isotonic"],
    ),
    "threshold for no figure": (
        "m = train_model(data, target_column, 'decision_tree')\nchoose_threshold(m, 'f2')", 2, ["f2", "f1"],
    ),
    "too many trials": ("tune_model(data, target_column, 'decision_tree', 10000)", 1, ["trials", "10000"]),
    "nothing to tune": ("tune_model(data, target_column, 'baseline_prior')", 1, ["nothing to tune"]),
    "ranking no JSON": ("rank_experiments('a, b')", 1, ["JSON"]),
    "ranking nothing": ("rank_experiments('[]')", 1, ["list of objects"]),
}  # fmt: skip


def test_the_ten_tools_keep_their_names_and_their_arguments_in_order():
    for name, arguments in TEN.items():
        assert list(all_tools()[name].signature.parameters)[: len(arguments)] == arguments
    for tool in all_tools().values():
        assert tool.doc and "Args:" in tool.doc


@pytest.mark.parametrize("case", MISUSES)
def test_a_misuse_is_told_with_its_line(case, program):
    source, line, named = MISUSES[case]
    with pytest.raises(ProgramError) as caught:
        program(source)
    text = str(caught.value)
    assert caught.value.line == line, text
    assert "\n" not in text and len(text) < 3_000
    for part in named:
        assert part in text, text


def test_a_handle_of_another_program_is_worth_nothing(program):
    handle = program("train_model(data, target_column, 'decision_tree')")
    with pytest.raises(ProgramError, match="holds no model"):
        program(f"evaluate_model({handle!r}, data, target_column)")


def test_nothing_that_belongs_to_one_row_comes_out(program):
    columns = ["card", "mail", "town", "remark", "serial", "amount", "visits", "seen", "left"]
    answer = program(
        f"""
columns = {columns}
profile = profile_dataset(data, target_column)
answers = explore_dataset(data, {{
    "class_distributions": columns,
    "correlation_matrix": True,
    "outlier_summary": columns,
}})
groups = [
    explore_dataset(data, {{
        "group_stats": {{"group_column": column, "target_column": target_column}},
        "temporal_trend": {{"time_column": column, "target_column": target_column, "freq": "W"}},
        "feature_target_corr_by_group": {{"group_column": column, "target_column": target_column}},
    }})
    for column in columns
]
[profile, answers, groups]
""",
        frame="customers",
        target="left",
    )
    told = json.dumps(answer)
    for column, value in CANARIES.items():
        assert value not in told, f"a value of {column} came out"
    assert "1911" not in told, "a date that belongs to one row came out"
    assert answer[0]["sample"] == []
    assert "town" in answer[1]["class_distributions"]
    assert answer[1]["class_distributions"]["town"].keys() <= {"Ulm", "Bonn", "Kiel", "(other)"}
    assert answer[1]["outlier_summary"]["amount"].keys() == {"p1", "p99", "outlier_frac_3std", "mean", "std"}
    extremes = [answer[0]["numeric_stats"]["amount"][k] for k in ("min", "max")]
    extremes += [answer[1]["outlier_summary"]["amount"][k] for k in ("p1", "p99")]
    assert all(x is None or x < 1_000 for x in extremes)
    assert extremes[2:] == [None, None], "too few rows lie beyond the outer quantiles"
