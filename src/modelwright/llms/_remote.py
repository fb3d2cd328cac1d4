"""What the providers that are reached through pydantic-ai have in common."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
import warnings
from abc import abstractmethod
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from modelwright.errors import MissingExtra
from modelwright.llms import Ask, Lost, Provider, ProviderError, Reply, estimated_tokens
from modelwright.llms._faults import fault

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters

ANSWER = "answer"
"""The function that a model calls to reply in a structured way."""

THOUGHT = 4_000
"""Tokens that a model that thinks first may use for it, beside those of the reply."""

SEARCHES, SEARCHED = 5, 20_000
"""Web searches of one request, and the tokens that their results add to it, for the cap on costs."""

GRACE = 5.0
"""Seconds after its time in which a request has to have ended, whatever the library does."""


class Remote(Provider):
    """A provider that is reached over the network.

    All requests of one provider share one connection pool, on an event loop in a thread of its own: replies are
    waited for by whoever asked, and the loop goes when the provider is closed.

    Args:
        model: as the provider calls it.

    Raises:
        MissingExtra: when pydantic-ai or the provider's own library isn't installed.
        RequestError: when the key is missing.
    """

    name: ClassVar[str] = ""
    prices_as: ClassVar[str | None] = None
    """The provider's name in ``genai-prices``; ``None`` when nobody knows what it costs."""
    effort: ClassVar[Literal["low", False]] = "low"
    """How much models that can think should: little, since a run has minutes and asks many small questions."""

    here: bool = False
    """Whether it is on this machine, so that no proxy is to be asked for the way."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._title = f"{self.name}:{model}"
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._models: dict[bool, Model] = {}
        self._http: Any = None
        try:
            from pydantic_ai import exceptions as ai

            self.prepare()
        except ImportError as error:
            raise MissingExtra(f"{self._title}: a language model", "llm") from error
        # They are about odd counts in replies, which are dealt with here, and quote them.
        warnings.filterwarnings("ignore", category=ai.UsageExtractionFailedWarning)

    @property
    def title(self) -> str:
        """Provider and model."""
        return self._title

    @abstractmethod
    def prepare(self) -> None:
        """Take key and address from the environment; connect to nothing.

        Raises:
            ImportError: when a library isn't installed.
            RequestError: when there is no key.
        """

    @abstractmethod
    def connected(self, http: Any, searching: bool) -> Model:
        """The model of pydantic-ai, over an HTTP client; one that can search the web, where there is a difference."""

    def complete(self, ask: Ask, seconds: float) -> Reply:
        """The reply to a request.

        Raises:
            ProviderError: when there is none.
        """
        with self._lock:
            loop = self._loop = self._loop or _started()
        try:
            future = asyncio.run_coroutine_threadsafe(self._within(ask, seconds), loop)
        except RuntimeError:  # closed at this very moment
            raise ProviderError(f"{self.title} was closed") from None
        try:
            return future.result(seconds + GRACE)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise Lost(f"{self.title} didn't reply in time") from None
        except concurrent.futures.CancelledError:
            raise ProviderError(f"{self.title} was closed") from None

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars by the price list of ``genai-prices``."""
        return self._price(input_tokens, output_tokens, 0)

    def _price(self, input_tokens: int, output_tokens: int, searches: int) -> float | None:
        if self.prices_as is None:
            return None
        from genai_prices import Usage, calc_price

        try:
            usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, web_searches=searches)
            return float(calc_price(usage, self.model, provider_id=self.prices_as).total_price)
        except LookupError:
            return None

    def most_tokens(self, ask: Ask) -> tuple[int, int]:
        """The most tokens that a request and its reply can come to, thoughts and search results included."""
        sent, got = super().most_tokens(ask)
        return sent + (SEARCHED if ask.search else 0), got + THOUGHT

    def most_cost(self, ask: Ask) -> float | None:
        """US dollars that a request can cost at most, searches included."""
        return self._price(*self.most_tokens(ask), SEARCHES if ask.search else 0)

    def close(self) -> None:
        """End what is under way and let go of connections."""
        with self._lock:
            loop, http = self._loop, self._http
            self._loop, self._http, self._models = None, None, {}
        if loop is not None:
            asyncio.run_coroutine_threadsafe(_ended(loop, http), loop)

    async def _within(self, ask: Ask, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                return await self._asked(ask)
        except TimeoutError:
            raise Lost(f"{self.title} didn't reply in time") from None

    async def _asked(self, ask: Ask) -> Reply:
        from pydantic_ai import exceptions as ai
        from pydantic_ai.direct import model_request

        try:
            model = self._model(ask.search)
            searches = ask.search and _can_search(model)
            thinks = bool(model.profile.get("thinking_always_enabled" if self.effort is False else "supports_thinking"))
            settings: Any = {"max_tokens": ask.max_tokens + (THOUGHT if thinks else 0), **self.settings(ask)}
            if model.profile.get("supports_thinking"):
                settings["thinking"] = self.effort
            said = _conversation(ask)

            def request(asked: ModelRequestParameters) -> Coroutine[Any, Any, ModelResponse]:
                return model_request(model, said, model_settings=settings, model_request_parameters=asked)

            try:
                response = await request(self.parameters(ask.schema, searches))
            except ai.UserError:  # some models can't search and answer by a function: nothing was sent
                if not searches:
                    raise
                response = await request(self.parameters(ask.schema, False))
        except (ProviderError, TimeoutError):
            raise
        except Exception as error:  # libraries raise what they like about a strange reply
            told = fault(error, self.title)
            if isinstance(told, Reply):
                return told
            raise told from None  # its text may quote the provider, or a key
        return self._reply(ask, response)

    def settings(self, ask: Ask) -> Mapping[str, Any]:
        """More settings of the model, for a request."""
        return {"max_retries": 0}

    def parameters(self, schema: Mapping[str, Any] | None, searches: bool) -> ModelRequestParameters:
        """How the answer is asked for."""
        return parameters(schema, searches)

    def read(self, ask: Ask, response: ModelResponse) -> tuple[str, bool]:
        """The reply's text, and whether it came in the structured way that was asked for."""
        return _said(response, ask.schema is not None)

    def _model(self, searching: bool) -> Model:
        if searching not in self._models:
            from modelwright.llms._http import bounded_client

            self._http = self._http or bounded_client(proxies=not self.here)
            self._models[searching] = self.connected(self._http, searching)
        return self._models[searching]

    def _reply(self, ask: Ask, response: ModelResponse) -> Reply:
        text, structured = self.read(ask, response)
        finish: dict[str | None, Literal["stop", "length", "refusal", "other"]] = {
            "stop": "stop",
            "tool_call": "stop",
            "length": "length",
            "content_filter": "refusal",
        }
        sent, got = _tokens(response.usage.input_tokens), _tokens(response.usage.output_tokens)
        sent = sent or sum(estimated_tokens(m.text) for m in ask.messages)
        got = got or estimated_tokens(text)
        ended = finish.get(response.finish_reason, "other")
        return Reply(text, self.title, structured, ended, sent, got, self._price(sent, got, _searches(response)))


def _started() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.close()

    threading.Thread(target=run, name="llm-network", daemon=True).start()
    return loop


async def _ended(loop: asyncio.AbstractEventLoop, http: Any) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if http is not None:
        await http.aclose()
    loop.stop()


def _can_search(model: Model) -> bool:
    from pydantic_ai.native_tools import WebSearchTool

    return WebSearchTool in model.profile.get("supported_native_tools", ())


def _conversation(ask: Ask) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, TextPart, UserPromptPart

    said: list[ModelMessage] = []
    for message in ask.messages:
        if message.role == "assistant":
            said.append(ModelResponse(parts=[TextPart(message.text)]))
            continue
        part = SystemPromptPart(message.text) if message.role == "system" else UserPromptPart(message.text)
        if said and isinstance(said[-1], ModelRequest):
            said[-1] = ModelRequest(parts=[*said[-1].parts, part])
        else:
            said.append(ModelRequest(parts=[part]))
    return said


def parameters(schema: Mapping[str, Any] | None, searches: bool) -> ModelRequestParameters:
    """One function that has to be called with the answer; beside a search, it may be called."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.native_tools import AbstractNativeTool, WebSearchTool
    from pydantic_ai.tools import ToolDefinition

    native: list[AbstractNativeTool] = [WebSearchTool()] if searches else []
    if schema is None:
        return ModelRequestParameters(native_tools=native)
    answer = ToolDefinition(
        name=ANSWER,
        parameters_json_schema=json.loads(json.dumps(schema)),
        description="Give the answer. Call this exactly once.",
        kind="output",
    )
    return ModelRequestParameters(
        native_tools=native, output_mode="tool", output_tools=[answer], allow_text_output=searches
    )


def _said(response: ModelResponse, structured: bool) -> tuple[str, bool]:
    """The text, and whether it came as the answer's function; the first call counts, the right one before others."""
    from pydantic_ai.messages import TextPart, ToolCallPart

    calls = [p for p in response.parts if isinstance(p, ToolCallPart)] if structured else []
    if calls:
        call = next((c for c in calls if c.tool_name == ANSWER), calls[0])
        given = call.args if isinstance(call.args, str) else json.dumps(call.args)
        return given, call.tool_name == ANSWER
    texts = [p.content for p in response.parts if isinstance(p, TextPart) and isinstance(p.content, str)]
    return "".join(texts), False


def _searches(response: ModelResponse) -> int:
    from pydantic_ai.messages import NativeToolCallPart

    return sum(isinstance(p, NativeToolCallPart) for p in response.parts)


def _tokens(count: Any) -> int:
    return count if isinstance(count, int) and 0 < count < 10**9 else 0
