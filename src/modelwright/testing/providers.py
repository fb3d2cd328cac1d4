"""What every provider of language models must do: subclass :class:`ProviderContract`.

One that is reached over a network can be tried against all bad days: subclass :class:`NetworkProviderContract`.
"""

# ruff: noqa: D102  the names of the tests say what they are for

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel, Field

from modelwright.hashing import plain, restore
from modelwright.llms import (
    Ask,
    Busy,
    Lost,
    Message,
    NotAuthorised,
    NotUnderstood,
    Provider,
    ProviderError,
    Reply,
)
from modelwright.testing.provider_server import MOODS, ProviderServer

KEY = "sk-this-must-never-be-shown"
"""What the environment holds for a key during the tests of network providers."""


class Advice(BaseModel):
    """What the contract asks for in a structured way."""

    title: str = Field(max_length=30)
    level: int = Field(ge=1, le=5)
    reasons: list[str] = Field(max_length=3)


WORDS = (Message("system", "You are brief."), Message("user", "Say something."))


def asking(text: str = "Say something.", structured: bool = False, max_tokens: int = 600) -> Ask:
    """A request for text, or for :class:`Advice`."""
    schema = Advice.model_json_schema() if structured else None
    return Ask("contract", (WORDS[0], Message("user", text)), schema, max_tokens)


class ProviderContract:
    """A request gets a reply or a :class:`~modelwright.llms.ProviderError`, and nothing else. Set :meth:`make`."""

    seconds = 30.0
    """For one request."""

    def make(self, folder: Path) -> Provider:
        """Make the provider under test; ``folder`` is empty and its own."""
        raise NotImplementedError

    @pytest.fixture
    def provider(self, tmp_path: Path) -> Iterator[Provider]:
        """A provider that is closed after the test."""
        provider = self.make(tmp_path)
        yield provider
        provider.close()

    def check(self, reply: Reply, provider: Provider) -> None:
        """What is true of every reply."""
        assert reply.model == provider.title
        assert min(reply.input_tokens, reply.output_tokens) >= 0
        assert reply.cost_usd is None or reply.cost_usd >= 0
        assert not reply.reused
        assert restore(Reply, json.loads(json.dumps(plain(reply)))) == reply

    def test_text(self, provider: Provider) -> None:
        reply = provider.complete(asking(), self.seconds)
        self.check(reply, provider)
        assert not reply.structured

    def test_structured(self, provider: Provider) -> None:
        reply = provider.complete(asking(structured=True), self.seconds)
        self.check(reply, provider)
        assert reply.structured
        Advice.model_validate_json(reply.text)

    def test_a_conversation(self, provider: Provider) -> None:
        said = (*WORDS, Message("assistant", "{}"), Message("user", "Again, please."))
        self.check(provider.complete(Ask("contract", said, max_tokens=50), self.seconds), provider)

    @pytest.mark.parametrize("text", ["", "\x00\x07", "naïve 🙂 表 \u202e", "<|im_end|></s>[INST]", "word " * 400])
    def test_any_text(self, provider: Provider, text: str) -> None:
        try:
            self.check(provider.complete(asking(text, max_tokens=20), self.seconds), provider)
        except ProviderError:
            return

    @pytest.mark.parametrize("schema", [{"not": {}}, {"type": "string", "pattern": "(?=a)b"}, {"$ref": "#/nowhere"}])
    def test_a_schema_that_nobody_can_follow(self, provider: Provider, schema: dict[str, object]) -> None:
        try:
            self.check(provider.complete(Ask("contract", WORDS, schema, 50), self.seconds), provider)
        except ProviderError:
            return

    def test_several_at_a_time(self, provider: Provider) -> None:
        replies: list[Reply] = []

        def work(n: int) -> None:
            replies.append(provider.complete(asking(f"Say {n}.", structured=True), self.seconds))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(replies) == 4
        for reply in replies:
            self.check(reply, provider)

    def test_no_time(self, provider: Provider) -> None:
        try:
            self.check(provider.complete(asking(), 0.0), provider)
        except ProviderError as error:
            assert error.retryable

    def test_closing_is_not_the_end(self, provider: Provider) -> None:
        provider.close()
        provider.complete(asking(), self.seconds)
        provider.close()
        provider.close()
        provider.complete(asking("Say more."), self.seconds)

    def test_prices(self, provider: Provider) -> None:
        few, many = provider.price(10, 10), provider.price(1_000, 1_000)
        assert (few is None) == (many is None)
        assert few is None or many is None or 0 <= few <= many

    def test_the_most_that_a_request_can_take(self, provider: Provider) -> None:
        short, long = provider.most_tokens(asking()), provider.most_tokens(asking("word " * 100, True, 900))
        assert 0 < short[0] < long[0]
        assert 600 <= short[1] < long[1]


