"""A language-model provider on this machine that behaves, or misbehaves, on demand.

It speaks OpenAI's two interfaces, Anthropic's and Google's, and keeps what it was asked::

    with ProviderServer("rate_limited", "valid") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        ...
    assert len(server.asked) == 2
"""

from __future__ import annotations

import email.utils
import gzip
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeAlias

from modelwright.hashing import digest
from modelwright.llms._random import random_value
from modelwright.testing._dialects import Asked, Said, asked, written

__all__ = ["Asked", "Behaviour", "ProviderServer", "Raw", "Said"]


@dataclass(frozen=True)
class Raw:
    """An HTTP response, as it is."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


Behaviour: TypeAlias = "str | Said | Raw | Callable[[Asked], str | Said | Raw]"
"""A mood by its name, a reply, a response, or a function of the request that gives one of these."""


class ProviderServer:
    """Answers requests, each by the next behaviour; the last one stays.

    Moods: ``valid`` (by the schema, at random; text without one), ``prose``, ``fenced`` (JSON in a code fence),
    ``truncated``, ``wrong_json`` (valid JSON, not by the schema), ``empty``, ``nothing`` (nulls and negative counts),
    ``enormous``, ``refusal``, ``other_call``, ``two_calls``, ``not_json`` (a web page), ``compressed``, ``redirect``,
    ``unauthorised``, ``no_credit``, ``not_found``, ``too_long``, ``rate_limited`` and ``rate_limited_until`` (429 with
    ``Retry-After`` of one second, as a number and as a date), ``failing`` (500), ``overloaded`` (503), ``hanging``
    (accepts and never replies), ``dropping`` (ends the connection without a reply), ``cut_off`` (in mid-reply),
    ``dripping`` (a byte now and then).

    Args:
        behaviours: one or more; ``valid`` by default.

    Raises:
        KeyError: for an unknown mood, when it is asked.
    """

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours: list[Behaviour] = list(behaviours) or ["valid"]
        self.asked: list[Asked] = []
        """Every request, in order."""
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def root(self) -> str:
        """The address without a path, for Anthropic and Google."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address for ``OPENAI_BASE_URL``; add ``#model`` for ``--llm``."""
        return f"{self.root}/v1"

    def close(self) -> None:
        """Stop, and let go of whoever hangs."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> ProviderServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def next(self, request: Asked) -> Behaviour:
        """How to behave now."""
        with self._lock:
            self.asked.append(request)
            return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what these tests are about."""


def _handler(server: ProviderServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        owner: ClassVar[ProviderServer] = server

        def log_message(self, format: str, *args: Any) -> None:
            """Be quiet."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            request = asked(self.path.split("?")[0], {k.lower(): v for k, v in self.headers.items()}, body)
            how: Any = self.owner.next(request)
            while callable(how) or isinstance(how, str):
                how = how(request) if callable(how) else _MOODS[how](self, request)
            if how is None:
                return
            if isinstance(how, Said):
                how = Raw(200, json.dumps(written(request.dialect, how)).encode())
            self.respond(how)

        def respond(self, raw: Raw) -> None:
            self.send_response(raw.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(raw.body)), **raw.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw.body)

    return Handler


def _structured(request: Asked, text: str) -> Said:
    """A text as the arguments of the function that is to be called; as the message where there is none."""
    name = next(iter(request.functions), None)
    return Said(text) if name is None else Said(calls=((name, text),))


def _valid_text(request: Asked) -> str:
    schema = next(iter(request.functions.values()), None)
    return "OK" if schema is None else json.dumps(random_value(schema, random.Random(digest(request.body))))


def _valid(_: Any, request: Asked) -> Said:
    return _structured(request, _valid_text(request))


def _two_calls(_: Any, request: Asked) -> Said:
    name = next(iter(request.functions), "answer")
    return Said(calls=((name, _valid_text(request)), (name, '{"second": true}')))


def _error(status: int, code: str, **headers: str) -> Callable[[Any, Asked], Raw]:
    body = {"error": {"message": f"secret-detail {code}", "type": code, "code": code}, "type": "error"}
    return lambda _, request: Raw(
        status, json.dumps(body).encode(), {k.replace("_", "-"): v for k, v in headers.items()}
    )


def _until(_: Any, request: Asked) -> Raw:
    return Raw(
        429, b'{"error": {"message": "slow"}}', {"Retry-After": email.utils.formatdate(time.time() + 1.5, usegmt=True)}
    )


def _page(_: Any, request: Asked) -> Raw:
    return Raw(200, b"<html><body>Welcome to the hotel's wireless network</body></html>", {"Content-Type": "text/html"})


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 20_000_000)


def _compressed(_: Any, request: Asked) -> Raw:
    return Raw(200, _bomb(), {"Content-Encoding": "gzip"})


def _redirect(handler: Any, request: Asked) -> Raw:
    return Raw(307, b"", {"Location": f"http://localhost:{handler.server.server_address[1]}/elsewhere"})


def _hang(handler: Any, request: Asked) -> None:
    handler.owner.over.wait(120)
    handler.close_connection = True


def _drop(handler: Any, request: Asked) -> None:
    handler.close_connection = True


def _cut_off(handler: Any, request: Asked) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "half a rep')
    handler.close_connection = True


def _stream(handler: Any, piece: bytes, pause: float, most: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        handler.wfile.write(b'{"id": "')
        for _ in range(most):
            if handler.owner.over.wait(pause) if pause else handler.owner.over.is_set():
                return
            handler.wfile.write(piece)
    except OSError:
        return  # the client has had enough


def _drip(handler: Any, request: Asked) -> None:
    _stream(handler, b"x", 0.05, 100_000)


def _flood(handler: Any, request: Asked) -> None:
    _stream(handler, b"x" * 65536, 0.0, 4_000)


_MOODS: dict[str, Callable[[Any, Asked], Any]] = {
    "valid": _valid,
    "prose": lambda _, request: Said("I would rather talk about the weather, which is fine."),
    "fenced": lambda _, request: Said(f"Here you are:\n```json\n{_valid_text(request)}\n```\nGood luck!"),
    "truncated": lambda _, request: _structured(request, _valid_text(request)[:-8] or "{"),
    "wrong_json": lambda _, request: _structured(request, '{"unexpected": [1, 2, {"deep": null}]}'),
    "empty": lambda _, request: Said(""),
    "nothing": lambda _, request: Said(None, tokens=(-5, None)),
    "enormous": _flood,
    "refusal": lambda _, request: Said("I can't help with that.", finish="refusal"),
    "other_call": lambda _, request: Said(calls=(("rm_rf", '{"path": "/"}'),)),
    "two_calls": _two_calls,
    "not_json": _page,
    "compressed": _compressed,
    "redirect": _redirect,
    "unauthorised": _error(401, "invalid_api_key"),
    "no_credit": _error(429, "insufficient_quota"),
    "not_found": _error(404, "model_not_found"),
    "too_long": _error(400, "context_length_exceeded"),
    "rate_limited": _error(429, "rate_limit_exceeded", Retry_After="1"),
    "rate_limited_until": _until,
    "failing": _error(500, "server_error"),
    "overloaded": _error(503, "overloaded"),
    "hanging": _hang,
    "dropping": _drop,
    "cut_off": _cut_off,
    "dripping": _drip,
}

MOODS = tuple(_MOODS)
"""The names of all moods."""
