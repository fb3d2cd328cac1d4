"""A model on this machine: a GGUF file, served by llama.cpp in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, ClassVar

from modelwright.errors import MissingExtra, RequestError
from modelwright.hashing import digest
from modelwright.llms import Ask, NotUnderstood, ProviderError, Reply
from modelwright.llms._grammar import grammar
from modelwright.llms._pattern import Unsupported
from modelwright.llms._remote import Remote, parameters
from modelwright.llms.openai import Key, connected

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters

CONTEXT = 16_384
"""Tokens of request and reply together: enough for the longest prompt, and small enough for any machine's memory."""

STARTS = 3
"""Times that the server is started before the model counts as broken."""


class Local(Remote):
    """``local:FILE.gguf``. Nothing leaves the machine, and nothing costs money.

    Replies are constrained by a grammar, so they follow the schema whatever the model; how much sense they make
    depends on the model. The server runs in a process of its own, because a damaged file ends the process that reads
    it. It is started by the first request, takes half of the cores (the other half trains), and ends with
    :meth:`close` or with this process. The same request gets the same reply.

    Raises:
        RequestError: when there is no such file, or it is no GGUF file.
        MissingExtra: when llama.cpp isn't installed.
    """

    name: ClassVar[str] = "local"
    here = True

    def prepare(self) -> None:
        """Look at the file."""
        path = Path(self.model).expanduser().resolve()
        try:
            with path.open("rb") as stream:
                magic = stream.read(4)
        except OSError as error:
            raise RequestError(f"the language model {path} can't be read: {error.strerror}") from None
        if magic != b"GGUF":
            raise RequestError(f"{path} is no GGUF file; local language models have to be in that format")
        if find_spec("xllamacpp") is None:
            raise MissingExtra(f"local:{path.name}: a local language model", "local-llm")
        self._path, self._title = path, f"{self.name}:{path.name}"
        self._starting = threading.Lock()
        self._server: _Server | None = None
        self._starts = 0

    def complete(self, ask: Ask, seconds: float) -> Reply:
        """The reply to a request; the first one waits until the model is loaded.

        Raises:
            ProviderError: when there is none.
        """
        began = time.monotonic()
        self._serve(seconds)
        return super().complete(ask, max(0.0, seconds - (time.monotonic() - began)))

    def connected(self, http: Any, searching: bool) -> Model:
        """The model over an HTTP client."""
        server = self._server
        if server is None:
            raise ProviderError(f"{self.title} was closed")
        return connected(self.model, f"{server.address}/v1", server.key, http, own=False)

    def _price(self, input_tokens: int, output_tokens: int, searches: int) -> float | None:
        return 0.0

    def settings(self, ask: Ask) -> Mapping[str, Any]:
        """The grammar, and what makes replies repeatable: a seed from the request, and no cache of earlier ones."""
        body: dict[str, Any] = {
            "cache_prompt": False,
            "chat_template_kwargs": {"enable_thinking": False},
            "repeat_penalty": 1.0,
        }
        if ask.schema is not None:
            try:
                body["grammar"] = grammar(ask.schema)
            except Unsupported as error:
                raise NotUnderstood(f"{self.title} can't keep to this schema: {error}") from None
        seed = int(digest([ask.messages, ask.schema])[:7], 16)
        return {"max_retries": 0, "temperature": 0.7, "seed": seed, "extra_body": body}

    def parameters(self, schema: Mapping[str, Any] | None, searches: bool) -> ModelRequestParameters:
        """Always text: the grammar sees to its form."""
        return parameters(None, False)

    def read(self, ask: Ask, response: ModelResponse) -> tuple[str, bool]:
        """The text, and whether the grammar was at work."""
        text, _ = super().read(ask, response)
        return text, ask.schema is not None

    def close(self) -> None:
        """End the server and whatever it is doing."""
        server, self._starts = self._server, 0
        if server is not None:
            server.close()  # whoever waits for it to be loaded learns of it, and holds the lock until then
        super().close()

    def _serve(self, seconds: float) -> None:
        """See to it that the server is there.

        Raises:
            NotUnderstood: when it doesn't start: the file is damaged, or of a kind that llama.cpp doesn't know.
            ProviderError: when it isn't ready in time.
        """
        if not self._starting.acquire(timeout=max(0.0, seconds)):
            raise ProviderError(f"{self.title} is still being loaded")
        try:
            if self._server is not None and self._server.ended:
                self._server.close()
                self._server = None
                super().close()  # connections to it are of no use any more
            if self._server is None:
                if self._starts >= STARTS:
                    raise NotUnderstood(f"{self.title} has ended {STARTS} times: llama.cpp can't use this file")
                self._starts += 1
                self._server = _Server(self._path)
            self._server.ready(seconds, self.title)
        finally:
            self._starting.release()


class _Server:
    """The process that serves the model."""

    def __init__(self, path: Path) -> None:
        self.key, self.address = Key(secrets.token_urlsafe(24)), ""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "modelwright.llms._local_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # an interrupt at the terminal is for the run, which ends this in its turn
        )
        wish = {
            "path": str(path),
            "key": str(self.key),
            "context": CONTEXT,
            "threads": max(1, (os.cpu_count() or 2) // 2),
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already, which is noticed when it is waited for
            self._process.stdin.write(json.dumps(wish) + "\n")
            self._process.stdin.flush()
        self._said: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def ready(self, seconds: float, title: str) -> None:
        """Wait until the model is loaded."""
        if self.address:
            return
        try:
            line = self._said.get(timeout=max(0.0, seconds))
        except Empty:
            raise ProviderError(f"{title} is still being loaded") from None
        try:
            self.address = json.loads(line)["address"]
        except (ValueError, KeyError, TypeError):
            self.close()
            raise NotUnderstood(f"{title} can't be loaded by llama.cpp") from None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def _listen(self) -> None:
        """Look for the one line that counts; an empty text says that the process has ended without it."""
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.startswith('{"address"'):
                    self._said.put(line)
        self._said.put("")
