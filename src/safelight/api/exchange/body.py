"""Reading a body: bounded in size and time, and of a media type that we read (CONTRACT 2: 413, 415)."""

# Tested in tests/api/test_errors.py.

from __future__ import annotations

import asyncio

from starlette.requests import Request

from safelight.contract.errors import RequestTimeout, RequestTooLarge, UnsupportedMediaType

_READ_AS_JSON = ("", "application/json", "application/x-www-form-urlencoded", "text/plain", "text/json")
_CLOSE = {"connection": "close"}


async def read_body(request: Request, *, max_bytes: int, timeout_seconds: float) -> bytes:
    """The whole body.

    Raises:
        RequestTooLarge: more than `max_bytes` was announced or sent; the rest is not read.
        RequestTimeout: it had not arrived after `timeout_seconds`.
        UnsupportedMediaType: compressed, or of a type that is not read as JSON.
        starlette.requests.ClientDisconnect: the client left.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise RequestTimeout(
            f"The body had not arrived after {timeout_seconds:g} s. Send it whole.", headers=_CLOSE
        ) from None
    _check_media_type(request)
    return bytes(body)


def _check_media_type(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType("Compressed bodies are not read. Send plain JSON, without Content-Encoding.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _READ_AS_JSON or (media_type.startswith("application/") and media_type.endswith("+json")):
        return
    raise UnsupportedMediaType("This media type is not read. Send a JSON object as application/json.")


def _too_large(max_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is larger than {max_bytes} bytes, which is the limit.", headers=_CLOSE)
