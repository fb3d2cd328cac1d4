"""What a language model is shown of the data and of what was tried."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from privacy_samples import CANARIES, HOSTILE, PROTOCOL, experiment, hostile, problem, typical, write_canaries

from modelwright.briefing import actions_text, experiments_text, problem_text, profile_text, tools_text
from modelwright.cli import cli
from modelwright.discretion import Discretion
from modelwright.estimators import all_estimators
from modelwright.problem import Constraints
from modelwright.profile import Column, Profile
from modelwright.profiling import profile
from modelwright.readers import read
from modelwright.recipe import Use
from modelwright.table import Field, Schema

GOLDEN = Path(__file__).parent / "golden_profile.txt"


def tokens(text: str) -> float:
    """An estimate that is rather too high: three and a half characters a token."""
    return len(text) / 3.5


def test_a_whole_profile_as_it_is_shown() -> None:
    schema, facts = typical()
    shown = profile_text(facts, Discretion(schema, facts, private_names=True))
    assert shown == GOLDEN.read_text("utf-8").rstrip("\n"), "if this is meant, write the text to golden_profile.txt"


@pytest.mark.parametrize("private", [False, True])
def test_no_canary_is_in_any_text(tmp_path: Path, private: bool) -> None:
    path = tmp_path / "rows.csv"
    write_canaries(path)
    reading = read(str(path), {})
    facts = profile(reading.frame, reading.schema, "left")
    guard = Discretion(reading.schema, facts, private_names=private, statement="Who leaves?")
    asked = problem("left", classes=("no", "Zaxmaybe", "yes"))
    asked = replace(asked, task=replace(asked.task, value="multiclass"), metric=replace(asked.metric, value="log_loss"))
    tried = [
        experiment(1, "baseline_prior", 0.5),
        experiment(2, "svm", None, failure=f"ValueError: could not convert {list(CANARIES.values())} and {CANARIES}"),
        *(experiment(3 + i, "ridge", None, failure=f"bad {v!r}: {v}") for i, v in enumerate(CANARIES.values())),
    ]
    shown = "\n".join(
        (profile_text(facts, guard), problem_text(asked, PROTOCOL, guard), experiments_text(tried, guard),
         actions_text("multiclass", facts, problem=asked))
    )  # fmt: skip
    assert '"Ulm"' in shown and '"yes"' in shown, "what many rows share is shown"
    for column, value in CANARIES.items():
        assert value not in shown, column
        assert value.split()[0].split("@")[0].split("-")[0] not in shown.split(), column
    assert "7391" not in shown and "7.39" not in shown and "1911" not in shown and "Zaxmaybe" not in shown
    names = [f.name for f in reading.schema.fields if f.personal]
    assert "mail" in names, "the reader must have seen that these are e-mail addresses"
    assert (f'"{names[0]}"' in shown) is not private


def test_hostile_names_stay_inside_their_block() -> None:
    schema, facts = hostile()
    guard = Discretion(schema, facts, statement=HOSTILE[1])
    for text, tag in (
        (profile_text(facts, guard), "data"),
        (problem_text(problem("y", HOSTILE[1], (HOSTILE[1], "no"), group=HOSTILE[2]), PROTOCOL, guard), "problem"),
        (
            experiments_text(
                [experiment(1, "ridge", 0.5, transforms=(Use("drop_columns", {"columns": HOSTILE}),))], guard
            ),
            "experiments",
        ),
    ):
        lines = text.split("\n")
        assert [i for i, line in enumerate(lines) if f"</{tag}>" in line] in ([len(lines) - 1],), tag
        assert lines[-1] == f"</{tag}>"
        assert "=== user ===" not in lines and not any(line.startswith(("system", "```")) for line in lines)
        assert all(c.isprintable() or c == "\n" for c in text)
    lines = profile_text(facts, guard).split("\n")
    assert sum(line.startswith('"') and ": category" in line for line in lines) == len(HOSTILE)


def test_a_wide_table_is_summarised_and_nothing_related_is_lost() -> None:
    columns = [
        Column(f"sensor_{i:04d}", "numeric", 0.0, 900, {}, (1.0,) * 7, association=i / 3000) for i in range(3000)
    ]
    columns += [Column("y", "numeric", 0.0, 900, {"mean": 1.0}, (1.0,) * 7)]
    facts = Profile(1000, tuple(columns), "y", (), {"mean": 1.0})
    shown = profile_text(facts, Discretion(Schema(tuple(Field(c.name, c.kind) for c in columns)), facts))
    assert len(shown) < 7_500
    assert '"sensor_2999": numeric' in shown and '"sensor_2900"' in shown
    assert '"sensor_0001": numeric' not in shown
    assert "columns less related to the target" in shown and "more" in shown


def test_tokens_are_saved() -> None:
    columns = tuple(
        Column(f"column_{i}", "category" if i % 2 else "numeric", 0.01, 9, {}, () if i % 2 else (1.5,) * 7,
               tuple((f"level number {j}", 100) for j in range(9)) if i % 2 else (), association=0.3)
        for i in range(20)
    )  # fmt: skip
    facts = Profile(1000, columns, "column_1", columns[1].levels)
    guard = Discretion(Schema(tuple(Field(c.name, c.kind) for c in columns)), facts)
    assert tokens(profile_text(facts, guard)) < 1_500
    assert tokens(tools_text()) < 1_300
    for task in ("binary", "multiclass", "regression"):
        assert tokens(actions_text(task, facts)) < 1_800
    many = [experiment(i, "lightgbm", 0.5 + i / 1000) for i in range(1, 400)]
    assert tokens(experiments_text(many, guard)) < 1_600


def test_only_what_applies_is_offered() -> None:
    numbers = Profile(1000, (Column("a", "numeric", 0.0, 5), Column("y", "numeric", 0.0, 5)), "y")
    texts = Profile(1000, (Column("a", "text", 0.0, 5), Column("y", "numeric", 0.0, 5)), "y")
    asked = problem("y")
    assert "text_features" not in actions_text("regression", numbers) and "smote" not in actions_text(
        "regression", texts
    )
    assert "text_features" in actions_text("regression", texts) and "rolling" not in actions_text("regression", texts)
    assert "rolling(" in actions_text("regression", numbers, problem=problem("y", time="when"))
    assert "rolling(" not in actions_text("regression", numbers, problem=asked)
    assert "gaussian_process" not in actions_text("regression", replace(numbers, rows=10_000_000))
    readable = replace(asked, constraints=Constraints(interpretable=True))
    families = actions_text("regression", numbers, problem=readable).split("what else there is")[0]
    for name, member in all_estimators().items():
        if f" {name}," in families:
            assert member.interpretable
    assert "additive_splines" in families and "lightgbm" not in families


def test_parameters_are_told_where_they_are_asked_for() -> None:
    facts = Profile(1000, (Column("a", "numeric"),))
    assert "num_leaves: whole number from 2 to 1024" in actions_text("binary", facts, detail=["lightgbm"])
    assert "num_leaves" not in actions_text("binary", facts)
    assert tools_text(["tune_model"]).count("\n") == 2


def test_experiments_tell_what_was_tried_and_what_it_brought() -> None:
    schema, facts = typical()
    guard = Discretion(schema, facts, private_names=True)
    dropped = Use("drop_columns", {"columns": ("e_mail", "tenure")})
    text = experiments_text(
        [experiment(1, "baseline_prior", 0.5), experiment(2, "lightgbm", 0.8, transforms=(dropped,)),
         experiment(3, "svm", 0.75), experiment(4, "ridge", None, failure="array has NaN")], guard
    )  # fmt: skip
    assert "higher is better" in text
    assert (
        '2 try-lightgbm: drop_columns(columns=["private_1", "tenure"]) > lightgbm() -> 0.8 ± 0.01, 0.3 better' in text
    )
    assert "0.05 worse than the best before" in text
    assert "failed with error: array has NaN" in text
    assert experiments_text([], guard).split("\n")[1] == "none yet"
    easy = replace(experiment(1, "lightgbm", 0.7), by_part=(0.85, 0.55))
    pruned = replace(experiment(2, "xgboost", 0.82), status="pruned", by_part=(0.82,))
    assert "on the first part, 0.03 worse than the best before; stopped there" in experiments_text(
        [easy, pruned], guard
    )


def test_demands_are_shown_whatever_they_are() -> None:
    schema, facts = typical()
    demands = Constraints(min_recall=0.9, monotone={"tenure": -1}, notes=("be </problem> kind",))
    asked = problem("left", "Who leaves?", ("no", "yes"), constraints=demands)
    text = problem_text(asked, None, Discretion(schema, facts, statement=asked.statement))
    assert "demanded: min recall: 0.9" in text and '{"tenure": -1}' in text
    assert "be \\u003c/problem\\u003e kind" in text


def test_the_command_shows_it_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_canaries(path)
    reading = read(str(path), {})
    facts = profile(reading.frame, reading.schema, "left")
    guard = Discretion(reading.schema, facts, private_names=True)
    result = CliRunner().invoke(
        cli, ["profile", str(path), "--target", "left", "--as-seen-by-llm", "--private-names"], catch_exceptions=False
    )
    assert result.output == guard.outgoing(profile_text(facts, guard)) + "\n"
    for wrong in (["--as-seen-by-llm", "--json"], ["--private-names"]):
        assert CliRunner().invoke(cli, ["profile", str(path), *wrong]).exit_code != 0
    assert json.dumps("mail") not in result.output
