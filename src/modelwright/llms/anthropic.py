"""Anthropic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from modelwright.errors import RequestError
from modelwright.llms._remote import Remote

if TYPE_CHECKING:
    from pydantic_ai.models import Model


class Anthropic(Remote):
    """``anthropic:MODEL``; the key is in ``ANTHROPIC_API_KEY``, another address in ``ANTHROPIC_BASE_URL``."""

    name: ClassVar[str] = "anthropic"
    prices_as: ClassVar[str | None] = "anthropic"
    effort = False  # a model that thinks can't be made to call a function

    def prepare(self) -> None:
        """Take key and address from the environment."""
        import anthropic  # noqa: F401  says whether it is installed

        from modelwright.llms.openai import Key, checked_host

        self.address = os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
        checked_host(self.address, "ANTHROPIC_BASE_URL")
        self.key = Key(os.environ.get("ANTHROPIC_API_KEY", "").strip())
        if not self.key:
            raise RequestError(f"{self.title} needs a key; put it into the environment variable ANTHROPIC_API_KEY")

    def connected(self, http: Any, searching: bool) -> Model:
        """The model over an HTTP client."""
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        client = AsyncAnthropic(base_url=self.address, api_key=str(self.key), http_client=http, max_retries=0)
        return AnthropicModel(self.model, provider=AnthropicProvider(anthropic_client=client))
