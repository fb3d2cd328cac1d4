"""The terminal's view of a profile."""

from __future__ import annotations

import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from modelwright.profiling import profile
from modelwright.report.profile_view import number, render
from modelwright.table import Field, Schema

NASTY = (
    "[red]not markup[/red]", "tab\tand\nnewline", "\x1b[31mescape\x1b[0m", "'; DROP TABLE x; --", "emoji 🎈 name",
    "x" * 500, "\u202eright to left", "[/]", "a\x00b", "",
)  # fmt: skip


def shown(frame: pd.DataFrame, schema: Schema, target: str | None, width: int, color: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=color, color_system="standard" if color else None, legacy_windows=False
    )
    console.print(render(profile(frame, schema, target), schema))
    return stream.getvalue()


def hostile() -> tuple[pd.DataFrame, Schema]:
    rng = np.random.default_rng(0)
    data = {name: pd.Categorical([NASTY[i] or "blank" for i in rng.integers(0, len(NASTY), 300)]) for name in NASTY[:9]}
    data["plain"] = rng.normal(size=300)
    fields = [Field(name, "category", reason=name, personal=name if i == 0 else "") for i, name in enumerate(NASTY[:9])]
    return pd.DataFrame(data), Schema((*fields, Field("plain", "numeric")))


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("target", [None, "plain", NASTY[2]])
def test_hostile_names_and_levels_are_shown_harmlessly(width: int, target: str | None) -> None:
    frame, schema = hostile()
    text = shown(frame, schema, target, width)
    assert all(unicodedata.category(c) not in ("Cc", "Cf") for c in text if c != "\n")
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "[red]" in text, "markup is text"
    coloured = shown(frame, schema, target, width, color=True)
    assert "\x1b[31mescape" not in coloured


def test_one_line_a_column_with_what_is_known_of_it() -> None:
    rng = np.random.default_rng(1)
    n = 1_500
    frame = pd.DataFrame(
        {
            "amount": np.where(rng.random(n) < 0.25, np.nan, rng.exponential(100, n)),
            "kind": pd.Categorical(np.array(["red", "green"])[(rng.random(n) < 0.8).astype(int)]),
            "day": pd.date_range("2022-01-01", periods=n, freq="15min", unit="us"),
            "mail": pd.Categorical([f"a{i}@b.org" for i in range(n)]),
        }
    )
    mail = Field("mail", "category", personal="e-mail")
    schema = Schema((Field("amount", "numeric"), Field("kind", "category"), Field("day", "datetime"), mail))
    text = shown(frame, schema, "kind", 80)
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "1,500 rows" in text and "4 columns" in text
    assert "25%" in lines["amount"] or "24%" in lines["amount"] or "26%" in lines["amount"]
    assert "█" in lines["amount"]
    assert "green 8" in lines["kind"] and "target" in lines["kind"]
    assert "2022-01-01 → 2022-01-16" in lines["day"]
    assert "not shown (e-mail)" in lines["mail"] and "@" not in text
    assert "fewer than 10 rows" in text


def test_shares_are_of_all_known_rows_also_when_rare_levels_are_held_back() -> None:
    frame = pd.DataFrame({"a": pd.Categorical(["big"] * 50 + [f"rare{i}" for i in range(40)] + [None] * 10)})
    text = shown(frame, Schema((Field("a", "category"),)), None, 80)
    assert "big 56% +40" in text and "rare1" not in text


def test_nothing_to_show_is_shown_as_such() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series(["x y", "z"], dtype="str")})
    text = shown(frame, Schema((Field("a", "numeric"), Field("b", "text"))), "a", 80)
    assert "too few rows to show" in text and "2 rows" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1999, "1999"),
        (12345.6, "12,346"),
        (0.01234, "0.0123"),
        (4.5e6, "4.5M"),
        (1.2e-7, "1.2e-07"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
