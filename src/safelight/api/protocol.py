"""HTTP/1.1 at the edge: a head is bounded in size and time, what is refused here has the contract's shape too, and
whoever is refused while still sending gets to read why.
"""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus

import httptools
import orjson
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from safelight.api.lingering import Lingering
from safelight.contract.errors import ApiError, HeadTooLarge, InvalidRequest, RequestTimeout

# uvicorn bounds neither. Ours need some hundred bytes; cookies and proxies' tokens add a few thousand.
_MAX_HEAD_BYTES = 64 * 1024
_HEAD_SECONDS = 30.0

log = structlog.get_logger(__name__)


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"The request's head is larger than {_MAX_HEAD_BYTES} bytes, which is the limit.")


class HttpProtocol(HttpToolsProtocol):
    """A connection. While no request is being answered, the next one's head must be there within `head_seconds`."""

    head_seconds = _HEAD_SECONDS
    _head_bytes = 0
    _in_head = True
    _offered_upgrade = False
    _head_timer: asyncio.TimerHandle | None = None
    _refusal: ApiError | None = None
    _lingering: Lingering

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._lingering = Lingering(transport, self.loop, unfinished=lambda: not self._in_head)
        super().connection_made(self._lingering)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        self._lingering.forgive()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingering.takes(data):
            return
        self._unset_keepalive_if_required()
        self._head_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(self._refusal or InvalidRequest("This is not an HTTP/1.1 request that can be read."))
        if self._in_head and self._head_bytes > _MAX_HEAD_BYTES:
            self._refuse(_too_large())

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > _MAX_HEAD_BYTES:
            self._refusal = _too_large()
            raise self._refusal
        self._offered_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._offered_upgrade:
            return
        self._head_is_here()
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._offered_upgrade:
            return
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0
        if self.cycle.response_complete and not self.transport.is_closing():
            self._lingering.forgive()
            self._await_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        if self._in_head:
            self._await_head()
        else:  # answered before it was all sent: the rest may come, but not for ever
            self._unset_keepalive_if_required()
            self._lingering.bound()

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self._lingering.cut()
        else:
            super().shutdown()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request as if it had offered no other protocol (RFC 9110, 7.8): the parser would drop its body.

        Java's HttpClient offers HTTP/2 with every first request.
        """
        line = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = b"".join(b"%s: %s\r\n" % (name, value) for name, value in self.headers if name != b"upgrade")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
        self._feed(line + fields + b"\r\n" + rest)

    def _await_head(self) -> None:
        self._head_is_here()
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._in_head and self._head_bytes:
            self._refuse(RequestTimeout(f"The request's head had not arrived after {self.head_seconds:g} s."))
        else:
            self.transport.close()

    def _refuse(self, error: ApiError) -> None:
        if self.transport.is_closing():
            return
        request_id, body = f"req_{secrets.token_hex(12)}", orjson.dumps(error.body())
        log.info("request_refused", request_id=request_id, status=error.status, code=error.code)
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\ncontent-type: application/json\r\n"
            f"connection: close\r\nx-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._lingering.linger()