class NetworkProviderContract(ProviderContract):
    """Whatever comes over the network is a reply or an error in our words. Set :meth:`connect`."""

    @pytest.fixture(autouse=True)
    def network(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """The environment is the test's own, and a server that behaves is there."""
        self.monkeypatch = monkeypatch
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        with ProviderServer("valid") as self.server:
            yield

    def connect(self, server: ProviderServer) -> Provider:
        """The provider, connected to a server, with :data:`KEY` for a key; ``self.monkeypatch`` is at hand."""
        raise NotImplementedError

    def make(self, folder: Path) -> Provider:
        """Connected to a server that behaves."""
        return self.connect(self.server)

    expected: ClassVar[dict[str, type[ProviderError]]] = {
        "enormous": Lost,
        "compressed": Lost,
        "not_json": Lost,
        "redirect": NotUnderstood,
        "unauthorised": NotAuthorised,
        "not_found": NotUnderstood,
        "too_long": NotUnderstood,
        "rate_limited": Busy,
        "rate_limited_until": Busy,
        "failing": ProviderError,
        "overloaded": ProviderError,
        "hanging": Lost,
        "dropping": Lost,
        "cut_off": Lost,
        "dripping": Lost,
    }
    """The errors of moods that can't end in a reply."""

    @pytest.mark.parametrize("mood", MOODS)
    def test_bad_days(self, mood: str) -> None:
        self.try_out(mood, structured=True)

    @pytest.mark.parametrize("mood", ["prose", "truncated", "empty", "nothing", "refusal", "other_call", "two_calls"])
    def test_bad_days_in_words(self, mood: str) -> None:
        self.try_out(mood, structured=False)

    def try_out(self, mood: str, structured: bool) -> None:
        """Ask a server in a mood, once."""
        seconds = 0.4 if mood in ("hanging", "dripping") else self.seconds
        with ProviderServer(mood) as server:
            provider = self.connect(server)
            try:
                self.check(provider.complete(asking(structured=structured), seconds), provider)
                assert mood not in self.expected
            except ProviderError as error:
                assert type(error) is self.expected.get(mood, type(error))
                assert "secret-detail" not in f"{error}{error.__cause__}"
                assert KEY not in f"{error!r}{error.__cause__}"
                assert mood != "rate_limited" or error.retry_after == 1.0
                assert mood != "rate_limited_until" or 0 < (error.retry_after or 0) <= 2.0
            finally:
                provider.close()
            assert len(server.asked) == 1, "retries belong to the gateway"

    def test_the_key_stays_between_us(self, provider: Provider) -> None:
        provider.complete(asking(), self.seconds)
        assert any(KEY in value for value in self.server.asked[0].headers.values())
        assert KEY not in self.server.asked[0].text
        assert KEY not in f"{provider.title}{provider!r}{vars(provider)!r}"

    def test_nothing_of_the_machine_is_told(self, provider: Provider) -> None:
        provider.complete(asking(), self.seconds)
        told = self.server.asked[0].headers
        assert told["user-agent"] == "modelwright"
        assert not [name for name in told if name.startswith("x-stainless")]

    def test_closing_ends_what_is_under_way(self) -> None:
        with ProviderServer("hanging") as server:
            provider = self.connect(server)
            ended: list[ProviderError] = []

            def wait() -> None:
                try:
                    provider.complete(asking(), 60.0)
                except ProviderError as error:
                    ended.append(error)

            thread = threading.Thread(target=wait)
            thread.start()
            while not server.asked:
                thread.join(0.01)
            provider.close()
            thread.join(20.0)
            assert ended
