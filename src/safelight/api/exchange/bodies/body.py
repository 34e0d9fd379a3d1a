"""Reading a body: bounded in size and time, and of a media type that we read (CONTRACT 2: 413, 415)."""

# Tested in tests/api/test_errors.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from safelight.contract.errors import RequestTimeout, RequestTooLarge, UnsupportedMediaType

_READ_AS_JSON = ("", "application/json", "application/x-www-form-urlencoded", "text/plain", "text/json")
# A line that is slower than this is not worth its connection.
_LEAST_BYTES_PER_SECOND = 65_536
_CLOSE = {"connection": "close"}


async def read_body(request: Request, *, max_bytes: int, timeout_seconds: float) -> bytes:
    """The whole body.

    Raises:
        RequestTooLarge: more than `max_bytes` was announced or sent; the rest is not read.
        RequestTimeout: it had not arrived after `timeout_seconds`.
        UnsupportedMediaType: compressed, or of a type that is not read as JSON.
        starlette.requests.ClientDisconnect: the client left.
    """
    body = bytearray()
    async for chunk in read_pieces(request, max_bytes=max_bytes, timeout_seconds=timeout_seconds):
        body += chunk
    _check_media_type(request)
    return bytes(body)


async def read_pieces(request: Request, *, max_bytes: int, timeout_seconds: float) -> AsyncIterator[bytes]:
    """The body as it arrives. Beyond `timeout_seconds` a large one has a second more for every 64 KiB that have come.

    Raises:
        RequestTooLarge, RequestTimeout, starlette.requests.ClientDisconnect: as `read_body`.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    came = 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    pieces = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout_at(began + timeout_seconds + came / _LEAST_BYTES_PER_SECOND):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RequestTimeout(
                f"The body had not arrived after {loop.time() - began:.3g} s. Send it whole.", headers=_CLOSE
            ) from None
        came += len(piece)
        if came > max_bytes:
            raise _too_large(max_bytes)
        yield piece


def media_type_of(request: Request) -> str:
    """What the body says that it is, in lower case and without parameters.

    Raises:
        UnsupportedMediaType: it is compressed.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType("Compressed bodies are not read. Send plain JSON, without Content-Encoding.")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_media_type(request: Request) -> None:
    media_type = media_type_of(request)
    if media_type in _READ_AS_JSON or (media_type.startswith("application/") and media_type.endswith("+json")):
        return
    raise UnsupportedMediaType("This media type is not read. Send a JSON object as application/json.")


def _too_large(max_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is larger than {max_bytes} bytes, which is the limit.", headers=_CLOSE)
