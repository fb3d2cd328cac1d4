from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pydantic_ai")

from modelwright.llms import Ask, Message, Provider, all_providers
from modelwright.llms.connect import connect
from modelwright.llms.doubles import RandomlyValid, Scripted
from modelwright.testing.provider_server import ProviderServer, Said
from modelwright.testing.providers import KEY, NetworkProviderContract, ProviderContract


class TestRandomlyValid(ProviderContract):
    def make(self, folder: Path) -> Provider:
        return RandomlyValid(7)


class TestScripted(ProviderContract):
    def make(self, folder: Path) -> Provider:
        return Scripted(lambda ask: {"title": "t", "level": 3, "reasons": []} if ask.schema else "Hello.")


class TestOpenAICompatible(NetworkProviderContract):
    def connect(self, server: ProviderServer) -> Provider:
        self.monkeypatch.setenv("MODELWRIGHT_LLM_KEY", KEY)
        return connect(f"{server.url}#some-model")


class TestOpenAIItself(NetworkProviderContract):
    def connect(self, server: ProviderServer) -> Provider:
        self.monkeypatch.setenv("OPENAI_API_KEY", KEY)
        self.monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        provider = all_providers()["openai"]("gpt-5-mini")
        self.monkeypatch.setattr(provider, "own", True)
        return provider

    def test_nothing_is_stored_there(self, provider: Provider) -> None:
        provider.complete(Ask("x", (Message("user", "Hello."),)), 20.0)
        asked = self.server.asked[0]
        assert (asked.dialect, asked.body["store"]) == ("responses", False)

    def test_searching(self, provider: Provider) -> None:
        reply = provider.complete(Ask("x", (Message("user", "Hello."),), {"type": "object"}, search=True), 20.0)
        assert {t["type"] for t in self.server.asked[0].body["tools"]} == {"web_search", "function"}
        assert reply.structured
        quiet, searching = (provider.most_cost(Ask("x", (), max_tokens=9, search=s)) for s in (False, True))
        assert quiet is not None and searching is not None and quiet < 0.05 <= searching

    def test_costs(self, provider: Provider) -> None:
        self.server.behaviours = [Said("Hello.", tokens=(1_000_000, 0))]
        reply = provider.complete(Ask("x", (Message("user", "Hello."),)), 20.0)
        assert provider.price(1_000_000, 0) == pytest.approx(0.25)
        assert reply.cost_usd == provider.price(1_000_000, reply.output_tokens)


class TestAnthropic(NetworkProviderContract):
    def connect(self, server: ProviderServer) -> Provider:
        self.monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        self.monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        return connect("anthropic:claude-sonnet-4-5")

    def test_searching(self, provider: Provider) -> None:
        provider.complete(Ask("x", (Message("user", "Hello."),), {"type": "object"}, search=True), 20.0)
        assert {t["name"] for t in self.server.asked[0].body["tools"]} == {"web_search", "answer"}

    def test_a_model_that_thinks_is_made_to_answer(self, provider: Provider) -> None:
        provider.complete(Ask("x", (Message("user", "Hello."),), {"type": "object"}), 20.0)
        assert self.server.asked[0].body["tool_choice"]["type"] == "any"


class TestGoogle(NetworkProviderContract):
    def connect(self, server: ProviderServer) -> Provider:
        self.monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
        self.monkeypatch.setenv("GEMINI_API_KEY", KEY)
        self.monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.root)
        return connect("google:gemini-2.5-flash")

    def test_a_model_that_cannot_search_and_answer_answers(self, provider: Provider) -> None:
        ask = Ask("x", (Message("user", "Hello."),), {"type": "object"}, search=True)
        assert provider.complete(ask, 20.0).structured
        assert len(self.server.asked) == 1


def test_the_first_call_by_the_right_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = (("other", '{"a": 0}'), ("answer", '{"a": 1}'), ("answer", '{"a": 2}'))
    with ProviderServer(Said(calls=calls)) as server:
        provider = connect(f"{server.url}#m")
        reply = provider.complete(Ask("x", (Message("user", "Hello."),), {"type": "object"}), 20.0)
        provider.close()
    assert (reply.text, reply.structured) == ('{"a": 1}', True)


def test_openai_elsewhere_is_asked_by_chat_and_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with ProviderServer() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        provider = connect("openai:gpt-5-mini")
        reply = provider.complete(Ask("x", (Message("user", "Hello."),), max_tokens=77), 20.0)
        provider.close()
    assert (provider.title, reply.cost_usd) == ("openai:gpt-5-mini@127.0.0.1", None)
    assert (server.asked[0].dialect, server.asked[0].headers["authorization"]) == ("chat", f"Bearer {KEY}")
    assert server.asked[0].body["max_tokens"] >= 77


def test_a_server_on_this_machine_is_not_looked_for_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ProviderServer() as server:
        provider = connect(f"{server.url}#m")
        assert provider.complete(Ask("x", (Message("user", "Hello."),)), 20.0).text == "OK"
        provider.close()


def test_openais_key_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("MODELWRIGHT_LLM_KEY", raising=False)
    with ProviderServer() as server:
        provider = connect(f"{server.url}#m")
        provider.complete(Ask("x", (Message("user", "Hello."),)), 20.0)
        provider.close()
    assert KEY not in str(server.asked[0].headers)


def test_odd_counts_are_estimated() -> None:
    with ProviderServer(Said("Hello, world.", tokens=(-5, 10**12))) as server:
        provider = connect(f"{server.url}#m")
        reply = provider.complete(Ask("x", (Message("user", "Hello there."),)), 20.0)
        provider.close()
    assert 1 <= reply.input_tokens <= 12
    assert 1 <= reply.output_tokens <= 13
