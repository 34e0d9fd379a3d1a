"""Cross-origin reads for the configured origins (Fetch standard, "CORS protocol").

Our own few lines because Starlette's middleware answers a refused preflight with a body of its own shape.
"""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED_METHODS = "GET, POST, PATCH, DELETE"
# Where a page does not say what it is going to send. A star would not stand for Authorization.
_ALLOWED_HEADERS = "authorization, content-type, x-request-id, idempotency-key, last-event-id, prefer"
_EXPOSED_HEADERS = (
    "location, preference-applied, x-request-id, retry-after, openai-processing-ms, "
    "x-safelight-model, x-safelight-seed, x-safelight-seeds, x-safelight-fingerprint, "
    "x-safelight-tier, x-safelight-prompt-truncated, "
    "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests"
)
# Names of fields, separated by commas (RFC 9110, 5.6.2).
_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+( *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_PREFLIGHT_SECONDS = "600"


class Cors:
    """Adds the headers that let pages of `origins` read an answer; `*` stands for every origin."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None or not self._origins & {origin, "*"}:
            await self._app(scope, receive, send)
            return
        preflight = scope["method"] == "OPTIONS"

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = origin
                headers.add_vary_header("Origin")
                headers["access-control-expose-headers"] = _EXPOSED_HEADERS
                if preflight:
                    headers["access-control-allow-methods"] = _ALLOWED_METHODS
                    headers["access-control-allow-headers"] = _asked_for(scope)
                    headers.add_vary_header("Access-Control-Request-Headers")
                    headers["access-control-max-age"] = _PREFLIGHT_SECONDS
            await send(message)

        await self._app(scope, receive, send_with_cors)


def _asked_for(scope: Scope) -> str:
    """The headers that a page of an allowed origin is going to send: OpenAI's client sends a dozen `x-stainless-…`."""
    asked = Headers(scope=scope).get("access-control-request-headers", "").strip()
    return asked if _NAMES.fullmatch(asked) else _ALLOWED_HEADERS
