"""From what people write after ``--llm`` to a provider."""

from __future__ import annotations

import difflib

from modelwright.errors import RequestError
from modelwright.llms import Provider, all_providers


def connect(name: str) -> Provider:
    """The provider of a name.

    Args:
        name: ``provider:model`` (``openai:gpt-5-mini``, ``anthropic:claude-sonnet-5``, ``google:gemini-3-flash``,
            ``local:model.gguf``), or the URL of a server that speaks OpenAI's language, with the model behind a hash
            sign (``http://localhost:8000/v1#qwen3``).

    Raises:
        RequestError: when there is no such provider, or it can't be such a model.
        MissingExtra: when its library isn't installed.
    """
    known = all_providers()
    if name.startswith(("http://", "https://")):
        return known["openai-compatible"](name)
    provider, colon, model = name.partition(":")
    examples = "openai:MODEL, anthropic:MODEL, google:MODEL, local:FILE.gguf, http://HOST:PORT/v1#MODEL, or none"
    if provider not in known:
        near = difflib.get_close_matches(provider.lower(), known, 1, 0.5)
        hint = f"did you mean {near[0]}:{model or 'MODEL'}?" if near else f"use one of {examples}"
        raise RequestError(f"there is no provider {provider[:60]!r} of language models; {hint}")
    if not colon or not model.strip():
        raise RequestError(f"which model of {provider}? Write {provider}:MODEL")
    return known[provider](model.strip())
