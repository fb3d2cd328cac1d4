"""The command that plays faults."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from durability_samples import MANY

from modelwright import drilling
from modelwright.cli import cli
from modelwright.drills import PLAYS
from modelwright.request import INJECTIONS

QUICK = ("processes", "artefact", "log")


def drill(*args: str) -> tuple[int, str]:
    ended = CliRunner().invoke(cli, ["drill", *args])
    return ended.exit_code, ended.output


@pytest.mark.parametrize("kind", drilling.DRILLS if MANY else QUICK)
def test_the_fault_is_survived(kind):
    code, out = drill("--only", kind, "--json")
    (ended,) = map(json.loads, out.splitlines())
    assert (code, ended["kind"], ended["survived"]) == (0, kind, True), ended
    assert ended["what"] and ended["seconds"] > 0


def test_what_is_not_survived_is_said(monkeypatch):
    def gives_in(home):
        raise drilling.NotSurvivedError("it gave in")

    def has_a_defect(home):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(drilling, "DRILLS", {"a": ("one", gives_in), "b": ("two", has_a_defect), "c": ("three", str)})
    code, out = drill()
    assert code == 1
    assert "it gave in" in out and "ZeroDivisionError" in out
    assert "1 of 3 survived; not: a, b" in out
    code, out = drill("--only", "nothing of the kind")
    assert code != 0
    assert drill("--list")[1].split() == ["a", "one", "b", "two", "c", "three"]


def test_every_injection_can_be_played():
    assert {*PLAYS, "invalid-estimator"} == set(INJECTIONS)
