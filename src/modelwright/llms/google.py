"""Google's Gemini."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from modelwright.errors import RequestError
from modelwright.llms import Ask
from modelwright.llms._remote import Remote

if TYPE_CHECKING:
    from pydantic_ai.models import Model


class Google(Remote):
    """``google:MODEL``; the key is in ``GEMINI_API_KEY`` or ``GOOGLE_API_KEY``, another address in
    ``GOOGLE_GEMINI_BASE_URL``.
    """

    name: ClassVar[str] = "google"
    prices_as: ClassVar[str | None] = "google"

    def prepare(self) -> None:
        """Take key and address from the environment."""
        import google.genai  # noqa: F401  says whether it is installed

        from modelwright.llms.openai import Key, checked_host

        self.address = os.environ.get("GOOGLE_GEMINI_BASE_URL") or "https://generativelanguage.googleapis.com"
        checked_host(self.address, "GOOGLE_GEMINI_BASE_URL")
        self.key = Key((os.environ.get("GEMINI_API_KEY") or os.environ.get("GOOGLE_API_KEY") or "").strip())
        if not self.key:
            raise RequestError(f"{self.title} needs a key; put it into the environment variable GEMINI_API_KEY")

    def connected(self, http: Any, searching: bool) -> Model:
        """The model over an HTTP client."""
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        return GoogleModel(
            self.model, provider=GoogleProvider(api_key=str(self.key), http_client=http, base_url=self.address)
        )

    def settings(self, ask: Ask) -> Mapping[str, Any]:
        """Its library retries nothing unless it is told to."""
        return {}
