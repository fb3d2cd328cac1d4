"""Finished runs that many tests look at, and the command line in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from run_samples import PLAIN, command, customers, messy_text, once


@pytest.fixture
def call(monkeypatch, capsys, tmp_path) -> Callable[..., SimpleNamespace]:
    """The command line in this process: for everything that doesn't count time."""
    from modelwright import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def go(*args: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["modelwright", *map(str, args)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        shown = capsys.readouterr()
        return SimpleNamespace(code=code, out=shown.out, err=shown.err)

    return go


@pytest.fixture(scope="session")
def messy(tmp_path_factory) -> SimpleNamespace:
    """The main job on a messy file, run once: its folder, the file, and what was said."""

    def make(home: Path) -> None:
        (home / "messy.csv").write_text(messy_text(), encoding="utf-8")
        said = command(
            "run", "messy.csv", "--problem", "Will the customer leave (left)?", "--max-experiments", 4, "--yes",
            "--time-budget", "10m", "--out", "run", cwd=home,
        )  # fmt: skip
        (home / "said.json").write_text(json.dumps(vars(said)), encoding="utf-8")

    home = once(tmp_path_factory, "messy", make)
    said = json.loads((home / "said.json").read_text("utf-8"))
    return SimpleNamespace(home=home, run=home / "run", data=home / "messy.csv", **said)


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> SimpleNamespace:
    """An uninterrupted run on clean data: what interrupted ones are compared with."""

    def make(home: Path) -> None:
        customers().to_csv(home / "plain.csv", index=False)
        said = command("run", "plain.csv", *PLAIN, "--max-experiments", 4, "--json", "--out", "run", cwd=home)
        (home / "said.json").write_text(json.dumps(vars(said)), encoding="utf-8")

    home = once(tmp_path_factory, "plain", make)
    said = json.loads((home / "said.json").read_text("utf-8"))
    return SimpleNamespace(home=home, run=home / "run", data=home / "plain.csv", **said)


@pytest.fixture(scope="session")
def classes(tmp_path_factory) -> SimpleNamespace:
    """Three classes, from Parquet, by a metric of the user's; the worker of the fourth experiment is made to die."""

    def make(home: Path) -> None:
        rng = np.random.default_rng(2)
        n = 330
        kind = rng.choice(["oak", "elm", "ash"], n)
        frame = pd.DataFrame(
            {
                "height": rng.normal(size=n) + 2.0 * (kind == "oak"),
                "width": rng.normal(size=n) + 2.0 * (kind == "elm"),
                "bark": pd.Categorical(rng.choice(["rough", "smooth"], n)),
                "kind": kind,
            }
        )
        frame.to_parquet(home / "trees.parquet")
        said = command(
            "run", "trees.parquet", "--problem", "What kind of tree is it?", "--target", "kind", "--metric", "accuracy",
            "--max-experiments", 4, "--time-budget", "10m", "--inject-failure", "crash", "--out", "run", cwd=home,
        )  # fmt: skip
        (home / "said.json").write_text(json.dumps(vars(said)), encoding="utf-8")

    home = once(tmp_path_factory, "classes", make)
    said = json.loads((home / "said.json").read_text("utf-8"))
    return SimpleNamespace(home=home, run=home / "run", data=home / "trees.parquet", **said)
