"""OpenAI, and every server that speaks its language."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from modelwright.errors import RequestError
from modelwright.llms import Ask
from modelwright.llms._remote import Remote

if TYPE_CHECKING:
    from pydantic_ai.models import Model

OPENAI = "https://api.openai.com/v1"


class OpenAI(Remote):
    """``openai:MODEL``; the key is in ``OPENAI_API_KEY``, another server's address in ``OPENAI_BASE_URL``.

    OpenAI itself is asked by its Responses interface, without storing anything there; other servers by Chat
    Completions, which all of them know.
    """

    name: ClassVar[str] = "openai"
    prices_as: ClassVar[str | None] = "openai"

    def prepare(self) -> None:
        """Take key and address from the environment."""
        import openai  # noqa: F401  says whether it is installed

        self.address = (os.environ.get("OPENAI_BASE_URL") or OPENAI).rstrip("/")
        host = checked_host(self.address, "OPENAI_BASE_URL")
        self.own, self.here = host == "api.openai.com" or host.endswith(".api.openai.com"), on_this_machine(host)
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not key and not on_this_machine(host):
            raise RequestError(f"{self.title} needs a key; put it into the environment variable OPENAI_API_KEY")
        self.key = Key(key or "none")
        if not self.own:
            self._title = f"{self.name}:{self.model}@{host}"

    def connected(self, http: Any, searching: bool) -> Model:
        """The model over an HTTP client."""
        return connected(self.model, self.address, self.key, http, self.own)

    def _price(self, input_tokens: int, output_tokens: int, searches: int) -> float | None:
        return super()._price(input_tokens, output_tokens, searches) if self.own else None

    def settings(self, ask: Ask) -> Mapping[str, Any]:
        """Nothing is retried or stored behind our back."""
        return {**super().settings(ask), **({"openai_store": False} if self.own else {})}


class OpenAICompatible(Remote):
    """``http://HOST:PORT/v1#MODEL``: a server that speaks OpenAI's language (vLLM, llama.cpp, Ollama, LM Studio …).

    Without a model, ``default`` is asked for, which servers of a single model accept. A key, where one is needed, is
    taken from ``MODELWRIGHT_LLM_KEY``: OpenAI's own is never sent elsewhere by this way.
    """

    name: ClassVar[str] = "openai-compatible"

    def prepare(self) -> None:
        """Take the address apart."""
        import openai  # noqa: F401  says whether it is installed

        address, _, model = self.model.partition("#")
        host = checked_host(address, "the address after --llm")
        self.address, self.model, self.here = address.rstrip("/"), model or "default", on_this_machine(host)
        # Without the port, which may be another one when a run is resumed.
        self._title = f"{self.name}:{self.model}@{host}"
        self.key = Key(os.environ.get("MODELWRIGHT_LLM_KEY", "").strip() or "none")

    def connected(self, http: Any, searching: bool) -> Model:
        """The model over an HTTP client."""
        return connected(self.model, self.address, self.key, http, own=False)


class Key(str):
    """A key that doesn't show itself where values are printed for people to look at."""

    def __repr__(self) -> str:
        return "Key(…)"


def connected(model: str, address: str, key: str, http: Any, own: bool) -> Model:
    """A model of pydantic-ai: OpenAI's own, or of a server that speaks its language."""
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    client = AsyncOpenAI(base_url=address, api_key=str(key), http_client=http, max_retries=0)
    if own:
        return OpenAIResponsesModel(model, provider=OpenAIProvider(openai_client=client))
    # The newer name of the limit is ignored by many of these servers, and a limit that is ignored is none.
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    provider = OpenAICompatibleProvider("openai-compatible", openai_client=client)
    return OpenAIChatModel(model, provider=provider, profile=profile)


def checked_host(address: str, where: str) -> str:
    """The host of a server's address.

    Raises:
        RequestError: when it is no plain http(s) URL; keys don't belong into it.
    """
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  raises for what is no port
    except ValueError:
        raise RequestError(f"{where} is no URL; it should look like http://localhost:8000/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RequestError(f"{where} is no URL; it should look like http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise RequestError(f"{where} holds a user name, a password or a query; keys belong into the environment")
    return parts.hostname


def on_this_machine(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
