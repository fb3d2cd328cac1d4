from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelwright.errors import MissingExtra, RequestError
from modelwright.llms import all_providers
from modelwright.llms.connect import connect


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "MODELWRIGHT_LLM_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_who_there_is() -> None:
    assert set(all_providers()) == {"openai", "openai-compatible", "anthropic", "google", "local"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("antropic:claude", "did you mean anthropic:claude"),
        ("gpt-5", "use one of openai:MODEL"),
        ("", "use one of"),
        ("openai", "which model of openai"),
        ("openai: ", "which model of openai"),
        ("openai:gpt-5", "OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-5", "ANTHROPIC_API_KEY"),
        ("google:gemini-3-flash", "GEMINI_API_KEY"),
        ("http://user:secret@host/v1#m", "keys belong into the environment"),
        ("http://host/v1?key=secret#m", "keys belong into the environment"),
        ("https://", "is no URL"),
        ("http://host:99999/v1", "is no URL"),
        ("openai-compatible:ftp://host", "is no URL"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(name: str, said: str) -> None:
    pytest.importorskip("pydantic_ai")
    with pytest.raises(RequestError, match=said) as caught:
        connect(name)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_that_holds_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydantic_ai")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://me:secret@host/v1")
    with pytest.raises(RequestError, match="OPENAI_BASE_URL holds"):
        connect("openai:gpt-5")


def test_a_title_is_the_same_when_the_port_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of a run is found again by it."""
    pytest.importorskip("pydantic_ai")
    titles = {connect(f"http://localhost:{port}/v1#qwen3").title for port in (8000, 8001)}
    assert titles == {"openai-compatible:qwen3@localhost"}
    assert connect("https://llm.example.org/v1").title == "openai-compatible:default@llm.example.org"


@pytest.mark.parametrize("name", ["openai:m", "anthropic:m", "google:m", "http://localhost/v1"])
def test_a_missing_library_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(module: str, *args: Any, **more: Any) -> Any:
        if module.split(".")[0] == "pydantic_ai":
            raise ImportError(module)
        return real(module, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtra, match=r"modelwright\[llm\]"):
        connect(name)


def test_local_models_need_their_own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydantic_ai")
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr("modelwright.llms.local.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"modelwright\[local-llm\]"):
        connect(f"local:{tmp_path}/m.gguf")


def test_nothing_heavy_is_imported_before_somebody_connects() -> None:
    code = """
import sys
import modelwright.llms.connect, modelwright.llms.gateway, modelwright.llms.doubles
from modelwright.llms import all_providers
all_providers()
heavy = {"pydantic_ai", "openai", "anthropic", "google.genai", "httpx2", "xllamacpp", "numpy", "genai_prices"}
print(sorted(heavy & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
