"""An HTTP client that nobody can drown, send elsewhere, or talk into giving its key away."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

LARGEST = 4_000_000
"""Bytes of a reply's body, as they come over the line. The longest replies of models have less than a tenth."""

CONNECT = 10.0
"""Seconds to connect: a server that isn't there should be known soon."""

_SILENCE = 600.0

_PASSED = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id")


class Unwanted(Exception):
    """A response that isn't taken.

    Args:
        what: ``redirect``, ``compressed`` or ``enormous``.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def bounded_client(proxies: bool) -> Any:
    """An asynchronous ``httpx2`` client whose replies are bounded.

    It follows no redirects, asks for no compression and refuses what is compressed nevertheless (a small body could
    become an enormous one), stops reading after :data:`LARGEST` bytes, and keeps no cookies and only the headers that
    are needed. How long a whole request may take is for the caller to say; here, only connecting has a limit.

    Args:
        proxies: whether to take them from the environment, as usual.
    """
    import httpx2

    class Bounded(httpx2.AsyncClient):
        async def send(self, request: Any, *, stream: bool = False, **more: Any) -> Any:
            more["follow_redirects"] = False
            request.headers["accept-encoding"] = "identity"
            request.headers["user-agent"] = "modelwright"
            for name in [n for n in request.headers if n.lower().startswith("x-stainless-")]:
                del request.headers[name]  # operating system, processor and the like are nobody's business
            response = await super().send(request, stream=True, **more)
            self.cookies.clear()
            try:
                body = await _read(response)
            finally:
                await response.aclose()
            kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() in _PASSED]
            return httpx2.Response(response.status_code, headers=kept, content=body, request=request)

    return Bounded(
        timeout=httpx2.Timeout(_SILENCE, connect=CONNECT),
        follow_redirects=False,
        verify=_trusted(),
        trust_env=proxies,
    )


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _read(response: Any) -> bytes:
    if 300 <= response.status_code < 400:
        raise Unwanted("redirect")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unwanted("compressed")
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > LARGEST:
            raise Unwanted("enormous")
        pieces.append(piece)
    return b"".join(pieces)
